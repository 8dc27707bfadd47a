"""Indexes: which manifest of a multi-platform image answers a question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from image_pinner.core.errors import SourceError
from image_pinner.core.images.digests import Digest
from image_pinner.core.images.manifests import MEDIA_TYPE, PUSH_AGAIN, IndexEntry, parse_index, read_manifest
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.resolutions import (
    ACCEPTED_MEDIA_TYPES,
    DOCKER_SCHEMA1,
    INDEX_MEDIA_TYPES,
    ImageQuestion,
    Missing,
    Resolution,
    Resolved,
    Unavailable,
)

_SHOWN_PLATFORMS = 12  # in one message: official images have about ten
_SHOWN_DIGESTS = 3  # in one message, which has 1,000 characters in a macro's answer

UNCHECKED_PLATFORM = "the platform of this single-platform image was not checked"
"""The warning where a platform was wanted and there is no index that could tell."""


def choose(entries: Iterable[IndexEntry], platform: Platform | None) -> tuple[IndexEntry, ...]:
    """Choose the manifests of an index that run on a platform.

    Where a platform without a variant is wanted and several variants are there, the one that every machine of that
    architecture runs goes first: `linux/amd64` is v1, not v3.

    Args:
        entries: The lines of the index.
        platform: The platform wanted, or `None` for any.

    Returns:
        The entries that fit, each digest once; more than one where the platform does not decide.
    """
    fitting = {
        entry.digest: entry
        for entry in entries
        if entry.runnable and (platform is None or (entry.platform is not None and platform.runs(entry.platform)))
    }
    plainest = tuple(entry for entry in fitting.values() if platform and _has_implied_variant(entry, platform))
    return plainest if len(plainest) == 1 else tuple(fitting.values())


def platforms_of(entries: Iterable[IndexEntry]) -> tuple[Platform, ...]:
    """Give the platforms that an index offers, sorted, each once."""
    return tuple(sorted({entry.platform for entry in entries if entry.runnable and entry.platform}))


def refusal(media_type: str) -> Missing | None:
    """Tell why nothing of this media type can be pinned, or give `None` where it can.

    Args:
        media_type: The media type of what a tag points to.

    Returns:
        The refusal of a schema 1 manifest, whose digest changes with its signature, and of what is no image.
    """
    if media_type in ACCEPTED_MEDIA_TYPES:
        return None
    if media_type in DOCKER_SCHEMA1:
        return Missing(
            "the tag points to a Docker schema 1 manifest, which container runtimes no longer pull",
            "Build and push the image again with a current version of Docker or BuildKit",
            absent=False,
        )
    shown = repr(media_type) if MEDIA_TYPE.fullmatch(media_type) else "unknown"
    return Missing(
        f"the tag points to something that is no container image, its media type is {shown}",
        "Name the tag of a container image",
        absent=False,
    )


def answer_without_bytes(question: ImageQuestion, resolved: Resolved) -> Resolution | None:
    """Give the answer where digest and media type are enough, so that the manifest need not be fetched.

    Args:
        question: The question.
        resolved: What the tag means: digest and media type.

    Returns:
        The answer, or `None` where an index has to be opened for it.
    """
    if unfit := refusal(resolved.media_type):
        return unfit
    if resolved.media_type not in INDEX_MEDIA_TYPES:
        return _single_image(question, resolved)
    return resolved if question.platform is None and question.index_allowed else None


def answer_for(question: ImageQuestion, resolved: Resolved, manifest: bytes) -> Resolution:
    """Give the answer to a question about an image whose manifest is at hand.

    Args:
        question: The question, with the platform wanted and whether an index may be the answer.
        resolved: What the tag means: digest and media type, as the registry said.
        manifest: The bytes of that manifest or index.

    Returns:
        The digest of the index or of the manifest that was asked for; `Missing` with `absent=False` where the image is
        there and does not fit; `Unavailable` where the bytes are not what the registry said.
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
            return _answer_from_index(question, resolved, parse_index(manifest))
        _refuse_what_is_no_single_image(read_manifest(manifest))
    except SourceError as error:
        return Unavailable(f"{asked} gave something for {resolved.digest} that cannot be used: {error}", error.remedy)
    return _single_image(question, resolved)


