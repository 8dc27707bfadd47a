"""A YAML text as the blocks that its indentation makes: enough to leave some out and keep all others, comments too.

It reads what is written for people, by lines: a key on a line of its own with what belongs to it indented below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_KEY = re.compile(r"""\s*(?:-\s+)?(?:"([^"]+)"|'([^']+)'|([^\s#'"\[{][^#]*?))\s*:(?:\s|$)""")


class Block(NamedTuple):
    """A key or list item with what is indented below it.

    Args:
        lead: The blank lines and comments above it, with their line ends.
        body: Its lines, with their line ends.
    """

    lead: tuple[str, ...]
    body: tuple[str, ...]

    @property
    def key(self) -> str:
        """The key of its first line; empty where it has none."""
        found = _KEY.match(self.body[0]) if self.body else None
        return next((name for name in found.groups() if name), "") if found else ""

    @property
    def code(self) -> str:
        """Its text without lines that are comments."""
        return "".join(line for line in self.body if not line.lstrip().startswith("#"))


def indentation(line: str) -> int:
    """Count the spaces that a line begins with."""
    return len(line) - len(line.lstrip(" "))


def blocks(lines: tuple[str, ...]) -> Iterator[Block]:
    """Split lines into the blocks of their least indentation.

    Args:
        lines: Lines with their line ends.

    Yields:
        The blocks; together they have all lines in their order. The last may be a lead alone.
    """
    outermost = min((indentation(line) for line in lines if _says_something(line)), default=0)
    lead: list[str] = []
    body: list[str] = []
    held: list[str] = []
    for line in lines:
        if not _says_something(line):
            held.append(line)
        elif indentation(line) > outermost or (body and _is_item(line) and not _is_item(body[0])):
            # Lists may stand as far left as their key.
            body += [*held, line]
            held = []
        else:
            if body:
                yield Block(tuple(lead), tuple(body))
            lead, body, held = held, [line], []
    if body:
        yield Block(tuple(lead), tuple(body))
    if held:
        yield Block(tuple(held), ())


def without(lines: tuple[str, ...], unwanted: Callable[[Block], bool]) -> tuple[str, ...]:
    """Leave blocks out, with the comments right above them.

    Args:
        lines: Lines with their line ends.
        unwanted: Tells whether a block is left out.

    Returns:
        The other lines.
    """
    kept: list[str] = []
    for block in blocks(lines):
        if block.body and unwanted(block):
            kept += _up_to_last_blank(block.lead)
        else:
            kept += [*block.lead, *block.body]
    return tuple(kept)


def _up_to_last_blank(lead: tuple[str, ...]) -> tuple[str, ...]:
    for index in range(len(lead), 0, -1):
        if not lead[index - 1].strip():
            # The blank line goes too: another stands above what follows, or nothing has to be parted.
            return lead[: index - 1]
    return ()


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _is_item(line: str) -> bool:
    return line.lstrip().startswith("- ") or line.strip() == "-"
