"""`Fn::If` and the condition functions, with three results: true, false, and unresolved with a reason.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from image_pinner.core.intrinsics.dynamic_references import DYNAMIC_REFERENCE_PREFIX, before_dynamic_reference
from image_pinner.core.intrinsics.evaluation import Evaluation, Function
from image_pinner.core.intrinsics.values import (
    JsonValue,
    Known,
    NoValue,
    Outcome,
    Pending,
    Unknown,
    Value,
    all_unresolved,
    as_text,
    collapse,
    invalid_argument,
    text_of,
    without_prefix,
)

_UNRESOLVED_IF = "cannot resolve the condition of Fn::If: "
_MIN_OPERANDS, _MAX_OPERANDS = 2, 10  # of Fn::And and Fn::Or


def if_(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::If`; with an unresolved condition, equal branches still make a known text."""
    match argument:
        case [condition, when_true, when_false]:
            truth = resolve_condition(condition, evaluation)
        case _:
            return invalid_argument("Fn::If", "[condition, value, value]")
    if isinstance(truth, Known):
        return evaluation.evaluate(when_true if truth.value else when_false)
    branches = [collapse(evaluation.evaluate(branch)) for branch in (when_true, when_false)]
    prefix = common_beginning(branches)
    if branches == [Known(prefix), Known(prefix)]:
        return branches[0]
    if isinstance(truth, Pending):
        return replace(truth, prefix=prefix)
    reason = _UNRESOLVED_IF + truth.reason.removeprefix(_UNRESOLVED_IF)
    return Unknown(reason, "put the Fn::If around the whole image", prefix, truth.missing)


def common_beginning(outcomes: Iterable[Outcome]) -> str:
    """Return the text that each of the outcomes certainly begins with."""
    texts = [as_text(outcome, "a value") for outcome in outcomes]
    beginnings = [text.value if isinstance(text, Known) else text.prefix for text in texts]
    shortest, longest = min(beginnings, default=""), max(beginnings, default="")
    for position, (left, right) in enumerate(zip(shortest, longest, strict=False)):
        if left != right:
            return shortest[:position]
    return shortest


def resolve_condition(condition: JsonValue, evaluation: Evaluation) -> Known | Pending | Unknown:
    """Evaluate the condition with this name, or a condition function."""
    if not isinstance(condition, str):
        return _truth(condition, evaluation)
    name = evaluation.evaluate_text(condition, "the name of a condition")
    if not isinstance(name, Known):
        return without_prefix(name)
    subject = f"the condition {name.value!r}"
    conditions = evaluation.scope.conditions
    if name.value not in conditions:
        return Unknown(f"the template has no condition {name.value!r}", "check its name")
    # A condition is the same wherever it is used, and can be used a thousand times.
    cache = evaluation.scope.cache
    if (cached := cache.get(subject)) is not None:
        return _as_truth(cached)
    expression = conditions[name.value]
    truth = _as_truth(evaluation.memoize(subject, lambda: evaluation.evaluate_outside_loops(expression)))
    if not evaluation.reached_limit:
        cache[subject] = truth
    return truth


def _truth(expression: JsonValue, evaluation: Evaluation) -> Known | Pending | Unknown:
    return _as_truth(evaluation.evaluate(expression))


def _as_truth(value: Value) -> Known | Pending | Unknown:
    match value:
        case Known(bool()):
            return value
        case Pending() | Unknown():
            return without_prefix(value)
        case _:
            return Unknown("a condition is neither true nor false", "use a condition function")


def condition(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Condition`, a reference to another condition of the template."""
    if isinstance(argument, str):
        return resolve_condition(argument, evaluation)
    return invalid_argument("Condition", "Name")


def not_(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Not`."""
    match argument:
        case [operand]:
            truth = _truth(operand, evaluation)
            return Known(not truth.value) if isinstance(truth, Known) else truth
        case _:
            return invalid_argument("Fn::Not", "[condition]")


def _combine(name: str, *, decisive: bool) -> Function:
    def evaluate(argument: JsonValue, evaluation: Evaluation) -> Value:
        if not isinstance(argument, list) or not _MIN_OPERANDS <= len(argument) <= _MAX_OPERANDS:
            return Unknown(
                f"{name} must be a list of {_MIN_OPERANDS} to {_MAX_OPERANDS} conditions", "nest it for more of them"
            )
        operands = [_truth(operand, evaluation) for operand in argument]
        if Known(decisive) in operands:
            return Known(decisive)
        unresolved = [operand for operand in operands if not isinstance(operand, Known)]
        return all_unresolved(unresolved) if unresolved else Known(not decisive)

    return evaluate


and_ = _combine("Fn::And", decisive=False)
or_ = _combine("Fn::Or", decisive=True)


def equals(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Equals`; texts whose certain beginnings differ are not equal."""
    match argument:
        case [left, right]:
            one, other = (_comparable(collapse(evaluation.evaluate(side))) for side in (left, right))
        case _:
            return invalid_argument("Fn::Equals", "[value, value]")
    if isinstance(one, Known) and isinstance(other, Known):
        if type(one.value) is not type(other.value):
            return Unknown("Fn::Equals compares values of different types", "compare text with text")
        return Known(one.value == other.value)
    if _begin_differently(one, other):
        return Known(value=False)
    return all_unresolved(side for side in (one, other) if isinstance(side, Pending | Unknown))


def _comparable(side: Outcome) -> Known | Pending | Unknown:
    match side:
        case Known(value):
            text = _textual(value)
            return Known(text) if text is not None else Unknown("Fn::Equals compares a non-text value", "compare text")
        case NoValue():
            return Unknown("Fn::Equals compares AWS::NoValue", "compare text")
        case Pending() | Unknown():
            return replace(side, prefix=before_dynamic_reference(side.prefix))
        case _:
            assert_never(side)


def _textual(value: JsonValue) -> JsonValue:
    # CloudFormation compares scalars as text, so 1 equals "1". A dynamic reference is not resolved yet.
    if isinstance(value, list):
        elements = [_textual(element) for element in value]
        return None if None in elements else elements
    if isinstance(value, dict):
        content = {key: _textual(element) for key, element in value.items()}
        return None if None in content.values() else content
    text = text_of(value)
    return None if text is None or DYNAMIC_REFERENCE_PREFIX in text else text


def _begin_differently(one: Known | Pending | Unknown, other: Known | Pending | Unknown) -> bool:
    match one, other:
        case Known(str() as text), (Pending() | Unknown()):
            return not text.startswith(other.prefix)
        case ((Pending() | Unknown()), Known(str() as text)):
            return not text.startswith(one.prefix)
        case ((Pending() | Unknown()), (Pending() | Unknown())):
            return not one.prefix.startswith(other.prefix) and not other.prefix.startswith(one.prefix)
        case _:
            return False
