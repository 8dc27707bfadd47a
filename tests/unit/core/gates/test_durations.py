from __future__ import annotations

import pytest

from image_pinner.core.gates.durations import describe_duration, read_duration

HOUR, DAY = 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0m"), (90, "1m"), (HOUR, "1h"), (DAY, "1d"), (36 * HOUR, "36h"), (50 * HOUR, "50h"), (3 * DAY + 1, "3d")],
)
def test_durations_are_written_as_in_options(seconds: int, text: str) -> None:
    assert describe_duration(seconds) == text


@pytest.mark.parametrize("text", ["30m", "12h", "3d"])
def test_a_duration_is_read_as_it_is_written(text: str) -> None:
    assert describe_duration(read_duration(text)) == text


@pytest.mark.parametrize("text", ["", "3", "d", "-3d", "3D", "3 d", "1.5d", "٣d", "100000d"])
def test_other_texts_are_not_durations(text: str) -> None:
    with pytest.raises(ValueError, match="write a number of days, hours or minutes"):
        read_duration(text)
