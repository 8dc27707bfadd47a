"""Colour and progress on a terminal, closed pipes, and the modules that help imports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import image_pinner
from image_pinner.cli.main import main
from support import command as cli_runs
from support.command import run_on_terminal
from unit.cli.cli_templates import MARKED, REFUSED, UNMARKED, saved

SOURCE_ROOT = str(Path(image_pinner.__file__).parent.parent)
PROGRAM = """
import sys
from image_pinner.cli.console import Dependencies
from image_pinner.cli.main import main
from image_pinner.pinning import Resolvers
from image_pinner.sources.in_memory import InMemoryRegistry
resolvers = InMemoryRegistry(has_every_image=True)
main(sys.argv[1:], dependencies=Dependencies(lambda settings, region: Resolvers(resolvers, resolvers)))
"""


def environment(**more: str) -> dict[str, str]:
    """Return the environment variables of a subprocess."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("IMAGE_PINNER", "AWS_"))}
    kept.pop("NO_COLOR", None)
    kept.pop("FORCE_COLOR", None)
    return {**kept, "PYTHONPATH": SOURCE_ROOT, "AWS_REGION": "us-east-1", "TERM": "xterm-256color", **more}


def start(*arguments: str, stdout: int = subprocess.PIPE, **more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment(**more),
    )


def on_a_terminal(*arguments: str, **more: str) -> tuple[int, str]:
    """Run the command on a pseudo terminal; return the exit code and what the terminal shows."""
    return run_on_terminal(PROGRAM, *arguments, env=environment(**more))


def test_a_pipe_has_no_colour_and_no_progress(tmp_path: Path) -> None:
    for text in (REFUSED, MARKED):
        with start("pin", str(saved(tmp_path, text))) as process:
            out, err = process.communicate()

        assert b"\x1b" not in out + err
        assert b"resolving" not in err


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_can_be_disabled(name: str, value: str, tmp_path: Path) -> None:
    code, seen = on_a_terminal("pin", str(saved(tmp_path, REFUSED)), **{name: value})

    assert code == 1
    assert "No template was written." in seen
    assert "\x1b[31m" not in seen


def test_a_terminal_has_colour_and_a_summary(tmp_path: Path) -> None:
    refused, seen = on_a_terminal("pin", str(saved(tmp_path, REFUSED)))
    done, summary = on_a_terminal("pin", "--in-place", str(saved(tmp_path, MARKED)))

    assert (refused, done) == (1, 0)
    assert "\x1b[31m" in seen
    assert "Pinned 1 image (0 skipped)." in summary


@pytest.mark.parametrize("arguments", [("check",), ("check", "--format", "json"), ("pin", "--pin", "All")])
def test_a_closed_pipe_ends_the_command_without_a_message(arguments: tuple[str, ...], tmp_path: Path) -> None:
    path = saved(tmp_path, UNMARKED)
    read, write = os.pipe()
    os.close(read)

    with start(*arguments, str(path), stdout=write) as process:
        os.close(write)
        _, err = process.communicate()

    assert (process.returncode, err) == (2, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_unwritable_standard_output_is_reported(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full, start("pin", str(saved(tmp_path)), stdout=full.fileno()) as process:
        _, err = process.communicate()

    assert process.returncode == 2
    assert (
        err == b"error: cannot write standard output: No space left on device\n"
        b"help: check where standard output is redirected to\n"
    )


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_a_stream_that_the_caller_closed_is_the_null_device(
    stream: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path, UNMARKED)
    monkeypatch.setattr(sys, stream, None)
    with pytest.raises(SystemExit) as end:
        main(["check", "-" if stream == "stdin" else str(path)])
    getattr(sys, stream).close()
    assert end.value.code == (2 if stream == "stdin" else 1)
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
def test_ctrl_c_ends_a_lookup_that_hangs(tmp_path: Path) -> None:
    hanging = PROGRAM.replace("main(sys", "import time\nresolvers.resolve_all = lambda *_: time.sleep(60)\nmain(sys")
    started = "print('started', file=sys.stderr, flush=True), time.sleep(60)"
    program = hanging.replace("time.sleep(60)", f"({started})")
    # A shell starts programs in the background with SIGINT ignored, and their children inherit that.
    restore = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command = [sys.executable, "-c", restore + program, "pin", str(saved(tmp_path))]

    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stderr
        assert process.stderr.readline() == b"started\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (130, b"")
    assert err.strip() == b"error: interrupted"


IMPORTS = """
import json, sys
from image_pinner.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print()
    print(json.dumps([end.code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def imports_of(*arguments: str) -> tuple[int, set[str]]:
    found = subprocess.run(
        [sys.executable, "-c", IMPORTS, *arguments], capture_output=True, env=environment(), check=True, timeout=60
    )
    code, modules = json.loads(found.stdout.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("--version",)])
def test_help_imports_few_modules(arguments: tuple[str, ...]) -> None:
    code, modules = imports_of(*arguments)

    assert code == 0
    assert not modules & {"boto3", "botocore", "moto", "rich", "yaml", "cfn_flip", "jsonpath_ng", "urllib3"}


@pytest.mark.parametrize("subcommand", ["pin", "check", "invoke", "demo"])
def test_the_help_of_a_subcommand_imports_neither_boto3_nor_rich(subcommand: str) -> None:
    code, modules = imports_of(subcommand, "--help")

    assert code == 0
    assert not modules & {"boto3", "moto", "rich", "cfnlint"}


def test_check_imports_neither_boto3_nor_urllib3(tmp_path: Path) -> None:
    code, modules = imports_of("check", str(saved(tmp_path)))

    assert code == 0
    assert not modules & {"boto3", "botocore", "moto", "rich", "urllib3", "cfnlint"}


def test_help_lists_the_subcommands_and_the_exit_codes() -> None:
    run = cli_runs.image_pinner("--help")

    assert run.code == 0
    for word in ("pin", "check", "invoke", "demo", "Exit codes: 0 success; 1 findings; 2 usage error"):
        assert word in run.text


def test_the_version_is_that_of_the_package() -> None:
    assert cli_runs.image_pinner("--version").text == f"image-pinner, version {image_pinner.__version__}\n"
