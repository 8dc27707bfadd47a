"""A repository of ECR with images, on which tags can be put."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from image_pinner.core.gates.interface import Subject
from image_pinner.core.images.lookups import OCI_MANIFEST
from image_pinner.core.images.references import Digest, ImageReference
from support.ecr_api import HOST, ApiError, EcrApi


def manifest(number: int) -> str:
    return f'{{"schemaVersion":2,"number":{number}}}'


def image(number: int = 1, repository: str = "team/app") -> Subject:
    digest = Digest.of(manifest(number).encode())
    return Subject(ImageReference.parse(f"{HOST}/{repository}@{digest}").canonical())


class Repository:
    """A repository of ECR with the images 0 to 199, the tags `tags`, and no lifecycle policy."""

    def __init__(self, *, immutable: bool = False, tags: Mapping[str, str] | None = None) -> None:
        self.tags = dict(tags or {})
        self.immutable = immutable
        self.manifests = {image(number).digests[0]: manifest(number) for number in range(200)}

    def api(self, **answers: Any) -> EcrApi:
        known = {
            "BatchGetImage": self.batch_get_image,
            "PutImage": self.put_image,
            "DescribeImages": self.describe_images,
            "GetLifecyclePolicy": ApiError("LifecyclePolicyNotFoundException"),
        }
        return EcrApi(known | answers)

    def batch_get_image(self, request: Mapping[str, Any]) -> dict[str, Any]:
        found, failures = [], []
        for image_id in request["imageIds"]:
            text = self.manifests.get(image_id["imageDigest"])
            if text:
                entry = {"imageId": image_id, "imageManifest": text, "imageManifestMediaType": OCI_MANIFEST}
                found.append(entry)
            else:
                failures.append({"imageId": image_id, "failureCode": "ImageNotFound", "failureReason": "no image"})
        return {"images": found, "failures": failures}

    def put_image(self, request: Mapping[str, Any]) -> dict[str, Any]:
        digest, tag = request["imageDigest"], request["imageTag"]
        text = request["imageManifest"]
        assert f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" == digest
        assert request["imageManifestMediaType"] == OCI_MANIFEST
        if self.immutable and tag in self.tags:
            raise ApiError("ImageTagAlreadyExistsException")
        if self.tags.get(tag) == digest:
            raise ApiError("ImageAlreadyExistsException")
        self.tags[tag] = digest
        return {"image": {"imageId": {"imageDigest": digest, "imageTag": tag}}}

    def describe_images(self, request: Mapping[str, Any]) -> dict[str, Any]:
        tags = [image_id["imageTag"] for image_id in request["imageIds"]]
        return {
            "imageDetails": [
                {"imageDigest": self.tags[tag], "imageTags": [tag], "imageManifestMediaType": OCI_MANIFEST}
                for tag in tags
            ]
        }
