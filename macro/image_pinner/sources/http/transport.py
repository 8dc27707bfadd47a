"""Requests over HTTP: bounded in time, in size and in number, and never to an address that is nearer than allowed."""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass, replace

import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError
from urllib3.util import Url

from image_pinner import __version__
from image_pinner.core.errors import SourceError
from image_pinner.sources.call_tally import CallTally
from image_pinner.sources.http.addresses import AddressScope, Resolve, addresses_of, scope_of_host, too_near
from image_pinner.sources.http.connections import OpenSockets, pools
from image_pinner.sources.http.faults import ConnectionLostError, HostFaultError, bare, check_time, fault_of, parsed
from image_pinner.sources.http.messages import MAX_ERROR_BYTES, Reply, Request, told
from image_pinner.sources.http.retries import PASSING_STATUSES, RetryPolicy
from image_pinner.sources.http.trust import Trust
from image_pinner.sources.interface import Deadline

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
        tally: Counts the requests, by method and host.
    """

    def __init__(
        self,
        limits: TimeLimits | None = None,
        *,
        per_host: int = PER_HOST,
        trust: Trust | None = None,
        retry: RetryPolicy | None = None,
        resolve: Resolve = addresses_of,
        tally: CallTally | None = None,
    ) -> None:
        self._limits = limits or TimeLimits()
        self._per_host = per_host
        self._retry = retry or RetryPolicy()
        self._resolve = resolve
        self._lock = threading.Lock()
        self._opened = OpenSockets()
        self._pools: dict[tuple[AddressScope, ssl.SSLContext | None], urllib3.PoolManager] = {}
        self._trust = trust or Trust()
        self._tally = tally or CallTally()

    def send(self, request: Request, deadline: Deadline) -> Reply:
        """Send a request. See `Sender.send`."""
        tries = 0
        while True:
            tries += 1
            try:
                with self._opened.serving(deadline):
                    reply = self._send_once(request, deadline)
            except ConnectionLostError as lost:
                if self._retry.pause(tries, "", deadline):
                    continue
                raise HostFaultError(f"{lost.cause}{told(tries)}", lost.remedy) from None
            passing = reply.status in PASSING_STATUSES
            if not (passing and self._retry.pause(tries, reply.header("Retry-After"), deadline)):
                return replace(reply, tries=tries)

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
        self._refuse_what_is_too_near(url, request.nearest)
        try:
            with self._tally.trying(f"{request.method} {url.netloc}"):
                return self._asked(request, url, deadline)
        except HTTPError as error:
            check_time(url, deadline)
            raise fault_of(url, error) from None

    def _asked(self, request: Request, url: Url, deadline: Deadline) -> Reply:
        response = self._pools_for(url, request.nearest).urlopen(
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

    def _refuse_what_is_too_near(self, url: Url, nearest: AddressScope) -> None:
        host = url.host or ""
        if nearest < AddressScope.SPECIAL and scope_of_host(host, self._resolve) > nearest:
            raise too_near(host)

    def _timeout(self, deadline: Deadline) -> urllib3.Timeout:
        left = max(deadline.remaining(), 0.001)
        return urllib3.Timeout(connect=min(self._limits.connect, left), read=min(self._limits.read, left))

    def _pools_for(self, url: Url, nearest: AddressScope) -> urllib3.PoolManager:
        with self._lock:
            context = self._trust.context(url) if url.scheme == "https" else None
            if (nearest, context) not in self._pools:
                self._pools[nearest, context] = pools(nearest, self._opened, self._per_host, context)
            return self._pools[nearest, context]


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
