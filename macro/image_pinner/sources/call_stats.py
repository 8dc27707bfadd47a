"""Count the calls to AWS and to registries, and measure how long they take."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

N = TypeVar("N", int, float)
MAX_CALLS = 500
"""How many calls are counted across invocations."""


class Calls(NamedTuple):
    """The attempts of each call, retries included, and the seconds that its finished attempts took in total."""

    attempts: dict[str, int]
    seconds: dict[str, float]


class CallStats:
    """Counts the attempts of calls on any number of threads.

    A call is named by its action and service, such as `GET ghcr.io`, without any part of its data.

    Clients and their connections outlive an invocation, and so does this: an invocation reports the calls since its
    start. Attempts that an earlier invocation left running count for the invocation that they run in.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attempts: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def attempt(self, call: str) -> Iterator[None]:
        """Count an attempt, and the time until it succeeds or fails."""
        started = self.begin(call)
        try:
            yield
        finally:
            self.end(call, started)

    def begin(self, call: str) -> float:
        """Count an attempt, and return its start time for `end`."""
        with self._lock:
            self._attempts[call] += 1
        return time.monotonic()

    def end(self, call: str, started: float) -> None:
        """Add the time that an attempt took."""
        with self._lock:
            self._seconds[call] += time.monotonic() - started

    def snapshot(self) -> Calls:
        """Return all counts so far, for `since`; first drop them if they are for more than `MAX_CALLS` calls.

        A registry can redirect each request to another host, and later invocations must not keep their names.
        """
        with self._lock:
            if max(len(self._attempts), len(self._seconds)) > MAX_CALLS:
                self._attempts.clear()
                self._seconds.clear()
            return self._counts()

    def since(self, before: Calls) -> Calls:
        """Return what was added since a snapshot, sorted by call."""
        with self._lock:
            now = self._counts()
        return Calls(_added(now.attempts, before.attempts), _added(now.seconds, before.seconds))

    def _counts(self) -> Calls:
        return Calls(dict(self._attempts), dict(self._seconds))


def _added(now: Mapping[str, N], before: Mapping[str, N]) -> dict[str, N]:
    added = {call: now[call] - before.get(call, 0) for call in sorted(now)}
    return {call: number for call, number in added.items() if number}
