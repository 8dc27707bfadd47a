"""The environments of the end-to-end tests: created once, on demand, from lock files with hashes.

`prepare` and `prepare_sam` return them, and `python tests/e2e/engine/environment.py` prints their paths, for the
Makefile and for CI. The first call of `prepare` takes two or three minutes and 600 MB in `.venv-e2e`, that of
`prepare_sam` a minute and 330 MB; later calls reuse the environments.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
HOME = ROOT / ".venv-e2e"
PYTHON = "3.13"
"""The Python version of the macro's function. The engine requires it too: 3.12 has no `warnings.deprecated`."""

_E2E = ROOT / "tests" / "e2e"
_EXECUTOR = _E2E / "engine" / "executor"
_OF_ENGINE, _OF_MINISTACK = _E2E / "requirements.txt", _E2E / "requirements-ministack.txt"
_OF_SAM = _E2E / "requirements-sam.txt"
_OF_FUNCTION = ROOT / "requirements" / "lambda.txt"
# Published only as source distributions. They are built with the setuptools of the lock file.
_ONLY_SOURCES = "airspeed-ext,crontab,jsonpath-rw"
# The Lambda runtime has boto3 and its dependencies. The other packages of the lock belong in the function's zip.
_NOT_IN_RUNTIME = "jsonpath[-_]ng"

# Increment this when the steps below change, so that existing environments are created again.
_RECIPE = 1


class Environment(NamedTuple):
    """The environments of the end-to-end tests.

    Args:
        function_python: A Python interpreter without packages, for functions.
        runtime: A folder with the packages of AWS's Python runtime: boto3 and its dependencies.
        engine_python: The Python interpreter with the CloudFormation engine; `aws` is in the same folder.
        ministack_python: The Python interpreter with ministack.
    """

    function_python: Path
    runtime: Path
    engine_python: Path
    ministack_python: Path

    @property
    def aws(self) -> Path:
        """The `aws` command."""
        return self.engine_python.with_name("aws")


class NoPythonError(Exception):
    """The Python version of the macro's function is not installed."""


class PreparationError(Exception):
    """An environment could not be created."""


def function_python() -> Path:
    """Return the Python interpreter of the function's version, from the PATH or from pyenv.

    Raises:
        NoPythonError: It is not installed.
    """
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    of_path = shutil.which(f"python{PYTHON}")
    candidates = [*([Path(of_path)] if of_path else []), *sorted(versions.glob(f"{PYTHON}*/bin/python3"))]
    for candidate in candidates:
        # An interpreter of these environments would be deleted when they are created again.
        if candidate.is_relative_to(HOME):
            continue
        # pyenv has a command for each installed version, and the commands of versions that are not selected fail.
        requested = [str(candidate), "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"]
        reported = subprocess.run(requested, capture_output=True, text=True, check=False, timeout=60)
        if reported.returncode == 0 and reported.stdout.startswith(f"{PYTHON} "):
            return Path(reported.stdout.split(" ", 1)[1].strip())
    raise NoPythonError(f"python{PYTHON} is not on this machine, and the macro's function needs it")


def prepare(home: Path = HOME) -> Environment:
    """Return the environments, and create those that are missing or outdated.

    Several processes may call it at once: one creates the environments, the others wait.

    Args:
        home: The folder of the environments.

    Raises:
        NoPythonError: The Python version of the macro's function is not installed.
        PreparationError: One could not be created; the message contains the output of pip.
    """
    python = function_python()
    environment = Environment(
        python, home / "runtime", home / "engine" / "bin" / "python", home / "ministack" / "bin" / "python"
    )
    made_from = _fingerprint(python, _OF_ENGINE, _OF_MINISTACK, _OF_FUNCTION)
    _make_once(home / ".made-from", made_from, lambda: _make(environment))
    return environment


