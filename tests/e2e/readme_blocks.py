"""Find the code blocks of a document, in order."""

from __future__ import annotations

import re
from typing import NamedTuple

# An HTML comment is the reason why a block is not run: <!-- not walked: the reason -->
_BLOCK = re.compile(
    r"(?:<!-- not walked: (?P<reason>[^\n]+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A block of code.

    Args:
        section: The heading above it.
        language: The info string of its fence.
        text: Its content.
        reason: The reason why it is not run, or an empty string.
    """

    section: str
    language: str
    text: str
    reason: str

    def script(self) -> str:
        """Return the commands in a block of the language `console`."""
        return re.sub(r"^\$ ", "", self.text, flags=re.MULTILINE)


def blocks(document: str) -> list[Block]:
    """Return the code blocks of a document in Markdown."""
    found = []
    for match in _BLOCK.finditer(document):
        above = _HEADING.findall(document[: match.start()])
        found.append(Block(above[-1] if above else "", match["language"], match["text"], match["reason"] or ""))
    return found
