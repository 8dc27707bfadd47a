"""Days of the calendar."""

from __future__ import annotations

import pytest

from image_pinner.core.days import is_day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29", True),
        ("2000-02-29", True),
        ("2026-12-31", True),
        ("2023-02-29", False),
        ("1900-02-29", False),
        ("2026-04-31", False),
        ("2026-13-01", False),
        ("2026-00-10", False),
        ("2026-01-00", False),
        ("20260101", False),
    ],
)
def test_days_are_those_of_the_calendar(text: str, expected: bool) -> None:  # noqa: FBT001 - the expectation
    assert is_day(text) is expected
