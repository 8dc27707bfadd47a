"""Registries: bugs of other tools, one by one.

Each line has an affected project, an issue, or [ran], [src] or [doc] for what was seen, read in a source or documented,
and the test that shows what happens here.

NotFound | Unsuitable or wrong digest header
    distribution/distribution #2395: test_wrong_digest_header__distribution_2395
    distribution/distribution #3792: test_missing_digest_header__distribution_3792
    distribution/distribution #3848: test_missing_digest_header__distribution_3848
    containerd/containerd #3238: test_missing_digest_header__containerd_3238
    renovatebot/renovate #2315, sylabs/singularity #734: test_missing_digest_header__renovate_2315_singularity_734
    Docker.Registry.DotNet #34, google/containerregistry #10: test_missing_digest_header_of_a_get__ecr
    crane, kbld, a lying header [ran]: test_lying_digest_header__crane_kbld
A "random" digest per request
    kbld #19, resolve twice: test_random_digest__kbld_19_resolve_twice
    google/go-containerregistry #907, #1720: test_schema_1__crane_907_1720
The Accept header decides which digest
    distribution/distribution #2943: test_accept_header_decides__distribution_2943
    google/go-containerregistry #271: test_accept_header_decides__crane_271
    renovatebot/renovate #8427: test_accept_header_decides__renovate_8427
    containers/image #1246: test_accept_header_decides__containers_image_1246
429 storms
    kyverno/kyverno #6123: test_429_storm__kyverno_6123
    kbld #456: test_429_storm__kbld_456
    mitogen #790: test_429_storm__mitogen_790
    sigstore/policy-controller #189: test_429_storm__policy_controller_189
    Docker Hub counts GET, not HEAD [doc]: test_docker_hub_counts_get_not_head
"""

from __future__ import annotations

import pytest

from edge_cases.edge_pins import (
    APP,
    CONFIG,
    IMAGE,
    INDEX,
    LIE,
    LIST,
    MANIFEST,
    OF_DOCKER,
    SCHEMA_1,
    STORED,
    failing,
    headerless,
    image,
    pin_from,
    pinned,
    refusal,
    refusals,
    reported,
)
from image_pinner.core.images.lookups import (
    ACCEPTED_MEDIA_TYPES,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1,
    OCI_INDEX,
    OCI_MANIFEST,
)
from image_pinner.core.images.references import Digest
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.http.transport import PER_HOST
from support.images import oci_image
from support.registries import Answer, Realm, ScriptedRegistry, Seen, Waits, patient, sent


def counting_pulls(registry: ScriptedRegistry) -> RegistryHosts:
    return RegistryHosts([registry.host], pull_counting=[registry.host])


def test_wrong_digest_header__distribution_2395(registry: ScriptedRegistry) -> None:
    """distribution/distribution #2395: the digest of the list was sent with the manifest of one platform."""
    registry.script = lambda _: sent(OF_DOCKER, DOCKER_MANIFEST, Docker_Content_Digest=str(Digest.of(LIST)))
    message = refusal(pin_from(registry, APP))
    assert (
        f"sent a manifest with digest {Digest.of(OF_DOCKER)} "
        f"and the header Docker-Content-Digest: '{Digest.of(LIST)}'; help: " in message
    )
    assert "check for a proxy or mirror that changes manifests" in message


@pytest.mark.parametrize(("body", "media_type"), STORED)
def test_missing_digest_header__distribution_3792(registry: ScriptedRegistry, body: bytes, media_type: str) -> None:
    """distribution/distribution #3792: registries that never send the header get no second request for it."""
    registry.script = lambda _: headerless(body, media_type)
    assert image(pin_from(registry, APP)) == pinned(registry, body)
    assert len(registry.seen) == 1


def test_missing_digest_header__distribution_3848(registry: ScriptedRegistry) -> None:
    """distribution/distribution #3848: a proxy strips the header of some media types."""
    registry.script = lambda seen: headerless(INDEX, OCI_INDEX) if "index" in seen.path else sent(MANIFEST)
    result = pin_from(registry, "team/index:1", "team/single:1")
    assert image(result) == pinned(registry, INDEX, "team/index")
    assert image(result, "Web2") == pinned(registry, MANIFEST, "team/single")


def test_missing_digest_header__containerd_3238(registry: ScriptedRegistry) -> None:
    """containerd/containerd #3238: the header is optional, and an empty one is ignored."""
    registry.script = lambda _: sent(OF_DOCKER, DOCKER_MANIFEST, Docker_Content_Digest="")
    assert image(pin_from(registry, APP)) == pinned(registry, OF_DOCKER)


