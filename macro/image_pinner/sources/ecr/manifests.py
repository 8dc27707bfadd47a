"""Manifests, asked of BatchGetImage: to open what a tag points to, and where DescribeImages cannot tell that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from image_pinner.core.images.digests import Digest
from image_pinner.core.images.ecr_hosts import EcrRepository
from image_pinner.core.images.media_types import refusal
from image_pinner.core.images.resolutions import Missing, Resolved, Unavailable
from image_pinner.sources.ecr.calls import BATCH_GET_IMAGE, DESCRIBE_IMAGES, EcrCalls, Finding, Found, digest_of
from image_pinner.sources.ecr.failures import image_failure


class Reading(NamedTuple):
    """Why tags are looked up by reading their manifests.

    Args:
        warning: What a person should know about an answer that was found so.
        if_converted: What to do where ECR gives a manifest that is not the stored one.
    """

    warning: str
    if_converted: str


def instead_of_describing(repository: EcrRepository) -> Reading:
    """Read tags because DescribeImages is denied."""
    return Reading(
        f"{DESCRIBE_IMAGES} is denied on {repository.arn}, and {BATCH_GET_IMAGE} counts as a pull",
        f"Allow {DESCRIBE_IMAGES} on {repository.arn}, which tells the digest itself",
    )


def get_tags(calls: EcrCalls, tags: Sequence[str], reading: Reading) -> dict[str, Finding]:
    """Find what tags point to by reading their manifests, which ECR counts as a pull.

    ECR can convert a manifest that is asked for by tag; its digest is then not that of the bytes, and it is refused:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html

    Args:
        calls: Who is asked.
        tags: At most 100 distinct tags.
        reading: Why they are asked for so.

    Returns:
        A finding for every tag, with the manifest where there is one.

    Raises:
        OutOfTimeError: The deadline came first.
        botocore.exceptions.ClientError: ECR refused the request as a whole.
        botocore.exceptions.BotoCoreError: ECR could not be asked.
    """
    response = calls.get({"imageTag": tag} for tag in tags)
    images, failures = _by_id(response, "images", "imageTag"), _by_id(response, "failures", "imageTag")
    return {
        tag: _finding(calls, tag, images[tag], reading) if tag in images else _not_given(calls, tag, failures.get(tag))
        for tag in tags
    }


def get_manifests(calls: EcrCalls, digests: Sequence[Digest]) -> dict[Digest, bytes | Missing | Unavailable]:
    """Read manifests by digest; what is asked for so is never converted.

    Args:
        calls: Who is asked.
        digests: At most 100 distinct digests.

    Returns:
        The bytes for every digest, or why there are none. Whether they hash to the digest is for the reader to check.

    Raises:
        OutOfTimeError: The deadline came first.
        botocore.exceptions.ClientError: ECR refused the request as a whole.
        botocore.exceptions.BotoCoreError: ECR could not be asked.
    """
    response = calls.get({"imageDigest": digest.text} for digest in digests)
    images, failures = _by_id(response, "images", "imageDigest"), _by_id(response, "failures", "imageDigest")
    return {
        digest: _bytes_of(images[digest.text])
        if digest.text in images
        else _not_given(calls, digest.text, failures.get(digest.text))
        for digest in digests
    }


def _finding(calls: EcrCalls, tag: str, image: Mapping[str, Any], reading: Reading) -> Found | Unavailable:
    digest = digest_of(calls, BATCH_GET_IMAGE, image["imageId"].get("imageDigest"))
    if isinstance(digest, Unavailable):
        return digest
    manifest, media_type = _bytes_of(image), str(image.get("imageManifestMediaType") or "")
    if refusal(media_type) is None and Digest.of(manifest) != digest:
        return _converted(calls, tag, digest, reading)
    return Found(Resolved(digest, media_type, calls.origin(BATCH_GET_IMAGE), warnings=(reading.warning,)), manifest)


def _not_given(calls: EcrCalls, image: str, failure: Mapping[str, Any] | None) -> Missing | Unavailable:
    if failure is not None:
        return image_failure(calls.repository, image, failure)
    return Unavailable(
        f"{calls.origin(BATCH_GET_IMAGE).asked} said nothing about {image!r} of {calls.repository}",
        "Deploy again in a minute",
    )


def _converted(calls: EcrCalls, tag: str, digest: Digest, reading: Reading) -> Unavailable:
    return Unavailable(
        f"{calls.origin(BATCH_GET_IMAGE).asked} gave for tag {tag!r} of {calls.repository} a manifest that does not "
        f"hash to its digest {digest}, as if it were converted to another format",
        reading.if_converted,
    )


def _bytes_of(image: Mapping[str, Any]) -> bytes:
    return str(image.get("imageManifest") or "").encode("utf-8", "surrogatepass")


def _by_id(response: Mapping[str, Any], key: str, kind: str) -> dict[str, Mapping[str, Any]]:
    entries: dict[str, Mapping[str, Any]] = {}
    for entry in response.get(key, ()):
        name = (entry.get("imageId") or {}).get(kind)
        if name:
            entries.setdefault(str(name), entry)
    return entries
