"""Evaluate an expression recursively, within limits, loop variables included.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, assert_never

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import (
    JsonValue,
    Known,
    NoValue,
    Outcome,
    PartialList,
    Pending,
    Text,
    Unknown,
    Value,
    as_text,
    collapse,
    concatenated,
    first_unresolved,
)

# Of the expressions in 376 real templates, the deepest has 19 levels and the greatest 243 maps and lists. A few lines
# can ask for an evaluation that never ends: an alias of an alias, a name made of two other names.
MAX_DEPTH = 100
MAX_STEPS = 10_000
_LOOP = "Fn::ForEach::"
# These never come to AWS::NoValue, whatever is not known about them.
_ALWAYS_SOMETHING = frozenset(
    {"Fn::Base64", "Fn::GetAtt", "Fn::ImportValue", "Fn::Join", "Fn::Length", "Fn::Sub", "Fn::ToJsonString"}
)

Function = Callable[[JsonValue, "Evaluation"], Value]
"""What evaluates an intrinsic: from what stands behind its name to what it comes to."""
Intrinsic = Function | Unknown
"""How an intrinsic is evaluated, or why it cannot be."""


def intrinsic_of(node: JsonValue) -> str | None:
    """Name the intrinsic function that a node is.

    Args:
        node: A part of a template.

    Returns:
        The only key of the map if it is `Ref`, `Condition` or begins with `Fn::` (of a loop the whole of
        `Fn::ForEach::Name`), else `None`.
    """
    if isinstance(node, dict) and len(node) == 1:
        name = next(iter(node))
        if isinstance(name, str) and (name.startswith("Fn::") or name in {"Ref", "Condition"}):
            return name
    return None


class Evaluation:
    """The evaluation of one expression.

    Args:
        scope: What is known.
        intrinsics: How each intrinsic is evaluated, by name.
    """

    __slots__ = ("_depth", "_intrinsics", "_settled", "_steps", "scope")

    def __init__(self, scope: Scope, intrinsics: Mapping[str, Intrinsic]) -> None:
        self.scope = scope
        self._intrinsics = intrinsics
        self._depth = 0
        self._steps = 0
        self._settled: dict[str, Value | None] = {}

    def value_of(self, node: JsonValue) -> Value:
        """Give what a part of the expression comes to; dynamic references stay text."""
        if isinstance(node, str):
            return with_loops(node, self.scope.loops) if self.scope.loops else Known(node)
        if not isinstance(node, dict | list):
            return Known(node)
        if self._depth >= MAX_DEPTH:
            return Unknown(f"the expression is nested deeper than {MAX_DEPTH} levels", "Make it simpler")
        if self._steps >= MAX_STEPS:
            return Unknown(f"the expression has more than {MAX_STEPS:,} parts", "Make it simpler")
        self._depth += 1
        self._steps += 1
        try:
            return self._list(node) if isinstance(node, list) else self._map(node)
        finally:
            self._depth -= 1

    def text(self, node: JsonValue, what: str) -> Text:
        """Give the text that a part of the expression comes to; `what` names the part in a reason."""
        return as_text(self.value_of(node), what)

    def memoize(self, subject: str, work: Callable[[], Value]) -> Value:
        """Give the result of some work, done once in an evaluation.

        Args:
            subject: What the work is about; it names the work, and is the subject of a clause.
            work: What to do.

        Returns:
            The result; `Unknown` while the work itself asks for it.
        """
        if subject in self._settled:
            settled = self._settled[subject]
            return settled if settled is not None else Unknown(f"{subject} refers to itself", "Break the circle")
        self._settled[subject] = None
        self._depth += 1
        try:
            result = self._settled[subject] = work()
        finally:
            self._depth -= 1
        return result

    def _list(self, node: list[JsonValue]) -> Value:
        elements = tuple(collapse(self.value_of(element)) for element in node)
        if all(isinstance(element, Known) for element in elements):
            return Known([element.value for element in elements if isinstance(element, Known)])
        certain_length = 0
        for part, element in zip(node, elements, strict=True):
            if not self._certainly_something(part, element):
                break
            certain_length += 1
        return PartialList(elements, certain_length)

    def _certainly_something(self, node: JsonValue, outcome: Outcome) -> bool:
        match outcome:
            case Known():
                return True
            case NoValue():
                return False
            case Pending() | Unknown():
                name = intrinsic_of(node)
                return (
                    bool(outcome.prefix)
                    or name is None
                    or name in _ALWAYS_SOMETHING
                    or (name == "Ref" and isinstance(node[name], str) and node[name] not in self.scope.loops)
                )
            case _:
                assert_never(outcome)

    def _map(self, node: dict[Any, JsonValue]) -> Value:
        name = intrinsic_of(node)
        if name is not None:
            return self._call(name, node[name])
        content: dict[str, JsonValue] = {}
        open_ends: list[Pending | Unknown] = []
        for key, part in node.items():
            if isinstance(key, str) and key.startswith("Fn::"):
                return Unknown(f"{key} stands beside other keys", "Give it a map of its own")
            outcome = collapse(self.value_of(part))
            if isinstance(outcome, Known):
                content[key] = outcome.value
            elif not isinstance(outcome, NoValue):
                open_ends.append(outcome)
        return first_unresolved(open_ends) if open_ends else Known(content)

    def _call(self, name: str, argument: JsonValue) -> Value:
        function = self._intrinsics.get("Fn::ForEach" if name.startswith(_LOOP) else name)
        if isinstance(function, Unknown):
            return function
        if function is not None:
            return function(argument, self)
        if name == "Fn::PinDigest":
            return Unknown(
                "Fn::PinDigest is a mark, not a function that other functions can use", "Put it around the whole image"
            )
        return Unknown(f"CloudFormation has no function {name}", "Check its name")


_PLACEHOLDER = re.compile(r"([$&])\{([A-Za-z0-9]+)\}", re.ASCII)
_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]", re.ASCII)


def with_loops(text: str, loops: Mapping[str, Outcome]) -> Text:
    """Give a text with `${Variable}` and `&{Variable}` replaced, the latter by letters and digits only.

    Args:
        text: A text in the body of a loop.
        loops: What the variables of the loops around it come to; other names in braces stay as they are.
    """
    return concatenated(_pieces(text, loops))


def _pieces(text: str, loops: Mapping[str, Outcome]) -> Iterator[Text]:
    position = 0
    for placeholder in _PLACEHOLDER.finditer(text):
        sign, name = placeholder.groups()
        if name in loops:
            yield Known(text[position : placeholder.start()])
            value = as_text(loops[name], f"the loop variable {name!r}")
            yield value if sign == "$" else _alphanumeric(value)
            position = placeholder.end()
    yield Known(text[position:])


def _alphanumeric(text: Text) -> Text:
    if isinstance(text, Known):
        return Known(_NOT_ALPHANUMERIC.sub("", text.value))
    return text._replace(prefix=_NOT_ALPHANUMERIC.sub("", text.prefix))
