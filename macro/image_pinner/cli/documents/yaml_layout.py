"""How a YAML file is laid out around a value: behind which sign it stands, how far in, with which comments."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from image_pinner.cli.documents.headers import GAP, header_of
from image_pinner.cli.documents.nodes import (
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    children_of,
    is_block_collection,
    last_leaf,
)
from image_pinner.cli.documents.places import surroundings_of
from image_pinner.cli.documents.source_lines import SourceLines
from image_pinner.cli.documents.yaml_writer import BlockStyle

_SIGN = {"map": re.compile(rf"{GAP}:"), "list": re.compile(rf"{GAP}-")}
_EXPLICIT_KEY = re.compile(r"\?[ \t]+\Z")
# Between scalars a number sign begins a comment, but not within an anchor, an alias or a tag.
_COMMENT = re.compile("#[^\n\r\x85\u2028\u2029]*|[&!*][^\\s,\\[\\]{}]*")
_TRAILING = re.compile("[ \t]*(#[^\n\r\x85\u2028\u2029]*)")


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a value stands in a collection.

    Args:
        sign: The index behind the colon or dash before the value, or `None` where there is none.
        column: The column, from 0, of the key or of the dash.
        flow: Whether the collection is in flow style.
        in_list: Whether the collection is a list.
        quoted: Whether the key before the value is in double quotes.
    """

    sign: int | None
    column: int
    flow: bool
    in_list: bool
    quoted: bool = False


def slot_of(lines: SourceLines, root: MapNode, node: Node) -> Slot | None:
    """Give where a node stands, or `None` for the root."""
    around = surroundings_of(root, node)
    if not around:
        return None
    inner = around[-1]
    if inner.member:
        key = inner.member.key
        sign = _SIGN["map"].match(lines.text, key.end, max(node.start, key.end))
        quoted = lines.text[key.start] == '"'
        return Slot(sign and sign.end(), key_column(lines, key), inner.parent.flow, in_list=False, quoted=quoted)
    if inner.parent.flow:
        return Slot(None, 0, flow=True, in_list=True)
    siblings = children_of(inner.parent)
    before = siblings[inner.index - 1].end if inner.index else header_of(lines.text, inner.parent).body
    sign = _SIGN["list"].match(lines.text, before, node.start)
    dash = sign.end() - 1 if sign else inner.parent.start
    return Slot(dash + 1, lines.column(dash), flow=False, in_list=True)


def key_column(lines: SourceLines, key: Node) -> int:
    """Give the column, from 0, at which a line with a key begins: that of its `?` where it has one."""
    before = lines.text[lines.line_start(key.start) : key.start]
    explicit = _EXPLICIT_KEY.search(before)
    return explicit.start() if explicit else len(before)


def content_end(text: str, node: Node) -> int:
    """Give the index behind what a node says: before the line break of its last line where a block scalar ends it."""
    leaf = last_leaf(node)
    if isinstance(leaf, ScalarNode) and leaf.style in ("|", ">"):
        return leaf.start + len(text[leaf.start : leaf.end].rstrip())
    return node.end


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment.

    Args:
        index: Where it begins.
        text: The comment with its `#`.
    """

    index: int
    text: str


def comments_in(lines: SourceLines, node: Node, start: int, end: int) -> list[Comment]:
    """Give the comments in a part of the text that belongs to a node.

    Args:
        lines: The text.
        node: The node.
        start: The index at which the part begins.
        end: The index behind it.
    """
    found: list[Comment] = []
    for first, last in (*_scalar_spans(lines, node), (end, end)):
        if first > start:
            matches = _COMMENT.finditer(lines.text, start, min(first, end))
            found += [Comment(match.start(), match[0]) for match in matches if match[0].startswith("#")]
        start = max(start, last)
    return found


def _scalar_spans(lines: SourceLines, node: Node) -> Iterator[tuple[int, int]]:
    todo = [node]
    while todo:
        current = todo.pop()
        if isinstance(current, MapNode | ListNode):
            todo += reversed(children_of(current))
            continue
        body = header_of(lines.text, current).body
        if isinstance(current, ScalarNode) and current.style in ("|", ">"):
            # A comment may stand behind the indicator of a block scalar.
            body = min(lines.line_end(body), current.end)
        yield body, current.end


def trailing_comment(lines: SourceLines, index: int) -> re.Match[str] | None:
    """Give the comment that follows in the same line; its group 1 is without the blanks before it."""
    return _TRAILING.match(lines.text, index)


def block_style_of(lines: SourceLines, root: Node) -> BlockStyle:
    """Give the indentation that a file uses most."""
    maps: Counter[int] = Counter()
    lists: Counter[int] = Counter()
    todo = [root]
    while todo:
        node = todo.pop()
        todo += children_of(node)
        if not isinstance(node, MapNode) or node.flow:
            continue
        for member in node.own:
            value = member.value
            if is_block_collection(value):
                body = header_of(lines.text, value).body
                counter = maps if isinstance(value, MapNode) else lists
                counter[lines.column(body) - lines.column(member.key.start)] += 1
    step = max(maps.most_common(1)[0][0], 1) if maps else 2
    return BlockStyle(step, max(lists.most_common(1)[0][0], 0) if lists else step)
