"""Modules and functions are small, and everything public has a docstring."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from support.project import Module, modules

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 40

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(module: Module) -> Iterator[_Function]:
    for node in ast.walk(module.tree):
        if isinstance(node, _Function):
            yield node


def _lines(function: _Function) -> int:
    """Count the lines of a function without its docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    first = function.body[0]
    return lines - ((first.end_lineno or 0) - first.lineno + 1)


def _public(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.ClassDef | _Function]]:
    """Yield all public classes and functions, and the public members of public classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.ClassDef, *_Function.__args__)) and not child.name.startswith("_"):
            yield prefix + child.name, child
            if isinstance(child, ast.ClassDef):
                yield from _public(child, f"{prefix}{child.name}.")


def test_no_module_is_too_long() -> None:
    long = {module.path: lines for module in modules() if (lines := len(module.text.splitlines())) > MAX_MODULE_LINES}
    assert long == {}


def test_no_function_is_too_long() -> None:
    long = {
        f"{module.path}:{function.lineno} {function.name}": _lines(function)
        for module in modules()
        for function in _functions(module)
        if _lines(function) > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_every_module_has_a_docstring() -> None:
    assert [module.path for module in modules() if not ast.get_docstring(module.tree)] == []


def test_every_public_class_and_function_has_a_docstring() -> None:
    undocumented = [
        f"{module.path}: {name}"
        for module in modules()
        for name, node in _public(module.tree)
        if not ast.get_docstring(node)
    ]
    assert undocumented == []


def test_line_count_excludes_only_the_docstring() -> None:
    counted = [
        ast.parse(f"def f():\n{docstring}    a = 1\n    return a\n").body[0]
        for docstring in ("", '    """A.\n\n    B.\n    """\n')
    ]
    assert [_lines(function) for function in counted if isinstance(function, _Function)] == [3, 3]
