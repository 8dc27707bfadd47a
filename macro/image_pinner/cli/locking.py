"""Bring the entries of a lock file in line with what templates need: keep, add, update and drop them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from image_pinner.core.errors import ConfigurationError
from image_pinner.core.images.lookups import ImageLookup, Resolution, Resolved
from image_pinner.core.images.references import ImageReference
from image_pinner.core.lock import LockEntry, LockFile, LockKey

Resolve = Callable[[Sequence[ImageLookup]], Mapping[ImageLookup, Resolution]]


@dataclass(frozen=True, slots=True)
class Updates:
    """Which entries to resolve again: none, all, or those of `images`, each a tag or a whole repository."""

    all: bool = False
    images: tuple[ImageReference, ...] = ()

    def include(self, key: LockKey) -> bool:
        """Return whether an entry is to be resolved again, unless it is held."""
        return self.all or any(_is_of(key, image) for image in self.images)

    def check(self, keys: Iterable[LockKey]) -> None:
        """Check that each of the images is used.

        Raises:
            ConfigurationError: No template uses one of them.
        """
        keys = list(keys)
        for image in self.images:
            if not any(_is_of(key, image) for key in keys):
                used = ", ".join(sorted({key.image for key in keys})) or "none"
                raise ConfigurationError(f"no template uses the image {image}", f"pass one of: {used}")


def _is_of(key: LockKey, image: ImageReference) -> bool:
    locked = ImageReference.parse(key.image)
    same_repository = (locked.registry, locked.repository) == (image.registry, image.repository)
    return same_repository and image.tag in {"", locked.tag}


class Relocked(NamedTuple):
    """The lock file that templates need, compared with the one before.

    Args:
        lock: The new lock file, without the images that could not be resolved.
        resolutions: The result for each lookup: from a registry if it was resolved, else from the lock file.
        before: The entries of the lock file before.
        used: What the templates need.
    """

    lock: LockFile
    resolutions: Mapping[ImageLookup, Resolution]
    before: Mapping[LockKey, LockEntry]
    used: Collection[LockKey]

    @property
    def added(self) -> list[LockEntry]:
        """The entries that were missing."""
        return [self.lock.entries[key] for key in sorted(self.lock.entries.keys() - self.before.keys())]

    @property
    def removed(self) -> list[LockEntry]:
        """The entries that no template uses, without those that are held."""
        return [self.before[key] for key in sorted(self.before.keys() - self.lock.entries.keys())]

    @property
    def updated(self) -> list[tuple[LockEntry, LockEntry]]:
        """The entries with another digest, before and now."""
        both = sorted(self.before.keys() & self.lock.entries.keys())
        pairs = [(self.before[key], self.lock.entries[key]) for key in both]
        return [(old, new) for old, new in pairs if old != new]

    @property
    def held(self) -> list[LockEntry]:
        """The entries that updates leave as they are."""
        return [entry for _, entry in sorted(self.lock.entries.items()) if entry.hold]


def relock(old: LockFile, lookups: Sequence[ImageLookup], updates: Updates, resolve: Resolve, now: str) -> Relocked:
    """Return the lock file with the entries that the lookups need.

    Args:
        old: The lock file so far.
        lookups: What the templates need.
        updates: Which entries to resolve again.
        resolve: Resolves images with registries.
        now: The time of new digests, in ISO 8601.
    """
    found = {lookup: old.entry_for(lookup) for lookup in lookups}
    keys = {lookup: entry.key if entry else LockKey.of(lookup) for lookup, entry in found.items()}
    updates.check(keys.values())
    # Templates that are not passed may need a held digest, which no registry lookup finds again.
    kept = {key: entry for key, entry in old.entries.items() if entry.hold and not entry.has_expired(old.today)}
    sources: dict[ImageLookup, ImageLookup] = {}
    for lookup, entry in found.items():
        if entry and (entry.hold or not updates.include(entry.key)):
            kept[entry.key] = entry
        else:
            sources[lookup] = _at_source(lookup, keys[lookup])
    results = resolve(list(dict.fromkeys(sources.values()))) if sources else {}
    resolutions = {lookup: results[source] for lookup, source in sources.items()}
    entries = dict(kept)
    for lookup, resolution in resolutions.items():
        if isinstance(resolution, Resolved):
            entries[keys[lookup]] = _make_entry(keys[lookup], resolution, found[lookup], now)
    lock = replace(old, entries=entries)
    locked = lock.resolve_all(lookup for lookup in lookups if lookup not in sources)
    return Relocked(lock, {**resolutions, **locked}, old.entries, set(keys.values()))


def _at_source(lookup: ImageLookup, key: LockKey) -> ImageLookup:
    """Return the lookup at the registry that an image is promoted from."""
    if key.image == str(lookup.reference):
        return lookup
    return lookup._replace(reference=ImageReference.parse(key.image).canonical())


def _make_entry(key: LockKey, resolved: Resolved, before: LockEntry | None, now: str) -> LockEntry:
    origin = resolved.origin
    if before and (before.digest, before.index) == (resolved.digest, origin.index):
        return before
    return LockEntry(key, resolved.digest, resolved.media_type, now, origin.source, origin.index)
