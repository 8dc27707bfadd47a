"""Assembly: the only place that chooses implementations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from image_pinner.core.images.lookups import ImageLookup, Resolution, Unavailable
from image_pinner.core.images.registries import is_ecr
from image_pinner.core.intrinsics.values import Answer, ExternalValue, SsmParameter, StackExport
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
    from image_pinner.sources.aws.events import EventPublisher
    from image_pinner.sources.credentials.interface import CredentialSource
    from image_pinner.sources.http.transport import Transport

ResolverFactory = Callable[[Settings, str], Resolvers]
"""Gives whom to ask, for settings and a region."""


@runtime_checkable
class InstrumentedFactory(Protocol):
    """A `ResolverFactory` whose calls are counted, and that has a ledger."""

    call_stats: CallStats

    def event_publisher(self, bus: str, region: str) -> EventPublisher:
        """Give the ledger on an event bus.

        Args:
            bus: The name or the ARN of the bus.
            region: The region of a bus that is named without one.
        """
        ...


def instrumented(resolver_factory: object) -> InstrumentedFactory | None:
    """Give a `ResolverFactory` as one whose calls are counted, or `None` where it is a plain one."""
    return resolver_factory if isinstance(resolver_factory, InstrumentedFactory) else None


class ByRegistry(NamedTuple):
    """Asks ECR about its repositories and the registries themselves about all others, both at once.

    Args:
        ecr: Who knows ECR's digests.
        registries: Gives who knows the digests of other registries; called when the first of them is asked for.
    """

    ecr: DigestResolver
    registries: Callable[[], DigestResolver]

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        """Answer questions. See `DigestResolver.resolve_all`."""
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
        # Both keep the deadline themselves: this one only has to be later than theirs.
        patient = Deadline.after(deadline.remaining() + _GRACE)
        late = Unavailable("its registry did not answer in time", "Deploy again")
        answers: dict[ImageLookup, Resolution] = dict.fromkeys(lookups, late)
        for found in run_all(jobs, workers=len(jobs), deadline=patient):
            answers.update(found or {})
        return answers


_GRACE = 1.0  # seconds


class ByValue(NamedTuple):
    """Asks SSM about parameters and CloudFormation about exports.

    Args:
        parameters: Who knows SSM parameters.
        exports: Who knows exports.
    """

    parameters: ValueResolver
    exports: ValueResolver

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        """Answer look-ups. See `ValueResolver.resolve_values`."""
        answers: dict[ExternalValue, Answer] = {}
        for kind, resolver in ((SsmParameter, self.parameters), (StackExport, self.exports)):
            if asked := [lookup for lookup in external_values if isinstance(lookup, kind)]:
                answers.update(resolver.resolve_values(asked, deadline))
        return answers


class AwsResolvers:
    """Gives the real world, with clients that live as long as this does.

    Args:
        logins: Gives the credentials that there are besides those in the settings, and whether this runs where the
            operator sits: a function's environment and files hold no passwords.
        clients: The clients of AWS services; by default new ones whose calls are counted.
    """

    def __init__(self, logins: Logins, clients: AwsClients | None = None) -> None:
        self.logins = logins
        self.call_stats = CallStats()
        self.clients = clients or AwsClients(call_stats=self.call_stats)

    def __call__(self, settings: Settings, region: str) -> Resolvers:
        """Give whom to ask for settings and a region."""
        digests: DigestResolver = ByRegistry(self._ecr(settings), lambda: self.registries(settings, region))
        if settings.mirrors:
            digests = MirroredResolver(digests, settings.mirrors)
        return Resolvers(
            digests, ByValue(SsmValueResolver(self.clients, region), ExportValueResolver(self.clients, region))
        )

    def _ecr(self, settings: Settings) -> DigestResolver:
        return EcrResolver(
            self.clients,
            workers=settings.workers,
            download=_Downloads(settings, self.call_stats),
            roles=settings.ecr_roles,
            pull_through=settings.pull_through,
        )

    def registries(self, settings: Settings, region: str) -> DigestResolver:
        """Give who knows the digests of registries other than ECR."""
        # Loaded here: a template with images in ECR alone must not wait for it.
        from image_pinner.sources.http.endpoints import RegistryHosts  # noqa: PLC0415
        from image_pinner.sources.oci.resolver import OciRegistryResolver  # noqa: PLC0415

        hosts = RegistryHosts(settings.insecure_registries, _listed(settings), settings.metered_registries)
        return OciRegistryResolver(
            _transport(settings, self.call_stats),
            self.credentials(settings, region),
            hosts,
            workers=settings.workers,
            host_seconds=settings.host_timeout,
        )

    def credentials(self, settings: Settings, region: str) -> CredentialSource:
        """Give who knows the credentials for registries, the operator's own first."""
        from image_pinner.sources.aws.secrets import Secrets  # noqa: PLC0415
        from image_pinner.sources.credentials.configured import (  # noqa: PLC0415
            ConfiguredCredentials,
            CredentialChain,
            TemplateCredentials,
        )

        secrets = Secrets(self.clients, region)
        environment = self.logins.environment
        sources: list[CredentialSource] = [
            ConfiguredCredentials(settings.credentials, secrets, environment or {}, local=environment is not None),
            TemplateCredentials(settings.template_credentials, secrets),
        ]
        return CredentialChain([*sources, *self.logins.sources()])

    def event_publisher(self, bus: str, region: str) -> EventPublisher:
        """Give the ledger on an event bus. See `InstrumentedFactory.event_publisher`."""
        from image_pinner.sources.aws.events import EventPublisher  # noqa: PLC0415 - most macros have none

        return EventPublisher(self.clients, bus, region)


