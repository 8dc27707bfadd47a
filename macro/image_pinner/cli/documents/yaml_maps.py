"""From the keys and values of a YAML map to its node: keys as text, no key twice, merges applied.

https://yaml.org/type/merge.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from image_pinner.cli.documents.headers import GAP
from image_pinner.cli.documents.nodes import (
    ListNode,
    MapNode,
    Member,
    Node,
    ScalarNode,
    content_of,
)
from image_pinner.cli.documents.source_lines import SourceLines

MERGE_KEY = "<<"
_COLON = re.compile(rf"{GAP}:")


@dataclass(frozen=True, slots=True)
class MapContent:
    """What a map says.

    Args:
        own: The keys that it writes itself, in order.
        values: The node of each value, those of merged maps included.
        merged: The maps that are merged into it.
        tree: Its value in a template.
    """

    own: list[Member]
    values: dict[str, Node]
    merged: list[MapNode]
    tree: dict[str, Any]


def read_map(lines: SourceLines, children: list[Node]) -> MapContent:
    """Give what a map says.

    Args:
        lines: The text.
        children: Its keys and values in turn.

    Returns:
        The content of the map; keys of merged maps come first, as in PyYAML.

    Raises:
        UnreadableTemplateError: A key is no text, stands twice, or merges what is no map.
    """
    own: list[Member] = []
    values: dict[str, Node] = {}
    first: dict[str, Node] = {}
    merged: list[MapNode] = []
    pairs = iter(children)
    for key, value in zip(pairs, pairs, strict=True):
        scalar = _checked_key(lines, key)
        name = scalar.text
        if name in first:
            raise _twice(lines, name, first[name], key)
        first[name] = key
        if isinstance(value, ScalarNode) and value.start == value.end:
            _place_nothing(lines.text, key, value)
        own.append(Member(name, key, value))  # type: ignore[arg-type]  # _checked_key refuses all but KeyNode
        if name == MERGE_KEY and not scalar.style:
            merged = _merged_maps(lines, value)
        else:
            values[name] = value
    if merged:
        values = _with_merged(merged, values)
    return MapContent(own, values, merged, {name: value.tree for name, value in values.items()})


def _checked_key(lines: SourceLines, key: Node) -> ScalarNode:
    scalar = content_of(key)
    if not isinstance(scalar, ScalarNode) or scalar.function:
        raise lines.unreadable(
            key.start,
            "a key of a map must be text, and this is none",
            "Write one word, or a text in quotes, as the key",
        )
    if scalar.tree is None:
        raise lines.unreadable(key.start, "a key of this map is empty", "Write the key, in quotes if it is meant so")
    return scalar


def _twice(lines: SourceLines, name: str, first: Node, second: Node) -> Exception:
    help = "Remove one of the two"
    if name == MERGE_KEY:
        help = "Merge several maps with one key: <<: [*first, *second]"
    return lines.unreadable(
        second.start,
        f"the key {name!r} stands twice in one map, first in line {lines.position(first.start).line}",
        help,
    )


def _place_nothing(text: str, key: Node, value: ScalarNode) -> None:
    # The parser puts a value that is not written at the next token, which can be lines away: its place is behind the
    # colon, or behind the key where there is no colon.
    colon = _COLON.match(text, key.end, max(value.start, key.end))
    value.start = value.end = colon.end() if colon else key.end


def _merged_maps(lines: SourceLines, value: Node) -> list[MapNode]:
    content = content_of(value)
    sources = content.items if isinstance(content, ListNode) and not content.function else [value]
    maps: list[MapNode] = []
    for source in sources:
        node = content_of(source)
        if not isinstance(node, MapNode) or node.function:
            raise lines.unreadable(source.start, "<< merges maps, and this is none", "Give it *anchors of maps")
        maps.append(node)
    return maps


def _with_merged(merged: list[MapNode], own: dict[str, Node]) -> dict[str, Node]:
    values: dict[str, Node] = {}
    for source in reversed(merged):
        values.update(source.values)
    values.update(own)
    return values
