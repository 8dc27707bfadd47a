"""Registries that authenticate in ways that the specification does not describe, and that Docker accepts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from image_pinner.core.images.lookups import NotFound, Resolution, Resolved, Unavailable
from image_pinner.sources.credentials.interface import Credentials
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
)

JSON = {"Content-Type": "application/json"}
NAME_UNKNOWN = Answer(404, JSON, json.dumps({"errors": [{"code": "NAME_UNKNOWN"}]}).encode())
MANIFEST_UNKNOWN = Answer(404, JSON, json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN"}]}).encode())
FORBIDDEN = Answer(403, JSON, DENIED)


def demanding(*challenges: str) -> Answer:
    return Answer(401, challenges=challenges)


def accepting(header: str, refusal: Answer) -> Callable[[Seen], Answer]:
    return lambda seen: MANIFEST if seen.authorization == header else refusal


def hidden_from_anonymous(realm: Realm, refusal: Answer, challenge: str = "Basic realm=/") -> Callable[[Seen], Answer]:
    """Return a registry that sends a challenge for /v2/ only, and that accepts the password and each issued token."""

    def serve(seen: Seen) -> Answer:
        token = seen.authorization.removeprefix("Bearer ")
        if seen.path.endswith("/1") and (seen.authorization == PASSWORD.basic() or token in realm.valid):
            return MANIFEST
        if seen.path == "/v2/" and not seen.authorization:
            return demanding(challenge.format(service=realm.service.url))
        return refusal

    return serve


def cause(answer: Resolution) -> str:
    assert isinstance(answer, NotFound | Unavailable)
    return answer.cause


@pytest.mark.parametrize(
    "challenge", ["Basic realm=/", "Basic", "Basic realm=", "Basic realm=My Registry", 'Basic realm="never closed']
)
def test_basic_credentials_are_sent_whatever_the_realm(realm: Realm, challenge: str) -> None:
    realm.registry.script = accepting(PASSWORD.basic(), demanding(challenge))
    assert isinstance(realm.resolve_as(PASSWORD), Resolved)


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer realm="{service}/token",service=,scope="repository:{repository}:pull"',
        "Bearer realm={service}/token,service=reg,scope=repository:{repository}:pull",
        'Bearer realm="{service}/token",realm="{service}/token",service=reg',
        'Bearer @, realm="{service}/token"',
        'Bearer realm="{service}/token" service="reg"',
        'Basic realm=/, Bearer realm="{service}/token"',
    ],
)
def test_a_token_is_requested_if_the_challenge_is_readable_in_part(realm: Realm, challenge: str) -> None:
    realm.challenge = challenge
    assert isinstance(realm.resolve_as(PASSWORD), Resolved)
    assert [seen.authorization for seen in realm.service.seen] == [PASSWORD.basic()]


@pytest.mark.parametrize("other", ["Basic realm=/", "Bearer realm=", 'Bearer realm="not a URL"', '="', "Negotiate"])
@pytest.mark.parametrize("first", [True, False])
def test_an_unreadable_challenge_does_not_affect_another(realm: Realm, other: str, *, first: bool) -> None:
    good = f'Bearer realm="{realm.service.url}/token",service="s"'
    challenges = (other, good) if first else (good, other)

    def serve(seen: Seen) -> Answer:
        return MANIFEST if seen.authorization.removeprefix("Bearer ") in realm.valid else demanding(*challenges)

    realm.registry.script = serve
    assert isinstance(realm.resolve_as(PASSWORD), Resolved)


def test_basic_is_used_if_the_token_service_cannot_be_read(realm: Realm) -> None:
    realm.registry.script = accepting(PASSWORD.basic(), demanding("Bearer realm=/token", "Basic realm=/"))
    assert isinstance(realm.resolve_as(PASSWORD), Resolved)


@pytest.mark.parametrize("status", [200, 201, 203])
@pytest.mark.parametrize("key", ["token", "access_token"])
def test_any_success_of_the_token_service_has_a_token(realm: Realm, status: int, key: str) -> None:
    realm.valid.add("t0ken")
    realm.service.script = lambda _: Answer(status, JSON, json.dumps({key: "t0ken"}).encode())
    assert isinstance(realm.resolve_as(PASSWORD), Resolved)


@pytest.mark.parametrize("refusal", [NAME_UNKNOWN, MANIFEST_UNKNOWN, Answer(404), FORBIDDEN])
@pytest.mark.parametrize("credential", [PASSWORD, IDENTITY_TOKEN])
@pytest.mark.parametrize("challenge", ["Basic realm=/", 'Bearer realm="{service}/token",scope="registry:catalog:*"'])
def test_credentials_are_tried_before_absence_is_trusted(
    realm: Realm, refusal: Answer, credential: Credentials, challenge: str
) -> None:
    realm.registry.script = hidden_from_anonymous(realm, refusal, challenge)
    answer = realm.resolve_as(credential)
    if challenge.startswith("Basic") and credential is IDENTITY_TOKEN:
        assert "requires a user and a password" in cause(answer)
    else:
        assert isinstance(answer, Resolved)
    for seen in realm.service.seen:
        assert [*seen.query.get("scope", ()), *parse_qs(seen.body.decode()).get("scope", ())] == [
            "repository:team/app:pull"
        ]


def test_what_credentials_cannot_see_either_is_missing(realm: Realm) -> None:
    realm.registry.script = hidden_from_anonymous(realm, MANIFEST_UNKNOWN)
    answer = realm.resolve(FixedCredentials({realm.registry.host: PASSWORD}), image="team/app:none")
    assert isinstance(answer, NotFound)
    assert [(seen.path, bool(seen.authorization)) for seen in realm.registry.seen] == [
        ("/v2/team/app/manifests/none", False),
        ("/v2/", False),
        ("/v2/team/app/manifests/none", True),
    ]


def test_without_credentials_no_further_request_is_sent(realm: Realm) -> None:
    realm.registry.script = hidden_from_anonymous(realm, MANIFEST_UNKNOWN)
    assert isinstance(realm.resolve(), NotFound)
    assert realm.registry.paths() == ["/v2/team/app/manifests/1"]


@pytest.mark.parametrize("status", [200, 403, 404])
def test_a_registry_without_a_challenge_gets_no_credentials(realm: Realm, status: int) -> None:
    realm.registry.script = lambda seen: Answer(status) if seen.path == "/v2/" else MANIFEST_UNKNOWN
    assert isinstance(realm.resolve_as(PASSWORD), NotFound)
    assert not any(seen.authorization for seen in realm.registry.seen)


def test_absence_is_not_trusted_if_the_check_fails(realm: Realm) -> None:
    realm.registry.script = lambda seen: demanding("Bearer realm=/token") if seen.path == "/v2/" else MANIFEST_UNKNOWN
    assert "not a valid HTTP or HTTPS URL" in cause(realm.resolve_as(PASSWORD))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_absence_is_not_trusted_if_the_check_is_not_answered(realm: Realm, status: int) -> None:
    realm.registry.script = lambda seen: Answer(status) if seen.path == "/v2/" else MANIFEST_UNKNOWN
    answer = realm.resolve_as(PASSWORD)
    assert isinstance(answer, Unavailable)
    assert f"/v2/ returned {status} (3 attempts), so that it is unknown" in answer.cause


def test_a_registry_is_checked_once_for_all_its_images(realm: Realm) -> None:
    realm.registry.script = hidden_from_anonymous(realm, MANIFEST_UNKNOWN)
    images = [lookup(f"{realm.registry.host}/team/app{number}:1") for number in range(20)]
    answers = realm.resolve_all(*images, credentials=FixedCredentials({realm.registry.host: PASSWORD}))
    assert {type(answer) for answer in answers} == {Resolved}
    assert realm.registry.paths().count("/v2/") == 1


def test_each_repository_gets_the_credentials_for_its_part_of_the_registry(realm: Realm) -> None:
    host = realm.registry.host
    other = replace(PASSWORD, user="other")
    default = replace(PASSWORD, parts=(lambda repository: other if repository.startswith("team/") else None,))
    realm.registry.script = lambda seen: MANIFEST if seen.authorization else demanding("Basic")
    images = [lookup(f"{host}/{name}:1") for name in ("team/app", "app")]
    credentials = FixedCredentials({host: default})
    assert {type(answer) for answer in realm.resolve_all(*images, credentials=credentials)} == {Resolved}
    sent = {seen.path: seen.authorization for seen in realm.registry.seen if seen.authorization}
    assert sent == {"/v2/team/app/manifests/1": other.basic(), "/v2/app/manifests/1": PASSWORD.basic()}
    assert credentials.requested == [host]
