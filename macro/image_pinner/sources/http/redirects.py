"""Redirects: followed a few times, never to a worse scheme or a nearer network, and without the credential elsewhere.

`registry.k8s.io` answers each manifest with a redirect to the region's registry, so they cannot be refused altogether.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urljoin

from image_pinner.core.errors import SourceError
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.faults import bare, parsed
from image_pinner.sources.http.hosts import Endpoint, RegistryHosts, refuse_user_in
from image_pinner.sources.http.messages import Reply, Request, Sender
from image_pinner.sources.interface import Deadline

MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ASK_THE_OWNER = "Ask the registry's owner; or name the image by the host that it really comes from"


@dataclass(frozen=True, slots=True)
class Followed:
    """The answer at the end of a chain of redirects.

    Args:
        reply: The answer.
        at_home: Whether the registry itself gave it, and no other server that it sent us to.
    """

    reply: Reply
    at_home: bool


class RedirectFollower:
    """Asks a registry, and whom it sends us to.

    Args:
        sender: Sends the requests.
        hosts: Knows which hosts the operator listed.
    """

    def __init__(self, sender: Sender, hosts: RegistryHosts) -> None:
        self._sender = sender
        self._hosts = hosts

    def follow(self, request: Request, deadline: Deadline) -> Followed:
        """Send a request and follow what it meets.

        Args:
            request: The request to the registry itself, with its credential where there is one.
            deadline: When to give up.

        Returns:
            The first answer that is no redirect.

        Raises:
            SourceError: There is no answer, or the redirects go where we do not.
        """
        home = Endpoint.of(parsed(request.url))
        going = request
        for _ in range(MAX_REDIRECTS + 1):
            reply = self._sender.send(going, deadline)
            at_home = Endpoint.of(parsed(going.url)) == home
            if reply.status not in _REDIRECTS:
                return Followed(reply, at_home)
            going = self._next(going, reply, home)
        raise SourceError(f"{bare(parsed(request.url))} redirects more than {MAX_REDIRECTS} times", _ASK_THE_OWNER)

    def _next(self, last: Request, reply: Reply, home: Endpoint) -> Request:
        url = parsed(_joined(last.url, reply.header("Location")))
        refuse_user_in(url, "a redirect")
        before, target = Endpoint.of(parsed(last.url)), Endpoint.of(url)
        named = target == home or self._hosts.is_listed(target)
        if target.scheme == "http" and not (before.scheme == "http" and named):
            raise SourceError(f"{reply.url} redirects to {target}, by plain http", _ASK_THE_OWNER)
        if target == before:
            return replace(last, url=url.url)
        return replace(
            last,
            url=url.url,
            # Not even on the way back: who sent us there chose the URL.
            headers={name: value for name, value in last.headers.items() if name.lower() != "authorization"},
            nearest=AddressScope.SPECIAL if named else AddressScope.GLOBAL,
        )


def _joined(url: str, location: str) -> str:
    if not location:
        raise SourceError(f"{bare(parsed(url))} redirects without saying where to", _ASK_THE_OWNER)
    try:
        return urljoin(url, location)
    except ValueError:
        raise SourceError(f"{bare(parsed(url))} redirects to something that is no URL", _ASK_THE_OWNER) from None
