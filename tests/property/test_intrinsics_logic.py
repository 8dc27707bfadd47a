"""The laws of three-valued logic."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.intrinsics import evaluate_condition
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, Pending, StackExport, Unknown
from property.intrinsic_strategies import combined
from support.sampling import examples

TRUE, FALSE = {"Fn::Equals": ["a", "a"]}, {"Fn::Equals": ["a", "b"]}
OPEN = [{"Fn::Equals": [{"Ref": name}, "yes"]} for name in ("P", "Q")]
PENDING = {"Fn::Equals": [{"Fn::ImportValue": "E"}, "yes"]}
SCOPE = Scope(parameters={"P": {"Type": "String"}, "Q": {"Type": "String"}})
CONDITIONS = combined(st.sampled_from([TRUE, FALSE, *OPEN, PENDING]))


def kind(condition: Any, scope: Scope = SCOPE) -> object:
    """Return the truth value, or the type of an unresolved outcome."""
    outcome = evaluate_condition(condition, scope)
    return outcome.value if isinstance(outcome, Known) else type(outcome)


def both(*operands: Any) -> dict[str, Any]:
    return {"Fn::And": list(operands)}


def either(*operands: Any) -> dict[str, Any]:
    return {"Fn::Or": list(operands)}


def no(operand: Any) -> dict[str, Any]:
    return {"Fn::Not": [operand]}


@examples(300)
@given(CONDITIONS, CONDITIONS, CONDITIONS)
def test_the_laws_of_logic_hold(a: Any, b: Any, c: Any) -> None:
    assert kind(no(no(a))) == kind(a)
    for combine, other in ((both, either), (either, both)):
        assert kind(combine(a, b)) == kind(combine(b, a))
        assert kind(combine(a, combine(b, c))) == kind(combine(combine(a, b), c)) == kind(combine(a, b, c))
        assert kind(combine(a, a)) == kind(a)
        assert kind(no(combine(a, b))) == kind(other(no(a), no(b)))
    assert kind(both(a, TRUE)) == kind(either(a, FALSE)) == kind(a)
    assert kind(both(a, FALSE)) is False
    assert kind(either(a, TRUE)) is True


@examples(200)
@given(CONDITIONS)
def test_what_is_decided_holds_whatever_the_open_parts_turn_out_to_be(condition: Any) -> None:
    now = kind(condition)
    later = set()
    for p, q, e in itertools.product(("yes", "no"), repeat=3):
        scope = Scope(SCOPE.parameters, {"P": p, "Q": q}).with_answers({StackExport("E"): Known(e)})
        later.add(kind(condition, scope))
    assert later <= {True, False}
    if isinstance(now, bool):
        assert later == {now}


@examples(200)
@given(CONDITIONS)
def test_conditions_follow_the_looked_up_values(condition: Any) -> None:
    if kind(condition) is Pending:
        assert kind(condition, SCOPE.with_answers({StackExport("E"): Known("yes")})) in {True, False, Unknown}


@examples(100)
@given(CONDITIONS)
def test_a_condition_by_name_is_the_condition_itself(condition: Any) -> None:
    scope = Scope(SCOPE.parameters, conditions={"Named": json.loads(json.dumps(condition))})
    assert (
        evaluate_condition("Named", scope)
        == evaluate_condition({"Condition": "Named"}, scope)
        == evaluate_condition(condition, SCOPE)
    )
