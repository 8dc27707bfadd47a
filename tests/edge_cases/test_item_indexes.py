"""Each module has the same list of items in its docstring and in its tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

FILES = sorted(path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))
_LINE = re.compile(r"^ {4}(?P<cited>\S.*): (?P<test>test_\w+)$", re.MULTILINE)


def _tests(module: ast.Module) -> list[tuple[str, str]]:
    return [
        (node.name, (ast.get_docstring(node) or "").partition("\n")[0])
        for node in module.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_list_has_each_test_in_order_with_its_citation(path: Path) -> None:
    module = ast.parse(path.read_text("utf-8"))
    listed = [(line["test"], line["cited"]) for line in _LINE.finditer(ast.get_docstring(module) or "")]
    tests = _tests(module)
    assert [test for test, _ in tests] == [test for test, _ in listed]
    assert [
        test for (test, docstring), (_, cited) in zip(tests, listed, strict=True) if not docstring.startswith(cited)
    ] == []


def test_the_lists_exist() -> None:
    assert {path.stem for path in FILES} >= {"test_reference_parsing", "test_registries", "test_platforms"}
