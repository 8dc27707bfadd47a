"""Find markers anywhere in a template, also those at properties that hold no image.

A template of a megabyte has tens of thousands of values and the marks are all in images, as a rule. If as many are
counted in the images as in the whole template, none stands anywhere else, and nobody has to keep track of paths.

Parameters and Mappings may hold marked values, which come to images through Ref or Fn::FindInMap. Where such a value
comes to something else than an image, that is told too.
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue, Known
from image_pinner.core.template.markers import LONG_FORM, PIN_MARKER, SNIPPET, is_marked
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind

_VARIABLE = re.compile(r"\$\{(\w+)\}", re.ASCII)


def contains_marker(scope: Scope) -> bool:
    """Tell whether any parameter or mapping holds the mark; values of parameters that are secret count as well."""
    return (
        any(map(_holds_mark, scope.values.values()))
        or any(map(_holds_mark, map(_default, scope.parameters.values())))
        or bool(count_markers(scope.mappings).texts)
    )


def may_contain_marker(expression: JsonValue, scope: Scope) -> bool:
    """Tell whether an expression names a parameter or a mapping that holds the mark.

    Args:
        expression: A part of a template whose value is not known.
        scope: What is known there.
    """
    return any(_carries(name, scope) for text in _texts(expression) for name in (text, *_VARIABLE.findall(text)))


def _carries(name: str, scope: Scope) -> bool:
    return (
        _holds_mark(scope.values.get(name))
        or _holds_mark(_default(scope.parameters.get(name)))
        or bool(count_markers(scope.mappings.get(name)).texts)
    )


def _default(declaration: JsonValue) -> JsonValue:
    return declaration.get("Default") if isinstance(declaration, dict) else None


def _holds_mark(value: JsonValue) -> bool:
    # A list arrives as a list, or as a text whose elements are parted by commas.
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(text, str) and PIN_MARKER in text and any(map(is_marked, text.split(","))) for text in texts)


def _texts(expression: JsonValue) -> Iterator[str]:
    todo = [expression]
    for node in todo:
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            todo.extend(node.values())
        elif isinstance(node, list):
            todo.extend(node)


class MarkerCount(NamedTuple):
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


def walked_sections(template: JsonObject) -> dict[str, JsonValue]:
    """Give the sections of a template whose texts can be properties; all of a fragment that is part of one."""
    if not isinstance(template.get("Resources"), dict):
        return dict(template)
    return {name: content for name, content in template.items() if name not in NOT_WALKED}


def count_markers(*nodes: JsonValue) -> MarkerCount:
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
    return MarkerCount(*map(text.count, _SOUGHT))


_SOUGHT = (PIN_MARKER.encode(), LONG_FORM.encode(), SNIPPET.encode())


def _counted(nodes: Iterable[JsonValue]) -> MarkerCount:
    found = [0, 0, 0]
    # The list grows while it is walked: no depth of nesting ends that.
    todo: list[JsonValue] = list(nodes)
    for node in todo:
        if isinstance(node, str):
            for number, sought in enumerate((PIN_MARKER, LONG_FORM, SNIPPET)):
                found[number] += node.count(sought)
        elif isinstance(node, dict):
            todo += node.keys()
            todo += node.values()
        elif isinstance(node, list):
            todo += node
    return MarkerCount(*found)


_CARRIES = frozenset({"Ref", "Fn::Sub", "Fn::FindInMap", "Fn::Join"})

_Link = tuple["_Link", Step] | None


def find_misplaced_markers(
    template: JsonObject,
    read: Mapping[tuple[Step, ...], JsonValue],
    scope: Scope,
    marker_count: MarkerCount | None = None,
) -> list[Problem]:
    """Find the marks outside of images.

    Args:
        template: The template or fragment.
        read: All expressions that were read as images, by their paths.
        scope: What is known, to see marks that a parameter or a mapping brings.
        marker_count: What was counted in the template; counted anew if it is not given.

    Returns:
        A problem for each stray mark.
    """
    carried = contains_marker(scope)
    if not carried and not _any_outside(template, read, marker_count):
        return []
    problems = []
    for link, text in _suspects(walked_sections(template), carried=carried):
        steps = _steps(link)
        if any(steps[:length] in read for length in range(1, len(steps) + 1)):
            continue
        if text is not None:
            problems.append(_stray(steps, text))
        elif _brings_mark(value := _at(template, steps), scope):
            problems.append(_carried(steps, next(iter(value))))
    return problems


def _any_outside(
    template: JsonObject, read: Mapping[tuple[Step, ...], JsonValue], marker_count: MarkerCount | None
) -> bool:
    sections = walked_sections(template)
    everywhere = marker_count or count_markers(sections)
    inside = count_markers(*[value for steps, value in read.items() if steps[0] in sections])
    return (everywhere.texts, everywhere.long_forms) != (inside.texts, inside.long_forms)


def _suspects(template: JsonObject, *, carried: bool) -> Iterator[tuple[_Link, str | None]]:
    """Give the places of marked texts, and with `carried` also those of expressions that may bring one."""
    todo: list[tuple[JsonValue, _Link]] = [(value, (None, key)) for key, value in template.items()]
    while todo:
        node, link = todo.pop()
        children: Iterable[tuple[Step, JsonValue]] = ()
        if isinstance(node, dict):
            if LONG_FORM in node:
                yield link, LONG_FORM
            elif carried and len(node) == 1 and not _CARRIES.isdisjoint(node):
                yield link, None
            children = node.items()
        elif isinstance(node, list):
            children = enumerate(node)
        elif isinstance(node, str) and is_marked(node):
            yield link, node
        for key, value in children:
            # Texts without the mark are most of a template and need no visit.
            if (kind := type(value)) is dict or kind is list or (kind is str and PIN_MARKER in value):
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
    value = outcome.value if isinstance(outcome, Known) else getattr(outcome, "prefix", "")
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(text, str) and is_marked(text) for text in texts)


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
        f"{name} brings a value that is marked with {PIN_MARKER} to a place that is no image",
        "Take the mark out of the parameter or mapping and write it where the image stands: "
        f'Image: !Sub "{PIN_MARKER} ${{Name}}"',
    )
