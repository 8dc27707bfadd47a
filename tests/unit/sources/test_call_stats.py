"""Counting calls: each try of them, for one invocation at a time, on many threads."""

from __future__ import annotations

import threading

import pytest

from image_pinner.sources.call_stats import Calls, CallStats


def tried(call_stats: CallStats, *calls: str) -> None:
    for call in calls:
        with call_stats.trying(call):
            pass


def test_a_try_that_fails_counts_and_its_time_too() -> None:
    call_stats = CallStats()

    with pytest.raises(OSError, match="gone"), call_stats.trying("GET ghcr.io"):
        raise OSError("gone")

    calls = call_stats.since(Calls({}, {}))
    assert calls.attempts == {"GET ghcr.io": 1}
    assert calls.seconds["GET ghcr.io"] >= 0


def test_only_what_came_since_then_is_told_in_the_order_of_the_names() -> None:
    call_stats = CallStats()
    tried(call_stats, "GET ghcr.io", "ssm:GetParameters", "GET ghcr.io")
    before = call_stats.so_far()

    tried(call_stats, "ssm:GetParameters", "GET quay.io", "GET ghcr.io")

    calls = call_stats.since(before)
    assert calls.attempts == {"GET ghcr.io": 1, "GET quay.io": 1, "ssm:GetParameters": 1}
    assert list(calls.attempts) == sorted(calls.attempts)


def test_without_a_call_nothing_is_told() -> None:
    call_stats = CallStats()
    tried(call_stats, "GET ghcr.io")

    assert call_stats.since(call_stats.so_far()) == Calls({}, {})


def test_a_try_that_has_not_ended_has_no_time_yet_and_counts_only_where_it_began() -> None:
    call_stats = CallStats()
    began = call_stats.begin("GET ghcr.io")

    first, middle = call_stats.since(Calls({}, {})), call_stats.so_far()
    call_stats.end("GET ghcr.io", began)
    second = call_stats.since(middle)

    assert first == Calls({"GET ghcr.io": 1}, {})
    assert second.attempts == {}
    assert list(second.seconds) == ["GET ghcr.io"]


def test_what_was_told_does_not_change_with_later_calls() -> None:
    call_stats = CallStats()
    before = call_stats.so_far()

    tried(call_stats, "GET ghcr.io")

    assert before == Calls({}, {})


def test_no_try_is_lost_between_threads() -> None:
    call_stats = CallStats()
    together = threading.Barrier(8, timeout=30)

    def work() -> None:
        together.wait()
        tried(call_stats, *["GET ghcr.io"] * 500)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert call_stats.so_far().attempts == {"GET ghcr.io": 4000}
