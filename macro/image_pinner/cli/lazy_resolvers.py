"""Resolvers that are made for the first lookup: with a lock file, most runs need none, and their import takes long."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from image_pinner.pinning import Resolvers

if TYPE_CHECKING:
    from image_pinner.core.deployed import DeployedLookup, DeployedState, NotKnown
    from image_pinner.core.gates.interface import Facts, Need, Subject
    from image_pinner.core.images.lookups import ImageLookup, Resolution
    from image_pinner.core.intrinsics.values import Answer, ExternalValue
    from image_pinner.core.lock import LockFile
    from image_pinner.sources.interface import Deadline


def lazy_resolvers(make: Callable[[], Resolvers]) -> Resolvers:
    """Return resolvers that call `make` for the first lookup."""
    ports = _LazyPorts(cache(make))
    return Resolvers(ports, ports, ports, ports, ports, ports)


class _LazyPorts(NamedTuple):
    """Implements every port by that of the resolvers that `made` returns."""

    made: Callable[[], Resolvers]

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        """See `DigestResolver.resolve_all`."""
        return self.made().digests.resolve_all(lookups, deadline)

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        """See `ValueResolver.resolve_values`."""
        return self.made().values.resolve_values(external_values, deadline)

    def read_deployed(
        self, lookups: Collection[DeployedLookup], deadline: Deadline
    ) -> Mapping[DeployedLookup, DeployedState]:
        """See `DeployedImageSource.read_deployed`."""
        return self.made().deployed.read_deployed(lookups, deadline)

    def gather(
        self, subjects: Collection[Subject], needs: frozenset[Need], deadline: Deadline
    ) -> Mapping[Subject, Facts]:
        """See `FactSource.gather`."""
        return self.made().facts.gather(subjects, needs, deadline)

    def read_gates(self, name: str, deadline: Deadline) -> str:
        """See `GateSource.read_gates`."""
        return self.made().gates.read_gates(name, deadline)

    def read_lock(self, location: str, account_id: str, deadline: Deadline) -> LockFile | NotKnown:
        """See `LockSource.read_lock`."""
        return self.made().locks.read_lock(location, account_id, deadline)
