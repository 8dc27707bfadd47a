"""An account with ECR, whose images satisfy all gates: indexes with tags, in repositories with a lifecycle policy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from image_pinner.assembly import AwsResolvers
from image_pinner.core.gates.lifecycle import KEEP_TAG_PREFIX
from image_pinner.core.images.lookups import OCI_INDEX, OCI_MANIFEST
from image_pinner.core.images.references import Digest
from image_pinner.lambda_macro.handler import Macro
from image_pinner.sources.aws.clients import AwsClients
from support.ecr_api import ACCOUNT, HOST, Answer, ApiError, EcrApi
from support.images import attestation, descriptor, oci_image, oci_index, platform
from support.macro import event_for
from support.templates import task

POLICY = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {
                    "tagStatus": "tagged",
                    "tagPatternList": [f"{KEEP_TAG_PREFIX}*"],
                    "countType": "imageCountMoreThan",
                    "countNumber": 1000,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)
_PROFILE = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/release"


def _index(name: str) -> bytes:
    """Return an index for two platforms with an attestation of each."""
    entries = []
    for architecture in ("amd64", "arm64"):
        manifest = oci_image(f"{name} for {architecture}".encode())
        statement = oci_image(f"statement about {name} for {architecture}".encode())
        entries.append(descriptor(OCI_MANIFEST, manifest, **platform("linux", architecture)))
        entries.append(attestation(OCI_MANIFEST, statement, manifest))
    return oci_index(*entries)


class EcrAccount:
    """An account with so many images in so many repositories, `shop/app0` and so on."""

    def __init__(self, images: int = 1, repositories: int = 1) -> None:
        self.names = [(f"shop/app{number % repositories}", str(number)) for number in range(images)]
        self._digests: dict[tuple[str, str], str] = {}
        self._manifests: dict[str, bytes] = {}
        for repository, tag in self.names:
            manifest = _index(f"{repository}:{tag}")
            digest = str(Digest.of(manifest))
            self._digests[repository, tag] = digest
            self._manifests[digest] = manifest

    def api(self, **answers: Answer | ApiError) -> EcrApi:
        """Return the API of ECR; `answers` replace those of operations."""
        known: dict[str, Answer | ApiError] = {
            "BatchGetImage": self._batch_get_image,
            "DescribeImages": self._describe_images,
            "DescribeImageScanFindings": _describe_findings,
            "DescribeImageSigningStatus": _describe_signing,
            "DescribeRepositories": _describe_repositories,
            "GetLifecyclePolicy": lambda _: {"lifecyclePolicyText": POLICY},
            "GetLifecyclePolicyPreview": lambda _: {"status": "COMPLETE", "lifecyclePolicyText": POLICY},
            "ListImageReferrers": _list_referrers,
            "PutImage": lambda request: {"image": {"imageId": {"imageDigest": request["imageDigest"]}}},
            "StartLifecyclePolicyPreview": lambda _: {"status": "IN_PROGRESS"},
        }
        return EcrApi(known | answers)

    def pin(self, api: EcrApi, gates: Iterable[str], **environment: str) -> dict[str, Any]:
        """Return the response of the macro for the resources with these gates; requests go to an API."""
        clients = AwsClients(lambda: api, role_session_factory=lambda _: api)
        environment["IMAGE_PINNER_GATES"] = "\n".join(gates)
        return Macro(AwsResolvers(clients=clients), environment, lambda _: None).answer(
            event_for({"Resources": self.resources()}), None
        )

    def resources(self) -> dict[str, Any]:
        """Return a task definition for each repository, with all of its images."""
        images: dict[str, list[str]] = {}
        for repository, tag in self.names:
            images.setdefault(repository, []).append(f"!PinDigest {HOST}/{repository}:{tag}")
        tasks = {f"Task{number}": task(*each) for number, each in enumerate(images.values())}
        for resource in tasks.values():
            resource["Properties"]["RuntimePlatform"] = {"CpuArchitecture": "X86_64"}
        return tasks

    def _describe_images(self, request: Mapping[str, Any]) -> dict[str, Any]:
        tags = {tag: digest for (name, tag), digest in self._digests.items() if name == request["repositoryName"]}
        tag_of = {digest: tag for tag, digest in tags.items()}
        if ids := request.get("imageIds"):
            wanted = [each.get("imageDigest") or tags[each["imageTag"]] for each in ids]
        else:
            wanted = list(tag_of)
        return {
            "imageDetails": [
                {
                    "imageDigest": digest,
                    "imageTags": [tag_of[digest]],
                    "imageManifestMediaType": OCI_INDEX,
                    "imagePushedAt": datetime.now(UTC) - timedelta(days=10),
                }
                for digest in wanted
            ]
        }

    def _batch_get_image(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "images": [
                {
                    "imageId": image,
                    "imageManifest": self._manifests[image["imageDigest"]].decode(),
                    "imageManifestMediaType": OCI_INDEX,
                }
                for image in request["imageIds"]
            ]
        }


def _describe_repositories(request: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "repositories": [
            {"repositoryName": name, "imageTagMutability": "IMMUTABLE"} for name in request["repositoryNames"]
        ]
    }


def _describe_findings(_: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {
            "imageScanCompletedAt": datetime.now(UTC),
            "findings": [],
            "findingSeverityCounts": {"LOW": 3},
        },
    }


def _describe_signing(_: Mapping[str, Any]) -> dict[str, Any]:
    return {"signingStatuses": [{"signingProfileArn": _PROFILE, "status": "COMPLETE"}]}


def _list_referrers(_: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "referrers": [
            {
                "digest": str(Digest.of(b"signature")),
                "mediaType": OCI_MANIFEST,
                "artifactType": "application/vnd.cncf.notary.signature",
                "size": 1,
            }
        ]
    }
