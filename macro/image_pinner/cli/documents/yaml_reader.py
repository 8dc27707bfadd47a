"""Reads YAML text into nodes, in one pass over the events of PyYAML's parser.

Plain scalars have their YAML 1.1 meaning, as in CloudFormation (https://yaml.org/type/), with one exception: a number
that JSON would write differently stays a string, so that account IDs (`012345670123`), versions (`1.10`) and times
(`22:22`) keep their text. Dates stay strings for the same reason.

Events instead of PyYAML's composer: they have the positions of aliases, take a quarter of the time, and depth and size
are checked before anything grows. https://pyyaml.org/wiki/PyYAMLDocumentation#parsing-events
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

from image_pinner.cli.documents.nodes import (
    AliasNode,
    ContentNode,
    KeyNode,
    MappingNode,
    Member,
    Node,
    ScalarNode,
    SequenceNode,
    SizeLimits,
    content_of,
)
from image_pinner.cli.documents.text import SourceText
from image_pinner.cli.documents.yaml_layout import colon_end
from image_pinner.core.errors import UnreadableTemplateError
from image_pinner.core.intrinsics.values import JsonValue

# libyaml is optional in PyYAML; without it, reading takes eight times as long.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MERGE_KEY = "<<"
# https://yaml.org/spec/1.1/#c-printable
_NOT_PRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

CORE_TAG = "tag:yaml.org,2002:"
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
}
_NUMBER_START = frozenset("-0123456789")
_INTEGER = re.compile(r"(?:0|-?[1-9][0-9]{0,299})")
_FLOAT = re.compile(r"-?[0-9]{1,40}\.[0-9]{1,40}(?:e[-+][0-9]{1,3})?")
# CloudFormation does not support binary, omap, pairs, set and timestamp either:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
_CORE_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "null": (type(None),),
}
_WITHOUT_PREFIX = frozenset({"Ref", "Condition"})


def read_yaml(source: SourceText, loader: Any = LOADER) -> Node:
    """Read a YAML text with one document, with a loader class of PyYAML, and return its root.

    Raises:
        UnreadableTemplateError: The text is not valid YAML, has several documents, or is not valid in a template.
    """
    # The parsers would report these without a line.
    if found := _NOT_PRINTABLE.search(source.text):
        cause = f"YAML does not allow the character U+{ord(found[0]):04X}"
        raise source.error(found.start(), cause, "remove it, or write it as an escape such as \\x7f in double quotes")
    builder = _NodeBuilder(source)
    try:
        for event in _events(source.text, loader):
            builder.add(event)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(source, error) from None
    except yaml.YAMLError as error:
        raise UnreadableTemplateError(f"{source.name}: invalid YAML: {error}", "save the file as UTF-8") from None
    if builder.root is None:
        raise UnreadableTemplateError(
            f"{source.name} has no content", "pass a file that contains a CloudFormation template"
        )
    return builder.root


def _events(text: str, loader: Any) -> Iterator[Any]:
    parser = loader(text)
    try:
        while not isinstance(event := parser.get_event(), yaml.StreamEndEvent):
            yield event
    finally:
        parser.dispose()


@dataclass(slots=True)
class _OpenCollection:
    """A collection that is being read, and what the limits had counted when it began."""

    event: Any
    function: str
    values: int
    characters: int
    children: list[Node] = field(default_factory=list)
    height: int = 0


class _Anchor(NamedTuple):
    """The index of an anchor, its node (`None` while it is being read), and what each alias adds to the template."""

    start: int
    node: ContentNode | None = None
    values: int = 0
    characters: int = 0
    height: int = 0


def _levels(function: str) -> int:
    # The function of a short-form tag is a mapping around the value.
    return 2 if function else 1


class _NodeBuilder:
    """Builds nodes from events."""

    def __init__(self, source: SourceText) -> None:
        self.root: Node | None = None
        self._source = source
        self._limits = SizeLimits(source)
        self._open: list[_OpenCollection] = []
        self._depth = 0
        self._anchors: dict[str, _Anchor] = {}
        self._documents = 0

    def add(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._add_scalar(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._begin(event)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._end(event)
        elif kind is yaml.AliasEvent:
            self._add_alias(event)
        elif kind is yaml.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                cause = "a second YAML document begins here"
                raise self._source.error(event.start_mark.index, cause, "write one template per file")

    def _attach(self, node: Node, height: int) -> None:
        if not self._open:
            self.root = node
            return
        collection = self._open[-1]
        collection.children.append(node)
        collection.height = max(collection.height, height)

    def _add_scalar(self, event: Any) -> None:
        text, tag, index = event.value, event.tag, event.start_mark.index
        self._limits.add(1, len(text), index)
        function = ""
        value: JsonValue = text
        if tag is None or tag == "!":
            if event.implicit[0] and tag is None:
                value = plain_value(text)
        elif tag[0] == "!":
            function = function_of(tag)
            value = {function: tagged_value(function, text)}
        else:
            try:
                value = typed_value(text, tag)
            except ValueError as error:
                raise self._invalid_tag(tag, index, str(error)) from None
        levels = _levels(function)
        self._limits.check_depth(self._depth + levels, index)
        node = ScalarNode(index, event.end_mark.index, value, text, event.style or "", function, event.anchor or "")
        if event.anchor:
            self._anchors[event.anchor] = _Anchor(index, node, 1, len(text), levels)
        self._attach(node, levels)

    def _invalid_tag(self, tag: str, index: int, problem: str) -> UnreadableTemplateError:
        help = "remove the tag, or use a tag of CloudFormation such as !Sub"
        return self._source.error(index, f"the tag {format_tag(tag)} {problem}", help)

    def _begin(self, event: Any) -> None:
        index, tag = event.start_mark.index, event.tag
        function = ""
        if tag is not None and tag != "!":
            if tag[0] == "!":
                function = function_of(tag)
            elif tag != f"{CORE_TAG}{'map' if isinstance(event, yaml.MappingStartEvent) else 'seq'}":
                raise self._invalid_tag(tag, index, "is not supported in a template")
        if event.anchor:
            self._anchors[event.anchor] = _Anchor(index)
        self._open.append(_OpenCollection(event, function, self._limits.values, self._limits.characters))
        self._limits.add(1, 0, index)
        self._depth += _levels(function)
        self._limits.check_depth(self._depth, index)

    def _end(self, event: Any) -> None:
        collection = self._open.pop()
        node = self._collection_node(collection, event.end_mark.index)
        levels = _levels(collection.function)
        self._depth -= levels
        height = collection.height + levels
        if node.anchor:
            values = self._limits.values - collection.values
            characters = self._limits.characters - collection.characters
            self._anchors[node.anchor] = _Anchor(node.start, node, values, characters, height)
        self._attach(node, height)

    def _collection_node(self, collection: _OpenCollection, end: int) -> ContentNode:
        event, children, function = collection.event, collection.children, collection.function
        start, flow, anchor = event.start_mark.index, bool(event.flow_style), event.anchor or ""
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        # The end mark of a block collection is where the next token begins, after comments that are not its own. The
        # mapping in `[a: 1]` has no braces and ends in the same way.
        has_no_end_mark = not flow or (is_mapping and self._source.text[end - 1] != "}")
        if not is_mapping:
            items = [child.tree for child in children]
            end = children[-1].end if has_no_end_mark and children else end
            return SequenceNode(start, end, {function: items} if function else items, flow, children, function, anchor)
        members, values, merged = _read_mapping(self._source, children)
        # Merged keys come first, as in PyYAML.
        entries = {name: value.tree for name, value in (merged | values).items()}
        end = children[-1].end if has_no_end_mark and children else end
        tree = {function: entries} if function else entries
        return MappingNode(start, end, tree, flow, members, values, merged, function, anchor)

    def _add_alias(self, event: Any) -> None:
        index, name = event.start_mark.index, event.anchor
        anchor = self._anchors.get(name)
        if anchor is None:
            raise self._source.error(
                index, f"the alias *{name} refers to an undefined anchor", f"define &{name} before this line"
            )
        if anchor.node is None:
            line = self._source.position(anchor.start).line
            cause = f"the alias *{name} is inside its own anchor (defined on line {line})"
            raise self._source.error(index, cause, "replace the alias with a value")
        self._limits.add(anchor.values, anchor.characters, index)
        self._limits.check_depth(self._depth + anchor.height, index)
        self._attach(AliasNode(index, event.end_mark.index, anchor.node.tree, anchor.node), anchor.height)


def _read_mapping(source: SourceText, children: list[Node]) -> tuple[list[Member], dict[str, Node], dict[str, Node]]:
    """Return the members, the own values and the merged values of a mapping from its keys and values in turn."""
    members: list[Member] = []
    values: dict[str, Node] = {}
    merged: dict[str, Node] = {}
    keys: dict[str, Node] = {}
    pairs = iter(children)
    for key, value in zip(pairs, pairs, strict=True):
        key_node, scalar = _checked_key(source, key)
        name = scalar.text
        if name in keys:
            cause = f"duplicate key {name!r} (first defined on line {source.position(keys[name].start).line})"
            merge_once = "merge several mappings with one key: <<: [*first, *second]"
            raise source.error(key.start, cause, merge_once if name == MERGE_KEY else "remove one of the two")
        keys[name] = key
        if isinstance(value, ScalarNode) and value.start == value.end:
            # The parser positions an omitted value at the next token, which can be lines away.
            value.start = value.end = colon_end(source.text, key, value) or key.end
        members.append(Member(name, key_node, value))
        if name == MERGE_KEY and not scalar.style:
            merged = _merged_values(source, value)
        else:
            values[name] = value
    return members, values, merged


def _checked_key(source: SourceText, key: Node) -> tuple[KeyNode, ScalarNode]:
    scalar = content_of(key)
    if not isinstance(scalar, ScalarNode) or scalar.function or not isinstance(key, ScalarNode | AliasNode):
        raise source.error(
            key.start, "the key of a mapping must be a scalar without a tag", "write the key as a string"
        )
    if scalar.tree is None:
        raise source.error(key.start, "the key of a mapping is empty", "write the key, in quotes if it is meant so")
    return key, scalar


def _merged_values(source: SourceText, value: Node) -> dict[str, Node]:
    """Return the values that `<<` merges; https://yaml.org/type/merge.html."""
    content = content_of(value)
    merged: dict[str, Node] = {}
    for item in reversed(content.items if isinstance(content, SequenceNode) and not content.function else [value]):
        node = content_of(item)
        if not isinstance(node, MappingNode) or node.function:
            raise source.error(item.start, "'<<' can only merge mappings", "merge an alias of a mapping: <<: *name")
        merged |= node.merged | node.values
    return merged


