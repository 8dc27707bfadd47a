"""Edits: what changes in a template, told apart from how it is carried out.

The same edits are applied to the parsed fragment (here) and to the text of a file (`entrypoints.source_text`), and
the two results are compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, assert_never

from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.values import JsonMap, JsonValue


@dataclass(frozen=True, slots=True)
class Replace:
    """Put a value in the place of what stands at a path.

    Args:
        path: The place; it exists.
        value: What stands there afterwards.
    """

    path: TemplatePath
    value: JsonValue


@dataclass(frozen=True, slots=True)
class InsertKey:
    """Put a new key into a map.

    Args:
        path: The map; it exists.
        key: The key; the map does not have it.
        value: The value under the key.
        after: The key of the map behind which the new one stands.
    """

    path: TemplatePath
    key: str
    value: JsonValue
    after: str


Edit = Replace | InsertKey


def apply_edits(template: JsonValue, edits: Iterable[Edit]) -> JsonValue:
    """Give a copy of a template with the edits made; what they do not touch is shared with the original.

    Args:
        template: A template or a fragment.
        edits: Edits whose places do not contain each other; several keys can go into one map.

    Returns:
        The edited copy.
    """
    tree = _Node()
    for edit in edits:
        node = tree
        for step in edit.path.steps:
            node = node.children.setdefault(step, _Node())
        node.edits.append(edit)
    return _edited(template, tree)


class _Node:
    """A place on the way to an edit."""

    __slots__ = ("children", "edits")

    def __init__(self) -> None:
        self.children: dict[Step, _Node] = {}
        self.edits: list[Edit] = []


def _edited(value: JsonValue, node: _Node) -> JsonValue:
    result: Any = value
    if node.children:
        result = dict(value) if isinstance(value, dict) else list(value)
        for step, child in node.children.items():
            result[step] = _edited(value[step], child)
    for edit in node.edits:
        match edit:
            case Replace():
                result = edit.value
            case InsertKey():
                result = _with_key(result, edit)
            case _:
                assert_never(edit)
    return result


def _with_key(mapping: JsonMap, edit: InsertKey) -> dict[str, JsonValue]:
    result: dict[str, JsonValue] = {}
    for key, value in mapping.items():
        result[key] = value
        if key == edit.after:
            result[edit.key] = edit.value
    result.setdefault(edit.key, edit.value)
    return result
