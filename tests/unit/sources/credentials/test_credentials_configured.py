"""Credentials that the operator configured: each for one registry, and never less than was configured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.core.registry_config import CredentialLocation
from image_pinner.sources.credentials.configured import ConfiguredCredentials
from image_pinner.sources.credentials.interface import Credential, NoCredential, Password
from image_pinner.sources.interface import Deadline
from support.aws import FakeSecrets

ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ghcr-AbCdEf"


def configured(
    *entries: str,
    secrets: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    local: bool = True,
) -> ConfiguredCredentials:
    places = [CredentialLocation.parse(entry) for entry in entries]
    return ConfiguredCredentials(places, FakeSecrets(secrets or {}), environment or {}, local=local)


def found(credentials: ConfiguredCredentials, registry: str = "ghcr.io") -> Credential:
    return credentials.for_registry(registry, Deadline.after(5))


def fault(entry: str, environment: Mapping[str, str] | None = None) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as raised:
        found(configured(entry, environment=environment))
    assert raised.value.help
    assert "hunter2" not in raised.value.diagnostics()
    return raised.value


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("env:GHCR", "the environment variable GHCR, and who can read the function's configuration can read that"),
        ("file:/opt/ghcr", "the file /opt/ghcr, and who can download the function's code can read that"),
    ],
)
def test_a_function_takes_no_credential_from_where_others_can_read_it(place: str, why: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        configured(f"ghcr.io={place}", environment={"GHCR": "bob:hunter2"}, local=False)
    assert refused.value.cause == f"the credential for ghcr.io is configured to be in {why}"
    assert "Secrets Manager" in refused.value.help


def test_two_places_for_one_registry_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"two places for the credential for docker\.io"):
        configured("docker.io=env:A", "index.docker.io=env:B")


def test_a_secret_that_cannot_be_read_is_not_taken_for_none() -> None:
    with pytest.raises(SourceError, match="is denied on"):
        found(configured(f"ghcr.io={ARN}"))


def test_a_variable_that_is_not_set_is_said_so() -> None:
    assert fault("ghcr.io=env:GHCR").cause == (
        "the credential for ghcr.io from the environment variable GHCR cannot be had: the variable is not set"
    )


@pytest.mark.parametrize("content", ["", "hunter2", '{"username": "hunter2"}'])
def test_a_variable_that_holds_no_credential_is_refused_unseen(content: str) -> None:
    cause = fault("ghcr.io=env:GHCR", {"GHCR": content}).cause
    assert cause.startswith("the credential for ghcr.io from the environment variable GHCR cannot be used: ")


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    cause = fault(f"ghcr.io=file:{tmp_path}/absent").cause
    assert cause == f"the credential for ghcr.io from the file {tmp_path}/absent cannot be had: there is no such file"


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    assert "it is no regular file" in fault(f"ghcr.io=file:{tmp_path}").cause
    assert "it is no regular file" in fault(f"ghcr.io=file:{os.devnull}").cause
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert "it is no regular file" in fault(f"ghcr.io=file:{tmp_path}/pipe").cause


def test_a_file_below_a_file_is_said_to_be_unreadable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("bob:hunter2")
    assert "cannot be had: Not a directory" in fault(f"ghcr.io=file:{tmp_path}/file/below").cause


def test_a_file_beyond_64_kib_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "login"
    path.write_text("bob:" + "hunter2 " * 8192)
    assert "more than 65536 bytes" in fault(f"ghcr.io=file:{path}").cause


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "login"
    path.write_bytes(b"bob:hunter2\xff")
    assert "it is not UTF-8" in fault(f"ghcr.io=file:{path}").cause


@pytest.mark.parametrize(
    "registry", ["ghcr.io:443", "sub.ghcr.io", "io", "ghcr.io.evil.example", "evil.example", "docker.io"]
)
def test_a_credential_is_for_exactly_its_registry_and_nobody_is_asked_for_another(registry: str) -> None:
    secrets = FakeSecrets({ARN: "bob:hunter2"})
    credentials = ConfiguredCredentials([CredentialLocation.parse(f"ghcr.io={ARN}")], secrets, {}, local=True)
    none = found(credentials, registry)
    assert isinstance(none, NoCredential)
    assert none.source == f"no credential, for none is configured for {registry}"
    assert f"IMAGE_PINNER_CREDENTIALS={registry}=" in none.advice
    assert not none.refused
    assert secrets.asked == []


def test_the_credential_of_a_host_with_a_port_is_not_that_of_the_host() -> None:
    credentials = configured("registry.example:5000=env:A", environment={"A": "bob:hunter2"})
    assert isinstance(found(credentials, "registry.example"), NoCredential)
    assert isinstance(found(credentials, "registry.example:5000"), Password)


def test_each_registry_gets_its_own_from_whichever_place_it_is_in(tmp_path: Path) -> None:
    (tmp_path / "login").write_text("file:3\n")
    credentials = configured(
        f"ghcr.io={ARN}",
        "quay.io=ssm:/quay",
        "index.docker.io=env:HUB",
        f"localhost:5000=file:{tmp_path}/login",
        secrets={ARN: '{"username": "secret", "password": "0"}', "/quay": "parameter:1"},
        environment={"HUB": "variable:2"},
    )
    given = [found(credentials, name) for name in ("ghcr.io", "quay.io", "docker.io", "localhost:5000")]
    logins = [(one.user, one.password) for one in given if isinstance(one, Password)]
    assert logins == [("secret", "0"), ("parameter", "1"), ("variable", "2"), ("file", "3")]
    assert [getattr(one, "source", "") for one in given][2] == (
        "the credential for docker.io from the environment variable HUB"
    )


def test_a_function_reads_secrets_and_parameters() -> None:
    credentials = configured(f"ghcr.io={ARN}", "quay.io=ssm:/q", secrets={ARN: "a:1", "/q": "b:2"}, local=False)
    assert all(isinstance(found(credentials, name), Password) for name in ("ghcr.io", "quay.io"))


def test_what_a_template_names_changes_nothing_here() -> None:
    credentials = configured(secrets={ARN: "bob:hunter2"})
    assert isinstance(credentials.for_registry("ghcr.io", Deadline.after(5), ARN), NoCredential)
