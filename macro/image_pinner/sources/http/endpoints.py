"""Where a registry is asked: its host by https, Docker Hub behind its many names, plain http where it was allowed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from urllib3.util import Url

from image_pinner.core.errors import ConfigurationError, SourceError, cut
from image_pinner.core.images.references import DOCKER_HUB
from image_pinner.core.images.registries import DOCKER_HUB_HOST, canonical_registry, parse_registry
from image_pinner.sources.http.errors import parsed

_SHOWN_HOST = 253  # characters: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
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
        return f"{self.scheme}://{cut(self.host, _SHOWN_HOST)}{port}"


class RegistryHosts:
    """Knows where to ask for a registry, and which hosts the operator let be asked by plain http.

    Args:
        insecure: The hosts, with their ports, that are asked by plain http, as they stand in references.
        listed: Further hosts that the operator named: a redirect may lead there although they are near.
        metered: The registries whose pulls are metered: they are asked by HEAD, and its header is believed.

    Raises:
        ConfigurationError: One of them is no host with an optional port.
    """

    def __init__(
        self, insecure: Collection[str] = (), listed: Collection[str] = (), metered: Collection[str] = ()
    ) -> None:
        self._metered = frozenset(map(canonical_registry, metered))
        self._insecure = frozenset(_endpoint(host, "http") for host in insecure)
        self._listed = self._insecure | {_endpoint(host, "https") for host in listed}

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
        return Endpoint.of(parsed(f"https://{DOCKER_HUB_HOST if name == DOCKER_HUB else name}"))

    def is_metered(self, registry: str) -> bool:
        """Tell whether the pulls from a registry are metered."""
        return canonical_registry(registry) in self._metered

    def is_listed(self, endpoint: Endpoint) -> bool:
        """Tell whether the operator listed this host and port, whatever the scheme."""
        return any((endpoint.host, endpoint.port) == (listed.host, listed.port) for listed in self._listed)


def _endpoint(host: str, scheme: str) -> Endpoint:
    try:
        name = parse_registry(host)
        return Endpoint.of(parsed(f"{scheme}://{DOCKER_HUB_HOST if name == DOCKER_HUB else name}"))
    except (ValueError, SourceError) as error:
        raise ConfigurationError(
            f"in the list of {'insecure ' if scheme == 'http' else ''}hosts, {error}", "Correct the setting"
        ) from None


def refuse_user_in(url: Url, what: str) -> None:
    """Refuse a URL that brings a user or a password with it.

    Raises:
        SourceError: It does.
    """
    if url.auth:
        raise SourceError(
            f"the registry names {what} at {url.host} with a user in its URL", "Ask the registry's owner to remove it"
        )
