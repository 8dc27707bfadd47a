"""Turn URLs that cannot be used and errors of urllib3 into a `SourceError` that names cause and help."""

from __future__ import annotations

import ssl
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from urllib3.exceptions import (
    ConnectTimeoutError,
    EmptyPoolError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import Url, parse_url

from image_pinner.core.advice import Advice
from image_pinner.core.errors import SourceError, cut
from image_pinner.sources.http.addresses import unresolved_host
from image_pinner.sources.interface import Deadline

_MAX_URL = 300  # characters in a message: a registry with the longest repository and a digest
_PROXY_UNAUTHORIZED, _SERVER_ERRORS = 407, 500
_CHECK_NETWORK = "check the host name, the port and that this network reaches them"
_CHECK_STATUS = "retry; if it fails again, check the status of the registry"


class HostFaultError(SourceError):
    """The host is at fault: every other request to it would fail the same way."""


class ConnectionLostError(HostFaultError):
    """The connection broke or could not be opened: the next attempt may succeed."""


def parse_http_url(url: str) -> Url:
    """Parse a URL with the parser of the client that sends the request, so that both see the same host.

    Raises:
        SourceError: It has no host, or a scheme other than HTTP and HTTPS.
    """
    # A query may contain a signature, which is not kept in memory; nor are the long URLs that a registry can send.
    return _parse(url) if "?" in url or len(url) > _MAX_URL else _parse_cached(url)


def _parse(url: str) -> Url:
    found: Url | None = None
    with suppress(LocationValueError, ValueError):
        found = parse_url(url)
    if found is None or not found.host or found.scheme not in {"http", "https"}:
        raise SourceError("not a valid HTTP or HTTPS URL", "check the host name of the registry")
    return found


_parse_cached = lru_cache(maxsize=1024)(_parse)  # each URL is parsed several times per request


def safe_url(url: Url) -> str:
    """Return a URL as a message may print it: without user and without query, which may contain a signature."""
    return cut(f"{url.scheme}://{url.netloc}{url.path or '/'}", _MAX_URL)


class Target(NamedTuple):
    """What a request is sent to.

    Args:
        url: The URL.
        alias: What messages call it instead, because its URL may contain a secret; or empty.
        proxy: The variable that configures the proxy for it, or empty.
    """

    url: Url
    alias: str = ""
    proxy: str = ""

    @property
    def server(self) -> str:
        """Name the server in a message."""
        return self.alias or cut(self.url.netloc or "", _MAX_URL)

    @property
    def host(self) -> str:
        """Name the host without its port in a message."""
        return self.alias or self.url.host or ""

    @property
    def resource(self) -> str:
        """Name what is requested in a message."""
        return self.alias or safe_url(self.url)


def check_deadline(target: Target, deadline: Deadline) -> None:
    """Raise `SourceError` if the deadline has passed."""
    if deadline.remaining() <= 0:
        raise SourceError(
            f"timed out before {target.resource} responded",
            f"{_CHECK_STATUS} or {Advice.TIMEOUT} and IMAGE_PINNER_HOST_TIMEOUT",
        )


def to_source_error(target: Target, error: HTTPError) -> SourceError:
    """Translate an error of urllib3 for a request; `ConnectionLostError` if a retry may succeed."""
    server = target.server
    match error:
        case ProxyError():
            return _proxy_fault(target, error.original_error)
        case NameResolutionError():
            unresolved = unresolved_host(server)
            return HostFaultError(unresolved.cause, unresolved.help)
        case SSLError():
            return _tls_error(target, error)
        case NewConnectionError():
            reason = getattr(error.__cause__, "strerror", None) or "the connection failed"
            return ConnectionLostError(f"{server} cannot be reached: {reason}", _CHECK_NETWORK)
        case ConnectTimeoutError():
            return HostFaultError(f"{server} accepted no connection in time", _CHECK_NETWORK)
        case ReadTimeoutError():
            return HostFaultError(f"{target.resource} stopped responding", _CHECK_STATUS)
        case EmptyPoolError():
            return SourceError(f"all connections to {server} were busy until the deadline", _CHECK_STATUS)
        case _:
            return ConnectionLostError(
                f"the connection to {server} broke before {target.resource} responded", _CHECK_STATUS
            )


def _proxy_fault(target: Target, error: Exception) -> SourceError:
    # Without its host: see `Proxy`.
    proxy, help = f"the proxy in {target.proxy}", f"check {target.proxy} and NO_PROXY, and that the proxy runs"
    match error:
        case NameResolutionError():
            return HostFaultError(f"the host name of {proxy} cannot be resolved", help)
        case SSLError():
            return HostFaultError(f"no TLS connection to {proxy}", f"{help} with a trusted certificate")
        case NewConnectionError():
            reason = getattr(error.__cause__, "strerror", None) or "the connection failed"
            return ConnectionLostError(f"{proxy} cannot be reached: {reason}", help)
        case ConnectTimeoutError():
            return HostFaultError(f"{proxy} accepted no connection in time", help)
        case _:
            return ConnectionLostError(f"the connection to {proxy} broke", help)


def explain_proxy_response(target: Target, status: int | None, *, timed_out: bool = False) -> SourceError:
    """Return the error for a proxy that does not forward a request; `ConnectionLostError` if a retry may succeed.

    Args:
        target: What the request was for.
        status: The status of the proxy's response; `None` if it sent no valid one.
        timed_out: Whether it sent nothing in time.
    """
    proxy, variable = f"the proxy in {target.proxy}", target.proxy
    if status == _PROXY_UNAUTHORIZED:
        return HostFaultError(
            f"{proxy} requires valid credentials (status 407)",
            f"set {variable} to http://user:password@host:port with current credentials; only Basic is supported",
        )
    if timed_out:
        return HostFaultError(f"{proxy} did not respond in time", f"check {variable} and NO_PROXY, and the proxy")
    if status is None:
        return ConnectionLostError(f"{proxy} sent no valid response", f"check that {variable} is an HTTP proxy")
    cause = f"{proxy} opened no connection to {target.server} (status {status})"
    if status >= _SERVER_ERRORS:
        return ConnectionLostError(cause, _CHECK_NETWORK)
    return HostFaultError(cause, "allow the host and port in the proxy, or add the host to NO_PROXY")


def _tls_error(target: Target, error: SSLError) -> SourceError:
    reason = error.args[0] if error.args else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        # The reason may contain the host.
        why = "" if target.alias else f": {reason.verify_message.rstrip('.')}"
        return HostFaultError(
            f"the certificate of {target.server} is not trusted{why}",
            "check the host name and its certificate; if the certificate authority is your own, set its CA file in "
            "IMAGE_PINNER_CA_BUNDLES",
        )
    if isinstance(reason, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return ConnectionLostError(f"{target.server} closed the connection during the TLS handshake", _CHECK_STATUS)
    help = "check that the port serves HTTPS"
    if not target.alias:
        help += f"; if it uses plain HTTP, {Advice.INSECURE_REGISTRY.format(target.server)}"
    return HostFaultError(
        f"no TLS connection to {target.server}: {getattr(reason, 'reason', None) or 'it was refused'}",
        help,
    )
