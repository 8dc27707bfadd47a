"""Lookups by digest at registries: one HEAD, and a GET if the manifest is needed or HEAD is answered incompletely."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from image_pinner.core.images.lookups import (
    ACCEPTED_MEDIA_TYPES,
    DOCKER_SCHEMA1,
    OCI_INDEX,
    OCI_MANIFEST,
    NotFound,
    Origin,
    Resolution,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.references import Digest
from support.images import (
    ANOTHER,
    CONFIG,
    INDEX,
    MANIFEST,
    lookup,
    oci_image,
)
from support.registries import Answer, Realm, ScriptedRegistry, Seen, cause_of, resolve, sent

DIGEST, OTHER_DIGEST, INDEX_DIGEST = Digest.of(MANIFEST), Digest.of(ANOTHER), Digest.of(INDEX)
STORED = {DIGEST: (MANIFEST, OCI_MANIFEST), INDEX_DIGEST: (INDEX, OCI_INDEX)}
CONFIG_PATH = f"/v2/team/app/blobs/{Digest.of(CONFIG)}"


def path_of(digest: Digest) -> str:
    return f"/v2/team/app/manifests/{digest}"


def error(status: int, code: str) -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": "no"}]}).encode()
    return Answer(status, {"Content-Type": "application/json"}, body)


def serve(seen: Seen) -> Answer:
    """Answer like a registry that has two manifests and the config."""
    if seen.path == CONFIG_PATH:
        return Answer(200, {}, CONFIG)
    stored = {path_of(digest): sent(*content) for digest, content in STORED.items()}
    return stored.get(seen.path, error(404, "MANIFEST_UNKNOWN"))


@pytest.fixture
def registry() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(serve) as running:
        yield running


def resolve_digest(
    registry: ScriptedRegistry,
    digest: Digest,
    platform: str = "",
    *,
    index_allowed: bool = True,
    counts_pulls: bool = False,
) -> Resolution:
    wanted = lookup(f"{registry.host}/team/app@{digest}", platform, index_allowed=index_allowed)
    pull_counting = (registry.host,) if counts_pulls else ()
    return resolve(wanted, insecure=(registry.host,), pull_counting=pull_counting)[0]


def respond_to_head(registry: ScriptedRegistry, answer: Answer) -> None:
    registry.script = lambda seen: answer if seen.method == "HEAD" else serve(seen)


def test_a_missing_digest_is_not_found_after_a_get_that_proves_it(registry: ScriptedRegistry) -> None:
    answer = resolve_digest(registry, OTHER_DIGEST)
    assert isinstance(answer, NotFound)
    url = f"{registry.url}{path_of(OTHER_DIGEST)}"
    assert answer.cause == f"team/app has no image with this digest: {url} returned 404, 'MANIFEST_UNKNOWN: no'"
    assert answer.help == "push the image to team/app again, or use an existing digest"
    assert registry.requests() == [("HEAD", path_of(OTHER_DIGEST)), ("GET", path_of(OTHER_DIGEST))]


def test_a_missing_repository_is_not_found_and_named(registry: ScriptedRegistry) -> None:
    registry.script = lambda _: error(404, "NAME_UNKNOWN")
    answer = resolve_digest(registry, DIGEST)
    assert isinstance(answer, NotFound)
    assert "spelling of the repository 'team/app'" in answer.help


def test_a_404_that_is_not_of_a_registry_does_not_prove_that_the_image_is_missing(registry: ScriptedRegistry) -> None:
    registry.script = lambda _: Answer(404, {"Content-Type": "text/html"}, b"<h1>Not found</h1>")
    answer = resolve_digest(registry, DIGEST)
    assert isinstance(answer, Unsuitable)
    assert "without the error code of a registry" in answer.cause


def test_a_head_with_another_digest_is_refused(registry: ScriptedRegistry) -> None:
    respond_to_head(registry, sent(MANIFEST, Docker_Content_Digest=str(OTHER_DIGEST)))
    cause = cause_of(resolve_digest(registry, DIGEST))
    assert cause == f"{registry.url}{path_of(DIGEST)} sent the header Docker-Content-Digest: '{OTHER_DIGEST}'"
    assert registry.requests() == [("HEAD", path_of(DIGEST))]


def test_a_manifest_with_another_digest_is_refused(registry: ScriptedRegistry) -> None:
    registry.script = lambda _: sent(ANOTHER)
    cause = cause_of(resolve_digest(registry, DIGEST, "linux/amd64"))
    assert cause == f"{registry.url}{path_of(DIGEST)} sent a manifest with digest {OTHER_DIGEST}"


def test_a_denied_lookup_is_unavailable_and_a_get_explains_it(registry: ScriptedRegistry) -> None:
    registry.script = lambda _: error(403, "DENIED")
    cause = cause_of(resolve_digest(registry, DIGEST))
    assert cause == f"{registry.url}{path_of(DIGEST)} returned 403, 'DENIED: no'"
    assert registry.requests() == [("HEAD", path_of(DIGEST)), ("GET", path_of(DIGEST))]


def test_a_busy_registry_is_unavailable(registry: ScriptedRegistry) -> None:
    registry.script = lambda _: Answer(503)
    assert "returned 503 (3 attempts)" in cause_of(resolve_digest(registry, DIGEST))
    assert {seen.method for seen in registry.seen} == {"HEAD"}


def test_schema_1_is_refused_by_its_header(registry: ScriptedRegistry) -> None:
    respond_to_head(registry, sent(MANIFEST, DOCKER_SCHEMA1[1]))
    answer = resolve_digest(registry, DIGEST)
    assert isinstance(answer, Unsuitable)
    assert "schema 1" in answer.cause


def test_an_index_without_the_platform_is_unsuitable(registry: ScriptedRegistry) -> None:
    answer = resolve_digest(registry, INDEX_DIGEST, "linux/arm64")
    assert isinstance(answer, Unsuitable)
    assert registry.requests() == [("GET", path_of(INDEX_DIGEST))]


@pytest.mark.parametrize("counts_pulls", [False, True])
@pytest.mark.parametrize("digest", [DIGEST, INDEX_DIGEST], ids=["an image", "an index"])
def test_an_existing_digest_is_one_head(registry: ScriptedRegistry, digest: Digest, *, counts_pulls: bool) -> None:
    answer = resolve_digest(registry, digest, counts_pulls=counts_pulls)
    origin = Origin("registry", f"HEAD {registry.url}{path_of(digest)}")
    assert answer == Resolved(digest, STORED[digest][1], origin)
    assert registry.requests() == [("HEAD", path_of(digest))]
    assert registry.seen[0].headers["Accept"].split(", ") == list(ACCEPTED_MEDIA_TYPES)


def test_a_head_need_not_repeat_the_digest(registry: ScriptedRegistry) -> None:
    respond_to_head(registry, Answer(200, {"Content-Type": OCI_MANIFEST}, MANIFEST))
    answer = resolve_digest(registry, DIGEST)
    assert isinstance(answer, Resolved)
    assert answer.digest == DIGEST
    assert registry.requests() == [("HEAD", path_of(DIGEST))]


@pytest.mark.parametrize(
    "head",
    [
        Answer(405),
        Answer(501),
        Answer(204),
        Answer(200, {"Docker-Content-Digest": str(DIGEST)}),
        Answer(200, {"Docker-Content-Digest": str(DIGEST), "Content-Type": "text/html"}),
        Answer(200, {"Docker-Content-Digest": "sha512:" + "0" * 128, "Content-Type": OCI_MANIFEST}),
    ],
    ids=["405", "501", "204", "no type", "a page", "sha512"],
)
def test_an_incomplete_head_response_is_followed_by_a_get(registry: ScriptedRegistry, head: Answer) -> None:
    respond_to_head(registry, head)
    answer = resolve_digest(registry, DIGEST)
    assert answer == Resolved(DIGEST, OCI_MANIFEST, Origin("registry", f"{registry.url}{path_of(DIGEST)}"))
    assert registry.requests() == [("HEAD", path_of(DIGEST)), ("GET", path_of(DIGEST))]


@pytest.mark.parametrize("counts_pulls", [False, True])
def test_for_a_platform_the_manifest_is_read_without_a_head(registry: ScriptedRegistry, *, counts_pulls: bool) -> None:
    index = resolve_digest(registry, INDEX_DIGEST, "linux/amd64", counts_pulls=counts_pulls)
    assert isinstance(index, Resolved)
    assert index.digest == INDEX_DIGEST
    single = resolve_digest(registry, DIGEST, "linux/amd64", counts_pulls=counts_pulls)
    assert isinstance(single, Resolved)
    assert single.digest == DIGEST
    paths = (path_of(INDEX_DIGEST), path_of(DIGEST), CONFIG_PATH)
    assert registry.requests() == [("GET", path) for path in paths]


def test_where_an_index_is_not_allowed_it_is_read_after_the_head(registry: ScriptedRegistry) -> None:
    answer = resolve_digest(registry, INDEX_DIGEST, index_allowed=False)
    assert isinstance(answer, Resolved)
    assert (answer.digest, answer.origin.index) == (DIGEST, INDEX_DIGEST)
    assert registry.requests() == [("HEAD", path_of(INDEX_DIGEST)), ("GET", path_of(INDEX_DIGEST))]


def test_lookups_of_one_digest_share_their_requests(registry: ScriptedRegistry) -> None:
    name = f"{registry.host}/team/app@{INDEX_DIGEST}"
    lookups = [lookup(name), lookup(name, "linux/amd64"), lookup(name, "linux/arm64")]
    answers = resolve(*lookups, insecure=(registry.host,))
    assert [type(answer) for answer in answers] == [Resolved, Resolved, Unsuitable]
    assert registry.requests() == [("GET", path_of(INDEX_DIGEST))]


def test_tag_and_digest_of_one_image_are_two_requests(registry: ScriptedRegistry) -> None:
    registry.script = lambda seen: sent(MANIFEST) if seen.path.endswith("/1") else serve(seen)
    names = (f"{registry.host}/team/app:1", f"{registry.host}/team/app@{DIGEST}")
    answers = resolve(*map(lookup, names), insecure=(registry.host,))
    assert [answer.digest for answer in answers if isinstance(answer, Resolved)] == [DIGEST, DIGEST]
    assert sorted(registry.requests()) == [("GET", "/v2/team/app/manifests/1"), ("HEAD", path_of(DIGEST))]


def test_a_challenge_to_head_is_answered(realm: Realm) -> None:
    manifest = Digest.of(oci_image())
    (answer,) = realm.resolve_all(lookup(f"{realm.registry.host}/team/app@{manifest}"))
    assert isinstance(answer, Resolved)
    assert [seen.method for seen in realm.registry.seen] == ["HEAD", "HEAD"]


def test_a_denied_token_is_unavailable(realm: Realm) -> None:
    realm.service.script = lambda _: Answer(401)
    (answer,) = realm.resolve_all(lookup(f"{realm.registry.host}/team/app@{DIGEST}"))
    assert isinstance(answer, Unavailable)
