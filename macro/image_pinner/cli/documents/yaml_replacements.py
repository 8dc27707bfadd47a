"""New values in YAML text: what goes, what comes in its place, and where the comments stay."""

from __future__ import annotations

from dataclasses import dataclass

from image_pinner.cli.documents.edit_plan import Replacement
from image_pinner.cli.documents.headers import Header, header_of
from image_pinner.cli.documents.nodes import ListNode, Node, ScalarNode, is_block_collection
from image_pinner.cli.documents.source_lines import SourceLines
from image_pinner.cli.documents.splices import Splice
from image_pinner.cli.documents.yaml_layout import (
    Comment,
    Slot,
    comments_in,
    content_end,
    trailing_comment,
)
from image_pinner.cli.documents.yaml_writer import (
    BlockStyle,
    block_lines,
    flow_text,
    is_block,
    is_plain,
    scalar_text,
)
from image_pinner.core.intrinsics.values import JsonValue


@dataclass(frozen=True, slots=True)
class Region:
    """What a replacement takes out of a text.

    Args:
        start: The index of its first character.
        end: The index behind its last one.
        lead: What is kept or needed before the new value: a blank, an anchor, nothing.
    """

    start: int
    end: int
    lead: str


def replacement_splice(
    lines: SourceLines, slot: Slot | None, style: BlockStyle, change: Replacement
) -> tuple[Splice, tuple[str, ...]]:
    """Say how a value is replaced.

    Args:
        lines: The text.
        slot: Where the value stands; `None` for the root.
        style: How the file indents.
        change: The node and its new value.

    Returns:
        The splice, and a note on each comment that is lost.
    """
    node = change.node
    header = header_of(lines.text, node)
    if slot is None or slot.flow:
        return _in_flow(lines, slot, header, change)
    if not is_block(change.value):
        return _inline(lines, slot, style, header, change), ()
    if _takes_same_lines(lines, slot, header, change):
        return _same_lines(lines, style, change), ()
    return _new_lines(lines, slot, style, header, change), ()


def _region(lines: SourceLines, slot: Slot, header: Header, change: Replacement) -> Region:
    text, node = lines.text, change.node
    end = content_end(text, node)
    if change.inside:
        return _behind_tag(text, header, end)
    if header.anchor:
        return Region(node.start, end, header.anchor + " ")
    if node.start == end:
        return Region(end, end, ": " if slot.sign is None else " ")
    if is_block_collection(node) and slot.sign is not None and lines.line_end(slot.sign) < node.start:
        return Region(slot.sign, end, " ")
    return Region(node.start, end, "")


def _behind_tag(text: str, header: Header, end: int) -> Region:
    if header.body > header.end and text[header.end : header.body].strip(" \t") == "" and header.body < end:
        return Region(header.body, end, "")
    return Region(header.end, end, " ")


def _in_flow(
    lines: SourceLines, slot: Slot | None, header: Header, change: Replacement
) -> tuple[Splice, tuple[str, ...]]:
    node = change.node
    region = _region(lines, slot, header, change) if slot else Region(header.body, node.end, "")
    lost = tuple(
        f"The comment {comment.text!r} in {lines.position(comment.index)} stands inside the value and goes with it"
        for comment in comments_in(lines, node, region.start, region.end)
    )
    value = _flow_value(node, change.value, quoted=slot is not None and slot.quoted)
    return Splice(region.start, region.end, region.lead + value), lost


def _flow_value(node: Node, value: JsonValue, *, quoted: bool) -> str:
    if is_block(value):
        return flow_text(value, quoted=quoted)
    if isinstance(node, ScalarNode) and not node.style and ":" in node.text and isinstance(value, str):
        # Who reads this file takes colons inside plain words, or could not have read the old value.
        plain = is_plain(value.replace(":", "_"), flow=True) and is_plain(value, flow=False)
        return value if plain else scalar_text(value, '"')
    return scalar_text(value, '"' if quoted and not isinstance(node, ScalarNode) else _quotes(node), flow=True)


def _quotes(node: Node) -> str:
    return node.style if isinstance(node, ScalarNode) else ""


def _inline(lines: SourceLines, slot: Slot, style: BlockStyle, header: Header, change: Replacement) -> Splice:
    """Put a scalar, or an empty collection, behind the sign, and comments from inside the old value below it."""
    region = _region(lines, slot, header, change)
    comments = comments_in(lines, change.node, region.start, region.end)
    end = region.end
    trailing = trailing_comment(lines, end)
    if comments and trailing:
        comments.append(Comment(trailing.start(1), trailing[1]))
        end = trailing.end()
    value = flow_text(change.value) if is_block(change.value) else scalar_text(change.value, _quotes(change.node))
    kept = _kept(lines, region.start, comments, " " * (slot.column + style.step))
    return Splice(region.start, end, region.lead + value + kept)


def _kept(lines: SourceLines, start: int, comments: list[Comment], indentation: str) -> str:
    """Give comments as they follow a value: one that began in its first line stays there, each other has its line."""
    first_line_end = lines.line_end(start)
    pieces: list[str] = []
    for comment in comments:
        if comment.index < first_line_end:
            pieces.append(f" {comment.text}")
            continue
        before = lines.text[lines.line_start(comment.index) : comment.index]
        pieces += [lines.line_break(start), before if not before.strip() else indentation, comment.text]
    return "".join(pieces)


def _takes_same_lines(lines: SourceLines, slot: Slot, header: Header, change: Replacement) -> bool:
    node, value = change.node, change.value
    if header.end > node.start and (change.inside or header.anchor):
        return False
    column = lines.column(node.start)
    on_sign_line = slot.sign is not None and lines.line_start(slot.sign) == lines.line_start(node.start)
    if slot.in_list:
        return node.start < node.end and column > slot.column
    both_lists = isinstance(node, ListNode) and isinstance(value, list)
    return not on_sign_line and (column > slot.column or (both_lists and column == slot.column))


def _same_lines(lines: SourceLines, style: BlockStyle, change: Replacement) -> Splice:
    node = change.node
    end = content_end(lines.text, node)
    comments = [comment.text for comment in comments_in(lines, node, node.start, end)]
    between = lines.line_break(node.start) + " " * lines.column(node.start)
    return Splice(node.start, end, between.join((*comments, *block_lines(change.value, style))))


def _new_lines(lines: SourceLines, slot: Slot, style: BlockStyle, header: Header, change: Replacement) -> Splice:
    """Put a collection on the lines below the sign; a comment behind a value of one line stays behind the sign."""
    region = _region(lines, slot, header, change)
    start = region.start
    lead = region.lead.rstrip(" ")
    if not lead and not change.inside and slot.sign is not None:
        start = slot.sign
    elif change.inside:
        start, lead = header.end, ""
    comments = comments_in(lines, change.node, start, region.end)
    end = region.end
    trailing = trailing_comment(lines, end)
    if trailing and lines.line_end(start) == lines.line_end(end):
        comments.append(Comment(trailing.start(1), trailing[1]))
        end = trailing.end()
    step = style.step if slot.in_list or isinstance(change.value, dict) else style.list_step
    indentation = " " * (slot.column + max(step, 1 if slot.in_list else 0))
    kept = _kept(lines, start, comments, indentation)
    between = lines.line_break(start) + indentation
    return Splice(start, end, lead + kept + between + between.join(block_lines(change.value, style)))
