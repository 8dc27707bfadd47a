"""Carriers: parameters and mappings with marked values, which come to images through functions that name them."""

from __future__ import annotations

from collections.abc import Iterator

from image_pinner.core.template.annotations import MARK, is_marked
from image_pinner.core.template.census import count_marks
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.values import JsonValue


def carriers(scope: Scope) -> frozenset[str]:
    """Give the names of all parameters and mappings that hold the mark.

    Args:
        scope: What is known; values of parameters that are secret count as well.
    """
    found = {name for name, value in scope.values.items() if _holds_mark(value)}
    for name, declaration in scope.parameters.items():
        if isinstance(declaration, dict) and _holds_mark(declaration.get("Default")):
            found.add(name)
    found.update(name for name, content in scope.mappings.items() if count_marks(content).texts)
    return frozenset(found)


def _holds_mark(value: JsonValue) -> bool:
    # A list arrives as a list, or as a text whose elements are parted by commas.
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(text, str) and MARK in text and any(map(is_marked, text.split(","))) for text in texts)


def mentions(expression: JsonValue, names: frozenset[str]) -> bool:
    """Tell whether an expression names one of some parameters or mappings.

    Args:
        expression: A part of a template.
        names: Names of parameters and mappings.
    """
    return bool(names) and any(
        text in names or any(f"${{{name}}}" in text for name in names) for text in _texts(expression)
    )


def _texts(expression: JsonValue) -> Iterator[str]:
    todo = [expression]
    for node in todo:
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            todo.extend(node.values())
        elif isinstance(node, list):
            todo.extend(node)
