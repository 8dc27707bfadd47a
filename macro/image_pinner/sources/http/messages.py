"""Requests, replies and the interface of what sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from urllib3 import HTTPHeaderDict

from image_pinner.core.errors import HIDDEN
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.redaction import MAX_ERROR_BYTES, describe_body, sanitize
from image_pinner.sources.interface import Deadline

RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""The statuses that the same request may not get again a moment later."""
THROTTLED = 429
"""The status of a host that limits the number of requests, whatever they are for."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request.

    Args:
        url: The URL with its query.
        headers: The headers, `Authorization` included.
        method: The method.
        body: The body, or `None`.
        allowed_scope: The closest addresses that the request may reach; by default it does not enter private networks.
        limit: How many bytes a response with status 2xx may have.
        alias: What messages call the server instead of its URL: a server that knows credentials chose that URL, so it
            may contain them. Empty if the URL may be shown.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    method: str = "GET"
    body: bytes | None = field(default=None, repr=False)
    allowed_scope: AddressScope = AddressScope.GLOBAL
    limit: int = MAX_ERROR_BYTES
    alias: str = ""

    def with_header(self, name: str, value: str) -> Request:
        """Return the same request with one more header."""
        return replace(self, headers={**self.headers, name: value})


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response.

    Args:
        url: The URL of the request without query, or its alias.
        status: The HTTP status.
        headers: The headers.
        body: The body, decoded; at most `MAX_ERROR_BYTES` of it unless the status is 2xx.
        peer: The scope of the address that responded.
        attempts: How often the request was sent.
        confidential: Whether the server may know credentials, so that no message shows any text from it.
    """

    url: str
    status: int
    headers: HTTPHeaderDict = field(repr=False)
    body: bytes = field(repr=False)
    peer: AddressScope
    attempts: int = 1
    confidential: bool = False

    def header(self, name: str) -> str:
        """Return a header without surrounding white space, or empty."""
        return self.headers.get(name, "").strip()

    def quote(self, text: str) -> str:
        """Return a text from this response as a message may show it."""
        return HIDDEN if self.confidential else repr(sanitize(text))

    def describe(self) -> str:
        """Return the errors or the text in the body as a message may show it; empty if it is neither."""
        text = describe_body(self.body, self.header("Content-Type"), only_codes=self.confidential)
        return repr(text) if text else ""

    def __str__(self) -> str:
        return f"{self.url} returned {self.status}{attempts_suffix(self.attempts)}"


class Sender(Protocol):
    """Sends requests, without credentials of its own and without following redirects."""

    def send(self, request: Request, deadline: Deadline) -> Reply:
        """Send a request, and retry if the connection is lost or the status is a retryable one.

        Raises:
            SourceError: There is no response before the deadline and within the limits.
        """
        ...


def attempts_suffix(attempts: int) -> str:
    """Return the number of attempts as the end of a clause, empty for a single one."""
    return f" ({attempts} attempts)" if attempts > 1 else ""
