"""The Python that compiles for the Lambda: any CPython 3.13 of this machine, since its compiled files fit them all."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from image_pinner.cli.packaging import bytecode
from image_pinner.cli.packaging.libraries import PackedFile
from image_pinner.core.errors import ConfigurationError

VERSION = "3.13"
"""The version of the function's runtime in deploy/macro.yaml."""
_ASK = "import sys; print(sys.implementation.name, sys.version_info.releaselevel, '%d.%d.%d' % sys.version_info[:3])"
# Columns in tracebacks are a third of a compiled file: https://peps.python.org/pep-0657/#opt-out-mechanism
_ISOLATED = ("-I", "-S", "-B", "-X", "no_debug_ranges")
_SECONDS_TO_ANSWER = 30
_SECONDS_TO_COMPILE = 300
_REMEDY = (
    f"Install it (uv python install {VERSION}, pyenv install {VERSION}, or your system's package) or name one by"
    " --python; or build by --no-compile: without compiled files the Lambda starts in about 0.7 s instead of 0.3 s"
)


class LambdaPython(NamedTuple):
    """A Python that compiles for the Lambda.

    Args:
        path: Its program.
        version: Its version with the patch level: compilers of two patch levels can differ in a few bytes.
    """

    path: str
    version: str

    def compile(self, sources: Iterable[PackedFile]) -> dict[str, bytes]:
        """Compile modules.

        Args:
            sources: The modules.

        Returns:
            The compiled bytes by the path of the source.

        Raises:
            ConfigurationError: They do not compile.
        """
        asked = {source.path: base64.b64encode(source.data).decode() for source in sources}
        run = _run([self.path, *_ISOLATED, str(Path(bytecode.__file__))], json.dumps(asked), _SECONDS_TO_COMPILE)
        if run is None or run.returncode:
            said = (run.stderr.strip().splitlines() if run else None) or ["it did not end"]
            raise ConfigurationError(
                f"{self.path} (Python {self.version}) could not compile the package: {said[-1]}",
                "Name another by --python, or restore the files of ImagePinner",
            )
        return {path: base64.b64decode(data) for path, data in json.loads(run.stdout).items()}


def find_python(
    named: str | None = None, environment: Mapping[str, str] = os.environ, running: str = sys.executable
) -> LambdaPython:
    """Find a Python that compiles for the Lambda.

    Args:
        named: The program that the user chose.
        environment: Where `PATH`, `PYENV_ROOT` and `HOME` come from.
        running: The program that runs this.

    Returns:
        The chosen one; else the one that runs this, that `PATH` has, or that pyenv has, in this order.

    Raises:
        ConfigurationError: There is none, or the chosen one has another version.
    """
    if named:
        version = _version(shutil.which(named, path=environment.get("PATH")) or named)
        if version is None or not _fits(version):
            found = f"is {version}" if version else "cannot be run"
            raise ConfigurationError(f"The package is compiled by CPython {VERSION}, and {named} {found}", _REMEDY)
        return LambdaPython(shutil.which(named, path=environment.get("PATH")) or named, version.split()[-1])
    for path in (running, *_candidates(environment)):
        version = _version(path)
        if version and _fits(version):
            return LambdaPython(path, version.split()[-1])
    raise ConfigurationError(f"The package is compiled by CPython {VERSION}, and there is none here", _REMEDY)


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
    """Ask a Python for its name, release level and version. A shim of pyenv is there and yet may not run."""
    run = _run([path, "-I", "-S", "-c", _ASK], "", _SECONDS_TO_ANSWER)
    return run.stdout.strip() if run and run.returncode == 0 else None


def _fits(version: str) -> bool:
    return version.startswith(f"cpython final {VERSION}.")


def _run(command: list[str], given: str, seconds: float) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(command, input=given, capture_output=True, encoding="utf-8", check=False, timeout=seconds)  # noqa: S603 - a Python that the user has, or names
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
