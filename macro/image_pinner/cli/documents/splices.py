"""Splices: which parts of a text are replaced, and by what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from image_pinner.cli.documents.source_lines import SourceLines


@dataclass(frozen=True, slots=True)
class Splice:
    """A part of a text and what takes its place.

    Args:
        start: The index of its first character.
        end: The index behind its last character; `start` where something is only inserted.
        text: What stands there afterwards.
        inserts: Whether it brings a new key; it then comes behind a replacement at the same index.
        level: How deep in the template it is: of two new keys at one index, the deeper comes first.
    """

    start: int
    end: int
    text: str
    inserts: bool = False
    level: int = 0


@dataclass(frozen=True, slots=True)
class Splices:
    """All that changes in a text.

    Args:
        parts: The splices, none of which overlaps another, in the order of the text.
        notes: A sentence without a full stop on each comment that is lost.
    """

    parts: tuple[Splice, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, parts: Iterable[Splice], notes: Iterable[str] = ()) -> Splices:
        """Give splices in their order."""
        ordered = sorted(parts, key=lambda part: (part.start, part.end, part.inserts, -part.level))
        return cls(tuple(ordered), tuple(notes))

    def applied_to(self, text: str) -> str:
        """Give the text with the splices made."""
        pieces: list[str] = []
        done = 0
        for part in self.parts:
            pieces += [text[done : part.start], part.text]
            done = part.end
        return "".join((*pieces, text[done:]))

    def changed_lines(self, lines: SourceLines) -> str:
        """Give the lines with splices in them, and those between, as they are afterwards.

        Args:
            lines: The text.

        Returns:
            The lines without the last line break.
        """
        first, last = self.parts[0], self.parts[-1]
        changed = (
            self.applied_to(lines.text[: last.end])[first.start :] + lines.text[last.end : lines.line_end(last.end)]
        )
        on_new_line = changed.lstrip("\r\n\x85")
        if first.inserts and on_new_line != changed:
            return on_new_line
        return lines.text[lines.line_start(first.start) : first.start] + changed
