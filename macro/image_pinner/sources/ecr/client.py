"""The ECR calls for images of one repository.

By digest it imports none, so that the tag must be asked for before the digest can be pinned:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html,
https://github.com/aws/containers-roadmap/issues/2837.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from image_pinner.core.errors import InvalidReferenceError, SourceError
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.core.images.lookups import ACCEPTED_MEDIA_TYPES, NotFound, Origin, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.manifests import artifact_type, check_media_type, not_an_image, quote_media_type
from image_pinner.core.images.references import Digest
from image_pinner.sources.aws.errors import aws_faults, denied_action, error_code, error_text, is_denied
from image_pinner.sources.ecr.errors import denied, image_failure, no_tag, not_active, not_made_by_import, refused
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


Finding = Found | NotFound | Unsuitable | Unavailable
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
    except InvalidReferenceError as error:
        return Unavailable(
            f"{calls.origin(action).request} gave no digest that can be pinned: {error.cause}", "Push the image again"
        )


# "The image with imageId {imageDigest:'null', imageTag:'1.4'} does not exist within the repository …", as recorded in
# https://github.com/hashicorp/terraform-provider-aws/issues/35268.
_NAMED = re.compile(r"imageTag:\s*'([^']*)'")


def describe_tags(calls: EcrCalls, tags: Sequence[str]) -> dict[str, Finding]:
    """Find what tags of a repository point to.

    One missing tag fails a call for a hundred. ECR names it, so that one more call without it gives the others.

    Args:
        calls: Who is asked.
        tags: At most 100 distinct tags.

    Returns:
        A finding for every tag.

    Raises:
        OutOfTimeError: The deadline came first.
        botocore.exceptions.ClientError: ECR refused the request as a whole.
        botocore.exceptions.BotoCoreError: ECR could not be asked.
    """
    return _Search(calls).run(tags)


class _Search:
    """Asks for groups of tags until each is found or known to be missing.

    After the first missing tag the calls ask for images of any status, so that an archived image is not taken for a
    missing one. That they do not from the start is caution: it is documented for lists, not for named images.
    """

    def __init__(self, calls: EcrCalls) -> None:
        self._calls = calls
        self._any_status = False
        self._may_ask_for_any = calls.can_ask_for_archived()
        self._findings: dict[str, Finding] = {}

    def run(self, tags: Sequence[str]) -> dict[str, Finding]:
        groups = [list(tags)]
        while groups:
            group = groups.pop()
            try:
                details = self._calls.describe(group, any_status=self._any_status)
            except aws_faults() as error:
                groups += self._groups_after(error, group)
            else:
                for tag in group:
                    self._findings[tag] = self._finding(tag, details.get(tag))
        return self._findings

    def _groups_after(self, error: Exception, group: list[str]) -> list[list[str]]:
        code = error_code(error)
        if code == "InvalidParameterException" and self._any_status:
            self._any_status = self._may_ask_for_any = False
            return [group]
        if code != "ImageNotFoundException":
            raise error
        if self._may_ask_for_any and not self._any_status:
            self._any_status = True
            return [group]
        return self._without_the_missing(error, group)

    def _without_the_missing(self, error: Exception, group: list[str]) -> list[list[str]]:
        named = _NAMED.search(error_text(error))
        missing = group[0] if len(group) == 1 else named[1] if named else ""
        if missing not in group:
            half = len(group) // 2
            return [group[half:], group[:half]]
        self._findings[missing] = no_tag(self._calls.repository, missing)
        rest = [tag for tag in group if tag != missing]
        return [rest] if rest else []

    def _finding(self, tag: str, detail: Mapping[str, Any] | None) -> Found | NotFound | Unsuitable | Unavailable:
        if detail is None:
            return no_tag(self._calls.repository, tag)
        status = str(detail.get("imageStatus") or "ACTIVE")
        if status != "ACTIVE":
            return not_active(self._calls.repository, tag, status)
        digest = digest_of(self._calls, DESCRIBE_IMAGES, detail.get("imageDigest"))
        if isinstance(digest, Unavailable):
            return digest
        # ECR names here what the config of a manifest is, and nothing for an index.
        if artifact := artifact_type({"config": {"mediaType": detail.get("artifactMediaType")}}):
            return not_an_image(f"the media type of its config is {quote_media_type(artifact)}")
        media_type = str(detail.get("imageManifestMediaType") or "")
        return Found(Resolved(digest, media_type, self._calls.origin(DESCRIBE_IMAGES)))


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


def get_manifests(
    calls: EcrCalls, digests: Sequence[Digest]
) -> dict[Digest, bytes | NotFound | Unsuitable | Unavailable]:
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
    if check_media_type(media_type) is None and Digest.of(manifest) != digest:
        return _converted(calls, tag, digest, reading)
    return Found(Resolved(digest, media_type, calls.origin(BATCH_GET_IMAGE), warnings=(reading.warning,)), manifest)


def _not_given(calls: EcrCalls, image: str, failure: Mapping[str, Any] | None) -> NotFound | Unsuitable | Unavailable:
    if failure is not None:
        return image_failure(calls.repository, image, failure)
    return Unavailable(
        f"{calls.origin(BATCH_GET_IMAGE).request} said nothing about {image!r} of {calls.repository}",
        "Deploy again in a minute",
    )


def _converted(calls: EcrCalls, tag: str, digest: Digest, reading: Reading) -> Unavailable:
    return Unavailable(
        f"{calls.origin(BATCH_GET_IMAGE).request} gave for tag {tag!r} of {calls.repository} a manifest that does not "
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


IMPORT_IMAGE = "ecr:BatchImportUpstreamImage"
CREATE_REPOSITORY = "ecr:CreateRepository"


def with_imports(calls: EcrCalls, findings: Mapping[str, Finding]) -> dict[str, Finding]:
    """Ask for what is missing in a way that imports it, with one call.

    Args:
        calls: Who is asked.
        findings: What was found out without, at most 100 tags.

    Returns:
        The findings, those of the missing tags anew.

    Raises:
        OutOfTimeError: The deadline came first.
    """
    missing = [tag for tag, finding in findings.items() if isinstance(finding, NotFound)]
    if not missing:
        return dict(findings)
    try:
        imported = get_tags(calls, missing, _imported())
    except ecr_faults() as error:
        imported = dict.fromkeys(missing, _refused(calls.repository, error))
    return {**findings, **imported}


def _imported() -> Reading:
    return Reading(
        f"the image was not in ECR before {BATCH_GET_IMAGE} asked for it by tag, which imports it through the "
        "pull-through cache",
        "Deploy again: the image is in ECR now",
    )


def _refused(repository: EcrRepository, error: Exception) -> NotFound | Unsuitable | Unavailable:
    if error_code(error) == "RepositoryNotFoundException":
        return not_made_by_import(repository)
    if not is_denied(error):
        return refused(repository, error, [BATCH_GET_IMAGE])
    return denied(
        repository,
        error,
        [denied_action(error) or BATCH_GET_IMAGE],
        f"{BATCH_GET_IMAGE} and {IMPORT_IMAGE}, and {CREATE_REPOSITORY} where the repository is yet to be made,",
    )
