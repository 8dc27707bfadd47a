"""A real registry that is the pull-through cache of another: the same digests, and what is left without the other.

https://distribution.github.io/distribution/recipes/mirror/
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from image_pinner.core.images.lookups import NotFound, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.references import Digest
from registry.pushed_images import ATTESTED, LIST, MULTI, REPOSITORY, SINGLE, Pushed, push_all
from registry.registry_lookups import resolve_image
from registry.skopeo import Skopeo
from support.registry_program import DockerRegistry, docker_registry, pull_through

pytestmark = pytest.mark.registry

IMAGES = (*SINGLE[:2], MULTI, LIST, ATTESTED)


class Cached(NamedTuple):
    """A registry and its cache; the stack ends the registry and leaves the cache."""

    upstream: DockerRegistry
    cache: DockerRegistry
    end_of_upstream: ExitStack


@contextmanager
def cached_registry(upstream_directory: Path, cache_directory: Path) -> Iterator[Cached]:
    with ExitStack() as stack:
        upstream = stack.enter_context(docker_registry(upstream_directory, in_memory=True))
        push_all(upstream, IMAGES)
        with docker_registry(cache_directory, in_memory=True, more=pull_through(upstream)) as cache:
            yield Cached(upstream, cache, stack)


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cached]:
    with cached_registry(tmp_path_factory.mktemp("upstream"), tmp_path_factory.mktemp("cache")) as running:
        yield running


def test_a_tag_that_the_registry_behind_does_not_have_is_missing(cached: Cached) -> None:
    answer = resolve_image(cached.cache, f"{REPOSITORY}:none")
    assert isinstance(answer, NotFound)


@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_each_image_has_the_digest_that_it_has_behind_and_that_skopeo_computes(cached: Cached, image: Pushed) -> None:
    through, behind = resolve_image(cached.cache, image.image), resolve_image(cached.upstream, image.image)
    assert isinstance(through, Resolved)
    assert isinstance(behind, Resolved)
    assert through.digest == behind.digest == image.digest == Digest.of(Skopeo(cached.cache).raw(image.image))
    assert through.media_type == behind.media_type == image.media_type


def test_the_config_of_an_image_comes_through_the_cache(cached: Cached) -> None:
    right, wrong = (
        resolve_image(cached.cache, SINGLE[1].image, platform) for platform in ("linux/amd64", "linux/arm64")
    )
    assert isinstance(right, Resolved)
    assert isinstance(wrong, NotFound | Unsuitable)
    assert "is for linux/amd64 only" in wrong.cause


def test_a_tag_that_moved_behind_moves_in_the_cache(cached: Cached) -> None:
    digests = []
    for image in (MULTI, LIST):
        cached.upstream.push_manifest(REPOSITORY, image.manifest, image.media_type, tag="moving")
        answer = resolve_image(cached.cache, f"{REPOSITORY}:moving")
        assert isinstance(answer, Resolved)
        digests.append(answer.digest)
    assert digests == [MULTI.digest, LIST.digest]


def test_without_its_upstream_the_cache_has_previous_images_only(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with cached_registry(tmp_path_factory.mktemp("upstream"), tmp_path_factory.mktemp("cache")) as own:
        index, child, single = known = [
            resolve_image(own.cache, MULTI.image),
            resolve_image(own.cache, MULTI.image, "linux/arm64", index_allowed=False),
            resolve_image(own.cache, SINGLE[0].image),
        ]
        assert isinstance(index, Resolved)
        assert isinstance(child, Resolved)
        assert isinstance(single, Resolved)
        own.end_of_upstream.close()

        # This response is identical to that for an image that does not exist.
        gone = resolve_image(own.cache, LIST.image)
        assert isinstance(gone, NotFound | Unsuitable)
        assert "returned 404, 'MANIFEST_UNKNOWN: manifest unknown'" in gone.cause

        assert known == [
            resolve_image(own.cache, MULTI.image),
            resolve_image(own.cache, MULTI.image, "linux/arm64", index_allowed=False),
            resolve_image(own.cache, SINGLE[0].image),
        ]
        assert index.digest == Digest.of(Skopeo(own.cache).raw(MULTI.image))
        # An index is cached without its manifests, and a manifest without its config.
        assert own.cache.get(f"/v2/{REPOSITORY}/manifests/{child.digest}", child.media_type).status == 500
        unread = resolve_image(own.cache, SINGLE[0].image, "linux/amd64")
        assert isinstance(unread, Unavailable)
        assert "the platform of the image is unknown" in unread.cause
