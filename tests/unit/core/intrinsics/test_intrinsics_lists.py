"""`Fn::Select`, `Fn::Split` and `Fn::Length`, on lists that are known in part as well."""

from __future__ import annotations

import pytest

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, Pending, StackExport, Unknown

SCOPE = Scope(
    parameters={
        "List": {"Type": "CommaDelimitedList", "Default": "a,b,c"},
        "Text": {"Type": "String", "Default": "a/b"},
        "Index": {"Type": "Number", "Default": "1"},
        "Missing": {"Type": "String"},
    },
    conditions={"Open": {"Fn::Equals": [{"Ref": "Missing"}, "a"]}},
    resources={"Repo": {"Type": "AWS::ECR::Repository"}},
    region="us-east-1",
    account_id="123456789012",
)
NO_VALUE = {"Ref": "AWS::NoValue"}
MISSING = {"Ref": "Missing"}
MAYBE = {"Fn::If": ["Open", "x", NO_VALUE]}
EXPORT = {"Fn::ImportValue": "E"}
LOOKUP = frozenset({StackExport("E")})
ARN = {"Fn::GetAtt": ["Repo", "Arn"]}


def reason(expression: object) -> str:
    outcome = evaluate(expression, SCOPE)
    assert isinstance(outcome, Unknown), outcome
    assert outcome.prefix == ""
    return outcome.reason


