"""Finds the text to delete with a key or an element of a YAML collection."""

from __future__ import annotations

import re

from image_pinner.cli.documents.edits import Deletion
from image_pinner.cli.documents.nodes import MappingNode, last_leaf
from image_pinner.cli.documents.text import SourceText
from image_pinner.cli.documents.yaml_layout import content_end, is_block_scalar, member_starts

# After a block scalar, blank lines and comments that are indented further would become a part of it.
_NEXT_LINE = re.compile("(?:\r\n|[\n\r\x85\u2028\u2029])( *)(#[^\n\r\x85\u2028\u2029]*)?(?=[\n\r\x85\u2028\u2029]|\\Z)")


def deleted_spans(source: SourceText, root: MappingNode, change: Deletion) -> list[tuple[int, int]]:
    """Return the start and end of each text to delete.

    In block style these are whole lines with the comments on them and those below that are indented further.
    """
    if change.node.flow:
        return change.flow_spans()
    starts = list(member_starts(source, root, change.node))
    first = min(set(range(len(starts))) - change.indexes)
    if first and source.text[source.line_start(starts[0]) : starts[0]].strip():
        # The line begins with the dash or the key of what contains the collection.
        spans, others = [(starts[0], starts[first])], {index for index in change.indexes if index > first}
    else:
        spans, others = [], set(change.indexes)
    return spans + [
        _lines(source, starts[index], _end(source, change, index, starts[index])) for index in sorted(others)
    ]


def _end(source: SourceText, change: Deletion, index: int, start: int) -> int:
    """Return the end of the last line of a member."""
    node = change.node
    values = [member.value for member in node.members] if isinstance(node, MappingNode) else node.items
    end = source.line_end(content_end(source.text, values[index]))
    follows_block_scalar = any(is_block_scalar(last_leaf(value)) for value in values[max(index - 1, 0) : index + 1])
    column = source.column(start)
    done = end
    while line := _NEXT_LINE.match(source.text, done):
        if line[2] and len(line[1]) <= column:
            break
        done = line.end()
        end = done if line[2] or follows_block_scalar else end
    return end


def _lines(source: SourceText, start: int, end: int) -> tuple[int, int]:
    """Return the span of whole lines with the line break before them, or with that after them on the first line."""
    line = source.line_start(start)
    if line == 0 or end == len(source.text):
        after = source.line_break_pattern.match(source.text, end)
        return line, after.end() if after else end
    before = [line - len(ending) for ending in ("\r\n",) if source.text.endswith(ending, 0, line)]
    return (before[0] if before else line - 1), end
