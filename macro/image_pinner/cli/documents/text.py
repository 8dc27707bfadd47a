"""The text of a template file: its encoding, lines and positions, and the splices that edit it.

A byte order mark selects the encoding (https://www.unicode.org/faq/utf_bom.html); the default is UTF-8.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from image_pinner.core.errors import UnreadableTemplateError, cut

# CloudFormation accepts 1 MB from S3 and 51,200 bytes in a request:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_BYTES = 5_000_000
# UTF-32 first: its little-endian mark begins like that of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_WIDE_START = 4  # bytes; a template begins with an ASCII character, so UTF-16 and UTF-32 have a zero byte here
_BLANKS = re.compile(r"\s*")
MAX_SHOWN = 120
"""The maximum characters of a line in an excerpt. A template without line breaks has megabytes in one line."""
MAX_SHOWN_LINES = 12
"""The maximum lines of a correction."""
_SHOWN_BEFORE = 60
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SAVE_AS_UTF_8 = "save the file as UTF-8"

# YAML 1.1 also ends lines at NEL, LS and PS (https://yaml.org/spec/1.1/#id871136); JSON does not.
YAML_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
JSON_LINE_BREAK = re.compile("\r\n|[\r\n]")


class Encoding(NamedTuple):
    """The byte order mark of a file, if any, and Python's name of its encoding."""

    byte_order_mark: bytes
    codec: str

    def encode(self, text: str) -> bytes:
        """Return the bytes of a file with this text."""
        return self.byte_order_mark + text.encode(self.codec)


class Position(NamedTuple):
    """A line and a column of a file, both counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


class Excerpt(NamedTuple):
    """A line of a file, or a part of it with `…` for the rest, and the position of the value in it.

    `start` is counted from 0, and `length` can exceed the line.
    """

    line: str
    start: int
    length: int


class TemplateSyntaxError(UnreadableTemplateError):
    """A file is not a template because of the text at a position; the cause begins with the file and the position.

    Args:
        name: The name of the file.
        position: The position.
        problem: What is wrong: a clause.
        help: What to do.
        excerpt: The text at the position.
    """

    def __init__(self, name: str, position: Position, problem: str, help: str, excerpt: Excerpt) -> None:
        super().__init__(f"{name}:{position}: {problem}", help)
        self.position = position
        self.problem = problem
        self.excerpt = excerpt


# Compared by identity: a comparison of two texts, or the hash of one, would read all of it.
@dataclass(frozen=True, slots=True, eq=False)
class SourceText:
    """The text of a file, the file's `name` in messages, and the index at which each line starts."""

    name: str
    text: str
    line_break_pattern: re.Pattern[str]
    line_starts: tuple[int, ...]

    @classmethod
    def of(cls, name: str, text: str, line_break_pattern: re.Pattern[str]) -> SourceText:
        """Split a text into lines."""
        return cls(name, text, line_break_pattern, (0, *(found.end() for found in line_break_pattern.finditer(text))))

    def position(self, index: int) -> Position:
        """Return the position of the character at an index."""
        line = bisect_right(self.line_starts, index)
        return Position(line, index - self.line_starts[line - 1] + 1)

    def column(self, index: int) -> int:
        """Return how many characters precede an index in its line."""
        return index - self.line_start(index)

    def line_start(self, index: int) -> int:
        """Return the index at which the line of an index starts."""
        return self.line_starts[bisect_right(self.line_starts, index) - 1]

    def line_end(self, index: int) -> int:
        """Return the index of the line break that ends the line of an index."""
        line = bisect_right(self.line_starts, index)
        if line == len(self.line_starts):
            return len(self.text)
        end = self.line_starts[line]
        return max(index, end - (2 if self.text.endswith("\r\n", 0, end) else 1))

    def line_text(self, line: int) -> str:
        """Return a line, counted from 1, without its line break; empty if there is no such line."""
        if not 1 <= line <= len(self.line_starts):
            return ""
        start = self.line_starts[line - 1]
        return self.text[start : self.line_end(start)]

    def line_break(self, index: int) -> str:
        """Return the next line break after an index, or else the first of the file, or else a line feed."""
        if len(self.line_starts) == 1:
            return "\n"
        line = bisect_right(self.line_starts, index)
        line = line if line < len(self.line_starts) else 1
        return self.text[self.line_end(self.line_starts[line - 1]) : self.line_starts[line]]

    def is_indented(self, index: int) -> bool:
        """Return whether only blanks precede an index in its line."""
        found = _BLANKS.match(self.text, self.line_start(index), index)
        return found is not None and found.end() == index

    def excerpt(self, start: int, end: int) -> Excerpt:
        """Return the line of a value, or a part of it that has the beginning of the value."""
        high = self.line_end(start)
        before = self.shown_before(start, high)
        shown = cut(before + self.text[start : min(high, start + MAX_SHOWN)], MAX_SHOWN)
        return Excerpt(shown, len(before), max(1, min(end, high, start + MAX_SHOWN) - start))

    def shown_before(self, start: int, high: int) -> str:
        """Return what excerpts show of a line before an index, where `high` is the end of the line."""
        low = self.line_start(start)
        is_cut = high - low > MAX_SHOWN and start - low > _SHOWN_BEFORE
        return "…" + self.text[start - _SHOWN_BEFORE : start] if is_cut else self.text[low:start]

    def error(self, index: int, cause: str, help: str) -> TemplateSyntaxError:
        """Return an error at an index."""
        return TemplateSyntaxError(self.name, self.position(index), cause, help, self.excerpt(index, index + 1))


