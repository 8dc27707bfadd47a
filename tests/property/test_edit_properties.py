"""Edits: they change the specified paths and nothing else, in every tree."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.template.edits import Delete, Edit, InsertKey, Replace, apply_edits
from image_pinner.core.template.paths import TemplatePath
from support.sampling import examples

_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4),
    max_leaves=20,
)


def _paths(tree: Any, steps: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [steps, *(steps_to for key, value in children for steps_to in _paths(value, (*steps, key)))]


def _at(tree: Any, steps: tuple[Any, ...]) -> Any:
    for step in steps:
        tree = tree[step]
    return tree


@st.composite
def _edited(draw: st.DrawFn) -> tuple[Any, list[Edit]]:
    tree = draw(_TREES)
    edits: list[Edit] = []
    taken: list[tuple[Any, ...]] = []
    for steps_to in draw(st.lists(st.sampled_from(_paths(tree)), max_size=5, unique=True)):
        if any(steps_to[: len(other)] == other or other[: len(steps_to)] == steps_to for other in taken):
            continue
        taken.append(steps_to)
        value = _at(tree, steps_to)
        if isinstance(value, dict) and draw(st.booleans()):
            after = draw(st.sampled_from(["", *value]))
            edits += [
                InsertKey(TemplatePath(steps_to), f"new{number}", number, after)
                for number in range(draw(st.integers(1, 3)))
            ]
        else:
            edits.append(Replace(TemplatePath(steps_to), draw(_TREES)))
    return tree, edits


@examples(300)
@given(_edited())
def test_every_edit_is_made_and_nothing_else_changes(made: tuple[Any, list[Edit]]) -> None:
    tree, edits = made
    before = copy.deepcopy(tree)
    result = apply_edits(tree, edits)
    assert tree == before
    for edit in edits:
        if isinstance(edit, Replace):
            assert _at(result, edit.path.steps) == edit.value
        else:
            assert _at(result, edit.path.steps)[edit.key] == edit.value
    changed = [edit.path.steps for edit in edits]
    for steps_to in _paths(tree):
        if not any(steps_to[: len(steps)] == steps or steps[: len(steps_to)] == steps_to for steps in changed):
            assert _at(result, steps_to) is _at(tree, steps_to)
    for edit in edits:
        if isinstance(edit, InsertKey):
            keys = list(_at(result, edit.path.steps))
            assert [key for key in keys if not key.startswith("new")] == [
                key for key in _at(tree, edit.path.steps) if not key.startswith("new")
            ]


@examples(100)
@given(_edited(), st.randoms(use_true_random=False))
def test_the_order_of_edits_at_different_paths_makes_no_difference(made: tuple[Any, list[Edit]], chance: Any) -> None:
    tree, edits = made
    by_path: dict[Any, list[Edit]] = {}
    for edit in edits:
        by_path.setdefault(edit.path, []).append(edit)
    groups = list(by_path.values())
    chance.shuffle(groups)
    assert apply_edits(tree, [edit for group in groups for edit in group]) == apply_edits(tree, edits)


@examples(300)
@given(_TREES, st.data())
def test_deletions_leave_the_other_members_in_their_order(tree: Any, data: st.DataObject) -> None:
    chosen: list[tuple[Any, ...]] = []
    for steps in data.draw(st.lists(st.sampled_from(_paths(tree)), max_size=4, unique=True)):
        if steps and not any(steps[: len(other)] == other or other[: len(steps)] == steps for other in chosen):
            chosen.append(steps)
    before = copy.deepcopy(tree)
    result = apply_edits(tree, [Delete(TemplatePath(steps)) for steps in chosen])
    assert tree == before
    assert result == _without(tree, chosen, ())


def _without(tree: Any, deleted: list[tuple[Any, ...]], steps: tuple[Any, ...]) -> Any:
    if isinstance(tree, dict):
        return {
            key: _without(value, deleted, (*steps, key)) for key, value in tree.items() if (*steps, key) not in deleted
        }
    if isinstance(tree, list):
        return [
            _without(value, deleted, (*steps, index))
            for index, value in enumerate(tree)
            if (*steps, index) not in deleted
        ]
    return tree
