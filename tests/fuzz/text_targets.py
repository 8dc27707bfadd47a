"""Fuzz the parsers of strings: references, challenges, host names, and error bodies of registries."""

from __future__ import annotations

import re

from image_pinner.core.errors import ImagePinnerError, InvalidReferenceError, SourceError
from image_pinner.core.images.ecr import explain_invalid_ecr_host, parse_ecr_host
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.sources.http.addresses import AddressScope, scope_of_host
from image_pinner.sources.http.endpoints import Endpoint, RegistryHosts
from image_pinner.sources.http.errors import parse_http_url, safe_url
from image_pinner.sources.http.redaction import describe_body, errors_in, sanitize
from image_pinner.sources.http.transport import RetryPolicy
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.auth import parse_challenges
from support.untrusted_input import expect_message, readable

MAX_SHOWN = 241
_DIGEST = Digest.of(b"")
_ADDRESS = re.compile(r"[0-9a-fA-F.:\[\]]+(?:%.*)?", re.DOTALL)
_CONTENT_TYPES = ("application/json", "text/plain; charset=utf-8", "text/html")


def references(data: bytes) -> None:
    """Parse a reference: it prints as written, its full form is equal, and an error has a position."""
    text = data.decode("utf-8", "surrogateescape")
    read = readable(ImageReference.parse, text)
    if isinstance(read, ImagePinnerError):
        assert isinstance(read, InvalidReferenceError)
        assert 0 <= read.position <= len(text)
        return
    assert str(read) == text
    assert text.isascii()
    # The implied `library/` is part of the full form.
    assert ImageReference.parse(str(read.canonical())) == read
    pinned = ImageReference.parse(read.pinned(_DIGEST))
    assert (pinned.registry, pinned.repository, pinned.digest) == (read.registry, read.repository, _DIGEST)


def challenges(data: bytes) -> None:
    """Parse the challenges of a response, one header per line."""
    read = readable(parse_challenges, data.decode("latin-1").split("\n"))
    if isinstance(read, ImagePinnerError):
        assert isinstance(read, SourceError)
        return
    for challenge in read:
        assert challenge.scheme
        assert challenge.scheme == challenge.scheme.lower()
        assert all(name and name == name.lower() for name in challenge.parameters)


def names(data: bytes) -> None:
    """Parse the same short string as host, URL, platform and `Retry-After`."""
    text = data.decode("utf-8", "surrogateescape")
    _platform(text)
    _ecr_host(text)
    _host(text)
    waits: list[float] = []
    policy = RetryPolicy(sleep=waits.append, jitter=lambda: 0.5, wall_clock=lambda: 1e9)
    assert policy.pause(1, text, Deadline(100.0, lambda: 0.0)) == bool(waits)
    assert all(0 <= wait < 100.0 for wait in waits)


def _platform(text: str) -> None:
    read = readable(Platform.parse, text[:300])
    if isinstance(read, Platform):
        expect_message(str(read))
        assert read.accepts(read)


def _ecr_host(text: str) -> None:
    registry, reason = parse_ecr_host(text), explain_invalid_ecr_host(text)
    assert registry is None or reason is None
    if registry:
        assert len(registry.account_id) == 12
        assert registry.account_id.isdecimal()
    if reason:
        expect_message(reason, 200 + 30 * len(text))


def _host(text: str) -> None:
    endpoint = readable(RegistryHosts().endpoint, text)
    if isinstance(endpoint, Endpoint):
        assert endpoint.scheme == "https"
        readable(RegistryHosts, [text])
    url = readable(parse_http_url, text)
    if not isinstance(url, ImagePinnerError):
        assert url.scheme in {"http", "https"}
        assert "?" not in safe_url(url)
        expect_message(safe_url(url), 100 + 9 * len(text))
    # A name has the narrowest scope of its addresses; only a literal address can have another.
    scope = scope_of_host(text, lambda _: ("10.0.0.1", "8.8.8.8"))
    assert scope is not AddressScope.GLOBAL or _ADDRESS.fullmatch(text)


def diagnostics(data: bytes) -> None:
    """Describe the body of an error response."""
    assert len(errors_in(data)) <= 3
    for content_type in _CONTENT_TYPES:
        expect_message(describe_body(data, content_type), MAX_SHOWN)
        codes = describe_body(data, content_type, only_codes=True)
        assert all(code.isupper() for code in codes.split("; ") if code)
    expect_message(sanitize(data.decode("latin-1")), MAX_SHOWN)
