"""Counting calls: each try of them, for one invocation at a time, on many threads."""

from __future__ import annotations

import threading

import pytest

from image_pinner.sources.call_stats import Calls, CallTally


def tried(tally: CallTally, *calls: str) -> None:
    for call in calls:
        with tally.trying(call):
            pass


def test_a_try_that_fails_counts_and_its_time_too() -> None:
    tally = CallTally()

    with pytest.raises(OSError, match="gone"), tally.trying("GET ghcr.io"):
        raise OSError("gone")

    calls = tally.since(Calls({}, {}))
    assert calls.tries == {"GET ghcr.io": 1}
    assert calls.seconds["GET ghcr.io"] >= 0


def test_only_what_came_since_then_is_told_in_the_order_of_the_names() -> None:
    tally = CallTally()
    tried(tally, "GET ghcr.io", "ssm:GetParameters", "GET ghcr.io")
    before = tally.so_far()

    tried(tally, "ssm:GetParameters", "GET quay.io", "GET ghcr.io")

    calls = tally.since(before)
    assert calls.tries == {"GET ghcr.io": 1, "GET quay.io": 1, "ssm:GetParameters": 1}
    assert list(calls.tries) == sorted(calls.tries)


def test_without_a_call_nothing_is_told() -> None:
    tally = CallTally()
    tried(tally, "GET ghcr.io")

    assert tally.since(tally.so_far()) == Calls({}, {})


def test_a_try_that_has_not_ended_has_no_time_yet_and_counts_only_where_it_began() -> None:
    tally = CallTally()
    began = tally.begin("GET ghcr.io")

    first, middle = tally.since(Calls({}, {})), tally.so_far()
    tally.end("GET ghcr.io", began)
    second = tally.since(middle)

    assert first == Calls({"GET ghcr.io": 1}, {})
    assert second.tries == {}
    assert list(second.seconds) == ["GET ghcr.io"]


def test_what_was_told_does_not_change_with_later_calls() -> None:
    tally = CallTally()
    before = tally.so_far()

    tried(tally, "GET ghcr.io")

    assert before == Calls({}, {})


def test_no_try_is_lost_between_threads() -> None:
    tally = CallTally()
    together = threading.Barrier(8, timeout=30)

    def work() -> None:
        together.wait()
        tried(tally, *["GET ghcr.io"] * 500)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert tally.so_far().tries == {"GET ghcr.io": 4000}
