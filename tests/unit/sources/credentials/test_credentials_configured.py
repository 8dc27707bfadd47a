"""Configured credentials: each for one registry, and never replaced by anonymous requests."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.core.registry_config import CredentialLocation
from image_pinner.sources.credentials.configured import ConfiguredCredentials
from image_pinner.sources.credentials.interface import Credentials, NoCredentials, Password
from image_pinner.sources.interface import Deadline
from support.aws import FakeSecrets

ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ghcr-AbCdEf"


def configured(
    *entries: str,
    secrets: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    local: bool = True,
) -> ConfiguredCredentials:
    locations = [CredentialLocation.parse(entry) for entry in entries]
    return ConfiguredCredentials(locations, FakeSecrets(secrets or {}), environment or {}, local=local)


def found(credentials: ConfiguredCredentials, registry: str = "ghcr.io") -> Credentials:
    return credentials.for_registry(registry, Deadline.after(5))


def error_for(entry: str, environment: Mapping[str, str] | None = None) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as raised:
        found(configured(entry, environment=environment))
    assert raised.value.help
    assert "hunter2" not in raised.value.diagnostics()
    return raised.value


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("env:GHCR", "an environment variable: everyone who can read the function's configuration can read that"),
        ("file:/opt/ghcr", "a file: everyone who can download the function's code can read that"),
    ],
)
def test_function_refuses_credentials_in_exposed_locations(location: str, why: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        configured(f"ghcr.io={location}", environment={"GHCR": "bob:hunter2"}, local=False)
    assert refused.value.cause == f"credentials for ghcr.io must not be in {why}"
    assert "Secrets Manager" in refused.value.help


def test_two_locations_for_one_registry_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"two locations of credentials for docker\.io"):
        configured("docker.io=env:A", "index.docker.io=env:B")


def test_unreadable_secret_is_an_error() -> None:
    with pytest.raises(SourceError, match="is denied on"):
        found(configured(f"ghcr.io={ARN}"))


def test_unset_variable_is_an_error() -> None:
    assert error_for("ghcr.io=env:GHCR").cause == (
        "cannot read the credentials for ghcr.io from the environment variable GHCR: the variable is not set"
    )


@pytest.mark.parametrize("content", ["", "hunter2", '{"username": "hunter2"}'])
def test_invalid_content_of_a_variable_is_refused_and_not_repeated(content: str) -> None:
    cause = error_for("ghcr.io=env:GHCR", {"GHCR": content}).cause
    assert cause.startswith("the credentials for ghcr.io from the environment variable GHCR are invalid: ")


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    cause = error_for(f"ghcr.io=file:{tmp_path}/absent").cause
    assert cause == f"cannot read the credentials for ghcr.io from the file {tmp_path}/absent: the file does not exist"


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    assert "it is not a regular file" in error_for(f"ghcr.io=file:{tmp_path}").cause
    assert "it is not a regular file" in error_for(f"ghcr.io=file:{os.devnull}").cause
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert "it is not a regular file" in error_for(f"ghcr.io=file:{tmp_path}/pipe").cause


def test_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("bob:hunter2")
    assert ": Not a directory" in error_for(f"ghcr.io=file:{tmp_path}/file/below").cause


def test_file_of_more_than_64_kib_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.write_text("bob:" + "hunter2 " * 8192)
    assert "more than 65536 bytes" in error_for(f"ghcr.io=file:{path}").cause


def test_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.write_bytes(b"bob:hunter2\xff")
    assert "the content is not UTF-8" in error_for(f"ghcr.io=file:{path}").cause


@pytest.mark.parametrize(
    "registry", ["ghcr.io:443", "sub.ghcr.io", "io", "ghcr.io.evil.example", "evil.example", "docker.io"]
)
def test_credentials_are_for_exactly_their_registry_and_not_read_for_another(registry: str) -> None:
    secrets = FakeSecrets({ARN: "bob:hunter2"})
    credentials = ConfiguredCredentials([CredentialLocation.parse(f"ghcr.io={ARN}")], secrets, {}, local=True)
    none = found(credentials, registry)
    assert isinstance(none, NoCredentials)
    assert none.reason == f"none are configured for {registry}"
    assert f"IMAGE_PINNER_CREDENTIALS={registry}=" in none.help
    assert not none.refused
    assert secrets.requested == []


def test_credentials_for_a_host_with_a_port_are_not_for_the_host() -> None:
    credentials = configured("registry.example:5000=env:A", environment={"A": "bob:hunter2"})
    assert isinstance(found(credentials, "registry.example"), NoCredentials)
    assert isinstance(found(credentials, "registry.example:5000"), Password)


def test_each_kind_of_location_is_read(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("file:3\n")
    credentials = configured(
        f"ghcr.io={ARN}",
        "quay.io=ssm:/quay",
        "index.docker.io=env:HUB",
        f"localhost:5000=file:{tmp_path}/credentials",
        secrets={ARN: '{"username": "secret", "password": "0"}', "/quay": "parameter:1"},
        environment={"HUB": "variable:2"},
    )
    results = [found(credentials, name) for name in ("ghcr.io", "quay.io", "docker.io", "localhost:5000")]
    pairs = [(one.user, one.password) for one in results if isinstance(one, Password)]
    assert pairs == [("secret", "0"), ("parameter", "1"), ("variable", "2"), ("file", "3")]
    assert [getattr(one, "source", "") for one in results][2] == (
        "the credentials for docker.io from the environment variable HUB"
    )


def test_function_reads_secrets_and_parameters() -> None:
    credentials = configured(f"ghcr.io={ARN}", "quay.io=ssm:/q", secrets={ARN: "a:1", "/q": "b:2"}, local=False)
    assert all(isinstance(found(credentials, name), Password) for name in ("ghcr.io", "quay.io"))


def test_secret_of_the_template_is_ignored() -> None:
    credentials = configured(secrets={ARN: "bob:hunter2"})
    assert isinstance(credentials.for_registry("ghcr.io", Deadline.after(5), ARN), NoCredentials)
