"""A count of the marks in a template, made without looking where they stand.

A template of a megabyte has tens of thousands of values and the marks are all in images, as a rule. If as many are
counted in the images as in the whole template, none stands anywhere else, and nobody has to keep track of paths.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from image_pinner.core.template.annotations import LONG_FORM, MARK, SNIPPET
from image_pinner.core.template.values import JsonMap, JsonValue


class Census(NamedTuple):
    """What was counted.

    Args:
        texts: The texts that hold the mark, wherever in them.
        long_forms: The maps with the key `Fn::PinDigest`.
        snippets: The maps with the key `Fn::Transform`, of any macro.
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
    """Count what asks for pins in parts of a template.

    Args:
        nodes: The parts, none of which contains another.

    Returns:
        The count.
    """
    mark, long_form, snippet = MARK, LONG_FORM, SNIPPET
    texts = long_forms = snippets = 0
    # The list grows while it is walked: no depth of nesting ends that. Every value of a template passes here, so that
    # nothing is done for the many that hold nothing.
    todo: list[JsonValue] = [list(nodes)]
    for node in todo:
        if type(node) is dict:
            if long_form in node:
                long_forms += 1
            if snippet in node:
                snippets += 1
            children: Iterable[JsonValue] = node.values()
        else:
            children = node
        for child in children:
            kind = type(child)
            if kind is str:
                if mark in child:
                    texts += 1
            elif kind is dict or kind is list:
                todo.append(child)
    return Census(texts, long_forms, snippets)