def _syntax_error(source: SourceText, error: yaml.MarkedYAMLError) -> UnreadableTemplateError:
    mark = error.problem_mark or error.context_mark
    index = min(mark.index, len(source.text)) if mark else 0
    problem = error.problem or error.context or ""
    cause = f"invalid YAML: {problem}"
    if error.context and error.context_mark and error.problem:
        cause += f" {error.context} that begins on line {source.position(error.context_mark.index).line}"
    return source.error(index, cause, _syntax_help(source.text[index : index + 1], problem))


def _syntax_help(character: str, problem: str) -> str:
    if character == "\t":
        return "indent with spaces: YAML does not allow tabs here"
    if character == "!":
        return 'Use one tag per value: write the inner one in its long form, or as a string: !Sub "!PinDigest …"'
    if "cannot start any token" in problem:
        return f"put the value in quotes: {character!r} has a special meaning in YAML at the start of a value"
    if "mapping values" in problem:
        return "put the value in quotes if it contains a colon followed by a space, and check the indentation"
    if "end of stream" in problem:
        return "close the quotes that are opened on that line"
    return "check indentation, quotes and brackets on this line and the one above it"


def plain_value(text: str) -> JsonValue:
    """Return the value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMBER_START:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text) and repr(number := float(text)) == text:
            return number
    return text


def typed_value(text: str, tag: str) -> JsonValue:
    """Return the value of a scalar with a tag of YAML itself, such as `!!str`.

    Raises:
        ValueError: The tag is not supported, or the scalar does not have this type.
    """
    types = _CORE_TYPES.get(tag.removeprefix(CORE_TAG)) if tag.startswith(CORE_TAG) else None
    if types is None:
        raise ValueError("is not supported in a template")
    value = text if types == (str,) else plain_value(text)
    if type(value) not in types:
        raise ValueError(f"does not match the value {text!r}")
    return value


@lru_cache(maxsize=256)
def function_of(tag: str) -> str:
    """Return the long form of a short-form tag: `Fn::Sub` for `!Sub`, `Ref` for `!Ref`.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
    """
    name = tag[1:]
    return name if name in _WITHOUT_PREFIX else f"Fn::{name}"


def tagged_value(function: str, text: str) -> JsonValue:
    """Return the value of a scalar under a short-form tag: a string, which `!GetAtt` splits at its first dot."""
    return text.split(".", 1) if function == "Fn::GetAtt" else text


def format_tag(tag: str) -> str:
    """Return a tag as written in a file."""
    if tag.startswith(CORE_TAG):
        return f"!!{tag.removeprefix(CORE_TAG)}"
    return tag if tag.startswith("!") else f"!<{tag}>"
