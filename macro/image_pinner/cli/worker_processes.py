"""Apply a function to many files in several processes, with the results in the order of the files."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from image_pinner.cli.discovery import InputFile
from image_pinner.core.errors import ImagePinnerError

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

Result = TypeVar("Result")
_FILES_PER_WORKER = 250
"""Checking so many files takes a second; starting a process takes a third of that."""


def default_workers(files: int) -> int:
    """Return how many processes are worth starting for a number of files."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(available, files // _FILES_PER_WORKER))


def apply_to_files(
    function: Callable[[InputFile], Result], files: Sequence[InputFile], workers: int
) -> Iterator[Result]:
    """Yield what a function returns for each file. With one worker, it is called in this process.

    Raises:
        ImagePinnerError: A process ended unexpectedly, for example for lack of memory.
    """
    function = partial(_call, function)
    if workers == 1 or len(files) == 1:
        yield from map(function, files)
        return
    # Imported here, as below, because few runs have so many files.
    from concurrent.futures.process import BrokenProcessPool  # noqa: PLC0415

    done = 0
    try:
        with _pool(min(workers, len(files))) as pool:
            try:
                for result in pool.map(function, files):
                    yield result
                    done += 1
            except KeyboardInterrupt:
                _end_processes()
                raise
    except BrokenProcessPool:
        # Which file it was is unknown, so the others are applied one by one.
        yield from _apply_separately(function, files[done:])


def _end_processes() -> None:
    from multiprocessing import active_children  # noqa: PLC0415

    # Without this, the pool would wait for the files that are being checked.
    for process in active_children():
        process.terminate()


def _apply_separately(function: Callable[[InputFile], Result], files: Sequence[InputFile]) -> Iterator[Result]:
    from concurrent.futures.process import BrokenProcessPool  # noqa: PLC0415

    with _pool(1) as pool:
        for file in files:
            try:
                yield pool.submit(function, file).result()
            except BrokenProcessPool as error:
                raise ImagePinnerError(
                    f"internal error: the process that checked {file.name} ended unexpectedly",
                    "please report it with the template, or exclude the file",
                ) from error


def _pool(workers: int) -> ProcessPoolExecutor:
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415
    from multiprocessing import get_context  # noqa: PLC0415

    # `spawn` works the same on all systems, and `forkserver` would open sockets. Only the main process handles Ctrl-C.
    return ProcessPoolExecutor(workers, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN))


def _call(function: Callable[[InputFile], Result], file: InputFile) -> Result:
    try:
        return function(file)
    except Exception as error:
        # The traceback of an internal error shows the note.
        error.add_note(f"while reading {file.name}")
        raise
