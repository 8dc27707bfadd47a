"""Send HTTP requests, limited in time, size, number and addresses; follow redirects and retry.

`registry.k8s.io` answers each manifest with a redirect to the region's registry, so they cannot be refused altogether.
"""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError
from urllib3.util import Url

from image_pinner import __version__
from image_pinner.core.errors import SourceError
from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.http.addresses import AddressScope, Resolve, addresses_of, forbidden_address, scope_of_host
from image_pinner.sources.http.connections import OpenSockets, pools
from image_pinner.sources.http.endpoints import Endpoint, RegistryHosts, refuse_user_in
from image_pinner.sources.http.errors import ConnectionLostError, HostFaultError, bare, check_time, fault_of, parsed
from image_pinner.sources.http.messages import MAX_ERROR_BYTES, Reply, Request, Sender, told
from image_pinner.sources.http.tls import Trust
from image_pinner.sources.interface import Deadline

RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""The statuses that the same request may not meet again a moment later."""

_MAX_DIGITS = 9  # of a Retry-After: more is no wait that anybody means


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a request is made, and how long to wait in between.

    Args:
        attempts: How many times in all, at least 1.
        first_wait: The wait after the first try in seconds; it doubles with each.
        sleep: Waits so many seconds.
        jitter: Gives a number from 0 to 1, so that those who failed together do not come back together.
        wall_clock: The time in seconds since 1970, for a `Retry-After` that is a date.
    """

    attempts: int = 3
    first_wait: float = 0.25
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    wall_clock: Callable[[], float] = time.time

    def pause(self, tries_made: int, retry_after: str, deadline: Deadline) -> bool:
        """Wait for the next try, if there is to be one.

        Args:
            tries_made: How many tries there were.
            retry_after: The `Retry-After` header of the last answer, or empty.
            deadline: When to give up.

        Returns:
            Whether to try again; false, without a wait, where the next try would come after the deadline.
        """
        if tries_made >= self.attempts:
            return False
        backoff = self.first_wait * 2 ** (tries_made - 1) * (0.5 + self.jitter())
        asked_for = self._seconds(retry_after)
        # A little later than asked for, so that the requests of one run do not all come at that moment.
        wait = backoff if asked_for is None else asked_for + backoff / 4
        if wait >= deadline.remaining():
            return False
        self.sleep(wait)
        return True

    def _seconds(self, retry_after: str) -> float | None:
        """Read https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3: seconds, or a date."""
        text = retry_after.strip()
        if text.isascii() and text.isdigit():
            return float(text[:_MAX_DIGITS])
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self.wall_clock())
        except (ValueError, OverflowError):
            return None


MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ASK_THE_OWNER = "Ask the registry's owner; or name the image by the host that it really comes from"


@dataclass(frozen=True, slots=True)
class Followed:
    """The answer at the end of a chain of redirects.

    Args:
        reply: The answer.
        same_origin: Whether the registry itself gave it, and no other server that it sent us to.
    """

    reply: Reply
    same_origin: bool


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
            same_origin = Endpoint.of(parsed(going.url)) == home
            if reply.status not in _REDIRECTS:
                return Followed(reply, same_origin)
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
            allowed_scope=AddressScope.SPECIAL if named else AddressScope.GLOBAL,
        )


def _joined(url: str, location: str) -> str:
    if not location:
        raise SourceError(f"{bare(parsed(url))} redirects without saying where to", _ASK_THE_OWNER)
    try:
        return urljoin(url, location)
    except ValueError:
        raise SourceError(f"{bare(parsed(url))} redirects to something that is no URL", _ASK_THE_OWNER) from None