class _Downloads:
    """Fetches by HTTP; what it needs for that is loaded with the first download. See `Download`."""

    def __init__(self, settings: Settings, call_stats: CallStats) -> None:
        self._settings = settings
        self._tally = call_stats
        self._making = threading.Lock()
        self._downloads: Download | None = None

    def __call__(self, url: str, limit: int, deadline: Deadline) -> bytes:
        with self._making:
            if self._downloads is None:
                from image_pinner.sources.http.transport import HttpDownloads  # noqa: PLC0415 - as above

                self._downloads = HttpDownloads(_transport(self._settings, self._tally))
        return self._downloads(url, limit, deadline)


class Logins(NamedTuple):
    """The credentials for registries that there are besides those in the settings.

    Args:
        sources: Gives who knows them.
        environment: The environment variables in which passwords may stand, or `None` where none may.
    """

    sources: Callable[[], Sequence[CredentialSource]]
    environment: Mapping[str, str] | None = None


def no_logins() -> Logins:
    """Give the logins of a function, which has none but those in the settings."""
    return Logins(list)


def docker_logins(environment: Mapping[str, str]) -> Logins:
    """Give the logins that docker keeps.

    Args:
        environment: The environment variables, of which `DOCKER_CONFIG` says where the config file is.
    """

    def sources() -> Sequence[CredentialSource]:
        from image_pinner.sources.credentials.docker_config import (  # noqa: PLC0415 - as above
            DockerConfigCredentials,
            docker_config_path,
        )

        return [DockerConfigCredentials(docker_config_path(environment, Path.home()))]

    return Logins(sources, environment)


def _transport(settings: Settings, call_stats: CallStats) -> Transport:
    from image_pinner.sources.http.tls import Trust  # noqa: PLC0415
    from image_pinner.sources.http.transport import Transport  # noqa: PLC0415 - as above

    return Transport(trust=Trust({host: Path(file) for host, file in settings.ca_bundles}), call_stats=call_stats)


def _listed(settings: Settings) -> list[str]:
    """Give the hosts that the operator named for one purpose or another."""
    named = [host for host, _ in settings.ca_bundles if host != "*"]
    return [*named, *(mirror.host for mirror in settings.mirrors), *(login.registry for login in settings.credentials)]
