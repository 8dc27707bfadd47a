"""Responses of a registry that works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from image_pinner.core.images.lookups import (
    ACCEPTED_MEDIA_TYPES,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest
from support.images import (
    attestation,
    descriptor,
    docker_image,
    docker_list,
    encoded,
    lookup,
    oci_image,
    oci_index,
    platform,
)
from support.registries import Answer, Raw, ScriptedRegistry, Seen, resolve, resolve_answer, resolved, sent

AMD64, ARM64 = oci_image(b'{"architecture": "amd64"}'), oci_image(b'{"architecture": "arm64"}')
INDEX = oci_index(
    descriptor(OCI_MANIFEST, AMD64, **platform("linux", "amd64")),
    descriptor(OCI_MANIFEST, ARM64, **platform("linux", "arm64")),
    attestation(OCI_MANIFEST, b"{}", AMD64),
)


@pytest.fixture
def registry() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(lambda _: sent(AMD64)) as running:
        yield running


BOTH = (Platform("linux", "amd64"), Platform("linux", "arm64"))
DOCKER_BOTH = docker_list(
    descriptor(DOCKER_MANIFEST, docker_image(), **platform("linux", "amd64")),
    descriptor(DOCKER_MANIFEST, docker_image(b"{ }"), **platform("linux", "arm64")),
)


def test_a_manifest_of_4_mib_is_taken(registry: ScriptedRegistry) -> None:
    large = AMD64.ljust(4 * 1024 * 1024)
    assert resolve_answer(registry, sent(large)) == resolved(registry, large, OCI_MANIFEST)


@pytest.mark.parametrize(
    ("body", "media_type", "platforms"),
    [
        (AMD64, OCI_MANIFEST, None),
        (docker_image(), DOCKER_MANIFEST, None),
        (INDEX, OCI_INDEX, BOTH),
        (DOCKER_BOTH, DOCKER_LIST, BOTH),
    ],
)
def test_the_digest_is_the_hash_of_the_body(
    registry: ScriptedRegistry, body: bytes, media_type: str, platforms: tuple[Platform, ...] | None
) -> None:
    assert resolve_answer(registry, sent(body, media_type)) == resolved(registry, body, media_type, platforms)


def test_no_digest_header_is_needed(registry: ScriptedRegistry) -> None:
    answer = resolve_answer(registry, Answer(200, {"Content-Type": OCI_MANIFEST}, AMD64))
    assert answer == resolved(registry, AMD64, OCI_MANIFEST)


def test_an_oci_manifest_need_not_name_its_media_type(registry: ScriptedRegistry) -> None:
    plain = encoded({"schemaVersion": 2, "config": {}, "layers": []})
    assert resolve_answer(registry, sent(plain)) == resolved(registry, plain, OCI_MANIFEST)


def test_a_media_type_with_parameters_is_read_without_them(registry: ScriptedRegistry) -> None:
    answer = resolve_answer(registry, sent(AMD64, f"{OCI_MANIFEST.upper()}; charset=utf-8"))
    assert answer == resolved(registry, AMD64, OCI_MANIFEST)


def test_a_body_in_chunks_is_read_whole(registry: ScriptedRegistry) -> None:
    half = len(INDEX) // 2
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (INDEX[:half], INDEX[half:], b""))
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {OCI_INDEX}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    answer = resolve_answer(registry, Raw(lambda wire, _: wire.write(head + chunks)))
    assert answer == resolved(registry, INDEX, OCI_INDEX, BOTH)


def test_one_get_accepts_the_four_media_types_and_nothing_else_is_sent(registry: ScriptedRegistry) -> None:
    resolve_answer(registry, sent(AMD64))
    (seen,) = registry.seen
    assert (seen.method, seen.path) == ("GET", "/v2/team/app/manifests/1")
    assert seen.headers["Accept"].split(", ") == list(ACCEPTED_MEDIA_TYPES)
    assert seen.headers["User-Agent"].startswith("image-pinner/")
    assert seen.authorization == ""


def test_a_reference_without_a_tag_means_latest(registry: ScriptedRegistry) -> None:
    resolve(lookup(f"{registry.host}/app"), insecure=(registry.host,))
    assert registry.paths() == ["/v2/app/manifests/latest"]


def test_lookups_of_one_reference_share_one_request(registry: ScriptedRegistry) -> None:
    registry.script = lambda _: sent(INDEX, OCI_INDEX)
    name = f"{registry.host}/team/app:1"
    any_platform, arm64, windows = resolve(
        lookup(name),
        lookup(name, "linux/arm64", index_allowed=False),
        lookup(name, "windows/amd64"),
        insecure=(registry.host,),
    )
    assert any_platform == resolved(registry, INDEX, OCI_INDEX, BOTH)
    assert isinstance(arm64, Resolved)
    assert (arm64.digest, arm64.origin.index) == (Digest.of(ARM64), Digest.of(INDEX))
    assert isinstance(windows, Unsuitable)
    assert len(registry.seen) == 1


def test_no_lookups_send_no_request() -> None:
    assert resolve() == []


def test_one_image_s_failure_does_not_affect_the_others(registry: ScriptedRegistry) -> None:
    def script(seen: Seen) -> Answer:
        return sent(AMD64) if seen.path.endswith("/good") else Answer(500)

    registry.script = script
    good, bad = resolve(
        lookup(f"{registry.host}/app:good"), lookup(f"{registry.host}/app:bad"), insecure=(registry.host,)
    )
    assert isinstance(good, Resolved)
    assert isinstance(bad, Unavailable)
