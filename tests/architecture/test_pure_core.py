"""The core is pure: what import contracts cannot see, because it needs no import or hides it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from support.project import modules

CORE = "macro/image_pinner/core/"
FORBIDDEN = {"__import__", "breakpoint", "eval", "exec", "globals", "input", "open", "print"}
# The parser for filters is loaded with the first expression that has one.
LOADED_BY_NAME = {"macro/image_pinner/core/template/json_path.py"}


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    yield name


def _names_called(text: str) -> set[str]:
    return set(_calls(ast.parse(text)))


@pytest.mark.parametrize("line", ["open('x')", "print(1)", "__import__('os')", "f(input())"])
def test_a_call_that_is_not_pure_is_found(line: str) -> None:
    assert _names_called(line) & FORBIDDEN


def test_the_core_calls_nothing_that_reads_or_writes() -> None:
    found = {
        module.path: names
        for module in modules()
        if module.path.startswith(CORE) and (names := set(_calls(module.tree)) & FORBIDDEN)
    }
    assert found == {}


def test_the_core_loads_no_module_by_name_but_jsonpath() -> None:
    loading = {
        module.path for module in modules() if module.path.startswith(CORE) and "import_module" in _calls(module.tree)
    }
    assert loading <= LOADED_BY_NAME


def test_the_core_keeps_no_state_of_its_own() -> None:
    """`global` is the one way in which a function of a module can remember something unseen."""
    found = [
        module.path
        for module in modules()
        if module.path.startswith(CORE) and any(isinstance(node, ast.Global) for node in ast.walk(module.tree))
    ]
    assert found == []
