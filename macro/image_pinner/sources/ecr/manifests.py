"""Manifests, asked of BatchGetImage: to open an index, and where DescribeImages is denied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from image_pinner.core.images.digests import Digest
from image_pinner.core.images.indexes import refusal
from image_pinner.core.images.resolutions import Missing, Resolved, Unavailable
from image_pinner.sources.ecr.calls import BATCH_GET_IMAGE, DESCRIBE_IMAGES, EcrCalls, Finding, Found, digest_of
from image_pinner.sources.ecr.failures import image_failure


def get_tags(calls: EcrCalls, tags: Sequence[str]) -> dict[str, Finding]:
    """Find what tags point to by reading their manifests, which ECR counts as a pull.

    ECR can convert a manifest that is asked for by tag; its digest is then not that of the bytes, and it is refused:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html

    Args:
        calls: Who is asked.
        tags: At most 100 distinct tags.

    Returns:
        A finding for every tag, with the manifest where there is one.

    Raises:
        OutOfTimeError: The deadline came first.
        botocore.exceptions.ClientError: ECR refused the request as a whole.
        botocore.exceptions.BotoCoreError: ECR could not be asked.
    """
    response = calls.get({"imageTag": tag} for tag in tags)
    images, failures = _by_id(response, "images", "imageTag"), _by_id(response, "failures", "imageTag")
    return {tag: _finding(calls, tag, images.get(tag), failures.get(tag)) for tag in tags}


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


def _finding(
    calls: EcrCalls, tag: str, image: Mapping[str, Any] | None, failure: Mapping[str, Any] | None
) -> Found | Missing | Unavailable:
    if image is None:
        return _not_given(calls, tag, failure)
    digest = digest_of(calls, BATCH_GET_IMAGE, image["imageId"].get("imageDigest"))
    if isinstance(digest, Unavailable):
        return digest
    manifest, media_type = _bytes_of(image), str(image.get("imageManifestMediaType") or "")
    if refusal(media_type) is None and Digest.of(manifest) != digest:
        return _converted(calls, tag, digest)
    counted = f"{DESCRIBE_IMAGES} is denied on {calls.repository.arn}, and {BATCH_GET_IMAGE} counts as a pull"
    return Found(Resolved(digest, media_type, calls.origin(BATCH_GET_IMAGE), warnings=(counted,)), manifest)


def _not_given(calls: EcrCalls, image: str, failure: Mapping[str, Any] | None) -> Missing | Unavailable:
    if failure is not None:
        return image_failure(calls.repository, image, failure)
    return Unavailable(
        f"{calls.origin(BATCH_GET_IMAGE).asked} said nothing about {image!r} of {calls.repository}",
        "Deploy again in a minute",
    )


def _converted(calls: EcrCalls, tag: str, digest: Digest) -> Unavailable:
    return Unavailable(
        f"{calls.origin(BATCH_GET_IMAGE).asked} gave for tag {tag!r} of {calls.repository} a manifest that does not "
        f"hash to its digest {digest}, as if it were converted to another format",
        f"Allow {DESCRIBE_IMAGES} on {calls.repository.arn}, which tells the digest itself",
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
