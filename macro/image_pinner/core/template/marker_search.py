"""Find markers that are not in images, also those that a parameter or a mapping contains.

All markers of a template are usually in images. If the images contain as many as the whole template, there is none
anywhere else, and the slower search with paths is skipped.
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Iterable, Iterator, Mapping
from operator import sub
from typing import NamedTuple

from image_pinner.core.advice import Advice
from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.transforms import SHORT_TRANSFORM
from image_pinner.core.intrinsics.values import JsonObject, JsonValue, Known
from image_pinner.core.template.markers import LONG_FORM, PIN_MARKER, is_marked
from image_pinner.core.template.paths import FOR_EACH, Step, TemplatePath
from image_pinner.core.template.problems import MISPLACED_MARKER, Problem, ProblemKind
from image_pinner.core.template.records import RECORD_KEY

_VARIABLE = re.compile(r"\$\{\s*([A-Za-z0-9_]+)\s*\}")


def contains_marker(scope: Scope) -> bool:
    """Return whether a parameter, also a secret one, or a mapping contains a marker."""
    return any(_parameter_is_marked(name, scope) for name in {**scope.values, **scope.parameters}) or bool(
        count_markers(scope.mappings).texts
    )


def may_contain_marker(expression: JsonValue, scope: Scope) -> bool:
    """Return whether an expression refers to a parameter or a mapping that contains a marker."""
    names = {name for text in _texts(expression) for name in (text, *_VARIABLE.findall(text))}
    return any(_name_is_marked(name, scope) for name in names)


def _name_is_marked(name: str, scope: Scope) -> bool:
    if name not in scope.parameters and name not in scope.values and name not in scope.mappings:
        return False
    # A thousand images can refer to the same large mapping.
    if name not in scope.marked:
        mapping = scope.mappings.get(name)
        scope.marked[name] = _parameter_is_marked(name, scope) or count_markers(mapping).texts > 0
    return scope.marked[name]


def _parameter_is_marked(name: str, scope: Scope) -> bool:
    declaration = scope.parameters.get(name)
    default = declaration.get("Default") if isinstance(declaration, dict) else None
    return _value_is_marked(scope.values.get(name)) or _value_is_marked(default)


def _value_is_marked(value: JsonValue) -> bool:
    # A list arrives as a list, or as a text whose elements are separated by commas.
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(text, str) and PIN_MARKER in text and any(map(is_marked, text.split(","))) for text in texts)


def _texts(*nodes: JsonValue, keys: bool = False) -> Iterator[str]:
    """Yield all texts in `nodes`, however deep they are nested, and with `keys` those of mappings."""
    todo = list(nodes)
    for node in todo:
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            todo += node.values()
            todo += node if keys else ()
        elif isinstance(node, list):
            todo += node


class MarkerCount(NamedTuple):
    """How often the marker, `Fn::PinDigest`, `Transform` in every form, records and loops are in texts and keys."""

    texts: int
    long_forms: int
    transforms: int
    records: int = 0
    loops: int = 0


# Sections whose texts are not properties: prose, and values that properties refer to.
_OTHER_SECTIONS = frozenset(
    {"Parameters", "Mappings", "Conditions", "Rules", "Description", "AWSTemplateFormatVersion"}
)
_COUNTED = (PIN_MARKER, LONG_FORM, SHORT_TRANSFORM, RECORD_KEY, FOR_EACH)


def walked_sections(template: JsonObject) -> dict[str, JsonValue]:
    """Return the sections of a template whose texts can be properties; everything for a part of a template."""
    if not isinstance(template.get("Resources"), dict):
        return dict(template)
    return {name: content for name, content in template.items() if name not in _OTHER_SECTIONS}


def count_markers(*nodes: JsonValue) -> MarkerCount:
    """Count the markers in parts of a template, none of which contains another."""
    try:
        # Every value of a template passes here: 7 ms for 1 MB instead of 11 ms for a walk in Python. Version 0 writes
        # equal texts each time, and separates texts, so that two of them never join to a marker:
        # https://docs.python.org/3/library/marshal.html#marshal.dumps
        data = marshal.dumps(nodes, 0)
    except ValueError:
        # Nested too deeply for marshal, or not JSON.
        text = "\0".join(_texts(*nodes, keys=True))
        return MarkerCount(*map(text.count, _COUNTED))
    return _count_in(data)


def _count_in(data: bytes) -> MarkerCount:
    return MarkerCount(*[data.count(marker.encode()) for marker in _COUNTED])


def count_walked_markers(template: JsonObject, serialized: bytes = b"") -> MarkerCount:
    """Count the markers in the sections whose texts can be properties.

    `serialized` has all texts of the template in UTF-8, if an entry point has serialized it for another purpose, which
    saves half of the time. The count may be too high, since a byte between two texts can look like `!`: that only
    causes a search that finds nothing.
    """
    walked = walked_sections(template)
    if not serialized:
        return count_markers(walked)
    others = count_markers(*[content for name, content in template.items() if name not in walked])
    return MarkerCount(*map(sub, _count_in(serialized), others))


_REFERRING = frozenset({"Ref", "Fn::Sub", "Fn::FindInMap", "Fn::Join"})


def find_misplaced_markers(
    template: JsonObject,
    read: Mapping[tuple[Step, ...], JsonValue],
    scope: Scope,
    marker_count: MarkerCount | None = None,
) -> list[Problem]:
    """Return a problem for each marker outside of the images.

    Args:
        template: The template or fragment.
        read: All expressions that were read as images, by their paths.
        scope: The parameters and mappings, which may contain markers.
        marker_count: The count in the template, if it is known.
    """
    values_are_marked = contains_marker(scope)
    if not values_are_marked and not _any_outside(template, read, marker_count):
        return []
    problems: list[Problem] = []
    # With the path of the parent, which its children share: in a deep template, a path for each would take gigabytes.
    todo: list[tuple[JsonValue, tuple[Step, ...], tuple[Step, ...]]] = [(walked_sections(template), (), ())]
    while todo:
        node, parent, last = todo.pop()
        steps = (*parent, *last)
        if steps in read:
            continue
        children: Iterable[tuple[Step, JsonValue]] = ()
        if isinstance(node, dict):
            if LONG_FORM in node:
                problems.append(_misplaced(steps, LONG_FORM))
            elif values_are_marked and len(node) == 1 and not _REFERRING.isdisjoint(node):
                problems += [_misplaced_reference(steps, name) for name in node if _evaluates_to_marker(node, scope)]
            children = node.items()
        elif isinstance(node, list):
            children = enumerate(node)
        elif isinstance(node, str) and is_marked(node):
            problems.append(_misplaced(steps, node))
        # Most of a template is texts without a marker, which need no visit.
        todo += [
            (value, steps, (key,))
            for key, value in children
            if isinstance(value, dict | list) or (isinstance(value, str) and PIN_MARKER in value)
        ]
    return problems


def _any_outside(
    template: JsonObject, read: Mapping[tuple[Step, ...], JsonValue], marker_count: MarkerCount | None
) -> bool:
    sections = walked_sections(template)
    everywhere = marker_count or count_markers(sections)
    inside = count_markers(*[value for steps, value in read.items() if steps[0] in sections])
    return (everywhere.texts, everywhere.long_forms) != (inside.texts, inside.long_forms)


def _evaluates_to_marker(expression: JsonValue, scope: Scope) -> bool:
    outcome = evaluate(expression, scope)
    value = outcome.value if isinstance(outcome, Known) else getattr(outcome, "prefix", "")
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(text, str) and is_marked(text) for text in texts)


def _misplaced(steps: tuple[Step, ...], text: str) -> Problem:
    return Problem(
        TemplatePath(steps),
        ProblemKind.TEMPLATE,
        f"{text.split(maxsplit=1)[0]} is outside of the known image properties",
        f"remove the marker; if the property is an image, {Advice.IMAGE_PATH}",
        rule=MISPLACED_MARKER,
    )


def _misplaced_reference(steps: tuple[Step, ...], function: str) -> Problem:
    return Problem(
        TemplatePath(steps),
        ProblemKind.TEMPLATE,
        f"{function} returns a value marked with {PIN_MARKER} outside of the known image properties",
        "remove the marker from the parameter or mapping, and write it in the property of the image: "
        f'Image: !Sub "{PIN_MARKER} ${{Name}}"',
        rule=MISPLACED_MARKER,
    )
