"""Reads JSON text into nodes.

JSON does not go through the YAML parser, which rejects surrogate pairs and long keys.
https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

import json
import math
import re

from image_pinner.cli.documents.nodes import MappingNode, Member, Node, ScalarNode, SequenceNode, SizeLimits
from image_pinner.cli.documents.text import SourceText
from image_pinner.core.intrinsics.values import JsonValue

_BLANK = re.compile(r"[ \t\n\r]*+")
_STRING = re.compile(r'"((?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+)"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(\.[0-9]++)?+([eE][-+]?[0-9]++)?+")
_WORD = re.compile(r"true|false|null")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_INTEGER = 300  # digits; Python refuses to read more than 4,300


class JsonSyntaxError(Exception):
    """A text is not valid JSON, from `index` on."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index
        self.problem = problem


def read_json(source: SourceText) -> Node:
    """Read a JSON text and return its root.

    Raises:
        JsonSyntaxError: The text is not JSON; it may still be YAML.
        UnreadableTemplateError: The text is JSON, but not valid in a template.
    """
    reader = _Reader(source)
    root = reader.value(reader.skip_blanks(0), 1)
    end = reader.skip_blanks(root.end)
    if end < len(source.text):
        raise JsonSyntaxError(end, "unexpected text after the end of the template")
    return root


class _Reader:
    """Reads the value at an index. The depth limit also limits the recursion."""

    __slots__ = ("_limits", "_source", "_text")

    def __init__(self, source: SourceText) -> None:
        self._source = source
        self._text = source.text
        self._limits = SizeLimits(source)

    def skip_blanks(self, index: int) -> int:
        found = _BLANK.match(self._text, index)
        return found.end() if found else index

    def value(self, index: int, depth: int) -> Node:
        self._limits.check_depth(depth, index)
        match self._text[index : index + 1]:
            case '"':
                return self._string(index)
            case "{":
                return self._object(index, depth)
            case "[":
                return self._array(index, depth)
            case _:
                return self._number_or_word(index)

    def _string(self, index: int) -> ScalarNode:
        found = _STRING.match(self._text, index)
        if not found:
            raise JsonSyntaxError(index, "unterminated string, line break in a string, or invalid escape")
        text: str = found[1]
        if "\\" in text:
            text = json.loads(found[0])
            if _SURROGATE.search(text):
                cause = "the string has an unpaired surrogate escape"
                raise self._source.error(index, cause, "write both halves of the pair, as in \\ud83d\\ude00")
        self._limits.add(1, len(text), index)
        return ScalarNode(index, found.end(), text, text, '"')

    def _number_or_word(self, index: int) -> ScalarNode:
        found = _NUMBER.match(self._text, index)
        value: JsonValue
        if found:
            value = self._number(found)
        elif found := _WORD.match(self._text, index):
            value = _WORDS[found[0]]
        else:
            is_missing = self._text[index : index + 1] in ("", ",", "}", "]")
            raise JsonSyntaxError(index, "expected a value" if is_missing else "not a JSON value")
        self._limits.add(1, len(found[0]), index)
        return ScalarNode(index, found.end(), value, found[0], "")

    def _number(self, found: re.Match[str]) -> int | float:
        is_integer = found[1] is None and found[2] is None
        if is_integer and len(found[0]) <= _LONGEST_INTEGER:
            return int(found[0])
        number = float(found[0])
        if is_integer or math.isinf(number):
            raise self._source.error(found.start(), "the number is too large", "write it as a string, in quotes")
        return number

    def _object(self, start: int, depth: int) -> MappingNode:
        self._limits.add(1, 0, start)
        members: list[Member] = []
        keys: dict[str, Node] = {}
        index = self.skip_blanks(start + 1)
        closed = self._text[index : index + 1] == "}"
        while not closed:
            key = self._key(index, keys)
            colon = self.skip_blanks(key.end)
            if self._text[colon : colon + 1] != ":":
                raise JsonSyntaxError(colon, "expected ':' after the key")
            value = self.value(self.skip_blanks(colon + 1), depth + 1)
            members.append(Member(key.text, key, value))
            index, closed = self._next(value.end, "}")
        values = {member.name: member.value for member in members}
        tree = {name: value.tree for name, value in values.items()}
        return MappingNode(start, index + 1, tree, flow=True, members=members, values=values, merged={})

    def _key(self, index: int, keys: dict[str, Node]) -> ScalarNode:
        if self._text[index : index + 1] != '"':
            raise JsonSyntaxError(index, "expected a key in double quotes")
        key = self._string(index)
        if key.text in keys:
            line = self._source.position(keys[key.text].start).line
            cause = f"duplicate key {key.text!r} (first defined on line {line})"
            raise self._source.error(index, cause, "remove one of the two")
        keys[key.text] = key
        return key

    def _array(self, start: int, depth: int) -> SequenceNode:
        self._limits.add(1, 0, start)
        items: list[Node] = []
        index = self.skip_blanks(start + 1)
        closed = self._text[index : index + 1] == "]"
        while not closed:
            items.append(self.value(index, depth + 1))
            index, closed = self._next(items[-1].end, "]")
        return SequenceNode(start, index + 1, [item.tree for item in items], flow=True, items=items)

    def _next(self, index: int, closing: str) -> tuple[int, bool]:
        index = self.skip_blanks(index)
        character = self._text[index : index + 1]
        if character == closing:
            return index, True
        if character != ",":
            raise JsonSyntaxError(index, f"expected ',' or '{closing}'")
        return self.skip_blanks(index + 1), False
