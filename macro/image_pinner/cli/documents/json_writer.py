"""Writes edits of JSON text in the layout of the collection that they are in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple, assert_never

from image_pinner.cli.documents.edits import Change, Deletion, Insertion, Replacement, members_of
from image_pinner.cli.documents.nodes import MappingNode, Parent, parent_of
from image_pinner.cli.documents.text import SourceText, Splice, Splices
from image_pinner.core.intrinsics.values import JsonValue


class _Layout(NamedTuple):
    """The separators of a collection, line breaks and indentation included.

    `step` is one level of indentation, or `None` on one line; `indentation` is that of a member.
    """

    comma: str
    colon: str = ": "
    step: str | None = None
    indentation: str = ""
    line_break: str = "\n"


def json_splices(source: SourceText, root: MappingNode, changes: Sequence[Change]) -> Splices:
    """Return the splices that make changes in a JSON text."""
    parts: list[Splice] = []
    for change in changes:
        match change:
            case Replacement():
                parent = parent_of(root, change.node)
                layout = _layout_of(source, parent) if parent else _Layout(", ")
                parts.append(Splice(change.node.start, change.node.end, _write(source, change.value, layout)))
            case Insertion():
                parts.append(_insertion(source, change))
            case Deletion():
                parts += [Splice(start, end, "") for start, end in change.flow_spans()]
            case _:
                assert_never(change)
    return Splices.of(parts)


def _insertion(source: SourceText, change: Insertion) -> Splice:
    members = members_of(change.node)
    layout = _layout_of(source, Parent(change.node, change.after))
    added = change.added
    if isinstance(added, dict):
        entries = [_write(source, key, layout) + layout.colon + _write(source, added[key], layout) for key in added]
    else:
        entries = [_write(source, item, layout) for item in added]
    if members and change.after < 0:
        start, text = members[0][0], "".join(entry + layout.comma for entry in entries)
    else:
        start = members[change.after][1] if members else change.node.start + 1
        text = ("" if not members else layout.comma) + layout.comma.join(entries)
    return Splice(start, start, text, adds_key=True, depth=change.depth)


def _layout_of(source: SourceText, parent: Parent) -> _Layout:
    text, node, member = source.text, parent.node, parent.member
    members = members_of(node)
    first = members[0][0] if members else node.end
    comma = text[members[0][1] : members[1][0]] if len(members) > 1 else None
    between = text[member.key.end : member.value.start] if member else ": "
    colon = between if "\n" not in between and "\r" not in between else ": "
    if not source.is_indented(first) or source.line_start(first) <= node.start:
        return _Layout(comma or (", " if colon.endswith(" ") else ","), colon)
    before = text[source.line_start(first) : first]
    line_break = source.line_break(node.start)
    line = text[source.line_start(node.start) : node.start]
    outer = line[: len(line) - len(line.lstrip())]
    return _Layout(comma or f",{line_break}{before}", colon, before.removeprefix(outer) or "  ", before, line_break)


def _write(source: SourceText, value: JsonValue, layout: _Layout) -> str:
    separators = ("," if layout.step or not layout.colon.endswith(" ") else ", ", layout.colon)
    # A file that is all ASCII may be so on purpose.
    text = json.dumps(value, ensure_ascii=source.text.isascii(), indent=layout.step, separators=separators)
    return text.replace("\n", layout.line_break + layout.indentation)
