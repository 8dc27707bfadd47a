"""The terminal: colour only where a person looks, pipes that close, and help that does not load everything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import image_pinner
from support import command as cli_runs
from unit.cli.cli_templates import MARKED, REFUSED, UNMARKED, saved

SOURCE_ROOT = str(Path(image_pinner.__file__).parent.parent)
PROGRAM = """
import sys
from image_pinner.cli.main import main
from image_pinner.pinning import Resolvers
from image_pinner.sources.in_memory import InMemoryRegistry
resolvers = InMemoryRegistry(has_every_image=True)
main(sys.argv[1:], resolvers=lambda settings, region: Resolvers(resolvers, resolvers))
"""


def environment(**more: str) -> dict[str, str]:
    """Give the environment of a run in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("IMAGE_PINNER", "AWS_"))}
    kept.pop("NO_COLOR", None)
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
    """Run the command with its streams on a terminal; give the exit code and what a person sees."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo terminals")
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        env=environment(**more),
    ) as process:
        os.close(follower)
        seen = b""
        while chunk := read_terminal(leader):
            seen += chunk
    os.close(leader)
    return process.returncode, seen.decode()


def read_terminal(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:
        # Linux says so when the last process has closed its side.
        return b""


def test_a_pipe_gets_no_colour_and_no_progress(tmp_path: Path) -> None:
    for text in (REFUSED, MARKED):
        with start("pin", str(saved(tmp_path, text))) as process:
            out, err = process.communicate()

        assert b"\x1b" not in out + err
        assert b"asking" not in err


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_no_colour_gets_none(name: str, value: str, tmp_path: Path) -> None:
    code, seen = on_a_terminal("pin", str(saved(tmp_path, REFUSED)), **{name: value})

    assert code == 1
    assert "nothing was changed" in seen
    assert "\x1b[31m" not in seen


def test_a_terminal_gets_colour_and_a_summary(tmp_path: Path) -> None:
    refused, seen = on_a_terminal("pin", str(saved(tmp_path, REFUSED)))
    done, summary = on_a_terminal("pin", "--in-place", str(saved(tmp_path, MARKED)))

    assert (refused, done) == (1, 0)
    assert "\x1b[31m" in seen
    assert "1 image pinned, 0 left as they are" in summary


@pytest.mark.parametrize("arguments", [("check",), ("check", "--format", "json"), ("pin", "--pin", "All")])
def test_a_pipe_that_nobody_reads_ends_the_command_quietly(arguments: tuple[str, ...], tmp_path: Path) -> None:
    path = saved(tmp_path, UNMARKED)
    read, write = os.pipe()
    os.close(read)

    with start(*arguments, str(path), stdout=write) as process:
        os.close(write)
        _, err = process.communicate()

    assert (process.returncode, err) == (2, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_output_that_takes_nothing_is_told(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full, start("pin", str(saved(tmp_path)), stdout=full.fileno()) as process:
        _, err = process.communicate()

    assert process.returncode == 2
    assert (
        err == b"image-pinner: the standard output cannot be written: No space left on device. Check where it goes.\n"
    )


LOADED = """
import json, sys
from image_pinner.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print()
    print(json.dumps([end.code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def loaded_by(*arguments: str) -> tuple[int, set[str]]:
    found = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, env=environment(), check=True, timeout=60
    )
    code, modules = json.loads(found.stdout.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("--version",)])
def test_help_loads_hardly_anything(arguments: tuple[str, ...]) -> None:
    code, modules = loaded_by(*arguments)

    assert code == 0
    assert not modules & {"boto3", "botocore", "moto", "rich", "yaml", "cfn_flip", "jsonpath_ng", "urllib3"}


@pytest.mark.parametrize("verb", ["pin", "check", "invoke", "demo"])
def test_the_help_of_a_verb_loads_no_aws_and_no_rich(verb: str) -> None:
    code, modules = loaded_by(verb, "--help")

    assert code == 0
    assert not modules & {"boto3", "moto", "rich", "cfnlint"}


def test_check_loads_no_aws(tmp_path: Path) -> None:
    code, modules = loaded_by("check", str(saved(tmp_path)))

    assert code == 0
    assert not modules & {"boto3", "botocore", "moto", "rich", "urllib3", "cfnlint"}


def test_help_names_the_verbs_and_the_exit_codes() -> None:
    run = cli_runs.image_pinner("--help")

    assert run.code == 0
    for word in ("pin", "check", "invoke", "demo", "Exit codes: 0 done; 1 findings; 2 wrong use"):
        assert word in run.text


def test_the_version_is_that_of_the_package() -> None:
    assert cli_runs.image_pinner("--version").text == f"image-pinner, version {image_pinner.__version__}\n"
