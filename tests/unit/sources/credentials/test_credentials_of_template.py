"""Secrets that templates set: one is read only if the configuration binds it to the registry."""

from __future__ import annotations

import pytest

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.core.registry_config import AllowedSecret
from image_pinner.sources.credentials.configured import TemplateCredentials
from image_pinner.sources.credentials.interface import Credentials, NoCredentials, Password
from image_pinner.sources.interface import Deadline
from support.aws import FakeSecrets

TEAM_A = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:team-a/ghcr-AbCdEf"
TEAM_B = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:team-b/quay-AbCdEf"
ALLOWED = (
    "ghcr.io=arn:aws:secretsmanager:eu-west-1:111122223333:secret:team-a/*",
    f"quay.io={TEAM_B}",
)


def found(
    registry: str, secret_arn: str, *, allowed: tuple[str, ...] = ALLOWED, secrets: FakeSecrets | None = None
) -> Credentials:
    known = FakeSecrets({TEAM_A: "a:hunter2", TEAM_B: "b:hunter2"}) if secrets is None else secrets
    source = TemplateCredentials([AllowedSecret.parse(entry) for entry in allowed], known)
    return source.for_registry(registry, Deadline.after(5), secret_arn)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "ghcr.io.evil.example", "ghcr.io:8443", "sub.ghcr.io", "quay.io", "docker.io", "[::1]:5000"],
)
def test_secret_is_not_read_for_another_host(host: str) -> None:
    secrets = FakeSecrets({TEAM_A: "a:hunter2"})
    none = found(host, TEAM_A, secrets=secrets)
    assert isinstance(none, NoCredentials)
    assert none.reason == (f"the template sets the secret {TEAM_A}, which the configuration does not allow for {host}")
    assert f"IMAGE_PINNER_TEMPLATE_CREDENTIALS={host}=" in none.help
    assert none.refused
    assert secrets.requested == []


@pytest.mark.parametrize(
    "secret_arn",
    [
        TEAM_B,
        TEAM_A.replace("team-a", "team-c"),
        TEAM_A.replace("111122223333", "444455556666"),
        TEAM_A.replace("eu-west-1", "us-east-1"),
        "arn:aws:ssm:eu-west-1:111122223333:parameter/team-a/ghcr",
    ],
)
def test_secret_that_is_not_allowed_is_not_read(secret_arn: str) -> None:
    secrets = FakeSecrets({secret_arn: "x:hunter2"})
    none = found("ghcr.io", secret_arn, secrets=secrets)
    assert isinstance(none, NoCredentials)
    assert none.refused
    assert secrets.requested == []


def test_nothing_is_allowed_by_default() -> None:
    none = found("ghcr.io", TEAM_A, allowed=())
    assert isinstance(none, NoCredentials)
    assert none.refused


@pytest.mark.parametrize(
    "secret_arn",
    [
        "team-a/ghcr",
        "bob:hunter2",
        "*",
        TEAM_A + ":password::",
        TEAM_A.replace("eu-west-1", "evil.example/"),
        TEAM_A.replace("eu-west-1", "cn-north-1"),
        "arn:aws:s3:::bucket",
        "${SecretArn}",
    ],
)
def test_invalid_arn_is_refused_and_not_repeated(secret_arn: str) -> None:
    secrets = FakeSecrets()
    none = found("ghcr.io", secret_arn, allowed=("ghcr.io=arn:aws:secretsmanager:*",), secrets=secrets)
    assert isinstance(none, NoCredentials)
    assert none.reason == "the secret that the template sets for the image is not a valid ARN"
    assert "full ARN" in none.help
    assert none.refused
    assert secrets.requested == []


def test_template_without_a_secret_has_no_credentials() -> None:
    none = found("ghcr.io", "")
    assert isinstance(none, NoCredentials)
    assert none.reason == "the template sets no secret for the image"
    assert not none.refused


def test_unreadable_secret_is_an_error() -> None:
    with pytest.raises(SourceError, match=f"is denied on {TEAM_A}"):
        found("ghcr.io", TEAM_A, secrets=FakeSecrets())


def test_invalid_content_of_a_secret_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as raised:
        found("ghcr.io", TEAM_A, secrets=FakeSecrets({TEAM_A: "hunter2"}))
    assert raised.value.cause.startswith(
        f"the credentials for ghcr.io from the secret {TEAM_A}, which the template sets"
    )
    assert "hunter2" not in raised.value.diagnostics()


def test_allowed_secret_is_used() -> None:
    for registry, secret_arn, user in (("ghcr.io", TEAM_A, "a"), ("quay.io", TEAM_B, "b")):
        credentials = found(registry, secret_arn)
        assert isinstance(credentials, Password)
        assert credentials.user == user
        assert credentials.source == (
            f"the credentials for {registry} from the secret {secret_arn}, which the template sets"
        )
