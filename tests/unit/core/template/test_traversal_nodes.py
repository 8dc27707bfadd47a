from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, Unknown
from image_pinner.core.template.traversal import TemplateNode, entries_of


@pytest.mark.parametrize("value", [None, 5, "text", [], [{"a": 1}], {}, {5: 1, None: 2}])
def test_a_value_that_is_not_a_mapping_has_no_entries(value: Any) -> None:
    assert list(entries_of(TemplateNode((), value, Scope()))) == []


@pytest.mark.parametrize(
    ("steps", "property_path", "property_steps"),
    [
        ((), (), ()),
        (("a",), ("a",), ("a",)),
        (("a", 0), ("a", 0), ("a",)),
        (("a", 0, "b", "Fn::If", 1), ("a", 0, "b"), ("a", 0, "b")),
        (("a", "Fn::If", 2, 0, "Fn::If", 1), ("a", "Fn::If", 2, 0), ("a",)),
        (("Fn::If", 1), (), ()),
        ((0,), (0,), ()),
    ],
)
def test_the_property_path_is_above_branches_and_the_property_above_lists(
    steps: Any, property_path: Any, property_steps: Any
) -> None:
    node = TemplateNode(steps, "x", Scope())
    assert (node.property_path, node.property_steps) == (property_path, property_steps)
    assert node.path.steps == steps


def test_the_start_of_a_walk_has_no_owner() -> None:
    node = TemplateNode((), "x", Scope())
    assert (node.property_path, node.property_steps, node.owner) == ((), (), None)


@pytest.mark.parametrize(
    "loop",
    [None, {}, "x", [], ["Id"], ["Id", ["a"]], [5, ["a"], {"x": 1}], ["Id", ["a"], "text"], ["Id", ["a"], {}, 4]],
)
def test_a_malformed_loop_is_skipped(loop: Any) -> None:
    assert list(entries_of(TemplateNode((), {"Fn::ForEach::L": loop, "a": 1}, Scope()))) == [
        ("a", TemplateNode(("a",), 1, Scope(), owner={"Fn::ForEach::L": loop, "a": 1}))
    ]


def test_the_variable_of_a_loop_is_known_for_one_value_only() -> None:
    tree = {"Fn::ForEach::One": ["A", ["1"], {"x": 1}], "Fn::ForEach::Two": ["B", ["1", "2"], {"y": 1}]}
    scopes = {key: node.scope.loops for key, node in entries_of(TemplateNode((), tree, Scope()))}
    assert scopes["x"] == {"A": Known("1")}
    assert set(scopes["y"]) == {"B"}
    unknown = scopes["y"]["B"]
    assert isinstance(unknown, Unknown)
    assert "Fn::ForEach::Two" in unknown.reason
    assert "AWS::LanguageExtensions" in unknown.help


def test_a_loop_over_the_values_of_a_parameter_is_evaluated() -> None:
    scope = Scope(parameters={"Names": {"Type": "CommaDelimitedList"}}, values={"Names": ["web"]})
    loop = {"Fn::ForEach::L": ["A", {"Ref": "Names"}, {"x": 1}]}
    ((_, node),) = entries_of(TemplateNode((), loop, scope))
    assert node.scope.loops == {"A": Known("web")}


@pytest.mark.parametrize(
    ("collection", "how_many"),
    [
        ([""], "whose only value is empty: CloudFormation passes an empty list parameter as one empty text"),
        (["a", "b"], "which has several values"),
        ({"Ref": "Nope"}, "whose values are unknown: the template has no parameter and no resource 'Nope'"),
        ("a", "whose collection is not a list"),
        (None, "whose collection is not a list"),
        ({"Ref": "AWS::NoValue"}, "whose collection is AWS::NoValue"),
        ({"Fn::If": ["No", ["a"], {"Ref": "AWS::NoValue"}]}, "whose collection is AWS::NoValue"),
    ],
)
def test_the_reason_for_an_unknown_loop_variable_contains_how_many_values_there_are(
    collection: Any, how_many: str
) -> None:
    scope = Scope(conditions={"No": {"Fn::Equals": ["a", "b"]}})
    ((_, node),) = entries_of(TemplateNode((), {"Fn::ForEach::L": ["A", collection, {"x": 1}]}, scope))
    unknown = node.scope.loops["A"]
    assert isinstance(unknown, Unknown)
    assert unknown.reason == f"it depends on the loop variable of Fn::ForEach::L, {how_many}"


def test_the_help_for_a_collection_that_cloudformation_rejects_is_to_write_a_list() -> None:
    for collection in ({"Ref": "AWS::NoValue"}, "a"):
        ((_, node),) = entries_of(TemplateNode((), {"Fn::ForEach::L": ["A", collection, {"x": 1}]}, Scope()))
        unknown = node.scope.loops["A"]
        assert isinstance(unknown, Unknown)
        assert unknown.help == "write the collection as a list, which may be empty: []"


def test_a_loop_variable_is_missing_if_its_collection_is() -> None:
    scope = Scope(parameters={"Names": {"Type": "CommaDelimitedList"}})
    loop = {"Fn::ForEach::L": ["A", {"Ref": "Names"}, {"x": 1}]}
    ((_, node),) = entries_of(TemplateNode((), loop, scope))
    unknown = node.scope.loops["A"]
    assert isinstance(unknown, Unknown)
    assert unknown.missing
