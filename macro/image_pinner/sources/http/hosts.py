"""Where a registry is asked: its host by https, Docker Hub behind its many names, plain http where it was allowed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from urllib3.util import Url

from image_pinner.core.errors import ConfigurationError, InvalidReference, SourceError
from image_pinner.core.images.references import DOCKER_HUB, ImageReference
from image_pinner.sources.http.faults import parsed

# Docker Hub's registry answers at a host that nobody writes:
# https://docs.docker.com/reference/api/registry/latest/
_DOCKER_HUB_HOST = "registry-1.docker.io"
_DOCKER_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", "registry.hub.docker.com", _DOCKER_HUB_HOST})
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server, as browsers tell one origin from another: https://www.rfc-editor.org/rfc/rfc6454#section-4.

    Args:
        scheme: `https` or `http`.
        host: The host in lower case, an IPv6 address in brackets.
        port: The port.
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: Url) -> Endpoint:
        """Give the server that a URL asks."""
        scheme = url.scheme or "https"
        return cls(scheme, (url.host or "").lower(), _DEFAULT_PORTS[scheme] if url.port is None else url.port)

    def __str__(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


class RegistryHosts:
    """Knows where to ask for a registry, and which hosts the operator let be asked by plain http.

    Args:
        insecure: The hosts, with their ports, that are asked by plain http, as they stand in references.

    Raises:
        ConfigurationError: One of them is no host with an optional port.
    """

    def __init__(self, insecure: Collection[str] = ()) -> None:
        self._insecure = frozenset(_plain_endpoint(host) for host in insecure)

    def endpoint(self, registry: str) -> Endpoint:
        """Give the server to ask for a registry.

        Args:
            registry: The registry as it stands in a reference.

        Raises:
            SourceError: It is no host with an optional port.
        """
        name = canonical_registry(registry)
        plain = Endpoint.of(parsed(f"http://{name}"))
        if plain in self._insecure:
            return plain
        return Endpoint.of(parsed(f"https://{_DOCKER_HUB_HOST if name == DOCKER_HUB else name}"))

    def is_listed(self, endpoint: Endpoint) -> bool:
        """Tell whether the operator listed this host and port, whatever the scheme."""
        return any((endpoint.host, endpoint.port) == (listed.host, listed.port) for listed in self._insecure)


def _plain_endpoint(host: str) -> Endpoint:
    try:
        if ImageReference.parse(f"{host}/image").registry == host:
            return Endpoint.of(parsed(f"http://{host}"))
    except (InvalidReference, SourceError):
        pass
    raise ConfigurationError(
        f"{host!r} in the list of insecure hosts is no registry's host with an optional port",
        "Write it as it stands in image references, localhost:5000 for example",
    )


def canonical_registry(registry: str) -> str:
    """Give one name for a registry, the one under which its credential is kept: `docker.io` for all of Docker Hub's."""
    name = registry.lower()
    return DOCKER_HUB if name in _DOCKER_HUB_NAMES else name


def refuse_user_in(url: Url, what: str) -> None:
    """Refuse a URL that brings a user or a password with it.

    Raises:
        SourceError: It does.
    """
    if url.auth:
        raise SourceError(
            f"the registry names {what} at {url.host} with a user in its URL", "Ask the registry's owner to remove it"
        )
