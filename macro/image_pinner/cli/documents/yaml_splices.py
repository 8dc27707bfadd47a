"""From changes of nodes to splices of YAML text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from image_pinner.cli.documents.edit_plan import Change, Insertion, Replacement
from image_pinner.cli.documents.nodes import MapNode
from image_pinner.cli.documents.source_lines import SourceLines
from image_pinner.cli.documents.splices import Splice, Splices
from image_pinner.cli.documents.yaml_insertions import insertion_splices
from image_pinner.cli.documents.yaml_layout import block_style_of, slot_of
from image_pinner.cli.documents.yaml_replacements import replacement_splice


def yaml_splices(lines: SourceLines, root: MapNode, changes: Sequence[Change]) -> Splices:
    """Say which parts of a YAML text change.

    Args:
        lines: The text.
        root: The root of its nodes.
        changes: What changes.

    Returns:
        The splices, with a note on each comment that is lost.
    """
    style = block_style_of(lines, root)
    replaced: list[Splice] = []
    inserted: list[Splice] = []
    notes: list[str] = []
    for change in changes:
        match change:
            case Replacement():
                splice, lost = replacement_splice(lines, slot_of(lines, root, change.node), style, change)
                replaced.append(splice)
                notes += lost
            case Insertion():
                inserted += insertion_splices(lines, style, change)
            case _:
                assert_never(change)
    return Splices.of([*replaced, *_outside(replaced, inserted)], notes)


def _outside(replaced: Sequence[Splice], inserted: Sequence[Splice]) -> list[Splice]:
    """Drop what an insertion would change inside a value that is replaced anyway."""
    return [
        part
        for part in inserted
        if part.start == part.end or not any(whole.start <= part.start and part.end <= whole.end for whole in replaced)
    ]
