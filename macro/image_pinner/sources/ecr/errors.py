"""What ECR's refusals mean, each in words of its own.

The codes: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html#API_DescribeImages_Errors,
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html and, for one image of many,
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from image_pinner.core.errors import SourceError
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.core.images.lookups import NotFound, Unavailable, Unsuitable
from image_pinner.sources.aws.errors import (
    caller_account,
    cleaned,
    denial_reason,
    error_code,
    error_text,
    explain,
    is_denied,
)

_PULL_THROUGH = (
    "if this is the repository of a pull-through cache, the image must be pulled once by its tag before it can be "
    "pinned, or the operator allows the import with the setting IMAGE_PINNER_PULL_THROUGH=true"
)
_IMPORT_NEEDS = "a pull-through cache imports it where a rule covers the repository and upstream has the tag"
_REGISTRY_KEY = "Check that the key of the repository is enabled, and that its policy lets ECR use it"
_UPSTREAM = "Check the pull-through cache rule and the secret with its credentials, then pull the image once by its tag"
_LATER = "Deploy again in a minute"


def service_name(repository: EcrRepository) -> str:
    """Name ECR in the region of a repository, as messages do."""
    return f"ECR in {repository.region}"


def no_tag(repository: EcrRepository, tag: str) -> NotFound | Unsuitable:
    """Answer that a repository has no such tag, where nobody asked for an import."""
    return NotFound(
        f"{repository} has no tag {tag!r}",
        f"Push the tag or correct it, and give replication from another region a minute; {_PULL_THROUGH}",
    )


def no_repository(repository: EcrRepository) -> NotFound | Unsuitable:
    """Answer that a registry has no such repository, where nobody asked for an import."""
    return NotFound(
        f"there is no {_without_article(repository)}",
        f"Create the repository, or correct account, region or name; {_PULL_THROUGH}",
    )


def not_imported(repository: EcrRepository, tag: str) -> NotFound | Unsuitable:
    """Answer that BatchGetImage has no such tag: asked by tag it imports what a pull-through cache can."""
    return NotFound(
        f"{repository} has no tag {tag!r}, and asking for it by tag imported none",
        f"Push the tag or correct it; {_IMPORT_NEEDS}",
    )


def not_made_by_import(repository: EcrRepository) -> NotFound | Unsuitable:
    """Answer that a registry has no such repository, and that no pull-through cache made it."""
    return NotFound(
        f"there is no {_without_article(repository)}, and asking for its image by tag made none",
        f"Create the repository, or correct account, region or name; {_IMPORT_NEEDS}",
    )


def not_active(repository: EcrRepository, tag: str, status: str) -> NotFound | Unsuitable:
    """Answer that an image is there and cannot be pulled: it is in the archive or on its way out of it.

    Args:
        repository: Where the image is.
        tag: Its tag.
        status: The `imageStatus` that ECR told, `ARCHIVED` or `ACTIVATING`.

    Returns:
        The answer. https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive-image.html
    """
    if status == "ACTIVATING":
        return Unsuitable(
            f"tag {tag!r} of {repository} is being restored from the archive and cannot be pulled yet",
            "Deploy again when its status is ACTIVE",
        )
    return Unsuitable(
        f"tag {tag!r} of {repository} is not active but {cleaned(status)}, and such an image cannot be pulled",
        f"Restore it with: aws ecr update-image-storage-class --target-storage-class STANDARD "
        f"--region {repository.region} --registry-id {repository.account_id} "
        f"--repository-name {repository.name} --image-id imageTag={tag}",
    )


def refused(repository: EcrRepository, error: Exception, actions: Sequence[str]) -> NotFound | Unsuitable | Unavailable:
    """Answer for all images of a request that failed as a whole.

    Args:
        repository: The repository that was asked about.
        error: What boto3 raised.
        actions: The actions that were tried, in their order: `ecr:DescribeImages` first.

    Returns:
        `NotFound` where the repository does not exist, otherwise `Unavailable`.
    """
    if isinstance(error, SourceError):
        return Unavailable(error.cause, error.help)
    code = error_code(error)
    if code == "RepositoryNotFoundException":
        return no_repository(repository)
    if is_denied(error):
        return denied(repository, error, actions, " or ".join(actions))
    if code == "UnableToGetUpstreamImageException":
        return Unavailable(f"{service_name(repository)} could not get it from upstream: {error_text(error)}", _UPSTREAM)
    failure = explain(error, service_name(repository))
    return Unavailable(failure.cause, failure.help)


def denied(repository: EcrRepository, error: Exception, actions: Sequence[str], needed: str) -> Unavailable:
    """Answer that a policy forbids to ask.

    Args:
        repository: What was asked about.
        error: The denial.
        actions: What is denied.
        needed: What has to be allowed, as the object of a sentence.

    Returns:
        The answer, which says whose policies have to allow it.
    """
    reason = denial_reason(error)
    return Unavailable(
        f"{' and '.join(actions)} {'are' if len(actions) > 1 else 'is'} denied on {repository.arn}"
        + (f", {reason}" if reason else ""),
        _who_must_allow(repository, needed, caller_account(error)),
    )


def _who_must_allow(repository: EcrRepository, actions: str, caller: str) -> str:
    role = f"Allow {actions} on it in the policy of the role that asks"
    policy = f"the repository's policy in account {repository.account_id}"
    if not caller:
        return f"{role}; if that role is of another account, {policy} must allow it as well"
    if caller != repository.account_id:
        return f"{role}, which is of account {caller}, and allow that account in {policy}: both are needed"
    return f"{role}, and look for a statement that denies it, in {policy} for example"


def image_failure(
    repository: EcrRepository, image: str, failure: Mapping[str, Any]
) -> NotFound | Unsuitable | Unavailable:
    """Answer for one image that BatchGetImage could not give.

    Args:
        repository: Where the image was looked for.
        image: The tag or the digest that was asked for.
        failure: The entry of `failures`: `failureCode` and `failureReason`.

    Returns:
        `NotFound` where the tag does not exist, otherwise `Unavailable`.
    """
    code, reason = str(failure.get("failureCode") or "no code"), cleaned(str(failure.get("failureReason") or ""))
    if code == "ImageNotFound" and not image.startswith("sha256:"):
        return not_imported(repository, image)
    cause, help = _IMAGE_FAILURES.get(code, ("could not be read", "Look the code up in the reference of BatchGetImage"))
    told = f"{code}: {reason}" if reason else code
    return Unavailable(f"{image!r} of {repository} {cause} ({told})", help)


_IMAGE_FAILURES = {
    "ImageNotFound": ("was deleted while it was looked up", "Push the image again, then deploy again"),
    "InvalidImageTag": ("is not a tag that ECR can have", "Correct the tag"),
    "InvalidImageDigest": ("is not a digest that ECR can have", "Push the image again, then deploy again"),
    "ImageTagDoesNotMatchDigest": ("moved to another image while it was looked up", _LATER),
    "MissingDigestAndTag": ("was asked for with neither tag nor digest, says ECR", "Report this as a defect"),
    "ImageReferencedByManifestList": ("is part of an index, which is why ECR keeps it to itself", _LATER),
    "KmsError": ("could not be decrypted", _REGISTRY_KEY),
    "UpstreamAccessDenied": ("could not be imported: upstream denies access", _UPSTREAM),
    "UpstreamTooManyRequests": ("could not be imported: upstream is throttling", _LATER),
    "UpstreamUnavailable": ("could not be imported: upstream does not answer", _LATER),
    "ImageInaccessible": (
        "is there but cannot be read, as an archived image",
        "Restore it from the archive if it is there",
    ),
}
"""What each `failureCode` means for one image, and what to do about it."""


def _without_article(repository: EcrRepository) -> str:
    return str(repository).removeprefix("the ")
