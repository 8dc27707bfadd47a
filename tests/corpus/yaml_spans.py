"""Positions of values according to PyYAML, to verify the positions that the command edits."""

from __future__ import annotations

import re
from collections.abc import Iterable

import yaml

from image_pinner.core.template.paths import Step

Span = tuple[int, int]
"""The index of the first character of a value, and that after its last."""


def spans_of(text: str, paths: Iterable[tuple[Step, ...]]) -> list[Span]:
    """Return the spans of the values at `paths`, in the order of the text.

    The paths are those of the long form. A span includes the blanks before a block, and the text after it up to the
    next token.
    """
    root = yaml.compose(text, yaml.CSafeLoader)
    return sorted(_span(text, _node_at(root, path)) for path in paths)


def _span(text: str, node: yaml.Node) -> Span:
    start = node.start_mark.index
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        # A string that replaces a block is written on the line of the key.
        start = len(text[:start].rstrip())
    return start, node.end_mark.index


def _node_at(node: yaml.Node, path: tuple[Step, ...]) -> yaml.Node:
    inside = False
    for step in path:
        if _function(node) and not inside:
            # A short form such as !Sub is one level deeper in the long form.
            assert step == _function(node)
            inside = True
            continue
        inside = False
        if isinstance(step, int):
            node = node.value[step]
        else:
            node = next(value for key, value in node.value if key.value == step)
    return node


def _function(node: yaml.Node) -> str:
    name = node.tag.removeprefix("!")
    if name == node.tag:
        return ""
    return name if name in {"Ref", "Condition"} else f"Fn::{name}"


def changed_only_in(before: str, after: str, spans: Iterable[Span]) -> bool:
    """Return whether two texts differ only in `spans` of the first, which are in order and do not overlap."""
    pieces, position = [], 0
    for start, end in spans:
        pieces.append(before[position:start])
        position = end
    pieces.append(before[position:])
    return re.fullmatch("(?s:.*?)".join(re.escape(piece) for piece in pieces), after) is not None
