"""Results of evaluating an expression: known, pending a lookup, unknown or no value; and partly known values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, assert_never

from image_pinner.core.errors import MAX_CAUSE, cut

JsonValue = Any
"""A part of a template, as `json.loads` returns it; `Any`, since code that walks templates checks types itself."""
JsonObject = Mapping[str, Any]


class SsmParameter(NamedTuple):
    """The value of a parameter in the SSM Parameter Store; `version` is `None` for the latest."""

    name: str
    version: int | None = None

    def __str__(self) -> str:
        return f"the SSM parameter {self.name!r}" + (f" in version {self.version}" if self.version else "")


class StackExport(NamedTuple):
    """The value of an export of a stack in this account and region."""

    name: str

    def __str__(self) -> str:
        return f"the export {self.name!r}"


ExternalValue = SsmParameter | StackExport


@dataclass(frozen=True, slots=True)
class Known:  # noqa: PLW1641 - dataclass adds __hash__
    """A value without intrinsic functions."""

    value: JsonValue

    def __eq__(self, other: object) -> bool:
        # 1 == True in Python, but not in a template.
        return isinstance(other, Known) and type(self.value) is type(other.value) and self.value == other.value


@dataclass(frozen=True, slots=True)
class Pending:
    """The value is known once the external values are looked up; it certainly begins with `prefix`."""

    external_values: frozenset[ExternalValue]
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The value cannot be resolved.

    Args:
        reason: Why not, as a clause.
        help: What the author can do, in the imperative.
        prefix: The certain beginning of the text.
        missing: Whether a parameter or pseudo parameter that could be set was not, and nothing else is the reason.
        failed_lookup: Whether a request for the value failed, so that the template may be valid.
        joined: The outcomes whose reasons this one has, so that each is shown once.
    """

    reason: str
    help: str = ""
    prefix: str = ""
    missing: bool = False
    failed_lookup: bool = False
    joined: tuple[Unknown, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        """Cut texts that are too long."""
        if len(self.reason) > MAX_CAUSE or len(self.help) > MAX_CAUSE:
            object.__setattr__(self, "reason", cut(self.reason, MAX_CAUSE))
            object.__setattr__(self, "help", cut(self.help, MAX_CAUSE))


@dataclass(frozen=True, slots=True)
class NoValue:
    """`AWS::NoValue`, which removes the property or list element."""


Outcome = Known | Pending | Unknown | NoValue
Answer = Known | Unknown
"""The result of looking up an external value."""


class PartialList(NamedTuple):
    """A list whose elements are outcomes.

    Args:
        elements: What is known of each element, from the first on.
        certain_length: How many of the first elements certainly exist. The index of every element after one that is,
            or may become, `AWS::NoValue` is uncertain.
        unknown_tail: Why nothing is known of the elements that follow, or `None` if the list ends here.
    """

    elements: tuple[Outcome, ...]
    certain_length: int
    unknown_tail: Pending | Unknown | None = None


Text = Known | Pending | Unknown
"""What is known of a text; the value of a `Known` is a `str`."""
Value = Outcome | PartialList
"""The result of an expression inside another one."""

# No template is longer, and an expression of a few lines can produce a text that exceeds all memory:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_TEXT = 1_000_000  # characters
MAX_ELEMENTS = 10_000  # of a list
_MAX_REASON = 500  # characters of several reasons together
TEXT_TOO_LONG = Unknown(f"the expression produces a text of more than {MAX_TEXT:,} characters", "shorten it")
_MAX_BITS = 1024  # of an integer; Python refuses to format more than 4,300 digits
_MIN_DECIMAL, _MAX_DECIMAL = 0.001, 10_000_000  # other numbers are a power of ten in some programs: 1.0E7


def text_of(value: JsonValue) -> str | None:
    """Format a scalar as CloudFormation does; return `None` for what has no text form."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= _MAX_BITS else None
    if isinstance(value, float) and (value == 0 or _MIN_DECIMAL <= abs(value) < _MAX_DECIMAL):
        return repr(value)
    return None


def as_text(value: Value, subject: str) -> Text:
    """Convert a value to text, or explain why it is not one; `subject` names it in a clause."""
    match value:
        case Known(str()) | Pending() | Unknown():
            return value
        case Known(content):
            text = text_of(content)
            return Known(text) if text is not None else _not_text(subject, _type_name(content))
        case NoValue():
            return _not_text(subject, "AWS::NoValue")
        case PartialList():
            return _not_text(subject, "a list")
        case _:
            assert_never(value)


def _not_text(subject: str, actual: str) -> Unknown:
    return Unknown(f"{subject} must be text, got {actual}", "use a text value")


def _type_name(value: JsonValue) -> str:
    match value:
        case None:
            return "null"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return "an unsupported type"


def as_list(value: Value, subject: str) -> PartialList | Pending | Unknown:
    """Convert a value to a list, or explain why it is not one; `subject` names it in a clause."""
    match value:
        case PartialList() | Pending() | Unknown():
            return value
        case Known(list() as content):
            return PartialList(tuple(Known(element) for element in content), len(content))
        case Known() | NoValue():
            return Unknown(f"{subject} is not a list", "use a list")
        case _:
            assert_never(value)


def invalid_argument(name: str, form: str) -> Unknown:
    """Explain that a function's argument does not have the expected form."""
    return Unknown(f"{name} has an invalid argument", f"write {name}: {form}")


def collapse(value: Value) -> Outcome:
    """Reduce a list to one outcome: known if all elements are, without `AWS::NoValue`."""
    if not isinstance(value, PartialList):
        return value
    unresolved = [element for element in value.elements if isinstance(element, Pending | Unknown)]
    if value.unknown_tail is not None:
        unresolved.append(value.unknown_tail)
    if unresolved:
        return all_unresolved(unresolved)
    return Known([element.value for element in value.elements if isinstance(element, Known)])


def all_unresolved(outcomes: Iterable[Pending | Unknown]) -> Pending | Unknown:
    """Return an `Unknown` with all reasons, or the `Pending` of all external values; without a prefix.

    The values that were not set are omitted if there is another reason: once they are set, it still applies.
    """
    external_values: frozenset[ExternalValue] = frozenset()
    found: dict[Unknown, None] = {}
    for outcome in outcomes:
        if isinstance(outcome, Unknown):
            found |= dict.fromkeys(outcome.joined or [replace(outcome, prefix="")])
        else:
            external_values |= outcome.external_values
    if not found:
        return Pending(external_values)
    return _join_unknown([unknown for unknown in found if not unknown.missing] or list(found))


def _join_unknown(found: list[Unknown]) -> Unknown:
    """Return an `Unknown` with the reasons of several, as far as a message can be long."""
    shown, length = found[:1], len(found[0].reason)
    for one in found[1:]:
        length += len(one.reason)
        if length > _MAX_REASON:
            break
        shown.append(one)
    return Unknown(
        ", and ".join(one.reason for one in shown),
        "; ".join(dict.fromkeys(one.help for one in shown if one.help)),
        missing=any(one.missing for one in shown),
        failed_lookup=any(one.failed_lookup for one in shown),
        joined=tuple(shown),
    )


def without_prefix(outcome: Pending | Unknown) -> Pending | Unknown:
    """Return the outcome without a certain beginning."""
    return replace(outcome, prefix="") if outcome.prefix else outcome


def concatenate(pieces: Iterable[Text]) -> Text:
    """Concatenate texts; if one is unresolved, the result's prefix is the certain text up to there."""
    certain: list[str] = []
    length = 0
    unresolved: list[Pending | Unknown] = []
    for piece in pieces:
        if not unresolved:
            text = piece.value if isinstance(piece, Known) else piece.prefix
            certain.append(text)
            length += len(text)
            # Checked at once, so that the pieces of a longer text are not even made.
            if length > MAX_TEXT:
                return TEXT_TOO_LONG
        if not isinstance(piece, Known):
            unresolved.append(piece)
    text = "".join(certain)
    return replace(all_unresolved(unresolved), prefix=text) if unresolved else Known(text)


def trim_partial(text: str, delimiter: str) -> str:
    """Remove the end of a known beginning that could be the start of a `delimiter`, once the rest is known."""
    for length in range(min(len(delimiter) - 1, len(text)), 0, -1):
        if text.endswith(delimiter[:length]):
            return text[:-length]
    return text
