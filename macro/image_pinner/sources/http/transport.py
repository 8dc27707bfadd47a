"""Send HTTP requests, limited in time, size, number and addresses; follow redirects and retry.

Redirects cannot be refused altogether: `registry.k8s.io` answers each manifest with one to a registry in the region.
"""

from __future__ import annotations

import random
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TypeVar, cast
from urllib.parse import urljoin

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse
from urllib3.util import Url

from image_pinner import __version__
from image_pinner.core.errors import SourceError
from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.http.addresses import (
    AddressScope,
    Resolve,
    addresses_of,
    forbidden_address,
    scope_of_address,
    scope_of_host,
)
from image_pinner.sources.http.endpoints import Endpoint, RegistryHosts, refuse_user
from image_pinner.sources.http.errors import (
    ConnectionLostError,
    HostFaultError,
    check_deadline,
    parse_http_url,
    safe_url,
    to_source_error,
)
from image_pinner.sources.http.messages import (
    MAX_ERROR_BYTES,
    RETRYABLE_STATUSES,
    Reply,
    Request,
    Sender,
    attempts_suffix,
)
from image_pinner.sources.http.tls import Trust
from image_pinner.sources.interface import Deadline

MAX_REDIRECTS = 3
PER_HOST = 20
"""How many connections one host gets."""
# More hosts than one template names: beyond this number urllib3 drops a pool, and with it the limit per host.
_MAX_HOSTS = 1024
_MAX_DIGITS = 9  # of a Retry-After; no real delay is longer
_CHUNK_BYTES = 64 * 1024
_OK, _SUCCESS = 200, range(200, 300)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REDIRECT_HELP = "contact the registry owner, or write the host that serves the image in the image reference"

C = TypeVar("C", bound=HTTPConnection)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to send a request, and how long to wait in between.

    Args:
        attempts: How many attempts in all, at least 1.
        first_wait: Seconds to wait after the first attempt, doubled with each further one.
        sleep: Waits so many seconds.
        jitter: Returns a number from 0 to 1, so that requests that fail together are not repeated together.
        wall_clock: Returns the seconds since 1970, for a `Retry-After` that is a date.
    """

    attempts: int = 3
    first_wait: float = 0.25
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    wall_clock: Callable[[], float] = time.time

    def pause(self, attempts_made: int, retry_after: str, deadline: Deadline) -> bool:
        """Wait for the next attempt and return true, or return false if there is none before the deadline.

        `retry_after` is the header of the last response, or empty.
        """
        if attempts_made >= self.attempts:
            return False
        backoff = self.first_wait * 2 ** (attempts_made - 1) * (0.5 + self.jitter())
        required = self._seconds(retry_after)
        # A little longer than required, so that the requests of one run do not all come at that moment.
        wait = backoff if required is None else required + backoff / 4
        if wait >= deadline.remaining():
            return False
        self.sleep(wait)
        return True

    def _seconds(self, retry_after: str) -> float | None:
        """Parse https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3: seconds, or a date."""
        text = retry_after.strip()
        if text.isascii() and text.isdigit():
            return float(text[:_MAX_DIGITS])
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self.wall_clock())
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How many seconds to connect, TLS included, and to wait for the next bytes; the deadline limits all together."""

    connect: float = 5.0
    read: float = 10.0


