from __future__ import annotations

import time
from typing import Any

import pytest

from image_pinner.core.intrinsics.budget import BudgetExceededError
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.paths import parse_image_path
from image_pinner.core.template.traversal import ConditionGuard, OpaqueNode, TemplateNode, branches_of, walk

NO_VALUE = {"Ref": "AWS::NoValue"}
CONTAINERS = "$.ContainerDefinitions[*].Image"


def found(tree: Any, path: str, scope: Scope | None = None) -> list[TemplateNode | OpaqueNode]:
    return list(walk(TemplateNode((), tree, scope or Scope()), parse_image_path(path)))


def values(tree: Any, path: str) -> list[Any]:
    return [node.value for node in found(tree, path) if isinstance(node, TemplateNode)]


def paths_at(tree: Any, path: str) -> list[str]:
    return [str(node.path) for node in found(tree, path)]


@pytest.mark.parametrize(
    "tree",
    [
        None,
        True,
        5,
        1.5,
        "text",
        [],
        {},
        [[["deep"]]],
        {"ContainerDefinitions": None},
        {"ContainerDefinitions": "text"},
        {"ContainerDefinitions": 5},
        {"ContainerDefinitions": [None, 5, "text", [], {}]},
        {"ContainerDefinitions": {"Name": "web", "Image": "nginx"}},
        {"ContainerDefinitions": [[{"Image": "nginx"}]]},
        {5: "x", None: "y"},
        {"ContainerDefinitions": [{5: "x", None: {"Image": "x"}}]},
    ],
)
def test_an_unexpected_shape_is_skipped(tree: Any) -> None:
    assert found(tree, CONTAINERS) == []


@pytest.mark.parametrize(
    "path", ["$.a[5]", "$.a[-4]", "$.b[0]", "$.c[0]", "$.nowhere", "$.a.x", "$.nowhere..x", "$.a[?(@.x==1)]"]
)
def test_a_step_that_does_not_fit_finds_nothing(path: str) -> None:
    assert found({"a": [1, 2, 3], "b": {"0": 1}, "c": "text"}, path) == []


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ({"Ref": "Containers"}, "Ref"),
        ({"Fn::Transform": {"Name": "Other"}}, "Fn::Transform"),
        ({"Fn::FindInMap": ["a", "b", "c"]}, "Fn::FindInMap"),
        ({"Fn::If": ["C", []]}, "Fn::If"),
        ({"Fn::If": "C"}, "Fn::If"),
        ({"Fn::Unheard": 1}, "Fn::Unheard"),
    ],
)
def test_an_expression_on_the_way_is_an_opaque_node(expression: Any, name: str) -> None:
    tree = {"ContainerDefinitions": expression}
    (hidden,) = found(tree, CONTAINERS)
    assert isinstance(hidden, OpaqueNode)
    assert str(hidden.path) == "ContainerDefinitions"
    assert hidden.reason == f"it is the result of {name}"


def test_an_expression_at_the_end_of_a_path_is_found() -> None:
    assert values({"ContainerDefinitions": [{"Image": {"Ref": "X"}}]}, CONTAINERS) == [{"Ref": "X"}]


def test_a_value_has_its_path_and_its_owner() -> None:
    container = {"Name": "web", "Image": "nginx"}
    (node,) = found({"ContainerDefinitions": [5, container]}, CONTAINERS)
    assert isinstance(node, TemplateNode)
    assert node.steps == node.property_path == ("ContainerDefinitions", 1, "Image")
    assert node.owner is container
    assert node.property_steps == ("ContainerDefinitions", 1, "Image")


def test_branches_at_every_level_are_walked_with_their_conditions() -> None:
    tree = {
        "ContainerDefinitions": {
            "Fn::If": [
                "A",
                [{"Fn::If": ["B", {"Image": {"Fn::If": ["C", "x", "y"]}}, NO_VALUE]}],
                [{"Image": "z"}],
            ]
        }
    }
    nodes = [node for node in found(tree, CONTAINERS) if isinstance(node, TemplateNode)]
    assert [(node.value, [(guard.condition, guard.expected) for guard in node.guards]) for node in nodes] == [
        ("x", [("A", True), ("B", True), ("C", True)]),
        ("y", [("A", True), ("B", True), ("C", False)]),
        ("z", [("A", False)]),
    ]
    first = nodes[0]
    assert first.steps == ("ContainerDefinitions", "Fn::If", 1, 0, "Fn::If", 1, "Image", "Fn::If", 1)
    assert first.property_path == ("ContainerDefinitions", "Fn::If", 1, 0, "Fn::If", 1, "Image")
    assert first.property_steps == first.property_path
    assert first.owner == {"Image": {"Fn::If": ["C", "x", "y"]}}


def test_an_element_of_a_list_of_images_has_its_own_property_path() -> None:
    tree = {"Images": {"Fn::If": ["A", ["x", {"Fn::If": ["B", "y", "z"]}], NO_VALUE]}, "Name": "n"}
    last = found(tree, "$.Images[*]")[-1]
    assert isinstance(last, TemplateNode)
    assert (last.value, last.property_path) == ("z", ("Images", "Fn::If", 1, 1))
    assert last.property_steps == ("Images",)
    assert last.owner is tree


