"""Several sources in order: the first that has one gives it, and none is passed over in silence."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.core.registry_config import AllowedSecret, CredentialLocation
from image_pinner.sources.credentials.configured import ConfiguredCredentials, CredentialChain, TemplateCredentials
from image_pinner.sources.credentials.interface import AnonymousCredentials, Credential, NoCredential, Password
from image_pinner.sources.interface import Deadline
from support.aws import FakeSecrets

ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ghcr-AbCdEf"
PASSWORD = Password("u", "p", "the credential from here", "Renew it")


@dataclass
class Source:
    """Gives what the test says, an error too."""

    given: Credential | ConfigurationError | SourceError
    asked: list[tuple[str, str]] = field(default_factory=list)

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credential:
        assert deadline.remaining() > 0
        self.asked.append((registry, secret_arn))
        if isinstance(self.given, ConfigurationError | SourceError):
            raise self.given
        return self.given


def none(number: int, *, refused: bool = False) -> Source:
    return Source(NoCredential(f"no credential, for reason {number}", f"Do {number}", refused=refused))


def found(*sources: Source) -> Credential:
    return CredentialChain(sources).for_registry("ghcr.io", Deadline.after(5), ARN)


@pytest.mark.parametrize("error", [SourceError("denied", "Allow it"), ConfigurationError("no JSON", "Correct it")])
def test_a_source_that_fails_ends_the_search(error: ConfigurationError | SourceError) -> None:
    last = Source(PASSWORD)
    with pytest.raises(type(error), match=error.cause):
        found(none(1), Source(error), last)
    assert last.asked == []


def test_none_tells_all_that_was_looked_at_and_advises_what_the_last_source_does() -> None:
    assert found(none(1), none(2), none(3)) == NoCredential("no credential: reason 1; reason 2; reason 3", "Do 3")


def test_none_advises_what_the_first_source_does_that_may_not_give_what_it_has() -> None:
    given = found(none(1), none(2, refused=True), none(3, refused=True), none(4))
    assert given == NoCredential("no credential: reason 1; reason 2; reason 3; reason 4", "Do 2", refused=True)


def test_a_chain_of_one_says_what_that_one_says() -> None:
    assert found(none(1)) == NoCredential("no credential, for reason 1", "Do 1")


def test_a_chain_of_none_is_anonymous() -> None:
    assert found() == AnonymousCredentials().for_registry("ghcr.io", Deadline.after(5))


def test_the_first_source_that_has_one_gives_it_and_no_other_is_asked() -> None:
    first, second, third = none(1, refused=True), Source(PASSWORD), Source(SourceError("not asked", ""))
    assert found(first, second, third) is PASSWORD
    assert (first.asked, second.asked, third.asked) == ([("ghcr.io", ARN)], [("ghcr.io", ARN)], [])


def test_what_the_operator_configured_goes_before_what_the_template_names_and_that_before_anonymous() -> None:
    other = ARN.replace("ghcr", "configured")
    secrets = FakeSecrets({ARN: "template:1", other: "operator:2"})
    chain = CredentialChain(
        (
            ConfiguredCredentials([CredentialLocation.parse(f"ghcr.io={other}")], secrets, {}, local=False),
            TemplateCredentials([AllowedSecret.parse(f"{name}={ARN}") for name in ("ghcr.io", "quay.io")], secrets),
        )
    )
    registries = ("ghcr.io", "quay.io", "evil.example")
    given = [chain.for_registry(name, Deadline.after(5), ARN) for name in registries]
    assert [one.user for one in given if isinstance(one, Password)] == ["operator", "template"]
    assert given[2] == NoCredential(
        f"no credential: none is configured for evil.example; the template names the secret {ARN}, which the operator "
        "has not allowed for evil.example",
        "If it is meant for evil.example, have the operator allow it with "
        "IMAGE_PINNER_TEMPLATE_CREDENTIALS=evil.example=<its ARN>",
        refused=True,
    )
    assert secrets.asked == [other, ARN]
