"""Explain errors of ECR: what failed for an image, and which action or permission is missing.

The error codes: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html#API_DescribeImages_Errors,
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html,
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html#API_GetDownloadUrlForLayer_Errors
and, for one image of several, https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from image_pinner.core.errors import SourceError
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.core.images.lookups import NotFound, Unavailable, Unsuitable
from image_pinner.core.images.references import Digest, is_digest
from image_pinner.sources.aws.errors import (
    RETRY,
    caller_account,
    cleaned,
    denied_action,
    describe_denial,
    error_code,
    error_text,
    explain,
    is_denied,
)

DESCRIBE_IMAGES = "ecr:DescribeImages"
BATCH_GET_IMAGE = "ecr:BatchGetImage"
GET_DOWNLOAD_URL = "ecr:GetDownloadUrlForLayer"
_IMPORT_ACTIONS = f"{BATCH_GET_IMAGE}, ecr:BatchImportUpstreamImage and, for a new repository, ecr:CreateRepository"

Failure = NotFound | Unsuitable | Unavailable
"""Why an image has no digest."""

_PULL_THROUGH = (
    "if the repository belongs to a pull-through cache, pull the image once by its tag, or allow imports with "
    "IMAGE_PINNER_PULL_THROUGH=true"
)
_PULL_THROUGH_BY_DIGEST = (
    "a pull-through cache has only the images that were pulled by their tags before, and imports none by digest: pull "
    "the image once by its tag"
)
_IMPORT_NEEDS = "a pull-through cache imports it only if a rule covers the repository and upstream has the tag"
_PUSH_AGAIN = "push the image again, then retry"
_REPLICATION = "replication from another region takes a minute"
_CHECK_RULE = "check the pull-through cache rule and the secret with its credentials"

OR_ANY_PLATFORM = "or set Platform=Any to skip the platform check"
"""The help where only the check of the platform needs the config."""


def service_name(repository: EcrRepository) -> str:
    """Return the name of ECR with the region of a repository, for messages."""
    return f"ECR in {repository.region}"


def id_key(image: str) -> str:
    """Return the key of an `imageId` in the API for an image, a tag or a digest."""
    return "imageDigest" if is_digest(image) else "imageTag"


def image_name(image: str) -> str:
    """Return the name of an image, a tag or a digest, for messages."""
    return f"the image {image}" if is_digest(image) else f"tag {image!r}"


def no_image(repository: EcrRepository, image: str) -> NotFound:
    """Report a missing tag or digest after a lookup that does not import it."""
    if is_digest(image):
        return NotFound(
            f"{repository} has no image with the digest {image}",
            f"push the image again or correct the digest; {_REPLICATION}; {_PULL_THROUGH_BY_DIGEST}",
        )
    return NotFound(
        f"{repository} has no tag {image!r}", f"push the tag or correct it; {_REPLICATION}; {_PULL_THROUGH}"
    )


def not_active(repository: EcrRepository, image: str, status: str) -> Unsuitable:
    """Report an image that cannot be pulled because of its `imageStatus`, `ARCHIVED` or `ACTIVATING`.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive-image.html
    """
    if status == "ACTIVATING":
        return Unsuitable(
            f"{image_name(image)} of {repository} is being restored from the archive and cannot be pulled yet",
            "retry when its status is ACTIVE",
        )
    return Unsuitable(
        f"{image_name(image)} of {repository} has the status {cleaned(status)} and cannot be pulled",
        f"restore it: aws ecr update-image-storage-class --target-storage-class STANDARD "
        f"--region {repository.region} --registry-id {repository.account_id} "
        f"--repository-name {repository.name} --image-id {id_key(image)}={image}",
    )


def deleted(repository: EcrRepository, digest: Digest) -> Unavailable:
    """Report an image that was found, and whose manifest does not exist any more."""
    return Unavailable(f"the image {digest} of {repository} was deleted during the lookup", _PUSH_AGAIN)


def explain_ecr_error(repository: EcrRepository, error: Exception, *actions: str) -> Failure:
    """Explain the error of a request about `repository`; `actions` are those that were called, in order."""
    if isinstance(error, SourceError):
        return Unavailable(error.cause, error.help)
    code = error_code(error)
    if code == "RepositoryNotFoundException":
        return NotFound(
            f"{repository} does not exist",
            f"create the repository, or correct the account, region or name; {_PULL_THROUGH}",
        )
    if is_denied(error):
        return _denied(repository, error, " or ".join(actions), *actions)
    if code == "UnableToGetUpstreamImageException":
        return Unavailable(
            f"{service_name(repository)} cannot get the image from upstream: {error_text(error)}",
            f"{_CHECK_RULE}, then pull the image once by its tag",
        )
    return Unavailable(*explain(error, service_name(repository)))


def explain_import(repository: EcrRepository, error: Exception) -> Failure:
    """Explain the error of a BatchGetImage request that imports images through a pull-through cache."""
    if error_code(error) == "RepositoryNotFoundException":
        return NotFound(
            f"{repository} does not exist, and requesting its image by tag did not create it",
            f"create the repository, or correct the account, region or name; {_IMPORT_NEEDS}",
        )
    if is_denied(error):
        return _denied(repository, error, _IMPORT_ACTIONS, denied_action(error) or BATCH_GET_IMAGE)
    return explain_ecr_error(repository, error, BATCH_GET_IMAGE)


def explain_download_url(repository: EcrRepository, config: Digest, error: Exception) -> Failure:
    """Explain the error of a GetDownloadUrlForLayer request for the config of an image."""
    if is_denied(error):
        denial = _denied(repository, error, GET_DOWNLOAD_URL, GET_DOWNLOAD_URL)
        why = "and only the config of the image contains its platform"
        return Unavailable(f"{denial.cause}, {why}", f"{denial.help}; {OR_ANY_PLATFORM}")
    code = error_code(error)
    if code not in _CONFIG_FAILURES:
        return explain_ecr_error(repository, error, GET_DOWNLOAD_URL)
    cause, help = _CONFIG_FAILURES[code]
    return Unavailable(
        f"{config_name(repository, config)} {cause} ({code}: {error_text(error)})", f"{help}, {OR_ANY_PLATFORM}"
    )


def config_name(repository: EcrRepository, config: Digest) -> str:
    """Return the name of an image's config, for messages."""
    return f"the config {config} of an image in {repository}"


