"""Answers: what the bytes of a manifest, and of a config where it takes that, say to a question about an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from image_pinner.core.errors import SourceError
from image_pinner.core.images.configs import artifact_type, config_digest, platform_of
from image_pinner.core.images.digests import Digest
from image_pinner.core.images.indexes import answer_from_index
from image_pinner.core.images.manifests import PUSH_AGAIN, parse_index, read_manifest
from image_pinner.core.images.media_types import no_image, refusal, shown
from image_pinner.core.images.resolutions import (
    INDEX_MEDIA_TYPES,
    ImageQuestion,
    Missing,
    Resolution,
    Resolved,
    Unavailable,
)


class NeedsConfig(NamedTuple):
    """A platform is wanted, the image is for a single one, and only its config says for which.

    Args:
        resolved: What the tag means.
        config: The digest of the config.
    """

    resolved: Resolved
    config: Digest


def answer_without_bytes(question: ImageQuestion, resolved: Resolved) -> Resolution | None:
    """Give the answer where digest and media type are enough, so that the manifest need not be fetched.

    Args:
        question: The question.
        resolved: What the tag means: digest and media type.

    Returns:
        The answer, or `None` where the manifest has to be opened for it.
    """
    if unfit := refusal(resolved.media_type):
        return unfit
    if question.platform is not None:
        return None
    return resolved if question.index_allowed or resolved.media_type not in INDEX_MEDIA_TYPES else None


def answer_for(question: ImageQuestion, resolved: Resolved, manifest: bytes) -> Resolution | NeedsConfig:
    """Give the answer to a question about an image whose manifest is at hand.

    Args:
        question: The question, with the platform wanted and whether an index may be the answer.
        resolved: What the tag means: digest and media type, as the registry said.
        manifest: The bytes of that manifest or index.

    Returns:
        The digest of the index or of the manifest that was asked for; `NeedsConfig` where the config decides;
        `Missing` with `absent=False` where the image is there and does not fit; `Unavailable` where the bytes are not
        what the registry said.
    """
    if unfit := refusal(resolved.media_type):
        return unfit
    asked = resolved.origin.asked
    if Digest.of(manifest) != resolved.digest:
        return Unavailable(
            f"{asked} gave a manifest that is not the one of {resolved.digest}, it hashes to {Digest.of(manifest)}",
            "Look for a proxy or a mirror that changes manifests",
        )
    try:
        if resolved.media_type in INDEX_MEDIA_TYPES:
            return answer_from_index(question, resolved, parse_index(manifest))
        return _single_image(question, resolved, read_manifest(manifest))
    except SourceError as error:
        return _unusable(resolved, error)


def answer_from_config(question: ImageQuestion, needs: NeedsConfig, config: bytes) -> Resolution:
    """Give the answer to a question about an image for a single platform whose config is at hand.

    Args:
        question: The question; a platform is wanted.
        needs: What `answer_for` said.
        config: The bytes of the config.

    Returns:
        The digest, with the platform that the image is for; `Missing` with `absent=False` where that is another one;
        `Unavailable` where the bytes are not the config.
    """
    resolved = needs.resolved
    try:
        offered = platform_of(config, needs.config)
    except SourceError as error:
        return _unusable(resolved, error)
    if question.platform is not None and not question.platform.runs(offered):
        return Missing(
            f"the image {resolved.digest} is for {offered} only, and {question.platform} is wanted",
            f"Build and push it for {question.platform}, or name a platform that it has",
            absent=False,
        )
    return resolved._replace(platforms=(offered,))


def _single_image(question: ImageQuestion, resolved: Resolved, document: Mapping[str, Any]) -> Resolution | NeedsConfig:
    if document.get("schemaVersion") == 1:
        raise SourceError("it is a Docker schema 1 manifest under another media type", PUSH_AGAIN)
    if "manifests" in document:
        raise SourceError("it is an index under the media type of a single image", PUSH_AGAIN)
    if not isinstance(document.get("config"), dict) or not isinstance(document.get("layers"), list):
        raise SourceError("it has not the config and the layers of an image", PUSH_AGAIN)
    if artifact := artifact_type(document):
        return no_image(f"the media type of its config is {shown(artifact)}")
    return resolved if question.platform is None else NeedsConfig(resolved, config_digest(document))


def _unusable(resolved: Resolved, error: SourceError) -> Unavailable:
    return Unavailable(
        f"{resolved.origin.asked} gave something for {resolved.digest} that cannot be used: {error.cause}",
        error.remedy,
    )