def prepare_sam(home: Path = HOME) -> Path:
    """Return the `sam` command, and create its environment, separate from the others, if it is missing or outdated.

    The Python interpreter with which it builds functions is in the same folder.

    Args:
        home: The folder of the environment.

    Raises:
        NoPythonError: The Python version of the macro's function is not installed.
        PreparationError: It could not be created; the message contains the output of pip.
    """
    python = function_python()
    folder = home / "sam"
    _make_once(home / ".sam-made-from", _fingerprint(python, _OF_SAM), lambda: _make_sam(python, folder))
    return folder / "bin" / "sam"


def _make_once(stamp: Path, made_from: str, make: Callable[[], None]) -> None:
    stamp.parent.mkdir(exist_ok=True)
    with stamp.with_name(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != made_from:
            stamp.unlink(missing_ok=True)
            make()
            stamp.write_text(made_from)


def _fingerprint(python: Path, *files: Path) -> str:
    contents = b"\0".join(file.read_bytes() for file in files)
    return f"{_RECIPE} {hashlib.sha256(contents).hexdigest()} {python}"


def _make(environment: Environment) -> None:
    for name in ("runtime", "engine", "ministack"):
        shutil.rmtree(environment.runtime.with_name(name), ignore_errors=True)
    for python in (environment.engine_python, environment.ministack_python):
        _run([environment.function_python, "-m", "venv", python.parents[1]])
    _make_engine(environment.engine_python)
    _install(environment.ministack_python, "--require-hashes", "--only-binary", ":all:", "-r", _OF_MINISTACK)
    into_runtime = ("--target", environment.runtime, "--no-deps", "--require-hashes", "--only-binary", ":all:")
    _install(environment.engine_python, *into_runtime, "-r", _OF_FUNCTION)
    for path in environment.runtime.iterdir():
        if re.match(_NOT_IN_RUNTIME, path.name):
            shutil.rmtree(path)


def _make_sam(function_python: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _run([function_python, "-m", "venv", folder])
    _install(folder / "bin" / "python", "--require-hashes", "--only-binary", ":all:", "-r", _OF_SAM)


def _make_engine(python: Path) -> None:
    builder = python.parents[1] / "setuptools.txt"
    builder.write_text(_entry(_OF_ENGINE.read_text("utf-8"), "setuptools"))
    _install(python, "--require-hashes", "--only-binary", ":all:", "-r", builder)
    binary = ("--only-binary", ":all:", "--no-binary", _ONLY_SOURCES)
    _install(python, "--require-hashes", "--no-build-isolation", *binary, "-r", _OF_ENGINE)
    _register_executor(next((python.parents[1] / "lib").glob("python3*/site-packages")))


def _register_executor(packages: Path) -> None:
    """Register the executor and the corrections as plugins of the engine, like an installed package.

    No package is built, because the engine's extension of setuptools fails on packages of others. The format is
    https://packaging.python.org/en/latest/specifications/recording-installed-packages/
    """
    about = packages / "image_pinner_executor-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: image-pinner-executor\nVersion: 1\n")
    (about / "entry_points.txt").write_text(
        "[localstack.lambda.runtime_executor]\nprocess = image_pinner_executor:ProcessPlugin\n"
        "[localstack.hooks.on_infra_start]\ncorrections = image_pinner_corrections:correct_the_engine\n"
    )
    (packages / "image_pinner_executor.pth").write_text(f"{_EXECUTOR}\n")


def _entry(lock: str, name: str) -> str:
    """Return the entry of a package in a lock file, including its hashes."""
    found = re.search(rf"^{re.escape(name)}==(?:.*\\\n)*.*", lock, re.MULTILINE)
    if found is None:
        raise PreparationError(f"the lock has no {name}, which builds what is published as sources alone")
    return found[0] + "\n"


def _install(python: Path, *arguments: str | Path) -> None:
    _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments])


def _run(command: Sequence[str | Path]) -> None:
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if run.returncode:
        output = (run.stdout + run.stderr)[-2000:]
        raise PreparationError(f"{' '.join(map(str, command))} ended with {run.returncode}: {output}")


if __name__ == "__main__":
    try:
        home = prepare().engine_python.parents[2]
        prepare_sam()
        sys.stdout.write(f"{home}\n")
    except (NoPythonError, PreparationError) as error:
        sys.exit(str(error))
