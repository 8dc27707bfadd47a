"""The layout of a YAML text around a node: anchor and tag, indicators, indentation and comments."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from image_pinner.cli.documents.nodes import (
    AliasNode,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    children_of,
    is_block_collection,
    last_leaf,
    parent_of,
)
from image_pinner.cli.documents.text import SourceText

# Blanks, line breaks and comments: what can be between a tag and its value, or a key and its colon.
SEPARATION = r"(?:\s|#[^\n\r\x85\u2028\u2029]*)*+"
_SEPARATION = re.compile(SEPARATION)
_PROPERTY = re.compile(r"&[^\s,\[\]{}]+|!<[^>\s]*>|![^\s,\[\]{}]*")
_MOST_PROPERTIES = 2
_COLON = re.compile(rf"{SEPARATION}:")
_DASH = re.compile(rf"{SEPARATION}-")
# Between scalars a number sign begins a comment, except within an anchor, an alias or a tag.
_COMMENT = re.compile("#[^\n\r\x85\u2028\u2029]*|[&!*][^\\s,\\[\\]{}]*")
_TRAILING_COMMENT = re.compile("[ \t]*(#[^\n\r\x85\u2028\u2029]*)")


class NodeProperties(NamedTuple):
    """The anchor of a node, with its `&`, the end of anchor and tag, and the index at which the content begins.

    https://yaml.org/spec/1.1/#id904625
    """

    anchor: str
    end: int
    content: int


def properties_of(text: str, node: Node) -> NodeProperties:
    """Find the anchor and tag of a node, in either order."""
    anchor, end, content = "", node.start, node.start
    first_key_is_here = isinstance(node, MappingNode) and bool(node.members) and node.members[0].key.start == node.start
    if isinstance(node, AliasNode) or first_key_is_here:
        return NodeProperties(anchor, end, content)
    for _ in range(_MOST_PROPERTIES):
        found = _PROPERTY.match(text, content, node.end)
        if not found:
            break
        anchor = found[0] if found[0].startswith("&") else anchor
        end = found.end()
        separation = _SEPARATION.match(text, end, node.end)
        content = separation.end() if separation else end
    return NodeProperties(anchor, end, content)


class Slot(NamedTuple):
    """The position of a value in a collection.

    `indicator_end` is the index after its colon or dash, or `None`. `column` is that of the key or dash, from 0.
    `quoted` is whether its key is in double quotes.
    """

    indicator_end: int | None
    column: int
    flow: bool
    in_sequence: bool
    quoted: bool = False


def slot_of(source: SourceText, root: MappingNode, node: Node) -> Slot | None:
    """Return the slot of a node; `None` for the root."""
    parent = parent_of(root, node)
    if parent is None:
        return None
    if parent.member:
        key = parent.member.key
        colon = colon_end(source.text, key, node)
        quoted = source.text[key.start] == '"'
        return Slot(colon, _key_column(source, key), parent.node.flow, in_sequence=False, quoted=quoted)
    if parent.node.flow:
        return Slot(None, 0, flow=True, in_sequence=True)
    siblings = children_of(parent.node)
    before = siblings[parent.position - 1].end if parent.position else properties_of(source.text, parent.node).content
    found = _DASH.match(source.text, before, node.start)
    dash = found.end() - 1 if found else parent.node.start
    return Slot(dash + 1, source.column(dash), flow=False, in_sequence=True)


def colon_end(text: str, key: Node, value: Node) -> int | None:
    """Return the index after the colon between a key and its value; `None` if there is none."""
    found = _COLON.match(text, key.end, max(value.start, key.end))
    return found.end() if found else None


def _key_column(source: SourceText, key: Node) -> int:
    """Return the column, from 0, of a key, or of its `?` if it has one."""
    blank = key.start
    while source.text[blank - 1 : blank] in (" ", "\t"):
        blank -= 1
    is_explicit = blank < key.start and source.text[blank - 1 : blank] == "?"
    return source.column(blank - 1 if is_explicit else key.start)


def member_starts(source: SourceText, root: MappingNode, node: MappingNode | SequenceNode) -> Iterator[int]:
    """Yield the index of each key, with its `?`, or that of each dash, or of each element in flow style."""
    if isinstance(node, MappingNode):
        for key in (member.key for member in node.members):
            yield source.line_start(key.start) + _key_column(source, key)
        return
    for item in node.items:
        slot = slot_of(source, root, item)
        yield slot.indicator_end - 1 if slot and slot.indicator_end else item.start


def is_block_scalar(node: Node) -> bool:
    """Return whether a node is a literal or folded scalar."""
    return isinstance(node, ScalarNode) and node.style in ("|", ">")


def content_end(text: str, node: Node) -> int:
    """Return the index after the content of a node, without the blank lines that end a block scalar."""
    leaf = last_leaf(node)
    return leaf.start + len(text[leaf.start : leaf.end].rstrip()) if is_block_scalar(leaf) else node.end


class Comment(NamedTuple):
    """A comment with its `#`, and the index at which it begins."""

    start: int
    text: str


def comments_in(source: SourceText, node: Node, start: int, end: int) -> list[Comment]:
    """Return the comments between two indices of a node."""
    found: list[Comment] = []
    for first, last in (*_scalar_spans(source, node), (end, end)):
        if first > start:
            matches = _COMMENT.finditer(source.text, start, min(first, end))
            found += [Comment(match.start(), match[0]) for match in matches if match[0].startswith("#")]
        start = max(start, last)
    return found


def _scalar_spans(source: SourceText, node: Node) -> Iterator[tuple[int, int]]:
    todo = [node]
    while todo:
        current = todo.pop()
        if isinstance(current, MappingNode | SequenceNode):
            todo += reversed(children_of(current))
            continue
        content = properties_of(source.text, current).content
        # A comment may follow the indicator of a block scalar.
        yield min(source.line_end(content), current.end) if is_block_scalar(current) else content, current.end


def trailing_comment(source: SourceText, index: int) -> re.Match[str] | None:
    """Return the comment that follows on the same line; group 1 excludes the blanks before it."""
    return _TRAILING_COMMENT.match(source.text, index)


class Indentation(NamedTuple):
    """How far a mapping (`step`) and a sequence (`sequence_step`) are indented from the key above."""

    step: int
    sequence_step: int


# Cached, as a document is read once and each of its findings is edited.
@lru_cache(maxsize=1)
def indentation_of(source: SourceText, root: Node) -> Indentation:
    """Return the most frequent indentation of a file."""
    mappings: Counter[int] = Counter()
    sequences: Counter[int] = Counter()
    todo = [root]
    while todo:
        node = todo.pop()
        todo += children_of(node)
        if not isinstance(node, MappingNode) or node.flow:
            continue
        for _, key, value in node.members:
            if is_block_collection(value):
                counter = mappings if isinstance(value, MappingNode) else sequences
                counter[source.column(properties_of(source.text, value).content) - source.column(key.start)] += 1
    step = max(mappings.most_common(1)[0][0], 1) if mappings else 2
    return Indentation(step, max(sequences.most_common(1)[0][0], 0) if sequences else step)
