"""Files are checked in one process or in several with the same result, and a process that ends names its file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from image_pinner.cli.discovery import InputFile
from image_pinner.cli.worker_processes import apply_to_files, default_workers
from image_pinner.core.errors import ImagePinnerError
from support.command import image_pinner
from support.project import ROOT
from support.worker_functions import crash_for_b, name_of, raise_for_b
from unit.cli.cli_templates import UNMARKED, saved

FILES = [InputFile(name, name) for name in ("a", "b", "c")]


def test_several_processes_are_worth_it_for_many_files() -> None:
    assert [default_workers(files) for files in (0, 1, 400)] == [1, 1, 1]
    assert 1 <= default_workers(100_000) <= (os.cpu_count() or 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_internal_error_names_the_file(workers: int) -> None:
    with pytest.raises(KeyError) as error:
        list(apply_to_files(raise_for_b, FILES, workers))

    assert error.value.__notes__ == ["while reading b"]


def test_a_process_that_ends_is_an_error_with_the_name_of_the_file() -> None:
    results = apply_to_files(crash_for_b, FILES, 2)

    with pytest.raises(ImagePinnerError) as error:
        list(results)

    assert error.value.cause == "internal error: the process that checked b ended unexpectedly"


def test_results_have_the_order_of_the_files() -> None:
    assert list(apply_to_files(name_of, FILES, 2)) == ["a", "b", "c"]


@pytest.mark.parametrize("error", ["", "]"])
def test_the_output_is_the_same_with_one_and_with_two_workers(
    error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["a.yaml", "b.yaml", "c.yaml"]
    for name in names:
        saved(tmp_path, UNMARKED + (error if name == "b.yaml" else ""), name)

    alone, together = (
        image_pinner("check", *arguments, "--workers", workers)
        for arguments, workers in ((names, "1"), (reversed(names), "2"))
    )

    assert alone == together
    assert alone.code == (2 if error else 1)


NO_SOCKETS = """\
import sys
def refuse(event, arguments):
    if event.startswith("socket."):
        print("a process uses", event, file=sys.stderr, flush=True)
        raise PermissionError(event)
sys.addaudithook(refuse)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which Python raises an error in all processes when a socket is used."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(NO_SOCKETS, "utf-8")
    return {**os.environ, "PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{ROOT / 'macro'}"}


def test_check_uses_no_sockets_in_any_process(environment: dict[str, str]) -> None:
    def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)

    main = "from image_pinner.cli.main import main; main()"
    assert "a process uses socket." in python("import socket; socket.socket()").stderr

    run = python(main, "check", "--workers", "2", "--format", "json", "templates", "deploy")

    assert run.stderr == ""
    assert run.returncode in (0, 1)
    assert json.loads(run.stdout)["version"]


# A shell starts programs in the background with SIGINT ignored, and their children inherit that.
INTERRUPTED = """\
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from image_pinner.cli.discovery import InputFile
from image_pinner.cli.worker_processes import apply_to_files
from support.worker_functions import wait
if __name__ == "__main__":
    try:
        list(apply_to_files(wait, [InputFile("a", "a"), InputFile("b", "b")], 2))
    except KeyboardInterrupt:
        print("interrupted")
"""


def test_ctrl_c_ends_all_processes_at_once_without_a_traceback() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "macro"), str(ROOT / "tests")])}
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        started = {process.stdout.readline(), process.stdout.readline()}
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)

    assert (started, out, err) == ({"a\n", "b\n"}, "interrupted\n", "")
