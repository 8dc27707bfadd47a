"""`Fn::If` and the condition functions, in three values: true, false, and undecided with a reason.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
"""

from __future__ import annotations

from typing import assert_never

from image_pinner.core.intrinsics.dynamic_references import DYNAMIC_REFERENCE_PREFIX, certain_part
from image_pinner.core.intrinsics.evaluation import Evaluation, Function
from image_pinner.core.intrinsics.values import (
    JsonValue,
    Known,
    NoValue,
    Outcome,
    Pending,
    Unknown,
    Value,
    as_text,
    collapse,
    first_unresolved,
    text_of,
    without_prefix,
)

_UNDECIDED = "an Fn::If is undecided: "
_FEWEST, _MOST = 2, 10  # operands of Fn::And and Fn::Or


def if_(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::If`: the arm that its condition decides for.

    While it is undecided, the value is known all the same if both arms come to the same text.
    """
    match argument:
        case [condition, when_true, when_false]:
            truth = decided(condition, evaluation)
        case _:
            return Unknown("Fn::If has another shape than [condition, value, value]", "Write it in this shape")
    if isinstance(truth, Known):
        return evaluation.value_of(when_true if truth.value else when_false)
    arms = [collapse(evaluation.value_of(arm)) for arm in (when_true, when_false)]
    prefix = _common_beginning(*map(_beginning, arms))
    if arms == [Known(prefix), Known(prefix)]:
        return arms[0]
    if isinstance(truth, Pending):
        return truth._replace(prefix=prefix)
    reason = truth.reason.removeprefix(_UNDECIDED)
    return Unknown(_UNDECIDED + reason, "Put the Fn::If around the whole image", prefix)


def _beginning(arm: Outcome) -> str:
    text = as_text(arm, "an arm")
    return text.value if isinstance(text, Known) else text.prefix


def _common_beginning(one: str, other: str) -> str:
    for position, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return one[:position]
    return min(one, other, key=len)


def decided(condition: JsonValue, evaluation: Evaluation) -> Known | Pending | Unknown:
    """Decide a condition.

    Args:
        condition: The name of a condition of the template, or a condition function.
        evaluation: The evaluation that asks.

    Returns:
        True or false if it is known, else what stands in the way.
    """
    return _decided_by_name(condition, evaluation) if isinstance(condition, str) else _truth(condition, evaluation)


def _decided_by_name(name: str, evaluation: Evaluation) -> Known | Pending | Unknown:
    full_name = evaluation.text(name, "the name of a condition")
    if not isinstance(full_name, Known):
        return without_prefix(full_name)
    conditions = evaluation.scope.conditions
    subject = f"the condition {full_name.value!r}"
    if full_name.value not in conditions:
        return Unknown(f"the template has no condition {full_name.value!r}", "Check its name")
    expression = conditions[full_name.value]
    return _as_truth(evaluation.memoize(subject, lambda: _truth(expression, evaluation)))


def _truth(expression: JsonValue, evaluation: Evaluation) -> Known | Pending | Unknown:
    return _as_truth(evaluation.value_of(expression))


def _as_truth(value: Value) -> Known | Pending | Unknown:
    match value:
        case Known(bool()):
            return value
        case Pending() | Unknown():
            return without_prefix(value)
        case _:
            return Unknown(
                "something that is neither true nor false stands for a condition", "Use a condition function"
            )


def condition(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Condition`, which stands for another condition of the template."""
    if isinstance(argument, str):
        return decided(argument, evaluation)
    return Unknown("Condition holds something else than the name of a condition", "Write Condition: Name")


def not_(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Not`."""
    match argument:
        case [operand]:
            truth = _truth(operand, evaluation)
            return Known(not truth.value) if isinstance(truth, Known) else truth
        case _:
            return Unknown("Fn::Not has another shape than [condition]", "Write it in this shape")


def _combining(name: str, *, decisive: bool) -> Function:
    def evaluate(argument: JsonValue, evaluation: Evaluation) -> Value:
        if not isinstance(argument, list) or not _FEWEST <= len(argument) <= _MOST:
            return Unknown(f"{name} does not hold a list of {_FEWEST} to {_MOST} conditions", "Nest several of them")
        operands = [_truth(operand, evaluation) for operand in argument]
        if Known(decisive) in operands:
            return Known(decisive)
        open_ends = [operand for operand in operands if not isinstance(operand, Known)]
        return first_unresolved(open_ends) if open_ends else Known(not decisive)

    return evaluate


and_ = _combining("Fn::And", decisive=False)
or_ = _combining("Fn::Or", decisive=True)


def equals(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::Equals`; texts whose certain beginnings differ are not equal, whatever follows."""
    match argument:
        case [left, right]:
            one, other = (_comparable(collapse(evaluation.value_of(side))) for side in (left, right))
        case _:
            return Unknown("Fn::Equals has another shape than [value, value]", "Write it in this shape")
    if isinstance(one, Known) and isinstance(other, Known):
        if type(one.value) is not type(other.value):
            return Unknown("Fn::Equals compares values of different kinds", "Compare texts with texts")
        return Known(one.value == other.value)
    if _begin_differently(one, other):
        return Known(value=False)
    return first_unresolved(side for side in (one, other) if isinstance(side, Pending | Unknown))


def _comparable(side: Outcome) -> Known | Pending | Unknown:
    match side:
        case Known(value):
            form = _textual(value)
            return (
                Known(form)
                if form is not None
                else Unknown("Fn::Equals compares something that is no text", "Compare texts")
            )
        case NoValue():
            return Unknown("Fn::Equals compares AWS::NoValue", "Compare texts")
        case Pending() | Unknown():
            return side._replace(prefix=certain_part(side.prefix))
        case _:
            assert_never(side)


def _textual(value: JsonValue) -> JsonValue:
    # CloudFormation compares scalars as texts, so that 1 equals "1". A dynamic reference is no text yet.
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