class Transport:
    """Sends requests and reads responses. See `Sender`.

    Args:
        limits: The time limits of one attempt.
        per_host: How many connections one host gets.
        trust: The trusted certificates, by default those of the system.
        retry: How often to send a request.
        resolve: Resolves host names.
        call_stats: Counts the requests by method and host.
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
        self._sockets = _OpenSockets()
        self._pools: dict[tuple[AddressScope, ssl.SSLContext | None], PoolManager] = {}
        self._trust = trust or Trust()
        self._call_stats = call_stats or CallStats()

    def send(self, request: Request, deadline: Deadline) -> Reply:
        """Send a request. See `Sender.send`."""
        attempts = 0
        while True:
            attempts += 1
            try:
                with self._sockets.serving(deadline):
                    reply = self._send_once(request, deadline)
            except ConnectionLostError as lost:
                if self._retry.pause(attempts, "", deadline):
                    continue
                raise HostFaultError(f"{lost.cause}{attempts_suffix(attempts)}", lost.help) from None
            retryable = reply.status in RETRYABLE_STATUSES
            if not (retryable and self._retry.pause(attempts, reply.header("Retry-After"), deadline)):
                return replace(reply, attempts=attempts)

    def cut(self, deadline: Deadline | None = None) -> None:
        """Abort the requests in progress with this very deadline, or all requests."""
        self._sockets.cut(deadline)

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            for manager in self._pools.values():
                manager.clear()

    def _send_once(self, request: Request, deadline: Deadline) -> Reply:
        url = parse_http_url(request.url)
        check_deadline(url, deadline)
        allowed = request.allowed_scope
        if allowed < AddressScope.SPECIAL and scope_of_host(url.host or "", self._resolve) > allowed:
            raise forbidden_address(url.host or "")
        try:
            with self._call_stats.attempt(f"{request.method} {url.netloc}"):
                return self._exchange(request, url, deadline)
        except HTTPError as error:
            check_deadline(url, deadline)
            raise to_source_error(url, error) from None

    def _exchange(self, request: Request, url: Url, deadline: Deadline) -> Reply:
        remaining = max(deadline.remaining(), 0.001)
        response = self._pools_for(url, request.allowed_scope).urlopen(
            request.method,
            url.url,
            body=request.body,
            headers={"User-Agent": f"image-pinner/{__version__}", "Accept-Encoding": "identity", **request.headers},
            timeout=Timeout(connect=min(self._limits.connect, remaining), read=min(self._limits.read, remaining)),
            pool_timeout=deadline.remaining(),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            return _read_reply(request, url, response, deadline)
        finally:
            # A connection whose response was read to its end is back in the pool; any other is not used again.
            response.close()
            response.release_conn()

    def _pools_for(self, url: Url, allowed_scope: AddressScope) -> PoolManager:
        with self._lock:
            context = self._trust.context(url) if url.scheme == "https" else None
            if (allowed_scope, context) not in self._pools:
                manager = PoolManager(_MAX_HOSTS, maxsize=self._per_host, block=True, ssl_context=context)
                manager.pool_classes_by_scheme = _pool_classes(allowed_scope, self._sockets)
                self._pools[allowed_scope, context] = manager
            return self._pools[allowed_scope, context]


class _OpenSockets:
    """The open sockets, each with the deadline of its request, so that they can be cut.

    A server that sends a byte now and then keeps a read alive: only shutting the socket down ends that.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: weakref.WeakKeyDictionary[socket.socket, Deadline | None] = weakref.WeakKeyDictionary()
        self._current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)

    @contextmanager
    def serving(self, deadline: Deadline) -> Iterator[None]:
        """Set the deadline of the sockets that this thread opens or uses."""
        token = self._current.set(deadline)
        try:
            yield
        finally:
            self._current.reset(token)

    def add(self, opened: socket.socket) -> None:
        """Record that a socket is in use for the current deadline."""
        with self._lock:
            self._sockets[opened] = self._current.get()

    def cut(self, deadline: Deadline | None = None) -> None:
        """End the reads and writes in progress: all, or those of a deadline."""
        with self._lock:
            opened = [one for one, served in self._sockets.items() if deadline is None or served is deadline]
        for one in opened:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _pool_classes(allowed_scope: AddressScope, opened: _OpenSockets) -> dict[str, type[HTTPConnectionPool]]:
    class PlainPool(HTTPConnectionPool):
        ConnectionCls = _guarded(HTTPConnection, allowed_scope, opened)

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = _guarded(HTTPSConnection, allowed_scope, opened)

    return {"http": PlainPool, "https": TlsPool}


def _guarded(kind: type[C], allowed_scope: AddressScope, opened: _OpenSockets) -> type[C]:
    """Return a connection class that checks the address it has reached, and registers its socket.

    The address is checked again after connecting, before a request is sent: the name may resolve to another one now.
    """

    class GuardedConnection(kind):  # type: ignore[valid-type, misc] # the same for both of urllib3's classes
        peer: AddressScope = AddressScope.GLOBAL

        def connect(self) -> None:
            super().connect()
            opened.add(self.sock)
            self.peer = scope_of_address(self.sock.getpeername()[0])
            if self.peer > allowed_scope:
                raise forbidden_address(self.host)

        def getresponse(self) -> HTTPResponse:
            # A connection from the pool may have been opened for another request.
            opened.add(self.sock)
            return cast("HTTPResponse", super().getresponse())

    return cast("type[C]", GuardedConnection)


