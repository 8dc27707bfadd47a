"""Any CPython 3.13 of this machine compiles; another version is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from build_package.compiler import VERSION, Compiler, find_compiler
from image_pinner.core.errors import ConfigurationError
from support.lambda_runtime import lambda_python

NONE = ""
"""Instead of the Python that runs the tests, which may be a CPython 3.13."""


def _python(path: Path, output: str, status: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}'\nexit {status}\n", "utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("output", "status", "message"),
    [
        ("cpython final 3.12.1", 0, "is cpython final 3.12.1"),
        ("cpython candidate 3.13.0", 0, "is cpython candidate 3.13.0"),
        ("pypy final 3.13.0", 0, "is pypy final 3.13.0"),
        ("pyenv: python3.13: command not found", 127, "does not run"),
    ],
)
def test_a_chosen_python_of_another_version_is_refused(tmp_path: Path, output: str, status: int, message: str) -> None:
    python = _python(tmp_path / "python", output, status)
    with pytest.raises(ConfigurationError) as refused:
        find_compiler(str(python))
    assert refused.value.cause == f"cannot compile the modules: CPython 3.13 is needed, and {python} {message}"


def test_a_chosen_python_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not run"):
        find_compiler(str(tmp_path / "python"))


def test_without_a_cpython_3_13_there_is_no_compiler(tmp_path: Path) -> None:
    other = _python(tmp_path / f"python{VERSION}", "cpython final 3.12.1")
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    assert find_compiler(environment=environment, running=str(other)) is None


def test_a_shim_that_does_not_run_is_skipped(tmp_path: Path) -> None:
    _python(tmp_path / "shims" / f"python{VERSION}", "pyenv: command not found", 127)
    real = _python(tmp_path / "versions" / f"{VERSION}.2" / "bin" / "python3", f"cpython final {VERSION}.2")
    found = find_compiler(environment={"PATH": str(tmp_path / "shims"), "PYENV_ROOT": str(tmp_path)}, running=NONE)
    assert found == Compiler(str(real), f"{VERSION}.2")


def test_the_running_python_comes_first(tmp_path: Path) -> None:
    running = _python(tmp_path / "running", f"cpython final {VERSION}.0")
    _python(tmp_path / f"python{VERSION}", f"cpython final {VERSION}.1")
    found = find_compiler(environment={"PATH": str(tmp_path)}, running=str(running))
    assert found == Compiler(str(running), f"{VERSION}.0")


def test_the_newest_of_pyenv_is_used(tmp_path: Path) -> None:
    for level in (9, 10, 2):
        program = tmp_path / ".pyenv" / "versions" / f"{VERSION}.{level}" / "bin" / "python3"
        _python(program, f"cpython final {VERSION}.{level}")
    found = find_compiler(environment={"HOME": str(tmp_path)}, running=NONE)
    assert found is not None
    assert found.version == f"{VERSION}.10"


def test_one_on_the_path_comes_before_pyenvs(tmp_path: Path) -> None:
    on_path = _python(tmp_path / "bin" / f"python{VERSION}", f"cpython final {VERSION}.1")
    _python(tmp_path / ".pyenv" / "versions" / f"{VERSION}.9" / "bin" / "python3", f"cpython final {VERSION}.9")
    found = find_compiler(environment={"PATH": str(on_path.parent), "HOME": str(tmp_path)}, running=NONE)
    assert found is not None
    assert found.path == str(on_path)


def test_a_syntax_error_is_reported() -> None:
    compiler = find_compiler(lambda_python())
    assert compiler is not None
    with pytest.raises(ConfigurationError, match=r"cannot compile the modules with .*: SyntaxError"):
        compiler.compile({"broken.py": b"def ("})


def test_a_compiled_file_does_not_depend_on_the_other_modules() -> None:
    """Newer versions of marshal write a reference for an object that something else in the process knows."""
    compiler = find_compiler(lambda_python())
    assert compiler is not None
    sources = {
        f"module_{number}.py": f"'''A.'''\nWORDS = {{'json', 'path', 'n{number}'}}\n".encode() for number in range(9)
    }
    together = compiler.compile(sources)
    assert together == compiler.compile(dict(reversed(sources.items())))
    alone = {"module_7.py": sources["module_7.py"]}
    assert together["module_7.py"] == compiler.compile(alone)["module_7.py"]
