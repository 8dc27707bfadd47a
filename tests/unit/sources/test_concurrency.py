from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.sources.concurrency import KeyedCache, garbage_collection_paused, job_deadline, run_all
from image_pinner.sources.interface import Deadline

SOON = Deadline.after(600.0)


def test_error_of_the_first_failing_job_is_raised() -> None:
    second_failed = threading.Event()

    def first() -> int:
        second_failed.wait(5)
        raise KeyError("first")

    def second() -> int:
        second_failed.set()
        raise ValueError("second")

    with pytest.raises(KeyError, match="first"):
        run_all([first, second], workers=2, deadline=Deadline.after(10))


def test_hanging_job_does_not_block_beyond_the_deadline() -> None:
    released = threading.Event()

    def hang() -> str:
        released.wait(30)
        return "late"

    started = time.monotonic()
    try:
        results = run_all([hang, lambda: "in time"], workers=2, deadline=Deadline.after(0.3))
    finally:
        released.set()
    assert results == [None, "in time"]
    assert time.monotonic() - started < 5


def test_no_job_starts_after_the_deadline() -> None:
    started: list[int] = []
    jobs = [lambda number=number: started.append(number) or number for number in range(5)]  # type: ignore[misc, func-returns-value]
    assert run_all(jobs, workers=2, deadline=Deadline.after(0)) == [None] * 5
    assert started == []


def test_at_most_as_many_jobs_as_workers_run_at_once() -> None:
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


def test_results_are_in_the_order_of_the_jobs() -> None:
    def job(number: int) -> Callable[[], int]:
        def run() -> int:
            time.sleep(0.002 * (10 - number))
            return number

        return run

    assert run_all([job(number) for number in range(10)], workers=10, deadline=Deadline.after(10)) == list(range(10))


def test_without_jobs_there_are_no_results() -> None:
    assert run_all([], workers=4, deadline=Deadline.after(1)) == []


def test_errors_are_cached_with_cause_and_help() -> None:
    created: list[int] = []

    def fail() -> str:
        created.append(1)
        raise ConfigurationError("it is broken", "fix it")

    values: KeyedCache[str, str] = KeyedCache()
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="it is broken") as raised:
            values.get("key", fail, SOON)
        assert raised.value.help == "fix it"
    assert created == [1]


def test_blocked_thread_times_out_at_the_deadline() -> None:
    values: KeyedCache[str, str] = KeyedCache()
    started, go = threading.Event(), threading.Event()

    def slow() -> str:
        started.set()
        go.wait(10)
        return "created"

    with ThreadPoolExecutor() as threads:
        first = threads.submit(values.get, "key", slow, SOON)
        started.wait(10)
        with pytest.raises(SourceError, match="timed out authenticating"):
            values.get("key", slow, Deadline.after(0.05))
        go.set()
        assert first.result() == "created"


def test_many_threads_get_one_value_created_once() -> None:
    values: KeyedCache[str, int] = KeyedCache()
    created: list[int] = []
    barrier = threading.Barrier(8)

    def create() -> int:
        created.append(1)
        return len(created)

    def get(_: int) -> int:
        barrier.wait(10)
        return values.get("key", create, SOON)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(get, range(8))) == {1}


def test_each_key_has_its_own_value() -> None:
    values: KeyedCache[str, str] = KeyedCache()
    assert [values.get(key, lambda key=key: key * 2, SOON) for key in ("a", "b", "a")] == ["aa", "bb", "aa"]


def test_stale_value_is_replaced_once() -> None:
    values: KeyedCache[str, str] = KeyedCache()
    assert values.get("key", lambda: "old", SOON) == "old"
    assert values.get("key", lambda: "new", SOON, stale="old") == "new"
    assert values.get("key", lambda: "newer", SOON, stale="old") == "new"


def test_garbage_collector_is_enabled_again_after_an_error() -> None:
    def work() -> None:
        with garbage_collection_paused():
            assert not gc.isenabled()
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        work()
    assert gc.isenabled()


def test_disabled_garbage_collector_stays_disabled() -> None:
    gc.disable()
    try:
        with garbage_collection_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_job_knows_its_deadline_and_other_threads_have_none() -> None:
    outer, inner = Deadline.after(20), Deadline.after(10)

    def job() -> list[Deadline | None]:
        (found,) = run_all([job_deadline], workers=1, deadline=inner)
        return [found, job_deadline()]

    assert run_all([job], workers=1, deadline=outer) == [[inner, outer]]
    assert job_deadline() is None
