"""Differences between ECR and the registry of the tests, whose responses are converted to those of the service.

Observed with ministack 1.5.33: DescribeImages omits missing images, both calls return the newest tag of an image
instead of the requested one, and GetDownloadUrlForLayer returns a host of AWS, although ministack serves layers itself
at `/v2/`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from e2e.engine.proxy import Reply
from e2e.engine.recording import Request

MAX_IMAGES = 100
_OK = 200
_BAD = 400
_CONTENT = ("Content-Type", "application/x-amz-json-1.1")


def gate(request: Request) -> Reply | None:
    """Reject the requests that ECR rejects.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html#ECR-DescribeImages-request-imageIds
    """
    requested = _requested(request)
    if _action(request) in {"DescribeImages", "BatchGetImage"} and len(requested.get("imageIds") or ()) > MAX_IMAGES:
        reported = (
            f"Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length <= {MAX_IMAGES}'"
        )
        return _refusal("InvalidParameterException", reported)
    return None


def correct(request: Request, reply: Reply, here: str) -> Reply:
    """Convert a response to that of ECR.

    Args:
        request: The request.
        reply: The response of the registry of the tests.
        here: The URL from which layers are downloaded.
    """
    action = _action(request)
    if reply.status != _OK or action not in _CORRECTIONS:
        return reply
    return _CORRECTIONS[action](_requested(request), json.loads(reply.body), here)


def _described(requested: Mapping[str, Any], answer: dict[str, Any], _: str) -> Reply:
    for wanted in requested.get("imageIds") or ():
        if not any(
            _is(wanted, detail.get("imageDigest"), detail.get("imageTags")) for detail in answer["imageDetails"]
        ):
            return _no_image(requested, wanted, answer)
    for detail in answer["imageDetails"]:
        # ECR returns it only for images, from their config, which the registry of the tests does not read.
        detail.pop("artifactMediaType", None)
    return _answer(answer)


def _no_image(requested: Mapping[str, Any], wanted: Mapping[str, str], answer: Mapping[str, Any]) -> Reply:
    # As recorded in https://github.com/hashicorp/terraform-provider-aws/issues/35268.
    digest, tag = (f"'{wanted.get(key) or 'null'}'" for key in ("imageDigest", "imageTag"))
    owner = requested.get("registryId") or next((one["registryId"] for one in answer["imageDetails"]), "000000000000")
    return _refusal(
        "ImageNotFoundException",
        f"The image with imageId {{imageDigest:{digest}, imageTag:{tag}}} does not exist within the repository with "
        f"name '{requested['repositoryName']}' in the registry with id '{owner}'",
    )


def _got(requested: Mapping[str, Any], answer: dict[str, Any], _: str) -> Reply:
    """Return each image with its requested tag; the registry keeps the order of the request."""
    failed = [failure["imageId"] for failure in answer["failures"]]
    found = [wanted for wanted in requested["imageIds"] if wanted not in failed]
    for wanted, image in zip(found, answer["images"], strict=True):
        digest = image["imageId"]["imageDigest"]
        tag = {"imageTag": wanted["imageTag"]} if "imageTag" in wanted else {}
        image["imageId"] = {"imageDigest": digest, **tag}
    return _answer(answer)


def _given_url(requested: Mapping[str, Any], answer: dict[str, Any], here: str) -> Reply:
    # The service signs the URL, so its query string is a secret in a log.
    path = f"/v2/{requested['repositoryName']}/blobs/{answer['layerDigest']}"
    return _answer({**answer, "downloadUrl": f"{here}{path}?X-Amz-Signature=of-the-tests"})


_CORRECTIONS = {"DescribeImages": _described, "BatchGetImage": _got, "GetDownloadUrlForLayer": _given_url}


def _is(wanted: Mapping[str, str], digest: str | None, tags: list[str] | None) -> bool:
    by_digest = wanted.get("imageDigest") in {None, digest}
    return by_digest and ("imageTag" not in wanted or wanted["imageTag"] in (tags or ()))


def _action(request: Request) -> str:
    service, _, action = request.header("X-Amz-Target").rpartition(".")
    return action if service.startswith("AmazonEC2ContainerRegistry") else ""


def _requested(request: Request) -> dict[str, Any]:
    return json.loads(request.body or b"{}") if _action(request) and not urlsplit(request.target).query else {}


def _answer(body: Mapping[str, Any], status: int = _OK) -> Reply:
    return Reply(status, [_CONTENT], json.dumps(body).encode())


def _refusal(code: str, message: str) -> Reply:
    return _answer({"__type": code, "message": message}, _BAD)
