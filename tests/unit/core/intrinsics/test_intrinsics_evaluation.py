"""The walk through an expression: plain values, limits, and unexpected shapes."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from image_pinner.core.intrinsics import evaluate, evaluate_condition
from image_pinner.core.intrinsics.evaluation import MAX_DEPTH, MAX_STEPS
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, NoValue, Pending, StackExport, Unknown

NO_VALUE = {"Ref": "AWS::NoValue"}
UNKNOWN = {"Ref": "AWS::StackName"}


@pytest.mark.parametrize("value", ["", "app:1", 5, 1.5, True, None, [], {}, ["a", 1], {"a": {"b": [None]}}])
def test_a_value_without_functions_is_itself(value: object) -> None:
    assert evaluate(value, Scope()) == Known(value)


def test_functions_inside_lists_and_mappings_are_evaluated() -> None:
    expression = {"Images": [{"Fn::Sub": "app-${AWS::Region}"}, "b"]}
    assert evaluate(expression, Scope(region="us-east-1")) == Known({"Images": ["app-us-east-1", "b"]})


def test_no_value_is_omitted_from_lists_and_mappings() -> None:
    assert evaluate([NO_VALUE, "a"], Scope()) == Known(["a"])
    assert evaluate({"a": NO_VALUE, "b": 1}, Scope()) == Known({"b": 1})
    assert evaluate(NO_VALUE, Scope()) == NoValue()


def test_a_list_or_mapping_with_an_unknown_part_is_unknown_without_a_prefix() -> None:
    part = {"Fn::Sub": "a-${AWS::StackName}"}
    for expression in ([part], {"key": part}, [["b", [part]]]):
        outcome = evaluate(expression, Scope())
        assert isinstance(outcome, Unknown)
        assert "AWS::StackName" in outcome.reason
        assert outcome.prefix == ""


def test_lookups_of_a_list_are_combined() -> None:
    expression = [{"Fn::ImportValue": "A"}, {"Fn::ImportValue": "B"}, "c"]
    assert evaluate(expression, Scope()) == Pending(frozenset({StackExport("A"), StackExport("B")}))


def test_unknown_takes_precedence_over_pending() -> None:
    assert isinstance(evaluate([{"Fn::ImportValue": "A"}, UNKNOWN], Scope()), Unknown)


def test_a_function_next_to_other_keys_is_refused() -> None:
    outcome = evaluate({"Name": "web", "Fn::Transform": {"Name": "AWS::Include"}}, Scope())
    assert outcome == Unknown("Fn::Transform must be the only key of its mapping", "remove the other keys")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: {"Fn::Join": ["", [inner]]},
        lambda inner: {"Ref": inner},
        lambda inner: [inner],
        lambda inner: {"key": inner},
        lambda inner: {"Fn::Not": [inner]},
    ],
)
def test_nesting_beyond_the_limit_is_unknown(wrap: Any) -> None:
    expression: Any = "Tag"
    for _ in range(500):
        expression = wrap(expression)
    assert evaluate(expression, Scope()) == Unknown(
        f"the expression is nested deeper than {MAX_DEPTH} levels", "simplify it"
    )


def test_nesting_within_the_limit_is_evaluated() -> None:
    expression: Any = "deep"
    for _ in range(MAX_DEPTH // 2):
        expression = {"Fn::Join": ["", [expression]]}
    assert evaluate(expression, Scope()) == Known("deep")


def test_an_expression_that_is_shared_again_and_again_ends() -> None:
    expression: Any = ["a"]
    for _ in range(60):
        expression = [expression, expression]
    assert evaluate(expression, Scope()) == Unknown(f"the expression has more than {MAX_STEPS:,} parts", "simplify it")


def test_a_chain_of_conditions_that_branches_everywhere_ends() -> None:
    conditions = {f"C{n}": {"Fn::And": [{"Condition": f"C{n + 1}"}] * 10} for n in range(20)}
    conditions["C20"] = {"Fn::Equals": ["a", "a"]}
    assert evaluate_condition("C0", Scope(conditions=conditions)) == Known(value=True)


def _long_chain_of_conditions() -> Scope:
    conditions: dict[str, Any] = {f"C{n}": {"Fn::Not": [{"Fn::Not": [{"Condition": f"C{n + 1}"}]}]} for n in range(300)}
    return Scope(conditions=conditions)


def test_no_chain_in_a_template_exhausts_the_stack() -> None:
    depth, frame = 0, sys._getframe()
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 600)
    try:
        outcome = evaluate_condition("C0", _long_chain_of_conditions())
    finally:
        sys.setrecursionlimit(limit)
    assert outcome == Unknown(f"the expression is nested deeper than {MAX_DEPTH} levels", "simplify it")
