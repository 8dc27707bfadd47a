"""JSON that keeps to a limit: what does not fit is left out whole, and counted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

LEFT_OUT = "left_out"
"""The member that says how much of each part is missing."""

_PUNCTUATION = len(", ")
_MANY = 10**9
_encode = json.JSONEncoder(default=str, ensure_ascii=False).encode


def bounded_json(fixed: Mapping[str, Any], parts: Mapping[str, list[Any] | dict[str, Any]], limit: int) -> str:
    """Give an object as JSON on one line.

    Args:
        fixed: Its members that must stay; they are short.
        parts: Its members that can be long. Each may take half of what those before it leave, the last all of it.
        limit: The most bytes in UTF-8.

    Returns:
        The text. Where parts are shortened, `left_out` counts by part what is missing.
    """
    encoded = {name: _Part.of(part) for name, part in parts.items()}
    whole = _together(fixed, encoded)
    if _size(whole) <= limit:
        return encodable(whole)
    left_out = dict.fromkeys(parts, _MANY)
    room = limit - _size(_together({**fixed, LEFT_OUT: left_out}, {n: p.first(0) for n, p in encoded.items()}))
    kept: dict[str, _Part] = {}
    for number, (name, part) in enumerate(encoded.items()):
        kept[name] = part.first(room if number == len(parts) - 1 else room // 2)
        room = max(0, room - kept[name].size())
        left_out[name] = len(part.entries) - len(kept[name].entries)
    missing = {name: count for name, count in left_out.items() if count}
    return encodable(_together({**fixed, LEFT_OUT: missing}, kept))


def encodable_json(value: Any) -> str:
    """Give a value as JSON on one line, which can be written to any stream that takes UTF-8."""
    return encodable(_encode(value))


def encodable(text: str) -> str:
    """Give a text without half characters, which `json.loads` lets in and no stream lets out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class _Part(NamedTuple):
    """A list or a map whose entries are JSON already, each encoded once."""

    entries: Sequence[str]
    frame: str

    @classmethod
    def of(cls, part: list[Any] | dict[str, Any]) -> _Part:
        if isinstance(part, dict):
            return cls([f"{_encode(key)}: {_encode(value)}" for key, value in part.items()], "{}")
        return cls([_encode(entry) for entry in part], "[]")

    def first(self, room: int) -> _Part:
        """Give the entries that fit; one that is too long for what is left does not keep out those behind it."""
        fitting = []
        for entry in self.entries:
            size = _size(entry) + _PUNCTUATION
            if size <= room:
                room -= size
                fitting.append(entry)
        return self._replace(entries=fitting)

    def size(self) -> int:
        return sum(_size(entry) + _PUNCTUATION for entry in self.entries)

    def __str__(self) -> str:
        return f"{self.frame[0]}{', '.join(self.entries)}{self.frame[1]}"


def _together(fixed: Mapping[str, Any], parts: Mapping[str, _Part]) -> str:
    members = [*(f"{_encode(name)}: {_encode(value)}" for name, value in fixed.items())]
    members += [f"{_encode(name)}: {part}" for name, part in parts.items()]
    return f"{{{', '.join(members)}}}"


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "backslashreplace"))
