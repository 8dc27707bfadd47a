"""Look up images at mirrors of their registries; the output keeps the reference that the author wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, assert_never

from image_pinner.core.images.lookups import ImageLookup, NotFound, Resolution, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.registries import Mirror
from image_pinner.sources.interface import Deadline, DigestResolver


class MirroredResolver(NamedTuple):
    """Resolves images of mirrored registries at their mirrors, and all others where they are.

    The digest from a mirror is the hash of the manifest's bytes, as always: a mirror may be outdated, but cannot
    assign a digest to another manifest. A mirror of a named registry takes precedence over one of all registries.
    """

    inner: DigestResolver
    mirrors: tuple[Mirror, ...]

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        """See `DigestResolver.resolve_all`."""
        mirrored = {lookup: self._at_mirror(lookup) for lookup in lookups}
        found = self.inner.resolve_all(list(dict.fromkeys(mirrored.values())), deadline)
        return {lookup: _name_registry(lookup, used, found[used]) for lookup, used in mirrored.items()}

    def _at_mirror(self, lookup: ImageLookup) -> ImageLookup:
        for mirror in sorted(self.mirrors, key=lambda mirror: mirror.registry == "*"):
            if reference := mirror.of(lookup.reference):
                # The secret that the template sets is for its own registry only.
                return lookup._replace(reference=reference, credentials="")
        return lookup


def _name_registry(lookup: ImageLookup, used: ImageLookup, resolution: Resolution) -> Resolution:
    if used.reference == lookup.reference:
        return resolution
    match resolution:
        case Resolved():
            return resolution
        case NotFound() | Unsuitable() | Unavailable():
            return replace(resolution, cause=f"{resolution.cause} (mirror of {lookup.reference.registry})")
        case _:
            assert_never(resolution)
