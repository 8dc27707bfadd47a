"""Credential helpers as programs: shell scripts that the tests write."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from image_pinner.core.errors import SourceError
from image_pinner.sources.credentials.docker_config import HelperPrograms, Login
from image_pinner.sources.interface import Deadline

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell: the helpers are scripts")


def asked(
    directory: Path, script: str, *, name: str = "test", time_limit: float = 5.0, seconds: float = 5.0
) -> Login | None:
    program = directory / "docker-credential-test"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    helpers = HelperPrograms({"PATH": f"{directory}{os.pathsep}{os.environ['PATH']}"}, time_limit=time_limit)
    return helpers(name, "ghcr.io", Deadline.after(seconds))


@pytest.mark.parametrize("name", ["", "../evil", "a/b", "a b", "-x", ".", "test\n", "t\x00st", "x" * 65])
def test_a_name_that_could_be_a_path_is_not_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="is no name of a credential helper"):
        asked(tmp_path, "touch ran", name=name)


def test_a_helper_that_is_not_installed_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"docker-credential-absent keep .*, and PATH has no such"):
        asked(tmp_path, "", name="absent")


def test_a_helper_that_cannot_be_run_is_said_so(tmp_path: Path) -> None:
    program = tmp_path / "docker-credential-test"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    with pytest.raises(SourceError, match="docker-credential-test cannot be run: No such file"):
        HelperPrograms({"PATH": str(tmp_path)})("test", "ghcr.io", Deadline.after(5))


def test_a_helper_that_fails_is_quoted_without_secrets(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as fault:
        asked(tmp_path, "echo 'store locked, token=abcdefgh1234'; exit 1")
    assert fault.value.cause == (
        "docker-credential-test failed when it was asked for the login for ghcr.io, 'store locked, token=***'"
    )
    assert "docker-credential-test get" in fault.value.help


@pytest.mark.parametrize("script", ["sleep 30", "sleep 30 & sleep 30", "echo '{'; sleep 30"])
def test_a_helper_that_takes_too_long_is_not_waited_for(tmp_path: Path, script: str) -> None:
    begun = time.monotonic()
    with pytest.raises(SourceError, match=r"did not give the login for .* within 0 seconds"):
        asked(tmp_path, script, time_limit=0.3)
    assert time.monotonic() - begun < 3


def test_the_children_of_a_helper_that_takes_too_long_are_ended(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="did not give the login"):
        asked(tmp_path, f"(sleep 0.8; touch {tmp_path}/survived) & sleep 30", time_limit=0.3)
    time.sleep(1)
    assert not (tmp_path / "survived").exists()


def test_a_child_that_keeps_the_output_open_does_not_keep_us(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(SourceError, match="did not give the login"):
        asked(tmp_path, "sleep 30 &\nexit 0", time_limit=0.3)
    assert time.monotonic() - begun < 3


def test_the_deadline_counts_where_it_is_nearer_than_the_time_limit(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(SourceError, match="did not give the login"):
        asked(tmp_path, "sleep 30", seconds=0.3)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "output",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"Username": "u"}',
        '{"Username": 1, "Secret": "s"}',
        r'{"Username": "u", "Secret": "\ud800"}',
    ],
)
def test_an_answer_that_is_no_login_is_refused_without_being_shown(tmp_path: Path, output: str) -> None:
    with pytest.raises(SourceError, match="did not answer with a user and a secret") as fault:
        asked(tmp_path, f"cat > /dev/null; printf '%s' '{output}'")
    assert not output or output not in fault.value.cause


@pytest.mark.parametrize("stream", ["1", "2"])
def test_credentials_not_found_is_no_login(tmp_path: Path, stream: str) -> None:
    assert asked(tmp_path, f"echo 'credentials not found in native keychain' >&{stream}; exit 1") is None


def test_an_empty_secret_is_no_login(tmp_path: Path) -> None:
    assert asked(tmp_path, """echo '{"ServerURL": "ghcr.io", "Username": "", "Secret": ""}'""") is None


def test_a_helper_is_told_get_and_the_server_and_gives_the_login(tmp_path: Path) -> None:
    script = """read server; printf '{"ServerURL": "x", "Username": "%s", "Secret": "%s"}' "$1" "$server" """
    login = asked(tmp_path, script)
    assert login == Login("get", "ghcr.io")
    assert "ghcr.io" not in repr(login)
