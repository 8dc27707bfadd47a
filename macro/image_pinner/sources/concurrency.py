"""Run jobs concurrently within a deadline, and create shared objects once."""

from __future__ import annotations

import gc
import queue
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from image_pinner.core.errors import ConfigurationError, SourceError
from image_pinner.sources.interface import Deadline


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


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Entry(Generic[V]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: V | None = None
    fault: ConfigurationError | SourceError | None = None


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
            ConfigurationError, SourceError: It cannot be had, or another thread took too long to get it.
        """
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
        if not entry.lock.acquire(timeout=deadline.remaining()):
            raise SourceError(
                "the time was up before the login for this registry was known", "Try again, with more time"
            )
        try:
            if entry.fault is not None:
                raise type(entry.fault)(entry.fault.cause, entry.fault.help)
            if entry.value is None or entry.value == instead_of:
                entry.value = make()
        except (ConfigurationError, SourceError) as fault:
            entry.fault = fault
            raise
        else:
            return entry.value
        finally:
            entry.lock.release()


T = TypeVar("T")


def run_all(jobs: Sequence[Callable[[], T]], *, workers: int, deadline: Deadline) -> list[T | None]:
    """Run jobs on threads and give their results in the order of the jobs.

    The threads are daemons: a job that hangs in a system call beyond the deadline keeps neither the answer nor the end
    of the process waiting, as the threads of `concurrent.futures` would.

    Args:
        jobs: What to do; each returns something that is not `None`.
        workers: How many run at once, at least 1.
        deadline: When to stop waiting; no job is started after it.

    Returns:
        A result for every job; `None` where the deadline came first.

    Raises:
        Exception: What a job raised, the first of them in the order of the jobs.
    """
    results: list[T | None] = [None] * len(jobs)
    faults: dict[int, BaseException] = {}
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[None] = queue.SimpleQueue()
    for number in range(len(jobs)):
        todo.put(number)

    def work() -> None:
        while deadline.remaining() > 0:
            try:
                number = todo.get_nowait()
            except queue.Empty:
                return
            try:
                results[number] = jobs[number]()
            except BaseException as fault:  # noqa: BLE001 - raised again where the jobs were ordered
                faults[number] = fault
            done.put(None)

    for _ in range(min(workers, len(jobs))):
        threading.Thread(target=work, daemon=True).start()
    for _ in range(len(jobs)):
        try:
            done.get(timeout=deadline.remaining())
        except queue.Empty:
            break
    if faults:
        raise faults[min(faults)]
    return list(results)
