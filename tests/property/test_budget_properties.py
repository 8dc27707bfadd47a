"""No generated expression costs more than its budget, and a budget that is not exceeded changes no result."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.budget import Budget, BudgetExceededError
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import MAX_TEXT, Known, Outcome
from support.counting_budget import CHARACTERS, STEPS, CountingBudget, size_of
from support.sampling import examples

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Long": {"Type": "String", "Default": "p" * 400},
        "Names": {"Type": "CommaDelimitedList", "Default": "a," * 50},
        "Open": {"Type": "String"},
    },
    "Mappings": {"M": {"a": {"t": "a," * 300, "list": ["xy"] * 200}, "b": {"t": "!PinDigest a/b:1", "list": ["z"]}}},
    "Conditions": {
        "Yes": {"Fn::Equals": [{"Fn::FindInMap": ["M", "a", "t"]}, {"Fn::FindInMap": ["M", "a", "t"]}]},
        "Open": {"Fn::Equals": [{"Ref": "Open"}, {"Ref": "Long"}]},
    },
    "Resources": {"Repo": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": {"Ref": "Long"}}}},
}
LOOPS = {"V": {"Fn::FindInMap": ["M", "a", "t"]}, "W": {"Ref": "Open"}}

_REPEATS = st.sampled_from([1, 2, 10, 60])
_TEXT_LEAVES = st.one_of(
    st.sampled_from(["a", "a,b", "&{V}${V}", "&{V}" * 20, "${W}"]),
    st.sampled_from(["Long", "Open", "AWS::AccountId", "V", "Nothing"]).map(lambda name: {"Ref": name}),
    st.sampled_from(
        [["M", "a", "t"], ["M", "b", "t"], ["M", {"Ref": "Long"}, "t", {"DefaultValue": {"Ref": "V"}}]]
    ).map(lambda keys: {"Fn::FindInMap": keys}),
    st.sampled_from(["Arn", "RepositoryUri", "Other"]).map(lambda name: {"Fn::GetAtt": ["Repo", name]}),
)
_LIST_LEAVES = st.sampled_from([{"Fn::FindInMap": ["M", "a", "list"]}, {"Ref": "Names"}])


def _text_functions(text: st.SearchStrategy[Any], items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    variable = st.sampled_from(["${x}", "${x}${Long}", "${V}&{V}${x}"])
    return st.one_of(
        st.tuples(variable, _REPEATS, text).map(lambda each: {"Fn::Sub": [each[0] * each[1], {"x": each[2]}]}),
        st.tuples(st.sampled_from(["", ",", "--" * 20]), items).map(lambda pair: {"Fn::Join": list(pair)}),
        st.tuples(st.sampled_from([0, 1, "150"]), items).map(lambda pair: {"Fn::Select": list(pair)}),
        st.tuples(st.sampled_from(["Yes", "Open"]), text, text).map(lambda three: {"Fn::If": list(three)}),
        items.map(lambda value: {"Fn::ToJsonString": [value]}),
        items.map(lambda value: {"Fn::Length": value}),
        text.map(lambda value: {"Fn::Base64": value}),
    )


def _list_functions(text: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        _LIST_LEAVES,
        st.tuples(st.sampled_from([",", "a", "xx"]), text).map(lambda pair: {"Fn::Split": list(pair)}),
        st.tuples(text, _REPEATS).map(lambda pair: [pair[0]] * pair[1]),
        st.lists(text, min_size=1, max_size=4),
    )


def expressions() -> st.SearchStrategy[Any]:
    """Return nested functions that multiply the texts of a small template."""
    text: st.SearchStrategy[Any] = _TEXT_LEAVES
    for _ in range(4):
        text = st.one_of(_text_functions(text, _list_functions(text)), _TEXT_LEAVES)
    return st.one_of(text, _list_functions(text))


def outcome_with(expression: Any, budget: Budget) -> Outcome | None:
    """Return the outcome of an expression inside two loops, or `None` if the budget is exceeded."""
    scope = Scope.of_template(TEMPLATE, {}, region="us-east-1", account_id="123456789012").with_budget(budget)
    try:
        for name, collection in LOOPS.items():
            scope = scope.with_loop(name, evaluate(collection, scope))
        return evaluate(expression, scope)
    except BudgetExceededError:
        return None


@settings(examples(2_000), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(expressions())
def test_an_expression_stays_within_its_budget(expression: Any) -> None:
    budget = CountingBudget()
    outcome = outcome_with(expression, budget)
    assert budget.steps <= STEPS + 1
    # The text that exceeds the budget exists already; the limit of one expression holds for it.
    assert budget.characters - budget.last <= CHARACTERS
    assert budget.last <= 2 * MAX_TEXT
    if outcome is not None:
        # Texts that no function made are parts of the expression.
        assert size_of(outcome) <= CHARACTERS + len(repr(expression))


@settings(examples(500), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(expressions())
def test_a_budget_that_is_not_exceeded_changes_no_result(expression: Any) -> None:
    limited = outcome_with(expression, CountingBudget())
    unlimited = outcome_with(expression, CountingBudget(10**9, 10**12))
    assert limited is None or limited == unlimited
    assert outcome_with(expression, Budget()) == unlimited


def test_what_is_generated_reaches_the_limits() -> None:
    # So that the properties are not true for the lack of expressive inputs.
    text: Any = {"Ref": "Long"}
    for _ in range(2):
        text = {"Fn::Sub": ["${x}" * 10, {"x": text}]}
    assert outcome_with(text, CountingBudget()) is None
    assert outcome_with(text, Budget()) == Known("p" * 40_000)