def test_no_value_is_nothing() -> None:
    assert found({"ContainerDefinitions": NO_VALUE}, CONTAINERS) == []
    assert found({"ContainerDefinitions": [NO_VALUE, {"Image": NO_VALUE}]}, CONTAINERS) == []


def test_bodies_of_loops_at_every_level_are_walked() -> None:
    tree = {
        "Fn::ForEach::Outer": [
            "A",
            ["1"],
            {
                "Web${A}": {"Image": "x"},
                "Fn::ForEach::Inner": ["B", ["2", "3"], {"Job${A}${B}": {"Image": "y"}}],
            },
        ],
        "Plain": {"Fn::ForEach::Keys": ["C", ["Image"], {"Image": "z"}]},
    }
    assert set(paths_at(tree, "$.*.Image")) == {
        "Fn::ForEach::Outer[2]['Web${A}'].Image",
        "Fn::ForEach::Outer[2].Fn::ForEach::Inner[2]['Job${A}${B}'].Image",
        "Plain.Fn::ForEach::Keys[2].Image",
    }


def test_a_field_is_searched_in_loops_even_if_it_exists() -> None:
    tree = {"Image": "x", "Fn::ForEach::L": ["A", ["1"], {"Image": "y"}]}
    assert values(tree, "$.Image") == ["x", "y"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.list[0]", [1]),
        ("$.list[-1]", [3]),
        ("$.list[*]", [1, 2, 3]),
        ("$.map.*", [4, 5]),
        ("$.map[*]", [4, 5]),
        ("$.rows[?(@.Type=='a')].Image", ["x", "z"]),
        ("$.named[?(@.Type=='a')].Image", ["u"]),
        ("$..Image", ["u", "v", "x", "y", "z"]),
        ("$.rows..Image", ["x", "y", "z"]),
    ],
)
def test_every_kind_of_step_is_followed(path: str, expected: list[Any]) -> None:
    tree = {
        "list": [1, 2, 3],
        "map": {"a": 4, "b": 5},
        "rows": [
            {"Type": "a", "Image": "x"},
            {"Type": "b", "Image": "y"},
            {"Fn::If": ["C", {"Type": "a", "Image": "z"}, {"Fn::If": ["D", NO_VALUE, "text"]}]},
            "text",
        ],
        "named": {"m": {"Type": "a", "Image": "u"}, "n": {"Type": "b", "Image": "v"}},
    }
    assert sorted(values(tree, path), key=str) == expected


def test_descending_keeps_conditions_and_does_not_inspect_functions() -> None:
    tree = {
        "a": [{"Fn::If": ["C", {"Image": "x"}, NO_VALUE]}],
        "b": {"Image": {"Fn::Transform": {"Name": "M", "Parameters": {"Image": "inner"}}}},
        "c": {"Fn::Join": ["", [{"Image": "no"}]]},
    }
    nodes = [node for node in found(tree, "$..Image") if isinstance(node, TemplateNode)]
    assert [str(node.path) for node in nodes] == ["a[0].Fn::If[1].Image", "b.Image"]
    assert nodes[0].guards == (ConditionGuard("C", expected=True),)
    assert len(nodes) == len(found(tree, "$..Image"))


def test_a_value_has_its_own_branches() -> None:
    nodes = list(branches_of(TemplateNode(("x",), {"Fn::If": ["C", "a", NO_VALUE]}, Scope())))
    assert [node.value for node in nodes if isinstance(node, TemplateNode)] == ["a"]
    assert [
        node.value for node in branches_of(TemplateNode((), "plain", Scope())) if isinstance(node, TemplateNode)
    ] == ["plain"]


def nested_ifs(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"Fn::If": ["C", value, NO_VALUE]}
    return value


def test_too_many_conditions_make_an_opaque_node() -> None:
    (hidden,) = branches_of(TemplateNode((), nested_ifs(500), Scope()))
    assert isinstance(hidden, OpaqueNode)
    assert "more than 64 conditions" in hidden.reason
    assert values({"Image": nested_ifs(64)}, "$.Image") == ["x"]


def nested_loops(depth: int) -> Any:
    loops: Any = {"Image": "x"}
    for level in range(depth):
        loops = {f"Fn::ForEach::L{level}": [f"V{level}", ["1", "2"], loops]}
    return loops


def test_deeply_nested_loops_are_refused() -> None:
    with pytest.raises(BudgetExceededError, match="nested too deeply"):
        values(nested_loops(500), "$.Image")


def test_many_levels_of_nesting_are_walked() -> None:
    deep: Any = {"Image": "x"}
    for level in range(1_500):
        deep = {"k": deep} if level % 2 else [deep]
    ifs = {"ContainerDefinitions": {"Fn::If": ["C", [{"Image": nested_ifs(30)}], nested_ifs(30)]}}
    assert values(deep, "$..Image") == ["x"]
    assert values(nested_loops(50), "$.Image") == ["x"]
    assert values(ifs, CONTAINERS) == ["x"]


def test_a_wide_template_is_searched_in_linear_time() -> None:
    tree = {"Resources": {f"R{n}": {"Properties": {"a": [{"b": n}] * 20}} for n in range(500)}}
    before = time.process_time()
    assert found(tree, "$..Image") == []
    assert time.process_time() - before < 5
