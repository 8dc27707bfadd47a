"""`Fn::Sub`, `Fn::Join`, `Fn::Base64` and `Fn::ToJsonString`."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import MAX_TEXT, Known, Pending, SsmParameter, StackExport, Unknown

SCOPE = Scope(
    parameters={
        "Repo": {"Type": "String", "Default": "team/app"},
        "Tag": {"Type": "String", "Default": "v1"},
        "Port": {"Type": "Number", "Default": 5000},
        "List": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/tag"},
        "Missing": {"Type": "String"},
    },
    conditions={"Yes": {"Fn::Equals": ["a", "a"]}, "Open": {"Fn::Equals": [{"Ref": "Missing"}, "a"]}},
    region="us-east-1",
    account_id="123456789012",
)
NO_VALUE = {"Ref": "AWS::NoValue"}
MISSING = {"Ref": "Missing"}
PENDING = Pending(frozenset({SsmParameter("/tag")}))


def prefix_of(expression: object) -> str:
    outcome = evaluate(expression, SCOPE)
    assert isinstance(outcome, Pending | Unknown), outcome
    return outcome.prefix


class TestSub:
    @pytest.mark.parametrize(
        "argument", [None, 5, [], ["a"], ["a", {}, {}], [["a"], {}], ["a", "b"], {"Ref": "Tag"}, [{"Ref": "Tag"}, {}]]
    )
    def test_an_invalid_argument_is_refused(self, argument: object) -> None:
        outcome = evaluate({"Fn::Sub": argument}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert outcome.reason.startswith("Fn::Sub has an invalid argument")

    @pytest.mark.parametrize("name", ["", " ", "Tag:-v1-<x>", "a${b", "A-B", "T ag"])
    def test_an_invalid_variable_is_refused(self, name: str) -> None:
        outcome = evaluate({"Fn::Sub": f"x${{{name}}}"}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert outcome.reason.endswith(" is not a valid variable in Fn::Sub")
        assert outcome.prefix == "x"

    @pytest.mark.parametrize("text", ["${ Tag }", "${Tag }", "${\tTag}", "${ AWS::Region }", "${ Own }"])
    def test_blanks_around_a_variable_are_trimmed(self, text: str) -> None:
        plain = text.replace(" ", "").replace("\t", "")
        expected = evaluate({"Fn::Sub": [plain, {"Own": "x"}]}, SCOPE)
        assert isinstance(expected, Known)
        assert evaluate({"Fn::Sub": [text, {"Own": "x"}]}, SCOPE) == expected
        assert evaluate({"Fn::Sub": "${ !Literal}"}, SCOPE) == Known("${Literal}")

    @pytest.mark.parametrize("variable", [["a"], {"a": 1}, None, NO_VALUE, [MISSING], {"Ref": "List"}])
    def test_a_variable_that_is_not_text_is_refused(self, variable: object) -> None:
        outcome = evaluate({"Fn::Sub": ["app:${Variable}", {"Variable": variable}]}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert outcome.reason.startswith("the variable 'Variable' of Fn::Sub must be text")
        assert outcome.prefix == "app:"

    @pytest.mark.parametrize(
        ("argument", "text"),
        [
            ("plain", "plain"),
            ("", ""),
            ("${Repo}:${Tag}", "team/app:v1"),
            ("${AWS::AccountId}/${AWS::Region}", "123456789012/us-east-1"),
            ("localhost:${Port}", "localhost:5000"),
            ("${!Tag}-${Tag}", "${Tag}-v1"),
            ("$${Tag}", "$v1"),
            ("${Tag", "${Tag"),
            ("{Tag} $Tag $ {", "{Tag} $Tag $ {"),
            ("${Tag}}", "v1}"),
            ("${Tag}\n${Tag}", "v1\nv1"),
            (["${Tag}-${Own}", {"Own": {"Fn::Sub": "own-${Tag}"}}], "v1-own-v1"),
            (["${Tag}", {"Tag": "shadow"}], "shadow"),
            (["${Dotted.Name}", {"Dotted.Name": 1}], "1"),
            (["${Flag}", {"Flag": True}], "true"),
            (["${Tag}", {"NotUsed": {"Fn::Nonsense": 1}}], "v1"),
            (["${Tag}", {}], "v1"),
        ],
    )
    def test_variables_are_replaced(self, argument: object, text: str) -> None:
        assert evaluate({"Fn::Sub": argument}, SCOPE) == Known(text)

    @pytest.mark.parametrize(
        ("argument", "prefix"),
        [
            ("!PinDigest ${Missing}:${Tag}", "!PinDigest "),
            ("!PinDigest ${Repo}:${Missing}-${Tag}", "!PinDigest team/app:"),
            (["!PinDigest ${Image}", {"Image": {"Fn::Join": [":", ["app", MISSING]]}}], "!PinDigest app:"),
            ("${Missing}", ""),
        ],
    )
    def test_the_text_before_what_is_unknown_is_the_prefix(self, argument: object, prefix: str) -> None:
        assert prefix_of({"Fn::Sub": argument}) == prefix

    def test_lookups_are_combined_unless_one_is_unknown(self) -> None:
        imported = {"Image": {"Fn::ImportValue": "Image"}}
        outcome = evaluate({"Fn::Sub": ["p-${Stored}-${Image}", imported]}, SCOPE)
        assert outcome == Pending(frozenset({SsmParameter("/tag"), StackExport("Image")}), "p-")
        outcome = evaluate({"Fn::Sub": ["p-${Stored}-${Image}-${Missing}", imported]}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert outcome.prefix == "p-"

    def test_many_openings_without_an_end_take_no_time(self) -> None:
        started = time.process_time()
        text = "${" * 400_000
        assert evaluate({"Fn::Sub": text}, SCOPE) == Known(text)
        assert time.process_time() - started < 5


class TestJoin:
    @pytest.mark.parametrize(
        "argument", [None, "a", [], ["-"], ["-", ["a"], "b"], [1, ["a"]], [{"Ref": "Tag"}, ["a"]], {"a": 1}]
    )
    def test_an_invalid_argument_is_refused(self, argument: object) -> None:
        outcome = evaluate({"Fn::Join": argument}, SCOPE)
        assert outcome == Unknown("Fn::Join has an invalid argument", "write Fn::Join: [delimiter, list]")

    @pytest.mark.parametrize("elements", ["text", {"Ref": "Tag"}, None, {"a": 1}, NO_VALUE])
    def test_an_argument_that_is_not_a_list_is_refused(self, elements: object) -> None:
        assert evaluate({"Fn::Join": ["-", elements]}, SCOPE) == Unknown(
            "the second argument of Fn::Join is not a list", "use a list"
        )

    @pytest.mark.parametrize("element", [["a"], {"a": 1}, None, {"Ref": "List"}, [MISSING]])
    def test_an_element_that_is_not_text_is_refused(self, element: object) -> None:
        outcome = evaluate({"Fn::Join": ["", ["p-", element]]}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert outcome.prefix == "p-"

    @pytest.mark.parametrize(
        ("argument", "text"),
        [
            (["", []], ""),
            (["-", ["a"]], "a"),
            ([":", [{"Ref": "Repo"}, {"Ref": "Tag"}]], "team/app:v1"),
            (["", ["a", 1, True, 1.5]], "a1true1.5"),
            (["-", ["", ""]], "-"),
            (["-", {"Ref": "List"}], "a-b"),
            (["+", {"Fn::Split": ["/", "a/b/c"]}], "a+b+c"),
            (["-", {"Fn::If": ["Yes", ["a", "b"], ["c"]]}], "a-b"),
            (["-", [NO_VALUE, "a", NO_VALUE, "b", NO_VALUE]], "a-b"),
            (["-", ["a", {"Fn::If": ["Yes", NO_VALUE, "b"]}]], "a"),
        ],
    )
    def test_elements_are_joined(self, argument: object, text: str) -> None:
        assert evaluate({"Fn::Join": argument}, SCOPE) == Known(text)

    @pytest.mark.parametrize(
        ("delimiter", "elements", "prefix"),
        [
            ("", ["!PinDigest ", MISSING, ":1"], "!PinDigest "),
            (" ", ["!PinDigest", MISSING], "!PinDigest "),
            ("-", ["a", {"Fn::Sub": "b${Missing}"}, "c"], "a-b"),
            ("-", [MISSING, "a"], ""),
            ("-", {"Fn::Split": ["/", {"Fn::Sub": "a/b/c${Missing}"}]}, "a-b-c"),
            ("-", {"Fn::If": ["Open", ["a"], ["a"]]}, ""),
            # What is undecided may turn out to be nothing, and take the delimiter with it.
            ("-", ["a", {"Fn::If": ["Open", "b", NO_VALUE]}, "c"], "a"),
            ("-", ["a", {"Fn::Select": [0, [{"Fn::If": ["Open", "b", NO_VALUE]}]]}], "a"),
            ("-", ["a", {"Fn::If": ["Open", "b1", "b2"]}, "c"], "a-b"),
        ],
    )
    def test_the_text_before_what_is_unknown_is_the_prefix(self, delimiter: str, elements: object, prefix: str) -> None:
        assert prefix_of({"Fn::Join": [delimiter, elements]}) == prefix

    def test_a_loop_variable_may_be_no_value(self) -> None:
        scope = SCOPE.with_loop("Item", Unknown("several"))
        outcome = evaluate({"Fn::Join": ["-", ["a", {"Ref": "Item"}]]}, scope)
        assert outcome == Unknown("several", "", "a")

    def test_a_list_that_is_pending_is_pending(self) -> None:
        assert evaluate({"Fn::Join": ["-", {"Fn::ImportValue": "L"}]}, SCOPE) == Pending(frozenset({StackExport("L")}))

    def test_a_result_with_a_long_delimiter_is_limited(self) -> None:
        outcome = evaluate({"Fn::Join": ["x" * 100_000, [""] * 100]}, SCOPE)
        assert outcome == Unknown("the expression produces a text of more than 1,000,000 characters", "shorten it")


class TestBase64:
    @pytest.mark.parametrize("argument", [None, ["a"], {"a": 1}, NO_VALUE])
    def test_an_argument_that_is_not_text_is_refused(self, argument: object) -> None:
        outcome = evaluate({"Fn::Base64": argument}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert outcome.reason.startswith("the argument of Fn::Base64 must be text")

    def test_a_dynamic_reference_is_not_encoded(self) -> None:
        assert isinstance(evaluate({"Fn::Base64": "a {{resolve:ssm:x}}"}, SCOPE), Unknown)

    def test_half_a_character_is_refused(self) -> None:
        assert isinstance(evaluate({"Fn::Base64": "\ud800"}, SCOPE), Unknown)

    def test_a_result_that_is_too_long_is_refused(self) -> None:
        assert isinstance(evaluate({"Fn::Base64": "x" * MAX_TEXT}, SCOPE), Unknown)

    def test_a_partly_known_text_has_no_known_encoding(self) -> None:
        assert prefix_of({"Fn::Base64": {"Fn::Sub": "abc${Missing}"}}) == ""

    @pytest.mark.parametrize("text", ["", "app:1", "äß €"])
    def test_a_text_is_encoded(self, text: str) -> None:
        assert evaluate({"Fn::Base64": text}, SCOPE) == Known(base64.b64encode(text.encode()).decode())

    def test_an_expression_is_encoded(self) -> None:
        assert evaluate({"Fn::Base64": {"Fn::Sub": "${Tag}"}}, SCOPE) == Known("djE=")


class TestToJsonString:
    @pytest.mark.parametrize("argument", ["text", 5, None, True, NO_VALUE, {"Ref": "Tag"}])
    def test_an_argument_that_is_neither_mapping_nor_list_is_refused(self, argument: object) -> None:
        outcome = evaluate({"Fn::ToJsonString": argument}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert "neither a mapping nor a list" in outcome.reason

    @pytest.mark.parametrize("argument", [[float("nan")], [object()], {(1, 2): "a"}, [1 << 20_000]])
    def test_a_value_that_is_not_valid_json_is_refused(self, argument: object) -> None:
        outcome = evaluate({"Fn::ToJsonString": argument}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert "JSON" in outcome.reason

    def test_a_result_that_is_too_long_is_refused(self) -> None:
        assert isinstance(evaluate({"Fn::ToJsonString": ["\\" * MAX_TEXT]}, SCOPE), Unknown)

    def test_partly_known_content_has_no_known_text(self) -> None:
        assert prefix_of({"Fn::ToJsonString": [{"Fn::Sub": "abc${Missing}"}]}) == ""

    @pytest.mark.parametrize(
        ("argument", "text"),
        [
            ({"Image": {"Ref": "Tag"}, "Port": 5}, '{"Image":"v1","Port":5}'),
            ([{"Ref": "List"}, NO_VALUE, True], '[["a","b"],true]'),
            ({"a": NO_VALUE, "ö": None}, '{"ö":null}'),
            ([], "[]"),
        ],
    )
    def test_mappings_and_lists_are_written_compactly(self, argument: object, text: str) -> None:
        assert evaluate({"Fn::ToJsonString": argument}, SCOPE) == Known(text)


def test_an_image_inside_several_functions_is_pending_on_all_that_is_needed() -> None:
    expression: Any = {"Fn::Join": [":", [{"Ref": "Repo"}, {"Fn::Sub": "${Stored}-arm64"}]]}
    assert evaluate(expression, SCOPE) == Pending(PENDING.external_values, "team/app:")
    assert evaluate(expression, SCOPE.with_answers({SsmParameter("/tag"): Known("v2")})) == Known("team/app:v2-arm64")
