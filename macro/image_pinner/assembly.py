"""Choose implementations; no other module does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from image_pinner.core.deployed import DeployedLookup, DeployedState, NotKnown
from image_pinner.core.gates.interface import Facts, Need, Subject, UnknownFact
from image_pinner.core.images.lookups import ImageLookup, Resolution, Unavailable
from image_pinner.core.images.registries import is_ecr
from image_pinner.core.intrinsics.values import Answer, ExternalValue, SsmParameter, StackExport
from image_pinner.core.registry_config import SecretLocation
from image_pinner.pinning import Resolvers
from image_pinner.settings import Settings
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.values import ExportValueResolver, SsmValueResolver
from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.ecr.resolver import EcrResolver
from image_pinner.sources.interface import Deadline, DigestResolver, Download, ValueResolver
from image_pinner.sources.mirrors import MirroredResolver

if TYPE_CHECKING:
    from image_pinner.core.lock import LockFile
    from image_pinner.sources.aws.events import EventPublisher
    from image_pinner.sources.credentials.interface import CredentialSource

ResolverFactory = Callable[[Settings, str], Resolvers]
"""Makes resolvers for settings and a region."""

_GRACE = 1.0  # seconds


class ByRegistry(NamedTuple):
    """Sends lookups to ECR and to other registries concurrently.

    `registries` makes the resolver of the others; it is called only if there is a lookup for it.
    """

    ecr: DigestResolver
    registries: Callable[[], DigestResolver]

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        """See `DigestResolver.resolve_all`."""
        in_ecr = [lookup for lookup in lookups if is_ecr(lookup.reference.registry)]
        elsewhere = [lookup for lookup in lookups if not is_ecr(lookup.reference.registry)]
        if not elsewhere:
            return self.ecr.resolve_all(in_ecr, deadline)
        registries = self.registries()
        if not in_ecr:
            return registries.resolve_all(elsewhere, deadline)
        jobs = (
            lambda: self.ecr.resolve_all(in_ecr, deadline),
            lambda: registries.resolve_all(elsewhere, deadline),
        )
        # Both stop at the deadline themselves; one that does not must not cost the results of the other.
        late = Unavailable("the registry did not respond in time", "try again")
        resolutions: dict[ImageLookup, Resolution] = dict.fromkeys(lookups, late)
        for found in run_all(jobs, workers=len(jobs), deadline=Deadline.after(deadline.remaining() + _GRACE)):
            resolutions.update(found or {})
        return resolutions


class ByValue(NamedTuple):
    """Sends lookups of SSM parameters and of CloudFormation exports to their services."""

    parameters: ValueResolver
    exports: ValueResolver

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        """See `ValueResolver.resolve_values`."""
        results: dict[ExternalValue, Answer] = {}
        for kind, resolver in ((SsmParameter, self.parameters), (StackExport, self.exports)):
            if wanted := [value for value in external_values if isinstance(value, kind)]:
                results.update(resolver.resolve_values(wanted, deadline))
        return results


class _LazyDownload:
    """Makes its implementation for the first download. See `Download`."""

    def __init__(self, make: Callable[[], Download]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._download: Download | None = None

    def __call__(self, url: str, limit: int, deadline: Deadline) -> bytes:
        with self._lock:
            self._download = self._download or self._make()
        return self._download(url, limit, deadline)


class _LazyDeployedImages(NamedTuple):
    """Loads the source of deployed images when a template keeps some. See `DeployedImageSource`."""

    clients: AwsClients
    region: str
    workers: int

    def read_deployed(
        self, lookups: Collection[DeployedLookup], deadline: Deadline
    ) -> Mapping[DeployedLookup, DeployedState]:
        """See `DeployedImageSource.read_deployed`."""
        from image_pinner.sources.deployed.source import AwsDeployedImages  # noqa: PLC0415 - most templates keep none

        return AwsDeployedImages(self.clients, self.region, workers=self.workers).read_deployed(lookups, deadline)


class _LazyFacts(NamedTuple):
    """Loads the source of facts when a gate needs some. See `FactSource`."""

    clients: AwsClients
    settings: Settings

    def gather(
        self, subjects: Collection[Subject], needs: frozenset[Need], deadline: Deadline
    ) -> Mapping[Subject, Facts]:
        """See `FactSource.gather`."""
        from image_pinner.sources.ecr.facts.source import EcrFacts  # noqa: PLC0415 - see the docstring

        source = EcrFacts(self.clients, workers=self.settings.workers, roles=self.settings.ecr_roles)
        return source.gather(subjects, needs, deadline)


class _LazyGates(NamedTuple):
    """Imports its implementation for the first parameter, since most configurations have none. See `GateSource`."""

    clients: AwsClients
    region: str
    cache: dict[tuple[str, str], tuple[float, str]]

    def read_gates(self, name: str, deadline: Deadline) -> str:
        """See `GateSource.read_gates`."""
        from image_pinner.sources.aws.gates import GateParameters  # noqa: PLC0415 - see the docstring

        return GateParameters(self.clients, self.region, self.cache).read_gates(name, deadline)


class _LazyKeepTags(NamedTuple):
    """Loads the writer of keep-tags when an image gets one. See `KeepTagWriter`."""

    clients: AwsClients
    settings: Settings

    def put_keep_tags(self, images: Collection[Subject], deadline: Deadline) -> Mapping[Subject, UnknownFact]:
        """See `KeepTagWriter.put_keep_tags`."""
        from image_pinner.sources.ecr import keep_tags  # noqa: PLC0415 - see the docstring
        from image_pinner.sources.ecr.facts.source import EcrFacts  # noqa: PLC0415 - see the docstring

        readers = {keep_tags.KEEP_TAG: keep_tags.KEEP_TAG_WRITER}
        roles = self.settings.ecr_roles
        jobs = EcrFacts(self.clients, workers=self.settings.workers, roles=roles, readers=readers)
        return keep_tags.EcrKeepTags(jobs).put_keep_tags(images, deadline)


class _LazyLocks(NamedTuple):
    """Imports its implementation for the first lock file, since most templates have none. See `LockSource`."""

    clients: AwsClients
    region: str

    def read_lock(self, location: str, account_id: str, deadline: Deadline) -> LockFile | NotKnown:
        """See `LockSource.read_lock`."""
        from image_pinner.sources.aws.locks import AwsLockSource  # noqa: PLC0415 - see the docstring

        return AwsLockSource(self.clients, self.region).read_lock(location, account_id, deadline)


class AwsResolvers:
    """Makes resolvers that share clients for as long as this object lives. See `ResolverFactory`.

    `environment` has variables that may hold passwords, and `find_local` returns sources of a user's machine; a Lambda
    function uses neither.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        clients: AwsClients | None = None,
        find_local: Callable[[], Sequence[CredentialSource]] = tuple,
    ) -> None:
        self.call_stats = CallStats()
        self.clients = clients or AwsClients(call_stats=self.call_stats)
        self._environment, self._find_local = environment, find_local
        self._gates: dict[tuple[str, str], tuple[float, str]] = {}

    def __call__(self, settings: Settings, region: str) -> Resolvers:
        """Make the resolvers for settings and a region."""
        clients = self._clients_for(settings, region)
        ecr = EcrResolver(
            clients,
            workers=settings.workers,
            download=_LazyDownload(lambda: _registry_assembly().make_downloads(settings, self.call_stats)),
            roles=settings.ecr_roles,
            pull_through=settings.pull_through,
        )
        digests: DigestResolver = ByRegistry(ecr, lambda: self.registries(settings, region))
        if settings.mirrors:
            digests = MirroredResolver(digests, settings.mirrors)
        values = ByValue(SsmValueResolver(clients, region), ExportValueResolver(clients, region))
        deployed = _LazyDeployedImages(clients, region, settings.workers)
        facts = _LazyFacts(clients, settings)
        gates = _LazyGates(clients, region, self._gates)
        locks, keep_tags = _LazyLocks(clients, region), _LazyKeepTags(clients, settings)
        return Resolvers(digests, values, deployed, facts, locks, gates, keep_tags=keep_tags)

    def registries(self, settings: Settings, region: str) -> DigestResolver:
        """Make the resolver of registries other than ECR."""
        credentials = self.credentials(settings, region)
        resolver: DigestResolver = _registry_assembly().make_resolver(settings, credentials, self.call_stats)
        return resolver

    def credentials(self, settings: Settings, region: str) -> CredentialSource:
        """Make the source of registry credentials."""
        source: CredentialSource = _registry_assembly().make_credentials(
            settings, region, self._clients_for(settings, region), self._environment, self._find_local()
        )
        return source

    def _clients_for(self, settings: Settings, region: str) -> AwsClients:
        locations = [entry.location for entry in settings.credentials]
        configured = [location.region for location in locations if isinstance(location, SecretLocation)]
        return self.clients.allowing((region, *settings.extra_regions, *configured))

    def event_publisher(self, bus: str, region: str) -> EventPublisher:
        """Make the publisher for an event bus; `region` is that of a bus without an ARN."""
        from image_pinner.sources.aws.events import EventPublisher  # noqa: PLC0415 - most functions send no events

        return EventPublisher(self.clients, bus, region)


def _registry_assembly() -> ModuleType:
    from image_pinner import registry_assembly  # noqa: PLC0415 - see the docstring of that module

    return registry_assembly