def decode(data: bytes, name: str) -> tuple[str, Encoding]:
    """Decode the content of a file called `name` to text without a byte order mark.

    Raises:
        UnreadableTemplateError: The file is empty, too large, wrongly encoded, or contains control characters.
    """
    if not data:
        raise UnreadableTemplateError(f"{name} is empty", "pass a file that contains a CloudFormation template")
    if len(data) > MAX_BYTES:
        raise file_too_large(name, len(data))
    marks = (Encoding(mark, codec) for mark, codec in _BYTE_ORDER_MARKS if data.startswith(mark))
    encoding = next(marks, Encoding(b"", "utf-8"))
    if not encoding.byte_order_mark and b"\0" in data[:_WIDE_START]:
        raise UnreadableTemplateError(f"{name}: looks like UTF-16 or UTF-32 without a byte order mark", _SAVE_AS_UTF_8)
    text = _decode_content(data[len(encoding.byte_order_mark) :], encoding.codec, name)
    if found := _CONTROL.search(text):
        source = SourceText.of(name, text, YAML_LINE_BREAK)
        cause = f"control character 0x{ord(found[0]):02x} is not allowed in a template"
        raise source.error(found.start(), cause, "remove the character")
    if text.startswith("\ufeff"):
        raise UnreadableTemplateError(f"{name}: the file begins with two byte order marks", _SAVE_AS_UTF_8)
    return text, encoding


def _decode_content(content: bytes, codec: str, name: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(codec)
        byte = content[error.start : error.start + 1].hex()
        cause = f"byte 0x{byte} is not valid {codec[:6].upper()}"
        raise SourceText.of(name, before, YAML_LINE_BREAK).error(len(before), cause, _SAVE_AS_UTF_8) from None


def file_too_large(name: str, size: int) -> UnreadableTemplateError:
    """Return the error for a file of more than `MAX_BYTES`."""
    return UnreadableTemplateError(
        f"{name} has {size:,} bytes, more than the limit of {MAX_BYTES:,}",
        "Check that this is the right file: CloudFormation accepts templates of up to 1 MB",
    )


class Splice(NamedTuple):
    """Replaces the text from `start` to `end`; an insertion has no length.

    At one index, a new key comes after a replacement, and the new key of a deeper mapping before that of an outer one.
    """

    start: int
    end: int
    text: str
    adds_key: bool = False
    depth: int = 0


class TextReplacement(NamedTuple):
    """Replaces the text between two positions of a file; an insertion has the same position twice."""

    start: Position
    end: Position
    text: str


class Preview(NamedTuple):
    """An edit before it is made: all that it replaces, and the lines that it changes, as they would be.

    The lines have at most `MAX_SHOWN` characters and are at most `MAX_SHOWN_LINES`, with `…` for the rest.
    """

    replacements: tuple[TextReplacement, ...]
    lines: tuple[str, ...]


class Splices(NamedTuple):
    """Splices in the order of the text, without overlaps, and a sentence on each comment that they remove."""

    parts: tuple[Splice, ...]
    lost_comments: tuple[str, ...] = ()

    @classmethod
    def of(cls, parts: Iterable[Splice], lost_comments: Iterable[str] = ()) -> Splices:
        """Sort splices."""
        ordered = sorted(parts, key=lambda part: (part.start, part.end, part.adds_key, -part.depth))
        return cls(tuple(ordered), tuple(lost_comments))

    def apply(self, text: str) -> str:
        """Return the edited text."""
        return self._apply(text, 0, len(text))

    def _apply(self, text: str, start: int, end: int) -> str:
        pieces: list[str] = []
        for part in self.parts:
            pieces += [text[start : part.start], part.text]
            start = part.end
        return "".join((*pieces, text[start:end]))

    def preview(self, source: SourceText) -> Preview:
        """Return what the splices change, and the lines from the first splice to the last after the edit."""
        first, last = self.parts[0], self.parts[-1]
        replacements = tuple(
            TextReplacement(source.position(part.start), source.position(part.end), part.text) for part in self.parts
        )
        high = source.line_end(last.end)
        changed = self._apply(source.text, first.start, last.end)
        if last.adds_key and last.text.rstrip(" ").endswith(("\n", "\r")):
            changed = changed.rstrip(" ")
        else:
            changed += source.text[last.end : min(high, last.end + MAX_SHOWN + 1)]
        on_new_line = changed.lstrip("\r\n\x85")
        if not (first.adds_key and on_new_line != changed):
            on_new_line = source.shown_before(first.start, high) + changed
        lines = [cut(line, MAX_SHOWN) for line in on_new_line.splitlines()]
        if len(lines) > MAX_SHOWN_LINES:
            lines[MAX_SHOWN_LINES - 1 :] = ["…"]
        return Preview(replacements, tuple(lines))
