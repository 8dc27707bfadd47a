"""The details of images by digest, which several facts are read from.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from image_pinner.core.images.ecr import EcrRepository
from image_pinner.sources.aws.errors import error_code
from image_pinner.sources.ecr.client import IDS_PER_REQUEST, ecr_faults, split_missing
from image_pinner.sources.ecr.facts.calls import EcrCalls, in_batches


def read_details(
    calls: EcrCalls, repository: EcrRepository, digests: Iterable[str], **parameters: Any
) -> dict[str, Mapping[str, Any]]:
    """Return the details of images by digest; those that do not exist are omitted.

    One missing image fails the request for all, so that the others are requested again.

    Raises:
        OutOfTimeError: It is too late for a request.
        Exception: A request failed, with one of `ecr_faults`.
    """
    groups = [list(group) for group in in_batches(list(dict.fromkeys(digests)), IDS_PER_REQUEST)]
    details: dict[str, Mapping[str, Any]] = {}
    while groups:
        group = groups.pop()
        ids = [{"imageDigest": digest} for digest in group]
        try:
            for page in calls.pages("describe_images", repositoryName=repository.name, imageIds=ids, **parameters):
                details.update((str(image.get("imageDigest")), image) for image in page.get("imageDetails", ()))
        except ecr_faults() as error:
            if error_code(error) != "ImageNotFoundException":
                raise
            groups += split_missing(error, group)[1]
    return details
