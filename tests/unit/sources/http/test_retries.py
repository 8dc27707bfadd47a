from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.sources.http.transport import RetryPolicy
from image_pinner.sources.interface import Deadline
from support.registries import Waits


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def paused(retry_after: str = "", *, attempts_made: int = 1, seconds: float = 100.0) -> float | None:
    """Return the wait, or `None` without one."""
    waits = Waits()
    policy = RetryPolicy(sleep=waits, jitter=lambda: 0.5, wall_clock=lambda: 1_000_000_000.0)
    again = policy.pause(attempts_made, retry_after, Deadline.after(seconds, Clock()))
    assert again == bool(waits.seconds)
    return waits.seconds[0] if waits.seconds else None


def test_there_is_no_fourth_try() -> None:
    assert paused(attempts_made=3) is None


def test_a_wait_that_would_end_after_the_deadline_is_not_begun() -> None:
    assert paused("100", seconds=100.0) is None
    assert paused(seconds=0.1) is None
    assert paused("9" * 400) is None


@pytest.mark.parametrize("retry_after", ["", "soon", "-1", "1.5", "Wed, 99 Foo 2001", "²"])
def test_without_a_retry_after_that_can_be_read_the_waits_double(retry_after: str) -> None:
    assert paused(retry_after) == 0.25
    assert paused(retry_after, attempts_made=2) == 0.5


def test_a_retry_after_in_seconds_is_honoured() -> None:
    assert paused(" 7 ") == pytest.approx(7.0625)


def test_a_retry_after_that_is_a_date_is_honoured() -> None:
    assert paused("Sun, 09 Sep 2001 01:46:45 GMT") == pytest.approx(5.0625)


def test_a_date_in_the_past_adds_no_wait() -> None:
    assert paused("Sun, 09 Sep 2001 01:46:00 GMT") == pytest.approx(0.0625)


def test_jitter_spreads_the_waits_to_both_sides() -> None:
    waits = Waits()
    for jitter in (0.0, 1.0):
        RetryPolicy(sleep=waits, jitter=lambda given=jitter: given).pause(1, "", Deadline.after(10.0))
    assert waits.seconds == [0.125, 0.375]


@given(st.text())
def test_no_header_causes_an_error(retry_after: str) -> None:
    paused(retry_after)
