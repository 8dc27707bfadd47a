"""Configs: fetched from where GetDownloadUrlForLayer says, since only they say which platform a single image is for."""

from __future__ import annotations

from image_pinner.core.errors import SourceError
from image_pinner.core.images.ecr import EcrRepository
from image_pinner.core.images.lookups import NotFound, Unavailable, Unsuitable
from image_pinner.core.images.manifests import MAX_CONFIG_BYTES
from image_pinner.core.images.references import Digest
from image_pinner.sources.aws.errors import error_code, error_text, is_denied
from image_pinner.sources.ecr.client import GET_DOWNLOAD_URL, EcrCalls, ecr_faults
from image_pinner.sources.ecr.errors import denied, refused, service_name
from image_pinner.sources.interface import Download

_OR_ANY = "or say Platform=Any, if it need not be checked"


def get_config(calls: EcrCalls, download: Download, config: Digest) -> bytes | NotFound | Unsuitable | Unavailable:
    """Fetch the config of an image.

    Args:
        calls: Who is asked.
        download: Fetches what ECR gives the URL of.
        config: The digest of the config.

    Returns:
        The bytes, or why there are none. Whether they hash to the digest is for the reader to check.

    Raises:
        OutOfTimeError: The deadline came first.
    """
    try:
        url = calls.download_url(config)
    except ecr_faults() as error:
        return _refused(calls.repository, config, error)
    if not url:
        return Unavailable(
            f"{calls.origin(GET_DOWNLOAD_URL).request} gave no URL for {_named(config, calls.repository)}",
            f"Deploy again in a minute, {_OR_ANY}",
        )
    try:
        return download(url, MAX_CONFIG_BYTES, calls.deadline)
    except SourceError as error:
        return Unavailable(
            f"{_named(config, calls.repository)} could not be fetched: {_without(url, error.cause)}",
            _without(url, error.help),
        )


def _refused(repository: EcrRepository, config: Digest, error: Exception) -> NotFound | Unsuitable | Unavailable:
    if is_denied(error):
        answer = denied(repository, error, [GET_DOWNLOAD_URL], GET_DOWNLOAD_URL)
        why = "and the platform of an image is asked for that says it in its config only"
        return Unavailable(f"{answer.cause}, {why}", f"{answer.help}; {_OR_ANY}")
    code = error_code(error)
    if code not in _FAILURES:
        return refused(repository, error, [GET_DOWNLOAD_URL])
    cause, help = _FAILURES[code]
    return Unavailable(
        f"{_named(config, repository)} {cause}, says {service_name(repository)} ({code}: {error_text(error)})",
        f"{help}, {_OR_ANY}",
    )


_FAILURES = {
    "LayersNotFoundException": ("is not there", "Push the image again, then deploy again"),
    "LayerInaccessibleException": ("belongs to no image any more", "Push the image again, then deploy again"),
    "UnableToGetUpstreamLayerException": (
        "could not be imported from upstream",
        "Check the pull-through cache rule and the secret with its credentials",
    ),
}
"""What the codes of GetDownloadUrlForLayer mean, and what to do about them.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html#API_GetDownloadUrlForLayer_Errors
"""


def _named(config: Digest, repository: EcrRepository) -> str:
    return f"the config {config} of an image in {repository}"


def _without(url: str, text: str) -> str:
    """Take a URL out of a text: whoever has its signature can fetch what it signs."""
    _, _, query = url.partition("?")
    text = text.replace(url, "the URL that ECR gave")
    return text.replace(query, "…") if query else text