@pytest.mark.parametrize("header", [{}, {"Docker-Content-Digest": ""}, {"Docker-Content-Digest": "sha512:00"}])
def test_missing_digest_header__renovate_2315_singularity_734(
    registry: ScriptedRegistry, header: dict[str, str]
) -> None:
    """renovatebot/renovate #2315, sylabs/singularity #734: where HEAD has no digest, GET does."""

    def script(seen: Seen) -> Answer:
        if seen.method == "HEAD":
            return Answer(200, {"Content-Type": OCI_INDEX, "Content-Length": str(len(INDEX)), **header})
        return headerless(INDEX, OCI_INDEX)

    registry.script = script
    assert image(pin_from(registry, APP, hosts=counting_pulls(registry))) == pinned(registry, INDEX)
    assert [seen.method for seen in registry.seen] == ["HEAD", "GET"]


def test_missing_digest_header_of_a_get__ecr(registry: ScriptedRegistry) -> None:
    """Docker.Registry.DotNet #34, google/containerregistry #10: ECR sends the header only for HEAD."""
    registry.script = lambda seen: sent(MANIFEST) if seen.method == "HEAD" else headerless(MANIFEST, OCI_MANIFEST)
    result = pin_from(registry, APP)
    assert image(result) == pinned(registry, MANIFEST)
    assert reported(result)["request"] == f"http://{registry.host}/v2/team/app/manifests/1"


@pytest.mark.parametrize(("body", "media_type"), STORED)
def test_lying_digest_header__crane_kbld(registry: ScriptedRegistry, body: bytes, media_type: str) -> None:
    """crane, kbld, a lying header [ran]: they pinned it. Here it is refused with both digests."""
    registry.script = lambda _: sent(body, media_type, Docker_Content_Digest=LIE)
    message = refusal(pin_from(registry, APP))
    assert f"{registry.url}/v2/team/app/manifests/1 sent a manifest with digest {Digest.of(body)}" in message
    assert f"and the header Docker-Content-Digest: '{LIE}'" in message


def test_random_digest__kbld_19_resolve_twice(registry: ScriptedRegistry) -> None:
    """kbld #19, resolve twice: a tag that changes with each request has one digest in one template."""
    registry.script = lambda _: sent(oci_image(CONFIG, layer=str(len(registry.seen)).encode()))
    result = pin_from(registry, APP, APP)
    assert image(result) == image(result, "Web2") == pinned(registry, oci_image(CONFIG, layer=b"1"))
    assert len(registry.seen) == 1


@pytest.mark.parametrize("media_type", [*DOCKER_SCHEMA1, "application/json", OCI_MANIFEST])
def test_schema_1__crane_907_1720(registry: ScriptedRegistry, media_type: str) -> None:
    """google/go-containerregistry #907, #1720: a schema 1 manifest, signed again by some, is refused for what it is."""
    registry.script = lambda _: headerless(SCHEMA_1.replace(b"{}", b'{"kid": "%d"}' % len(registry.seen)), media_type)
    message = refusal(pin_from(registry, APP))
    assert "schema 1" in message
    assert "build and push the image again" in message


def _like_distribution(seen: Seen) -> Answer:
    if DOCKER_LIST in seen.headers["Accept"]:
        return sent(LIST, DOCKER_LIST)
    if DOCKER_MANIFEST in seen.headers["Accept"]:
        return sent(OF_DOCKER, DOCKER_MANIFEST)
    return sent(SCHEMA_1, DOCKER_SCHEMA1[1])


def test_accept_header_decides__distribution_2943(registry: ScriptedRegistry) -> None:
    """distribution/distribution #2943: a client that does not accept schema 2 gets schema 1, with another digest."""
    registry.script = _like_distribution
    assert image(pin_from(registry, APP)) == pinned(registry, LIST)


def test_accept_header_decides__crane_271(registry: ScriptedRegistry) -> None:
    """google/go-containerregistry #271: a client that does not accept lists gets the manifest of linux/amd64."""
    registry.script = _like_distribution
    result = pin_from(registry, APP, f"{APP}2")
    assert [image(result), image(result, "Web2")] == [pinned(registry, LIST)] * 2
    assert reported(result)["media_type"] == DOCKER_LIST


def test_accept_header_decides__renovate_8427(registry: ScriptedRegistry) -> None:
    """renovatebot/renovate #8427: a client that does not accept an OCI index gets a 404."""
    unknown = failing(404, "MANIFEST_UNKNOWN", "OCI index found, but accept header does not support OCI indexes")
    registry.script = lambda seen: sent(INDEX, OCI_INDEX) if OCI_INDEX in seen.headers["Accept"] else unknown
    assert image(pin_from(registry, APP)) == pinned(registry, INDEX)


