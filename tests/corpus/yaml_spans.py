"""Where values stand in a text, by PyYAML's own word: a second opinion on the positions that the command edits by."""

from __future__ import annotations

import re
from collections.abc import Iterable

import yaml

from image_pinner.core.template.paths import Step

Span = tuple[int, int]
"""From the first character of a value to behind its last."""


def spans_of(text: str, paths: Iterable[tuple[Step, ...]]) -> list[Span]:
    """Give the spans of values, in the order of the text.

    Args:
        text: A template in YAML or JSON.
        paths: Paths in its long form; every path leads to a value.

    Returns:
        A span for each path. The blanks before a block, and what follows it up to the next token, belong to it.
    """
    root = yaml.compose(text, yaml.CSafeLoader)
    return sorted(_span(text, _node_at(root, path)) for path in paths)


def _span(text: str, node: yaml.Node) -> Span:
    start = node.start_mark.index
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        # A text that takes the place of a block stands in the line of the key.
        start = len(text[:start].rstrip())
    return start, node.end_mark.index


def _node_at(node: yaml.Node, path: tuple[Step, ...]) -> yaml.Node:
    inside = False
    for step in path:
        if _function(node) and not inside:
            # A short form such as !Sub is one level more in the long form.
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
    """Tell whether a text equals another in everything but some spans.

    Args:
        before: The text to which the spans belong.
        after: The other text.
        spans: Spans that do not overlap, in order.
    """
    pieces, position = [], 0
    for start, end in spans:
        pieces.append(before[position:start])
        position = end
    pieces.append(before[position:])
    return re.fullmatch("(?s:.*?)".join(re.escape(piece) for piece in pieces), after) is not None
