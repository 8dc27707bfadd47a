"""Many jobs at once, a bounded number of them, and none waited for beyond the deadline."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from image_pinner.sources.interface import Deadline

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
