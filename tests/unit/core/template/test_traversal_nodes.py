from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, Unknown
from image_pinner.core.template.traversal import TemplateNode, entries_of


@pytest.mark.parametrize("value", [None, 5, "text", [], [{"a": 1}], {}, {5: 1, None: 2}])
def test_what_is_no_map_or_has_no_names_has_no_entries(value: Any) -> None:
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
def test_a_value_knows_its_place_above_arms_and_its_property_above_lists(
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
def test_a_loop_of_another_shape_is_passed_by(loop: Any) -> None:
    assert list(entries_of(TemplateNode((), {"Fn::ForEach::L": loop, "a": 1}, Scope()))) == [
        ("a", TemplateNode(("a",), 1, Scope(), owner={"Fn::ForEach::L": loop, "a": 1}))
    ]


def test_a_loop_over_one_value_knows_its_variable_and_over_several_does_not() -> None:
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
        ([], "which has no values"),
        (["a", "b"], "which has several values"),
        ({"Ref": "Nope"}, "whose values are unknown"),
        ("a", "whose values are unknown"),
        (None, "whose values are unknown"),
    ],
)
def test_a_loop_variable_that_is_not_one_value_says_how_many(collection: Any, how_many: str) -> None:
    ((_, node),) = entries_of(TemplateNode((), {"Fn::ForEach::L": ["A", collection, {"x": 1}]}, Scope()))
    unknown = node.scope.loops["A"]
    assert isinstance(unknown, Unknown)
    assert unknown.reason == f"it depends on the loop variable of Fn::ForEach::L, {how_many}"
