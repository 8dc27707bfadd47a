"""The real registry as one that counts pulls: with HEAD, whose header is the digest that a GET hashes to."""

from __future__ import annotations

import pytest

from image_pinner.core.images.lookups import INDEX_MEDIA_TYPES, NotFound, Resolved, Unsuitable
from image_pinner.core.images.references import Digest
from registry.pushed_images import EMPTY_INDEX, HELM_CHART, IMAGES, MULTI, REPOSITORY, Pushed
from registry.registry_lookups import resolve_image, resolve_with_head
from registry.skopeo import Skopeo
from support.registry_program import DockerRegistry

pytestmark = pytest.mark.registry


def test_a_missing_tag_is_not_found_with_head(stocked: DockerRegistry) -> None:
    answer = resolve_with_head(stocked, f"{REPOSITORY}:none")
    assert isinstance(answer, NotFound)
    assert "MANIFEST_UNKNOWN" in answer.cause


@pytest.mark.parametrize("image", [EMPTY_INDEX, HELM_CHART], ids=str)
def test_an_image_for_another_platform_is_refused_by_its_bytes(stocked: DockerRegistry, image: Pushed) -> None:
    answer = resolve_with_head(stocked, image.image, "linux/amd64")
    assert isinstance(answer, Unsuitable)


def test_an_empty_index_is_refused_without_a_platform(stocked: DockerRegistry) -> None:
    assert isinstance(resolve_with_head(stocked, EMPTY_INDEX.image), Unsuitable)


@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_the_header_of_each_image_is_the_digest_that_its_bytes_hash_to(stocked: DockerRegistry, image: Pushed) -> None:
    head_manifest, get_manifest = resolve_with_head(stocked, image.image), resolve_image(stocked, image.image)
    assert isinstance(head_manifest, Resolved)
    assert isinstance(get_manifest, Resolved)
    is_index = image.media_type in INDEX_MEDIA_TYPES
    assert head_manifest.origin.request.startswith("http" if is_index else "HEAD ")
    assert (head_manifest.digest, head_manifest.media_type) == (get_manifest.digest, get_manifest.media_type)


def test_the_manifest_for_one_platform_is_the_same_as_by_get(stocked: DockerRegistry) -> None:
    head_manifest = resolve_with_head(stocked, MULTI.image, "linux/arm64", index_allowed=False)
    get_manifest = resolve_image(stocked, MULTI.image, "linux/arm64", index_allowed=False)
    assert isinstance(head_manifest, Resolved)
    assert isinstance(get_manifest, Resolved)
    assert (
        head_manifest.digest
        == get_manifest.digest
        == Digest.of(Skopeo(stocked).raw(f"{REPOSITORY}@{get_manifest.digest}"))
    )
