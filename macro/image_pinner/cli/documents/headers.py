"""What stands before a YAML value: its anchor and its tag, in either order.

https://yaml.org/spec/1.1/#id904625
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from image_pinner.cli.documents.nodes import AliasNode, MapNode, Node

# Blanks, line breaks and comments: what can stand between a tag and its value, a key and its colon.
GAP = r"(?:\s|#[^\n\r\x85\u2028\u2029]*)*+"
_GAP = re.compile(GAP)
_PROPERTY = re.compile(r"&[^\s,\[\]{}]+|!<[^>\s]*>|![^\s,\[\]{}]*")
_MOST_PROPERTIES = 2


@dataclass(frozen=True, slots=True)
class Header:
    """Anchor and tag of a value.

    Args:
        anchor: The anchor with its `&`, or empty.
        end: The index behind anchor and tag, or the node's start where it has none.
        body: The index at which the value itself begins.
    """

    anchor: str
    end: int
    body: int


def header_of(text: str, node: Node) -> Header:
    """Give the anchor and tag of a node.

    Args:
        text: The text.
        node: A node of it.

    Returns:
        What stands before its value.
    """
    anchor, end, body = "", node.start, node.start
    first_key_begins_here = isinstance(node, MapNode) and bool(node.own) and node.own[0].key.start == node.start
    if isinstance(node, AliasNode) or first_key_begins_here:
        return Header(anchor, end, body)
    for _ in range(_MOST_PROPERTIES):
        found = _PROPERTY.match(text, body, node.end)
        if not found:
            break
        anchor = found[0] if found[0].startswith("&") else anchor
        end = found.end()
        body = gap_end(text, end, node.end)
    return Header(anchor, end, body)


def gap_end(text: str, index: int, end: int) -> int:
    """Give the index of the next thing that is no blank, line break or comment, `end` at most."""
    found = _GAP.match(text, index, end)
    return found.end() if found else index
