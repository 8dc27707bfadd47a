from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from image_pinner.sources.concurrency import run_all
from image_pinner.sources.interface import Deadline


def test_what_a_job_raises_is_raised_the_first_in_order_of_the_jobs() -> None:
    second_failed = threading.Event()

    def first() -> int:
        second_failed.wait(5)
        raise KeyError("first")

    def second() -> int:
        second_failed.set()
        raise ValueError("second")

    with pytest.raises(KeyError, match="first"):
        run_all([first, second], workers=2, deadline=Deadline.after(10))


def test_a_job_that_hangs_is_not_waited_for_beyond_the_deadline() -> None:
    released = threading.Event()

    def hang() -> str:
        released.wait(30)
        return "late"

    began = time.monotonic()
    try:
        results = run_all([hang, lambda: "in time"], workers=2, deadline=Deadline.after(0.3))
    finally:
        released.set()
    assert results == [None, "in time"]
    assert time.monotonic() - began < 5


def test_no_job_is_begun_after_the_deadline() -> None:
    begun: list[int] = []
    jobs = [lambda number=number: begun.append(number) or number for number in range(5)]  # type: ignore[misc, func-returns-value]
    assert run_all(jobs, workers=2, deadline=Deadline.after(0)) == [None] * 5
    assert begun == []


def test_no_more_than_the_workers_run_at_once() -> None:
    running, most, guard = 0, 0, threading.Lock()

    def job() -> bool:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with guard:
            running -= 1
        return True

    assert run_all([job] * 20, workers=3, deadline=Deadline.after(10)) == [True] * 20
    assert most == 3


def test_results_come_in_the_order_of_the_jobs() -> None:
    def job(number: int) -> Callable[[], int]:
        def run() -> int:
            time.sleep(0.002 * (10 - number))
            return number

        return run

    assert run_all([job(number) for number in range(10)], workers=10, deadline=Deadline.after(10)) == list(range(10))


def test_no_job_is_no_result() -> None:
    assert run_all([], workers=4, deadline=Deadline.after(1)) == []
