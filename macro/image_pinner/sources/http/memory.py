"""Limit how much memory the responses of registries take, for any number and any senders.

A hostile registry can send the largest allowed document to each thread, and a parsed document takes many times the
memory of its bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from image_pinner.core.errors import SourceError
from image_pinner.sources.interface import Deadline

LARGE_BYTES = 128 * 1024
"""Beyond this size a body is large. Manifests and configs of real images are smaller, with few exceptions."""
_LARGE_AT_ONCE = 2
_LARGE_SECONDS = 5.0

PARSING = threading.Lock()
"""Held while a document is parsed and used, so that one document at a time is in memory in its parsed form."""


class LargeBodies:
    """Lets `at_once` threads have a large body in memory, from its first bytes until it is no longer needed."""

    def __init__(self, at_once: int) -> None:
        self._free = threading.Semaphore(at_once)
        self._held: ContextVar[list[bool] | None] = ContextVar("held", default=None)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Count a large body that this thread reads until the end of the outermost such block."""
        if self._held.get() is not None:
            yield
            return
        held: list[bool] = []
        token = self._held.set(held)
        try:
            yield
        finally:
            self._held.reset(token)
            if held:
                self._free.release()

    def admit(self, deadline: Deadline) -> Deadline:
        """Block until this thread, inside `in_use`, may have a large body; return until when it must have read it.

        Otherwise servers that send slowly would keep others from being read.

        Raises:
            SourceError: Too many others had one until the deadline.
        """
        held = self._held.get()
        if held is None:
            raise AssertionError("a large body is read outside of in_use")
        if not held:
            if not self._free.acquire(timeout=deadline.remaining()):
                raise SourceError("timed out: too many large responses at once", "retry with fewer images")
            held.append(True)
        return deadline.within(_LARGE_SECONDS)


LARGE_BODIES = LargeBodies(_LARGE_AT_ONCE)
"""The limit of this process."""
