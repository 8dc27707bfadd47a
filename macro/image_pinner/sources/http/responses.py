"""Read the responses of untrusted servers: limited headers, limited bodies, decoded if they are compressed."""

from __future__ import annotations

import zlib
from http.client import HTTPResponse as HttpClientResponse
from typing import Any

from urllib3 import BaseHTTPResponse

from image_pinner.core.errors import SourceError
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.errors import ConnectionLostError, Target, check_deadline
from image_pinner.sources.http.memory import LARGE_BODIES, LARGE_BYTES
from image_pinner.sources.http.messages import Reply, Request
from image_pinner.sources.http.redaction import MAX_ERROR_BYTES
from image_pinner.sources.interface import Deadline

MAX_HEAD_BYTES = 64 * 1024
"""How many bytes the status line and all headers of a response have together."""
_CHUNK_BYTES = 64 * 1024
_SUCCESS = range(200, 300)
_PLAIN = frozenset({"", "identity"})
_GZIP = frozenset({"gzip", "x-gzip"})
_MAX_ENCODINGS = 2  # some proxies repeat the header
# https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1. No JSON starts with these bytes.
_GZIP_START = b"\x1f\x8b"
_GZIP_FORMAT = 16 + zlib.MAX_WBITS  # https://docs.python.org/3/library/zlib.html#zlib.decompress


class LongHeadError(Exception):
    """A server sent more than `MAX_HEAD_BYTES` before the body."""


class LimitedHeadResponse(HttpClientResponse):
    """Reads status line and headers, interim responses included, up to `MAX_HEAD_BYTES`.

    `http.client` limits the length of a line and the number of lines, which is 6 MB together.
    """

    def begin(self) -> None:
        """Read the head. See `http.client.HTTPResponse`."""
        wire = self.fp
        self.fp = _HeadReader(wire)  # type: ignore[assignment]
        try:
            super().begin()
        finally:
            if self.fp is not None:
                self.fp = wire
        # The lines that cannot be parsed. urllib3 would log them, together with the URL and its signature.
        self.msg.defects.clear()
        self.msg.set_payload("")


class _HeadReader:
    def __init__(self, wire: Any) -> None:
        self._wire = wire
        self._left = MAX_HEAD_BYTES

    def readline(self, limit: int) -> bytes:
        line: bytes = self._wire.readline(min(limit, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise LongHeadError
        return line

    def close(self) -> None:
        self._wire.close()


def read_reply(request: Request, target: Target, response: BaseHTTPResponse, deadline: Deadline) -> Reply:
    """Read a response, and decode it if a proxy has compressed it although the request does not allow that.

    Raises:
        SourceError: It exceeds the limit of the request, is encoded in an unknown way or may be incomplete.
    """
    peer = getattr(response.connection, "peer", AddressScope.GLOBAL)
    success = response.status in _SUCCESS
    limit = request.limit if success else MAX_ERROR_BYTES
    with LARGE_BODIES.in_use():
        body = _read(target, response, limit, deadline)
        complete = len(body) <= limit
        decoded = _decode(body, response, limit, deadline) if complete else body
        if not success:
            return Reply(target.resource, response.status, response.headers, (decoded or b"")[:limit], peer)
        if decoded is None:
            raise SourceError(
                f"{target.resource} sent a response with an invalid or unsupported Content-Encoding",
                "check for a proxy that compresses responses of the registry",
            )
        if len(decoded) > limit:
            raise SourceError(
                f"{target.resource} sent more than {limit} bytes",
                "check that this is a registry, and what it stores there",
            )
    if request.method != "HEAD" and not _has_length(response):
        # If a proxy cuts it short, it looks complete: https://www.rfc-editor.org/rfc/rfc9112#section-6.3
        raise ConnectionLostError(
            f"{target.resource} sent a response without a length, which may be incomplete",
            "check for a proxy that removes Content-Length",
        )
    return Reply(target.resource, response.status, response.headers, decoded, peer)


def _has_length(response: BaseHTTPResponse) -> bool:
    return "Content-Length" in response.headers or "chunked" in response.headers.get("Transfer-Encoding", "").lower()


def _read(target: Target, response: BaseHTTPResponse, limit: int, deadline: Deadline) -> bytes:
    """Read until just beyond the limit, so that the caller sees that there is more."""
    body = bytearray()
    while len(body) <= limit:
        if len(body) > LARGE_BYTES:
            deadline = LARGE_BODIES.admit(deadline)
        chunk = response.read1(_CHUNK_BYTES, decode_content=False)
        check_deadline(target, deadline)
        if not chunk:
            break
        body += chunk
    return bytes(body)


def _decode(body: bytes, response: BaseHTTPResponse, limit: int, deadline: Deadline) -> bytes | None:
    """Return a body without its encodings, or more than `limit` bytes of it, or `None` if that is not possible.

    What starts like JSON is not encoded, with any header: S3 can return `aws-chunked`, and a proxy that
    decompresses may keep or repeat the header.
    """
    names = response.headers.get("Content-Encoding", "").lower().split(",")
    encodings = [name.strip() for name in names if name.strip() not in _PLAIN]
    for _ in encodings[:_MAX_ENCODINGS]:
        if body.startswith(_GZIP_START) and len(body) <= limit and _GZIP.issuperset(encodings):
            LARGE_BODIES.admit(deadline)
            decoded = _gunzip(body, limit)
            if decoded is None:
                return None
            body = decoded
    return body if not encodings or not body.strip() or body.lstrip().startswith(b"{") else None


def _gunzip(body: bytes, limit: int) -> bytes | None:
    """Decompress until just beyond the limit; return `None` if it is truncated or invalid."""
    stream = zlib.decompressobj(_GZIP_FORMAT)
    try:
        decoded = stream.decompress(body, limit + 1)
    except zlib.error:
        return None
    return decoded if len(decoded) > limit or (stream.eof and not stream.unused_data) else None
