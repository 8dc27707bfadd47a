"""Completion scripts of shells, and what they complete."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from image_pinner.cli.main import SUBCOMMANDS
from support.command import image_pinner

SHELLS = ("bash", "zsh", "fish")


def _complete(line: str) -> list[tuple[str, str]]:
    """Complete the last word of a command line; return the kinds and the texts of the completions."""
    words = line.split(" ")
    env = {
        "_IMAGE_PINNER_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    run = image_pinner(env=env)
    assert (run.code, run.err) == (0, "")
    return [(kind, text) for kind, _, text in (item.partition(",") for item in run.text.splitlines())]


def test_an_unknown_shell_is_a_usage_error() -> None:
    run = image_pinner("completion", "tcsh")

    assert (run.code, run.out) == (2, b"")
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in run.err


def test_the_help_has_a_line_for_each_shell() -> None:
    lines = image_pinner("completion", "--help").text.splitlines()

    assert [line.split(":")[0].strip() for line in lines if "image-pinner completion " in line] == ["Usage", *SHELLS]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_depends_on_nothing_of_this_machine(shell: str) -> None:
    run = image_pinner("completion", shell, env={"PATH": ""})

    assert (run.code, run.err) == (0, "")
    assert "image-pinner" in run.text
    assert f"_IMAGE_PINNER_COMPLETE={shell}_complete" in run.text
    assert not any(word in run.text for word in (sys.prefix, str(Path.home()), "/usr", "/bin"))


def test_subcommands_are_completed_without_importing_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SUBCOMMANDS:
        monkeypatch.setitem(sys.modules, f"image_pinner.cli.commands.{name}", None)

    assert _complete("image-pinner ") == [("plain", name) for name in SUBCOMMANDS]
    assert _complete("image-pinner up") == [("plain", "update"), ("plain", "upgrade")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("image-pinner --no", ("plain", "--no-config")),
        ("image-pinner --config ", ("file", "")),
        ("image-pinner pin --outp", ("plain", "--output-format")),
        ("image-pinner pin --output-format ", ("plain", "json")),
        ("image-pinner pin t", ("file", "t")),
        ("image-pinner pin --parameters p", ("file", "p")),
        ("image-pinner lock ", ("file", "")),
        ("image-pinner lock pub", ("plain", "publish")),
        ("image-pinner lock publish --s", ("plain", "--ssm")),
        ("image-pinner completion z", ("plain", "zsh")),
        ("image-pinner config pi", ("plain", "pin")),
    ],
)
def test_options_values_and_files_are_completed(line: str, expected: tuple[str, str]) -> None:
    assert expected in _complete(line)


def test_completion_works_with_an_invalid_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "image-pinner.toml").write_text("worker = 3")
    monkeypatch.chdir(tmp_path)

    assert ("plain", "--keep-tag") in _complete("image-pinner pin --keep")


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_completes_with_the_script() -> None:
    script = image_pinner("completion", "bash").text
    words = "COMP_WORDS=(image-pinner upg); COMP_CWORD=1; _image_pinner_completion image-pinner"
    run = subprocess.run(
        ["bash", "--norc", "-c", f'{script}\n{words}\necho "${{COMPREPLY[@]}}"; complete -p image-pinner'],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    completed, registered = run.stdout.splitlines()
    assert (completed, run.stderr) == ("upgrade", "")
    assert "_image_pinner_completion" in registered
