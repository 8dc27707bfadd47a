"""Turn URLs that cannot be used and errors of urllib3 into a `SourceError` that names cause and help."""

from __future__ import annotations

import ssl
from contextlib import suppress
from functools import lru_cache

from urllib3.exceptions import (
    ConnectTimeoutError,
    EmptyPoolError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import Url, parse_url

from image_pinner.core.errors import SourceError, cut
from image_pinner.sources.http.addresses import unresolved_host
from image_pinner.sources.interface import Deadline

_MAX_URL = 300  # characters in a message: a registry with the longest repository and a digest
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
    # A query may contain a signature, which is not kept in memory.
    return _parse(url) if "?" in url else _parse_cached(url)


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


def check_deadline(url: Url, deadline: Deadline) -> None:
    """Raise `SourceError` if the deadline has passed."""
    if deadline.remaining() <= 0:
        raise SourceError(
            f"timed out before {safe_url(url)} responded",
            "retry; if it fails again, check the status of the registry or raise the timeouts of the run and of each "
            "registry",
        )


def to_source_error(url: Url, error: HTTPError) -> SourceError:
    """Translate an error of urllib3 for a request to `url`; `ConnectionLostError` if a retry may succeed."""
    host = cut(url.netloc or "", _MAX_URL)
    match error:
        case NameResolutionError():
            unresolved = unresolved_host(host)
            return HostFaultError(unresolved.cause, unresolved.help)
        case SSLError():
            return _tls_error(host, error)
        case NewConnectionError():
            reason = getattr(error.__cause__, "strerror", None) or "the connection failed"
            return ConnectionLostError(f"{host} cannot be reached: {reason}", _CHECK_NETWORK)
        case ConnectTimeoutError():
            return HostFaultError(f"{host} accepted no connection in time", _CHECK_NETWORK)
        case ReadTimeoutError():
            return HostFaultError(f"{safe_url(url)} stopped responding", _CHECK_STATUS)
        case EmptyPoolError():
            return SourceError(f"all connections to {host} were busy until the deadline", _CHECK_STATUS)
        case _:
            return ConnectionLostError(
                f"the connection to {host} broke before {safe_url(url)} responded", _CHECK_STATUS
            )


def _tls_error(host: str, error: SSLError) -> SourceError:
    reason = error.args[0] if error.args else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return HostFaultError(
            f"the certificate of {host} is not trusted: {reason.verify_message.rstrip('.')}",
            "check the host name and its certificate; configure a CA file if the certificate authority is your own",
        )
    if isinstance(reason, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return ConnectionLostError(f"{host} closed the connection during the TLS handshake", _CHECK_STATUS)
    return HostFaultError(
        f"no TLS connection to {host}: {getattr(reason, 'reason', None) or 'it was refused'}",
        "check that the port serves HTTPS; configure a registry over plain HTTP as an insecure registry",
    )
