"""The garbage collector, kept out of work that makes many objects and no garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Pause the garbage collector.

    boto3 with one client is a hundred thousand objects that stay. A full collection while they, or the values of a
    large template, are made finds nothing to free: it was a seventh of a cold start, measured in November 2026.
    What is no longer referred to is freed at once all the same; only circles wait.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
