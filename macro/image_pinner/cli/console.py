"""Exit codes, and output on the terminal: results, messages, colour and progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import IO, TYPE_CHECKING, NamedTuple

import click

from image_pinner.cli.wording import help_for_cli

if TYPE_CHECKING:
    from image_pinner.assembly import ResolverFactory
    from image_pinner.cli.image_details import ImageDetailsSource


class ExitCode(IntEnum):
    """The exit codes of all subcommands."""

    DONE = 0
    FINDINGS = 1
    USAGE_ERROR = 2
    LOOKUP_FAILED = 3
    POLICY_DENIED = 4
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.DONE: "Success, without findings.",
    ExitCode.FINDINGS: (
        "Findings: the template must be changed, an image would change, a stack still uses the macro, or the macro is"
        " missing or unhealthy."
    ),
    ExitCode.USAGE_ERROR: "Usage error, unreadable input or unwritable output.",
    ExitCode.LOOKUP_FAILED: (
        "A lookup failed: an image does not exist, a registry or AWS did not respond, or CloudFormation refused a"
        " template."
    ),
    ExitCode.POLICY_DENIED: "A policy denied an image. 4 takes precedence over 3, and 3 over 1.",
    ExitCode.INTERRUPTED: "Interrupted with Ctrl-C, as shells report it; `expand` also with SIGTERM.",
}
_LABEL_COLOURS = {"error": "red", "warning": "yellow", "help": "cyan"}


def error_stream() -> IO[str]:
    """Return the stream for messages and progress; it is looked up at each call because tests replace it."""
    return sys.stderr


def write_output(data: bytes) -> None:
    """Write to standard output and flush it.

    Raises:
        FileWriteError: Standard output cannot be written.
    """
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except OSError as error:
        # Python would flush the buffered data again at exit: https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            # The reader closed the pipe on purpose, so a message would only be noise.
            sys.exit(ExitCode.USAGE_ERROR)
        # Imported here so that `--help` does not load the template readers.
        from image_pinner.cli.documents import FileWriteError  # noqa: PLC0415

        raise FileWriteError(
            f"cannot write standard output: {error.strerror}", "check where standard output is redirected to"
        ) from None


def has_colour(stream: IO[str]) -> bool:
    """Return whether to write colour to a stream; see https://no-color.org and https://force-color.org."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def print_line(text: str, *, style: str = "") -> None:
    """Print a line to the error stream, in a colour if it has colour."""
    stream = error_stream()
    click.echo(click.style(text, fg=style) if style and has_colour(stream) else text, file=stream)


def print_messages(text: str) -> None:
    """Print lines to the error stream, with `error:`, `warning:` and `help:` at their beginning in colour."""
    coloured = has_colour(error_stream())
    for line in text.splitlines():
        label, colon, message = line.partition(": ")
        colour = _LABEL_COLOURS.get(label)
        print_line(f"{click.style(label, fg=colour, bold=True)}{colon}{message}" if colour and coloured else line)


def print_error(cause: str, help: str = "") -> None:
    """Print `error: cause` and, if there is any, `help: help`."""
    print_messages(f"error: {cause}" + (f"\nhelp: {help_for_cli(help)}" if help else ""))


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ` (did you mean 'Tag'?)` for the name that is most similar to another one, or an empty string."""
    # Imported here because only a mistake needs it.
    from difflib import get_close_matches  # noqa: PLC0415

    return "".join(f" (did you mean {close!r}?)" for close in get_close_matches(name, names, 1))


@contextmanager
def progress(text: str) -> Iterator[Callable[[str], None]]:
    """Show a text while a block runs, if the error stream is a terminal; yield what replaces the text."""
    stream = error_stream()
    if not stream.isatty():
        yield lambda _: None
        return
    # Imported here because only a terminal needs it.
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    with Console(file=stream, no_color=not has_colour(stream)).status(Text(text)) as status:
        yield lambda new: status.update(Text(new))


class Dependencies(NamedTuple):
    """The object of click's context. `None` selects the real implementation.

    `resolver_factory` is used by `pin`, `update` and `invoke`; `aws`, clients and clocks of the deployment subcommands,
    by those; `image_details` by `diff`.
    """

    resolver_factory: ResolverFactory | None = None
    aws: object | None = None
    image_details: ImageDetailsSource | None = None
