"""The core is pure: checks that import contracts cannot make, since no import is needed or visible."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from support.project import modules

CORE = "macro/image_pinner/core/"
FORBIDDEN = {"__import__", "breakpoint", "eval", "exec", "globals", "input", "open", "print"}
# The parser for filters is imported for the first expression with a filter.
IMPORTED_BY_NAME = {"macro/image_pinner/core/template/paths.py"}


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    yield name


def _names_called(text: str) -> set[str]:
    return set(_calls(ast.parse(text)))


@pytest.mark.parametrize("line", ["open('x')", "print(1)", "__import__('os')", "f(input())"])
def test_impure_calls_are_found(line: str) -> None:
    assert _names_called(line) & FORBIDDEN


def test_core_makes_no_impure_calls() -> None:
    found = {
        module.path: names
        for module in modules()
        if module.path.startswith(CORE) and (names := set(_calls(module.tree)) & FORBIDDEN)
    }
    assert found == {}


def test_core_imports_no_module_by_name_except_for_jsonpath() -> None:
    loading = {
        module.path for module in modules() if module.path.startswith(CORE) and "import_module" in _calls(module.tree)
    }
    assert loading <= IMPORTED_BY_NAME


def test_core_has_no_global_state() -> None:
    """`global` is how a function would keep state between calls."""
    found = [
        module.path
        for module in modules()
        if module.path.startswith(CORE) and any(isinstance(node, ast.Global) for node in ast.walk(module.tree))
    ]
    assert found == []
