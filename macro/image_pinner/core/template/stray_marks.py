"""Stray marks: marks that no site answers for. A mark never survives success, so each of them is a problem.

Parameters and Mappings may hold marked values, which come to images through Ref or Fn::FindInMap. Where such a value
comes to something else than an image, that is told too.
"""

from __future__ import annotations

import marshal
from collections.abc import Collection, Iterable, Iterator
from itertools import chain

from image_pinner.core.template.annotations import LONG_FORM, MARK, is_marked
from image_pinner.core.template.intrinsics import evaluate
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.values import JsonMap, JsonValue, Known

# Sections whose texts are no properties: values that others refer to, and prose.
_NOT_WALKED = frozenset({"Parameters", "Mappings", "Conditions", "Rules", "Description", "AWSTemplateFormatVersion"})
_CARRIES = frozenset({"Ref", "Fn::Sub", "Fn::FindInMap", "Fn::Join"})

_MARK_BYTES, _LONG_FORM_BYTES = MARK.encode(), LONG_FORM.encode()

_Link = tuple["_Link", Step] | None


def find_stray_marks(template: JsonMap, read: Collection[tuple[Step, ...]], scope: Scope) -> list[Problem]:
    """Find the marks outside of images.

    Args:
        template: The template or fragment.
        read: The paths of all expressions that were read as images.
        scope: What is known, to see marks that a parameter or a mapping brings.

    Returns:
        A problem for each stray mark.
    """
    carried = _has_carriers(template, scope)
    if not carried and _all_marks_are_read(template, read):
        return []
    known = set(read)
    problems = []
    for link, text in _suspects(template, carried=carried):
        steps = _steps(link)
        if any(steps[:length] in known for length in range(1, len(steps) + 1)):
            continue
        if text is not None:
            problems.append(_stray(steps, text))
        elif _brings_mark(value := _at(template, steps), scope):
            problems.append(_carried(steps, next(iter(value))))
    return problems


def _all_marks_are_read(template: JsonMap, read: Collection[tuple[Step, ...]]) -> bool:
    """Tell whether there are no more marks than those that were read; they are only counted.

    marshal writes a template in a tenth of the time that a walk in Python takes, and nothing of what it writes is kept.
    Version 0 writes equal texts again each time: https://docs.python.org/3/library/marshal.html#marshal.version
    """
    walked = {key: value for key, value in template.items() if key not in _NOT_WALKED}
    try:
        return _count(walked) == sum(_count(_at(template, steps)) for steps in read)
    except ValueError:
        # Nested deeper than marshal goes, or holding what JSON does not have.
        return False


def _count(value: JsonValue) -> int:
    text = marshal.dumps(value, 0)
    return text.count(_MARK_BYTES) + text.count(_LONG_FORM_BYTES)


def _has_carriers(template: JsonMap, scope: Scope) -> bool:
    defaults = (item.get("Default") for item in scope.parameters.values() if isinstance(item, dict))
    if any(isinstance(value, str) and is_marked(value) for value in chain(scope.values.values(), defaults)):
        return True
    return next(_suspects({"": template.get("Mappings")}, carried=False), None) is not None


def _suspects(template: JsonMap, *, carried: bool) -> Iterator[tuple[_Link, str | None]]:
    """Give the places of marked texts, and with `carried` also those of expressions that may bring one."""
    todo: list[tuple[JsonValue, _Link]] = [
        (value, (None, key)) for key, value in template.items() if key not in _NOT_WALKED
    ]
    while todo:
        node, link = todo.pop()
        children: Iterable[tuple[Step, JsonValue]] = ()
        if isinstance(node, dict):
            if len(node) == 1 and (LONG_FORM in node or (carried and not _CARRIES.isdisjoint(node))):
                yield link, LONG_FORM if LONG_FORM in node else None
            children = node.items()
        elif isinstance(node, list):
            children = enumerate(node)
        elif isinstance(node, str) and is_marked(node):
            yield link, node
        for key, value in children:
            # Texts without the mark are most of a template and need no visit.
            if (kind := type(value)) is dict or kind is list or (kind is str and MARK in value):
                todo.append((value, (link, key)))


def _steps(link: _Link) -> tuple[Step, ...]:
    steps: list[Step] = []
    while link is not None:
        link, step = link
        steps.append(step)
    return tuple(reversed(steps))


def _at(template: JsonValue, steps: tuple[Step, ...]) -> JsonValue:
    for step in steps:
        template = template[step]
    return template


def _brings_mark(expression: JsonValue, scope: Scope) -> bool:
    outcome = evaluate(expression, scope)
    text = outcome.value if isinstance(outcome, Known) else getattr(outcome, "prefix", "")
    return isinstance(text, str) and is_marked(text)


def _stray(steps: tuple[Step, ...], text: str) -> Problem:
    return Problem(
        TemplatePath(steps),
        ProblemKind.TEMPLATE,
        f"{text.split(maxsplit=1)[0]} stands in a place that is no image",
        "Remove the mark, or have the operator add the JSONPath of this place to the settings",
    )


def _carried(steps: tuple[Step, ...], name: str) -> Problem:
    return Problem(
        TemplatePath(steps),
        ProblemKind.TEMPLATE,
        f"{name} brings a value that is marked with {MARK} to a place that is no image",
        "Take the mark out of the parameter or mapping and write it where the image stands: "
        f'Image: !Sub "{MARK} ${{Name}}"',
    )
