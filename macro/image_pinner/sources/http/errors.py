"""What can go wrong on the way to a server and back, in words for a person."""

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
from image_pinner.sources.http.addresses import unresolved
from image_pinner.sources.interface import Deadline

_SHOWN = 300  # characters of a URL: a registry with the longest repository and a digest
_LOOK_AT_THE_WAY = "Check the host's name and port, and that this network lets us reach it"
_LOOK_AT_THE_HOST = "Try again, and look at the registry's state if it goes on"


class HostFaultError(SourceError):
    """The host, not the question, is what is wrong: every other question to it would end like this one."""


class ConnectionLostError(HostFaultError):
    """The connection broke, or none came about: the next try may do better."""


def parsed(url: str) -> Url:
    """Take a URL apart, by the same rules by which it will be asked.

    Raises:
        SourceError: It names no host by http or https.
    """
    # One with a query may hold a signature, which is not kept.
    return _parsed(url) if "?" in url else _parsed_once(url)


@lru_cache(maxsize=1024)  # each URL is looked at half a dozen times on its way
def _parsed_once(url: str) -> Url:
    return _parsed(url)


def _parsed(url: str) -> Url:
    found: Url | None = None
    with suppress(LocationValueError, ValueError):
        found = parse_url(url)
    if found is None or not found.host or found.scheme not in {"http", "https"}:
        raise SourceError("a URL came up that names no host by http or https", "Check the registry's host name")
    return found


def bare(url: Url) -> str:
    """Give a URL as a message may show it: without query, which may hold a signature, and without a user."""
    return cut(f"{url.scheme}://{url.netloc}{url.path or '/'}", _SHOWN)


def check_time(url: Url, deadline: Deadline) -> None:
    """Go on only while there is time.

    Raises:
        SourceError: The deadline is over.
    """
    if deadline.remaining() <= 0:
        raise SourceError(
            f"the time was up before {bare(url)} had answered",
            "Try again; if it goes on, look at the registry's state, or give the run and each registry more time",
        )


def fault_of(url: Url, error: HTTPError) -> SourceError:
    """Give the error that a person reads for what urllib3 raised.

    Args:
        url: The URL that was asked.
        error: What was raised.

    Returns:
        The error; a `ConnectionLostError` where another try may do better.
    """
    host = cut(url.netloc or "", _SHOWN)
    if isinstance(error, NameResolutionError):
        return HostFaultError(*_told(unresolved(host)))
    if isinstance(error, SSLError):
        return _untrusted(host, error)
    if isinstance(error, NewConnectionError):
        reason = getattr(error.__cause__, "strerror", None) or "the connection failed"
        return ConnectionLostError(f"{host} cannot be reached: {reason}", _LOOK_AT_THE_WAY)
    if isinstance(error, ConnectTimeoutError):
        return HostFaultError(f"{host} took no connection in time", _LOOK_AT_THE_WAY)
    if isinstance(error, ReadTimeoutError):
        return HostFaultError(f"{bare(url)} stopped answering, nothing came in time", _LOOK_AT_THE_HOST)
    if isinstance(error, EmptyPoolError):
        return SourceError(f"{host} kept all its connections busy until the time was up", _LOOK_AT_THE_HOST)
    return ConnectionLostError(f"the connection to {host} broke before {bare(url)} had answered", _LOOK_AT_THE_HOST)


def _told(error: SourceError) -> tuple[str, str]:
    return error.cause, error.help


def _untrusted(host: str, error: SSLError) -> SourceError:
    reason = error.args[0] if error.args else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return HostFaultError(
            f"the certificate of {host} is not trusted: {reason.verify_message.rstrip('.')}",
            "Check the host's name and its certificate; name the file with its authority's certificate "
            "if that is your own",
        )
    if isinstance(reason, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return ConnectionLostError(f"{host} closed the connection while it was being secured", _LOOK_AT_THE_HOST)
    text = getattr(reason, "reason", None) or "it was refused"
    return HostFaultError(
        f"no secure connection with {host}: {text}",
        "Check that the port speaks https; a registry by plain http has to be named as insecure by the operator",
    )
