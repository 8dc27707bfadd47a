"""Parse JSONPath expressions into the steps that a traversal follows.

Its own search sees neither through `Fn::If` nor through `Fn::ForEach`, so only its parser is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from jsonpath_ng import Child, Fields, This
from jsonpath_ng.exceptions import JSONPathError

from image_pinner.core.errors import InvalidPathError


class Field(NamedTuple):
    """The value under a key of a map."""

    name: str


@dataclass(frozen=True, slots=True)
class Every:
    """All elements of a list, or the values under all keys of a map."""


class Index(NamedTuple):
    """One element of a list."""

    number: int


@dataclass(frozen=True, slots=True)
class Descend:
    """This value and everything inside it."""


class Where(NamedTuple):
    """The children of this value whose field has a certain value."""

    name: str
    value: Any


PathStep = Field | Every | Index | Descend | Where


_MAX_LENGTH = 500  # characters; each can be a level of the parsed tree, which is walked by recursion
_REMEDY = "Write fields, *, indices, .. and filters such as [?(@.Type=='AWS::X::Y')]"


def parsed_path(text: str) -> tuple[PathStep, ...]:
    """Parse a JSONPath expression. See `image_paths.parse_image_path`."""
    if len(text) > _MAX_LENGTH:
        raise InvalidPathError(f"a JSONPath expression of {len(text)} characters is longer than {_MAX_LENGTH}", _REMEDY)
    # Filters are an extension, whose parser takes longer to load.
    name = "jsonpath_ng.ext.parser" if "?" in text else "jsonpath_ng.parser"
    parse = import_module(name).parse
    try:
        tree = parse(text)
    except JSONPathError as error:
        raise InvalidPathError(f"{text!r} is no JSONPath expression: {' '.join(str(error).split())}", _REMEDY) from None
    return tuple(_steps(tree, text))


def _steps(node: Any, text: str) -> list[PathStep]:
    match type(node).__name__:
        case "Root" | "This":
            return []
        case "Child":
            return _steps(node.left, text) + _steps(node.right, text)
        case "Descendants":
            return [*_steps(node.left, text), Descend(), *_steps(node.right, text)]
        case "Fields" if len(node.fields) == 1:
            return [Field(node.fields[0])]
        case "Wildcard":
            return [Every()]
        case "Index" if len(node.indices) == 1:
            return [Index(node.indices[0])]
        case "Filter" if len(node.expressions) == 1:
            return [_where(node.expressions[0], text)]
        case kind:
            raise InvalidPathError(f"{text!r} holds {kind.lower()}, which is not followed in templates", _REMEDY)


def _where(expression: Any, text: str) -> Where:
    match expression.target:
        case Child(left=This(), right=Fields(fields=(str(name),))) if expression.op in {"=", "=="}:
            return Where(name, expression.value)
        case _:
            raise InvalidPathError(f"{text!r} holds a filter other than [?(@.Field=='value')]", _REMEDY)


@cache
def parse_image_path(text: str) -> tuple[PathStep, ...]:
    """Parse a JSONPath expression.

    Args:
        text: The expression, from `$`; https://www.rfc-editor.org/rfc/rfc9535 says what the parts mean.

    Returns:
        The steps from the root to the value.

    Raises:
        InvalidPathError: The expression cannot be parsed, or holds an operator that is not followed.
    """
    # Loaded here: the parser takes a quarter as long to load as all the rest, and the handler's start must not wait.

    return parsed_path(text)
