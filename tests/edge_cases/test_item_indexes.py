"""The lists at the tops of these files and the tests below them are the same, so that neither can lose an item."""

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
def test_the_list_names_each_test_in_its_order_and_each_test_cites_what_the_list_says(path: Path) -> None:
    module = ast.parse(path.read_text("utf-8"))
    listed = [(line["test"], line["cited"]) for line in _LINE.finditer(ast.get_docstring(module) or "")]
    tests = _tests(module)
    assert [test for test, _ in tests] == [test for test, _ in listed]
    assert [test for (test, said), (_, cited) in zip(tests, listed, strict=True) if not said.startswith(cited)] == []


def test_the_three_parts_of_the_list_are_there() -> None:
    assert {path.stem for path in FILES} >= {"test_reference_parsing", "test_registries", "test_platforms"}
