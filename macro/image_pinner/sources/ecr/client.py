"""Request images, manifests and configs of one ECR repository.

A text names an image: its tag, or its digest, which is not a valid tag.

ECR does not import an image that is requested by digest through a pull-through cache, so a tag must be requested before
its digest can be pinned: https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html,
https://github.com/aws/containers-roadmap/issues/2837.

All functions here raise `OutOfTimeError` instead of sending a request after the deadline. Where a request fails as a
whole, they raise one of `ecr_faults`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from image_pinner.core.errors import InvalidReferenceError, SourceError
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.core.images.lookups import ACCEPTED_MEDIA_TYPES, NotFound, Origin, Resolved, Unavailable
from image_pinner.core.images.manifests import (
    MAX_CONFIG_BYTES,
    artifact_type,
    check_media_type,
    not_an_image,
    quote_media_type,
)
from image_pinner.core.images.references import Digest, is_digest
from image_pinner.sources.aws.errors import RETRY, aws_faults, error_code, error_text
from image_pinner.sources.ecr.errors import (
    BATCH_GET_IMAGE,
    DESCRIBE_IMAGES,
    GET_DOWNLOAD_URL,
    OR_ANY_PLATFORM,
    Failure,
    config_name,
    deleted,
    explain_download_url,
    explain_import,
    id_key,
    image_failure,
    image_name,
    no_image,
    not_active,
)
from image_pinner.sources.interface import Deadline, Download

IDS_PER_REQUEST = 100
"""The maximum number of images in a request:
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html"""


class OutOfTimeError(Exception):
    """The deadline passed before the next request."""


def ecr_faults() -> tuple[type[Exception], ...]:
    """Return the exceptions of a failed request to ECR: `aws_faults`, and `SourceError` for a role."""
    return (*aws_faults(), SourceError)


class FoundImage(NamedTuple):
    """The digest of an image, and the bytes of its manifest if the response contained them."""

    resolved: Resolved
    manifest: bytes | None = None


ImageResult = FoundImage | Failure
DetailResult = Mapping[str, Any] | Failure
"""The details of an image in a DescribeImages response."""


_Entries = Mapping[str, Mapping[str, Any]]


class RepositoryClient(NamedTuple):
    """Send requests about one repository with a boto3 client of its region, none of them after the deadline."""

    client: Any
    repository: EcrRepository
    deadline: Deadline

    def origin(self, action: str) -> Origin:
        """Return the origin of a digest that `action` returned."""
        return Origin("ecr", f"{action} in {self.repository.region}")

    def can_filter_by_status(self) -> bool:
        """Return whether the installed botocore knows the filter by image status, added in November 2025."""
        model = self.client.meta.service_model.operation_model("DescribeImages").input_shape
        return "imageStatus" in model.members["filter"].members

    def describe(self, images: Sequence[str], *, any_status: bool = False) -> dict[str, Mapping[str, Any]]:
        """Return the details of at most `IDS_PER_REQUEST` images from DescribeImages.

        One missing image fails the request with `ImageNotFoundException`. Archived images are missing, unless
        `any_status` is set.
        """
        wanted, details = set(images), dict[str, Mapping[str, Any]]()
        request = self._request(images)
        if any_status:
            request["filter"] = {"imageStatus": "ANY"}
        self._check_deadline()
        for page in self.client.get_paginator("describe_images").paginate(**request):
            for image in page.get("imageDetails", ()):
                names = (image.get("imageDigest"), *image.get("imageTags", ()))
                details.update((name, image) for name in names if name in wanted)
            if len(details) == len(wanted):
                break
            self._check_deadline()
        return details

    def get(self, images: Sequence[str]) -> tuple[_Entries, _Entries]:
        """Return the `images` and the `failures` of a BatchGetImage response, for at most `IDS_PER_REQUEST` images.

        The request accepts all four media types, so that ECR need not convert a manifest.
        """
        self._check_deadline()
        response: Mapping[str, Any] = self.client.batch_get_image(
            **self._request(images), acceptedMediaTypes=list(ACCEPTED_MEDIA_TYPES)
        )
        wanted = set(images)
        return _by_name(response.get("images", ()), wanted), _by_name(response.get("failures", ()), wanted)

    def download_url(self, config: Digest) -> str:
        """Return the presigned URL of a config from GetDownloadUrlForLayer, or an empty string if there is none.

        ECR stores configs like layers. Anyone with the URL can fetch it, so it must not be in a message.
        """
        self._check_deadline()
        response: Mapping[str, Any] = self.client.get_download_url_for_layer(
            registryId=self.repository.account_id, repositoryName=self.repository.name, layerDigest=config.text
        )
        return str(response.get("downloadUrl") or "")

    def _request(self, images: Sequence[str]) -> dict[str, Any]:
        return {
            "registryId": self.repository.account_id,
            "repositoryName": self.repository.name,
            "imageIds": [{id_key(image): image} for image in images],
        }

    def _check_deadline(self) -> None:
        if self.deadline.remaining() <= 0:
            raise OutOfTimeError


def _by_name(entries: Iterable[Mapping[str, Any]], wanted: Container[str]) -> _Entries:
    """Return entries of a BatchGetImage response by the requested names."""
    named: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        image_id = entry.get("imageId") or {}
        tag, digest = str(image_id.get("imageTag") or ""), str(image_id.get("imageDigest") or "")
        if tag in wanted:
            named[tag] = entry
        # The manifest of an entry for the tag may be converted; one for the digest alone never is.
        if digest in wanted and (tag not in wanted or digest not in named):
            named[digest] = entry
    return named


# "The image with imageId {imageDigest:'null', imageTag:'1.4'} does not exist within the repository …", as recorded in
# https://github.com/hashicorp/terraform-provider-aws/issues/35268.
_MISSING_IMAGE = re.compile(r"imageDigest:\s*'(?P<digest>sha256:[^']*)'|imageTag:\s*'(?P<tag>[^']*)'")


def split_missing(error: Exception, images: Sequence[str]) -> tuple[str, list[list[str]]]:
    """Return the missing image that an `ImageNotFoundException` names, and the groups of images to request instead.

    The image is empty if the error does not name it; then the groups are the halves.
    """
    named = _MISSING_IMAGE.search(error_text(error))
    missing = images[0] if len(images) == 1 else named["digest"] or named["tag"] if named else ""
    if missing not in images:
        half = len(images) // 2
        return "", [list(images[half:]), list(images[:half])]
    others = [image for image in images if image != missing]
    return missing, [others] if others else []


def describe_images(client: RepositoryClient, images: Sequence[str]) -> dict[str, ImageResult]:
    """Find at most `IDS_PER_REQUEST` distinct images with DescribeImages. See `find_details`."""
    details = find_details(client, images)
    return {
        image: _described(client, image, detail) if isinstance(detail, Mapping) else detail
        for image, detail in details.items()
    }


def find_details(client: RepositoryClient, images: Sequence[str]) -> dict[str, DetailResult]:
    """Return the details of at most `IDS_PER_REQUEST` distinct images from DescribeImages.

    One missing image fails the request for all. ECR names it, so one more request without it finds the others.
    """
    return _ImageSearch(client).run(images)


class _ImageSearch:
    """Request groups of images until each is found or known to be missing.

    After the first missing image, the requests include archived images, so that those are not reported as missing. The
    first request does not, out of caution: the filter is documented for listing images, not for named ones.
    """

    def __init__(self, client: RepositoryClient) -> None:
        self._client = client
        self._any_status = False
        self._can_filter = client.can_filter_by_status()
        self._results: dict[str, DetailResult] = {}

    def run(self, images: Sequence[str]) -> dict[str, DetailResult]:
        groups = [list(images)]
        while groups:
            group = groups.pop()
            try:
                details = self._client.describe(group, any_status=self._any_status)
            except aws_faults() as error:
                groups += self._groups_after(error, group)
            else:
                for image in group:
                    self._results[image] = details.get(image) or self._without_details(image)
        return self._results

    def _without_details(self, image: str) -> Failure:
        # A missing image fails the request, so only the filter may have left it out of a response.
        if self._any_status:
            return no_image(self._client.repository, image)
        return _nothing_about(self._client, DESCRIBE_IMAGES, image)

    def _groups_after(self, error: Exception, group: list[str]) -> list[list[str]]:
        code = error_code(error)
        if code == "InvalidParameterException" and self._any_status:
            self._any_status = self._can_filter = False
            return [group]
        if code != "ImageNotFoundException":
            raise error
        if self._can_filter and not self._any_status:
            self._any_status = True
            return [group]
        missing, others = split_missing(error, group)
        if missing:
            self._results[missing] = no_image(self._client.repository, missing)
        return others


def _described(client: RepositoryClient, image: str, detail: Mapping[str, Any]) -> ImageResult:
    status = str(detail.get("imageStatus") or "ACTIVE")
    if status != "ACTIVE":
        return not_active(client.repository, image, status)
    digest = _digest_of(client, DESCRIBE_IMAGES, detail.get("imageDigest"))
    if isinstance(digest, Unavailable):
        return digest
    # This is the media type of the config of a manifest; an index has none.
    if artifact := artifact_type({"config": {"mediaType": detail.get("artifactMediaType")}}):
        return not_an_image(f"the media type of its config is {quote_media_type(artifact)}")
    media_type = str(detail.get("imageManifestMediaType") or "")
    return FoundImage(Resolved(digest, media_type, client.origin(DESCRIBE_IMAGES)))


class ReadReason(NamedTuple):
    """Why manifests are read: a warning for each image, and the help if ECR converts the manifest."""

    warning: str
    if_converted: str


def describing_denied(repository: EcrRepository) -> ReadReason:
    """Return the reason for reading manifests that DescribeImages is denied."""
    return ReadReason(
        f"{DESCRIBE_IMAGES} is denied on {repository.arn}, and {BATCH_GET_IMAGE} counts as a pull",
        f"allow {DESCRIBE_IMAGES} on {repository.arn}, which returns the digest itself",
    )


_IMPORTED = ReadReason(
    f"the image was not in ECR; requesting it by tag with {BATCH_GET_IMAGE} imported it through the pull-through cache",
    "retry: the image is in ECR now",
)


def get_images(client: RepositoryClient, images: Sequence[str], why: ReadReason) -> dict[str, ImageResult]:
    """Find at most `IDS_PER_REQUEST` distinct images by their manifests, which ECR counts as a pull.

    ECR can convert a manifest that is requested by tag. Its digest then differs from that of the bytes, and it is
    refused: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html
    """
    found, failures = client.get(images)
    return {
        image: _found_image(client, image, found[image], why) if image in found else _failure(client, image, failures)
        for image in images
    }


def import_missing(client: RepositoryClient, results: Mapping[str, ImageResult]) -> dict[str, ImageResult]:
    """Return `results` with those of missing tags replaced, after one request that imports what it can."""
    missing = [image for image, result in results.items() if isinstance(result, NotFound) and not is_digest(image)]
    if not missing:
        return dict(results)
    try:
        imported = get_images(client, missing, _IMPORTED)
    except ecr_faults() as error:
        imported = dict.fromkeys(missing, explain_import(client.repository, error))
    return {**results, **imported}


def get_manifests(client: RepositoryClient, digests: Sequence[Digest]) -> dict[Digest, bytes | Failure]:
    """Read at most `IDS_PER_REQUEST` manifests by digest, which ECR does not convert; the caller checks the hashes."""
    found, failures = client.get([digest.text for digest in digests])
    manifests: dict[Digest, bytes | Failure] = {}
    for digest in digests:
        if digest.text in found:
            manifests[digest] = _manifest_of(found[digest.text])
        else:
            failure = _failure(client, digest.text, failures)
            # DescribeImages has just returned this digest.
            manifests[digest] = deleted(client.repository, digest) if isinstance(failure, NotFound) else failure
    return manifests


def get_config(client: RepositoryClient, download: Download, config: Digest) -> bytes | Failure:
    """Fetch the config of an image, which alone contains the platform; the caller checks its hash."""
    name = config_name(client.repository, config)
    try:
        url = client.download_url(config)
    except ecr_faults() as error:
        return explain_download_url(client.repository, config, error)
    if not url:
        origin = client.origin(GET_DOWNLOAD_URL)
        return Unavailable(f"{origin.request} returned no URL for {name}", f"{RETRY}, {OR_ANY_PLATFORM}")
    try:
        return download(url, MAX_CONFIG_BYTES, client.deadline)
    except SourceError as error:
        return Unavailable(f"cannot fetch {name}: {_without(url, error.cause)}", _without(url, error.help))


def _found_image(
    client: RepositoryClient, image: str, entry: Mapping[str, Any], why: ReadReason
) -> FoundImage | Unavailable:
    digest = _digest_of(client, BATCH_GET_IMAGE, entry["imageId"].get("imageDigest"))
    if isinstance(digest, Unavailable):
        return digest
    origin, media_type = client.origin(BATCH_GET_IMAGE), str(entry.get("imageManifestMediaType") or "")
    manifest = _manifest_of(entry)
    if check_media_type(media_type) is None and Digest.of(manifest) != digest:
        return Unavailable(
            f"{origin.request} returned a manifest for {image_name(image)} of {client.repository} that does not hash "
            f"to its digest {digest}, as if it was converted to another format",
            why.if_converted,
        )
    return FoundImage(Resolved(digest, media_type, origin, warnings=(why.warning,)), manifest)


def _manifest_of(entry: Mapping[str, Any]) -> bytes:
    return str(entry.get("imageManifest") or "").encode("utf-8", "surrogatepass")


def _failure(client: RepositoryClient, image: str, failures: _Entries) -> Failure:
    if image in failures:
        return image_failure(client.repository, image, failures[image])
    return _nothing_about(client, BATCH_GET_IMAGE, image)


def _nothing_about(client: RepositoryClient, action: str, image: str) -> Unavailable:
    return Unavailable(
        f"{client.origin(action).request} returned nothing about {image!r} of {client.repository}", RETRY
    )


def _digest_of(client: RepositoryClient, action: str, text: Any) -> Digest | Unavailable:
    try:
        return Digest(str(text)[:200])
    except InvalidReferenceError as error:
        return Unavailable(
            f"{client.origin(action).request} returned no digest that can be pinned: {error.cause}",
            "push the image again",
        )


def _without(url: str, text: str) -> str:
    """Remove a presigned URL and its signature from a text."""
    _, _, query = url.partition("?")
    text = text.replace(url, "the URL from ECR")
    return text.replace(query, "…") if query else text
