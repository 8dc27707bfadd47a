"""Patterns of paths, as in the ignore files of Git and on the command line.

`*` and `?` match within a name, `**` any number of directories, and `[a-z]` a character.
https://git-scm.com/docs/gitignore#_pattern_format
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate
from typing import NamedTuple

_ESCAPED = re.compile(r"\\(.)")
_TRAILING_BLANKS = re.compile(r"(?<!\\)\s+\Z")
_ANY_DIRECTORIES = None


class PathPattern(NamedTuple):
    """A pattern: an expression for each name of a path; `None` matches any number of directories."""

    names: tuple[re.Pattern[str] | None, ...]
    directories_only: bool = False
    negated: bool = False

    @classmethod
    def parse(cls, text: str) -> PathPattern:
        """Parse a pattern whose names begin at the directory that it applies to."""
        names = [name for name in text.split("/") if name not in ("", ".")]
        parsed = [_ANY_DIRECTORIES if name == "**" else re.compile(_translate(name)) for name in names]
        return cls(tuple(parsed), directories_only=text.endswith("/"))

    @classmethod
    def parse_line(cls, line: str) -> PathPattern | None:
        """Parse a line of an ignore file; `None` for an empty line, a comment and an invalid pattern."""
        line = _TRAILING_BLANKS.sub("", line)
        negated, text = line.startswith("!"), line.removeprefix("!")
        if line.startswith("#") or not text.strip("/"):
            return None
        if "/" not in text.rstrip("/"):
            text = f"**/{text}"
        try:
            return cls.parse(text)._replace(negated=negated)
        except re.error:
            return None

    def matches(self, names: Sequence[str], *, is_directory: bool) -> bool:
        """Return whether the names of a path match."""
        return (is_directory or not self.directories_only) and _match(names, self.names)

    def selects(self, names: Sequence[str]) -> bool:
        """Return whether the path of a file matches, or that of a directory above it."""
        ends = range(1, len(names) + 1)
        return any(self.matches(names[:end], is_directory=end < len(names)) for end in ends)


def _translate(name: str) -> str:
    name = name.replace("[^", "[!")
    return translate(_ESCAPED.sub(r"[\1]", name))


def _match(names: Sequence[str], patterns: Sequence[re.Pattern[str] | None]) -> bool:
    if not patterns:
        return not names
    first, others = patterns[0], patterns[1:]
    if first is _ANY_DIRECTORIES:
        # At the end it matches all that is inside, and otherwise also no directory.
        return bool(names) if not others else any(_match(names[skipped:], others) for skipped in range(len(names)))
    return bool(names) and first.match(names[0]) is not None and _match(names[1:], others)
