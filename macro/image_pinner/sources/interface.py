"""Protocols of the sources that resolve images and values, and the deadline of a request to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from image_pinner.core.images.lookups import ImageLookup, Resolution, Unavailable
from image_pinner.core.images.references import ImageReference
from image_pinner.core.intrinsics.values import Answer, ExternalValue, Unknown
from image_pinner.core.policies import Facts
from image_pinner.core.template.sites import SiteIdentity


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


class DeployedImageSource(Protocol):
    """Reports which images are deployed. Implementations never raise for failures of AWS."""

    def read_deployed(
        self, sites: Collection[SiteIdentity], deadline: Deadline
    ) -> Mapping[SiteIdentity, ImageReference]:
        """Return the deployed image of each site; sites that are not deployed, or not known to be, are omitted."""
        ...


class FactSource(Protocol):
    """Gathers facts about images for policies. Implementations never raise for failures of registries."""

    def gather(
        self, digests: Collection[ImageReference], needs: frozenset[str], deadline: Deadline
    ) -> Mapping[ImageReference, Facts]:
        """Return the facts that policies need about each image.

        Args:
            digests: Distinct images by registry, repository and digest.
            needs: The names of the facts, at least one.
            deadline: When to stop; facts that are not known by then are omitted, so that policies deny.
        """
        ...


class NothingKnown:
    """The default of every port: nothing can be looked up, nothing is deployed, and there are no facts.

    Lookups are `Unavailable`, never `NotFound`: an image must not keep its tag because nothing was configured.
    """

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:  # noqa: ARG002
        """See `DigestResolver.resolve_all`."""
        return dict.fromkeys(lookups, Unavailable("no registries are configured", "configure a digest resolver"))

    def resolve_values(
        self,
        external_values: Collection[ExternalValue],
        deadline: Deadline,  # noqa: ARG002
    ) -> Mapping[ExternalValue, Answer]:
        """See `ValueResolver.resolve_values`."""
        unknown = Unknown("AWS lookups are not configured", "configure a value resolver")
        return dict.fromkeys(external_values, unknown)

    def read_deployed(self, *_: object) -> Mapping[SiteIdentity, ImageReference]:
        """See `DeployedImageSource.read_deployed`."""
        return {}

    def gather(self, *_: object) -> Mapping[ImageReference, Facts]:
        """See `FactSource.gather`."""
        return {}