def _read_reply(request: Request, url: Url, response: BaseHTTPResponse, deadline: Deadline) -> Reply:
    peer = getattr(response.connection, "peer", AddressScope.GLOBAL)
    success = response.status in _SUCCESS
    limit = request.limit if success else MAX_ERROR_BYTES
    body = _read(url, response, limit, deadline)
    if success and len(body) > limit:
        raise SourceError(
            f"{safe_url(url)} sent more than {limit} bytes", "check that this is a registry, and what it stores there"
        )
    if success and response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise SourceError(
            f"{safe_url(url)} sent a compressed response to a request for an uncompressed one",
            "check for a proxy that compresses responses of the registry",
        )
    if success and request.method != "HEAD" and not _has_length(response):
        # If a proxy cuts it short, it looks complete: https://www.rfc-editor.org/rfc/rfc9112#section-6.3
        raise ConnectionLostError(
            f"{safe_url(url)} sent a response without a length, which may be incomplete",
            "check for a proxy that removes Content-Length",
        )
    return Reply(safe_url(url), response.status, response.headers, body[:limit], peer)


def _has_length(response: BaseHTTPResponse) -> bool:
    return "Content-Length" in response.headers or "chunked" in response.headers.get("Transfer-Encoding", "").lower()


def _read(url: Url, response: BaseHTTPResponse, limit: int, deadline: Deadline) -> bytes:
    """Read until just beyond the limit, so that the caller sees that there is more."""
    body = bytearray()
    while len(body) <= limit:
        chunk = response.read1(_CHUNK_BYTES, decode_content=False)
        check_deadline(url, deadline)
        if not chunk:
            break
        body += chunk
    return bytes(body)


class RedirectFollower:
    """Sends requests to registries with `sender`, and follows redirects to where `hosts` and addresses allow."""

    def __init__(self, sender: Sender, hosts: RegistryHosts) -> None:
        self._sender = sender
        self._hosts = hosts

    def follow(self, request: Request, deadline: Deadline) -> tuple[Reply, bool]:
        """Return the first response that is not a redirect, and whether it is from the server of the request itself.

        Raises:
            SourceError: There is no response, or a redirect leads where it must not.
        """
        origin = Endpoint.of(parse_http_url(request.url))
        current = request
        for _ in range(MAX_REDIRECTS + 1):
            reply = self._sender.send(current, deadline)
            if reply.status not in _REDIRECTS:
                return reply, Endpoint.of(parse_http_url(current.url)) == origin
            current = self._next(current, reply, origin)
        source = safe_url(parse_http_url(request.url))
        raise SourceError(f"{source} redirects more than {MAX_REDIRECTS} times", _REDIRECT_HELP)

    def _next(self, last: Request, reply: Reply, origin: Endpoint) -> Request:
        url = parse_http_url(_joined(last.url, reply))
        refuse_user(url, "a redirect")
        before, target = Endpoint.of(parse_http_url(last.url)), Endpoint.of(url)
        trusted = target == origin or self._hosts.is_listed(target)
        if target.scheme == "http" and not (before.scheme == "http" and trusted):
            raise SourceError(f"{reply.url} redirects to {target}, over plain HTTP", _REDIRECT_HELP)
        if target == before:
            return replace(last, url=url.url)
        return replace(
            last,
            url=url.url,
            # Not even for a redirect that returns to the registry: another server chose that URL.
            headers={name: value for name, value in last.headers.items() if name.lower() != "authorization"},
            allowed_scope=AddressScope.SPECIAL if trusted else AddressScope.GLOBAL,
        )


def _joined(url: str, reply: Reply) -> str:
    location = reply.header("Location")
    if not location:
        raise SourceError(f"{reply.url} redirects without a location", _REDIRECT_HELP)
    try:
        return urljoin(url, location)
    except ValueError:
        raise SourceError(f"{reply.url} redirects to an invalid URL", _REDIRECT_HELP) from None


class HttpDownloads:
    """Downloads with `sender` what a trusted service has signed a URL for. See `Download`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def __call__(self, url: str, limit: int, deadline: Deadline) -> bytes:
        """Download the content of a URL. See `Download.__call__`."""
        # The endpoint of a service inside a VPC has a private address.
        reply = self._sender.send(Request(url, allowed_scope=AddressScope.SPECIAL, limit=limit), deadline)
        if reply.status != _OK:
            raise SourceError(
                str(reply),
                "check that this network reaches it; a function in a VPC needs an endpoint for S3 or a NAT gateway",
            )
        return reply.body
