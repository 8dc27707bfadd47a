"""Results of evaluating an expression: known, pending a lookup, unknown or no value; and partly known values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, assert_never

JsonValue = Any
"""A part of a template: what `json.loads` gives. It is `Any` because every walker has to ask what it met."""
JsonObject = Mapping[str, Any]
JsonList = Sequence[Any]


class SsmParameter(NamedTuple):
    """The value of a parameter in the Systems Manager Parameter Store.

    Args:
        name: The parameter's name, path or ARN.
        version: The version asked for, or `None` for the latest.
    """

    name: str
    version: int | None = None

    def __str__(self) -> str:
        return f"the SSM parameter {self.name!r}" + (f" in version {self.version}" if self.version else "")


class StackExport(NamedTuple):
    """The value that a stack of this account and region exports.

    Args:
        name: The export's name.
    """

    name: str

    def __str__(self) -> str:
        return f"the export {self.name!r}"


ExternalValue = SsmParameter | StackExport


class Known(NamedTuple):
    """The value is this.

    Args:
        value: The value, without intrinsics.
    """

    value: JsonValue


class Pending(NamedTuple):
    """The value can be told when these questions are answered.

    Args:
        external_values: What must be asked first.
        prefix: The text that is certain to stand at the beginning of the value.
    """

    external_values: frozenset[ExternalValue]
    prefix: str = ""


class Unknown(NamedTuple):
    """The value cannot be told.

    Args:
        reason: Why not, as a clause.
        help: What the author can do, as a sentence without a full stop.
        prefix: The text that is certain to stand at the beginning of the value.
    """

    reason: str
    help: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class NoValue:
    """There is nothing: `AWS::NoValue` removes what it stands for."""


Outcome = Known | Pending | Unknown | NoValue
Answer = Known | Unknown
"""What a look-up ends in."""


class PartialList(NamedTuple):
    """A list whose elements are outcomes.

    Args:
        elements: What is known of each element, from the first on.
        certain_length: How many of the first elements certainly are elements. `AWS::NoValue`, and what may become it,
            is none, so that the places of all that follow it are open.
        rest: Why nothing is known of what follows the elements, or `None` where nothing follows.
    """

    elements: tuple[Outcome, ...]
    certain_length: int
    rest: Pending | Unknown | None = None


Text = Known | Pending | Unknown
"""What is known of a text; the value of a `Known` is a `str`."""
Value = Outcome | PartialList
"""What an expression inside another one comes to."""

# Nothing longer fits into a template, and an expression of a few lines can ask for a text that fits into no memory:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_TEXT = 1_000_000  # characters
_MAX_BITS = 1024  # of a whole number; Python refuses to write one of more than 4,300 digits


def text_of(value: JsonValue) -> str | None:
    """Give a scalar as CloudFormation puts it into a text, or `None` for what cannot stand in one."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= _MAX_BITS else None
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    return None


def as_text(value: Value, what: str) -> Text:
    """Give a value as a text.

    Args:
        value: What an expression came to.
        what: What it is, as the subject of a clause.

    Returns:
        The text as far as it is known; `Unknown` with a reason where the value is none.
    """
    match value:
        case Known(str()) | Pending() | Unknown():
            return value
        case Known(content):
            text = text_of(content)
            return Known(text) if text is not None else _no_text(what, type_name(content))
        case NoValue():
            return _no_text(what, "AWS::NoValue")
        case PartialList():
            return _no_text(what, "a list")
        case _:
            assert_never(value)


def _no_text(what: str, kind: str) -> Unknown:
    return Unknown(f"{what} is {kind}, where a text is needed", "Put a text there")


def type_name(value: JsonValue) -> str:
    """Name the kind of a value that is no text, for a message."""
    match value:
        case None:
            return "null"
        case dict():
            return "a map"
        case list():
            return "a list"
        case _:
            return "a value of a kind that templates do not have"


def as_list(value: Value, what: str) -> PartialList | Pending | Unknown:
    """Give a value as a list; `what` is the subject of the clause that says why it is none."""
    match value:
        case PartialList() | Pending() | Unknown():
            return value
        case Known(list() as content):
            return PartialList(tuple(Known(element) for element in content), len(content))
        case Known() | NoValue():
            return Unknown(f"{what} is no list", "Put a list there")
        case _:
            assert_never(value)


def collapse(value: Value) -> Outcome:
    """Give what is known of a value as a whole: a list is known when all its elements are, without `AWS::NoValue`."""
    if not isinstance(value, PartialList):
        return value
    open_ends = [element for element in value.elements if isinstance(element, Pending | Unknown)]
    if value.rest is not None:
        open_ends.append(value.rest)
    if open_ends:
        return first_unresolved(open_ends)
    return Known([element.value for element in value.elements if isinstance(element, Known)])


def first_unresolved(outcomes: Iterable[Pending | Unknown]) -> Pending | Unknown:
    """Give what stands in the way when all of some outcomes are needed: `Unknown` beats `Pending`."""
    external_values: frozenset[ExternalValue] = frozenset()
    for outcome in outcomes:
        if isinstance(outcome, Unknown):
            return without_prefix(outcome)
        external_values |= outcome.external_values
    return Pending(external_values)


def without_prefix(outcome: Pending | Unknown) -> Pending | Unknown:
    """Give an outcome of which not even the beginning is certain."""
    return outcome._replace(prefix="") if outcome.prefix else outcome


def concatenated(pieces: Iterable[Text]) -> Text:
    """Put texts together.

    Args:
        pieces: What is known of each piece, in order.

    Returns:
        The text. Where a piece is not known, the outcome keeps the text up to there as its prefix; all look-ups are
        joined, and `Unknown` beats `Pending`.
    """
    certain: list[str] = []
    missing: list[Pending | Unknown] = []
    for piece in pieces:
        if isinstance(piece, Known):
            if not missing:
                certain.append(piece.value)
        else:
            if not missing:
                certain.append(piece.prefix)
            missing.append(piece)
    if sum(map(len, certain)) > MAX_TEXT:
        return too_long()
    text = "".join(certain)
    return first_unresolved(missing)._replace(prefix=text) if missing else Known(text)


def too_long() -> Unknown:
    """Say that a text is longer than any template."""
    return Unknown(f"the expression makes a text of more than {MAX_TEXT:,} characters", "Make it shorter")


def certain_before(text: str, mark: str) -> str:
    """Give the beginning of a text that stays outside every `mark`, whatever follows the text.

    Args:
        text: The known beginning of a text, without a `mark` in it.
        mark: What may begin in the text and end in what follows.
    """
    for length in range(min(len(mark) - 1, len(text)), 0, -1):
        if text.endswith(mark[:length]):
            return text[:-length]
    return text
