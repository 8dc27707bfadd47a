"""Registries that count pulls: a HEAD where it is enough, a GET by digest where the bytes must be known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from image_pinner.core.images.lookups import (
    ACCEPTED_MEDIA_TYPES,
    DOCKER_SCHEMA1,
    OCI_INDEX,
    OCI_MANIFEST,
    ImageLookup,
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
    attestation,
    descriptor,
    lookup,
    oci_index,
)
from support.registries import PASSWORD, Answer, FixedCredentials, Realm, ScriptedRegistry, Seen, resolve, sent

DIGEST, OF_INDEX = Digest.of(MANIFEST), Digest.of(INDEX)
LIE = "sha256:" + "0" * 64
TAG = "/v2/team/app/manifests/1"
BY_DIGEST, BY_INDEX_DIGEST = f"/v2/team/app/manifests/{DIGEST}", f"/v2/team/app/manifests/{OF_INDEX}"
CONFIG_BLOB = f"/v2/team/app/blobs/{Digest.of(CONFIG)}"
UNKNOWN = json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "no such tag"}]}).encode()
NOT_FOUND = Answer(404, {"Content-Type": "application/json"}, UNKNOWN)

Script = Callable[[Seen], Answer]


def holds(manifest: bytes, media_type: str = OCI_MANIFEST) -> Script:
    """Return the script of a registry that has the manifest under every name, and the config."""
    return lambda seen: Answer(200, {}, CONFIG) if "/blobs/" in seen.path else sent(manifest, media_type)


def to_head(head: Answer, get: Script) -> Script:
    """Return the script of a registry that answers to HEAD in another way than to GET."""
    return lambda seen: head if seen.method == "HEAD" else get(seen)


@pytest.fixture
def registry() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(holds(MANIFEST)) as running:
        yield running


def resolve_with_head(
    registry: ScriptedRegistry, script: Script, platform: str = "", *, index_allowed: bool = True
) -> Resolution:
    registry.script = script
    wanted = lookup(f"{registry.host}/team/app:1", platform, index_allowed=index_allowed)
    return resolve(wanted, insecure=(registry.host,), pull_counting=(registry.host,))[0]


def refusal(answer: Resolution) -> str:
    assert isinstance(answer, Unavailable | NotFound | Unsuitable)
    assert answer.help
    return answer.cause


def by_head(registry: ScriptedRegistry) -> Resolved:
    return Resolved(DIGEST, OCI_MANIFEST, Origin("registry", f"HEAD {registry.url}{TAG}"))


def test_a_digest_that_heads_and_bytes_do_not_agree_on_is_refused(registry: ScriptedRegistry) -> None:
    message = refusal(resolve_with_head(registry, to_head(sent(MANIFEST), holds(ANOTHER)), "linux/amd64"))
    assert message == f"{registry.url}{BY_DIGEST} sent a manifest with digest {Digest.of(ANOTHER)}"
    assert registry.requests() == [("HEAD", TAG), ("GET", BY_DIGEST)]


def test_a_repeated_digest_does_not_replace_hashing(
    registry: ScriptedRegistry,
) -> None:
    lying = sent(ANOTHER, Docker_Content_Digest=str(DIGEST))
    message = refusal(resolve_with_head(registry, to_head(sent(MANIFEST), lambda _: lying), "linux/amd64"))
    assert f"with digest {Digest.of(ANOTHER)} and the header Docker-Content-Digest: '{DIGEST}'" in message


def test_a_lie_that_the_registry_cannot_show_a_manifest_for_is_refused(registry: ScriptedRegistry) -> None:
    def script(seen: Seen) -> Answer:
        return NOT_FOUND if LIE in seen.path else sent(MANIFEST, Docker_Content_Digest=LIE)

    assert "returned 404, 'MANIFEST_UNKNOWN: no such tag'" in refusal(
        resolve_with_head(registry, script, "linux/amd64")
    )


def test_a_404_to_head_has_a_get_explain_it(registry: ScriptedRegistry) -> None:
    answer = resolve_with_head(registry, lambda _: NOT_FOUND)
    assert isinstance(answer, NotFound)
    assert answer.cause == f"{registry.url}{TAG} returned 404, 'MANIFEST_UNKNOWN: no such tag'"
    assert registry.requests() == [("HEAD", TAG), ("GET", TAG)]


def test_a_403_to_head_has_a_get_explain_it(registry: ScriptedRegistry) -> None:
    denied = Answer(
        403, {"Content-Type": "application/json"}, b'{"errors": [{"code": "DENIED", "message": "not you"}]}'
    )
    assert (
        refusal(resolve_with_head(registry, lambda _: denied)) == f"{registry.url}{TAG} returned 403, 'DENIED: not you'"
    )


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_registry_gets_no_get_after_head(registry: ScriptedRegistry, status: int) -> None:
    assert f"returned {status} (3 attempts)" in refusal(resolve_with_head(registry, lambda _: Answer(status)))
    assert registry.requests() == [("HEAD", TAG)] * 3


def test_schema_1_is_refused_by_its_header(registry: ScriptedRegistry) -> None:
    assert "schema 1" in refusal(resolve_with_head(registry, holds(MANIFEST, DOCKER_SCHEMA1[1])))
    assert registry.requests() == [("HEAD", TAG)]


def test_an_index_without_the_platform_is_refused_by_its_bytes(registry: ScriptedRegistry) -> None:
    message = refusal(resolve_with_head(registry, holds(INDEX, OCI_INDEX), "linux/arm64"))
    assert "has no image for linux/arm64; available: linux/amd64" in message
    assert registry.requests() == [("HEAD", TAG), ("GET", BY_INDEX_DIGEST)]


@pytest.mark.parametrize(
    ("manifests", "cause"),
    [
        ([], "lists no image"),
        ([attestation(OCI_MANIFEST, b"{}", MANIFEST)], "lists no image"),
        ([descriptor(OCI_INDEX, INDEX)], "lists further indexes"),
    ],
    ids=["empty", "attestations", "indexes"],
)
def test_an_index_without_an_image_is_refused_as_by_get(
    registry: ScriptedRegistry, manifests: list[dict[str, Any]], cause: str
) -> None:
    empty = oci_index(*manifests)
    assert cause in refusal(resolve_with_head(registry, holds(empty, OCI_INDEX)))
    assert registry.requests() == [("HEAD", TAG), ("GET", f"/v2/team/app/manifests/{Digest.of(empty)}")]


def test_the_index_of_a_tag_is_got_by_its_digest_although_no_platform_is_wanted(registry: ScriptedRegistry) -> None:
    answer = resolve_with_head(registry, holds(INDEX, OCI_INDEX))
    assert isinstance(answer, Resolved)
    assert answer.digest == OF_INDEX
    assert registry.requests() == [("HEAD", TAG), ("GET", BY_INDEX_DIGEST)]


def test_of_a_single_image_one_head_is_all_if_no_platform_is_wanted(registry: ScriptedRegistry) -> None:
    assert resolve_with_head(registry, holds(MANIFEST)) == by_head(registry)
    assert registry.requests() == [("HEAD", TAG)]
    assert registry.seen[0].headers["Accept"].split(", ") == list(ACCEPTED_MEDIA_TYPES)


def test_an_image_for_which_no_index_is_taken_needs_no_get_when_it_is_none(registry: ScriptedRegistry) -> None:
    assert resolve_with_head(registry, holds(MANIFEST), index_allowed=False) == by_head(registry)
    assert registry.requests() == [("HEAD", TAG)]


def test_where_a_platform_is_wanted_an_index_is_got_once_by_its_digest(registry: ScriptedRegistry) -> None:
    answer = resolve_with_head(registry, holds(INDEX, OCI_INDEX), "linux/amd64")
    assert isinstance(answer, Resolved)
    assert answer.digest == OF_INDEX
    assert registry.requests() == [("HEAD", TAG), ("GET", BY_INDEX_DIGEST)]


def test_where_no_index_is_taken_the_platform_s_manifest_is_found_in_it(registry: ScriptedRegistry) -> None:
    answer = resolve_with_head(registry, holds(INDEX, OCI_INDEX), "linux/amd64", index_allowed=False)
    assert isinstance(answer, Resolved)
    assert (answer.digest, answer.origin.index) == (DIGEST, OF_INDEX)
    assert registry.requests() == [("HEAD", TAG), ("GET", BY_INDEX_DIGEST)]


def test_where_a_platform_is_wanted_of_a_single_image_its_config_is_read(registry: ScriptedRegistry) -> None:
    answer = resolve_with_head(registry, holds(MANIFEST), "linux/amd64")
    assert isinstance(answer, Resolved)
    assert answer.digest == DIGEST
    assert registry.requests() == [("HEAD", TAG), ("GET", BY_DIGEST), ("GET", CONFIG_BLOB)]


def test_lookups_of_one_image_share_its_head_and_its_get(registry: ScriptedRegistry) -> None:
    registry.script = holds(INDEX, OCI_INDEX)
    name = f"{registry.host}/team/app:1"
    wanted: list[ImageLookup] = [lookup(name), lookup(name, "linux/amd64"), lookup(name, "linux/arm64")]
    answers = resolve(*wanted, insecure=(registry.host,), pull_counting=(registry.host,))
    assert [type(answer) for answer in answers] == [Resolved, Resolved, Unsuitable]
    assert registry.requests() == [("HEAD", TAG), ("GET", BY_INDEX_DIGEST)]


@pytest.mark.parametrize(
    "head",
    [
        Answer(400),
        Answer(405),
        Answer(501),
        Answer(200, {"Content-Type": OCI_MANIFEST}),
        Answer(200, {"Docker-Content-Digest": str(DIGEST)}),
        Answer(200, {"Docker-Content-Digest": str(DIGEST), "Content-Type": "text/html"}),
        Answer(200, {"Docker-Content-Digest": "sha512:" + "0" * 128, "Content-Type": OCI_MANIFEST}),
        Answer(200, {"Docker-Content-Digest": f"{DIGEST}, {DIGEST}", "Content-Type": OCI_MANIFEST}),
        Answer(204, {"Docker-Content-Digest": str(DIGEST), "Content-Type": OCI_MANIFEST}),
    ],
    ids=["400", "405", "501", "no digest", "no type", "a page", "sha512", "twice", "204"],
)
def test_a_head_without_a_digest_is_followed_by_a_get_of_the_tag(registry: ScriptedRegistry, head: Answer) -> None:
    answer = resolve_with_head(registry, to_head(head, holds(MANIFEST)))
    assert answer == Resolved(DIGEST, OCI_MANIFEST, Origin("registry", f"{registry.url}{TAG}"))
    assert registry.requests() == [("HEAD", TAG), ("GET", TAG)]


def test_a_challenge_to_head_is_answered(realm: Realm) -> None:
    host = realm.registry.host
    credentials = FixedCredentials({host: PASSWORD})
    (answer,) = realm.resolve_all(lookup(f"{host}/team/app:1"), pull_counting=(host,), credentials=credentials)
    # The registry of this realm sends no digest, so that the tag is requested.
    assert isinstance(answer, Resolved)
    assert realm.registry.requests() == [("HEAD", TAG), ("HEAD", TAG), ("GET", TAG)]
    assert [seen.authorization for seen in realm.registry.seen] == ["", "Bearer token-1", "Bearer token-1"]
    assert [seen.authorization for seen in realm.service.seen] == [PASSWORD.basic()]


def test_one_token_is_requested_for_all_images_of_a_repository(realm: Realm) -> None:
    def script(seen: Seen) -> Answer:
        known = seen.authorization.removeprefix("Bearer ") in realm.valid
        return sent(INDEX, OCI_INDEX) if known else realm.serve(seen)

    realm.registry.script = script
    host = realm.registry.host
    wanted = [lookup(f"{host}/team/app:{tag}", "linux/amd64") for tag in range(20)]
    answers = realm.resolve_all(*wanted, pull_counting=(host,))
    assert {type(answer) for answer in answers} == {Resolved}
    assert len(realm.service.seen) == 1
    accepted = [seen.method for seen in realm.registry.seen if seen.authorization]
    assert (accepted.count("HEAD"), accepted.count("GET")) == (20, 20)


def test_other_registries_get_no_head() -> None:
    with ExitStack() as stack:
        counted, free = (stack.enter_context(ScriptedRegistry(holds(MANIFEST))) for _ in range(2))
        wanted = [lookup(f"{server.host}/team/app:1") for server in (counted, free)]
        resolve(*wanted, insecure=(counted.host, free.host), pull_counting=(counted.host,))
        assert (counted.requests(), free.requests()) == ([("HEAD", TAG)], [("GET", TAG)])
