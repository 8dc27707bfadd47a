"""Lookups by digest at the real registry, whose HEAD is enough."""

from __future__ import annotations

import pytest

from image_pinner.core.images.lookups import OCI_MANIFEST, NotFound, Resolved, Unsuitable
from image_pinner.core.images.references import Digest
from registry.pushed_images import HELM_CHART, IMAGES, MULTI, REPOSITORY, Pushed
from registry.registry_lookups import resolve_image
from support.images import oci_image
from support.registry_program import DockerRegistry

pytestmark = pytest.mark.registry

MISSING = Digest.of(b"missing")


@pytest.mark.parametrize("repository", [REPOSITORY, "team/none"])
def test_a_missing_digest_is_not_found(stocked: DockerRegistry, repository: str) -> None:
    answer = resolve_image(stocked, f"{repository}@{MISSING}")
    assert isinstance(answer, NotFound)
    assert answer.cause.startswith(
        f"{repository} has no image with this digest: {stocked.url}/v2/{repository}/manifests/{MISSING} returned 404"
    )


def test_an_index_without_the_platform_is_unsuitable(stocked: DockerRegistry) -> None:
    answer = resolve_image(stocked, f"{REPOSITORY}@{MULTI.digest}", "linux/s390x")
    assert isinstance(answer, Unsuitable)


def test_an_artifact_for_a_platform_is_unsuitable(stocked: DockerRegistry) -> None:
    answer = resolve_image(stocked, f"{REPOSITORY}@{HELM_CHART.digest}", "linux/amd64")
    assert isinstance(answer, Unsuitable)


@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_each_image_resolves_to_its_own_digest_with_head(stocked: DockerRegistry, image: Pushed) -> None:
    answer = resolve_image(stocked, f"{REPOSITORY}@{image.digest}")
    assert isinstance(answer, Resolved)
    assert answer.digest == image.digest
    assert answer.origin.request == f"HEAD {stocked.url}/v2/{REPOSITORY}/manifests/{image.digest}"
    by_tag = resolve_image(stocked, image.image)
    assert isinstance(by_tag, Resolved)
    assert answer.media_type == by_tag.media_type


def test_an_image_whose_tag_moved_resolves_to_its_own_digest(stocked: DockerRegistry) -> None:
    first, second = (oci_image(layer=layer) for layer in (b"first", b"second"))
    for manifest in (first, second):
        stocked.push_manifest("team/moved", manifest, OCI_MANIFEST, tag="1", blobs=[b"{}", b"first", b"second"])
    answers = [resolve_image(stocked, f"team/moved{name}") for name in (f"@{Digest.of(first)}", ":1")]
    digests = [answer.digest for answer in answers if isinstance(answer, Resolved)]
    assert digests == [Digest.of(first), Digest.of(second)]


def test_the_manifest_for_one_platform_is_found_by_the_digest_of_the_index(stocked: DockerRegistry) -> None:
    by_digest, by_tag = (
        resolve_image(stocked, name, "linux/arm64", index_allowed=False)
        for name in (f"{REPOSITORY}@{MULTI.digest}", MULTI.image)
    )
    assert isinstance(by_digest, Resolved)
    assert isinstance(by_tag, Resolved)
    assert by_digest.digest == by_tag.digest
    assert by_digest.origin.index == MULTI.digest
