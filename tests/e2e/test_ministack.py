"""Ministack responds like ECR, as seen by a function."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import urllib3

from e2e.engine.access import ACCOUNT, client
from e2e.engine.ministack import INDEX, Ministack
from e2e.engine.recording import Calls

pytestmark = pytest.mark.e2e


class _Seen(NamedTuple):
    url: str
    calls: Calls


@pytest.fixture
def seen(ministack: Ministack) -> Iterator[_Seen]:
    calls = Calls(ACCOUNT)
    with ministack.behind_a_proxy(calls.note) as proxy:
        yield _Seen(proxy.url, calls)


def test_a_missing_tag_fails_the_whole_call_and_is_named(ministack: Ministack, seen: _Seen) -> None:
    ministack.push("facts/missing", "1", "a")
    ecr = client("ecr", seen.url)
    with pytest.raises(ecr.exceptions.ImageNotFoundException, match="imageTag:'2'"):
        ecr.describe_images(repositoryName="facts/missing", imageIds=[{"imageTag": "1"}, {"imageTag": "2"}])
    assert [call.status for call in seen.calls.all()] == [400]


def test_digests_are_those_of_the_manifests_of_indexes_too(ministack: Ministack, seen: _Seen) -> None:
    digest = ministack.push("facts/index", "1", "a", architectures=("amd64", "arm64"))
    ecr = client("ecr", seen.url)
    described = ecr.describe_images(repositoryName="facts/index", imageIds=[{"imageTag": "1"}])["imageDetails"][0]
    got = ecr.batch_get_image(repositoryName="facts/index", imageIds=[{"imageTag": "1"}], acceptedMediaTypes=[INDEX])
    image = got["images"][0]
    assert digest == described["imageDigest"] == image["imageId"]["imageDigest"]
    assert digest == f"sha256:{hashlib.sha256(image['imageManifest'].encode()).hexdigest()}"
    assert described["imageManifestMediaType"] == image["imageManifestMediaType"] == INDEX
    assert seen.calls.actions() == {"ecr:DescribeImages", "ecr:BatchGetImage"}


def test_a_tag_moves_and_the_old_digest_stays(ministack: Ministack, seen: _Seen) -> None:
    old, new = (ministack.push("facts/moved", "1", content) for content in ("a", "b"))
    requested = client("ecr", seen.url).batch_get_image(
        repositoryName="facts/moved", imageIds=[{"imageTag": "1"}, {"imageDigest": old}]
    )
    assert [image["imageId"]["imageDigest"] for image in requested["images"]] == [new, old]


def test_a_layer_is_fetched_by_the_returned_url_and_recorded_separately(ministack: Ministack, seen: _Seen) -> None:
    ministack.push("facts/layer", "1", "a")
    digest = ministack.push_blob("facts/layer", b"the layer")
    ecr = client("ecr", seen.url)
    url = ecr.get_download_url_for_layer(repositoryName="facts/layer", layerDigest=digest)["downloadUrl"]
    with urllib3.PoolManager() as pool:
        assert pool.request("GET", url).data == b"the layer"
    assert seen.calls.actions() == {"ecr:GetDownloadUrlForLayer"}
    assert seen.calls.downloads() == [f"/v2/facts/layer/blobs/{digest}"]
