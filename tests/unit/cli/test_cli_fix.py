"""`image-pinner check --fix` and `--diff`: what is written, and what is reported if something cannot be."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from image_pinner.cli.documents import FileWriteError
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


SHARED = UNUSED.replace("Image: ", "Image: &image ") + "        - {Name: other, Image: *image}\n"
OTHER = "        - {Name: last, Image: nginx:1}\n"


def test_an_image_that_an_alias_shares_does_not_keep_others_from_being_pinned(folder: Path) -> None:
    path = saved(folder, SHARED + OTHER)
    run = image_pinner("check", "template.yaml", "--fix", "--pin", "--format", "concise")
    assert run.code == 1
    assert "error: template.yaml:9:18: cannot edit Resources.Web" in run.err
    assert run.text.count("IP001 image 'shop/web:1.0' is not pinned") == 2
    assert "Image: &image !Sub" in path.read_text("utf-8")
    assert "nginx@sha256:" in path.read_text("utf-8")


def test_the_findings_of_a_file_that_cannot_be_written_are_reported(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(folder, UNUSED, "a.yaml")
    written = saved(folder, UNUSED, "b.yaml")

    def write(path: Path, data: bytes) -> None:
        if path.name == "a.yaml":
            raise FileWriteError("cannot write a.yaml: permission denied", "check the permissions")
        path.write_bytes(data)

    monkeypatch.setattr("image_pinner.cli.fix_options.write_atomically", write)
    run = image_pinner("check", ".", "--fix", "--format", "concise")
    assert (run.code, run.err) == (2, "error: cannot write a.yaml: permission denied\nhelp: check the permissions\n")
    assert run.text.splitlines() == [
        "a.yaml:9:18: IP001 image 'shop/web:1.0' is not pinned (Web / web)",
        "Fixed 1 problem in 1 file.",
        "Found 1 problem (1 fixable) in 1 of 2 templates.",
    ]
    assert written.read_text("utf-8").startswith(TRANSFORM)


@pytest.mark.parametrize("options", [("--diff",), ("--diff", "--exit-zero"), ("--fix", "--pin")])
def test_a_file_that_cannot_be_read_takes_precedence_over_a_difference(options: tuple[str, ...], folder: Path) -> None:
    saved(folder, UNUSED.replace(', Default: "1.0"', ""), "a.yaml")
    saved(folder, UNUSED + "\t\n: [", "b.yaml")
    run = image_pinner("check", ".", *options, "--format", "concise")
    assert run.code == 2
    assert "b.yaml:10:1: IP000 " in run.text + run.err
