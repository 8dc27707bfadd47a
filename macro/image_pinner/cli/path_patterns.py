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
_TRAILING_BLANKS = re.compile(r"(?<!\\) +\Z")
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
        """Parse a line of an ignore file; `None` for an empty line and a comment."""
        line = _TRAILING_BLANKS.sub("", line)
        negated, text = line.startswith("!"), line.removeprefix("!")
        if line.startswith("#") or not text.strip("/"):
            return None
        if "/" not in text.rstrip("/"):
            text = f"**/{text}"
        return cls.parse(text)._replace(negated=negated)

    def matches(self, names: Sequence[str], *, is_directory: bool) -> bool:
        """Return whether the names of a path match."""
        return (is_directory or not self.directories_only) and _match(names, self.names)

    def selects(self, names: Sequence[str]) -> bool:
        """Return whether the path of a file matches, or that of a directory above it."""
        ends = range(1, len(names) + 1)
        return any(self.matches(names[:end], is_directory=end < len(names)) for end in ends)


def _translate(name: str) -> str:
    name = name.replace("[^", "[!")
    # In brackets every character but `!` is literal, which is so without them.
    return translate(_ESCAPED.sub(lambda found: "!" if found[1] == "!" else f"[{found[1]}]", name))


def _match(names: Sequence[str], patterns: Sequence[re.Pattern[str] | None]) -> bool:
    """Follow all ways to match at once: trying them one after the other could take hours for a hostile pattern."""
    end, reached = len(patterns), {0}
    for name in names:
        for number, pattern in enumerate(patterns):
            # No directory at all.
            if number in reached and pattern is _ANY_DIRECTORIES:
                reached.add(number + 1)
        followed = set()
        for number in reached - {end}:
            pattern = patterns[number]
            if pattern is _ANY_DIRECTORIES:
                followed |= {number, end} if number == end - 1 else {number}
            elif pattern.match(name):
                followed.add(number + 1)
        reached = followed
    return end in reached
