"""Install on a terminal: a prompt that the user answers, and progress."""

from __future__ import annotations

import os
from pathlib import Path

import image_pinner
from support.command import run_on_terminal
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
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
    path = os.pathsep.join([str(Path(image_pinner.__file__).parent.parent), str(TESTS)])
    env = {**kept, "PYTHONPATH": path, "TERM": "xterm-256color", "COLUMNS": "200", **more}
    return run_on_terminal(PROGRAM, *arguments, env=env, typed=typed)


def test_no_cancels(tmp_path: Path) -> None:
    code, seen = on_a_terminal("n\n", "install", "--package", package(tmp_path))
    assert code == 2
    assert "Change stack image-pinner in eu-central-1? [y/N]" in seen
    assert "nothing was changed" in seen
    assert "CREATE_IN_PROGRESS" not in seen


def test_another_answer_is_an_error_and_the_prompt_is_repeated(tmp_path: Path) -> None:
    code, seen = on_a_terminal("maybe\nn\n", "install", "--package", package(tmp_path), NO_COLOR="1")
    assert code == 2
    assert "error: 'maybe' is neither yes nor no\r\nhelp: type y or n\r\n" in seen
    assert seen.count("[y/N]") == 2


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