def _denied(repository: EcrRepository, error: Exception, needed: str, *actions: str) -> Unavailable:
    """Report that `actions` are denied, and whose policies must allow the `needed` ones."""
    caller = caller_account(error)
    role = f"allow {needed} on it in the policy of the caller's role"
    policy = f"the repository policy in account {repository.account_id}"
    if not caller:
        help = f"{role}; for a role of another account, {policy} must allow it too"
    elif caller != repository.account_id:
        help = f"{role} in account {caller}, and allow that account in {policy}: both are required"
    else:
        help = f"{role}, and check for a statement that denies it, for example in {policy}"
    return Unavailable(describe_denial(error, f"on {repository.arn}", *actions), help)


def image_failure(repository: EcrRepository, image: str, failure: Mapping[str, Any]) -> Failure:
    """Explain an entry of `failures` in a BatchGetImage response; `image` is the requested tag or digest.

    A tag that is not found could not be imported either: a request by tag imports what a pull-through cache can.
    """
    code, reason = str(failure.get("failureCode") or "no code"), cleaned(str(failure.get("failureReason") or ""))
    if code == "ImageNotFound" and is_digest(image):
        return no_image(repository, image)
    if code == "ImageNotFound":
        return NotFound(
            f"{repository} has no tag {image!r}, and requesting it by tag did not import it",
            f"push the tag or correct it; {_IMPORT_NEEDS}",
        )
    cause, help = _IMAGE_FAILURES.get(code, ("cannot be read", "find the code in the API reference of BatchGetImage"))
    return Unavailable(f"{image!r} of {repository} {cause} ({f'{code}: {reason}' if reason else code})", help)


_IMAGE_FAILURES = {
    "InvalidImageTag": ("is not a valid tag in ECR", "correct the tag"),
    "InvalidImageDigest": ("is not a valid digest in ECR", _PUSH_AGAIN),
    "ImageTagDoesNotMatchDigest": ("moved to another image during the lookup", RETRY),
    "MissingDigestAndTag": ("was requested without tag and digest", "report this as a bug"),
    "ImageReferencedByManifestList": ("is part of an index, so ECR does not return it", RETRY),
    "KmsError": (
        "cannot be decrypted",
        "check that the KMS key of the repository is enabled and that the key policy allows ECR to use it",
    ),
    "UpstreamAccessDenied": (
        "cannot be imported: upstream denied access",
        f"{_CHECK_RULE}, then pull the image once by its tag",
    ),
    "UpstreamTooManyRequests": ("cannot be imported: upstream throttled the request", RETRY),
    "UpstreamUnavailable": ("cannot be imported: upstream did not respond", RETRY),
    "ImageInaccessible": (
        "exists but cannot be read, for example because it is archived",
        "restore it if it is in the archive",
    ),
}
"""Cause and help for each `failureCode`."""

_CONFIG_FAILURES = {
    "LayersNotFoundException": ("does not exist", _PUSH_AGAIN),
    "LayerInaccessibleException": ("no longer belongs to an image", _PUSH_AGAIN),
    "UnableToGetUpstreamLayerException": ("cannot be imported from upstream", _CHECK_RULE),
}
"""Cause and help for each error code of GetDownloadUrlForLayer."""
