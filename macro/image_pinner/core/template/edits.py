"""Edits: what changes in a template, told apart from how it is carried out.

The same edits are applied to the parsed fragment (here) and to the text of a file (`cli.documents`), and
the two results are compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, assert_never

from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.paths import Step, TemplatePath


class Replace(NamedTuple):
    """Put a value in the place of what stands at a path.

    Args:
        path: The place; it exists.
        value: What stands there afterwards.
    """

    path: TemplatePath
    value: JsonValue


class InsertKey(NamedTuple):
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
    # The root stands in a list of one, so that it has a place as everything else has.
    top: list[JsonValue] = [template]
    # What is a copy already; kept, so that no other object gets the identity of one.
    copies: dict[int, Any] = {id(top): top}
    for edit in edits:
        context: Any = top
        here: Step = 0
        for step in edit.path.steps:
            value = context[here]
            if id(value) not in copies:
                value = context[here] = dict(value) if isinstance(value, dict) else list(value)
                copies[id(value)] = value
            context, here = value, step
        context[here] = _edited(context[here], edit)
    return top[0]


def _edited(value: JsonValue, edit: Edit) -> JsonValue:
    match edit:
        case Replace():
            return edit.value
        case InsertKey():
            return _with_key(value, edit)
        case _:
            assert_never(edit)


def _with_key(mapping: JsonObject, edit: InsertKey) -> dict[str, JsonValue]:
    result: dict[str, JsonValue] = {}
    for key, value in mapping.items():
        result[key] = value
        if key == edit.after:
            result[edit.key] = edit.value
    result.setdefault(edit.key, edit.value)
    return result
