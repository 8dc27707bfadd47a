from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.core.template.edits import Delete, InsertKey, Replace, apply_edits
from image_pinner.core.template.paths import TemplatePath


def at(*steps: str | int) -> TemplatePath:
    return TemplatePath(steps)


def nested(levels: int) -> tuple[Any, tuple[str | int, ...]]:
    """Return a value nested in mappings and lists, and the path to its innermost value."""
    value: Any = "end"
    steps: list[str | int] = []
    for level in range(levels):
        value, step = ({"k": value}, "k") if level % 2 else ([value], 0)
        steps.append(step)
    return value, tuple(reversed(steps))


@pytest.mark.parametrize("steps", [("a", "nowhere", "x"), ("b", 7), ("a", "x", "y", "z")])
def test_a_path_that_does_not_exist_is_an_error(steps: tuple[str | int, ...]) -> None:
    with pytest.raises((KeyError, IndexError, TypeError)):
        apply_edits({"a": {"x": 1}, "b": [1]}, [Replace(TemplatePath(steps), 2)])


def test_a_key_that_does_not_exist_cannot_be_deleted() -> None:
    with pytest.raises(KeyError):
        apply_edits({"a": 1}, [Delete(at("b"))])


def test_paths_of_deletions_are_those_of_the_original() -> None:
    template = {"a": [0, 1, {"x": 2, "y": 3}, 4], "b": 5}
    edits = [Delete(at("a", 0)), Replace(at("a", 3), 9), Delete(at("a", 2, "x")), Delete(at("a", 1)), Delete(at("b"))]
    assert apply_edits(template, edits) == {"a": [{"y": 3}, 9]}
    assert template == {"a": [0, 1, {"x": 2, "y": 3}, 4], "b": 5}


def test_without_edits_the_template_stays_itself() -> None:
    template = {"a": [1]}
    assert apply_edits(template, []) is template


def test_only_the_path_changes_and_the_original_is_kept() -> None:
    template = {"a": {"x": [1, {"y": 2}], "z": {"w": 1}}, "b": [1]}
    before = json.dumps(template)
    result = apply_edits(template, [Replace(at("a", "x", 1, "y"), 3)])
    assert result == {"a": {"x": [1, {"y": 3}], "z": {"w": 1}}, "b": [1]}
    assert json.dumps(template) == before
    assert result["b"] is template["b"]
    assert result["a"]["z"] is template["a"]["z"]


def test_the_root_can_be_replaced() -> None:
    assert apply_edits({"a": 1}, [Replace(at(), "text")]) == "text"


def test_a_new_key_is_inserted_behind_the_specified_one() -> None:
    result = apply_edits({"a": 1, "b": 2, "c": 3}, [InsertKey(at(), "new", 9, "b")])
    assert list(result.items()) == [("a", 1), ("b", 2), ("new", 9), ("c", 3)]


def test_a_new_key_whose_neighbour_is_missing_is_appended() -> None:
    assert list(apply_edits({"a": 1}, [InsertKey(at(), "new", 9, "nowhere")])) == ["a", "new"]
    assert apply_edits({}, [InsertKey(at(), "new", 9, "")]) == {"new": 9}


def test_several_edits_of_one_mapping_are_applied_in_order() -> None:
    result = apply_edits(
        {"m": {"a": 1, "b": 2}},
        [
            Replace(at("m", "a"), 5),
            InsertKey(at("m"), "first", 6, "a"),
            InsertKey(at("m"), "second", 7, "a"),
            InsertKey(at("m"), "third", 8, "second"),
            Replace(at("m", "b"), 9),
        ],
    )
    assert list(result["m"].items()) == [("a", 5), ("second", 7), ("third", 8), ("first", 6), ("b", 9)]


def test_a_shared_value_changes_only_at_the_specified_path() -> None:
    shared = {"x": {"y": 1}}
    result = apply_edits({"a": shared, "b": shared}, [Replace(at("b", "x", "y"), 2)])
    assert result == {"a": {"x": {"y": 1}}, "b": {"x": {"y": 2}}}


def test_a_value_in_two_edits_is_not_changed_by_a_third() -> None:
    value = {"k": 1}
    result = apply_edits({"a": 0, "b": 0, "c": {}}, [Replace(at("a"), value), Replace(at("b"), value)])
    assert result == {"a": {"k": 1}, "b": {"k": 1}, "c": {}}


def test_a_template_of_500_levels_is_edited() -> None:
    template, steps = nested(1_500)
    result = apply_edits(template, [Replace(TemplatePath(steps), "new")])
    for step in steps:
        result = result[step]
    assert result == "new"
