"""A count of the marks in a template, made without looking where they stand.

A template of a megabyte has tens of thousands of values and the marks are all in images, as a rule. If as many are
counted in the images as in the whole template, none stands anywhere else, and nobody has to keep track of paths.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from typing import NamedTuple

from image_pinner.core.template.annotations import LONG_FORM, MARK, SNIPPET
from image_pinner.core.template.values import JsonMap, JsonValue


class Census(NamedTuple):
    """What was counted.

    Args:
        texts: How often the mark stands in texts and keys, wherever in them.
        long_forms: How often `Fn::PinDigest` does.
        snippets: How often `Fn::Transform` does, of any macro.
    """

    texts: int
    long_forms: int
    snippets: int


# Sections whose texts are no properties: values that others refer to, and prose.
NOT_WALKED = frozenset({"Parameters", "Mappings", "Conditions", "Rules", "Description", "AWSTemplateFormatVersion"})


def walked_sections(template: JsonMap) -> dict[str, JsonValue]:
    """Give the sections of a template whose texts can be properties; all of a fragment that is part of one."""
    if not isinstance(template.get("Resources"), dict):
        return dict(template)
    return {name: content for name, content in template.items() if name not in NOT_WALKED}


def count_marks(*nodes: JsonValue) -> Census:
    """Count what asks for pins in parts of a template, in keys and texts alike.

    Args:
        nodes: The parts, none of which contains another.

    Returns:
        The count.
    """
    try:
        # Every value of a template passes here, and marshal writes a megabyte in the time in which Python looks at a
        # tenth of it. Version 0 writes equal texts again each time, nothing of it is kept, and its own marks between
        # texts keep two of them from making one: https://docs.python.org/3/library/marshal.html#marshal.dumps
        text = marshal.dumps(nodes, 0)
    except ValueError:
        # Nested deeper than marshal goes, or holding what JSON does not have.
        return _counted(nodes)
    return Census(*map(text.count, _SOUGHT))


_SOUGHT = (MARK.encode(), LONG_FORM.encode(), SNIPPET.encode())


def _counted(nodes: Iterable[JsonValue]) -> Census:
    found = [0, 0, 0]
    # The list grows while it is walked: no depth of nesting ends that.
    todo: list[JsonValue] = list(nodes)
    for node in todo:
        if isinstance(node, str):
            for number, sought in enumerate((MARK, LONG_FORM, SNIPPET)):
                found[number] += node.count(sought)
        elif isinstance(node, dict):
            todo += node.keys()
            todo += node.values()
        elif isinstance(node, list):
            todo += node
    return Census(*found)
