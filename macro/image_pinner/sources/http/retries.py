"""When to ask again, and when to stop."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from image_pinner.sources.interface import Deadline

PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""The statuses that the same request may not meet again a moment later."""

_MAX_DIGITS = 9  # of a Retry-After: more is no wait that anybody means


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a request is made, and how long to wait in between.

    Args:
        tries: How many times in all, at least 1.
        first_wait: The wait after the first try in seconds; it doubles with each.
        sleep: Waits so many seconds.
        jitter: Gives a number from 0 to 1, so that those who failed together do not come back together.
        wall_clock: The time in seconds since 1970, for a `Retry-After` that is a date.
    """

    tries: int = 3
    first_wait: float = 0.25
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    wall_clock: Callable[[], float] = time.time

    def pause(self, tries_made: int, retry_after: str, deadline: Deadline) -> bool:
        """Wait for the next try, if there is to be one.

        Args:
            tries_made: How many tries there were.
            retry_after: The `Retry-After` header of the last answer, or empty.
            deadline: When to give up.

        Returns:
            Whether to try again; false, without a wait, where the next try would come after the deadline.
        """
        if tries_made >= self.tries:
            return False
        backoff = self.first_wait * 2 ** (tries_made - 1) * (0.5 + self.jitter())
        asked_for = self._seconds(retry_after)
        # A little later than asked for, so that the requests of one run do not all come at that moment.
        wait = backoff if asked_for is None else asked_for + backoff / 4
        if wait >= deadline.remaining():
            return False
        self.sleep(wait)
        return True

    def _seconds(self, retry_after: str) -> float | None:
        """Read https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3: seconds, or a date."""
        text = retry_after.strip()
        if text.isascii() and text.isdigit():
            return float(text[:_MAX_DIGITS])
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self.wall_clock())
        except (ValueError, OverflowError):
            return None
