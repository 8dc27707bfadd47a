"""Texts of core and sources are for the users of all entry points: what only some do is `core.advice`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from support.project import modules

SHARED = ("macro/image_pinner/core/", "macro/image_pinner/sources/")
# Options, what users of one entry point do, and programs that run only there.
OF_AN_ENTRY_POINT = re.compile(
    r"--[a-z]|\bdeploy again\b|\bthe CLI\b|\bLambda function\b|\ba function in a VPC\b|\bsign in\b|\bAWS_PROFILE\b",
    re.IGNORECASE,
)
ADVICE = "macro/image_pinner/core/advice.py"
# Of other programs, which users of all entry points can run.
COMMANDS = ("skopeo copy --all", "aws ecr update-image-storage-class --")


def _texts(tree: ast.AST) -> Iterator[str]:
    """Yield the texts of a module, in f-strings without their values; not docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (docstrings | inside):
            yield node.value


def _found(text: str) -> list[str]:
    texts = _texts(ast.parse(text))
    return [one for one in texts if OF_AN_ENTRY_POINT.search(one) and not any(command in one for command in COMMANDS)]


@pytest.mark.parametrize("line", ['f"pass --region {x}"', 'help = "Deploy again"', 'raise E("x", "sign in to AWS")'])
def test_words_of_an_entry_point_are_found(line: str) -> None:
    assert len(_found(line)) == 1


def test_docstrings_and_commands_of_other_programs_are_not_reported() -> None:
    assert _found('"""See --region."""\nhelp = f"run skopeo copy --all docker://{x}"') == []


def test_core_and_sources_have_no_words_of_an_entry_point() -> None:
    found = {
        module.path: texts
        for module in modules()
        if module.path.startswith(SHARED) and module.path != ADVICE and (texts := _found(module.text))
    }
    assert found == {}
