"""`image-pinner check --fix` and `--diff`: what is written, and what is reported if something cannot be."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.command import image_pinner
from unit.cli.cli_templates import UNMARKED, saved

TRANSFORM = "Transform: ImagePinner\n"
UNUSED = UNMARKED.replace("# A comment that stays.\n", "").replace(TRANSFORM, "")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("web.yaml", UNUSED.encode()),
        ("my web.yaml", UNUSED.encode()),
        ("mark.yaml", b"\xef\xbb\xbf" + UNUSED.encode()),
        ("crlf.yaml", UNUSED.replace("\n", "\r\n").encode()),
        ("end.yaml", UNUSED.rstrip("\n").encode()),
    ],
)
def test_the_difference_can_be_applied(name: str, content: bytes, folder: Path) -> None:
    path = saved(folder, content, name)
    difference = image_pinner("check", name, "--diff")
    assert (difference.code, path.read_bytes()) == (1, content)
    # For `patch`, a name ends at a blank unless a tab follows it, as in the output of Git.
    assert (b"+++ my web.yaml\t\n" in difference.out) is (" " in name)
    assert image_pinner("check", name, "--fix").code == 0
    fixed = path.read_bytes()
    path.write_bytes(content)
    subprocess.run(["git", "apply", "-p0", "--whitespace=nowarn"], input=difference.out, check=True)
    assert path.read_bytes() == fixed != content
