"""Evaluate an expression recursively, within limits, including the loop variables of `Fn::ForEach`.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.transforms import TRANSFORM, transform_keys
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
    all_unresolved,
    as_text,
    collapse,
    concatenate,
)

# In 376 real templates, the deepest expression has 19 levels and the largest 243 mappings and lists. Without limits, a
# few lines can cause an endless evaluation: an alias of an alias, a name made of two other names.
MAX_DEPTH = 100
MAX_STEPS = 10_000
_LOOP = "Fn::ForEach::"
_NEVER_NO_VALUE = frozenset(
    {"Fn::Base64", "Fn::GetAtt", "Fn::ImportValue", "Fn::Join", "Fn::Length", "Fn::Sub", "Fn::ToJsonString"}
)

Function = Callable[[JsonValue, "Evaluation"], Value]
"""Evaluate an intrinsic function from its argument."""
Intrinsic = Function | Unknown
"""How to evaluate an intrinsic function, or why it cannot be evaluated."""


def intrinsic_of(node: JsonValue) -> str | None:
    """Return the name of the intrinsic function that a node is, or `None`; of a loop, all of `Fn::ForEach::Name`."""
    if isinstance(node, dict) and len(node) == 1:
        name = next(iter(node))
        if isinstance(name, str) and (name.startswith("Fn::") or name in {"Ref", "Condition"} or transform_keys(node)):
            return name
    return None


class Evaluation:
    """The evaluation of one expression; `intrinsics` is how to evaluate each function, by name."""

    __slots__ = ("_depth", "_intrinsics", "_memoized", "_steps", "reached_limit", "scope")

    def __init__(self, scope: Scope, intrinsics: Mapping[str, Intrinsic]) -> None:
        self.scope = scope
        self._intrinsics = intrinsics
        self._depth = 0
        self._steps = 0
        self._memoized: dict[str, Value | None] = {}
        self.reached_limit = False
        """Whether a limit of this expression was reached, so that a result in it may not hold elsewhere."""

    def evaluate(self, node: JsonValue) -> Value:
        """Evaluate a part of the expression; dynamic references stay text."""
        if isinstance(node, str):
            return self._replace_loop_variables(node) if self.scope.loops else Known(node)
        if not isinstance(node, dict | list):
            return Known(node)
        if self._depth >= MAX_DEPTH or self._steps >= MAX_STEPS:
            self.reached_limit = True
            if self._depth >= MAX_DEPTH:
                return Unknown(f"the expression is nested deeper than {MAX_DEPTH} levels", "simplify it")
            return Unknown(f"the expression has more than {MAX_STEPS:,} parts", "simplify it")
        self.scope.budget.spend_step()
        self._depth += 1
        self._steps += 1
        try:
            return self._evaluate_list(node) if isinstance(node, list) else self._evaluate_mapping(node)
        finally:
            self._depth -= 1

    def evaluate_outside_loops(self, node: JsonValue) -> Value:
        """Evaluate an expression of another section of the template, where loop variables have no meaning."""
        scope = self.scope
        self.scope = replace(scope, loops={}) if scope.loops else scope
        try:
            return self.evaluate(node)
        finally:
            self.scope = scope

    def evaluate_text(self, node: JsonValue, subject: str) -> Text:
        """Evaluate a part of the expression that must be text; `subject` names it in a clause."""
        return as_text(self.evaluate(node), subject)

    def memoize(self, subject: str, compute: Callable[[], Value]) -> Value:
        """Return `compute()`, called once for each `subject`; `Unknown` if it needs its own result."""
        if subject in self._memoized:
            value = self._memoized[subject]
            return (
                value if value is not None else Unknown(f"{subject} refers to itself", "remove the circular reference")
            )
        self._memoized[subject] = None
        self._depth += 1
        try:
            result = self._memoized[subject] = compute()
        finally:
            self._depth -= 1
        return result

    def _replace_loop_variables(self, node: str) -> Text:
        text = replace_loop_variables(node, self.scope.loops)
        # A text of a list can become a hundred times as long without a function, or empty.
        self.scope.budget.spend_text(len(node))
        self._spend(text)
        return text

    def _evaluate_list(self, node: list[JsonValue]) -> Value:
        self.scope.budget.spend_text(0, len(node))
        evaluated = [(part, collapse(self.evaluate(part))) for part in node]
        # AWS::NoValue leaves a list before its elements are counted (https://github.com/aws/aws-cdk/issues/19680).
        present = [(part, element) for part, element in evaluated if not isinstance(element, NoValue)]
        elements = tuple(element for _, element in present)
        if all(isinstance(element, Known) for element in elements):
            return Known([element.value for element in elements if isinstance(element, Known)])
        certain_length = 0
        for part, element in present:
            if not self._certainly_exists(part, element):
                break
            certain_length += 1
        return PartialList(elements, certain_length)

    def _certainly_exists(self, node: JsonValue, outcome: Known | Pending | Unknown) -> bool:
        if isinstance(outcome, Known):
            return True
        name = intrinsic_of(node)
        return (
            bool(outcome.prefix)
            or name is None
            or name in _NEVER_NO_VALUE
            or (name == "Ref" and isinstance(node[name], str) and node[name] not in self.scope.loops)
        )

    def _evaluate_mapping(self, node: dict[Any, JsonValue]) -> Value:
        name = intrinsic_of(node)
        if name is not None:
            return self._call(TRANSFORM if transform_keys(node) else name, node[name])
        self.scope.budget.spend_text(0, len(node))
        content: dict[str, JsonValue] = {}
        unresolved: list[Pending | Unknown] = []
        calls = transform_keys(node)
        for key, part in node.items():
            if key in calls or (isinstance(key, str) and key.startswith("Fn::")):
                return Unknown(f"{key} must be the only key of its mapping", "remove the other keys")
            outcome = collapse(self.evaluate(part))
            if isinstance(outcome, Known):
                content[key] = outcome.value
            elif not isinstance(outcome, NoValue):
                unresolved.append(outcome)
        return all_unresolved(unresolved) if unresolved else Known(content)

    def _call(self, name: str, argument: JsonValue) -> Value:
        function = self._intrinsics.get("Fn::ForEach" if name.startswith(_LOOP) else name)
        if isinstance(function, Unknown):
            return function
        if function is not None:
            value = function(argument, self)
            self._spend(value)
            return value
        if name == "Fn::PinDigest":
            return Unknown("Fn::PinDigest cannot be inside another function", "put it around the whole image")
        return Unknown(f"unknown intrinsic function {name}", "check its name")

    def _spend(self, value: Value) -> None:
        match value:
            case Known(str() as text):
                self.scope.budget.spend_text(len(text))
            case Known(list() as elements):
                length = sum(len(element) for element in elements if isinstance(element, str))
                self.scope.budget.spend_text(length, len(elements))
            case Pending(prefix=text) | Unknown(prefix=text):
                self.scope.budget.spend_text(len(text))
            case PartialList(elements):
                self.scope.budget.spend_text(0, len(elements))
            case _:
                pass


LOOP_PLACEHOLDER = re.compile(r"([$&])\{([A-Za-z0-9]+)\}", re.ASCII)
"""What can be a loop variable in a text: its sign and its name."""
_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]", re.ASCII)


def replace_loop_variables(text: str, loops: Mapping[str, Outcome]) -> Text:
    """Replace `${Variable}` and `&{Variable}` (letters and digits only) of loops; other names in braces stay."""
    return concatenate(_pieces(text, loops)) if "{" in text else Known(text)


def _pieces(text: str, loops: Mapping[str, Outcome]) -> Iterator[Text]:
    position = 0
    for placeholder in LOOP_PLACEHOLDER.finditer(text):
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
    return replace(text, prefix=_NOT_ALPHANUMERIC.sub("", text.prefix))
