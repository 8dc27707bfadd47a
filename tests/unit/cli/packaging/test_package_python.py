"""The Python that compiles: any CPython 3.13 here, and a message that says how to get one."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_pinner.cli.packaging.lambda_python import VERSION, LambdaPython, find_python
from image_pinner.cli.packaging.libraries import PackedFile
from image_pinner.core.errors import ConfigurationError
from support.lambda_runtime import lambda_python

NOBODY = ""
"""In the place of the Python that runs the tests, which may be the one that is looked for."""


def _python(path: Path, says: str, status: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n", "utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("says", "status", "message"),
    [
        ("cpython final 3.12.1", 0, "is cpython final 3.12.1"),
        ("cpython candidate 3.13.0", 0, "is cpython candidate 3.13.0"),
        ("pypy final 3.13.0", 0, "is pypy final 3.13.0"),
        ("pyenv: python3.13: command not found", 127, "cannot be run"),
    ],
)
def test_a_chosen_python_of_another_version_is_refused(tmp_path: Path, says: str, status: int, message: str) -> None:
    python = _python(tmp_path / "python", says, status)
    with pytest.raises(ConfigurationError) as refused:
        find_python(str(python))
    assert refused.value.cause == f"The package is compiled by CPython 3.13, and {python} {message}"


def test_a_chosen_python_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be run"):
        find_python(str(tmp_path / "python"))


def test_without_one_the_message_says_how_to_get_it_and_how_to_do_without(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        find_python(environment={"PATH": str(tmp_path), "HOME": str(tmp_path)}, running=NOBODY)
    assert refused.value.cause == "The package is compiled by CPython 3.13, and there is none here"
    for word in ("uv python install 3.13", "pyenv install 3.13", "--python", "--no-compile", "0.7 s instead of 0.3 s"):
        assert word in refused.value.help


def test_a_shim_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    _python(tmp_path / "shims" / f"python{VERSION}", "pyenv: command not found", 127)
    real = _python(tmp_path / "versions" / f"{VERSION}.2" / "bin" / "python3", f"cpython final {VERSION}.2")
    found = find_python(environment={"PATH": str(tmp_path / "shims"), "PYENV_ROOT": str(tmp_path)}, running=NOBODY)
    assert found == LambdaPython(str(real), f"{VERSION}.2")


def test_the_one_that_runs_this_comes_first(tmp_path: Path) -> None:
    running = _python(tmp_path / "running", f"cpython final {VERSION}.0")
    _python(tmp_path / f"python{VERSION}", f"cpython final {VERSION}.1")
    found = find_python(environment={"PATH": str(tmp_path)}, running=str(running))
    assert found == LambdaPython(str(running), f"{VERSION}.0")


def test_the_newest_of_pyenv_is_taken(tmp_path: Path) -> None:
    for level in (9, 10, 2):
        program = tmp_path / ".pyenv" / "versions" / f"{VERSION}.{level}" / "bin" / "python3"
        _python(program, f"cpython final {VERSION}.{level}")
    assert find_python(environment={"HOME": str(tmp_path)}, running=NOBODY).version == f"{VERSION}.10"


def test_one_on_the_path_comes_before_pyenvs(tmp_path: Path) -> None:
    on_path = _python(tmp_path / "bin" / f"python{VERSION}", f"cpython final {VERSION}.1")
    _python(tmp_path / ".pyenv" / "versions" / f"{VERSION}.9" / "bin" / "python3", f"cpython final {VERSION}.9")
    found = find_python(environment={"PATH": str(on_path.parent), "HOME": str(tmp_path)}, running=NOBODY)
    assert found.path == str(on_path)


def test_a_module_that_does_not_compile_is_told() -> None:
    compiler = find_python(lambda_python())
    with pytest.raises(ConfigurationError, match="could not compile the package: SyntaxError"):
        compiler.compile([PackedFile("broken.py", b"def (")])


def test_compiling_does_not_depend_on_order_or_company() -> None:
    """Marshal's newer versions write a reference where an object is known to something else in the process."""
    compiler = find_python(lambda_python())
    sources = [
        PackedFile(f"module_{number}.py", f"'''A.'''\nWORDS = {{'json', 'path', 'n{number}'}}\n".encode())
        for number in range(9)
    ]
    together = compiler.compile(sources)
    assert together == compiler.compile(reversed(sources))
    assert together["module_7.py"] == compiler.compile(sources[7:8])["module_7.py"]
