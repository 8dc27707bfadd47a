"""Mirrors: registries that are asked in place of others, while the output keeps what the author wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, assert_never

from image_pinner.core.images.lookups import ImageLookup, NotFound, Resolution, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.registries import Mirror
from image_pinner.sources.interface import Deadline, DigestResolver


class MirroredResolver(NamedTuple):
    """Asks mirrors where there are any.

    The digest that a mirror tells is hashed from the manifest's bytes, as every other: a mirror can be behind its
    registry, it cannot make a digest mean something else.

    Args:
        inner: Who is asked, about the mirrors and about all that have none.
        mirrors: The mirrors; one for a registry by name counts before one for all.
    """

    inner: DigestResolver
    mirrors: tuple[Mirror, ...]

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        """Answer questions. See `DigestResolver.resolve_all`."""
        at_mirrors = {lookup: _asked(lookup, self.mirrors) for lookup in lookups}
        distinct = list(dict.fromkeys(at_mirrors.values()))
        answers = self.inner.resolve_all(distinct, deadline)
        return {lookup: _told(lookup, asked, answers[asked]) for lookup, asked in at_mirrors.items()}


def _asked(lookup: ImageLookup, mirrors: Iterable[Mirror]) -> ImageLookup:
    for mirror in sorted(mirrors, key=lambda one: one.registry == "*"):
        if reference := mirror.of(lookup.reference):
            # The secret that the template names is for its own registry, and goes to no other.
            return replace(lookup, reference=reference, credentials="")
    return lookup


def _told(lookup: ImageLookup, asked: ImageLookup, answer: Resolution) -> Resolution:
    if asked.reference == lookup.reference:
        return answer
    in_place = f", asked in place of {lookup.reference.registry}"
    match answer:
        case Resolved():
            return answer
        case NotFound() | Unsuitable() | Unavailable():
            return replace(answer, cause=f"{answer.cause}{in_place}")
        case _:
            assert_never(answer)
