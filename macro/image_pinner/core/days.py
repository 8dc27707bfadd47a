"""Days as texts: the core has no clock, and compares them as texts."""

from __future__ import annotations

import re

_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY = 2


def is_day(text: str) -> bool:
    """Return whether a text is a day of the calendar in ISO 8601."""
    found = _DAY.fullmatch(text)
    if not found:
        return False
    year, month, day = map(int, found.groups())
    is_leap_year = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= len(_DAYS) or (month == _FEBRUARY and day == _DAYS[1] and not is_leap_year):
        return False
    return 1 <= day <= _DAYS[month - 1]
