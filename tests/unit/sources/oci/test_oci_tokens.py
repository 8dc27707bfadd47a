"""Tokens: which services are requested, how often, and how the tokens are used."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

import pytest

from image_pinner.core.images.lookups import NotFound, Resolved, Unavailable
from image_pinner.sources.credentials.interface import Credentials, NoCredentials
from support.images import lookup
from support.registries import (
    IDENTITY_TOKEN,
    PASSWORD,
    Answer,
    FixedCredentials,
    Realm,
    ScriptedRegistry,
    Seen,
    cause_of,
    resolve,
)


def test_a_refused_token_is_hidden_and_not_requested_again(realm: Realm) -> None:
    realm.service.script = lambda _: Answer(200, {}, b'{"token": "refused-t0ken"}')
    host = realm.registry.host
    answers = realm.resolve_all(*(lookup(f"{host}/team/app:{tag}") for tag in range(20)))
    assert all("DENIED" in cause_of(answer) and "refused-t0ken" not in str(answer) for answer in answers)
    assert len(realm.service.seen) == 1


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_token_service_that_refuses_the_credential_gets_one_request(realm: Realm, status: int) -> None:
    realm.service.script = lambda _: Answer(status, {"Content-Type": "text/plain"}, b"incorrect username or password")
    host = realm.registry.host
    credentials = FixedCredentials({host: PASSWORD})
    answers = realm.resolve_all(*(lookup(f"{host}/team/app:{tag}") for tag in range(20)), credentials=credentials)
    for answer in answers:
        assert f"/token returned {status} for the credentials from the vault" in cause_of(answer)
        assert isinstance(answer, Unavailable)
        assert answer.help == "renew them in the vault"
    assert len(realm.service.seen) == 1
    assert credentials.requested == [host]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"token": 3}',
        b'{"token": ""}',
        b'{"token": "two words"}',
        b'{"token": "line\\r\\nInjected: header"}',
        b'{"token": "\xc3\xa4"}',
        b"[" * 50_000,
    ],
)
def test_a_token_that_cannot_be_a_header_is_refused(realm: Realm, body: bytes) -> None:
    realm.service.script = lambda _: Answer(200, {}, body)
    assert "returned no usable token" in cause_of(realm.resolve())


def test_a_token_service_is_not_followed_elsewhere(realm: Realm) -> None:
    realm.service.script = lambda _: Answer(307, {"Location": realm.registry.url})
    assert "/token returned 307" in cause_of(realm.resolve_as(PASSWORD))


def test_a_token_service_with_too_much_output_is_refused(realm: Realm) -> None:
    realm.service.script = lambda _: Answer(200, {}, b"x" * 100_000)
    assert "sent more than 65536 bytes" in cause_of(realm.resolve())


def test_a_token_service_without_tls_must_be_listed_itself(plain: Realm) -> None:
    answer = resolve(lookup(f"{plain.registry.host}/app:1"), insecure=(plain.registry.host,))[0]
    assert f"refers to a token service over plain HTTP, {plain.service.url}/token" in cause_of(answer)
    assert plain.service.connections == 0


def test_a_listed_token_service_without_tls_gets_no_credential(plain: Realm) -> None:
    plain.service.script = lambda _: Answer(401, {"Content-Type": "text/plain"}, b"who are you?")
    host = plain.registry.host
    credentials = FixedCredentials({host: PASSWORD, plain.service.host: PASSWORD})
    answer = plain.resolve(credentials)
    assert answer == Unavailable(
        f"token service {plain.service.url}/token returned 401 for no credentials (none are sent over plain HTTP)",
        f"install a certificate for {host} and set its CA file in IMAGE_PINNER_CA_BUNDLES",
    )
    assert credentials.requested == []
    assert token_request(plain).authorization == ""


@pytest.mark.parametrize(
    ("realm_url", "cause"),
    [
        ("https://user:pw@auth.example/token", "refers to a token service at auth.example with a user in its URL"),
        ("ftp://auth.example/token", "not a valid HTTP or HTTPS URL"),
        ("token", "not a valid HTTP or HTTPS URL"),
        ("", "requires a token without a service for it"),
        ("https://169.254.169.254/latest/meta-data", "a token service at another domain, 169.254.169.254"),
        ("https://[fd00:ec2::254]/token", "a token service at another domain, [fd00:ec2::254]"),
        ("http://169.254.169.254/token", "refers to a token service over plain HTTP, http://169.254.169.254/token"),
    ],
)
def test_an_invalid_token_service_gets_no_request(realm: Realm, realm_url: str, cause: str) -> None:
    realm.challenge = f'Bearer realm="{realm_url}",service="reg"'
    assert cause in cause_of(realm.resolve_as(PASSWORD))
    assert len(realm.registry.seen) == 1


@pytest.mark.parametrize(
    ("credential", "help"),
    [
        (NoCredentials("no credential", "Get one"), "configure credentials, which have a higher limit: Get one"),
        (PASSWORD, "retry later, or use an account with a higher limit"),
    ],
)
def test_429_after_a_token_advises_by_what_was_shown(realm: Realm, credential: Credentials, help: str) -> None:
    def throttle(seen: Seen) -> Answer:
        return Answer(429) if seen.authorization else realm.serve(seen)

    realm.registry.script = throttle
    answer = realm.resolve_as(credential)
    assert isinstance(answer, Unavailable)
    assert answer.help == help


def token_request(realm: Realm) -> Seen:
    (seen,) = realm.service.seen
    return seen


def test_an_anonymous_token_is_requested_without_a_credential(realm: Realm) -> None:
    assert isinstance(realm.resolve(), Resolved)
    seen = token_request(realm)
    assert (seen.method, seen.path, seen.authorization) == ("GET", "/token", "")
    assert seen.query == {"service": ["reg"], "scope": ["repository:team/app:pull"]}


@pytest.mark.parametrize("credential", [PASSWORD, IDENTITY_TOKEN], ids=["password", "identity token"])
def test_a_registry_without_tls_gets_an_anonymous_token_from_a_listed_service(
    plain: Realm, credential: Credentials
) -> None:
    credentials = FixedCredentials(dict.fromkeys((plain.registry.host, plain.service.host), credential))
    assert isinstance(plain.resolve(credentials), Resolved)
    assert credentials.requested == []
    seen = token_request(plain)
    assert (seen.method, seen.path, seen.authorization, seen.body) == ("GET", "/token", "", b"")
    assert seen.query == {"service": ["reg"], "scope": ["repository:team/app:pull"]}
    assert [seen.authorization for seen in plain.registry.seen] == ["", "Bearer token-1"]


def test_a_registry_without_tls_gets_no_credential_sent_to_a_service_over_tls(realm: Realm) -> None:
    """Who listens on the way could have named the service."""
    with ScriptedRegistry(realm.serve) as registry:
        credentials = FixedCredentials({registry.host: PASSWORD})
        transport = {"trust": realm.trust}
        wanted = lookup(f"{registry.host}/team/app:1")
        (answer,) = resolve(wanted, insecure=(registry.host,), credentials=credentials, transport=transport)
    assert isinstance(answer, Resolved)
    assert credentials.requested == []
    assert token_request(realm).authorization == ""


def test_a_password_is_exchanged_for_a_token_and_not_shown_to_the_registry(realm: Realm) -> None:
    assert isinstance(realm.resolve_as(PASSWORD), Resolved)
    assert token_request(realm).authorization == PASSWORD.basic()
    assert [seen.authorization for seen in realm.registry.seen] == ["", "Bearer token-1"]


def test_an_identity_token_is_exchanged_in_a_form(realm: Realm) -> None:
    def issue(_: Seen) -> Answer:
        realm.valid.add("exchanged")
        return Answer(200, {}, b'{"access_token": "exchanged", "expires_in": 60}')

    realm.service.script = issue
    assert isinstance(realm.resolve_as(IDENTITY_TOKEN), Resolved)
    seen = token_request(realm)
    assert (seen.method, seen.query, seen.authorization) == ("POST", {}, "")
    assert parse_qs(seen.body.decode()) == {
        "grant_type": ["refresh_token"],
        "service": ["reg"],
        "scope": ["repository:team/app:pull"],
        "client_id": ["image-pinner"],
        "refresh_token": ["identity-t0ken"],
    }


@pytest.mark.parametrize(
    ("challenge", "query"),
    [
        ('bearer REALM="{service}/token"', {"scope": ["repository:team/app:pull"]}),
        (
            'Basic realm="x", Bearer realm="{service}/token?account=b",service="s",scope="x:y:pull z:w:pull"',
            {"account": ["b"], "service": ["s"], "scope": ["x:y:pull", "z:w:pull"]},
        ),
    ],
)
def test_the_token_request_follows_the_challenge(realm: Realm, challenge: str, query: Mapping[str, list[str]]) -> None:
    realm.challenge = challenge
    assert isinstance(realm.resolve(), Resolved)
    assert token_request(realm).query == query


def test_one_token_serves_all_images_of_a_repository_however_many_run_at_once(realm: Realm) -> None:
    host = realm.registry.host
    names = [f"{host}/team/{app}:{tag}" for tag in range(20) for app in ("a", "b")]
    answers = realm.resolve_all(*map(lookup, names))
    assert all(isinstance(answer, Resolved) for answer in answers)
    assert sorted(seen.query["scope"][0] for seen in realm.service.seen) == [
        "repository:team/a:pull",
        "repository:team/b:pull",
    ]


def test_a_token_that_expires_in_the_midst_of_a_run_is_renewed(realm: Realm) -> None:
    def serve(seen: Seen) -> Answer:
        answer = realm.serve(seen)
        if seen.path.endswith("/1"):
            realm.valid.clear()
            realm.valid.add("the token of others")
        return answer

    realm.registry.script = serve
    host = realm.registry.host
    answers = realm.resolve_all(*(lookup(f"{host}/app:{tag}") for tag in range(3)), per_host=1)
    assert [type(answer) for answer in answers] == [Resolved, Resolved, Resolved]
    assert len(realm.service.seen) == 2


def test_each_run_requests_new_tokens(realm: Realm) -> None:
    assert isinstance(realm.resolve(), Resolved)
    assert isinstance(realm.resolve(), Resolved)
    assert len(realm.service.seen) == 2


def test_an_image_that_is_missing_is_missing_with_a_token_too(realm: Realm) -> None:
    def serve(seen: Seen) -> Answer:
        unknown = Answer(404, {}, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')
        return unknown if seen.authorization else realm.serve(seen)

    realm.registry.script = serve
    answer = realm.resolve()
    assert isinstance(answer, NotFound)
