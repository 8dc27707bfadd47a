"""Nodes: what a file says, each with the place where it says it.

They are not frozen, though nobody changes them: a large template has a hundred thousand, and freezing them doubles
the time of reading it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from image_pinner.core.intrinsics.values import JsonValue


@dataclass(slots=True, eq=False)
class ScalarNode:
    """A text, number, truth value or nothing.

    Args:
        start: The index of its first character, that of its anchor or tag where it has one.
        end: The index behind its last character; for a block scalar, behind its last blank line.
        tree: Its value in a template, with the function that its tag stands for.
        text: What is written, without quotes and escapes.
        style: `'`, `"`, `|`, `>`, or empty for a plain one.
        function: The long form of its tag, `Fn::Sub` for `!Sub`; empty without one.
        anchor: The name of its anchor, or empty.
    """

    start: int
    end: int
    tree: JsonValue
    text: str
    style: str
    function: str = ""
    anchor: str = ""


class Member(NamedTuple):
    """A key that a map itself writes, with its value.

    Args:
        name: The key as text.
        key: The node of the key.
        value: The node of the value.
    """

    name: str
    key: KeyNode
    value: Node


@dataclass(slots=True, eq=False)
class MapNode:
    """A map.

    Args:
        start: The index of its first character, that of its anchor or tag where it has one.
        end: The index behind its closing brace, or behind its last leaf.
        tree: Its value in a template, with the function that its tag stands for.
        flow: Whether it stands in braces, or between commas of a list.
        own: The keys that it writes itself, `<<` included, in order.
        values: The node of each value of the map in the template, those that `<<` merges into it included.
        merged: The maps that are merged into it.
        function: The long form of its tag; empty without one.
        anchor: The name of its anchor, or empty.
    """

    start: int
    end: int
    tree: JsonValue
    flow: bool
    own: list[Member]
    values: dict[str, Node]
    merged: list[MapNode]
    function: str = ""
    anchor: str = ""


@dataclass(slots=True, eq=False)
class ListNode:
    """A list.

    Args:
        start: The index of its first character, that of its anchor or tag where it has one.
        end: The index behind its closing bracket, or behind its last leaf.
        tree: Its value in a template, with the function that its tag stands for.
        flow: Whether it stands in brackets.
        items: Its elements.
        function: The long form of its tag; empty without one.
        anchor: The name of its anchor, or empty.
    """

    start: int
    end: int
    tree: JsonValue
    flow: bool
    items: list[Node]
    function: str = ""
    anchor: str = ""


@dataclass(slots=True, eq=False)
class AliasNode:
    """A `*name` in the place of a value.

    Args:
        start: The index of its `*`.
        end: The index behind its name.
        tree: The value in a template that it stands for.
        target: The node that carries the anchor.
    """

    start: int
    end: int
    tree: JsonValue
    target: ContentNode


ContentNode = ScalarNode | MapNode | ListNode
Node = ContentNode | AliasNode
KeyNode = ScalarNode | AliasNode


def content_of(node: Node) -> ContentNode:
    """Give the node that says something: itself, or what an alias stands for."""
    return node.target if isinstance(node, AliasNode) else node


def children_of(node: Node) -> list[Node]:
    """Give the nodes inside a node in the order in which they are written, keys included; an alias has none."""
    if isinstance(node, MapNode):
        return [part for member in node.own for part in (member.key, member.value)]
    return node.items if isinstance(node, ListNode) else []


def is_block_collection(node: Node) -> bool:
    """Tell whether a node is a map or a list in block style."""
    return isinstance(node, MapNode | ListNode) and not node.flow


def last_leaf(node: Node) -> Node:
    """Give the node with which a block node ends."""
    while is_block_collection(node):
        node = children_of(node)[-1]
    return node
