"""Find the server of a registry, over HTTPS unless configured otherwise, and stop using one that keeps failing."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass

from urllib3.util import Url

from image_pinner.core.errors import ConfigurationError, SourceError, cut
from image_pinner.core.images.references import DOCKER_HUB
from image_pinner.core.images.registries import DOCKER_HUB_HOST, canonical_registry, parse_registry
from image_pinner.sources.http.addresses import MAX_HOST_LENGTH
from image_pinner.sources.http.errors import HostFaultError, parse_http_url
from image_pinner.sources.http.messages import RETRYABLE_STATUSES, THROTTLED, Reply, Request, Sender
from image_pinner.sources.interface import Deadline

# Docker Hub and GHCR behind other names, such as lscr.io, and Scaleway's registry at scw.cloud.
_SHARED_TOKEN_SERVICES = frozenset({"auth.docker.io", "ghcr.io", "api.scaleway.com"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server: scheme, host in lower case (IPv6 in brackets) and port, as in https://www.rfc-editor.org/rfc/rfc6454."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: Url) -> Endpoint:
        """Return the server of a URL."""
        scheme = url.scheme or "https"
        return cls(scheme, (url.host or "").lower(), _DEFAULT_PORTS[scheme] if url.port is None else url.port)

    @classmethod
    def of_registry(cls, registry: str, scheme: str) -> Endpoint:
        """Return the server with the canonical name of a registry."""
        return cls.of(parse_http_url(f"{scheme}://{DOCKER_HUB_HOST if registry == DOCKER_HUB else registry}"))

    def __str__(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{cut(self.host, MAX_HOST_LENGTH)}{port}"


class RegistryHosts:
    """The servers of registries, and what the configuration allows for each.

    Args:
        insecure: Hosts, with their port if it is not the default, that use plain HTTP.
        listed: Further hosts in the configuration: a redirect may lead there even if they are inside this network.
        pull_counting: Registries that count pulls: their HEAD responses are trusted.
        token_services: Hosts that any registry may refer to as its token service, at whatever address.

    Raises:
        ConfigurationError: One of them is not a host with an optional port.
    """

    def __init__(
        self,
        insecure: Collection[str] = (),
        listed: Collection[str] = (),
        pull_counting: Collection[str] = (),
        token_services: Collection[str] = (),
    ) -> None:
        self._pull_counting = frozenset(map(canonical_registry, pull_counting))
        self._insecure = frozenset(_configured(host, "http") for host in insecure)
        self._token_services = frozenset(_configured(host, "https") for host in token_services)
        listed_endpoints = self._insecure | self._token_services | {_configured(host, "https") for host in listed}
        self._listed = {(endpoint.host, endpoint.port) for endpoint in listed_endpoints}

    def endpoint(self, registry: str) -> Endpoint:
        """Return the server of a registry as written in an image reference.

        Raises:
            SourceError: It is not a host with an optional port.
        """
        name = canonical_registry(registry)
        plain = Endpoint.of(parse_http_url(f"http://{name}"))
        return plain if plain in self._insecure else Endpoint.of_registry(name, "https")

    def counts_pulls(self, registry: str) -> bool:
        """Return whether a registry is configured as one that counts pulls."""
        return canonical_registry(registry) in self._pull_counting

    def is_listed(self, endpoint: Endpoint) -> bool:
        """Return whether the configuration lists this host and port, with whatever scheme."""
        return (endpoint.host, endpoint.port) in self._listed

    def may_be_token_service(self, service: Endpoint, home: Endpoint) -> bool:
        """Return whether the registry at `home` may refer to this token service.

        It is at the domain of the registry, in the configuration, or one that registries at other domains use as well.
        """
        return (
            _domain(service.host) == _domain(home.host)
            or home.host.endswith(f".{service.host}")
            or service in self._token_services
            or (service.scheme == "http" and self.is_listed(service))
            or (service.host in _SHARED_TOKEN_SERVICES and service == Endpoint("https", service.host, 443))
        )


def _domain(host: str) -> str:
    """Return the part of a host name that one owner has registered, or the whole name or address.

    Without https://publicsuffix.org this is a guess: the last two labels, or three for names such as `example.co.uk`.
    """
    labels = host.split(".")
    if labels[-1].isdigit() or "]" in host:
        return host
    is_short = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3  # noqa: PLR2004 - of labels and letters
    return ".".join(labels[-3:] if is_short else labels[-2:])


def _configured(host: str, scheme: str) -> Endpoint:
    try:
        return Endpoint.of_registry(parse_registry(host), scheme)
    except (ValueError, SourceError) as error:
        raise ConfigurationError(
            f"invalid entry in the list of {'insecure ' if scheme == 'http' else ''}hosts: {error}",
            "correct the setting",
        ) from None


def refuse_user(url: Url, what: str, alias: str = "") -> None:
    """Raise `SourceError` if `url`, which a registry sent as `what`, contains a user or password.

    The message shows the host unless the URL has an `alias`. See `Request`.
    """
    if url.auth:
        raise SourceError(
            f"the registry refers to {what}{'' if alias else f' at {url.host}'} with a user in its URL",
            "contact the registry owner to remove it",
        )


FAILURES_IN_A_ROW = 3
"""After this many failed requests in a row, each with all its attempts, a host gets no further request."""


class CircuitBreaker:
    """Sends requests with `sender`, and refuses further ones to a host that fails, for one run.

    A host that cannot be reached, does not respond, is not trusted or throttles is refused after one request; one that
    has errors of its own (5xx) after several in a row, since a single image may be broken.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._lock = threading.Lock()
        self._failed: dict[Endpoint, SourceError] = {}
        self._in_a_row: dict[Endpoint, int] = {}

    def send(self, request: Request, deadline: Deadline) -> Reply:
        """Send a request, unless its host has failed before. See `Sender.send`.

        Raises:
            SourceError: The host has failed before.
        """
        host = Endpoint.of(parse_http_url(request.url))
        if failed := self._failed.get(host):
            raise SourceError(f"no further requests to {request.alias or host}: {failed.cause}", failed.help)
        try:
            reply = self._sender.send(request, deadline)
        except HostFaultError as fault:
            # Not the exception itself, whose traceback keeps the received part of the response in memory.
            self._failed.setdefault(host, SourceError(fault.cause, fault.help))
            raise
        self._count(host, reply)
        return reply

    def _count(self, host: Endpoint, reply: Reply) -> None:
        with self._lock:
            if reply.status not in RETRYABLE_STATUSES:
                self._in_a_row[host] = 0
                return
            self._in_a_row[host] = self._in_a_row.get(host, 0) + 1
            if reply.status == THROTTLED or self._in_a_row[host] >= FAILURES_IN_A_ROW:
                self._failed.setdefault(host, SourceError(str(reply), "retry in a few minutes"))
