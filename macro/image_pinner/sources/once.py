"""What is made once per run, however many threads want it at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from image_pinner.core.errors import SourceError, WorldError
from image_pinner.sources.interface import Deadline

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Entry(Generic[V]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: V | None = None
    fault: WorldError | None = None


class OncePerKey(Generic[K, V]):
    """Values by key, each made by the first who asks; those who come meanwhile wait for it.

    A failure is kept as well: what could not be had is not asked for again by every image of a template.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[K, _Entry[V]] = {}

    def get(self, key: K, make: Callable[[], V], deadline: Deadline, *, instead_of: V | None = None) -> V:
        """Give the value of a key.

        Args:
            key: The key.
            make: Makes the value, which is not `None`.
            deadline: When to stop waiting for another thread.
            instead_of: A value that turned out to be stale; it is made anew if it is still the one that is kept.

        Returns:
            The value.

        Raises:
            WorldError: It cannot be had, or another thread took too long to get it.
        """
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
        if not entry.lock.acquire(timeout=deadline.remaining()):
            raise SourceError(
                "the time was up before the login for this registry was known", "Try again, with more time"
            )
        try:
            if entry.fault is not None:
                raise type(entry.fault)(entry.fault.cause, entry.fault.remedy)
            if entry.value is None or entry.value == instead_of:
                entry.value = make()
        except WorldError as fault:
            entry.fault = fault
            raise
        else:
            return entry.value
        finally:
            entry.lock.release()
