"""An ECR with many images that satisfy every gate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from image_pinner.core.gates.configuration import parse_gates
from image_pinner.core.gates.interface import Subject
from image_pinner.core.images.lookups import OCI_MANIFEST
from image_pinner.core.images.references import Digest, ImageReference
from support.ecr_api import ACCOUNT, HOST, NOW, EcrApi
from support.images import oci_image

EVERY_GATE = parse_gates(
    [
        f"repositories.allow={HOST}/*",
        "tags.deny=latest",
        "marked.mode=deny",
        "age.minimum=1d",
        "immutable-tags.mode=deny",
        "vulnerabilities.severity=HIGH",
        "lifecycle.within=1d",
        "aws-signing-status.require=managed",
        "aws-signing-status.require=notation",
    ]
)
"""All gates, so that they need every fact."""
_PROFILE = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/release"
_NOTATION = "application/vnd.cncf.notary.signature"
_POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 90,
            },
            "action": {"type": "expire"},
        }
    ]
}
Request = Mapping[str, Any]


def healthy_ecr(images: int, repositories: int) -> tuple[EcrApi, list[Subject]]:
    """Return an ECR and its images, in this number of repositories."""
    manifests: dict[str, dict[str, str]] = {}
    for number in range(images):
        manifest = oci_image(f"image {number}".encode())
        manifests.setdefault(f"team/app{number % repositories}", {})[str(Digest.of(manifest))] = manifest.decode()
    subjects = [
        Subject(ImageReference.parse(f"{HOST}/{name}@{digest}").canonical())
        for name, of_repository in manifests.items()
        for digest in of_repository
    ]
    return EcrApi(_answers(manifests)), subjects


def _answers(manifests: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    def details(request: Request) -> Iterator[dict[str, Any]]:
        wanted = {one["imageDigest"] for one in request.get("imageIds", ())}
        for number, digest in enumerate(manifests[request["repositoryName"]]):
            if not wanted or digest in wanted:
                pushed = NOW - timedelta(days=10)
                yield {"imageDigest": digest, "imagePushedAt": pushed, "imageTags": [f"v{number}"]}

    def get(request: Request) -> dict[str, Any]:
        found = manifests[request["repositoryName"]]
        images = [
            {"imageId": one, "imageManifest": found[one["imageDigest"]], "imageManifestMediaType": OCI_MANIFEST}
            for one in request["imageIds"]
        ]
        return {"images": images, "failures": []}

    def repositories(request: Request) -> dict[str, Any]:
        names = request["repositoryNames"]
        return {"repositories": [{"repositoryName": name, "imageTagMutability": "IMMUTABLE"} for name in names]}

    findings = {"imageScanCompletedAt": NOW, "findings": []}
    return {
        "DescribeImages": lambda request: {"imageDetails": list(details(request))},
        "DescribeRepositories": repositories,
        "BatchGetImage": get,
        "DescribeImageScanFindings": lambda _: {
            "imageScanStatus": {"status": "COMPLETE"},
            "imageScanFindings": findings,
        },
        "GetLifecyclePolicy": lambda _: {"lifecyclePolicyText": json.dumps(_POLICY), "lastEvaluatedAt": NOW},
        "DescribeImageSigningStatus": lambda _: {
            "signingStatuses": [{"signingProfileArn": _PROFILE, "status": "COMPLETE"}]
        },
        "ListImageReferrers": lambda _: {
            "referrers": [
                {
                    "digest": str(Digest.of(b"signature")),
                    "mediaType": OCI_MANIFEST,
                    "artifactType": _NOTATION,
                    "size": 100,
                }
            ]
        },
    }
