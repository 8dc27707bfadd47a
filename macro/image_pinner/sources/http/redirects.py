"""Follow the redirects of registries to where configuration and addresses allow.

Redirects cannot be refused altogether: `registry.k8s.io` answers each manifest with one to a registry in the region.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urljoin

from image_pinner.core.errors import HIDDEN, SourceError
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.endpoints import Endpoint, RegistryHosts, refuse_user
from image_pinner.sources.http.errors import parse_http_url, safe_url
from image_pinner.sources.http.messages import Reply, Request, Sender
from image_pinner.sources.interface import Deadline

MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_AUTHORIZATION = "Authorization"
_HELP = "contact the registry owner, or write the host that serves the image in the image reference"


class RedirectFollower:
    """Sends requests to registries with `sender`, and follows redirects to where `hosts` and addresses allow."""

    def __init__(self, sender: Sender, hosts: RegistryHosts) -> None:
        self._sender = sender
        self._hosts = hosts

    def follow(
        self, request: Request, deadline: Deadline, knows_credentials: Callable[[], bool] = lambda: False
    ) -> tuple[Reply, bool]:
        """Return the first response that is not a redirect, and whether it is from the server of the request itself.

        `knows_credentials` returns whether that server may know credentials; it does after a request with some.

        Raises:
            SourceError: There is no response, or a redirect leads where it must not.
        """
        origin = Endpoint.of(parse_http_url(request.url))
        current = request
        for _ in range(MAX_REDIRECTS + 1):
            reply = self._sender.send(current, deadline)
            if reply.status not in _REDIRECTS:
                return reply, Endpoint.of(parse_http_url(current.url)) == origin
            hidden = bool(current.alias) or _AUTHORIZATION in request.headers or knows_credentials()
            alias = f"the target of a redirect by {origin}" if hidden else ""
            current = replace(self._next(current, reply, origin, alias), alias=alias)
        source = request.alias or safe_url(parse_http_url(request.url))
        raise SourceError(f"{source} redirects more than {MAX_REDIRECTS} times", _HELP)

    def _next(self, last: Request, reply: Reply, origin: Endpoint, alias: str) -> Request:
        url = parse_http_url(_joined(last.url, reply))
        refuse_user(url, "a redirect", alias)
        before, target = Endpoint.of(parse_http_url(last.url)), Endpoint.of(url)
        trusted = target == origin or self._hosts.is_listed(target)
        if target.scheme == "http" and not (before.scheme == "http" and trusted):
            raise SourceError(f"{reply.url} redirects to {HIDDEN if alias else target}, over plain HTTP", _HELP)
        if target == before:
            return replace(last, url=url.url)
        return replace(
            last,
            url=url.url,
            # Not even for a redirect that returns to the registry: another server chose that URL.
            headers={name: value for name, value in last.headers.items() if name != _AUTHORIZATION},
            allowed_scope=AddressScope.SPECIAL if trusted else AddressScope.GLOBAL,
        )


def _joined(url: str, reply: Reply) -> str:
    location = reply.header("Location")
    if not location:
        raise SourceError(f"{reply.url} redirects without a location", _HELP)
    try:
        return urljoin(url, location)
    except ValueError:
        raise SourceError(f"{reply.url} redirects to an invalid URL", _HELP) from None
