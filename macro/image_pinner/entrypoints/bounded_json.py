"""JSON that keeps to a limit: what does not fit is left out whole, and counted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

LEFT_OUT = "left_out"
"""The member that says how much of each part is missing."""

_PUNCTUATION = len(", ")
_MANY = 10**9


def bounded_json(fixed: Mapping[str, Any], parts: Mapping[str, list[Any] | dict[str, Any]], limit: int) -> str:
    """Give an object as JSON on one line.

    Args:
        fixed: Its members that must stay; they are short.
        parts: Its members that can be long. Each may take half of what those before it leave, the last all of it.
        limit: The most bytes in UTF-8.

    Returns:
        The text. Where parts are shortened, `left_out` counts by part what is missing.
    """
    whole = encodable_json({**fixed, **parts})
    if _size(whole) <= limit:
        return whole
    empty = {name: type(part)() for name, part in parts.items()}
    room = limit - _size(encodable_json({**fixed, LEFT_OUT: dict.fromkeys(parts, _MANY), **empty}))
    kept: dict[str, Any] = {}
    left_out: dict[str, int] = {}
    for number, (name, part) in enumerate(parts.items()):
        kept[name] = _fitting(part, room if number == len(parts) - 1 else room // 2)
        room = max(0, room - _size(encodable_json(kept[name])))
        if missing := len(part) - len(kept[name]):
            left_out[name] = missing
    return encodable_json({**fixed, LEFT_OUT: left_out, **kept})


def encodable_json(value: Any) -> str:
    """Give a value as JSON on one line, which can be written to any stream that takes UTF-8."""
    return encodable(json.dumps(value, default=str, ensure_ascii=False))


def encodable(text: str) -> str:
    """Give a text without half characters, which `json.loads` lets in and no stream lets out."""
    return text.encode("utf-8", "backslashreplace").decode()


def _fitting(part: list[Any] | dict[str, Any], room: int) -> list[Any] | dict[str, Any]:
    if isinstance(part, dict):
        return dict(_first(part.items(), room))
    return list(_first(part, room))


def _first(entries: Iterable[Any], room: int) -> Iterable[Any]:
    """Give the entries that fit; one that is too long for what is left does not keep out those behind it."""
    for entry in entries:
        size = _size(encodable_json(entry)) + _PUNCTUATION
        if size <= room:
            room -= size
            yield entry


def _size(text: str) -> int:
    return len(text.encode())
