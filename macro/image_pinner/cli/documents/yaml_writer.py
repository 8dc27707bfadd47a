"""Writes edits of YAML text: new values and new keys in the style of the file, with comments kept.

Quoting is careful: whatever a YAML 1.1 or 1.2 reader could take for anything but a string is quoted.
https://yaml.org/spec/1.1/#id905860, https://yaml.org/spec/1.2.2/#1032-tag-resolution
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, assert_never

import yaml

from image_pinner.cli.documents.edits import Change, Deletion, Insertion, Replacement, members_of
from image_pinner.cli.documents.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    is_block_collection,
    last_leaf,
)
from image_pinner.cli.documents.text import SourceText, Splice, Splices
from image_pinner.cli.documents.yaml_layout import (
    Comment,
    Indentation,
    Slot,
    comments_in,
    content_end,
    indentation_of,
    is_block_scalar,
    member_starts,
    properties_of,
    slot_of,
    trailing_comment,
)
from image_pinner.core.intrinsics.values import JsonObject, JsonValue

# A comment that is indented further than a key is about its value.
_COMMENT_LINE = re.compile("(?:\r\n|[\n\r\x85\u2028\u2029])( *)#[^\n\r\x85\u2028\u2029]*")
_FLOW_LINE_TAIL = re.compile("[ \t]*(,)?[ \t]*(?:#[^\n\r\x85\u2028\u2029]*)?(?=[\n\r\x85\u2028\u2029])")

_PLAIN_START = re.compile(r"[\w/$(]")
_ENDS_PLAIN = re.compile(r":(?: |\Z)| #")
# Older YAML readers refuse a colon inside a plain scalar of a flow collection.
_ENDS_PLAIN_IN_FLOW = re.compile(r"[,\[\]{}?:]")
_NUMBER_1_2 = re.compile(
    r"[-+]?(?:0o?[0-7]+|0x[0-9a-f]+|(?:\.\d+|\d+(?:\.\d*)?)(?:e[-+]?\d+)?)", re.ASCII | re.IGNORECASE
)
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_STRING_TAG = "tag:yaml.org,2002:str"
_RESOLVER: Any = yaml.resolver.Resolver()


def yaml_splices(source: SourceText, root: MappingNode, changes: Sequence[Change]) -> Splices:
    """Return the splices that make changes in a YAML text.

    Comments are lost only inside a replaced value in a flow collection; in block style they get lines of their own.
    """
    indentation = indentation_of(source, root)
    replaced: list[Splice] = []
    inserted: list[Splice] = []
    lost: list[str] = []
    for change in changes:
        match change:
            case Replacement():
                replacement = _ReplacementWriter(source, indentation, change)
                replaced.append(replacement.splice(slot_of(source, root, change.node)))
                lost += replacement.lost_comments
            case Insertion():
                inserted += _insert(source, root, indentation, change)
            case Deletion():
                # Imported here, because pinning rarely deletes anything.
                from image_pinner.cli.documents.yaml_deletions import deleted_spans  # noqa: PLC0415

                spans = deleted_spans(source, root, change)
                replaced += [Splice(start, end, "") for start, end in spans]
                lost += [
                    f"Comment {comment.text!r} at {source.position(comment.start)} is removed with the value it is in"
                    for start, end in spans
                    for comment in comments_in(source, change.node, start, end)
                ]
            case _:
                assert_never(change)
    # A replacement takes precedence over what an insertion would change inside the replaced value.
    inserted = [
        part
        for part in inserted
        if part.start == part.end or not any(outer.start <= part.start and part.end <= outer.end for outer in replaced)
    ]
    return Splices.of([*replaced, *inserted], lost)


def _insert(source: SourceText, root: MappingNode, indentation: Indentation, change: Insertion) -> list[Splice]:
    required: list[Splice] = []
    starts = list(member_starts(source, root, change.node))
    if starts and change.after < 0:
        pieces = [_insert_first(source, indentation, change, starts[0])]
    elif change.node.flow:
        pieces = _insert_in_flow(source, change)
    else:
        end, required = _end_of_last_line(source, last_leaf(_values_of(change.node)[change.after]))
        column = source.column(starts[change.after])
        between = source.line_break(end) + " " * column
        while (comment := _COMMENT_LINE.match(source.text, end)) and len(comment[1]) > column:
            end = comment.end()
        pieces = [(end, "".join(between + line for line in write_block(change.added, indentation)))]
    return [*required, *(Splice(index, index, text, adds_key=True, depth=change.depth) for index, text in pieces)]


def _values_of(node: MappingNode | SequenceNode) -> list[Node]:
    return [member.value for member in node.members] if isinstance(node, MappingNode) else node.items


def _insert_first(source: SourceText, indentation: Indentation, change: Insertion, start: int) -> tuple[int, str]:
    """Return the text to insert before the first member, and its index."""
    indent = " " * source.column(start)
    between = source.line_break(start) + indent if source.is_indented(start) or not change.node.flow else " "
    if not change.node.flow:
        return start, "".join(line + between for line in write_block(change.added, indentation))
    entries = _flow_parts(change.added, quoted=source.text[start] == '"')
    return start, "".join(f"{entry},{between}" for entry in entries)


def _end_of_last_line(source: SourceText, leaf: Node) -> tuple[int, list[Splice]]:
    """Return the end of the line with which a value ends, and what must change so that a line can follow."""
    text = source.text
    if not is_block_scalar(leaf):
        return source.line_end(leaf.end), []
    end = content_end(text, leaf)
    header = properties_of(text, leaf).content
    indicators = text[header : source.line_end(header)].partition("#")[0].rstrip()
    blank_lines = list(source.line_break_pattern.finditer(text, end, leaf.end))
    if "+" in indicators and blank_lines:
        # Blank lines at the end belong to the value, so the new line follows them.
        return blank_lines[-1].start(), []
    if end == len(text) and "-" not in indicators:
        # Without a line break at the end of the file the value has none either, and must not get one.
        return end, [Splice(header, header + len(indicators), indicators.replace("+", "") + "-")]
    return source.line_end(end), []


def _insert_in_flow(source: SourceText, change: Insertion) -> list[tuple[int, str]]:
    """Return the texts to insert, each with its index."""
    text, members = source.text, members_of(change.node)
    if not members:
        return [(properties_of(text, change.node).content + 1, ", ".join(_flow_parts(change.added)))]
    first, end = members[change.after]
    entries = _flow_parts(change.added, quoted=text[first] == '"')
    tail = _FLOW_LINE_TAIL.match(text, end)
    # `key:,` would be a plain scalar, or an error.
    comma = " ," if text[end - 1] == ":" else ","
    if not source.is_indented(first) or not tail:
        return [(end, f"{comma} " + ", ".join(entries))]
    last = source.line_end(end)
    between = source.line_break(end) + text[source.line_start(first) : first]
    if tail[1]:
        return [(last, "".join(f"{between}{entry}," for entry in entries))]
    return [(end, comma), (last, between + f",{between}".join(entries))]


def _flow_parts(added: JsonObject | list[JsonValue], *, quoted: bool = False) -> list[str]:
    if isinstance(added, dict):
        return write_flow_entries(added.items(), quoted=quoted)
    return [write_flow(item, quoted=quoted) for item in added]


class _Region(NamedTuple):
    """The text that a replacement removes, and the `lead` that precedes the new value: a blank, an anchor, nothing."""

    start: int
    end: int
    lead: str


class _ReplacementWriter:
    """Writes one replacement; `lost_comments` has a sentence on each comment that it removes."""

    def __init__(self, source: SourceText, indentation: Indentation, change: Replacement) -> None:
        self.lost_comments: list[str] = []
        self._source = source
        self._indentation = indentation
        self._node = change.node
        self._value = change.value
        self._inside_tag = change.inside_tag
        self._properties = properties_of(source.text, change.node)

    def splice(self, slot: Slot | None) -> Splice:
        """Return the splice for the node in its slot."""
        if slot is None or slot.flow:
            return self._in_flow(slot)
        if not needs_block(self._value):
            return self._inline(slot)
        return self._same_lines() if self._fits_lines(slot) else self._new_lines(slot)

    def _region(self, slot: Slot) -> _Region:
        text, node, properties = self._source.text, self._node, self._properties
        end = content_end(text, node)
        if self._inside_tag:
            after_tag = text[properties.end : properties.content]
            if after_tag and not after_tag.strip(" \t") and properties.content < end:
                return _Region(properties.content, end, "")
            return _Region(properties.end, end, " ")
        if properties.anchor:
            return _Region(node.start, end, properties.anchor + " ")
        if node.start == end:
            return _Region(end, end, ": " if slot.indicator_end is None else " ")
        before = slot.indicator_end
        if is_block_collection(node) and before is not None and self._source.line_end(before) < node.start:
            return _Region(before, end, " ")
        return _Region(node.start, end, "")

    def _in_flow(self, slot: Slot | None) -> Splice:
        region = self._region(slot) if slot else _Region(self._properties.content, self._node.end, "")
        for comment in comments_in(self._source, self._node, region.start, region.end):
            position = self._source.position(comment.start)
            self.lost_comments.append(f"Comment {comment.text!r} at {position} is removed with the value it is in")
        return Splice(region.start, region.end, region.lead + self._flow_value(quoted=bool(slot and slot.quoted)))

    def _flow_value(self, *, quoted: bool) -> str:
        node, value = self._node, self._value
        if needs_block(value):
            return write_flow(value, quoted=quoted)
        if not isinstance(node, ScalarNode):
            return write_scalar(value, '"' if quoted else "", flow=True)
        if not node.style and ":" in node.text and isinstance(value, str):
            # The readers of this file accept colons in plain scalars, or could not have read the old value.
            plain = is_plain(value.replace(":", "_"), flow=True) and is_plain(value, flow=False)
            return value if plain else write_scalar(value, '"')
        return write_scalar(value, node.style, flow=True)

    def _inline(self, slot: Slot) -> Splice:
        """Write a scalar or an empty collection after the indicator, and the comments of the old value below it."""
        start, end, lead = self._region(slot)
        comments = comments_in(self._source, self._node, start, end)
        trailing = trailing_comment(self._source, end)
        if comments and trailing:
            comments.append(Comment(trailing.start(1), trailing[1]))
            end = trailing.end()
        style = self._node.style if isinstance(self._node, ScalarNode) else ""
        kept = self._kept(start, comments, " " * (slot.column + self._indentation.step))
        return Splice(start, end, lead + write_scalar(self._value, style) + kept)

    def _kept(self, start: int, comments: list[Comment], indent: str) -> str:
        """Write comments after a value: one from its first line stays there, each other gets a line of its own."""
        source = self._source
        first_line_end = source.line_end(start)
        pieces: list[str] = []
        for comment in comments:
            if comment.start < first_line_end:
                pieces.append(f" {comment.text}")
                continue
            before = source.text[source.line_start(comment.start) : comment.start]
            pieces += [source.line_break(start), before if not before.strip() else indent, comment.text]
        return "".join(pieces)

    def _fits_lines(self, slot: Slot) -> bool:
        """Return whether a collection can begin at the column at which the old value does."""
        source, node, properties = self._source, self._node, self._properties
        if properties.end > node.start and (self._inside_tag or properties.anchor):
            return False
        column = source.column(node.start)
        if slot.in_sequence:
            return node.start < node.end and column > slot.column
        if slot.indicator_end is not None and source.line_start(slot.indicator_end) == source.line_start(node.start):
            return False
        are_sequences = isinstance(node, SequenceNode) and isinstance(self._value, list)
        return column > slot.column or (are_sequences and column == slot.column)

    def _same_lines(self) -> Splice:
        source, start = self._source, self._node.start
        end = content_end(source.text, self._node)
        comments = [comment.text for comment in comments_in(source, self._node, start, end)]
        between = source.line_break(start) + " " * source.column(start)
        return Splice(start, end, between.join((*comments, *write_block(self._value, self._indentation))))

    def _new_lines(self, slot: Slot) -> Splice:
        """Write a collection on the lines below the indicator; a comment after a value of one line stays there."""
        source = self._source
        start, end, lead = self._region(slot)
        lead = lead.rstrip(" ")
        if self._inside_tag:
            start, lead = self._properties.end, ""
        elif not lead and slot.indicator_end is not None:
            start = slot.indicator_end
        comments = comments_in(source, self._node, start, end)
        trailing = trailing_comment(source, end)
        if trailing and source.line_end(start) == source.line_end(end):
            comments.append(Comment(trailing.start(1), trailing[1]))
            end = trailing.end()
        is_mapping = slot.in_sequence or isinstance(self._value, dict)
        step = self._indentation.step if is_mapping else self._indentation.sequence_step
        indent = " " * (slot.column + max(step, int(slot.in_sequence)))
        between = source.line_break(start) + indent
        lines = write_block(self._value, self._indentation)
        return Splice(start, end, lead + self._kept(start, comments, indent) + between + between.join(lines))


def write_scalar(value: JsonValue, style: str = "", *, flow: bool = False) -> str:
    """Write a scalar or an empty collection on one line.

    `style` is the preferred quote, `'` or `"`, or anything else for a plain scalar. A string is written plain only if
    every reader takes it for the same string, where `flow` is whether it is in a flow collection.
    """
    if not isinstance(value, str):
        return json.dumps(value)
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if style != '"' and is_plain(value, flow=flow):
        return value
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def is_plain(text: str, *, flow: bool) -> bool:
    """Return whether every YAML reader takes an unquoted text for the same string."""
    if not _PLAIN_START.match(text) or not text.isprintable() or text[-1] == " " or _ENDS_PLAIN.search(text):
        return False
    if flow and _ENDS_PLAIN_IN_FLOW.search(text):
        return False
    if text.lower() in _WORDS or _NUMBER_1_2.fullmatch(text):
        return False
    return str(_RESOLVER.resolve(yaml.ScalarNode, text, (True, False))) == _STRING_TAG


def write_flow(value: JsonValue, *, quoted: bool = False) -> str:
    """Write a value in flow style, with `quoted` all strings in double quotes, as in JSON."""
    if isinstance(value, dict):
        return "{" + ", ".join(write_flow_entries(value.items(), quoted=quoted)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(write_flow(item, quoted=quoted) for item in value) + "]"
    return write_scalar(value, '"' if quoted else "", flow=True)


def write_flow_entries(entries: Iterable[tuple[str, JsonValue]], *, quoted: bool = False) -> list[str]:
    """Write each key with its value in flow style."""
    style = '"' if quoted else ""
    return [f"{write_scalar(key, style, flow=True)}: {write_flow(value, quoted=quoted)}" for key, value in entries]


def needs_block(value: JsonValue) -> bool:
    """Return whether a value is a collection with lines of its own in block style."""
    return isinstance(value, dict | list) and bool(value)


def write_block(value: JsonValue, indentation: Indentation) -> list[str]:
    """Write a value in block style, as lines of which the first is not indented."""
    if not needs_block(value):
        return [write_scalar(value)]
    lines: list[str] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            head, (first, *others) = f"{write_scalar(key)}:", write_block(inner, indentation)
            if needs_block(inner):
                indent = " " * (indentation.sequence_step if isinstance(inner, list) else indentation.step)
                lines += [head, *(f"{indent}{line}" for line in (first, *others))]
            else:
                lines.append(f"{head} {first}")
        return lines
    for item in value:
        first, *others = write_block(item, indentation)
        lines += [f"- {first}", *(f"  {line}" for line in others)]
    return lines
