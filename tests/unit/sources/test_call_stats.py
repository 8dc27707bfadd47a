"""Counting the attempts of calls, per invocation and on many threads."""

from __future__ import annotations

import threading

import pytest

from image_pinner.sources.call_stats import Calls, CallStats


def make_calls(call_stats: CallStats, *calls: str) -> None:
    for call in calls:
        with call_stats.attempt(call):
            pass


def test_failed_attempt_counts_with_its_time() -> None:
    call_stats = CallStats()

    with pytest.raises(OSError, match="gone"), call_stats.attempt("GET ghcr.io"):
        raise OSError("gone")

    calls = call_stats.since(Calls({}, {}))
    assert calls.attempts == {"GET ghcr.io": 1}
    assert calls.seconds["GET ghcr.io"] >= 0


def test_since_returns_only_later_calls_sorted_by_name() -> None:
    call_stats = CallStats()
    make_calls(call_stats, "GET ghcr.io", "ssm:GetParameters", "GET ghcr.io")
    before = call_stats.snapshot()

    make_calls(call_stats, "ssm:GetParameters", "GET quay.io", "GET ghcr.io")

    calls = call_stats.since(before)
    assert calls.attempts == {"GET ghcr.io": 1, "GET quay.io": 1, "ssm:GetParameters": 1}
    assert list(calls.attempts) == sorted(calls.attempts)


def test_since_is_empty_without_calls() -> None:
    call_stats = CallStats()
    make_calls(call_stats, "GET ghcr.io")

    assert call_stats.since(call_stats.snapshot()) == Calls({}, {})


def test_unfinished_attempt_counts_once_and_without_time() -> None:
    call_stats = CallStats()
    started = call_stats.begin("GET ghcr.io")

    first, middle = call_stats.since(Calls({}, {})), call_stats.snapshot()
    call_stats.end("GET ghcr.io", started)
    second = call_stats.since(middle)

    assert first == Calls({"GET ghcr.io": 1}, {})
    assert second.attempts == {}
    assert list(second.seconds) == ["GET ghcr.io"]


def test_snapshot_does_not_change_with_later_calls() -> None:
    call_stats = CallStats()
    before = call_stats.snapshot()

    make_calls(call_stats, "GET ghcr.io")

    assert before == Calls({}, {})


def test_counting_is_thread_safe() -> None:
    call_stats = CallStats()
    barrier = threading.Barrier(8, timeout=30)

    def work() -> None:
        barrier.wait()
        make_calls(call_stats, *["GET ghcr.io"] * 500)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert call_stats.snapshot().attempts == {"GET ghcr.io": 4000}
