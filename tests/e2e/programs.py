"""The programs of a user, run as a user runs them: the AWS CLI and our command, with the engine as their AWS."""

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
    """A program that has ended.

    Args:
        code: Its exit code.
        out: What it wrote to the standard output.
        err: What it wrote to the error stream.
    """

    code: int
    out: str
    err: str


def aws(engine: Engine, *arguments: str | Path, folder: Path | None = None) -> Ran:
    """Run the AWS CLI; it asks more often than it does otherwise."""
    variables = {**engine.environment, "PYTHONPATH": str(_QUICK_WAITS)}
    return run([engine.aws, *arguments], variables, folder)


def image_pinner(engine: Engine, *arguments: str | Path, variables: Mapping[str, str] | None = None) -> Ran:
    """Run our command, without a terminal."""
    return run([sys.executable, "-m", "image_pinner", *arguments], {**engine.environment, **(variables or {})}, None)


def run(command: list[str | Path], variables: Mapping[str, str], folder: Path | None) -> Ran:
    """Run a program to its end.

    Args:
        command: The program and its arguments.
        variables: Environment variables; of those of the tests it has only what a shell needs.
        folder: Where it runs.
    """
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYENV_ROOT") if name in os.environ}
    # A file of credentials or settings of this machine must not be read.
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
