"""The engine listens on loopback only, sends nothing to others, and exits with the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.engine.cloudformation import Engine
from e2e.engine.environment import Environment, NoPythonError, function_python, prepare
from e2e.engine.ministack import ministack_running
from e2e.engine.processes import expect_loopback, listening, members, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are watched through /proc of Linux")


def _serving(url: str) -> bool:
    del url
    return True


def _module(tmp_path: Path, name: str, source: str) -> dict[str, str]:
    (tmp_path / f"{name}.py").write_text(source, "utf-8")
    return {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "PORT": "{port}"}


def test_a_missing_python_of_the_function_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    with pytest.raises(NoPythonError, match=r"python3\.13 is not on this machine"):
        prepare(tmp_path / "environments")
    assert list(tmp_path.iterdir()) == []


def test_another_python_under_that_name_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n", "utf-8")
    shim.chmod(0o755)
    with pytest.raises(NoPythonError):
        function_python()


def test_open_ports_are_found(tmp_path: Path) -> None:
    source = (
        "import os, socket, time\nkept = socket.create_server(('0.0.0.0', int(os.environ['PORT'])))\ntime.sleep(600)\n"
    )
    environment = _module(tmp_path, "opened", source)
    with running((sys.executable, "opened"), environment, tmp_path / "log", _serving) as program:
        _until(lambda: listening(members(program.process.pid)))
        with pytest.raises(AssertionError, match="tcp 00000000"):
            expect_loopback(program)


def test_child_processes_exit_with_a_program(tmp_path: Path) -> None:
    source = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import os, time; os.setpgid(0, 0); time.sleep(600)"])
time.sleep(600)
"""
    environment = _module(tmp_path, "stubborn", source)
    with running((sys.executable, "stubborn"), environment, tmp_path / "log", _serving, patience=0.5) as program:
        session = program.process.pid
        _until(lambda: len(members(session)) == 2)
    assert members(session) == []


def test_a_program_exits_when_the_tests_are_killed(tmp_path: Path) -> None:
    (tmp_path / "waiting.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(600)\n", "utf-8")
    tests = Path(__file__).parents[1]
    source = f"""
import sys, time
from pathlib import Path
sys.path[:0] = [{str(tests)!r}, {str(tests.parent / "macro")!r}]
from e2e.engine.processes import running
with running((sys.executable, "waiting"), {{"PYTHONPATH": {str(tmp_path)!r}}}, Path({str(tmp_path / "log")!r}),
             lambda _: Path({str(tmp_path / "log")!r}).read_text() != "") as program:
    print(program.process.pid, flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        session = int(killed.stdout.readline())
        assert members(session)
        os.kill(killed.pid, signal.SIGKILL)
        _until(lambda: not members(session))


def test_the_output_of_a_failed_program_is_reported(tmp_path: Path) -> None:
    environment = _module(tmp_path, "broken", "raise SystemExit('no such engine')\n")
    with (
        pytest.raises(AssertionError, match="no such engine"),
        running((sys.executable, "broken"), environment, tmp_path / "log", lambda _: False),
    ):
        pass


@pytest.mark.e2e
def test_no_process_of_ministack_survives(environment: Environment, tmp_path: Path) -> None:
    with ministack_running(environment, tmp_path) as found:
        session = found.running.process.pid
        assert members(session)
    assert members(session) == []


@pytest.mark.e2e
def test_the_engine_has_no_port_open_to_others(running_engine: Engine) -> None:
    expect_loopback(running_engine.running)


@pytest.mark.e2e
def test_the_python_of_functions_is_that_of_the_lambda(environment: Environment) -> None:
    ran = subprocess.run(
        [environment.function_python, "-I", "-S", "-c", "import sys; print(sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "(3, 13)"
    assert environment.function_python == function_python()
    runtime = {path.name.partition("-")[0].lower() for path in environment.runtime.iterdir()}
    assert {"boto3", "botocore", "urllib3"} <= runtime
    assert not runtime & {"jsonpath_ng", "image_pinner"}


def _until(holds: Callable[[], object]) -> None:
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < 30
        time.sleep(0.02)
