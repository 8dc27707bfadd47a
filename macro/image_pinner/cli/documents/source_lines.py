"""The text of a file with its lines: where a character stands, and what a line says."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from image_pinner.core.errors import UnreadableTemplateError

# YAML 1.1 also ends lines at NEL, LS and PS (https://yaml.org/spec/1.1/#id871136); JSON text does not.
YAML_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
JSON_BREAK = re.compile("\r\n|[\r\n]")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file.

    Args:
        line: The line, from 1.
        column: The character in the line, from 1.
    """

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True, slots=True)
class SourceLines:
    """A text, its name and where its lines begin.

    Args:
        name: What messages call the file.
        text: The text without a byte order mark.
        breaks: What ends a line.
        starts: The index in the text at which each line begins.
    """

    name: str
    text: str
    breaks: re.Pattern[str]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, name: str, text: str, breaks: re.Pattern[str]) -> SourceLines:
        """Give a text with its lines."""
        return cls(name, text, breaks, (0, *(found.end() for found in breaks.finditer(text))))

    def position(self, index: int) -> Position:
        """Give the place of the character at an index from 0."""
        line = bisect_right(self.starts, index)
        return Position(line, index - self.starts[line - 1] + 1)

    def column(self, index: int) -> int:
        """Give how many characters stand before an index in its line."""
        return self.position(index).column - 1

    def line_start(self, index: int) -> int:
        """Give the index at which the line of an index begins."""
        return self.starts[bisect_right(self.starts, index) - 1]

    def line_end(self, index: int) -> int:
        """Give the index at which the line of an index ends, before its line break."""
        found = self.breaks.search(self.text, index)
        return found.start() if found else len(self.text)

    def line_text(self, line: int) -> str:
        """Give a line, counted from 1, without its line break; empty where there is no such line."""
        if not 1 <= line <= len(self.starts):
            return ""
        start = self.starts[line - 1]
        return self.text[start : self.line_end(start)]

    def line_break(self, index: int) -> str:
        """Give the line break to use near an index: that of its line, else the first of the file, else a line feed."""
        found = self.breaks.search(self.text, index) or self.breaks.search(self.text)
        return found[0] if found else "\n"

    def unreadable(self, index: int, cause: str, help: str) -> UnreadableTemplateError:
        """Give the error about what stands at an index.

        Args:
            index: Where, as an index in the text.
            cause: What is wrong there, as a clause.
            help: What to do, as a sentence without a full stop.

        Returns:
            The error, which names the file, the line and the column.
        """
        return UnreadableTemplateError(f"{self.name}, {self.position(index)}: {cause}", help)
