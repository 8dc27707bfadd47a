"""Install on a terminal: a question that the user answers, and progress."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import image_pinner
from support.deployment.command import package

TESTS = Path(__file__).parents[2]
PROGRAM = """
import sys
from image_pinner.cli.console import Dependencies
from image_pinner.cli.main import main
from support.deployment.scene import Scene
aws = Scene()
main(sys.argv[1:], dependencies=Dependencies(aws=aws.environment()))
"""


def on_a_terminal(typed: str, *arguments: str, **more: str) -> tuple[int, str]:
    """Run the command on a terminal with typed input; return the exit code and what the user sees."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo terminals")
    leader, follower = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
    path = os.pathsep.join([str(Path(image_pinner.__file__).parent.parent), str(TESTS)])
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**kept, "PYTHONPATH": path, "TERM": "xterm-256color", "COLUMNS": "200", **more},
    ) as process:
        os.close(follower)
        os.write(leader, typed.encode())
        seen = b""
        while chunk := _read(leader):
            seen += chunk
    os.close(leader)
    return process.returncode, seen.decode()


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65_536)
    except OSError:
        # Linux says so when the other side has been closed.
        return b""


def test_no_cancels(tmp_path: Path) -> None:
    code, seen = on_a_terminal("n\n", "install", "--package", package(tmp_path))
    assert code == 2
    assert "Change stack image-pinner in eu-central-1? [y/N]" in seen
    assert "nothing was changed" in seen
    assert "CREATE_IN_PROGRESS" not in seen


def test_yes_installs_and_prints_each_event(tmp_path: Path) -> None:
    code, seen = on_a_terminal("y\n", "install", "--package", package(tmp_path))
    assert code == 0
    assert "CREATE_COMPLETE              Function (AWS::Lambda::Function)" in seen
    assert "installed macro ImagePinner: ImagePinner" in seen
    assert "\x1b[32m" in seen


def test_no_color_turns_color_off(tmp_path: Path) -> None:
    code, seen = on_a_terminal("y\n", "install", "--package", package(tmp_path), NO_COLOR="1")
    assert code == 0
    assert "\x1b[3" not in seen.replace("\x1b[3A", "")
