"""The terminal: colour and progress where a person looks, plain lines where a program does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import click

from image_pinner.core.errors import ImagePinnerError
from image_pinner.entrypoints.cli.exit_codes import ExitCode


def error_stream() -> IO[str]:
    """Give the stream for errors, warnings and progress."""
    return sys.stderr


def write_output(data: bytes) -> None:
    """Write to the standard output, and see that it arrives.

    Args:
        data: All that is written there.

    Raises:
        UnwritableFile: It cannot be written.
    """
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except OSError as error:
        # What is left would be written once more at the end: https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            # Whoever was to read it has gone, and knows.
            sys.exit(ExitCode.WRONG_USE)
        # Loaded here: `--help` must not wait for the readers of templates.
        from image_pinner.entrypoints.source_text import UnwritableFile  # noqa: PLC0415

        raise UnwritableFile(
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
