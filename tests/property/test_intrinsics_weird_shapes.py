"""Whatever shape an expression or a template has, evaluation returns an outcome and no secret."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.intrinsics import evaluate, evaluate_condition
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, NoValue, Pending, Unknown
from property.intrinsic_strategies import ANSWERS, SECRET, TEMPLATE, scope_with, weird
from support.sampling import examples

OUTCOMES = (Known, Pending, Unknown, NoValue)


@examples(800)
@given(weird(), st.dictionaries(st.sampled_from(["C0", "C1"]), weird(5), max_size=2), st.booleans())
def test_no_expression_raises_or_shows_a_secret(
    expression: Any,
    conditions: dict[str, Any],
    in_loop: bool,  # noqa: FBT001
) -> None:
    scope = scope_with(conditions)
    if in_loop:
        scope = scope.with_loop("Loop", Unknown("several values"))
    for outcome in (
        evaluate(expression, scope),
        evaluate_condition(expression, scope),
        evaluate_condition("C0", scope),
    ):
        assert isinstance(outcome, OUTCOMES)
        assert SECRET not in repr(outcome)


@examples(300)
@given(st.dictionaries(st.sampled_from(sorted(TEMPLATE)), weird(10)), weird(10), weird(10))
def test_no_template_raises(sections: dict[str, Any], value: Any, conditions: Any) -> None:
    template = {**TEMPLATE, "Conditions": conditions, **sections}
    for section in ("Parameters", "Mappings", "Resources", "Conditions"):
        if isinstance(template[section], dict):
            template[section] = {**template[section], "Odd": value}
    scope = Scope.of_template(template, {"Stage": value, "Names": value}, region="us-east-1", account_id="")
    scope = scope.with_answers(ANSWERS)
    for name in ("Stage", "Names", "Odd", "Repo", "Fresh", "Stored"):
        assert isinstance(evaluate({"Fn::Sub": [f"${{{name}}}", {}]}, scope), OUTCOMES)
        assert isinstance(evaluate({"Fn::GetAtt": [name, "Arn"]}, scope), OUTCOMES)
    assert isinstance(evaluate({"Fn::FindInMap": ["Images", "prod", "Odd"]}, scope), OUTCOMES)
    assert isinstance(evaluate_condition("Odd", scope), OUTCOMES)
