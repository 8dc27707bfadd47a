"""`Fn::If` and the condition functions, in three values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from image_pinner.core.intrinsics import evaluate, evaluate_condition
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, NoValue, Outcome, Pending, StackExport, Unknown

TRUE: Any = {"Fn::Equals": ["a", "a"]}
FALSE: Any = {"Fn::Equals": ["a", "b"]}
UNKNOWN: Any = {"Fn::Equals": [{"Ref": "Missing"}, "a"]}
PENDING: Any = {"Fn::Equals": [{"Fn::ImportValue": "E"}, "a"]}
LOOKUP = frozenset({StackExport("E")})
CONDITIONS = {"Yes": TRUE, "No": FALSE, "Open": UNKNOWN, "Asked": PENDING}
SCOPE = Scope(
    parameters={
        "Env": {"Type": "String", "Default": "prod"},
        "Empty": {"Type": "String", "Default": ""},
        "List": {"Type": "CommaDelimitedList", "Default": "a,b"},
        "Missing": {"Type": "String"},
    },
    mappings={"Flags": {"prod": {"on": True}}},
    conditions=CONDITIONS,
    region="us-east-1",
)
NO_VALUE = {"Ref": "AWS::NoValue"}


def decided(expression: object, scope: Scope = SCOPE) -> object:
    conditions = {**scope.conditions, "It": expression}
    outcome = evaluate_condition("It", replace(scope, conditions=conditions, cache={}))
    return outcome.value if isinstance(outcome, Known) else type(outcome)


class TestDecide:
    def test_an_undeclared_condition_is_named(self) -> None:
        assert evaluate_condition("Nowhere", SCOPE) == Unknown(
            "the template has no condition 'Nowhere'", "check its name"
        )

    @pytest.mark.parametrize(
        "expression", ["true", "Yes", None, 1, [], {}, ["a"], {"a": "b"}, {"Ref": "Env"}, NO_VALUE]
    )
    def test_an_invalid_condition_is_unknown(self, expression: object) -> None:
        assert decided(expression) is Unknown

    def test_a_circular_condition_is_unknown(self) -> None:
        conditions = {"A": {"Fn::Not": [{"Condition": "B"}]}, "B": {"Fn::And": [{"Condition": "A"}, TRUE]}}
        outcome = evaluate_condition("A", Scope(conditions=conditions))
        assert outcome == Unknown("the condition 'A' refers to itself", "remove the circular reference")

    def test_a_circle_that_is_not_evaluated_does_not_matter(self) -> None:
        conditions = {"A": {"Fn::Or": [{"Condition": "A"}, TRUE]}}
        assert evaluate_condition("A", Scope(conditions=conditions)) == Known(value=True)

    @pytest.mark.parametrize("argument", [None, ["Yes"], {"Ref": "Env"}, 1])
    def test_a_reference_to_a_condition_holds_its_name(self, argument: object) -> None:
        assert decided({"Condition": argument}) is Unknown

    @pytest.mark.parametrize(("name", "outcome"), [("Yes", Known(value=True)), ("No", Known(value=False))])
    def test_a_condition_is_evaluated_by_name_or_inline(self, name: str, outcome: Outcome) -> None:
        assert evaluate_condition(name, SCOPE) == outcome
        assert evaluate_condition({"Condition": name}, SCOPE) == outcome
        assert evaluate_condition(CONDITIONS[name], SCOPE) == outcome

    def test_an_unresolved_condition_has_its_reason(self) -> None:
        assert evaluate_condition("Asked", SCOPE) == Pending(LOOKUP)
        outcome = evaluate_condition("Open", SCOPE)
        assert isinstance(outcome, Unknown)
        assert "'Missing'" in outcome.reason


class TestLogic:
    @pytest.mark.parametrize("name", ["Fn::And", "Fn::Or"])
    @pytest.mark.parametrize("argument", [None, TRUE, [], [TRUE], [TRUE] * 11, "Yes", {"a": 1}])
    def test_too_few_or_too_many_operands_are_refused(self, name: str, argument: object) -> None:
        assert decided({name: argument}) is Unknown

    @pytest.mark.parametrize("argument", [None, TRUE, [], [TRUE, TRUE], "Yes"])
    def test_not_takes_one_operand(self, argument: object) -> None:
        assert decided({"Fn::Not": argument}) is Unknown

    @pytest.mark.parametrize(
        ("operands", "conjunction", "disjunction"),
        [
            ([TRUE, TRUE], True, True),
            ([TRUE, FALSE], False, True),
            ([FALSE, FALSE], False, False),
            ([FALSE, UNKNOWN], False, Unknown),
            ([UNKNOWN, FALSE], False, Unknown),
            ([TRUE, UNKNOWN], Unknown, True),
            ([UNKNOWN, TRUE], Unknown, True),
            ([PENDING, FALSE], False, Pending),
            ([PENDING, TRUE], Pending, True),
            ([PENDING, UNKNOWN], Unknown, Unknown),
            ([UNKNOWN, PENDING, FALSE], False, Unknown),
            (["text", FALSE], False, Unknown),
            ([TRUE] * 10, True, True),
        ],
    )
    def test_and_and_or_in_three_values(self, operands: list[Any], conjunction: object, disjunction: object) -> None:
        assert decided({"Fn::And": operands}) is conjunction
        assert decided({"Fn::Or": operands}) is disjunction

    @pytest.mark.parametrize(
        ("operand", "result"), [(TRUE, False), (FALSE, True), (UNKNOWN, Unknown), (PENDING, Pending)]
    )
    def test_not_in_three_values(self, operand: object, result: object) -> None:
        assert decided({"Fn::Not": [operand]}) is result


class TestEquals:
    @pytest.mark.parametrize("argument", [None, "a", [], ["a"], ["a", "b", "c"], {"a": "b"}])
    def test_two_values_are_compared(self, argument: object) -> None:
        assert decided({"Fn::Equals": argument}) is Unknown

    @pytest.mark.parametrize("value", [None, NO_VALUE, [None], {"a": None}, [NO_VALUE, None], "{{resolve:ssm:x}}"])
    def test_only_text_is_compared(self, value: object) -> None:
        assert decided({"Fn::Equals": [value, "a"]}) is Unknown
        assert decided({"Fn::Equals": ["a", value]}) is Unknown

    def test_values_of_different_kinds_are_not_compared(self) -> None:
        assert decided({"Fn::Equals": [["a"], "a"]}) is Unknown

    @pytest.mark.parametrize(
        ("left", "right", "result"),
        [
            ("a", "a", True),
            ("a", "A", False),
            ("", {"Ref": "Empty"}, True),
            ({"Ref": "Env"}, "prod", True),
            (1, "1", True),
            (True, "true", True),
            ({"Fn::FindInMap": ["Flags", {"Ref": "Env"}, "on"]}, "true", True),
            ({"Fn::Join": ["", {"Ref": "List"}]}, "ab", True),
            ({"Ref": "List"}, ["a", "b"], True),
            ({"Ref": "List"}, ["a"], False),
            ({"a": 1}, {"a": "1"}, True),
            ({"Fn::Select": [0, {"Ref": "List"}]}, "a", True),
        ],
    )
    def test_scalars_are_compared_as_texts(self, left: object, right: object, result: bool) -> None:  # noqa: FBT001
        assert decided({"Fn::Equals": [left, right]}) is result

    @pytest.mark.parametrize(
        ("left", "right", "result"),
        [
            ({"Fn::Sub": "prod-${Missing}"}, "dev", False),
            ("dev", {"Fn::Sub": "prod-${Missing}"}, False),
            ({"Fn::Sub": "prod-${Missing}"}, "prod", False),
            ({"Fn::Sub": "prod-${Missing}"}, "prod-1", Unknown),
            ({"Fn::Sub": "prod-${Missing}"}, {"Fn::Sub": "dev-${Missing}"}, False),
            ({"Fn::Sub": "prod-${Missing}"}, {"Fn::Sub": "prod-1-${Missing}"}, Unknown),
            ({"Fn::Sub": "{{resolve:ssm:x}}-${Missing}"}, "dev", Unknown),
            ({"Fn::Sub": "prod{{${Missing}"}, "product", Unknown),
            ({"Fn::Sub": "prod-${Missing}"}, ["a"], Unknown),
        ],
    )
    def test_different_beginnings_are_enough(self, left: object, right: object, result: object) -> None:
        assert decided({"Fn::Equals": [left, right]}) is result


class TestIf:
    @pytest.mark.parametrize("argument", [None, "Yes", [], ["Yes"], ["Yes", "a"], ["Yes", "a", "b", "c"], {"a": 1}])
    def test_an_invalid_argument_is_refused(self, argument: object) -> None:
        assert evaluate({"Fn::If": argument}, SCOPE) == Unknown(
            "Fn::If has an invalid argument", "write Fn::If: [condition, value, value]"
        )

    @pytest.mark.parametrize("condition", [None, 5, [], "Nowhere", {"Ref": "Env"}, ["Yes"]])
    def test_an_invalid_condition_is_unknown(self, condition: object) -> None:
        outcome = evaluate({"Fn::If": [condition, "a", "b"]}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert outcome.reason.startswith("cannot resolve the condition of Fn::If: ")

    def test_an_unresolved_condition_has_reason_and_help(self) -> None:
        outcome = evaluate({"Fn::Sub": ["app:${Tag}", {"Tag": {"Fn::If": ["Open", "a", "b"]}}]}, SCOPE)
        assert outcome == Unknown(
            "cannot resolve the condition of Fn::If: the parameter 'Missing' has no value and no default",
            "put the Fn::If around the whole image",
            "app:",
            missing=True,
        )

    def test_nested_reasons_are_not_repeated(self) -> None:
        inner = {"Fn::Equals": [{"Fn::If": ["Open", "a", "b"]}, "a"]}
        outcome = evaluate({"Fn::If": [inner, "c", "d"]}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert (
            outcome.reason
            == "cannot resolve the condition of Fn::If: the parameter 'Missing' has no value and no default"
        )

    @pytest.mark.parametrize(
        ("expression", "value"),
        [
            ({"Fn::If": ["Yes", "a", "b"]}, "a"),
            ({"Fn::If": ["No", "a", "b"]}, "b"),
            ({"Fn::If": [TRUE, "a", "b"]}, "a"),
            ({"Fn::If": ["No", {"Ref": "Missing"}, {"Ref": "Env"}]}, "prod"),
            ({"Fn::If": ["Yes", {"Fn::If": ["No", "a", {"Fn::Sub": "x-${Env}"}]}, "b"]}, "x-prod"),
            ({"Fn::If": ["Yes", ["a"], "b"]}, ["a"]),
            ({"Fn::If": ["Open", "same", {"Fn::Sub": "same"}]}, "same"),
        ],
    )
    def test_the_selected_branch_is_the_value(self, expression: object, value: object) -> None:
        assert evaluate(expression, SCOPE) == Known(value)

    def test_a_branch_may_have_no_value(self) -> None:
        assert evaluate({"Fn::If": ["Yes", NO_VALUE, "b"]}, SCOPE) == NoValue()

    @pytest.mark.parametrize(
        ("one", "other", "prefix"),
        [
            ("!PinDigest a", "!PinDigest b", "!PinDigest "),
            ("app", "app:1", "app"),
            ("app:1", "app", "app"),
            ({"Fn::Sub": "app:${Missing}"}, "app:1", "app:"),
            ("a", "b", ""),
            ("app", NO_VALUE, ""),
            ("app", ["app"], ""),
            (5, 5, "5"),
        ],
    )
    def test_the_common_beginning_of_both_branches_is_certain(self, one: object, other: object, prefix: str) -> None:
        outcome = evaluate({"Fn::If": ["Open", one, other]}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert outcome.prefix == prefix

    def test_a_condition_that_needs_a_lookup_is_pending(self) -> None:
        assert evaluate({"Fn::If": ["Asked", "app:1", "app:2"]}, SCOPE) == Pending(LOOKUP, "app:")
        answered = SCOPE.with_answers({StackExport("E"): Known("a")})
        assert evaluate({"Fn::If": ["Asked", "app:1", "app:2"]}, answered) == Known("app:1")


def test_what_a_claim_decides_is_not_remembered_for_the_scope_without_it() -> None:
    conditions = {"IsShop": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "shop"]}}
    scope = Scope(conditions=conditions, answers={StackExport("a"): Known("b")}).claiming("shop")
    for claiming in (scope.with_claims().certain(), scope.certain().with_claims()):
        assert evaluate_condition("IsShop", claiming) == Known(value=True)
        assert isinstance(evaluate_condition("IsShop", scope.certain()), Unknown)
