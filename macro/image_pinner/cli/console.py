"""Write to the terminal: results, problems, colour and progress; and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import IO

import click

from image_pinner.core.errors import ImagePinnerError


class ExitCode(IntEnum):
    """The numbers with which the command ends; all others are reserved."""

    DONE = 0
    FINDINGS = 1
    USAGE_ERROR = 2
    LOOKUP_FAILED = 3
    POLICY_DENIED = 4


MEANINGS = {
    ExitCode.DONE: "Done, or nothing found.",
    ExitCode.FINDINGS: (
        "Findings: the template has to be changed, templates still name the macro, or it is missing or broken."
    ),
    ExitCode.USAGE_ERROR: "Wrong use, or input that cannot be read or output that cannot be written.",
    ExitCode.LOOKUP_FAILED: "A look-up failed: an image is missing, or a registry or AWS did not answer.",
    ExitCode.POLICY_DENIED: "A policy of the operator denied an image; this outweighs 3, and 3 outweighs 1.",
}


def error_stream() -> IO[str]:
    """Give the stream for errors, warnings and progress."""
    return sys.stderr


def write_output(data: bytes) -> None:
    """Write to the standard output, and see that it arrives.

    Args:
        data: All that is written there.

    Raises:
        FileWriteError: It cannot be written.
    """
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except OSError as error:
        # What is left would be written once more at the end: https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            # Whoever was to read it has gone, and knows.
            sys.exit(ExitCode.USAGE_ERROR)
        # Loaded here: `--help` must not wait for the readers of templates.
        from image_pinner.cli.documents import FileWriteError  # noqa: PLC0415

        raise FileWriteError(
            f"the standard output cannot be written: {error.strerror}", "Check where it goes"
        ) from None


def has_colour(stream: IO[str]) -> bool:
    """Tell whether colour may be written; https://no-color.org says when not."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(text: str, *, style: str = "") -> None:
    """Write a line to the error stream, in a colour where colour may be."""
    stream = error_stream()
    click.echo(click.style(text, fg=style) if style and has_colour(stream) else text, file=stream)


def say_error(error: ImagePinnerError) -> None:
    """Write what went wrong and what to do now."""
    say(f"image-pinner: {error.diagnostics()}", style="red")


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Show that something is under way, on a terminal only."""
    stream = error_stream()
    if not stream.isatty():
        yield
        return
    # Loaded here: only a terminal needs it.
    from rich.console import Console  # noqa: PLC0415

    with Console(file=stream, no_color=not has_colour(stream)).status(text):
        yield
