"""Manifests of schema 1 in a real registry that takes them: refused with that reason, by GET and by HEAD.

https://github.com/distribution/distribution/blob/v2.8.2/docs/spec/manifest-v2-1.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from image_pinner.core.images.lookups import ACCEPTED_MEDIA_TYPES, DOCKER_SCHEMA1, Resolved, Unsuitable
from image_pinner.core.images.references import Digest
from registry.libtrust import SigningKey
from registry.pushed_images import LAYER, REPOSITORY, SINGLE, push_all
from registry.registry_lookups import resolve_image, resolve_with_head
from registry.skopeo import Skopeo
from support.registry_program import ACCEPTS_SCHEMA1, DockerRegistry, docker_registry

pytestmark = pytest.mark.registry

IMAGE = f"{REPOSITORY}:old"


@pytest.fixture(scope="module")
def tolerant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("tolerant"), in_memory=True, more=ACCEPTS_SCHEMA1) as registry:
        push_all(registry, SINGLE[:2])
        registry.push_manifest(REPOSITORY, schema1(), DOCKER_SCHEMA1[1], tag="old")
        yield registry


def schema1() -> bytes:
    version = {"id": "0" * 64, "architecture": "amd64", "os": "linux"}
    return SigningKey().schema1(
        {
            "schemaVersion": 1,
            "name": REPOSITORY,
            "tag": "old",
            "architecture": "amd64",
            "fsLayers": [{"blobSum": str(Digest.of(LAYER))}],
            "history": [{"v1Compatibility": json.dumps(version)}],
        }
    )


def test_the_registry_signs_each_response_so_that_its_digest_changes(
    tolerant: DockerRegistry,
) -> None:
    path = f"/v2/{REPOSITORY}/manifests/old"
    answers = [tolerant.get(path, ", ".join(ACCEPTED_MEDIA_TYPES)) for _ in range(2)]
    assert [answer.headers["Content-Type"] for answer in answers] == [DOCKER_SCHEMA1[1]] * 2
    hashes = {str(Digest.of(answer.data)) for answer in answers}
    printed = {answer.headers["Docker-Content-Digest"] for answer in answers}
    assert (len(hashes), len(printed)) == (2, 1)
    assert hashes.isdisjoint(printed)
    assert str(Digest.of(Skopeo(tolerant).raw(IMAGE))) not in hashes | printed


@pytest.mark.parametrize("platform", ["", "linux/amd64"])
@pytest.mark.parametrize("index_allowed", [True, False], ids=["index", "no-index"])
def test_a_manifest_of_schema_1_is_refused_with_that_reason(
    tolerant: DockerRegistry, platform: str, *, index_allowed: bool
) -> None:
    answer = resolve_image(tolerant, IMAGE, platform, index_allowed=index_allowed)
    assert isinstance(answer, Unsuitable)
    assert answer.cause == "it is a Docker schema 1 manifest, which container runtimes no longer pull"


def test_a_manifest_of_schema_1_is_refused_by_its_headers_too(tolerant: DockerRegistry) -> None:
    answer = resolve_with_head(tolerant, IMAGE)
    assert isinstance(answer, Unsuitable)
    assert "Docker schema 1" in answer.cause


def test_other_images_of_that_registry_are_none_the_worse_for_it(tolerant: DockerRegistry) -> None:
    for image in SINGLE[:2]:
        answer = resolve_image(tolerant, image.image)
        assert isinstance(answer, Resolved)
        assert answer.digest == image.digest == Digest.of(Skopeo(tolerant).raw(image.image))
