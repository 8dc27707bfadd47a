"""Paths in a template: those of values, and JSONPath expressions as the steps that `traversal.walk` follows.

Only the parser of jsonpath-ng is used: its search looks inside neither `Fn::If` nor `Fn::ForEach`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

from image_pinner.core.errors import InvalidPathError
from image_pinner.core.intrinsics.values import JsonValue

FOR_EACH = "Fn::ForEach::"
Step = str | int
# What is printed of a path and of a key, in characters: a report with ten thousand paths, each with a key of 100 KB,
# would take a gigabyte. The names of CloudFormation have at most 255.
_MAX_SHOWN = 1200
_MAX_KEY = 255
_PLAIN = re.compile(r"[A-Za-z0-9_:-]+", re.ASCII)


class TemplatePath(NamedTuple):
    """A path from the root of a template or fragment: keys of mappings and indices of lists.

    Intrinsic functions are mappings in their long form: the first branch of an `Fn::If` is at `"Fn::If", 1`.
    """

    steps: tuple[Step, ...] = ()

    def child(self, *steps: Step) -> TemplatePath:
        """Return this path extended by `steps`."""
        return TemplatePath(self.steps + steps)

    @property
    def parent(self) -> TemplatePath:
        """The path without its last step; the root's parent is the root."""
        return TemplatePath(self.steps[:-1])

    def starts_with(self, other: TemplatePath) -> bool:
        """Return whether this path is `other` or inside it."""
        return self.steps[: len(other.steps)] == other.steps

    @property
    def in_loop(self) -> bool:
        """Whether this is the path of an `Fn::ForEach`, or inside one."""
        return any(str(step).startswith(FOR_EACH) for step in self.steps)

    def __str__(self) -> str:
        steps = [
            _format_key(step) if type(step) is str and len(step) <= _MAX_KEY else _format_other(step)
            for step in self.steps
        ]
        text = "".join(steps).removeprefix(".") or "(the whole fragment)"
        if len(text) <= _MAX_SHOWN:
            return text
        return f"{text[: _MAX_SHOWN // 2]}...{text[-_MAX_SHOWN // 2 :]}"


def _format_other(step: Step) -> str:
    return _format_key(f"{step[:_MAX_KEY]}...") if isinstance(step, str) else f"[{step}]"


# A report prints thousands of paths, most of them with the same few keys.
@lru_cache(maxsize=4096)
def _format_key(key: str) -> str:
    return f".{key}" if _PLAIN.fullmatch(key) else f"[{key!r}]"


def value_at(tree: JsonValue, steps: Iterable[Step]) -> JsonValue:
    """Return the value at a path that exists in `tree`.

    Raises:
        KeyError: A mapping on the path has no such key.
        IndexError: A list on the path is shorter.
    """
    for step in steps:
        tree = tree[step]
    return tree


class Field(NamedTuple):
    """The value of a key in a mapping."""

    name: str


# Not an empty tuple, which is false and equals any other. Their code is shared, since a dataclass takes time to define.
@dataclass(frozen=True, slots=True)
class _WithoutFields:
    pass


class Every(_WithoutFields):
    """All elements of a list, or all values of a mapping."""

    __slots__ = ()


class Index(NamedTuple):
    """One element of a list."""

    number: int


class Descend(_WithoutFields):
    """The current value and everything inside it."""

    __slots__ = ()


class Where(NamedTuple):
    """The children of the current value whose field `name` equals `value`."""

    name: str
    value: Any


PathStep = Field | Every | Index | Descend | Where

_MAX_LENGTH = 500  # characters; each can be a level of the parsed tree, which is walked recursively
_HELP = "write fields, *, indices, .. and filters such as [?(@.Type=='AWS::X::Y')]"


# Plain paths, as in the table of locations, are parsed here: loading the parser takes longer than pinning a template.
_PLAIN_STEP = re.compile(r"([A-Za-z_]\w*)(?:\[(\*|[0-9]{1,9})\])?", re.ASCII)
_PLAIN_PATH = re.compile(rf"(?:\$\.)?{_PLAIN_STEP.pattern}(?:\.{_PLAIN_STEP.pattern})*", re.ASCII)
_RESERVED = frozenset({"parent", "where", "wherenot"})  # words of jsonpath-ng that are not fields


# Bounded, since the platform of an image is at a path with the indices of the image.
@lru_cache(maxsize=1024)
def parse_image_path(text: str) -> tuple[PathStep, ...]:
    """Parse a JSONPath expression that starts at `$` (https://www.rfc-editor.org/rfc/rfc9535).

    Returns:
        The steps from the root to the value.

    Raises:
        InvalidPathError: The expression has a syntax error or an unsupported operator.
    """
    if len(text) > _MAX_LENGTH:
        raise InvalidPathError(f"JSONPath expression has {len(text)} characters, more than {_MAX_LENGTH}", _HELP)
    if _PLAIN_PATH.fullmatch(text) and _RESERVED.isdisjoint(re.findall(r"\w+", text)):
        steps: list[PathStep] = []
        for name, element in _PLAIN_STEP.findall(text.removeprefix("$.")):
            steps.append(Field(name))
            if element:
                steps.append(Every() if element == "*" else Index(int(element)))
        return tuple(steps)
    # Imported late: the parser takes a quarter of the function's start time. Filters need the larger parser.
    parse = import_module("jsonpath_ng.ext.parser" if "?" in text else "jsonpath_ng.parser").parse
    jsonpath_error = import_module("jsonpath_ng.exceptions").JSONPathError
    try:
        tree = parse(text)
    except jsonpath_error as error:
        raise InvalidPathError(
            f"{text!r} is not a valid JSONPath expression: {' '.join(str(error).split())}", _HELP
        ) from None
    return tuple(_convert(tree, text))


def _convert(node: Any, text: str) -> list[PathStep]:
    import jsonpath_ng as ng  # noqa: PLC0415 - late, as in `parse_image_path`

    match node:
        case ng.Root() | ng.This():
            return []
        case ng.Child():
            return _convert(node.left, text) + _convert(node.right, text)
        case ng.Descendants():
            return [*_convert(node.left, text), Descend(), *_convert(node.right, text)]
        case ng.Wildcard():
            return [Every()]
        case ng.Fields(fields=(name,)):
            return [Field(name)]
        case ng.Index(indices=(number,)):
            return [Index(number)]
        # A filter, whose class is part of the larger parser.
        case object(expressions=[expression]):
            match expression.target:
                case ng.Child(left=ng.This(), right=ng.Fields(fields=(str(name),))) if expression.op in {"=", "=="}:
                    return [Where(name, expression.value)]
            raise InvalidPathError(f"{text!r} has a filter other than [?(@.Field=='value')]", _HELP)
        case _:
            raise InvalidPathError(f"{text!r} has unsupported syntax: {type(node).__name__.lower()}", _HELP)
