"""New keys in YAML text: on lines of their own in block style, behind a comma in flow style."""

from __future__ import annotations

import re

from image_pinner.cli.documents.edit_plan import Insertion
from image_pinner.cli.documents.headers import header_of
from image_pinner.cli.documents.nodes import Node, ScalarNode, last_leaf
from image_pinner.cli.documents.source_lines import SourceLines
from image_pinner.cli.documents.splices import Splice
from image_pinner.cli.documents.yaml_layout import content_end, key_column
from image_pinner.cli.documents.yaml_writer import BlockStyle, block_lines, flow_entries

# A comment further in than a key is about its value.
_COMMENT_LINE = re.compile("(?:\r\n|[\n\r\x85\u2028\u2029])( *)#[^\n\r\x85\u2028\u2029]*")
_REST_OF_FLOW_LINE = re.compile("[ \t]*(,)?[ \t]*(?:#[^\n\r\x85\u2028\u2029]*)?(?=[\n\r\x85\u2028\u2029])")


def insertion_splices(lines: SourceLines, style: BlockStyle, change: Insertion) -> list[Splice]:
    """Say how new keys are put into a map.

    Args:
        lines: The text.
        style: How the file indents.
        change: The map, the place in it, and the keys with their values.

    Returns:
        The splices.
    """
    return _into_flow(lines, change) if change.node.flow else _into_block(lines, style, change)


def _into_block(lines: SourceLines, style: BlockStyle, change: Insertion) -> list[Splice]:
    member = change.node.own[change.after]
    end, splices = _value_end(lines, last_leaf(member.value))
    column = key_column(lines, member.key)
    between = lines.line_break(end) + " " * column
    while (comment := _COMMENT_LINE.match(lines.text, end)) and len(comment[1]) > column:
        end = comment.end()
    text = "".join(between + line for line in block_lines(dict(change.entries), style))
    return [*splices, Splice(end, end, text, inserts=True, level=change.level)]


def _value_end(lines: SourceLines, leaf: Node) -> tuple[int, list[Splice]]:
    """Give the end of the line with which a value ends, and what must change there for a line to follow."""
    text = lines.text
    if not isinstance(leaf, ScalarNode) or leaf.style not in ("|", ">"):
        return lines.line_end(leaf.end), []
    end = content_end(text, leaf)
    body = header_of(text, leaf).body
    indicators = text[body : lines.line_end(body)].partition("#")[0].rstrip()
    blank_lines = list(lines.breaks.finditer(text, end, leaf.end))
    if "+" in indicators and blank_lines:
        # Blank lines at the end belong to the value: the new line comes behind them.
        return blank_lines[-1].start(), []
    if end == len(text) and "-" not in indicators:
        # Without a line break at the end of the file the value has none either: it must not get one now.
        return end, [Splice(body, body + len(indicators), indicators.replace("+", "") + "-")]
    return lines.line_end(end), []


def _into_flow(lines: SourceLines, change: Insertion) -> list[Splice]:
    text, node = lines.text, change.node
    if not node.own:
        start = header_of(text, node).body + 1
        return [Splice(start, start, ", ".join(flow_entries(change.entries)), inserts=True, level=change.level)]
    member = node.own[change.after]
    entries = flow_entries(change.entries, quoted=text[member.key.start] == '"')
    start = member.value.end
    before = text[lines.line_start(member.key.start) : member.key.start]
    rest = _REST_OF_FLOW_LINE.match(text, start)
    # `key:,` would be a plain word, or an error.
    comma = " ," if text[start - 1] == ":" else ","
    if before.strip() or not rest:
        return [_behind(start, f"{comma} " + ", ".join(entries), change)]
    end = lines.line_end(start)
    between = lines.line_break(start) + before
    if rest[1]:
        return [_behind(end, "".join(f"{between}{entry}," for entry in entries), change)]
    return [_behind(start, comma, change), _behind(end, between + f",{between}".join(entries), change)]


def _behind(index: int, text: str, change: Insertion) -> Splice:
    return Splice(index, index, text, inserts=True, level=change.level)
