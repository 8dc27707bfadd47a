"""The `Accept` header decides which digest the real registry returns, with the lists of other tools and with ours."""

from __future__ import annotations

import json

import pytest

from image_pinner.core.images.lookups import (
    ACCEPTED_MEDIA_TYPES,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1,
    OCI_INDEX,
    OCI_MANIFEST,
)
from image_pinner.core.images.references import Digest
from registry.pushed_images import DOCKER_AMD64, IMAGES, LIST, MULTI, NO_IMAGES, REPOSITORY, SINGLE, Pushed
from support.images import config_for, docker_image
from support.registry_program import DockerRegistry

pytestmark = pytest.mark.registry

OURS = ", ".join(ACCEPTED_MEDIA_TYPES)
OCI, DOCKER = SINGLE[:2]


def path_of(tag: str) -> str:
    return f"/v2/{REPOSITORY}/manifests/{tag}"


@pytest.mark.parametrize("accept", ["", "*/*", DOCKER_MANIFEST, OCI_MANIFEST])
def test_a_client_that_does_not_accept_an_oci_index_gets_404(stocked: DockerRegistry, accept: str) -> None:
    answer = stocked.get(path_of(MULTI.tag), accept)
    assert answer.status == 404
    (error,) = answer.json()["errors"]
    assert error["code"] == "MANIFEST_UNKNOWN"
    assert error["message"] == "OCI index found, but accept header does not support OCI indexes"


def test_who_accepts_only_dockers_manifest_gets_one_platform_of_a_list_as_if_it_were_all(
    stocked: DockerRegistry,
) -> None:
    answer = stocked.get(path_of(LIST.tag), DOCKER_MANIFEST)
    assert answer.status == 200
    assert answer.headers["Docker-Content-Digest"] == str(Digest.of(DOCKER_AMD64))
    assert Digest.of(answer.data) == Digest.of(DOCKER_AMD64) != LIST.digest


def test_who_accepts_nothing_gets_dockers_manifest_as_schema_1_which_hashes_to_something_else_each_time(
    stocked: DockerRegistry,
) -> None:
    config = config_for("linux", "amd64", history=[{"created_by": "test"}], rootfs=_one_layer())
    image = docker_image(config)
    stocked.push_manifest(REPOSITORY, image, DOCKER_MANIFEST, tag="with-history", blobs=(config,))
    answers = [stocked.get(path_of("with-history")) for _ in range(2)]
    for answer in answers:
        assert answer.status == 200
        assert answer.headers["Content-Type"] in DOCKER_SCHEMA1
        assert json.loads(answer.data)["schemaVersion"] == 1
    assert len({answer.data for answer in answers}) == 2
    assert Digest.of(stocked.get(path_of("with-history"), OURS).data) == Digest.of(image)


def _one_layer() -> dict[str, object]:
    return {"type": "layers", "diff_ids": [str(Digest.of(b"layer"))]}


@pytest.mark.parametrize(
    ("left_out", "image"),
    [(OCI_INDEX, MULTI), (OCI_MANIFEST, OCI), (DOCKER_LIST, LIST), (DOCKER_MANIFEST, DOCKER)],
    ids=str,
)
def test_no_type_of_our_list_can_be_left_out(stocked: DockerRegistry, left_out: str, image: Pushed) -> None:
    answer = stocked.get(path_of(image.tag), ", ".join(kind for kind in ACCEPTED_MEDIA_TYPES if kind != left_out))
    assert answer.status in {200, 400, 404}
    assert Digest.of(answer.data) != image.digest


@pytest.mark.parametrize("image", [*IMAGES, *NO_IMAGES], ids=str)
def test_by_our_list_everything_is_returned_as_it_was_pushed(stocked: DockerRegistry, image: Pushed) -> None:
    answer = stocked.get(path_of(image.tag), OURS)
    assert answer.status == 200
    assert answer.data == image.manifest
    assert answer.headers["Content-Type"] == image.media_type
    assert answer.headers["Docker-Content-Digest"] == str(image.digest)
