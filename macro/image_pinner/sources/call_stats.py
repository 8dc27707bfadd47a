"""Which calls were made, how often and how long they took: what an invocation asked AWS and registries for."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Calls(NamedTuple):
    """Calls, by what was asked of whom.

    Args:
        attempts: How often; a try that was repeated counts again.
        seconds: How long, all tries that have ended together.
    """

    attempts: dict[str, int]
    seconds: dict[str, float]


class CallStats:
    """Counts calls, every try of them, on any number of threads.

    Clients and their connections outlive an invocation, and so does this: what belongs to one is what came since it
    began. A try that an earlier invocation left behind counts where it is made.
    """

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self._tries: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def trying(self, call: str) -> Iterator[None]:
        """Count a try, and the time until it has ended in whatever way.

        Args:
            call: What is asked of whom, without anything of what is asked for: `GET ghcr.io`.
        """
        began = self.begin(call)
        try:
            yield
        finally:
            self.end(call, began)

    def begin(self, call: str) -> float:
        """Count a try whose end is told by `end`.

        Args:
            call: See `trying`.

        Returns:
            When it began, for `end`.
        """
        with self._counting:
            self._tries[call] += 1
        return time.monotonic()

    def end(self, call: str, began: float) -> None:
        """Note that a try has ended.

        Args:
            call: See `trying`.
            began: What `begin` gave.
        """
        with self._counting:
            self._seconds[call] += time.monotonic() - began

    def so_far(self) -> Calls:
        """Give what was counted until now, for `since`."""
        with self._counting:
            return Calls(dict(self._tries), dict(self._seconds))

    def since(self, before: Calls) -> Calls:
        """Give what was counted since then.

        Args:
            before: What `so_far` gave then.

        Returns:
            The calls of which there was a try or the end of one, in the order of their names.
        """
        now = self.so_far()
        attempts = {call: now.attempts[call] - before.attempts.get(call, 0) for call in sorted(now.attempts)}
        seconds = {call: now.seconds[call] - before.seconds.get(call, 0.0) for call in sorted(now.seconds)}
        return Calls(
            {call: count for call, count in attempts.items() if count},
            {call: count for call, count in seconds.items() if count},
        )
