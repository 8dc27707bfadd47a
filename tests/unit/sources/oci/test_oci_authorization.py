"""Authentication: what registries require, what is sent, and what is never printed."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pytest

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.core.images.lookups import Resolved, Unavailable
from image_pinner.sources.credentials.interface import AnonymousCredentials, Credentials
from image_pinner.sources.interface import Deadline
from support.images import lookup
from support.registries import (
    DENIED,
    IDENTITY_TOKEN,
    MANIFEST,
    PASSWORD,
    Answer,
    FixedCredentials,
    Realm,
    Seen,
    cause_of,
)

SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:registry"


@pytest.mark.parametrize("credential", [PASSWORD, IDENTITY_TOKEN], ids=["password", "identity token"])
def test_without_tls_no_credential_is_sent_or_looked_up(plain: Realm, credential: Credentials) -> None:
    plain.challenge = 'Basic realm="registry"'
    host = plain.registry.host
    credentials = FixedCredentials({host: credential})
    (answer,) = plain.resolve_all(lookup(f"{host}/team/app:1")._replace(credentials=SECRET), credentials=credentials)
    assert answer == Unavailable(
        f"{plain.registry.url}/v2/team/app/manifests/1 requires a user and a password; "
        "no credentials (none are sent over plain HTTP)",
        f"install a certificate for {host} and set its CA file in IMAGE_PINNER_CA_BUNDLES",
    )
    assert credentials.requested == credentials.requested_secrets == []
    assert [seen.authorization for seen in plain.registry.seen] == [""]


def test_a_required_password_that_is_missing_is_unavailable_with_help(realm: Realm) -> None:
    realm.challenge = 'Basic realm="registry"'
    answer = realm.resolve(AnonymousCredentials())
    assert "requires a user and a password; no credential" in cause_of(answer)
    assert isinstance(answer, Unavailable)
    assert "ECR" in answer.help
    assert len(realm.registry.seen) == 1


def test_a_refused_password_is_reported_by_its_source_only(realm: Realm) -> None:
    realm.challenge = "Basic"
    answer = realm.resolve_as(PASSWORD)
    cause = cause_of(answer)
    assert cause.endswith("returned 401, 'DENIED', for the credentials from the vault")
    assert isinstance(answer, Unavailable)
    assert answer.help.endswith("if so: renew them in the vault")
    assert len(realm.registry.seen) == 2


def test_the_text_of_a_server_that_got_a_password_is_not_shown(realm: Realm) -> None:
    def repeat(seen: Seen) -> Answer:
        encoded = seen.authorization.removeprefix("Basic ")
        words = f"no access with {encoded} or {base64.b64decode(encoded).decode()}" if encoded else ""
        return Answer(401, {"WWW-Authenticate": "Basic", "Content-Type": "text/plain"}, words.encode())

    realm.registry.script = repeat
    cause = cause_of(realm.resolve_as(PASSWORD))
    assert cause.endswith("returned 401, for the credentials from the vault")


@dataclass(frozen=True)
class BrokenCredentials:
    fault: SourceError | ConfigurationError

    def for_registry(self, registry: str, deadline: Deadline, secret_arn: str = "") -> Credentials:  # noqa: ARG002
        raise self.fault


def test_a_registry_without_authentication_gets_no_credential(realm: Realm) -> None:
    realm.registry.script = lambda _: MANIFEST
    credentials = FixedCredentials({realm.registry.host: PASSWORD})
    assert isinstance(realm.resolve(credentials), Resolved)
    assert credentials.requested == []
    assert [seen.authorization for seen in realm.registry.seen] == [""]


def test_a_credential_is_looked_up_by_exact_host_and_port(realm: Realm) -> None:
    realm.challenge = "Basic"
    credentials = FixedCredentials({"127.0.0.1": PASSWORD})
    assert "requires a user and a password" in cause_of(realm.resolve(credentials))
    assert credentials.requested == [realm.registry.host]


def test_403_without_a_challenge_is_reported_as_it_is(realm: Realm) -> None:
    realm.registry.script = lambda _: Answer(403, {"Content-Type": "application/json"}, DENIED)
    answer = realm.resolve_as(PASSWORD)
    assert "returned 403, 'DENIED: requested access is denied'" in cause_of(answer)
    assert isinstance(answer, Unavailable)
    assert answer.help == f"contact the owner of {realm.registry.host} to allow reading team/app from here"
    assert realm.registry.seen[0].authorization == ""


def test_429_without_credentials_suggests_credentials(realm: Realm) -> None:
    realm.registry.script = lambda _: Answer(429, {}, b'{"errors": [{"code": "TOOMANYREQUESTS"}]}')
    answer = realm.resolve()
    assert "returned 429 (3 attempts), 'TOOMANYREQUESTS'" in cause_of(answer)
    assert isinstance(answer, Unavailable)
    assert "configure credentials with IMAGE_PINNER_CREDENTIALS" in answer.help


def test_a_password_is_sent_after_a_challenge_and_directly_for_further_images(realm: Realm) -> None:
    expected = "Basic " + base64.b64encode("robot:pass-w0rd:äö".encode()).decode()

    def serve(seen: Seen) -> Answer:
        return MANIFEST if seen.authorization == expected else Answer(401, {"WWW-Authenticate": "Basic realm=x"})

    realm.registry.script = serve
    host = realm.registry.host
    answers = realm.resolve_all(
        *(lookup(f"{host}/team/app:{tag}") for tag in range(3)),
        credentials=FixedCredentials({host: PASSWORD}),
        per_host=1,
    )
    assert all(isinstance(answer, Resolved) for answer in answers)
    assert [bool(seen.authorization) for seen in realm.registry.seen] == [False, True, True, True]


@pytest.mark.parametrize("challenge", ["", "Negotiate", "Digest realm=x, NTLM", 'Bearer service="no realm"', 'B="'])
def test_an_unsupported_challenge_is_unavailable(realm: Realm, challenge: str) -> None:
    realm.challenge = challenge
    realm.service.script = lambda _: pytest.fail("nobody named this service")
    assert isinstance(realm.resolve_as(PASSWORD), Unavailable)
    assert realm.service.seen == []


def test_an_identity_token_is_not_sent_as_a_password(realm: Realm) -> None:
    realm.challenge = "Basic"
    assert "the credentials from the store contain an identity token" in cause_of(realm.resolve_as(IDENTITY_TOKEN))
    assert len(realm.registry.seen) == 1


@pytest.mark.parametrize("images", [1, 3])
def test_a_credential_that_is_configured_wrongly_is_a_configuration_error(realm: Realm, images: int) -> None:
    lookups = [lookup(f"{realm.registry.host}/team/app-{number}:1") for number in range(images)]
    credentials = BrokenCredentials(ConfigurationError("auths is not an object", "correct the file"))
    with pytest.raises(ConfigurationError) as caught:
        realm.resolve_all(*lookups, credentials=credentials)
    assert (caught.value.cause, caught.value.help) == ("auths is not an object", "correct the file")
    assert realm.service.seen == []


def test_without_access_to_a_configured_credential_no_anonymous_request_is_sent(realm: Realm) -> None:
    answer = realm.resolve(BrokenCredentials(SourceError("the vault is locked", "unlock it")))
    assert answer == Unavailable("the vault is locked", "unlock it")
    assert realm.service.seen == []


def test_the_secret_set_for_an_image_is_used_for_that_image_only(realm: Realm) -> None:
    credentials = FixedCredentials({realm.registry.host: PASSWORD})
    unnamed = lookup(f"{realm.registry.host}/team/app:1")
    answers = realm.resolve_all(unnamed, unnamed._replace(credentials=SECRET), credentials=credentials, workers=1)
    assert all(isinstance(answer, Resolved) for answer in answers)
    assert sorted(credentials.requested_secrets) == ["", SECRET]
    assert len(realm.registry.seen) == 4
