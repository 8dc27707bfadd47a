"""Requests and what comes back, and what sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from urllib3 import HTTPHeaderDict

from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.interface import Deadline

MAX_ERROR_BYTES = 64 * 1024
"""How much is read of an answer that is only to be shown."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of whom.

    Args:
        url: The URL, with its query.
        headers: The headers; `Authorization` may be among them.
        method: The method.
        body: What is sent, or `None`.
        allowed_scope: The nearest address that may be asked.
        limit: How many bytes a good answer may have.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    method: str = "GET"
    body: bytes | None = field(default=None, repr=False)
    allowed_scope: AddressScope = AddressScope.SPECIAL
    limit: int = MAX_ERROR_BYTES

    def with_header(self, name: str, value: str) -> Request:
        """Give the same request with one header more."""
        return replace(self, headers={**self.headers, name: value})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Args:
        url: The URL that was asked, without query.
        status: The HTTP status.
        headers: The headers.
        body: The body as it was sent; at most `MAX_ERROR_BYTES` of it where the status is not 2xx.
        peer: How near the address is that answered.
        attempts: How often it was asked.
    """

    url: str
    status: int
    headers: HTTPHeaderDict = field(repr=False)
    body: bytes = field(repr=False)
    peer: AddressScope
    attempts: int = 1

    def header(self, name: str) -> str:
        """Give a header without white space around it, or empty."""
        return self.headers.get(name, "").strip()


class Sender(Protocol):
    """Sends requests. It follows no redirect and knows no credential."""

    def send(self, request: Request, deadline: Deadline) -> Reply:
        """Send a request, again where the connection is lost or the answer says that it is for the moment only.

        Args:
            request: The request.
            deadline: When to give up.

        Returns:
            The answer, whatever its status.

        Raises:
            SourceError: There is none, or none that can be read within the limits.
        """
        ...


def told(attempts: int) -> str:
    """Give the number of tries as the end of a clause, empty where there was one."""
    return f" (tried {attempts} times)" if attempts > 1 else ""
