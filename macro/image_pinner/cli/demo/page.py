"""How the demo shows headings, text and differences on a terminal."""

from __future__ import annotations

import difflib
import json
import re
import textwrap
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

_INDENT = "    "
_SHORT_OBJECT = re.compile(r"\{[^{}]{,80}\}")
Show = Callable[[str, str], None]
"""Shows a line of a kind: `heading`, `text`, `code`, `old`, `new` or `error`."""


class Page(NamedTuple):
    """What the demo shows.

    Args:
        show: Shows a line.
        width: The characters of a line of text; code is not wrapped.
    """

    show: Show
    width: int = 100

    def heading(self, text: str) -> None:
        """Show a heading."""
        self.show("", "text")
        self.show(text, "heading")
        self.show("-" * len(text), "heading")

    def text(self, text: str) -> None:
        """Show a paragraph."""
        self._lines(text, "text")

    def error(self, text: str) -> None:
        """Show an error message."""
        self._lines(text, "error", _INDENT)

    def code(self, lines: Iterable[str]) -> None:
        """Show lines as they are."""
        self._block((line, "code") for line in lines)

    def json(self, value: Any) -> None:
        """Show a value as JSON."""
        self.code(json.dumps(value, indent=2, ensure_ascii=False).splitlines())

    def diff(self, before: Any, after: Any, context: int = 1) -> None:
        """Show how the resources of two templates differ, with so many lines around each difference."""
        old, new = (_to_lines(tree["Resources"]) for tree in (before, after))
        # The first lines are the names of the files, which are empty, and the first line numbers.
        changes = list(difflib.unified_diff(old, new, n=context, lineterm=""))[3:]
        kinds = {"-": "old", "+": "new"}
        self._block(("   …" if line.startswith("@@") else line, kinds.get(line[0], "code")) for line in changes)

    def _lines(self, text: str, kind: str, indent: str = "") -> None:
        for line in textwrap.wrap(text, self.width - len(indent), break_long_words=False, break_on_hyphens=False):
            self.show(indent + line, kind)

    def _block(self, lines: Iterable[tuple[str, str]]) -> None:
        self.show("", "text")
        for line, kind in lines:
            self.show(_INDENT + line, kind)
        self.show("", "text")


def _to_lines(value: Any) -> list[str]:
    """Return JSON with short objects on one line."""
    text = json.dumps(value, indent=2)
    return _SHORT_OBJECT.sub(lambda found: " ".join(found[0].split()), text).splitlines()
