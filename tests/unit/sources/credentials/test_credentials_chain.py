"""The chain of credential sources: the first with credentials is used, and no failure is skipped."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.core.registry_config import AllowedSecret, CredentialLocation
from image_pinner.sources.credentials.configured import ConfiguredCredentials, CredentialChain, TemplateCredentials
from image_pinner.sources.credentials.interface import AnonymousCredentials, Credentials, NoCredentials, Password
from image_pinner.sources.interface import Deadline
from support.aws import FakeSecrets

ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ghcr-AbCdEf"
PASSWORD = Password("u", "p", "the credentials from here", "renew them")


@dataclass
class Source:
    """Returns the result of the test, or raises it."""

    result: Credentials | ConfigurationError | SourceError
    requests: list[tuple[str, str]] = field(default_factory=list)

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credentials:
        assert deadline.remaining() > 0
        self.requests.append((registry, secret_arn))
        if isinstance(self.result, ConfigurationError | SourceError):
            raise self.result
        return self.result


def none(number: int, *, refused: bool = False) -> Source:
    return Source(NoCredentials(f"reason {number}", f"do {number}", refused=refused))


def found(*sources: Source) -> Credentials:
    return CredentialChain(sources).for_registry("ghcr.io", Deadline.after(5), ARN)


@pytest.mark.parametrize("error", [SourceError("denied", "allow it"), ConfigurationError("not JSON", "correct it")])
def test_failing_source_ends_the_search(error: ConfigurationError | SourceError) -> None:
    last = Source(PASSWORD)
    with pytest.raises(type(error), match=error.cause):
        found(none(1), Source(error), last)
    assert last.requests == []


def test_missing_credentials_have_all_reasons_and_the_help_of_the_last_source() -> None:
    assert found(none(1), none(2), none(3)) == NoCredentials("reason 1; reason 2; reason 3", "do 3")


def test_missing_credentials_have_the_help_of_the_first_refusing_source() -> None:
    missing = found(none(1), none(2, refused=True), none(3, refused=True), none(4))
    assert missing == NoCredentials("reason 1; reason 2; reason 3; reason 4", "do 2", refused=True)


def test_chain_of_one_source_returns_its_result() -> None:
    assert found(none(1)) == NoCredentials("reason 1", "do 1")


def test_empty_chain_is_anonymous() -> None:
    assert found() == AnonymousCredentials().for_registry("ghcr.io", Deadline.after(5))


def test_first_source_with_credentials_is_used_and_later_ones_are_not_read() -> None:
    first, second, third = none(1, refused=True), Source(PASSWORD), Source(SourceError("not read", ""))
    assert found(first, second, third) is PASSWORD
    assert (first.requests, second.requests, third.requests) == ([("ghcr.io", ARN)], [("ghcr.io", ARN)], [])


def test_configuration_takes_precedence_over_the_template_and_that_over_anonymous() -> None:
    other = ARN.replace("ghcr", "configured")
    secrets = FakeSecrets({ARN: "template:1", other: "configured:2"})
    chain = CredentialChain(
        (
            ConfiguredCredentials([CredentialLocation.parse(f"ghcr.io={other}")], secrets, {}, local=False),
            TemplateCredentials([AllowedSecret.parse(f"{name}={ARN}") for name in ("ghcr.io", "quay.io")], secrets),
        )
    )
    registries = ("ghcr.io", "quay.io", "evil.example")
    results = [chain.for_registry(name, Deadline.after(5), ARN) for name in registries]
    assert [one.user for one in results if isinstance(one, Password)] == ["configured", "template"]
    assert results[2] == NoCredentials(
        f"none are configured for evil.example; the template sets the secret {ARN}, which the configuration "
        "does not allow for evil.example",
        "if evil.example may receive it, have it allowed with IMAGE_PINNER_TEMPLATE_CREDENTIALS=evil.example=<its ARN>",
        refused=True,
    )
    assert secrets.requested == [other, ARN]
