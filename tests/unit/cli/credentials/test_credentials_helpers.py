"""Credentials helpers as programs: shell scripts that the tests write."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from image_pinner.cli.credentials.docker_config import HelperCredentials, get_from_helper
from image_pinner.core.errors import SourceError
from image_pinner.sources.interface import Deadline

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell: the helpers are scripts")


def run_helper(
    directory: Path, script: str, *, name: str = "test", time_limit: float = 5.0, seconds: float = 5.0
) -> HelperCredentials | None:
    program = directory / "docker-credential-test"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    environment = {"PATH": f"{directory}{os.pathsep}{os.environ['PATH']}"}
    return get_from_helper(name, "ghcr.io", Deadline.after(seconds), environment=environment, time_limit=time_limit)


@pytest.mark.parametrize("name", ["", "../evil", "a/b", "a b", "-x", ".", "test\n", "t\x00st", "x" * 65])
def test_name_that_could_be_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="an invalid name of a credential helper"):
        run_helper(tmp_path, "touch ran", name=name)


def test_missing_helper_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"names docker-credential-absent for .*, but PATH has no such"):
        run_helper(tmp_path, "", name="absent")


def test_helper_that_cannot_be_run_is_an_error(tmp_path: Path) -> None:
    program = tmp_path / "docker-credential-test"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    with pytest.raises(SourceError, match="cannot run docker-credential-test: No such file"):
        get_from_helper("test", "ghcr.io", Deadline.after(5), environment={"PATH": str(tmp_path)})


def test_output_of_a_failing_helper_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        run_helper(tmp_path, "echo 'store locked, token=abcdefgh1234'; exit 1")
    assert raised.value.cause == "docker-credential-test failed to get credentials for ghcr.io with exit code 1"
    assert "docker-credential-test get" in raised.value.help


@pytest.mark.parametrize("script", ["sleep 30", "sleep 30 & sleep 30", "echo '{'; sleep 30"])
def test_slow_helper_times_out(tmp_path: Path, script: str) -> None:
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"did not return credentials for .* within 0 seconds"):
        run_helper(tmp_path, script, time_limit=0.3)
    assert time.monotonic() - started < 3


def test_children_of_a_slow_helper_are_killed(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="did not return credentials"):
        run_helper(tmp_path, f"(sleep 0.8; touch {tmp_path}/survived) & sleep 30", time_limit=0.3)
    time.sleep(1)
    assert not (tmp_path / "survived").exists()


def test_child_that_keeps_the_output_open_times_out(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(SourceError, match="did not return credentials"):
        run_helper(tmp_path, "sleep 30 &\nexit 0", time_limit=0.3)
    assert time.monotonic() - started < 3


def test_earlier_deadline_takes_precedence_over_the_time_limit(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(SourceError, match="did not return credentials"):
        run_helper(tmp_path, "sleep 30", seconds=0.3)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "output",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"Username": "u"}',
        '{"Username": 1, "Secret": "s"}',
        r'{"Username": "u", "Secret": "\ud800"}',
    ],
)
def test_invalid_output_is_refused_and_not_repeated(tmp_path: Path, output: str) -> None:
    with pytest.raises(SourceError, match="did not return a user name and a secret") as raised:
        run_helper(tmp_path, f"cat > /dev/null; printf '%s' '{output}'")
    assert not output or output not in raised.value.cause


@pytest.mark.parametrize("stream", ["1", "2"])
def test_credentials_not_found_is_none(tmp_path: Path, stream: str) -> None:
    assert run_helper(tmp_path, f"echo 'credentials not found in native keychain' >&{stream}; exit 1") is None


def test_empty_secret_is_none(tmp_path: Path) -> None:
    assert run_helper(tmp_path, """echo '{"ServerURL": "ghcr.io", "Username": "", "Secret": ""}'""") is None


def test_helper_gets_the_action_and_the_server_and_returns_credentials(tmp_path: Path) -> None:
    script = """read server; printf '{"ServerURL": "x", "Username": "%s", "Secret": "%s"}' "$1" "$server" """
    credentials = run_helper(tmp_path, script)
    assert credentials == HelperCredentials("get", "ghcr.io")
    assert "ghcr.io" not in repr(credentials)
