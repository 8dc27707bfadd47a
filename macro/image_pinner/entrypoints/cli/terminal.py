"""The terminal: colour and progress where a person looks, plain lines where a program does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

import click

from image_pinner.core.errors import ImagePinnerError
from image_pinner.core.report import PinReport
from image_pinner.core.template.problems import in_order


def error_stream() -> IO[str]:
    """Give the stream for errors, warnings and progress."""
    return sys.stderr


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


def say_problems(name: str, report: PinReport) -> None:
    """Write all problems of a template."""
    problems = in_order(report.problems)
    say(f"{name}: nothing was changed, for {_count(len(problems), 'problem')}:", style="red")
    for problem in problems:
        say(f"  {problem}")


def say_warnings(name: str, warnings: Iterable[str]) -> None:
    """Write what a person should know although it worked."""
    for warning in warnings:
        say(f"{name}: warning: {warning}", style="yellow")


def say_summary(name: str, report: PinReport) -> None:
    """Tell a person at a terminal what was done; a pipe gets nothing."""
    if error_stream().isatty():
        done = _count(len(report.outcomes), "image")
        say(f"{name}: {done} pinned, {len(report.left)} left as they are", style="green")


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


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
