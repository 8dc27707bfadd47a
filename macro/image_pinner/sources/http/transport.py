"""Send HTTP requests, limited in time, size, number and addresses, and retry."""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

from urllib3 import PoolManager, ProxyManager, Timeout
from urllib3.exceptions import HTTPError
from urllib3.util import Url

from image_pinner import __version__
from image_pinner.core.advice import Advice
from image_pinner.core.errors import SourceError
from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.http.addresses import (
    AddressScope,
    Resolve,
    addresses_of,
    forbidden_address,
    scope_of_host,
    unresolved_host,
)
from image_pinner.sources.http.connections import ForbiddenPeerError, OpenSockets, ProxyResponseError, pool_classes
from image_pinner.sources.http.errors import (
    ConnectionLostError,
    HostFaultError,
    Target,
    check_deadline,
    explain_proxy_response,
    parse_http_url,
    to_source_error,
)
from image_pinner.sources.http.messages import RETRYABLE_STATUSES, Reply, Request, Sender, attempts_suffix
from image_pinner.sources.http.proxies import Proxies, Proxy
from image_pinner.sources.http.responses import MAX_HEAD_BYTES, LongHeadError, read_reply
from image_pinner.sources.http.tls import Trust
from image_pinner.sources.interface import Deadline

PER_HOST = 20
"""How many connections one host gets."""
# More hosts than one template names: beyond this number urllib3 drops a pool, and with it the limit per host.
_MAX_HOSTS = 1024
_MAX_DIGITS = 9  # of a Retry-After; no real delay is longer
_MAX_DATE = 64  # characters of a Retry-After; a date has 29
_OK, _PROXY_UNAUTHORIZED = 200, 407


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
        text = retry_after.strip()[:_MAX_DATE]
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
        proxies: The proxies to send requests through, by default none.
        call_stats: Counts the requests by method and host.
    """

    def __init__(  # noqa: PLR0913 - each has a default
        self,
        limits: TimeLimits | None = None,
        *,
        per_host: int = PER_HOST,
        trust: Trust | None = None,
        retry: RetryPolicy | None = None,
        resolve: Resolve = addresses_of,
        call_stats: CallStats | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        self._proxies = proxies or Proxies()
        self._limits = limits or TimeLimits()
        self._per_host = per_host
        self._retry = retry or RetryPolicy()
        self._resolve = resolve
        self._lock = threading.Lock()
        self._sockets = OpenSockets()
        self._pools: dict[tuple[AddressScope, ssl.SSLContext | None, Proxy | None], PoolManager] = {}
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
        proxy = self._proxies.for_url(url)
        target = Target(url, request.alias, proxy.variable if proxy else "")
        check_deadline(target, deadline)
        self._check_scope(target, request.allowed_scope)
        check_deadline(target, deadline)  # resolving a name takes a while, and cannot be aborted
        try:
            with self._call_stats.attempt(f"{request.method} {request.alias or target.url.netloc}"):
                return self._exchange(request, target, proxy, deadline)
        except ForbiddenPeerError:
            raise forbidden_address(target.host) from None
        except ProxyResponseError as refusal:
            check_deadline(target, deadline)
            raise explain_proxy_response(target, refusal.status, timed_out=refusal.timed_out) from None
        except LongHeadError:
            raise HostFaultError(
                f"{target.resource} sent more than {MAX_HEAD_BYTES} bytes of headers", "check that this is a registry"
            ) from None
        except HTTPError as error:
            check_deadline(target, deadline)
            raise to_source_error(target, error) from None

    def _check_scope(self, target: Target, allowed: AddressScope) -> None:
        if allowed == AddressScope.SPECIAL:
            return
        try:
            scope = scope_of_host(target.url.host or "", None if target.proxy else self._resolve)
        except SourceError:
            raise unresolved_host(target.host) from None
        if scope > allowed:
            raise forbidden_address(target.host)

    def _exchange(self, request: Request, target: Target, proxy: Proxy | None, deadline: Deadline) -> Reply:
        url = target.url
        remaining = max(deadline.remaining(), 0.001)
        response = self._pools_for(url, request.allowed_scope, proxy).urlopen(
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
            if proxy and url.scheme == "http" and response.status == _PROXY_UNAUTHORIZED:
                raise ProxyResponseError(response.status)
            reply = read_reply(request, target, response, deadline)
            # A proxy reads and writes plain HTTP, and knows its own credentials.
            return replace(reply, confidential=bool(proxy and proxy.headers and url.scheme == "http"))
        finally:
            # A connection whose response was read to its end is back in the pool; any other is not used again.
            response.close()
            response.release_conn()

    def _pools_for(self, url: Url, allowed_scope: AddressScope, proxy: Proxy | None) -> PoolManager:
        with self._lock:
            context = self._trust.context(url) if url.scheme == "https" else None
            key = (allowed_scope, context, proxy)
            if key not in self._pools:
                manager = self._make_pools(context, proxy)
                manager.pool_classes_by_scheme = pool_classes(allowed_scope, self._sockets)
                self._pools[key] = manager
            return self._pools[key]

    def _make_pools(self, context: ssl.SSLContext | None, proxy: Proxy | None) -> PoolManager:
        if proxy is None:
            return PoolManager(_MAX_HOSTS, maxsize=self._per_host, block=True, ssl_context=context)
        of_proxy = self._trust.context(proxy.url) if proxy.url.scheme == "https" else None
        return ProxyManager(
            proxy.url.url,
            _MAX_HOSTS,
            proxy_headers=proxy.headers,
            proxy_ssl_context=of_proxy,
            maxsize=self._per_host,
            block=True,
            ssl_context=context or of_proxy,
        )


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
                Advice.S3_NETWORK,
            )
        return reply.body
