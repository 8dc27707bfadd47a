"""Durations as the options of gates write them: `3d`, `12h` or `30m`."""

from __future__ import annotations

import re

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_UNITS = {"d": _DAY, "h": _HOUR, "m": _MINUTE}
_DURATION = re.compile(r"([0-9]{1,5})([dhm])", re.ASCII)


def read_duration(text: str) -> int:
    """Return the seconds of a duration.

    Raises:
        ValueError: It is not one; the text is an imperative clause.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("write a number of days, hours or minutes: 3d, 12h or 30m")
    return int(match[1]) * _UNITS[match[2]]


def describe_duration(seconds: int) -> str:
    """Return a duration in its largest whole unit, as the options are written."""
    unit = next((name for name, length in _UNITS.items() if seconds >= length and seconds % length == 0), "")
    if unit:
        return f"{seconds // _UNITS[unit]}{unit}"
    unit = "d" if seconds >= 2 * _DAY else "h" if seconds >= 2 * _HOUR else "m"
    return f"{seconds // _UNITS[unit]}{unit}"
