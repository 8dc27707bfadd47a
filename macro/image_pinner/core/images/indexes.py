"""Indexes: which manifest of a multi-platform image answers a question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from image_pinner.core.errors import cut
from image_pinner.core.images.manifests import IndexEntry
from image_pinner.core.images.media_types import refusal
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.resolutions import INDEX_MEDIA_TYPES, ImageQuestion, Missing, Resolution, Resolved

_SHOWN_PLATFORMS = 12  # in one message: official images have about ten
_SHOWN_CHARACTERS = 400  # of them together: names of platforms are strangers' texts
_SHOWN_DIGESTS = 3  # in one message, which has 1,000 characters in a macro's answer


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


def answer_from_index(question: ImageQuestion, index: Resolved, entries: Sequence[IndexEntry]) -> Resolution:
    """Give the answer to a question about an index.

    Args:
        question: The question, with the platform wanted and whether an index may be the answer.
        index: What the tag means: the digest of the index.
        entries: The lines of the index.

    Returns:
        The digest of the index or of the manifest that was asked for, or `Missing` with `absent=False` where the index
        does not fit. One that lists further indexes never fits: which image a runtime takes from it depends on the
        runtime.
    """
    if any(entry.media_type in INDEX_MEDIA_TYPES for entry in entries):
        return _nested(index)
    index = index._replace(platforms=platforms_of(entries))
    if question.platform is None and question.index_allowed and any(entry.runnable for entry in entries):
        return index
    chosen = choose(entries, question.platform)
    if not chosen:
        return _nothing_fits(question, index)
    if question.index_allowed:
        return index
    if len(chosen) > 1:
        return _several_fit(question, index, chosen)
    return _child(index, chosen[0])


def _nested(index: Resolved) -> Missing:
    return Missing(
        f"the index {index.digest} lists further indexes, which not every runtime opens",
        "Push an index that lists the images themselves",
        absent=False,
    )


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


def _nothing_fits(question: ImageQuestion, index: Resolved) -> Missing:
    if question.platform is None:
        return Missing(f"the index {index.digest} lists no image", "Push an image under this tag", absent=False)
    return Missing(
        f"the index {index.digest} has no image for {question.platform}; it offers {_listed(index.platforms or ())}",
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
    return cut(", ".join(str(platform) for platform in platforms[:_SHOWN_PLATFORMS]), _SHOWN_CHARACTERS) + more


def _has_implied_variant(entry: IndexEntry, platform: Platform) -> bool:
    offered = entry.platform
    if platform.variant or offered is None:
        return False
    # `runs` takes what has no variant for the one that its architecture implies.
    return Platform(offered.os, offered.architecture, offered.variant).runs(Platform(offered.os, offered.architecture))
