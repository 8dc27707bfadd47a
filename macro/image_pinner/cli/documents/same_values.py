"""Comparing two trees as JSON texts would be compared: `1`, `1.0` and `true` differ, the order of keys does not."""

from __future__ import annotations

from image_pinner.core.intrinsics.values import JsonValue
from image_pinner.core.template.paths import Step, TemplatePath


def same(left: JsonValue, right: JsonValue) -> bool:
    """Tell whether two values are the same."""
    return first_difference(left, right) is None


def first_difference(left: JsonValue, right: JsonValue) -> TemplatePath | None:
    """Give a place in which two trees differ.

    Args:
        left: A tree.
        right: Another.

    Returns:
        The path of a difference, or `None` if there is none.
    """
    todo: list[tuple[tuple[Step, ...], JsonValue, JsonValue]] = [((), left, right)]
    while todo:
        steps, one, other = todo.pop()
        if one is other:
            continue
        if type(one) is not type(other):
            return TemplatePath(steps)
        if isinstance(one, dict):
            if one.keys() != other.keys():
                return TemplatePath(steps)
            todo += [((*steps, key), value, other[key]) for key, value in one.items()]
        elif isinstance(one, list):
            if len(one) != len(other):
                return TemplatePath(steps)
            todo += [((*steps, index), value, other[index]) for index, value in enumerate(one)]
        elif one != other:
            return TemplatePath(steps)
    return None
