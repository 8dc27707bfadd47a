"""Compile modules with the Python version of the Lambda: any CPython 3.13 of this machine, on any processor."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from build_package import bytecode
from image_pinner.core.errors import ConfigurationError

VERSION = "3.13"
"""The version of the function's runtime in deploy/macro.yaml."""
_PRINT_VERSION = (
    "import sys; print(sys.implementation.name, sys.version_info.releaselevel, '%d.%d.%d' % sys.version_info[:3])"
)
# Columns in tracebacks are a third of a compiled file: https://peps.python.org/pep-0657/#opt-out-mechanism
_ISOLATED = ("-I", "-S", "-B", "-X", "no_debug_ranges")
_SECONDS_TO_START = 30
_SECONDS_TO_COMPILE = 300


class Compiler(NamedTuple):
    """A CPython 3.13: its program, and its full version, since two patch levels can compile a few bytes differently."""

    path: str
    version: str

    def compile(self, sources: Mapping[str, bytes]) -> dict[str, bytes]:
        """Compile modules; keys are their paths in the zip.

        Raises:
            ConfigurationError: They do not compile.
        """
        encoded = {path: base64.b64encode(source).decode() for path, source in sources.items()}
        run = _run([self.path, *_ISOLATED, str(Path(bytecode.__file__))], json.dumps(encoded), _SECONDS_TO_COMPILE)
        if run is None or run.returncode:
            output = (run.stderr.strip().splitlines() if run else None) or ["timed out"]
            raise ConfigurationError(
                f"cannot compile the modules with {self.path} (Python {self.version}): {output[-1]}",
                "Pass another Python by --python, or restore the changed files",
            )
        return {path: base64.b64decode(data) for path, data in json.loads(run.stdout).items()}


def find_compiler(
    python: str | None = None, environment: Mapping[str, str] = os.environ, running: str = sys.executable
) -> Compiler | None:
    """Find a CPython 3.13: `python`, or else the running one, one on `PATH`, or the newest of pyenv.

    Returns None if `python` is None and there is none.

    Raises:
        ConfigurationError: `python` is not a CPython 3.13.
    """
    if python:
        path = shutil.which(python, path=environment.get("PATH")) or python
        version = _version(path)
        if version is None or not _fits(version):
            found = f"{python} is {version}" if version else f"{python} does not run"
            raise ConfigurationError(
                f"cannot compile the modules: CPython {VERSION} is needed, and {found}",
                f"Pass a CPython {VERSION} by --python, or pass --no-compile; then cold starts are slower",
            )
        return Compiler(path, version.split()[-1])
    for path in (running, *_candidates(environment)):
        version = _version(path)
        if version and _fits(version):
            return Compiler(path, version.split()[-1])
    return None


def _candidates(environment: Mapping[str, str]) -> Iterator[str]:
    on_path = shutil.which(f"python{VERSION}", path=environment.get("PATH", ""))
    if on_path:
        yield on_path
    root = environment.get("PYENV_ROOT") or (environment["HOME"] + "/.pyenv" if environment.get("HOME") else None)
    if root:
        versions = Path(root, "versions").glob(f"{VERSION}.*/bin/python3")
        yield from (str(path) for path in sorted(versions, key=_patch_level, reverse=True))


def _patch_level(path: Path) -> tuple[int, str]:
    level = path.parents[1].name.rsplit(".", 1)[-1]
    return (int(level) if level.isdigit() else -1, level)


def _version(path: str) -> str | None:
    """Return implementation, release level and version of a Python; None if it does not run, like a shim of pyenv."""
    run = _run([path, "-I", "-S", "-c", _PRINT_VERSION], "", _SECONDS_TO_START)
    return run.stdout.strip() if run and run.returncode == 0 else None


def _fits(version: str) -> bool:
    return version.startswith(f"cpython final {VERSION}.")


def _run(command: list[str], text: str, seconds: float) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=False, timeout=seconds)  # noqa: S603 - a Python that the user has, or names
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
