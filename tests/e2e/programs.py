"""Run the AWS CLI and our command like a user, with the engine as AWS."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from e2e.engine.cloudformation import Engine

_QUICK_WAITS = Path(__file__).with_name("quick_waits")
_SECONDS = 120


class Ran(NamedTuple):
    """The result of a program.

    Args:
        code: Its exit code.
        out: Its standard output.
        err: Its standard error.
    """

    code: int
    out: str
    err: str


def aws(engine: Engine, *arguments: str | Path, folder: Path | None = None) -> Ran:
    """Run the AWS CLI, with shorter pauses between polls."""
    variables = {**engine.environment, "PYTHONPATH": str(_QUICK_WAITS)}
    return run([engine.aws, *arguments], variables, folder)


def image_pinner(engine: Engine, *arguments: str | Path, variables: Mapping[str, str] | None = None) -> Ran:
    """Run our command, without a terminal."""
    command = Path(sys.executable).with_name("image-pinner")
    return run([command, *arguments], {**engine.environment, **(variables or {})}, None)


def run_without_credentials(engine: Engine, *arguments: str | Path) -> Ran:
    """Run our command without credentials."""
    variables = {name: value for name, value in engine.environment.items() if "_KEY" not in name}
    return run([Path(sys.executable).with_name("image-pinner"), *arguments], variables, None)


# make must not change the environment of the tests.
_SHELL = """
set -euo pipefail
aws() { PYTHONPATH="$QUICK_WAITS" "$AWS" "$@"; }
make() { command make -o .venv/.installed "$@"; }
"""


def run_shell(engine: Engine, script: str, folder: Path) -> Ran:
    """Run shell commands until one fails."""
    programs = {"AWS": str(engine.aws), "QUICK_WAITS": str(_QUICK_WAITS)}
    return run(["bash", "-c", _SHELL + script], {**engine.environment, **programs}, folder)


def run(command: list[str | Path], variables: Mapping[str, str], folder: Path | None) -> Ran:
    """Run a program until it exits.

    Args:
        command: The program and its arguments.
        variables: Environment variables, in addition to those that a shell needs.
        folder: The working directory.
    """
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYENV_ROOT") if name in os.environ}
    # The configuration and credentials of this machine must not be used.
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    ran = subprocess.run(
        [str(part) for part in command],
        env={**own, **nowhere, **variables},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)
