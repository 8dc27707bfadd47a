"""Protocols of the sources that resolve images and values, and the deadline of a request to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from image_pinner.core.images.lookups import ImageLookup, Resolution
from image_pinner.core.intrinsics.values import Answer, ExternalValue


class Deadline(NamedTuple):
    """A point in time, `at` in seconds of a monotonic clock."""

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """Return the deadline in so many seconds."""
        return cls(clock() + seconds, clock)

    def within(self, seconds: float) -> Deadline:
        """Return the deadline in so many seconds, or this one if it is earlier."""
        return Deadline(min(self.at, self.clock() + seconds), self.clock)

    def remaining(self) -> float:
        """Return the seconds left, 0 after the deadline."""
        return max(0.0, self.at - self.clock())


class Download(Protocol):
    """Downloads from URLs that a trusted service returned."""

    def __call__(self, url: str, limit: int, deadline: Deadline) -> bytes:
        """Return the content of a URL, at most `limit` bytes; messages hide its query, which may contain a signature.

        Raises:
            SourceError: The download failed.
        """
        ...


class DigestResolver(Protocol):
    """Resolves images to digests. Implementations report failures of a source as results, and never raise them."""

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        """Return a result for each lookup.

        All lookups come in one call so that a source can send batches. They are distinct, and no reference among them
        has a digest. What is not resolved by the deadline is `Unavailable`.
        """
        ...


class ValueResolver(Protocol):
    """Resolves values that only AWS knows. Implementations report failures as results, and never raise them."""

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        """Return a result for each value, all in one call so that a source can send batches.

        What is not resolved by the deadline is `Unknown`.
        """
        ...
