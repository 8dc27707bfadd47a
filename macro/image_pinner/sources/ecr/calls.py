"""The three calls that ECR is asked with, for images of one repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from image_pinner.core.errors import InvalidReference, SourceError
from image_pinner.core.images.digests import Digest
from image_pinner.core.images.ecr_hosts import EcrRepository
from image_pinner.core.images.resolutions import ACCEPTED_MEDIA_TYPES, Missing, Origin, Resolved, Unavailable
from image_pinner.sources.aws.failures import aws_faults
from image_pinner.sources.interface import Deadline

DESCRIBE_IMAGES = "ecr:DescribeImages"
BATCH_GET_IMAGE = "ecr:BatchGetImage"
GET_DOWNLOAD_URL = "ecr:GetDownloadUrlForLayer"
IDS_PER_CALL = 100
"""How many images one call can name: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html"""


class OutOfTimeError(Exception):
    """The deadline came before the next call; whoever waits for the answer has given up."""


def ecr_faults() -> tuple[type[Exception], ...]:
    """Give the exceptions that mean a fault of the world when ECR is asked, `SourceError` for a role not to be had."""
    return (*aws_faults(), SourceError)


class Found(NamedTuple):
    """What a tag points to.

    Args:
        resolved: The digest, the media type and who said so.
        manifest: The bytes of the manifest, where they came along.
    """

    resolved: Resolved
    manifest: bytes | None = None


Finding = Found | Missing | Unavailable
"""What asking for one tag ends in."""


class EcrCalls(NamedTuple):
    """Asks ECR about images of one repository.

    Args:
        client: A boto3 client of ECR for the repository's region.
        repository: The repository.
        deadline: No call is begun after it.
    """

    client: Any
    repository: EcrRepository
    deadline: Deadline

    def origin(self, action: str) -> Origin:
        """Name this source and the call that it made."""
        return Origin("ecr", f"{action} in {self.repository.region}")

    def can_ask_for_archived(self) -> bool:
        """Tell whether the installed botocore knows the filter by an image's status, of November 2025."""
        model = self.client.meta.service_model.operation_model("DescribeImages").input_shape
        return "imageStatus" in model.members["filter"].members

    def describe(self, tags: Sequence[str], *, any_status: bool = False) -> dict[str, Mapping[str, Any]]:
        """Ask DescribeImages what tags point to.

        Args:
            tags: At most `IDS_PER_CALL` tags.
            any_status: Whether archived images are wanted too; without, ECR takes them for missing.

        Returns:
            The details of the images by tag; a tag that no page told of is left out.

        Raises:
            OutOfTimeError: The deadline came first.
            botocore.exceptions.ClientError: ECR refused; `ImageNotFoundException` where one tag of many is missing.
            botocore.exceptions.BotoCoreError: ECR could not be asked.
        """
        wanted, found = set(tags), dict[str, Mapping[str, Any]]()
        request = self._request({"imageTag": tag} for tag in tags)
        if any_status:
            request["filter"] = {"imageStatus": "ANY"}
        self._check_time()
        for page in self.client.get_paginator("describe_images").paginate(**request):
            for image in page.get("imageDetails", ()):
                found.update((tag, image) for tag in image.get("imageTags", ()) if tag in wanted)
            if len(found) == len(wanted):
                break
            self._check_time()
        return found

    def get(self, image_ids: Iterable[Mapping[str, str]]) -> Mapping[str, Any]:
        """Ask BatchGetImage for manifests, with all four media types, so that none is converted.

        Args:
            image_ids: At most `IDS_PER_CALL` of `{"imageTag": …}` or `{"imageDigest": …}`.

        Returns:
            The response: `images` and `failures`.

        Raises:
            OutOfTimeError: The deadline came first.
            botocore.exceptions.ClientError: ECR refused.
            botocore.exceptions.BotoCoreError: ECR could not be asked.
        """
        self._check_time()
        response: Mapping[str, Any] = self.client.batch_get_image(
            **self._request(image_ids), acceptedMediaTypes=list(ACCEPTED_MEDIA_TYPES)
        )
        return response

    def download_url(self, config: Digest) -> str:
        """Ask GetDownloadUrlForLayer where the config of an image can be fetched.

        Args:
            config: Its digest: ECR keeps configs as it keeps layers, and a pull asks for both alike.

        Returns:
            A URL that whoever has it may fetch, so that no message may show it; empty where ECR gave none.

        Raises:
            OutOfTimeError: The deadline came first.
            botocore.exceptions.ClientError: ECR refused.
            botocore.exceptions.BotoCoreError: ECR could not be asked.
        """
        self._check_time()
        response: Mapping[str, Any] = self.client.get_download_url_for_layer(
            registryId=self.repository.account_id, repositoryName=self.repository.name, layerDigest=config.text
        )
        return str(response.get("downloadUrl") or "")

    def _request(self, image_ids: Iterable[Mapping[str, str]]) -> dict[str, Any]:
        return {
            "registryId": self.repository.account_id,
            "repositoryName": self.repository.name,
            "imageIds": list(image_ids),
        }

    def _check_time(self) -> None:
        if self.deadline.remaining() <= 0:
            raise OutOfTimeError


def digest_of(calls: EcrCalls, action: str, text: Any) -> Digest | Unavailable:
    """Read a digest as ECR gave it, or answer that it gave none that can be pinned."""
    try:
        return Digest(str(text)[:200])
    except InvalidReference as error:
        return Unavailable(
            f"{calls.origin(action).asked} gave no digest that can be pinned: {error.cause}", "Push the image again"
        )
