"""From changes of nodes to splices of JSON text, in the layout that the file has at that place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from image_pinner.cli.documents.edit_plan import Change, Insertion, Replacement
from image_pinner.cli.documents.nodes import MapNode, Member
from image_pinner.cli.documents.places import Surrounding, surroundings_of
from image_pinner.cli.documents.source_lines import SourceLines
from image_pinner.cli.documents.splices import Splice, Splices
from image_pinner.core.intrinsics.values import JsonValue


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a map or a list is laid out.

    Args:
        comma: What stands between two members, the line break and indentation included.
        colon: What stands between a key and its value.
        step: One level of indentation, or `None` where values stand on one line.
        indentation: The blanks before a member that has its own line.
        line_break: What ends a line.
    """

    comma: str
    colon: str
    step: str | None
    indentation: str
    line_break: str


def json_splices(lines: SourceLines, root: MapNode, changes: Sequence[Change]) -> Splices:
    """Say which parts of a JSON text change.

    Args:
        lines: The text.
        root: The root of its nodes.
        changes: What changes.

    Returns:
        The splices; JSON has no comments that could be lost.
    """
    parts: list[Splice] = []
    for change in changes:
        match change:
            case Replacement():
                around = surroundings_of(root, change.node)
                layout = _layout_in(lines, around[-1]) if around else _Layout(", ", ": ", None, "", "\n")
                parts.append(Splice(change.node.start, change.node.end, _text(lines, change.value, layout)))
            case Insertion():
                parts.append(_insertion(lines, change))
            case _:
                assert_never(change)
    return Splices.of(parts)


def _insertion(lines: SourceLines, change: Insertion) -> Splice:
    own = change.node.own
    layout = _layout_in(lines, Surrounding(change.node, member=own[change.after] if own else None))
    entries = [_text(lines, key, layout) + layout.colon + _text(lines, value, layout) for key, value in change.entries]
    if not own:
        start = change.node.start + 1
        return Splice(start, start, layout.comma.join(entries), inserts=True, level=change.level)
    start = own[change.after].value.end
    text = "".join(layout.comma + entry for entry in entries)
    return Splice(start, start, text, inserts=True, level=change.level)


def _layout_in(lines: SourceLines, around: Surrounding) -> _Layout:
    text, parent, member = lines.text, around.parent, around.member
    colon = ": "
    if isinstance(parent, MapNode):
        first = parent.own[0].key.start if parent.own else parent.end
        between = text[member.key.end : member.value.start] if member else colon
        colon = between if "\n" not in between and "\r" not in between else colon
        comma = _comma(lines, parent.own)
    else:
        first = parent.items[0].start
        comma = None
    before = text[lines.line_start(first) : first]
    if before.strip() or lines.line_start(first) <= parent.start:
        one_line = ", " if colon.endswith(" ") else ","
        return _Layout(comma or one_line, colon, None, "", "\n")
    line_break = lines.line_break(parent.start)
    outer = text[lines.line_start(parent.start) : parent.start]
    outer = outer[: len(outer) - len(outer.lstrip())]
    step = before.removeprefix(outer) or "  "
    return _Layout(comma or f",{line_break}{before}", colon, step, before, line_break)


def _comma(lines: SourceLines, own: Sequence[Member]) -> str | None:
    """Give what stands between the first two members of a map, or `None` if it has only one."""
    return lines.text[own[0].value.end : own[1].key.start] if len(own) > 1 else None


def _text(lines: SourceLines, value: JsonValue, layout: _Layout) -> str:
    separators = ("," if layout.step else ", " if layout.colon.endswith(" ") else ",", layout.colon)
    # A file that is all ASCII may be so on purpose.
    text = json.dumps(value, ensure_ascii=lines.text.isascii(), indent=layout.step, separators=separators)
    return text.replace("\n", layout.line_break + layout.indentation)
