"""The nodes of a YAML or JSON document, their lookup by property path, and limits on their number and depth.

Every node has `start`, the index of its first character (that of its anchor or tag, if any), and `end`, the index
after its last character. `tree` is its value in a template, with short-form tags in their long form. `function` is the
long form of its tag, `Fn::Sub` for `!Sub`, or empty; `anchor` is the name of its anchor, or empty.

Nodes are not frozen: a large template has a hundred thousand, and freezing them doubles the time to read it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from image_pinner.cli.documents.text import SourceText
from image_pinner.core.intrinsics.values import JsonValue
from image_pinner.core.template.paths import Step, TemplatePath

# The deepest of 376 real templates has 30 levels. Beyond a few hundred, programs that walk a template recursively
# crash (libyaml's own composer from about 20,000 on, in C).
MAX_DEPTH = 200
# A template of CloudFormation's 1 MB has up to 200,000 values; more can only come from aliases.
MAX_VALUES = 1_000_000
MAX_CHARACTERS = 10_000_000


@dataclass(slots=True, eq=False)
class ScalarNode:
    """A scalar: `text` without quotes and escapes, and its `style`: `'`, `"`, `|`, `>`, or empty if plain.

    A block scalar ends after its last blank line.
    """

    start: int
    end: int
    tree: JsonValue
    text: str
    style: str
    function: str = ""
    anchor: str = ""


class Member(NamedTuple):
    """A key and its value, as written in a mapping."""

    name: str
    key: KeyNode
    value: Node


@dataclass(slots=True, eq=False)
class MappingNode:
    """A mapping: all `members` as written, `values` by key, and the values that `<<` `merged` into it.

    A block mapping ends after its last leaf.
    """

    start: int
    end: int
    tree: JsonValue
    flow: bool
    members: list[Member]
    values: dict[str, Node]
    merged: dict[str, Node]
    function: str = ""
    anchor: str = ""


@dataclass(slots=True, eq=False)
class SequenceNode:
    """A sequence; in block style, it ends after its last leaf."""

    start: int
    end: int
    tree: JsonValue
    flow: bool
    items: list[Node]
    function: str = ""
    anchor: str = ""


@dataclass(slots=True, eq=False)
class AliasNode:
    """A `*name`, with the node that has the anchor."""

    start: int
    end: int
    tree: JsonValue
    target: ContentNode


ContentNode = ScalarNode | MappingNode | SequenceNode
Node = ContentNode | AliasNode
KeyNode = ScalarNode | AliasNode


def content_of(node: Node) -> ContentNode:
    """Return the node itself, or the target of an alias."""
    return node.target if isinstance(node, AliasNode) else node


def children_of(node: Node) -> list[Node]:
    """Return the nodes inside a node as written, keys included; an alias has none."""
    if isinstance(node, MappingNode):
        return [part for member in node.members for part in (member.key, member.value)]
    return node.items if isinstance(node, SequenceNode) else []


def is_block_collection(node: Node) -> bool:
    """Return whether a node is a mapping or sequence in block style."""
    return isinstance(node, MappingNode | SequenceNode) and not node.flow


def last_leaf(node: Node) -> Node:
    """Return the node with which a block node ends."""
    while is_block_collection(node):
        node = children_of(node)[-1]
    return node


class ResolvedPath(NamedTuple):
    """The last node on a property path.

    With `inside_tag`, the path leads to the argument of the node's tag. `missing` has the last steps, if there are no
    nodes for them. `shared` is the first value on the path that comes from an alias or a merge.
    """

    node: Node
    inside_tag: bool = False
    missing: tuple[Step, ...] = ()
    shared: Node | None = None


def resolve_path(root: Node, path: TemplatePath) -> ResolvedPath:
    """Follow a property path as far as there are nodes."""
    node, inside_tag, shared = root, False, None
    for done, step in enumerate(path.steps):
        content = content_of(node)
        if content.function and not inside_tag:
            if step != content.function:
                return ResolvedPath(node, inside_tag, path.steps[done:], shared)
            inside_tag = True
            continue
        child, is_merged = _child(content, step)
        if child is None:
            return ResolvedPath(node, inside_tag, path.steps[done:], shared)
        if is_merged or isinstance(child, AliasNode):
            shared = shared or child
        node, inside_tag = child, False
    return ResolvedPath(node, inside_tag, (), shared)


def _child(node: ContentNode, step: Step) -> tuple[Node | None, bool]:
    if isinstance(node, MappingNode) and isinstance(step, str):
        own = node.values.get(step)
        return own or node.merged.get(step), own is None
    if isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step], False
    return None, False


class Parent(NamedTuple):
    """The collection that contains a node, and the position of the node in it, from 0."""

    node: MappingNode | SequenceNode
    position: int

    @property
    def member(self) -> Member | None:
        """The key and value at the position in a mapping; `None` for a sequence or an empty mapping."""
        return self.node.members[self.position] if isinstance(self.node, MappingNode) and self.node.members else None


def parent_of(root: Node, node: Node) -> Parent | None:
    """Return the innermost collection around a node; `None` for the root."""
    parent: Parent | None = None
    current = root
    while isinstance(current, MappingNode | SequenceNode) and current is not node:
        if isinstance(current, MappingNode):
            index = bisect_right(current.members, node.start, key=lambda member: member.key.start) - 1
            parent, current = Parent(current, index), current.members[index].value
        else:
            index = bisect_right(current.items, node.start, key=lambda item: item.start) - 1
            parent, current = Parent(current, index), current.items[index]
    return parent


class SizeLimits:
    """Counts the values and characters of a template, aliases expanded, while it is read from `source`."""

    __slots__ = ("_source", "characters", "values")

    def __init__(self, source: SourceText) -> None:
        self._source = source
        self.values = 0
        self.characters = 0

    def add(self, values: int, characters: int, index: int) -> None:
        """Count values at an index and their characters; raise `UnreadableTemplateError` beyond the limits."""
        self.values += values
        self.characters += characters
        if self.values <= MAX_VALUES and self.characters <= MAX_CHARACTERS:
            return
        limit = f"{MAX_VALUES:,} values" if self.values > MAX_VALUES else f"{MAX_CHARACTERS:,} characters"
        raise self._source.error(
            index,
            f"the template has more than {limit} with all aliases expanded",
            "remove aliases that multiply each other, or split the template",
        )

    def check_depth(self, depth: int, index: int) -> None:
        """Raise `UnreadableTemplateError` for a value at a level (1 is the root; a tag adds one) beyond the limit."""
        if depth > MAX_DEPTH:
            cause = f"values are nested deeper than {MAX_DEPTH} levels"
            raise self._source.error(index, cause, "check that this file is a CloudFormation template")
