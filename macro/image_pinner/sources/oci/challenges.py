"""`WWW-Authenticate`: how a server says what it wants to see before it answers.

https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from image_pinner.core.errors import SourceError

# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 and the two sections behind it
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PARAMETER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?=[^=, \t])")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))")
_BETWEEN = re.compile(r"[ \t,]*")
_SPACES = re.compile(r"[ \t]*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate that a server offers.

    Args:
        scheme: The scheme in lower case: `bearer`, `basic`.
        parameters: The parameters, their names in lower case.
    """

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Read the challenges of an answer.

    Args:
        headers: The values of its `WWW-Authenticate` headers; one may hold several challenges.

    Returns:
        The challenges in their order.

    Raises:
        SourceError: A header breaks the grammar, or says one thing twice.
    """
    return tuple(challenge for header in headers for challenge in _Reader(header).challenges())


class _Reader:
    """Reads one header from its left to its right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = _end(_BETWEEN.match(text))

    def challenges(self) -> list[Challenge]:
        """Read all that is there."""
        found: list[Challenge] = []
        while self._at < len(self._text):
            scheme = self._take(_TOKEN)
            if scheme is None:
                raise _unreadable("a scheme is missing", self._at)
            found.append(Challenge(scheme[0].lower(), self._parameters()))
        return found

    def _parameters(self) -> dict[str, str]:
        start = self._at
        self._take(_SPACES)
        if self._at > start and self._take(_TOKEN68):
            self._take(_BETWEEN)
            return {}
        found: dict[str, str] = {}
        self._take(_BETWEEN)
        while name := self._take(_PARAMETER):
            if name[1].lower() in found:
                raise _unreadable(f"it says {name[1].lower()!r} twice", name.start())
            found[name[1].lower()] = self._value()
        return found

    def _value(self) -> str:
        if quoted := self._take(_QUOTED):
            value = _ESCAPED.sub(r"\1", quoted[1])
        elif plain := self._take(_TOKEN):
            value = plain[0]
        else:
            raise _unreadable("a value is missing or has no end", self._at)
        start = self._at
        between = self._take(_BETWEEN)
        if self._at < len(self._text) and "," not in (between[0] if between else ""):
            raise _unreadable("a comma is missing", start)
        return value

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()
        return match


def _end(match: re.Match[str] | None) -> int:
    return match.end() if match else 0


def _unreadable(rule: str, position: int) -> SourceError:
    return SourceError(
        f"the registry's WWW-Authenticate header cannot be read: {rule} (at character {position + 1})",
        "Check that the host is a registry, and what stands between it and us",
    )
