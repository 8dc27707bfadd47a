"""Edits: changes of a template as values, independent of how they are applied.

The same edits are applied to the parsed fragment (here) and to the text of a file (`cli.documents`), and the two
results are compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, assert_never

from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.paths import Step, TemplatePath


class Replace(NamedTuple):
    """Replace the value at an existing path."""

    path: TemplatePath
    value: JsonValue


class InsertKey(NamedTuple):
    """Insert a new key into the mapping at `path`, behind its key `after`, or before all keys if that is empty."""

    path: TemplatePath
    key: str
    value: JsonValue
    after: str


class Delete(NamedTuple):
    """Delete the key or the element at an existing path."""

    path: TemplatePath


Edit = Replace | InsertKey | Delete


def apply_edits(template: JsonValue, edits: Iterable[Edit]) -> JsonValue:
    """Return an edited copy of a template; what the edits do not change is shared with the original.

    No path of an edit may contain another, but several keys can be inserted into one mapping. Paths are those of the
    original, also if elements before them are deleted.
    """
    # A list around the root, so that the root can be replaced as everything else can.
    top: list[JsonValue] = [template]
    # The copies made so far by identity; they are referenced here, so that no identity is reused.
    copies: dict[int, Any] = {id(top): top}
    for edit in _in_order(edits):
        parent: Any = top
        key: Step = 0
        for step in edit.path.steps:
            value = parent[key]
            if id(value) not in copies:
                value = parent[key] = dict(value) if isinstance(value, dict) else list(value)
                copies[id(value)] = value
            parent, key = value, step
        match edit:
            case Replace():
                parent[key] = edit.value
            case InsertKey():
                parent[key] = _with_key(parent[key], edit)
            case Delete():
                del parent[key]
            case _:
                assert_never(edit)
    return top[0]


def _in_order(edits: Iterable[Edit]) -> list[Edit]:
    """Return the edits with the deletions last."""
    others: list[Edit] = []
    deletions: list[Delete] = []
    for edit in edits:
        if isinstance(edit, Delete):
            deletions.append(edit)
        else:
            others.append(edit)
    return [*others, *sorted(deletions, key=_order)] if deletions else others


def _order(deletion: Delete) -> tuple[int, int]:
    """Sort inner deletions before outer ones and last elements first, so that no index changes before use."""
    steps = deletion.path.steps
    return -len(steps), -steps[-1] if isinstance(steps[-1], int) else 0


def _with_key(mapping: JsonObject, edit: InsertKey) -> dict[str, JsonValue]:
    if not edit.after and "" not in mapping:
        return {edit.key: edit.value, **mapping}
    result: dict[str, JsonValue] = {}
    for key, value in mapping.items():
        result[key] = value
        if key == edit.after:
            result[edit.key] = edit.value
    result.setdefault(edit.key, edit.value)
    return result
