"""The registry of these tests is as strict as ECR."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.engine.ecr_facts import correct, gate
from e2e.engine.proxy import Reply
from e2e.engine.recording import Request


def _request(action: str, **body: Any) -> Request:
    name = f"AmazonEC2ContainerRegistry_V20150921.{action}"
    return Request("POST", "/", {"X-Amz-Target": name}, json.dumps({"repositoryName": "a", **body}).encode())


def _corrected(request: Request, answer: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    reply = correct(request, Reply(200, [], json.dumps(answer).encode()), "http://127.0.0.1:1")
    return reply.status, json.loads(reply.body)


DETAIL = {"registryId": "0", "imageDigest": "sha256:1", "imageTags": ["x", "y"], "artifactMediaType": "made-up"}


@pytest.mark.parametrize(
    "missing", [{"imageTag": "z"}, {"imageDigest": "sha256:2"}, {"imageDigest": "sha256:1", "imageTag": "z"}]
)
def test_one_missing_image_fails_the_whole_call(missing: dict[str, str]) -> None:
    request = _request("DescribeImages", imageIds=[{"imageTag": "x"}, missing])
    status, answer = _corrected(request, {"imageDetails": [DETAIL]})
    assert status == 400
    assert answer["__type"] == "ImageNotFoundException"
    assert f"imageTag:'{missing.get('imageTag', 'null')}'" in answer["message"]


@pytest.mark.parametrize("action", ["DescribeImages", "BatchGetImage"])
def test_more_than_a_hundred_images_are_rejected(action: str) -> None:
    ids = [{"imageTag": str(number)} for number in range(101)]
    refused = gate(_request(action, imageIds=ids))
    assert refused is not None
    assert b"InvalidParameterException" in refused.body
    assert gate(_request(action, imageIds=ids[:100])) is None


def test_images_that_are_there_are_described() -> None:
    status, answer = _corrected(_request("DescribeImages", imageIds=[{"imageTag": "y"}]), {"imageDetails": [DETAIL]})
    assert status == 200
    assert answer["imageDetails"][0]["imageDigest"] == "sha256:1"
    assert "artifactMediaType" not in answer["imageDetails"][0]


def test_an_image_is_returned_with_the_requested_id() -> None:
    newest = {"imageDigest": "sha256:1", "imageTag": "y"}
    requested = [{"imageTag": "x"}, {"imageTag": "z"}, {"imageDigest": "sha256:1"}]
    found = {
        "images": [{"imageId": dict(newest)}, {"imageId": dict(newest)}],
        "failures": [{"imageId": {"imageTag": "z"}}],
    }
    _, answer = _corrected(_request("BatchGetImage", imageIds=requested), found)
    assert [image["imageId"] for image in answer["images"]] == [
        {"imageDigest": "sha256:1", "imageTag": "x"},
        {"imageDigest": "sha256:1"},
    ]


def test_layers_are_fetched_from_here_by_a_signed_url() -> None:
    request = _request("GetDownloadUrlForLayer", layerDigest="sha256:1")
    _, answer = _corrected(request, {"downloadUrl": "https://elsewhere.example", "layerDigest": "sha256:1"})
    assert answer["downloadUrl"].startswith("http://127.0.0.1:1/v2/a/blobs/sha256:1?X-Amz-Signature=")


def test_refusals_and_other_services_pass() -> None:
    refusal = Reply(400, [], b"{}")
    assert correct(_request("DescribeImages"), refusal, "") is refusal
    other = Request("POST", "/", {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters"}, b"{}")
    answer = Reply(200, [], b"{}")
    assert correct(other, answer, "") is answer
    assert gate(other) is None
