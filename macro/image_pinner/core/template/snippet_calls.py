"""Snippets of this macro that CloudFormation calls by itself, before it calls the macros of the template's Transform.

A macro never sees them, since they are gone when it is called for the template. The command does, and cannot do their
work: what stands beside an `Fn::Transform` is replaced together with it, which only CloudFormation can do in its order
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-overview.html).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from image_pinner.core.template.annotations import SNIPPET, calls_macro
from image_pinner.core.template.image_sites import LeftImage
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.values import JsonMap, JsonValue

CALLED_BY_CLOUDFORMATION = "CloudFormation calls the macro for it before those of the template's Transform"


def find_snippet_calls(template: JsonMap, read: Collection[tuple[Step, ...]], macro: str) -> Iterator[LeftImage]:
    """Find the snippets of this macro that do not stand in the place of an image.

    Args:
        template: The template.
        read: The paths of all expressions that were read as images.
        macro: The macro's name.

    Yields:
        Each of them, as something that stays as it is.
    """
    todo: list[tuple[JsonValue, tuple[Step, ...]]] = [(template, ())]
    while todo:
        node, steps = todo.pop()
        if isinstance(node, dict):
            children: Iterable[tuple[Step, JsonValue]] = node.items()
            if SNIPPET in node and steps not in read and calls_macro(node[SNIPPET], macro):
                yield LeftImage(TemplatePath((*steps, SNIPPET)), "snippet", CALLED_BY_CLOUDFORMATION)
        else:
            children = enumerate(node)
        todo += [((value), (*steps, key)) for key, value in children if isinstance(value, dict | list)]
