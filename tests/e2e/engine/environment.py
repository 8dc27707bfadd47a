"""The environments of the end-to-end tests: made once, on demand, from files that are locked with hashes.

`prepare` and `prepare_sam` give them, and `python tests/e2e/engine/environment.py` prints where they are, for the
Makefile and for CI. The first call of `prepare` takes two or three minutes and 600 MB in `.venv-e2e`, that of
`prepare_sam` a minute and 330 MB; later ones take nothing.
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
"""The Python of the macro's function. The engine needs it too: on 3.12 it lacks `warnings.deprecated`."""

_E2E = ROOT / "tests" / "e2e"
_EXECUTOR = _E2E / "engine" / "executor"
_OF_ENGINE, _OF_MINISTACK = _E2E / "requirements.txt", _E2E / "requirements-ministack.txt"
_OF_SAM = _E2E / "requirements-sam.txt"
_OF_FUNCTION = ROOT / "requirements" / "lambda.txt"
# Published as sources alone. They are built with the setuptools of the lock.
_ONLY_SOURCES = "airspeed-ext,crontab,jsonpath-rw"
# What the runtime of the Lambda has: boto3 with what it needs. The rest of the lock belongs into the function's zip.
_NOT_IN_RUNTIME = "jsonpath[-_]ng"

# To be raised when they are made otherwise, so that those that are there are made anew.
_RECIPE = 1


class Environment(NamedTuple):
    """What the end-to-end tests run with.

    Args:
        function_python: A Python without packages, for functions.
        runtime: A folder with what AWS's Python runtime has beside the standard library: boto3.
        engine_python: The Python that has the CloudFormation engine; the `aws` command lies beside it.
        ministack_python: The Python that has ministack.
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
    """The Python of the macro's function is not on this machine."""


class PreparationError(Exception):
    """An environment could not be made."""


def function_python() -> Path:
    """Give the Python of the Lambda: on the PATH, or where pyenv keeps it.

    Raises:
        NoPythonError: There is none.
    """
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    of_path = shutil.which(f"python{PYTHON}")
    candidates = [*([Path(of_path)] if of_path else []), *sorted(versions.glob(f"{PYTHON}*/bin/python3"))]
    for candidate in candidates:
        # One of those made here would be removed under its own feet when they are made anew.
        if candidate.is_relative_to(HOME):
            continue
        # pyenv leaves a command for every version that it has, and refuses to run those that are not chosen.
        asked = [str(candidate), "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"]
        told = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
        if told.returncode == 0 and told.stdout.startswith(f"{PYTHON} "):
            return Path(told.stdout.split(" ", 1)[1].strip())
    raise NoPythonError(f"python{PYTHON} is not on this machine, and the macro's function needs it")


def prepare(home: Path = HOME) -> Environment:
    """Give the environments, and make those that are missing or were made from other locks.

    Several processes may call it at once: one makes them, the others wait.

    Args:
        home: Where they are kept.

    Raises:
        NoPythonError: The Python of the macro's function is not on this machine.
        PreparationError: One could not be made; the message holds what pip said.
    """
    python = function_python()
    environment = Environment(
        python, home / "runtime", home / "engine" / "bin" / "python", home / "ministack" / "bin" / "python"
    )
    made_from = _fingerprint(python, _OF_ENGINE, _OF_MINISTACK, _OF_FUNCTION)
    _make_once(home / ".made-from", made_from, lambda: _make(environment))
    return environment


def prepare_sam(home: Path = HOME) -> Path:
    """Give the `sam` command, and make its environment as `prepare` makes the others, apart from them.

    Beside it lies the Python with which it builds functions.

    Args:
        home: Where it is kept.

    Raises:
        NoPythonError: The Python of the macro's function is not on this machine.
        PreparationError: It could not be made; the message holds what pip said.
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
    """Tell the engine how functions are run and what is corrected in it, as an installed package would.

    It is not built, because the engine's own extension of setuptools fails on packages of others. The form is
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
    """Give the entry of a package in a lock, its hashes included."""
    found = re.search(rf"^{re.escape(name)}==(?:.*\\\n)*.*", lock, re.MULTILINE)
    if found is None:
        raise PreparationError(f"the lock has no {name}, which builds what is published as sources alone")
    return found[0] + "\n"


def _install(python: Path, *arguments: str | Path) -> None:
    _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments])


def _run(command: Sequence[str | Path]) -> None:
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if run.returncode:
        said = (run.stdout + run.stderr)[-2000:]
        raise PreparationError(f"{' '.join(map(str, command))} ended with {run.returncode}: {said}")


if __name__ == "__main__":
    try:
        home = prepare().engine_python.parents[2]
        prepare_sam()
        sys.stdout.write(f"{home}\n")
    except (NoPythonError, PreparationError) as error:
        sys.exit(str(error))
