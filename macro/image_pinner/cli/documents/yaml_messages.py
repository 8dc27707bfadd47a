"""What a YAML parser's complaint means, for the person who has to mend the file."""

from __future__ import annotations

import re

import yaml

from image_pinner.cli.documents.source_lines import SourceLines
from image_pinner.core.errors import UnreadableTemplateError

# https://yaml.org/spec/1.1/#c-printable
_NOT_PRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_QUOTE_IT = "Put the value in quotes"
_LOOK_AROUND = "Check indentation, quotes and brackets in this line and the one above it"


def refused_characters(lines: SourceLines) -> None:
    """Refuse a text with characters that YAML does not allow.

    Raises:
        UnreadableTemplateError: There is such a character; the parsers would say so without its line.
    """
    if found := _NOT_PRINTABLE.search(lines.text):
        raise lines.unreadable(
            found.start(),
            f"YAML does not allow the character U+{ord(found[0]):04X}",
            "Remove it, or write it as an escape such as \\x7f in double quotes",
        )


def not_yaml(lines: SourceLines, error: yaml.MarkedYAMLError) -> UnreadableTemplateError:
    """Give the error about a text that the parser refused.

    Args:
        lines: The text.
        error: What the parser said.

    Returns:
        The error, with the parser's reason, the line in which the trouble began, and a remedy.
    """
    mark = error.problem_mark or error.context_mark
    index = min(mark.index, len(lines.text)) if mark else 0
    cause = f"this is no YAML: {error.problem or error.context}"
    if error.context and error.context_mark and error.problem:
        cause += f" {error.context} that begins in line {lines.position(error.context_mark.index).line}"
    return lines.unreadable(index, cause, _help(lines.text[index : index + 1], error.problem or ""))


def _help(character: str, problem: str) -> str:
    if character == "\t":
        return "Indent with spaces: YAML does not allow tabs there"
    if character == "!":
        return 'A value takes one tag: write the inner one in its long form, or as text: !Sub "!PinDigest …"'
    if "cannot start any token" in problem:
        return f"{_QUOTE_IT}: {character!r} means something to YAML at its beginning"
    if "mapping values" in problem:
        return f"{_QUOTE_IT} if it contains a colon with a blank behind it, and check the indentation"
    if "end of stream" in problem:
        return "Close the quote that was opened there"
    return _LOOK_AROUND
