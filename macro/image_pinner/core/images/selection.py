"""Select the manifest that answers a lookup from the bytes of a manifest, index or config."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from image_pinner.core.errors import SourceError, cut
from image_pinner.core.images.lookups import (
    INDEX_MEDIA_TYPES,
    ImageLookup,
    NotFound,
    Resolution,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.manifests import (
    PUSH_AGAIN,
    IndexEntry,
    artifact_type,
    config_digest,
    no_image,
    parse_index,
    platform_of,
    read_manifest,
    refusal,
    shown,
)
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest

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
        if entry.runnable and (platform is None or (entry.platform is not None and platform.accepts(entry.platform)))
    }
    plainest = tuple(entry for entry in fitting.values() if platform and _has_implied_variant(entry, platform))
    return plainest if len(plainest) == 1 else tuple(fitting.values())


def platforms_of(entries: Iterable[IndexEntry]) -> tuple[Platform, ...]:
    """Give the platforms that an index offers, sorted, each once."""
    return tuple(sorted({entry.platform for entry in entries if entry.runnable and entry.platform}))


def answer_from_index(lookup: ImageLookup, index: Resolved, entries: Sequence[IndexEntry]) -> Resolution:
    """Give the answer to a question about an index.

    Args:
        lookup: The question, with the platform wanted and whether an index may be the answer.
        index: What the tag means: the digest of the index.
        entries: The lines of the index.

    Returns:
        The digest of the index or of the manifest that was asked for, or `Unsuitable` where the index
        does not fit. One that lists further indexes never fits: which image a runtime takes from it depends on the
        runtime.
    """
    if any(entry.media_type in INDEX_MEDIA_TYPES for entry in entries):
        return _nested(index)
    index = replace(index, platforms=platforms_of(entries))
    if lookup.platform is None and lookup.index_allowed and any(entry.runnable for entry in entries):
        return index
    chosen = choose(entries, lookup.platform)
    if not chosen:
        return _nothing_fits(lookup, index)
    if lookup.index_allowed:
        return index
    if len(chosen) > 1:
        return _several_fit(lookup, index, chosen)
    return _child(index, chosen[0])


def _nested(index: Resolved) -> NotFound | Unsuitable:
    return Unsuitable(
        f"the index {index.digest} lists further indexes, which not every runtime opens",
        "Push an index that lists the images themselves",
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


def _nothing_fits(lookup: ImageLookup, index: Resolved) -> NotFound | Unsuitable:
    if lookup.platform is None:
        return Unsuitable(f"the index {index.digest} lists no image", "Push an image under this tag")
    return Unsuitable(
        f"the index {index.digest} has no image for {lookup.platform}; it offers {_listed(index.platforms or ())}",
        f"Push the image for {lookup.platform} as well, or name a platform that is there",
    )


def _several_fit(lookup: ImageLookup, index: Resolved, chosen: Sequence[IndexEntry]) -> NotFound | Unsuitable:
    shown = ", ".join(
        f"{entry.digest} for {entry.platform or 'no named platform'}" for entry in chosen[:_SHOWN_DIGESTS]
    )
    more = f" and {len(chosen) - _SHOWN_DIGESTS} more" if len(chosen) > _SHOWN_DIGESTS else ""
    if lookup.platform is None:
        cause = f"one image has to be chosen from the index {index.digest}, and it has several: {shown}{more}"
        return Unsuitable(cause, "Name one with the option Platform, Platform=linux/arm64 for example")
    return Unsuitable(
        f"the index {index.digest} has several images for {lookup.platform}: {shown}{more}",
        "Name the variant as well, Platform=linux/arm/v7 for example, or name a tag with only one of them",
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
    # `accepts` takes what has no variant for the one that its architecture implies.
    return Platform(offered.os, offered.architecture, offered.variant).accepts(
        Platform(offered.os, offered.architecture)
    )


class NeedsConfig(NamedTuple):
    """A platform is wanted, the image is for a single one, and only its config says for which.

    Args:
        resolved: What the tag means.
        config: The digest of the config.
    """

    resolved: Resolved
    config: Digest


def answer_without_bytes(lookup: ImageLookup, resolved: Resolved) -> Resolution | None:
    """Give the answer where digest and media type are enough, so that the manifest need not be fetched.

    Args:
        lookup: The question.
        resolved: What the tag means: digest and media type.

    Returns:
        The answer, or `None` where the manifest has to be opened for it.
    """
    if unfit := refusal(resolved.media_type):
        return unfit
    if lookup.platform is not None:
        return None
    return resolved if lookup.index_allowed or resolved.media_type not in INDEX_MEDIA_TYPES else None


def answer_for(lookup: ImageLookup, resolved: Resolved, manifest: bytes) -> Resolution | NeedsConfig:
    """Give the answer to a question about an image whose manifest is at hand.

    Args:
        lookup: The question, with the platform wanted and whether an index may be the answer.
        resolved: What the tag means: digest and media type, as the registry said.
        manifest: The bytes of that manifest or index.

    Returns:
        The digest of the index or of the manifest that was asked for; `NeedsConfig` where the config decides;
        `Unsuitable` where the image is there and does not fit; `Unavailable` where the bytes are not
        what the registry said.
    """
    if unfit := refusal(resolved.media_type):
        return unfit
    asked = resolved.origin.request
    if Digest.of(manifest) != resolved.digest:
        return Unavailable(
            f"{asked} gave a manifest that is not the one of {resolved.digest}, it hashes to {Digest.of(manifest)}",
            "Look for a proxy or a mirror that changes manifests",
        )
    try:
        if resolved.media_type in INDEX_MEDIA_TYPES:
            return answer_from_index(lookup, resolved, parse_index(manifest))
        return _single_image(lookup, resolved, read_manifest(manifest))
    except SourceError as error:
        return _unusable(resolved, error)


def answer_from_config(lookup: ImageLookup, needs: NeedsConfig, config: bytes) -> Resolution:
    """Give the answer to a question about an image for a single platform whose config is at hand.

    Args:
        lookup: The question; a platform is wanted.
        needs: What `answer_for` said.
        config: The bytes of the config.

    Returns:
        The digest, with the platform that the image is for; `Unsuitable` where that is another one;
        `Unavailable` where the bytes are not the config.
    """
    resolved = needs.resolved
    try:
        offered = platform_of(config, needs.config)
    except SourceError as error:
        return _unusable(resolved, error)
    if lookup.platform is not None and not lookup.platform.accepts(offered):
        return Unsuitable(
            f"the image {resolved.digest} is for {offered} only, and {lookup.platform} is wanted",
            f"Build and push it for {lookup.platform}, or name a platform that it has",
        )
    return replace(resolved, platforms=(offered,))


def _single_image(lookup: ImageLookup, resolved: Resolved, document: Mapping[str, Any]) -> Resolution | NeedsConfig:
    if document.get("schemaVersion") == 1:
        raise SourceError("it is a Docker schema 1 manifest under another media type", PUSH_AGAIN)
    if "manifests" in document:
        raise SourceError("it is an index under the media type of a single image", PUSH_AGAIN)
    if not isinstance(document.get("config"), dict) or not isinstance(document.get("layers"), list):
        raise SourceError("it has not the config and the layers of an image", PUSH_AGAIN)
    if artifact := artifact_type(document):
        return no_image(f"the media type of its config is {shown(artifact)}")
    return resolved if lookup.platform is None else NeedsConfig(resolved, config_digest(document))


def _unusable(resolved: Resolved, error: SourceError) -> Unavailable:
    return Unavailable(
        f"{resolved.origin.request} gave something for {resolved.digest} that cannot be used: {error.cause}",
        error.help,
    )
