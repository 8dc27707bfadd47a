"""Protocols of the sources that resolve images and values, and the deadline of a request to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from image_pinner.core.deployed import DeployedLookup, DeployedState, NotKnown
from image_pinner.core.errors import SourceError
from image_pinner.core.gates.interface import Facts, Need, Subject, UnknownFact
from image_pinner.core.images.lookups import ImageLookup, Resolution, Unavailable
from image_pinner.core.intrinsics.values import Answer, ExternalValue, Unknown

if TYPE_CHECKING:
    from image_pinner.core.lock import LockFile


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


def iso_time(seconds: float) -> str:
    """Return a time in seconds since 1970 in UTC and ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


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

        All lookups come in one call so that a source can send batches. They are distinct. A reference has either a
        digest, which is `Resolved` to itself if the repository has that image, or a tag, by default `latest`. What is
        not resolved by the deadline is `Unavailable`.
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
    """Reports which images are deployed. Implementations report failures as results, and never raise them."""

    def read_deployed(
        self, lookups: Collection[DeployedLookup], deadline: Deadline
    ) -> Mapping[DeployedLookup, DeployedState]:
        """Return a result for each lookup, all in one call so that a source can send batches.

        What is not known by the deadline is `NotKnown`.
        """
        ...


class LockSource(Protocol):
    """Reads lock files that the macro can reach. Implementations report failures as results, and never raise them."""

    def read_lock(self, location: str, account_id: str, deadline: Deadline) -> LockFile | NotKnown:
        """Return the lock file at a location.

        Args:
            location: `ssm:/name` or `s3://bucket/key`.
            account_id: The account that must own the bucket.
            deadline: When to stop.
        """
        ...


class FactSource(Protocol):
    """Gathers facts about images for gates. Implementations report failures as results, and never raise them."""

    def gather(
        self, subjects: Collection[Subject], needs: frozenset[Need], deadline: Deadline
    ) -> Mapping[Subject, Facts]:
        """Return the facts that gates need about each image, all in one call so that a source can send batches.

        Args:
            subjects: Distinct images by registry, repository and digest, each with the platform that it must have.
            needs: The facts, at least one. No other fact is fetched.
            deadline: When to stop; facts that are not known by then are `UnknownFact`.
        """
        ...


class GateSource(Protocol):
    """Reads the configuration of gates."""

    def read_gates(self, name: str, deadline: Deadline) -> str:
        """Return the text of an SSM parameter.

        Raises:
            ConfigurationError: It does not exist, is not of type String or must not be read, or the region is unknown.
            SourceError: It cannot be read now.
        """
        ...


class KeepTagWriter(Protocol):
    """Puts keep-tags on images. Implementations report failures as results, and never raise them."""

    def put_keep_tags(self, images: Collection[Subject], deadline: Deadline) -> Mapping[Subject, UnknownFact]:
        """Put the tag of its digest on each image, all in one call so that requests can be batched.

        Return why there is no tag, for each image that has none after that. What is not done by the deadline fails.
        """
        ...


class NothingKnown:
    """The default of every port: nothing can be looked up, and there are no facts.

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

    def read_deployed(
        self,
        lookups: Collection[DeployedLookup],
        deadline: Deadline,  # noqa: ARG002
    ) -> Mapping[DeployedLookup, DeployedState]:
        """See `DeployedImageSource.read_deployed`."""
        return dict.fromkeys(lookups, NotKnown("deployed images cannot be looked up here", "set Refresh=Always"))

    def read_lock(self, location: str, account_id: str, deadline: Deadline) -> LockFile | NotKnown:  # noqa: ARG002
        """See `LockSource.read_lock`."""
        return NotKnown(f"{location} cannot be read here", "remove the option Lock")

    def read_gates(self, name: str, deadline: Deadline) -> str:  # noqa: ARG002
        """See `GateSource.read_gates`."""
        raise SourceError(f"the SSM parameter {name} cannot be read here", "set IMAGE_PINNER_GATES instead")

    def gather(
        self,
        subjects: Collection[Subject],
        needs: frozenset[Need],
        deadline: Deadline,  # noqa: ARG002
    ) -> Mapping[Subject, Facts]:
        """See `FactSource.gather`."""
        unknown = UnknownFact("facts about images cannot be gathered here", "configure a fact source")
        return {subject: {need.fact: unknown for need in needs} for subject in subjects}
