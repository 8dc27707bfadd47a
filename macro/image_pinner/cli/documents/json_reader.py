"""From JSON text to nodes. JSON never goes through a YAML parser: that trips over surrogate pairs and long keys.

https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from image_pinner.cli.documents.budget import Budget
from image_pinner.cli.documents.nodes import ListNode, MapNode, Member, Node, ScalarNode
from image_pinner.cli.documents.source_lines import SourceLines
from image_pinner.core.intrinsics.values import JsonValue

_BLANK = re.compile(r"[ \t\n\r]*+")
_STRING = re.compile(r'"((?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+)"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(\.[0-9]++)?+([eE][-+]?[0-9]++)?+")
_WORD = re.compile(r"true|false|null")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_LONGEST_INTEGER = 300  # digits; Python refuses to read more than 4,300


class NotJson(Exception):  # noqa: N818 - the name says what it is
    """A text is no JSON.

    Args:
        index: Where it stops being JSON.
        problem: What is wrong there, as a clause.
    """

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index
        self.problem = problem


def read_json(lines: SourceLines) -> Node:
    """Read a JSON text.

    Args:
        lines: The text.

    Returns:
        The root of the document.

    Raises:
        NotJson: The text is no JSON; it may still be YAML.
        UnreadableTemplateError: The text is JSON, but means nothing in a template.
    """
    scanner = _Scanner(lines)
    start = scanner.skip(0)
    root = scanner.value(start, 1)
    end = scanner.skip(root.end)
    if end < len(lines.text):
        raise NotJson(end, "something stands behind the end of the template")
    return root


class _Scanner:
    """Reads values at places in a text; recursion is bounded by the budget's depth."""

    __slots__ = ("_budget", "_lines", "_text")

    def __init__(self, lines: SourceLines) -> None:
        self._lines = lines
        self._text = lines.text
        self._budget = Budget(lines)

    def skip(self, index: int) -> int:
        """Give the index of what stands behind blanks."""
        found = _BLANK.match(self._text, index)
        return found.end() if found else index

    def value(self, index: int, depth: int) -> Node:
        """Read the value that begins at an index."""
        self._budget.check_depth(depth, index)
        match self._text[index : index + 1]:
            case '"':
                return self._string(index)
            case "{":
                return self._map(index, depth)
            case "[":
                return self._list(index, depth)
            case _:
                return self._number_or_word(index)

    def _string(self, index: int) -> ScalarNode:
        found = _STRING.match(self._text, index)
        if not found:
            raise NotJson(index, "this text in quotes has no end, a line break or a wrong escape in it")
        text: str = found[1]
        if "\\" in text:
            text = json.loads(found[0])
            if _HALF_CHARACTER.search(text):
                raise self._lines.unreadable(
                    index, "an escape in this text is one half of a character", "Write both halves, as \\ud83d\\ude00"
                )
        self._budget.spend(1, len(text), index)
        return ScalarNode(index, found.end(), text, text, '"')

    def _number_or_word(self, index: int) -> ScalarNode:
        found = _NUMBER.match(self._text, index)
        value: JsonValue
        if found:
            value = self._number(found)
        elif found := _WORD.match(self._text, index):
            value = _WORDS[found[0]]
        else:
            raise NotJson(index, "a value is missing" if self._at_end(index) else "this is no value")
        self._budget.spend(1, len(found[0]), index)
        return ScalarNode(index, found.end(), value, found[0], "")

    def _number(self, found: re.Match[str]) -> int | float:
        if found[1] is None and found[2] is None and len(found[0]) <= _LONGEST_INTEGER:
            return int(found[0])
        number = float(found[0])
        if math.isinf(number) or (found[1] is None and found[2] is None):
            raise self._lines.unreadable(found.start(), "this number is too large", "Write it as text, in quotes")
        return number

    def _at_end(self, index: int) -> bool:
        return self._text[index : index + 1] in ("", ",", "}", "]")

    def _map(self, start: int, depth: int) -> MapNode:
        self._budget.spend(1, 0, start)
        own: list[Member] = []
        first: dict[str, Node] = {}
        index = self.skip(start + 1)
        closed = self._text[index : index + 1] == "}"
        while not closed:
            key = self._key(index, first)
            colon = self.skip(key.end)
            if self._text[colon : colon + 1] != ":":
                raise NotJson(colon, "a ':' is missing behind the key")
            value = self.value(self.skip(colon + 1), depth + 1)
            own.append(Member(key.text, key, value))
            index, closed = self._next(value.end, "}")
        values = {member.name: member.value for member in own}
        tree: dict[str, Any] = {name: value.tree for name, value in values.items()}
        return MapNode(start, index + 1, tree, flow=True, own=own, values=values, merged=[])

    def _key(self, index: int, first: dict[str, Node]) -> ScalarNode:
        if self._text[index : index + 1] != '"':
            raise NotJson(index, "a key in double quotes is missing")
        key = self._string(index)
        if key.text in first:
            line = self._lines.position(first[key.text].start).line
            raise self._lines.unreadable(
                index, f"the key {key.text!r} stands twice in one map, first in line {line}", "Remove one of the two"
            )
        first[key.text] = key
        return key

    def _list(self, start: int, depth: int) -> ListNode:
        self._budget.spend(1, 0, start)
        items: list[Node] = []
        index = self.skip(start + 1)
        closed = self._text[index : index + 1] == "]"
        while not closed:
            items.append(self.value(index, depth + 1))
            index, closed = self._next(items[-1].end, "]")
        return ListNode(start, index + 1, [item.tree for item in items], flow=True, items=items)

    def _next(self, index: int, closing: str) -> tuple[int, bool]:
        index = self.skip(index)
        character = self._text[index : index + 1]
        if character == closing:
            return index, True
        if character != ",":
            raise NotJson(index, f"a ',' or '{closing}' is missing")
        return self.skip(index + 1), False
