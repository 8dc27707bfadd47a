"""Logging in: what a registry demands, what it is shown, and who must never see it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace

import pytest

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.core.images.lookups import Resolved, Unavailable
from image_pinner.sources.credentials.interface import AnonymousCredentials, Credentials
from image_pinner.sources.interface import Deadline
from support.images import lookup
from support.registries import (
    DENIED,
    LOGIN,
    MANIFEST,
    TOKEN_LOGIN,
    Answer,
    FixedCredentials,
    Realm,
    Seen,
    cause_of,
)

SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:registry"


@pytest.mark.parametrize("credential", [LOGIN, TOKEN_LOGIN], ids=["password", "identity token"])
def test_by_plain_http_no_login_is_sent_and_none_is_even_looked_for(plain: Realm, credential: Credentials) -> None:
    plain.challenge = 'Basic realm="registry"'
    host = plain.registry.host
    credentials = FixedCredentials({host: credential})
    (answer,) = plain.ask_all(replace(lookup(f"{host}/team/app:1"), credentials=SECRET), credentials=credentials)
    assert answer == Unavailable(
        f"{plain.registry.url}/v2/team/app/manifests/1 demands a user and a password; "
        "no credentials (none are sent over plain HTTP)",
        f"Give {host} a certificate, and name its authority in IMAGE_PINNER_CA_BUNDLES",
    )
    assert credentials.asked == credentials.secrets_asked == []
    assert [seen.authorization for seen in plain.registry.seen] == [""]


def test_a_registry_that_demands_a_password_and_gets_none_is_unavailable_with_advice(realm: Realm) -> None:
    realm.challenge = 'Basic realm="registry"'
    answer = realm.ask(AnonymousCredentials())
    assert "demands a user and a password; no credentials" in cause_of(answer)
    assert isinstance(answer, Unavailable)
    assert "ECR" in answer.help
    assert len(realm.registry.seen) == 1


def test_a_password_that_is_refused_is_named_by_its_source_and_never_shown(realm: Realm) -> None:
    realm.challenge = "Basic"
    answer = realm.ask_as(LOGIN)
    cause = cause_of(answer)
    assert cause.endswith("answered 401, 'DENIED: requested access is denied', to the credentials from the vault")
    assert isinstance(answer, Unavailable)
    assert answer.help.endswith("if so: renew them in the vault")
    assert len(realm.registry.seen) == 2


def test_a_server_that_repeats_the_password_does_not_make_us_show_it(realm: Realm) -> None:
    def repeat(seen: Seen) -> Answer:
        encoded = seen.authorization.removeprefix("Basic ")
        words = f"no access with {encoded} or {base64.b64decode(encoded).decode()}" if encoded else ""
        return Answer(401, {"WWW-Authenticate": "Basic", "Content-Type": "text/plain"}, words.encode())

    realm.registry.script = repeat
    cause = cause_of(realm.ask_as(LOGIN))
    assert "no access with *** or robot:***" in cause


@dataclass(frozen=True)
class BrokenCredentials:
    fault: SourceError | ConfigurationError

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credentials:  # noqa: ARG002
        raise self.fault


def test_a_registry_that_demands_nothing_is_shown_nothing(realm: Realm) -> None:
    realm.registry.script = lambda _: MANIFEST
    credentials = FixedCredentials({realm.registry.host: LOGIN})
    assert isinstance(realm.ask(credentials), Resolved)
    assert credentials.asked == []
    assert [seen.authorization for seen in realm.registry.seen] == [""]


def test_a_credential_is_looked_for_by_the_exact_host_and_port(realm: Realm) -> None:
    realm.challenge = "Basic"
    credentials = FixedCredentials({"127.0.0.1": LOGIN})
    assert "demands a user and a password" in cause_of(realm.ask(credentials))
    assert credentials.asked == [realm.registry.host]


def test_403_without_a_demand_is_told_as_it_is(realm: Realm) -> None:
    realm.registry.script = lambda _: Answer(403, {"Content-Type": "application/json"}, DENIED)
    answer = realm.ask_as(LOGIN)
    assert "answered 403, 'DENIED: requested access is denied'" in cause_of(answer)
    assert isinstance(answer, Unavailable)
    assert answer.help == f"Ask the owner of {realm.registry.host} who may read team/app from here"
    assert realm.registry.seen[0].authorization == ""


def test_429_without_a_login_advises_to_log_in(realm: Realm) -> None:
    realm.registry.script = lambda _: Answer(429, {}, b'{"errors": [{"code": "TOOMANYREQUESTS"}]}')
    answer = realm.ask()
    assert "answered 429 (tried 3 times), 'TOOMANYREQUESTS'" in cause_of(answer)
    assert isinstance(answer, Unavailable)
    assert answer.help.startswith("Log in to")


def test_a_password_is_sent_once_it_is_demanded_and_at_once_for_the_next_image(realm: Realm) -> None:
    expected = "Basic " + base64.b64encode("robot:pass-w0rd:äö".encode()).decode()

    def serve(seen: Seen) -> Answer:
        return MANIFEST if seen.authorization == expected else Answer(401, {"WWW-Authenticate": "Basic realm=x"})

    realm.registry.script = serve
    host = realm.registry.host
    answers = realm.ask_all(
        *(lookup(f"{host}/team/app:{tag}") for tag in range(3)),
        credentials=FixedCredentials({host: LOGIN}),
        per_host=1,
    )
    assert all(isinstance(answer, Resolved) for answer in answers)
    assert [bool(seen.authorization) for seen in realm.registry.seen] == [False, True, True, True]


@pytest.mark.parametrize("challenge", ["", "Negotiate", "Digest realm=x, NTLM", 'Bearer service="no realm"', 'B="'])
def test_a_demand_that_cannot_be_met_is_said_so(realm: Realm, challenge: str) -> None:
    realm.challenge = challenge
    realm.service.script = lambda _: pytest.fail("nobody named this service")
    assert isinstance(realm.ask_as(LOGIN), Unavailable)
    assert realm.service.seen == []


def test_an_identity_token_is_no_password(realm: Realm) -> None:
    realm.challenge = "Basic"
    assert "the credentials from the store are an identity token" in cause_of(realm.ask_as(TOKEN_LOGIN))
    assert len(realm.registry.seen) == 1


@pytest.mark.parametrize("kind", [SourceError, ConfigurationError])
def test_a_credential_that_cannot_be_had_does_not_make_us_anonymous(
    realm: Realm, kind: type[SourceError | ConfigurationError]
) -> None:
    answer = realm.ask(BrokenCredentials(kind("the vault is locked", "Unlock it")))
    assert answer == Unavailable("the vault is locked", "Unlock it")
    assert realm.service.seen == []


def test_the_secret_that_a_template_names_is_asked_for_with_its_image_alone(realm: Realm) -> None:
    credentials = FixedCredentials({realm.registry.host: LOGIN})
    unnamed = lookup(f"{realm.registry.host}/team/app:1")
    answers = realm.ask_all(unnamed, replace(unnamed, credentials=SECRET), credentials=credentials, workers=1)
    assert all(isinstance(answer, Resolved) for answer in answers)
    assert sorted(credentials.secrets_asked) == ["", SECRET]
    assert len(realm.registry.seen) == 4
