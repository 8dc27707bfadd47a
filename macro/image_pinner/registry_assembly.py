"""Choose the implementations for registries other than ECR, and for downloads.

`assembly` imports this module for the first of them. A template with images in ECR alone would load it for nothing at
every cold start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from image_pinner.settings import Settings
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.secrets import Secrets
from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.credentials.configured import (
    ConfiguredCredentials,
    CredentialChain,
    TemplateCredentials,
)
from image_pinner.sources.credentials.interface import CredentialSource
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.http.proxies import Proxies
from image_pinner.sources.http.tls import Trust
from image_pinner.sources.http.transport import HttpDownloads, Transport
from image_pinner.sources.oci.resolver import OciRegistryResolver


def make_resolver(
    settings: Settings, credentials: CredentialSource, call_stats: CallStats | None = None
) -> OciRegistryResolver:
    """Make the resolver of registries other than ECR."""
    named = [host for host, _ in settings.ca_bundles if host != "*"]
    named += [mirror.host for mirror in settings.mirrors]
    named += [location.registry for location in settings.credentials]
    return OciRegistryResolver(
        _transport(settings, call_stats),
        credentials,
        RegistryHosts(settings.insecure_registries, named, settings.metered_registries, settings.token_services),
        workers=settings.workers,
        host_seconds=settings.host_timeout,
    )


def make_credentials(
    settings: Settings,
    region: str,
    clients: AwsClients,
    environment: Mapping[str, str] | None,
    local: Iterable[CredentialSource],
) -> CredentialSource:
    """Make the source of registry credentials; those in the settings take precedence.

    `environment` has variables that may hold passwords, or is `None` if none may. `local` comes last.
    """
    secrets = Secrets(clients, region)
    sources: list[CredentialSource] = [
        ConfiguredCredentials(settings.credentials, secrets, environment or {}, local=environment is not None),
        TemplateCredentials(settings.template_credentials, secrets),
        *local,
    ]
    return CredentialChain(sources)


def make_downloads(settings: Settings, call_stats: CallStats | None = None) -> HttpDownloads:
    """Make what downloads the configs of images from the URLs that ECR returns."""
    return HttpDownloads(_transport(settings, call_stats))


def _transport(settings: Settings, call_stats: CallStats | None) -> Transport:
    trust = Trust({host: Path(file) for host, file in settings.ca_bundles})
    return Transport(trust=trust, call_stats=call_stats, proxies=Proxies.from_environment())
