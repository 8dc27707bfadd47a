"""From YAML text to nodes, in one pass over the parser's events.

Events, and not PyYAML's composer: they tell where aliases stand, they cost a quarter of the time, and depth and size
are checked before anything grows. https://pyyaml.org/wiki/PyYAMLDocumentation#parsing-events
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from image_pinner.cli.documents.budget import Budget
from image_pinner.cli.documents.nodes import AliasNode, ContentNode, ListNode, MapNode, Node, ScalarNode
from image_pinner.cli.documents.source_lines import SourceLines
from image_pinner.cli.documents.yaml_maps import read_map
from image_pinner.cli.documents.yaml_messages import not_yaml, refused_characters
from image_pinner.cli.documents.yaml_scalars import (
    CORE_TAG,
    function_of,
    plain_value,
    shown_tag,
    tagged_text,
    typed_value,
)
from image_pinner.core.errors import UnreadableTemplateError
from image_pinner.core.intrinsics.values import JsonValue

# libyaml is optional in PyYAML; without it reading takes eight times as long.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(lines: SourceLines, loader: Any = LOADER) -> Node:
    """Read the one document of a YAML text.

    Args:
        lines: The text.
        loader: The class of PyYAML that gives the events.

    Returns:
        The root of the document.

    Raises:
        UnreadableTemplateError: The text is no YAML, no single document, or means nothing in a template.
    """
    refused_characters(lines)
    composer = _Composer(lines)
    try:
        for event in _events(lines.text, loader):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        raise not_yaml(lines, error) from None
    except yaml.YAMLError as error:
        raise UnreadableTemplateError(f"{lines.name}: this is no YAML: {error}", "Save the file as UTF-8") from None
    if composer.root is None:
        raise UnreadableTemplateError(
            f"{lines.name} has no content but comments or blanks", "Give a file with a template"
        )
    return composer.root


def _events(text: str, loader: Any) -> Iterator[Any]:
    parser = loader(text)
    try:
        while not isinstance(event := parser.get_event(), yaml.StreamEndEvent):
            yield event
    finally:
        parser.dispose()


@dataclass(slots=True)
class _Frame:
    """A collection that is being read; `values` and `characters` are the budget's figures when it began."""

    event: Any
    function: str
    values: int
    characters: int
    children: list[Node] = field(default_factory=list)
    height: int = 0


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A node with an anchor, and what an alias to it adds to the template; no node while it is being read."""

    index: int
    node: ContentNode | None = None
    values: int = 0
    characters: int = 0
    height: int = 0


def _levels(function: str) -> int:
    """Give the levels of a value: the function of a short-form tag is a map around it."""
    return 2 if function else 1


class _Composer:
    """Builds nodes from events.

    Attributes:
        root: The document's root, when it has been read.
    """

    def __init__(self, lines: SourceLines) -> None:
        self.root: Node | None = None
        self._lines = lines
        self._budget = Budget(lines)
        self._stack: list[_Frame] = []
        self._depth = 0
        self._anchors: dict[str, _Anchored] = {}
        self._documents = 0

    def take(self, event: Any) -> None:
        """Take the next event."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            scalar = self._scalar(event)
            self._attach(scalar, _levels(scalar.function))
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._begin(event)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._end(event)
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                raise self._lines.unreadable(
                    event.start_mark.index,
                    "a second YAML document begins here",
                    "Put one template in each file",
                )

    def _attach(self, node: Node, height: int) -> None:
        if not self._stack:
            self.root = node
            return
        frame = self._stack[-1]
        frame.children.append(node)
        frame.height = max(frame.height, height)

    def _scalar(self, event: Any) -> ScalarNode:
        text, tag, index = event.value, event.tag, event.start_mark.index
        self._budget.spend(1, len(text), index)
        function = ""
        value: JsonValue = text
        if tag is None or tag == "!":
            if event.implicit[0] and tag is None:
                value = plain_value(text)
        elif tag[0] == "!":
            function = function_of(tag)
            value = {function: tagged_text(function, text)}
        else:
            value = self._typed(text, tag, index)
        self._budget.check_depth(self._depth + _levels(function), index)
        node = ScalarNode(index, event.end_mark.index, value, text, event.style or "", function, event.anchor or "")
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(index, node, 1, len(text), _levels(function))
        return node

    def _typed(self, text: str, tag: str, index: int) -> JsonValue:
        try:
            return typed_value(text, tag)
        except ValueError as error:
            raise self._bad_tag(tag, index, str(error)) from None

    def _bad_tag(self, tag: str, index: int, rule: str) -> UnreadableTemplateError:
        return self._lines.unreadable(
            index, f"the tag {shown_tag(tag)} {rule}", "Remove the tag, or use one of CloudFormation's such as !Sub"
        )

    def _begin(self, event: Any) -> None:
        index, tag = event.start_mark.index, event.tag
        function = ""
        if tag is not None and tag != "!":
            if tag[0] == "!":
                function = function_of(tag)
            elif tag != f"{CORE_TAG}{'map' if isinstance(event, yaml.MappingStartEvent) else 'seq'}":
                raise self._bad_tag(tag, index, "means nothing in a template")
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(index)
        self._stack.append(_Frame(event, function, self._budget.values, self._budget.characters))
        self._budget.spend(1, 0, index)
        self._depth += _levels(function)
        self._budget.check_depth(self._depth, index)

    def _end(self, event: Any) -> None:
        frame = self._stack.pop()
        node = self._collection(frame, event.end_mark.index)
        levels = _levels(frame.function)
        self._depth -= levels
        height = frame.height + levels
        if node.anchor:
            self._anchors[node.anchor] = _Anchored(
                node.start,
                node,
                self._budget.values - frame.values,
                self._budget.characters - frame.characters,
                height,
            )
        self._attach(node, height)

    def _collection(self, frame: _Frame, end: int) -> ContentNode:
        event, children, function = frame.event, frame.children, frame.function
        start, flow, anchor = event.start_mark.index, bool(event.flow_style), event.anchor or ""
        is_map = isinstance(event, yaml.MappingStartEvent)
        # A block collection's own end mark is where the next token begins, behind comments that are not its own. The
        # map in `[a: 1]` has no braces and ends in the same way.
        unclosed = not flow or (is_map and self._lines.text[end - 1] != "}")
        tree: JsonValue
        if is_map:
            content = read_map(self._lines, children)
            tree = {function: content.tree} if function else content.tree
            end = children[-1].end if unclosed and children else end
            return MapNode(start, end, tree, flow, content.own, content.values, content.merged, function, anchor)
        tree = [child.tree for child in children]
        tree = {function: tree} if function else tree
        end = children[-1].end if unclosed and children else end
        return ListNode(start, end, tree, flow, children, function, anchor)

    def _alias(self, event: Any) -> None:
        index, name = event.start_mark.index, event.anchor
        anchored = self._anchors.get(name)
        if anchored is None:
            raise self._lines.unreadable(
                index, f"the alias *{name} stands for an anchor that is not above it", f"Write &{name} before this line"
            )
        if anchored.node is None:
            line = self._lines.position(anchored.index).line
            raise self._lines.unreadable(
                index, f"the alias *{name} stands inside its own anchor of line {line}", "Write the value out"
            )
        self._budget.spend(anchored.values, anchored.characters, index)
        self._budget.check_depth(self._depth + anchored.height, index)
        target = anchored.node
        self._attach(AliasNode(index, event.end_mark.index, target.tree, target), anchored.height)