def test_accept_header_decides__containers_image_1246(realm: Realm) -> None:
    """containers/image #1246: every request for a manifest accepts the same four, before and after authentication."""
    result = pin_from(realm.registry, APP, hosts=RegistryHosts(), transport={"trust": realm.trust})
    assert result.report.succeeded
    accepted = [seen.headers.get_all("Accept") for seen in realm.registry.seen]
    assert accepted == [[", ".join(ACCEPTED_MEDIA_TYPES)]] * 2


def test_429_storm__kyverno_6123(registry: ScriptedRegistry) -> None:
    """kyverno/kyverno #6123: a registry that keeps throttling gets a few requests, and credentials are suggested."""
    registry.script = lambda _: failing(429, "TOOMANYREQUESTS", "You have reached your pull rate limit")
    message = refusal(pin_from(registry, APP))
    assert "returned 429 (3 attempts), 'TOOMANYREQUESTS: You have reached your pull rate limit'" in message
    assert f"if {registry.host} has a higher limit for authenticated clients, configure credentials" in message
    assert len(registry.seen) == 3


def test_429_storm__kbld_456(registry: ScriptedRegistry) -> None:
    """kbld #456: it failed at the first 429. Here the `Retry-After` of the registry is respected."""
    waits = Waits()
    slow_down = failing(429, "TOOMANYREQUESTS", "slow down", **{"Retry-After": "7"})
    registry.script = lambda _: sent(MANIFEST) if len(registry.seen) > 1 else slow_down
    result = pin_from(registry, APP, transport={"retry": patient(waits)})
    assert image(result) == pinned(registry, MANIFEST)
    (waited,) = waits.seconds
    assert 7 <= waited < 8


def test_429_storm__mitogen_790(registry: ScriptedRegistry) -> None:
    """mitogen #790: a registry that throttles gets no further requests, instead of some for each image."""
    registry.script = lambda _: failing(429, "TOOMANYREQUESTS", "slow down")
    message = refusals(pin_from(registry, *(f"team/app{number}:1" for number in range(100))))
    assert len(message) == 100
    assert all("429" in one for one in message)
    # Those in progress when the first one failed, with three attempts each.
    assert len(registry.seen) <= PER_HOST * 3


def test_429_storm__policy_controller_189(registry: ScriptedRegistry) -> None:
    """sigstore/policy-controller #189: which image could not be had, from where and why is printed."""
    registry.script = lambda _: failing(429, "TOOMANYREQUESTS", "slow down")
    first, second = refusals(pin_from(registry, "web:1", "worker:2"))
    assert first.startswith(f"{IMAGE}: '{registry.host}/web:1': ")
    assert second.startswith(f"{IMAGE.replace('Web', 'Web2')}: '{registry.host}/worker:2': ")
    assert f"{registry.url}/v2/" in first + second
    for message in (first, second):
        assert "returned 429 (3 attempts)" in message
    assert "'TOOMANYREQUESTS: slow down'" in first + second


def test_docker_hub_counts_get_not_head(registry: ScriptedRegistry) -> None:
    """Docker Hub counts GET, not HEAD [doc]: one HEAD per image, and a GET by digest for a platform or an index."""
    registry.script = lambda seen: sent(MANIFEST) if seen.method == "GET" else _headers(MANIFEST, OCI_MANIFEST)
    result = pin_from(registry, APP, "team/app:2", hosts=counting_pulls(registry))
    assert image(result) == image(result, "Web2") == pinned(registry, MANIFEST)
    assert [seen.method for seen in registry.seen] == ["HEAD", "HEAD"]
    assert reported(result)["request"].startswith("HEAD ")
    registry.seen.clear()
    pin_from(registry, APP)
    assert [seen.method for seen in registry.seen] == ["GET"]
    registry.seen.clear()
    registry.script = lambda seen: sent(INDEX, OCI_INDEX) if seen.method == "GET" else _headers(INDEX, OCI_INDEX)
    marked = pin_from(registry, APP, hosts=counting_pulls(registry), options="Platform=linux/amd64")
    assert image(marked) == pinned(registry, INDEX)
    by_digest = f"/v2/team/app/manifests/{Digest.of(INDEX)}"
    assert registry.requests() == [
        ("HEAD", "/v2/team/app/manifests/1"),
        ("GET", by_digest),
    ]


def _headers(body: bytes, media_type: str) -> Answer:
    message = {"Content-Type": media_type, "Docker-Content-Digest": str(Digest.of(body))}
    return Answer(200, {**message, "Content-Length": str(len(body))})
