"""What a source of answers is, and the time that it has."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from image_pinner.core.images.lookups import ImageLookup, Resolution, Unavailable
from image_pinner.core.images.references import ImageReference
from image_pinner.core.intrinsics.values import Answer, ExternalValue, Unknown
from image_pinner.core.policies.interface import Facts
from image_pinner.core.template.sites import SiteIdentity


class Deadline(NamedTuple):
    """The moment by which an answer must be there.

    Args:
        at: The moment on the clock, in seconds.
        clock: A clock that never goes back, in seconds.
    """

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """Give the deadline that is so many seconds from now."""
        return cls(clock() + seconds, clock)

    def within(self, seconds: float) -> Deadline:
        """Give the deadline that is so many seconds from now, or this one where it comes first."""
        return Deadline(min(self.at, self.clock() + seconds), self.clock)

    def remaining(self) -> float:
        """Give the seconds that are left, 0 when the time is up."""
        return max(0.0, self.at - self.clock())


class Download(Protocol):
    """Fetches what a trusted service gave the URL of."""

    def __call__(self, url: str, limit: int, deadline: Deadline) -> bytes:
        """Fetch the content behind a URL.

        Args:
            url: The URL, whose query may hold a signature; no message shows it.
            limit: How many bytes are accepted.
            deadline: When to give up.

        Returns:
            The content.

        Raises:
            SourceError: It cannot be had.
        """
        ...


class DigestResolver(Protocol):
    """Finds digests. Implementations never raise for the world's faults: those are answers."""

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        """Answer questions, all in one call so that a source can ask in batches.

        Args:
            lookups: Distinct questions; none has a digest in its reference.
            deadline: When to give up; what is not known by then is `Unavailable`.

        Returns:
            An answer for every question, whatever happened.
        """
        ...


class ValueResolver(Protocol):
    """Finds values that only AWS knows. Implementations never raise for the world's faults."""

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        """Answer look-ups, all in one call so that a source can ask in batches.

        Args:
            external_values: What to look up.
            deadline: When to give up; what is not known by then is `Unknown` with that reason.

        Returns:
            An answer for every look-up, whatever happened.
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
