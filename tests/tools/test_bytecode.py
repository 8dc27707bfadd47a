from __future__ import annotations

import marshal
from typing import Any

import pytest

from build_package.bytecode import compile_module

_HEADER = 16  # bytes before the code: https://peps.python.org/pep-0552/#specification
SOURCE = b'''"""Module."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Image:
    """Class."""

    name: str

    def tag(self, *, default: str = "") -> None:
        """Method."""


async def resolve() -> str:
    """Function."""
    return "digest"
'''


def run(path: str) -> dict[str, Any]:
    # `dataclass` looks up the module of a class by its name.
    module: dict[str, Any] = {"__name__": __name__}
    exec(marshal.loads(compile_module(path, SOURCE)[_HEADER:]), module)
    return module


@pytest.mark.parametrize("path", ["image_pinner/core/images/references.py", "urllib3/response.py"])
def test_modules_are_compiled_without_docstrings(path: str) -> None:
    module = run(path)

    documented = module.get("__doc__"), module["Image"].tag.__doc__, module["resolve"].__doc__
    assert documented == (None, None, None)
    # Not empty: `dataclass` would write one.
    assert module["Image"].__doc__ == " "
    assert module["Image"]("nginx").tag() is None
    assert module["Image"].tag.__code__.co_firstlineno == 14


@pytest.mark.parametrize(
    ("path", "kept"), [("image_pinner/core/errors.py", {}), ("jsonpath_ng/lexer.py", {"return": "str"})]
)
def test_only_fields_keep_their_annotations(path: str, kept: dict[str, str]) -> None:
    module = run(path)
    assert module["resolve"].__annotations__ == kept
    assert module["Image"].tag.__annotations__ == (kept and {"default": "str", "return": "None"})
    assert module["Image"].__annotations__ == {"name": "str"}


def test_modules_whose_docstrings_are_a_grammar_keep_them() -> None:
    module = run("jsonpath_ng/parser.py")

    documented = module["__doc__"], module["Image"].__doc__, module["Image"].tag.__doc__, module["resolve"].__doc__
    assert documented == ("Module.", "Class.", "Method.", "Function.")
