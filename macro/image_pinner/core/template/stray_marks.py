"""Stray marks: marks that no site answers for. A mark never survives success, so each of them is a problem.

Parameters and Mappings may hold marked values, which come to images through Ref or Fn::FindInMap. Where such a value
comes to something else than an image, that is told too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from image_pinner.core.template.annotations import LONG_FORM, MARK, is_marked
from image_pinner.core.template.carriers import carries_any
from image_pinner.core.template.census import Census, count_marks, walked_sections
from image_pinner.core.template.intrinsics import evaluate
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.values import JsonMap, JsonValue, Known

_CARRIES = frozenset({"Ref", "Fn::Sub", "Fn::FindInMap", "Fn::Join"})

_Link = tuple["_Link", Step] | None


def find_stray_marks(
    template: JsonMap, read: Mapping[tuple[Step, ...], JsonValue], scope: Scope, census: Census | None = None
) -> list[Problem]:
    """Find the marks outside of images.

    Args:
        template: The template or fragment.
        read: All expressions that were read as images, by their paths.
        scope: What is known, to see marks that a parameter or a mapping brings.
        census: What was counted in the template; counted anew if it is not given.

    Returns:
        A problem for each stray mark.
    """
    carried = carries_any(scope)
    if not carried and not _any_outside(template, read, census):
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


def _any_outside(template: JsonMap, read: Mapping[tuple[Step, ...], JsonValue], census: Census | None) -> bool:
    sections = walked_sections(template)
    everywhere = census or count_marks(sections)
    inside = count_marks(*[value for steps, value in read.items() if steps[0] in sections])
    return (everywhere.texts, everywhere.long_forms) != (inside.texts, inside.long_forms)


def _suspects(template: JsonMap, *, carried: bool) -> Iterator[tuple[_Link, str | None]]:
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
        f"{name} brings a value that is marked with {MARK} to a place that is no image",
        "Take the mark out of the parameter or mapping and write it where the image stands: "
        f'Image: !Sub "{MARK} ${{Name}}"',
    )
