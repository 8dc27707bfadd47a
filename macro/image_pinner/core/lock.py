"""Lock files: the digests of images, recorded so that every deployment uses the same ones.

A lock file is JSON; docs/lock-v1.schema.json is its schema. It has one entry for each image and platform that templates
need. `image_pinner.core.lock_text` parses and renders it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from image_pinner.core.images.lookups import (
    LOCK_SOURCE,
    ImageLookup,
    NotFound,
    Origin,
    Resolution,
    Resolved,
    Unavailable,
)
from image_pinner.core.images.references import DEFAULT_TAG, Digest, ImageReference


class LockKey(NamedTuple):
    """What an entry is for.

    Args:
        image: The canonical reference with its tag, which is `latest` if none is written.
        platform: The platform as text, or empty for any.
        single_platform: Whether the digest must not be that of an index, as Lambda requires.
    """

    image: str
    platform: str
    single_platform: bool

    @classmethod
    def of(cls, lookup: ImageLookup) -> LockKey:
        """Return the key of a lookup."""
        platform = str(lookup.platform) if lookup.platform else ""
        tagged = replace(lookup.reference, tag=lookup.reference.tag or DEFAULT_TAG).canonical()
        return cls(str(tagged), platform, not lookup.index_allowed)

    def __str__(self) -> str:
        single = ", one platform only" if self.single_platform else ""
        return self.image + (f" for {self.platform}" if self.platform else "") + single


@dataclass(frozen=True, slots=True)
class LockEntry:
    """The digest of an image.

    Args:
        key: What the entry is for.
        digest: The digest.
        media_type: The media type of its manifest or index.
        index: The index that contains the manifest, if the image has one platform of it.
        resolved_at: When it was resolved: UTC, in ISO 8601.
        source: Where it was resolved; see `Origin`.
        hold: Whether updates leave the digest as it is.
        reason: Why, or empty.
        until: The last day of the hold, in ISO 8601, or empty.
    """

    key: LockKey
    digest: Digest
    media_type: str
    resolved_at: str
    source: str
    index: Digest | None = None
    hold: bool = False
    reason: str = ""
    until: str = ""

    def has_expired(self, today: str) -> bool:
        """Return whether the hold ended before `today`, in ISO 8601."""
        return self.hold and bool(self.until) and self.until < today

    def expired_hold(self) -> str:
        """Return a clause that names the expired hold."""
        return f"the hold of {self.key} expired on {self.until} ({self.reason})"


@dataclass(frozen=True)
class LockFile:
    """The content of a lock file.

    Args:
        entries: The entries by what they are for.
        registries: The registries, each with an optional path, that images are promoted to, by those that they come
            from.
        location: Where it was read, for reports.
        today: The day on which it is used, in ISO 8601; expired holds are reported.
        verify: Whether to check that digests exist in the registries that they are promoted to.
    """

    entries: Mapping[LockKey, LockEntry]
    registries: Mapping[str, str]
    location: str = "the lock file"
    today: str = ""
    verify: bool = True

    def resolve_all(self, lookups: Iterable[ImageLookup]) -> dict[ImageLookup, Resolution]:
        """Return what the lock has for each lookup; without an entry, it is `Unavailable`."""
        return {lookup: self._resolve(lookup) for lookup in lookups}

    def entry_for(self, lookup: ImageLookup) -> LockEntry | None:
        """Return the entry for a lookup, which may be of an image in a registry that it is promoted to."""
        return next(iter(self._entries_for(lookup)), None)

    def _entries_for(self, lookup: ImageLookup) -> list[LockEntry]:
        key = LockKey.of(lookup)
        if entry := self.entries.get(key):
            return [entry]
        moved = [_moved(key.image, target, source) for source, target in self.registries.items()]
        entries = [self.entries.get(key._replace(image=image)) for image in moved if image]
        return [entry for entry in entries if entry]

    def _resolve(self, lookup: ImageLookup) -> Resolution:
        entries = self._entries_for(lookup)
        if len({entry.digest for entry in entries}) > 1:
            names = list_names([f"{entry.key.image} ({entry.digest})" for entry in entries], " and ")
            cause = f"{self.location} has several entries that are promoted to {lookup}: {names}"
            return Unavailable(cause, "write a mapping for only one of their registries")
        entry = entries[0] if entries else None
        if entry is None:
            # Never NotFound: WhenMissing=KeepTag must not keep the tag of an image that is not locked.
            return Unavailable(f"{self.location} has no entry for {lookup}{self._others(lookup)}", _ADD_IT)
        warnings = (f"{entry.expired_hold()} in {self.location}",) if entry.has_expired(self.today) else ()
        origin = Origin(LOCK_SOURCE, self.location, entry.index)
        platforms = (lookup.platform,) if lookup.platform else None
        return Resolved(entry.digest, entry.media_type, origin, platforms, warnings)

    def _others(self, lookup: ImageLookup) -> str:
        """Return a clause with the entries of the same image that are for other platforms, or an empty string."""
        others = sorted(self._keys_by_image.get(LockKey.of(lookup).image, ()))
        return f", but one for {list_names([str(key) for key in others], ', ')}" if others else ""

    @cached_property
    def _keys_by_image(self) -> dict[str, list[LockKey]]:
        found: dict[str, list[LockKey]] = {}
        for key in self.entries:
            found.setdefault(key.image, []).append(key)
        return found

    def existence_lookups(self, locked: Mapping[ImageLookup, Resolution]) -> dict[ImageLookup, ImageLookup]:
        """Return the lookups by digest of the images that are promoted to another registry."""
        if not self.verify:
            return {}
        return {
            lookup: ImageLookup(
                replace(lookup.reference, tag="", digest=resolution.digest).canonical(), credentials=lookup.credentials
            )
            for lookup, resolution in locked.items()
            if isinstance(resolution, Resolved) and LockKey.of(lookup) not in self.entries
        }

    def checked(self, lookup: ImageLookup, locked: Resolution, existence: Resolution | None) -> Resolution:
        """Return the result for a lookup whose digest was checked in the registry that it is promoted to."""
        entry = self.entry_for(lookup)
        if isinstance(existence, Resolved) or entry is None:
            return locked
        if isinstance(existence, NotFound):
            # The tag must get the whole index, also for a resource that uses one platform of it.
            source = f"{ImageReference.parse(entry.key.image).written_name}@{entry.index or entry.digest}"
            return Unavailable(
                f"{lookup.reference.written_name} does not have {entry.digest}, which {self.location} promotes",
                f"copy it: skopeo copy --all docker://{source} docker://{lookup.reference}",
            )
        return existence or Unavailable("internal error: the lookup has no result", "report this bug")


def list_names(names: Sequence[str], separator: str) -> str:
    """Join the first names, and the number of the others."""
    more = len(names) - _MAX_NAMES
    return separator.join((*names[:_MAX_NAMES], *([f"{more} more"] if more > 0 else ())))


_MAX_NAMES = 5  # a message is repeated for each image
_ADD_IT = "add the image to the lock file with image-pinner lock"


def _moved(image: str, source: str, target: str) -> str:
    """Return an image with one registry, and a path in it, replaced by another; empty if it is not from there."""
    return f"{target}{image.removeprefix(source)}" if image.startswith(f"{source}/") else ""
