"""What may come of a stranger's input: a value, or an error of ours that a person can read."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from image_pinner.core.errors import ImagePinnerError

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_MESSAGE = 2_000
"""Characters of a cause and its remedy. The longest hold a URL, in which a byte that was sent can stand as `%C3%BF`."""


def outcome(parse: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T | ImagePinnerError:
    """Give the value, or the error of ours. Whatever else is raised goes on: it is a defect."""
    try:
        return parse(*arguments, **named)
    except ImagePinnerError as error:
        return error


def readable(parse: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T | ImagePinnerError:
    """Give the same, and look at whether a person can read the error."""
    read = outcome(parse, *arguments, **named)
    if isinstance(read, ImagePinnerError):
        expect_message(read.diagnostics())
    return read


def expect_message(text: str, longest: int = LONGEST_MESSAGE) -> None:
    assert text.isprintable(), f"a message with control characters: {text!r}"
    assert len(text) <= longest, f"a message of {len(text)} characters: {text[:200]!r}…"