class TestSelect:
    @pytest.mark.parametrize("argument", [None, "a", [], [0], [0, ["a"], "b"], {"a": 1}])
    def test_an_invalid_argument_is_refused(self, argument: object) -> None:
        assert reason({"Fn::Select": argument}) == "Fn::Select has an invalid argument"

    @pytest.mark.parametrize("index", [-1, "-1", 1.5, "", "one", "\u0661", "1 ", True, "9" * 10])
    def test_an_index_that_is_not_a_whole_number_is_refused(self, index: object) -> None:
        assert reason({"Fn::Select": [index, ["a", "b"]]}) == "the index of Fn::Select is not a whole number"

    @pytest.mark.parametrize("index", [None, ["0"], NO_VALUE])
    def test_an_index_that_is_not_text_is_refused(self, index: object) -> None:
        assert reason({"Fn::Select": [index, ["a", "b"]]}).startswith("the index of Fn::Select must be text")

    @pytest.mark.parametrize("elements", ["abc", None, {"a": 1}, {"Ref": "Text"}])
    def test_an_argument_that_is_not_a_list_is_refused(self, elements: object) -> None:
        assert reason({"Fn::Select": [0, elements]}) == "the second argument of Fn::Select is not a list"

    @pytest.mark.parametrize("index", [2, "2", 100])
    @pytest.mark.parametrize(
        ("elements", "number", "help"),
        [
            (["a", "b"], "2 elements", "use an index from 0 to 1"),
            (["a"], "1 element", "use the index 0"),
            ([], "no elements", "use a list with elements"),
        ],
    )
    def test_an_index_behind_the_end_is_refused(
        self, index: object, elements: list[str], number: str, help: str
    ) -> None:
        cause = f"the index {index} of Fn::Select is out of range: the list has {number}"
        assert evaluate({"Fn::Select": [index, elements]}, SCOPE) == Unknown(cause, help)

    @pytest.mark.parametrize(
        ("index", "elements", "value"),
        [
            (0, ["a", "b"], "a"),
            ("1", ["a", "b"], "b"),
            ({"Ref": "Index"}, {"Ref": "List"}, "b"),
            (1, {"Fn::Split": ["/", {"Ref": "Text"}]}, "b"),
            (1, [MISSING, "b", EXPORT], "b"),
            (0, ["a", NO_VALUE], "a"),
            (1, [["a"], ["b"]], ["b"]),
        ],
    )
    def test_an_element_is_selected_whatever_the_others_are(
        self, index: object, elements: object, value: object
    ) -> None:
        assert evaluate({"Fn::Select": [index, elements]}, SCOPE) == Known(value)

    def test_an_unknown_element_keeps_its_prefix(self) -> None:
        outcome = evaluate({"Fn::Select": [1, ["a", {"Fn::Sub": "b${Missing}"}]]}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert outcome.prefix == "b"

    def test_an_unresolved_index_or_list_is_unresolved(self) -> None:
        assert evaluate({"Fn::Select": [EXPORT, ["a", "b"]]}, SCOPE) == Pending(LOOKUP)
        assert evaluate({"Fn::Select": [0, EXPORT]}, SCOPE) == Pending(LOOKUP)
        assert "Missing" in reason({"Fn::Select": [EXPORT, MISSING]})

    @pytest.mark.parametrize(
        ("elements", "prefix"),
        [
            (["ab", "ac"], "a"),
            (["ab", {"Fn::Sub": "a${Missing}"}, {"Fn::Join": ["", ["abc", EXPORT]]}], "a"),
            (["ab", MISSING], ""),
            (["ab", ["ab"]], ""),
            (["ab", MAYBE], ""),
            ({"Fn::Split": ["/", {"Fn::Sub": "a/a${Missing}"}]}, ""),
            (["ab"], "ab"),
            ([], ""),
        ],
    )
    def test_an_unresolved_index_leaves_what_all_elements_begin_with(self, elements: object, prefix: str) -> None:
        assert getattr(evaluate({"Fn::Select": [EXPORT, elements]}, SCOPE), "prefix", None) == prefix

    def test_no_value_leaves_the_list_before_elements_are_counted(self) -> None:
        elements = [{"Fn::If": [{"Fn::Equals": ["a", "b"]}, "x", NO_VALUE]}, "a", NO_VALUE, "b"]
        assert evaluate({"Fn::Select": [0, elements]}, SCOPE) == Known("a")
        assert evaluate({"Fn::Select": ["1", elements]}, SCOPE) == Known("b")
        assert "out of range" in reason({"Fn::Select": [2, elements]})

    @pytest.mark.parametrize("index", [1, 2, 3])
    def test_after_a_possible_no_value_no_index_is_certain(self, index: int) -> None:
        assert "Missing" in reason({"Fn::Select": [index, ["a", MAYBE, "b"]]})


class TestSplit:
    @pytest.mark.parametrize(
        "argument", [None, "a", [], ["/"], ["/", "a", "b"], ["", "a"], [1, "a1b"], [{"Ref": "Text"}, "a"]]
    )
    def test_an_invalid_argument_is_refused(self, argument: object) -> None:
        assert reason({"Fn::Split": argument}) == "Fn::Split has an invalid argument"

    @pytest.mark.parametrize("source", [None, ["a"], {"a": 1}, NO_VALUE, {"Ref": "List"}])
    def test_an_argument_that_is_not_text_is_refused(self, source: object) -> None:
        assert reason({"Fn::Split": ["/", source]}).startswith("the second argument of Fn::Split must be text")

    @pytest.mark.parametrize(
        ("delimiter", "source", "parts"),
        [
            ("/", "a/b", ["a", "b"]),
            ("/", "ab", ["ab"]),
            ("/", "", [""]),
            ("/", "/a/", ["", "a", ""]),
            ("::", "a:::b", ["a", ":b"]),
            (":", {"Fn::Sub": "x:${Text}"}, ["x", "a/b"]),
            ("0", 101, ["1", "1"]),
        ],
    )
    def test_a_text_is_split(self, delimiter: str, source: object, parts: list[str]) -> None:
        assert evaluate({"Fn::Split": [delimiter, source]}, SCOPE) == Known(parts)

    @pytest.mark.parametrize(("index", "value"), [(0, "arn"), (3, "us-east-1"), (4, "123456789012")])
    def test_the_parts_of_an_arn_before_a_generated_name_are_known(self, index: int, value: str) -> None:
        assert evaluate({"Fn::Select": [index, {"Fn::Split": [":", ARN]}]}, SCOPE) == Known(value)

    def test_the_last_part_is_known_by_its_beginning_only(self) -> None:
        outcome = evaluate({"Fn::Select": [5, {"Fn::Split": [":", ARN]}]}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert outcome.prefix == "repository/"

    def test_nothing_is_known_behind_the_last_part(self) -> None:
        assert "generated by CloudFormation" in reason({"Fn::Select": [6, {"Fn::Split": [":", ARN]}]})

    @pytest.mark.parametrize(
        ("source", "prefix"), [("a:${Missing}", "a"), ("a::b:${Missing}", "b"), (":${Missing}", "")]
    )
    def test_half_a_delimiter_is_not_certain(self, source: str, prefix: str) -> None:
        index = source.count("::")
        outcome = evaluate({"Fn::Select": [index, {"Fn::Split": ["::", {"Fn::Sub": source}]}]}, SCOPE)
        assert isinstance(outcome, Unknown)
        assert outcome.prefix == prefix

    def test_a_pending_text_has_its_known_parts(self) -> None:
        source = {"Fn::Join": ["", ["a/b/c", EXPORT]]}
        assert evaluate({"Fn::Split": ["/", source]}, SCOPE) == Pending(LOOKUP)
        assert evaluate({"Fn::Select": [1, {"Fn::Split": ["/", source]}]}, SCOPE) == Known("b")
        assert evaluate({"Fn::Select": [2, {"Fn::Split": ["/", source]}]}, SCOPE) == Pending(LOOKUP, "c")
        assert evaluate({"Fn::Select": [3, {"Fn::Split": ["/", source]}]}, SCOPE) == Pending(LOOKUP)


class TestLength:
    @pytest.mark.parametrize("argument", ["abc", None, {"a": 1}, 5, {"Ref": "Text"}])
    def test_an_argument_that_is_not_a_list_is_refused(self, argument: object) -> None:
        assert reason({"Fn::Length": argument}) == "the argument of Fn::Length is not a list"

    @pytest.mark.parametrize(
        ("argument", "count"),
        [([], 0), (["a", "b"], 2), ({"Ref": "List"}, 3), ({"Fn::Split": ["/", "a/b"]}, 2), ([MISSING, "a"], 2)],
    )
    def test_elements_are_counted(self, argument: object, count: int) -> None:
        assert evaluate({"Fn::Length": argument}, SCOPE) == Known(count)

    def test_a_possible_no_value_is_not_counted(self) -> None:
        assert evaluate({"Fn::Length": ["a", NO_VALUE]}, SCOPE) == Known(1)
        assert "Missing" in reason({"Fn::Length": ["a", MAYBE]})

    def test_an_unknown_tail_is_not_counted(self) -> None:
        assert evaluate({"Fn::Length": {"Fn::Split": ["/", EXPORT]}}, SCOPE) == Pending(LOOKUP)
        assert evaluate({"Fn::Length": EXPORT}, SCOPE) == Pending(LOOKUP)