PER_HOST = 20
"""How many connections one host gets."""
_CHUNK_BYTES = 64 * 1024
_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How long one step of a request may take, in seconds; the deadline bounds all of them together.

    Args:
        connect: For a connection to stand, TLS included.
        read: For the next bytes to arrive.
    """

    connect: float = 5.0
    read: float = 10.0


class Transport:
    """Sends requests and reads answers. It follows no redirect and knows no credential.

    Args:
        limits: How long the steps of a request may take.
        per_host: How many connections one host gets.
        trust: Which certificates are trusted; those of the system by default.
        retry: How often a request is made.
        resolve: What knows the addresses of names.
        call_stats: Counts the requests, by method and host.
    """

    def __init__(
        self,
        limits: TimeLimits | None = None,
        *,
        per_host: int = PER_HOST,
        trust: Trust | None = None,
        retry: RetryPolicy | None = None,
        resolve: Resolve = addresses_of,
        call_stats: CallStats | None = None,
    ) -> None:
        self._limits = limits or TimeLimits()
        self._per_host = per_host
        self._retry = retry or RetryPolicy()
        self._resolve = resolve
        self._lock = threading.Lock()
        self._opened = OpenSockets()
        self._pools: dict[tuple[AddressScope, ssl.SSLContext | None], urllib3.PoolManager] = {}
        self._trust = trust or Trust()
        self._tally = call_stats or CallStats()

    def send(self, request: Request, deadline: Deadline) -> Reply:
        """Send a request. See `Sender.send`."""
        attempts = 0
        while True:
            attempts += 1
            try:
                with self._opened.serving(deadline):
                    reply = self._send_once(request, deadline)
            except ConnectionLostError as lost:
                if self._retry.pause(attempts, "", deadline):
                    continue
                raise HostFaultError(f"{lost.cause}{told(attempts)}", lost.help) from None
            passing = reply.status in RETRYABLE_STATUSES
            if not (passing and self._retry.pause(attempts, reply.header("Retry-After"), deadline)):
                return replace(reply, attempts=attempts)

    def cut(self, deadline: Deadline | None = None) -> None:
        """End the requests that are under way and that nobody waits for any more.

        Args:
            deadline: The deadline of those requests, the very object; all requests by default.
        """
        self._opened.cut(deadline)

    def close(self) -> None:
        """Close all connections that are idle."""
        with self._lock:
            for manager in self._pools.values():
                manager.clear()

    def _send_once(self, request: Request, deadline: Deadline) -> Reply:
        url = parsed(request.url)
        check_time(url, deadline)
        self._refuse_what_is_too_near(url, request.allowed_scope)
        try:
            with self._tally.attempt(f"{request.method} {url.netloc}"):
                return self._asked(request, url, deadline)
        except HTTPError as error:
            check_time(url, deadline)
            raise fault_of(url, error) from None

    def _asked(self, request: Request, url: Url, deadline: Deadline) -> Reply:
        response = self._pools_for(url, request.allowed_scope).urlopen(
            request.method,
            url.url,
            body=request.body,
            headers={"User-Agent": f"image-pinner/{__version__}", "Accept-Encoding": "identity", **request.headers},
            timeout=self._timeout(deadline),
            pool_timeout=deadline.remaining(),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            return _reply(request, url, response, deadline)
        finally:
            # A response that was read to its end has given its connection back; any other's is not used again.
            response.close()
            response.release_conn()

    def _refuse_what_is_too_near(self, url: Url, allowed_scope: AddressScope) -> None:
        host = url.host or ""
        if allowed_scope < AddressScope.SPECIAL and scope_of_host(host, self._resolve) > allowed_scope:
            raise forbidden_address(host)

    def _timeout(self, deadline: Deadline) -> urllib3.Timeout:
        left = max(deadline.remaining(), 0.001)
        return urllib3.Timeout(connect=min(self._limits.connect, left), read=min(self._limits.read, left))

    def _pools_for(self, url: Url, allowed_scope: AddressScope) -> urllib3.PoolManager:
        with self._lock:
            context = self._trust.context(url) if url.scheme == "https" else None
            if (allowed_scope, context) not in self._pools:
                self._pools[allowed_scope, context] = pools(allowed_scope, self._opened, self._per_host, context)
            return self._pools[allowed_scope, context]


def _reply(request: Request, url: Url, response: BaseHTTPResponse, deadline: Deadline) -> Reply:
    peer = getattr(response.connection, "peer", AddressScope.GLOBAL)
    good = response.status in _SUCCESS
    limit = request.limit if good else MAX_ERROR_BYTES
    body = _read(url, response, limit, deadline)
    if good and len(body) > limit:
        raise SourceError(
            f"{bare(url)} sent more than {limit} bytes", "Check that this is a registry, and what is stored there"
        )
    if good and response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise SourceError(
            f"{bare(url)} was sent compressed, though it was asked for as it is",
            "Look for a proxy between here and the registry that compresses answers",
        )
    if good and request.method != "HEAD" and not _says_where_it_ends(response):
        # Cut short by whoever stands between, it would be taken for whole, or its headers for all of them:
        # https://www.rfc-editor.org/rfc/rfc9112#section-6.3
        raise ConnectionLostError(
            f"{bare(url)} does not say how long its answer is, so that it may have been cut short",
            "Look at what stands between here and the registry",
        )
    return Reply(bare(url), response.status, response.headers, body[:limit], peer)


def _says_where_it_ends(response: BaseHTTPResponse) -> bool:
    return "Content-Length" in response.headers or "chunked" in response.headers.get("Transfer-Encoding", "").lower()


def _read(url: Url, response: BaseHTTPResponse, limit: int, deadline: Deadline) -> bytes:
    """Read up to a limit, and a little more so that the caller sees that there is more."""
    body = bytearray()
    while len(body) <= limit:
        chunk = response.read1(_CHUNK_BYTES, decode_content=False)
        check_time(url, deadline)
        if not chunk:
            break
        body += chunk
    return bytes(body)


_OK = 200


class HttpDownloads:
    """Fetches contents by HTTP. See `Download`.

    Args:
        sender: Sends the requests.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def __call__(self, url: str, limit: int, deadline: Deadline) -> bytes:
        """Fetch the content behind a URL. See `Download.__call__`."""
        reply = self._sender.send(Request(url, limit=limit), deadline)
        if reply.status != _OK:
            raise SourceError(
                f"{reply.url} answered {reply.status}{told(reply.attempts)}",
                "Check that this network reaches it; a function in a VPC needs an endpoint for S3 or a NAT gateway",
            )
        return reply.body
