"""Carriers: parameters and mappings with marked values, which come to images through functions that name them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from image_pinner.core.template.annotations import MARK, is_marked
from image_pinner.core.template.census import count_marks
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.values import JsonValue

_VARIABLE = re.compile(r"\$\{(\w+)\}", re.ASCII)


def carries_any(scope: Scope) -> bool:
    """Tell whether any parameter or mapping holds the mark; values of parameters that are secret count as well."""
    return (
        any(map(_holds_mark, scope.values.values()))
        or any(map(_holds_mark, map(_default, scope.parameters.values())))
        or bool(count_marks(scope.mappings).texts)
    )


def may_bring_mark(expression: JsonValue, scope: Scope) -> bool:
    """Tell whether an expression names a parameter or a mapping that holds the mark.

    Args:
        expression: A part of a template whose value is not known.
        scope: What is known there.
    """
    return any(_carries(name, scope) for text in _texts(expression) for name in (text, *_VARIABLE.findall(text)))


def _carries(name: str, scope: Scope) -> bool:
    return (
        _holds_mark(scope.values.get(name))
        or _holds_mark(_default(scope.parameters.get(name)))
        or bool(count_marks(scope.mappings.get(name)).texts)
    )


def _default(declaration: JsonValue) -> JsonValue:
    return declaration.get("Default") if isinstance(declaration, dict) else None


def _holds_mark(value: JsonValue) -> bool:
    # A list arrives as a list, or as a text whose elements are parted by commas.
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(text, str) and MARK in text and any(map(is_marked, text.split(","))) for text in texts)


def _texts(expression: JsonValue) -> Iterator[str]:
    todo = [expression]
    for node in todo:
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            todo.extend(node.values())
        elif isinstance(node, list):
            todo.extend(node)
