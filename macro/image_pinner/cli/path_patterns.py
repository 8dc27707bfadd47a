"""Patterns of paths, as in the ignore files of Git and on the command line.

`*` and `?` match within a name, `**` any number of directories, and `[a-z]` and `[[:alpha:]]` a character.
https://git-scm.com/docs/gitignore#_pattern_format
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

# The possessive quantifier keeps a bracket at the beginning of a set in it.
_TOKEN = re.compile(
    r"(?P<stars>\*+)|(?P<any>\?)|\[(?P<negated>[!^]?)(?P<set>\]?+(?:\[:[a-z]+:\]|\\.|[^]\\])*)\]|\\?(?P<one>.)",
    re.DOTALL,
)
_MEMBER = re.compile(r"\[:(?P<name>[a-z]+):\]|\\?(?P<first>.)(?:-(?!\Z)\\?(?P<last>.))?", re.DOTALL)
_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": r" \t", "cntrl": r"\0-\x1f\x7f", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\t-\r ", "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}  # fmt: skip
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
        parsed = [_ANY_DIRECTORIES if name == "**" else re.compile(_translate(name), re.DOTALL) for name in names]
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
    """Return the regular expression for a name in a pattern."""
    parts = [""]
    for token in _TOKEN.finditer(name):
        if token["stars"]:
            parts.append("")
        elif token["any"]:
            parts[-1] += "."
        else:
            parts[-1] += re.escape(token["one"]) if token["one"] else _translate_set(token["set"], token["negated"])
    first, *middle = parts
    last = f".*{middle.pop()}" if middle else ""
    # The atomic groups find each part once: trying all ways could take hours for a hostile pattern.
    return first + "".join(f"(?>.*?{part})" for part in middle) + last


def _translate_set(text: str, negated: str) -> str:
    members = ""
    for member in _MEMBER.finditer(text):
        first, last = member["first"], member["last"]
        if member["name"]:
            if member["name"] not in _CLASSES:
                return "(?!)"  # matches nothing
            members += _CLASSES[member["name"]]
        elif last and first <= last:
            members += f"{re.escape(first)}-{re.escape(last)}"
        else:
            members += re.escape(first)
    return f"[{'^' if negated else ''}{members}]"


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
            elif pattern.fullmatch(name):
                followed.add(number + 1)
        reached = followed
    return end in reached
