"""A template names registry and secret: only a pair that the operator bound together leads to a login."""

from __future__ import annotations

import pytest

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.core.registry_config import AllowedSecret
from image_pinner.sources.credentials.configured import TemplateCredentials
from image_pinner.sources.credentials.interface import Credential, NoCredential, Password
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
) -> Credential:
    known = FakeSecrets({TEAM_A: "a:hunter2", TEAM_B: "b:hunter2"}) if secrets is None else secrets
    credentials = TemplateCredentials([AllowedSecret.parse(entry) for entry in allowed], known)
    return credentials.for_registry(registry, Deadline.after(5), secret_arn)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "ghcr.io.evil.example", "ghcr.io:8443", "sub.ghcr.io", "quay.io", "docker.io", "[::1]:5000"],
)
def test_a_secret_is_not_even_read_for_a_host_of_the_author_s_choice(host: str) -> None:
    secrets = FakeSecrets({TEAM_A: "a:hunter2"})
    none = found(host, TEAM_A, secrets=secrets)
    assert isinstance(none, NoCredential)
    assert none.source == (
        f"no credential, for the template names the secret {TEAM_A}, which the operator has not allowed for {host}"
    )
    assert f"IMAGE_PINNER_TEMPLATE_CREDENTIALS={host}=" in none.advice
    assert none.refused
    assert secrets.asked == []


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
def test_another_secret_than_the_allowed_ones_is_not_read(secret_arn: str) -> None:
    secrets = FakeSecrets({secret_arn: "x:hunter2"})
    none = found("ghcr.io", secret_arn, secrets=secrets)
    assert isinstance(none, NoCredential)
    assert none.refused
    assert secrets.asked == []


def test_nothing_is_allowed_by_default() -> None:
    none = found("ghcr.io", TEAM_A, allowed=())
    assert isinstance(none, NoCredential)
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
def test_what_is_no_arn_is_refused_and_not_repeated(secret_arn: str) -> None:
    secrets = FakeSecrets()
    none = found("ghcr.io", secret_arn, allowed=("ghcr.io=arn:aws:secretsmanager:*",), secrets=secrets)
    assert isinstance(none, NoCredential)
    assert none.source == "no credential, for what the template names as the image's secret is no ARN of one"
    assert "full ARN" in none.advice
    assert none.refused
    assert secrets.asked == []


def test_no_secret_is_no_credential_and_nothing_refused() -> None:
    none = found("ghcr.io", "")
    assert isinstance(none, NoCredential)
    assert none.source == "no credential, for the template names no secret for the image"
    assert not none.refused


def test_an_allowed_secret_that_cannot_be_read_is_not_taken_for_none() -> None:
    with pytest.raises(SourceError, match=f"is denied on {TEAM_A}"):
        found("ghcr.io", TEAM_A, secrets=FakeSecrets())


def test_an_allowed_secret_of_no_known_form_is_refused_unseen() -> None:
    with pytest.raises(ConfigurationError) as refused:
        found("ghcr.io", TEAM_A, secrets=FakeSecrets({TEAM_A: "hunter2"}))
    assert refused.value.cause.startswith(
        f"the credential for ghcr.io from the secret {TEAM_A}, which the template names"
    )
    assert "hunter2" not in refused.value.diagnostics()


def test_the_secret_that_is_allowed_for_the_registry_is_used() -> None:
    for registry, secret_arn, user in (("ghcr.io", TEAM_A, "a"), ("quay.io", TEAM_B, "b")):
        credential = found(registry, secret_arn)
        assert isinstance(credential, Password)
        assert credential.user == user
        assert credential.source == (
            f"the credential for {registry} from the secret {secret_arn}, which the template names"
        )