def _single_image(question: ImageQuestion, resolved: Resolved) -> Resolved:
    if question.platform is None:
        return resolved
    return resolved._replace(warnings=(*resolved.warnings, UNCHECKED_PLATFORM))


def _refuse_what_is_no_single_image(document: Mapping[str, Any]) -> None:
    if document.get("schemaVersion") == 1:
        raise SourceError("it is a Docker schema 1 manifest under another media type", PUSH_AGAIN)
    if "manifests" in document:
        raise SourceError("it is an index under the media type of a single image", PUSH_AGAIN)


def _answer_from_index(question: ImageQuestion, index: Resolved, entries: Sequence[IndexEntry]) -> Resolution:
    index = index._replace(platforms=platforms_of(entries))
    if question.platform is None and question.index_allowed and any(_leads_to_an_image(entry) for entry in entries):
        return index
    chosen = choose(entries, question.platform)
    if not chosen:
        return _nothing_fits(question, index, entries)
    if question.index_allowed:
        return index
    if len(chosen) > 1:
        return _several_fit(question, index, chosen)
    return _child(index, chosen[0])


def _leads_to_an_image(entry: IndexEntry) -> bool:
    return entry.runnable or entry.media_type in INDEX_MEDIA_TYPES


def _child(index: Resolved, entry: IndexEntry) -> Resolution:
    if unfit := refusal(entry.media_type):
        return unfit
    return Resolved(
        entry.digest,
        entry.media_type,
        replace(index.origin, index=index.digest),
        (entry.platform,) if entry.platform else None,
        index.warnings,
    )


def _nothing_fits(question: ImageQuestion, index: Resolved, entries: Iterable[IndexEntry]) -> Missing:
    if question.platform is None:
        return Missing(f"the index {index.digest} lists no image", "Push an image under this tag", absent=False)
    nested = any(entry.media_type in INDEX_MEDIA_TYPES for entry in entries)
    more = ", and further indexes, which are not opened" if nested else ""
    return Missing(
        f"the index {index.digest} has no image for {question.platform}; "
        f"it offers {_listed(index.platforms or ())}{more}",
        f"Push the image for {question.platform} as well, or name a platform that is there",
        absent=False,
    )


def _several_fit(question: ImageQuestion, index: Resolved, chosen: Sequence[IndexEntry]) -> Missing:
    shown = ", ".join(
        f"{entry.digest} for {entry.platform or 'no named platform'}" for entry in chosen[:_SHOWN_DIGESTS]
    )
    more = f" and {len(chosen) - _SHOWN_DIGESTS} more" if len(chosen) > _SHOWN_DIGESTS else ""
    if question.platform is None:
        cause = f"one image has to be chosen from the index {index.digest}, and it has several: {shown}{more}"
        return Missing(cause, "Name one with the option Platform, Platform=linux/arm64 for example", absent=False)
    return Missing(
        f"the index {index.digest} has several images for {question.platform}: {shown}{more}",
        "Name the variant as well, Platform=linux/arm/v7 for example, or name a tag with only one of them",
        absent=False,
    )


def _listed(platforms: Sequence[Platform]) -> str:
    if not platforms:
        return "no platform by name"
    more = f" and {len(platforms) - _SHOWN_PLATFORMS} more" if len(platforms) > _SHOWN_PLATFORMS else ""
    return ", ".join(str(platform) for platform in platforms[:_SHOWN_PLATFORMS]) + more


def _has_implied_variant(entry: IndexEntry, platform: Platform) -> bool:
    offered = entry.platform
    if platform.variant or offered is None:
        return False
    # `runs` takes what has no variant for the one that its architecture implies.
    return Platform(offered.os, offered.architecture, offered.variant).runs(Platform(offered.os, offered.architecture))
