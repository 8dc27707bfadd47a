"""Select the digest for a lookup, from the bytes of a manifest, index or config."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from image_pinner.core.errors import HIDDEN, SourceError, cut
from image_pinner.core.images.lookups import (
    INDEX_MEDIA_TYPES,
    ImageLookup,
    Origin,
    Resolution,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.manifests import (
    PUSH_AGAIN,
    IndexEntry,
    artifact_type,
    check_media_type,
    config_digest,
    find_media_type,
    not_an_image,
    parse_index,
    quote_media_type,
    read_config_platform,
    read_manifest,
)
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest

_MAX_PLATFORMS = 12  # in one message; official images have about ten
_MAX_PLATFORM_CHARACTERS = 400  # of all of them together, since the names are untrusted input
_MAX_DIGESTS = 3  # in one message, which has 1,000 characters in a macro's response

# Of the properties that accept no index, only that of Lambda has a platform:
# https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#images-reqs
_LAMBDA_ARCHITECTURES = ("amd64", "arm64")
_SINGLE_IMAGE_PLATFORMS = " or ".join(f"Platform=linux/{architecture}" for architecture in _LAMBDA_ARCHITECTURES)


class NeedsConfig(NamedTuple):
    """The manifest of a single image, whose platform is only in its config.

    Args:
        resolved: The digest to return if the platform matches.
        config: The digest of the config.
    """

    resolved: Resolved
    config: Digest


def select_without_manifest(lookup: ImageLookup, resolved: Resolved) -> Resolution | None:
    """Return the result if digest and media type are enough for it, or `None` if the manifest must be fetched.

    The media type is empty if it is unknown. An index that a tag points to can be without any image; one that is named
    by its digest was inspected when that was pinned.
    """
    if not resolved.media_type:
        return None
    if unsuitable := check_media_type(resolved.media_type, confidential=resolved.origin.confidential):
        return unsuitable
    if lookup.platform is not None:
        return None
    is_known_index = lookup.index_allowed and lookup.reference.digest is not None
    return resolved if is_known_index or resolved.media_type not in INDEX_MEDIA_TYPES else None


def select_from_manifest(lookup: ImageLookup, resolved: Resolved, manifest: bytes) -> Resolution | NeedsConfig:
    """Return the result from a manifest's or index's bytes, after verifying them against `resolved.digest`.

    The media type is that in the manifest if the one of `resolved` is empty.
    """
    confidential = resolved.origin.confidential
    if resolved.media_type and (unsuitable := check_media_type(resolved.media_type, confidential=confidential)):
        return unsuitable
    actual = Digest.of(manifest)
    if actual != resolved.digest:
        return Unavailable(
            f"{resolved.origin.request} returned a manifest with the digest {actual} instead of {resolved.digest}",
            "check for a proxy or a mirror that changes manifests",
        )
    try:
        if not resolved.media_type:
            resolved = resolved._replace(media_type=find_media_type(manifest))
            if unsuitable := check_media_type(resolved.media_type, confidential=confidential):
                return unsuitable
        if resolved.media_type in INDEX_MEDIA_TYPES:
            return _select_from_index(lookup, resolved, parse_index(manifest))
        return _select_single_image(lookup, resolved, read_manifest(manifest))
    except SourceError as error:
        return _unusable(resolved, error)


def select_from_config(lookup: ImageLookup, needs: NeedsConfig, config: bytes) -> Resolution:
    """Return the result for a single image from the bytes of its config."""
    resolved = needs.resolved
    try:
        offered = read_config_platform(config, needs.config)
    except SourceError as error:
        return _unusable(resolved, error)
    if lookup.platform is not None and not lookup.platform.accepts(offered):
        return Unsuitable(
            f"the image {resolved.digest} is for {_name(offered, resolved.origin)} only, not for {lookup.platform}",
            f"build and push it for {lookup.platform}, or set Platform to one that it has",
        )
    return _with_doubts(resolved._replace(platforms=(offered,)), lookup.platform, (offered,))


def find_matching_entries(entries: Iterable[IndexEntry], platform: Platform | None) -> tuple[IndexEntry, ...]:
    """Return the manifests of an index that run on a platform (`None`: on any), each digest once.

    If several variants match a platform without one, the architecture's default variant is preferred: `linux/amd64` is
    v1, not v3. The own version of Windows is preferred over another that it runs, and gzip over zstd. More than one
    entry is returned if the platform is ambiguous.
    """
    matching = {
        entry.digest: entry
        for entry in entries
        if entry.runnable and (platform is None or (entry.platform is not None and platform.accepts(entry.platform)))
    }
    found = tuple(matching.values())
    if platform is None:
        return _preferred(found, lambda entry: not entry.zstd)
    found = _preferred(found, lambda entry: not _doubt(entry.platform, platform))
    default = _preferred(found, lambda entry: _has_default_variant(entry, platform) and not entry.zstd)
    return default if len(default) == 1 else _preferred(found, lambda entry: not entry.zstd)


def _preferred(entries: tuple[IndexEntry, ...], is_preferred: Callable[[IndexEntry], bool]) -> tuple[IndexEntry, ...]:
    return tuple(filter(is_preferred, entries)) or entries


def _doubt(offered: Platform | None, platform: Platform | None) -> str:
    return platform.doubt_about(offered) if platform and offered else ""


def _with_doubts(resolved: Resolved, platform: Platform | None, offered: Iterable[Platform | None]) -> Resolved:
    """Add a warning if it is doubtful for each of the offered platforms whether it runs where `platform` is wanted."""
    doubts = [_doubt(one, platform) for one in offered]
    return resolved._replace(warnings=(*resolved.warnings, doubts[0])) if all(doubts) else resolved


def _has_default_variant(entry: IndexEntry, platform: Platform) -> bool:
    offered = entry.platform
    if platform.variant or offered is None:
        return False
    return offered.normalized_variant == Platform(offered.os, offered.architecture).normalized_variant


def _select_from_index(lookup: ImageLookup, index: Resolved, entries: Sequence[IndexEntry]) -> Resolution:
    if any(entry.media_type in INDEX_MEDIA_TYPES for entry in entries):
        return Unsuitable(
            f"the index {index.digest} lists further indexes, which not every runtime opens",
            "push an index that lists the images themselves",
        )
    platforms = tuple(sorted({entry.platform for entry in entries if entry.runnable and entry.platform}))
    index = index._replace(platforms=platforms)
    matching = find_matching_entries(entries, lookup.platform)
    if not matching:
        return _no_match(lookup, index, platforms)
    index = _with_doubts(index, lookup.platform, [entry.platform for entry in matching])
    if lookup.index_allowed:
        return index
    if len(matching) > 1:
        return _several_matches(lookup, index, matching)
    entry = matching[0]
    return check_media_type(entry.media_type, confidential=index.origin.confidential) or Resolved(
        entry.digest,
        entry.media_type,
        replace(index.origin, index=index.digest),
        (entry.platform,) if entry.platform else None,
        index.warnings,
    )


def _no_match(lookup: ImageLookup, index: Resolved, platforms: Sequence[Platform]) -> Unsuitable:
    if lookup.platform is None:
        return Unsuitable(f"the index {index.digest} lists no image", "push an index that lists an image")
    usable = lookup.index_allowed or any(platform.architecture in _LAMBDA_ARCHITECTURES for platform in platforms)
    return Unsuitable(
        f"the index {index.digest} has no image for {lookup.platform}; available: {_list(platforms, index.origin)}",
        f"push the image for {lookup.platform} as well" + (", or set Platform to an available one" if usable else ""),
    )


def _name(platform: Platform | None, origin: Origin) -> str:
    """Name a platform in a message."""
    if platform is None:
        return "no named platform"
    if not origin.confidential:
        return str(platform)
    return str(platform._replace(os_version="")) if platform.is_known else HIDDEN


def _list(platforms: Sequence[Platform], origin: Origin) -> str:
    if not platforms:
        return "no named platform"
    more = f" and {len(platforms) - _MAX_PLATFORMS} more" if len(platforms) > _MAX_PLATFORMS else ""
    names = ", ".join(_name(platform, origin) for platform in platforms[:_MAX_PLATFORMS])
    return cut(names, _MAX_PLATFORM_CHARACTERS) + more


def _several_matches(lookup: ImageLookup, index: Resolved, matching: Sequence[IndexEntry]) -> Unsuitable:
    images = ", ".join(
        f"{HIDDEN if index.origin.confidential else entry.digest} for {_name(entry.platform, index.origin)}"
        for entry in matching[:_MAX_DIGESTS]
    )
    more = f" and {len(matching) - _MAX_DIGESTS} more" if len(matching) > _MAX_DIGESTS else ""
    if lookup.platform is None:
        return Unsuitable(
            f"a single image is required, and the index {index.digest} has several: {images}{more}",
            "select one with the option Platform, for example Platform=linux/arm64",
        )
    return Unsuitable(
        f"the index {index.digest} has several images for {lookup.platform}: {images}{more}",
        f"use an index with only one image for {_SINGLE_IMAGE_PLATFORMS}"
        if lookup.platform.architecture in _LAMBDA_ARCHITECTURES
        else "set the variant as well, for example Platform=linux/arm/v7, or use an index with only one of them",
    )


def _select_single_image(
    lookup: ImageLookup, resolved: Resolved, document: Mapping[str, Any]
) -> Resolution | NeedsConfig:
    if document.get("schemaVersion") == 1:
        raise SourceError("it is a Docker schema 1 manifest with another media type", PUSH_AGAIN)
    if "manifests" in document:
        raise SourceError("it is an index with the media type of a single image", PUSH_AGAIN)
    if not isinstance(document.get("config"), dict) or not isinstance(document.get("layers"), list):
        raise SourceError("it has no config and layers", PUSH_AGAIN)
    if media_type := artifact_type(document):
        shown = quote_media_type(media_type, confidential=resolved.origin.confidential)
        return not_an_image(f"the media type of its config is {shown}")
    return resolved if lookup.platform is None else NeedsConfig(resolved, config_digest(document))


def _unusable(resolved: Resolved, error: SourceError) -> Unavailable:
    return Unavailable(
        f"{resolved.origin.request} returned invalid content for {resolved.digest}: {error.cause}", error.help
    )
