"""The allowed outcomes of untrusted input: a value, a correct resolution, or an error with a readable message."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from image_pinner.core.errors import ImagePinnerError
from image_pinner.core.images.lookups import (
    INDEX_MEDIA_TYPES,
    ImageLookup,
    NotFound,
    Origin,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.manifests import IndexEntry
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import ImageReference
from image_pinner.core.images.selection import NeedsConfig

P = ParamSpec("P")
T = TypeVar("T")

ORIGIN = Origin("registry", "https://registry.example/v2/app/manifests/1")
LONGEST_ANSWER = 1500
_IMAGE = ImageReference.parse("registry.example/app:1")
_PLATFORMS = (
    None,
    Platform("linux", "amd64"),
    Platform("linux", "arm64", "v8"),
    Platform("linux", "arm"),
    Platform("windows", "amd64", os_version="10.0.20348"),
)
LOOKUPS = tuple(ImageLookup(_IMAGE, platform, allowed) for platform in _PLATFORMS for allowed in (True, False))
_CONFIG_PATH = "docker/config.json"
LONGEST_MESSAGE = 2_000
"""Characters of a cause and its help. The longest contain a URL, in which a byte may be encoded as `%C3%BF`."""


def outcome(parse: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T | ImagePinnerError:
    """Return the value or the `ImagePinnerError`. Any other exception is a bug and propagates."""
    try:
        return parse(*arguments, **named)
    except ImagePinnerError as error:
        return error


def readable(parse: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T | ImagePinnerError:
    """Return the same, and check that the message of an error is readable."""
    read = outcome(parse, *arguments, **named)
    if isinstance(read, ImagePinnerError):
        expect_message(read.diagnostics())
    return read


def expect_message(text: str, longest: int = LONGEST_MESSAGE) -> None:
    assert text.isprintable(), f"a message with control characters: {text!r}"
    assert len(text) <= longest, f"a message of {len(text)} characters: {text[:200]!r}…"


def expect_answer(lookup: ImageLookup, found: Resolved, entries: tuple[IndexEntry, ...], answer: Any) -> None:
    """Check that a resolution has the digest of the bytes or of an entry, or is a failure with a reason."""
    match answer:
        case NeedsConfig():
            assert lookup.platform is not None
            assert found.media_type not in INDEX_MEDIA_TYPES
            assert answer.resolved == found
        case Resolved() if answer.digest == found.digest:
            assert lookup.index_allowed or answer.media_type not in INDEX_MEDIA_TYPES
            assert lookup.platform is None or answer.platforms
        case Resolved():
            assert not lookup.index_allowed
            assert answer.origin.index == found.digest
            chosen = [entry for entry in entries if entry.digest == answer.digest and entry.runnable]
            assert any((entry.platform,) == (answer.platforms or (None,)) for entry in chosen)
            assert answer.media_type not in INDEX_MEDIA_TYPES
        case NotFound() | Unsuitable() | Unavailable():
            assert not getattr(answer, "absent", False)
            expect_message(answer.cause, LONGEST_ANSWER)
            expect_message(answer.help, LONGEST_ANSWER)
        case _:
            raise AssertionError(f"not a resolution: {answer!r}")


@dataclass(frozen=True)
class HeldFile:
    """A file in memory, which is faster for thousands of reads a second."""

    content: bytes

    def open(self, mode: str) -> io.BytesIO:
        assert mode == "rb"
        return io.BytesIO(self.content)

    def __str__(self) -> str:
        return _CONFIG_PATH
