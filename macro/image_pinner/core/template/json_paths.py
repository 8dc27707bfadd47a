"""The parser of JSONPath expressions: jsonpath-ng's.

Its own search sees neither through `Fn::If` nor through `Fn::ForEach`, so only its parser is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from jsonpath_ng import Child, Fields, This
from jsonpath_ng.exceptions import JSONPathError

from image_pinner.core.errors import InvalidPath
from image_pinner.core.template.path_steps import Descend, Every, Field, Index, PathStep, Where

_MAX_LENGTH = 500  # characters; each can be a level of the parsed tree, which is walked by recursion
_REMEDY = "Write fields, *, indices, .. and filters such as [?(@.Type=='AWS::X::Y')]"


def parsed_path(text: str) -> tuple[PathStep, ...]:
    """Parse a JSONPath expression. See `image_paths.parse_image_path`."""
    if len(text) > _MAX_LENGTH:
        raise InvalidPath(f"a JSONPath expression of {len(text)} characters is longer than {_MAX_LENGTH}", _REMEDY)
    # Filters are an extension, whose parser takes longer to load.
    name = "jsonpath_ng.ext.parser" if "?" in text else "jsonpath_ng.parser"
    parse = import_module(name).parse
    try:
        tree = parse(text)
    except JSONPathError as error:
        raise InvalidPath(f"{text!r} is no JSONPath expression: {' '.join(str(error).split())}", _REMEDY) from None
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
            raise InvalidPath(f"{text!r} holds {kind.lower()}, which is not followed in templates", _REMEDY)


def _where(expression: Any, text: str) -> Where:
    match expression.target:
        case Child(left=This(), right=Fields(fields=(str(name),))) if expression.op in {"=", "=="}:
            return Where(name, expression.value)
        case _:
            raise InvalidPath(f"{text!r} holds a filter other than [?(@.Field=='value')]", _REMEDY)
