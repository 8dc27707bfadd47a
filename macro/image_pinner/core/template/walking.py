"""Walking a template along steps: through `Fn::If` arms and `Fn::ForEach` bodies, past everything else.

A walk never fails on a shape: what it cannot look into is told as `Hidden`, what does not fit is passed by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from image_pinner.core.template.image_paths import Descend, Every, Field, Index, PathStep, Where
from image_pinner.core.template.intrinsics import evaluate, intrinsic_of
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.values import JsonMap, JsonValue, Known, Outcome, Unknown

FOR_EACH = "Fn::ForEach::"
_MAX_NESTING = 64  # arms within arms and loops within loops; people write two or three
_ARMS = 3
_FOR_EACH_PARTS = 3


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition that must be decided in one way for a place to be deployed.

    Args:
        condition: The condition's name, or the inline condition that stands in its place.
        wanted: How it must be decided.
    """

    condition: JsonValue
    wanted: bool


@dataclass(frozen=True, slots=True)
class Spot:
    """A value that a walk has come to.

    Args:
        steps: The path of the value.
        value: The value.
        scope: What is known there, loop variables included.
        guards: The conditions passed on the way.
        owner: The map that holds the property through which the walk came here.
        owner_steps: The path of that map.
        key: The property's key in that map, or empty at the start of the walk.
        place: The path of the property or the list's element as a whole, above the arms of an `Fn::If` in it.
    """

    steps: tuple[Step, ...]
    value: JsonValue
    scope: Scope
    guards: tuple[Guard, ...] = ()
    owner: JsonValue = None
    owner_steps: tuple[Step, ...] = ()
    key: str = ""
    place: tuple[Step, ...] = ()

    @property
    def path(self) -> TemplatePath:
        """The path of the value."""
        return TemplatePath(self.steps)


@dataclass(frozen=True, slots=True)
class Hidden:
    """A place that a walk cannot look into.

    Args:
        path: The place.
        reason: What stands there, as a clause.
    """

    path: TemplatePath
    reason: str


def walk(spot: Spot, path: tuple[PathStep, ...]) -> Iterator[Spot | Hidden]:
    """Follow a path from a spot.

    Args:
        spot: Where to start.
        path: The steps to go.

    Yields:
        Each value at the end of the path, arms of `Fn::If` one by one, and what could not be looked into.
    """
    for seen in arms_of(spot):
        if isinstance(seen, Hidden) or not path:
            yield seen
        elif (name := intrinsic_of(seen.value)) and not name.startswith(FOR_EACH):
            yield Hidden(seen.path, f"{name} stands in the place of what would hold the image")
        else:
            yield from _step(seen, path)


def arms_of(spot: Spot, nesting: int = 0) -> Iterator[Spot | Hidden]:
    """Give a value, or the arms of the `Fn::If` that it is; nothing for `AWS::NoValue`."""
    value = spot.value
    if type(value) is not dict or len(value) != 1:
        yield spot
    elif value.get("Ref") == "AWS::NoValue":
        return
    elif not isinstance(arms := value.get("Fn::If"), list) or len(arms) != _ARMS:
        yield spot
    elif nesting == _MAX_NESTING:
        yield Hidden(spot.path, f"Fn::If is nested deeper than {_MAX_NESTING} levels")
    else:
        for number, wanted in ((1, True), (2, False)):
            guard = Guard(arms[0], wanted)
            arm = replace(spot, steps=(*spot.steps, "Fn::If", number), value=arms[number], guards=(*spot.guards, guard))
            yield from arms_of(arm, nesting + 1)


def entries_of(spot: Spot, nesting: int = 0) -> Iterator[tuple[str, Spot]]:
    """Give the entries of a map, those in `Fn::ForEach` bodies included, with the loop's variable in their scope."""
    if not isinstance(spot.value, dict) or nesting > _MAX_NESTING:
        return
    for key in spot.value:
        if not isinstance(key, str):
            continue
        if key.startswith(FOR_EACH):
            body = _loop_body(spot, key, spot.value[key])
            if body is not None:
                yield from entries_of(body, nesting + 1)
        else:
            yield key, _entry(spot, key)


def _loop_body(spot: Spot, key: str, loop: JsonValue) -> Spot | None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
    if not isinstance(loop, list) or len(loop) != _FOR_EACH_PARTS or not isinstance(loop[0], str):
        return None
    scope = spot.scope.with_loop(loop[0], _loop_variable(key, loop[1], spot.scope))
    return replace(spot, steps=(*spot.steps, key, 2), value=loop[2], scope=scope)


def _loop_variable(key: str, collection: JsonValue, scope: Scope) -> Outcome:
    items = evaluate(collection, scope) if isinstance(collection, dict) else Known(collection)
    if isinstance(items, Known) and isinstance(items.value, list) and len(items.value) == 1:
        return evaluate(items.value[0], scope)
    return Unknown(
        f"it depends on the loop variable of {key}, which has several values",
        "Put ImagePinner after AWS::LanguageExtensions in Transform, or write the image without the loop variable",
    )


def _step(spot: Spot, path: tuple[PathStep, ...]) -> Iterator[Spot | Hidden]:
    step, rest = path[0], path[1:]
    match step:
        case Field():
            yield from _field(spot, step.name, rest)
        case Every():
            for child in _children(spot):
                yield from walk(child, rest)
        case Index():
            value = spot.value
            if isinstance(value, list) and -len(value) <= step.number < len(value):
                yield from walk(_element(spot, step.number % len(value)), rest)
        case Where():
            for child in _children(spot):
                if isinstance(child.value, dict) and child.value.get(step.name) == step.value:
                    yield from walk(child, rest)
        case Descend():
            yield from _descend(spot, rest)
        case _:
            assert_never(step)


def _field(spot: Spot, name: str, rest: tuple[PathStep, ...]) -> Iterator[Spot | Hidden]:
    value: JsonMap = spot.value
    if not isinstance(value, dict):
        return
    if name in value:
        yield from walk(_entry(spot, name), rest)
    elif any(isinstance(key, str) and key.startswith(FOR_EACH) for key in value):
        for key, child in entries_of(spot):
            if key == name:
                yield from walk(child, rest)


def _children(spot: Spot) -> Iterator[Spot]:
    if isinstance(spot.value, list):
        for number in range(len(spot.value)):
            yield _element(spot, number)
    else:
        for _, child in entries_of(spot):
            yield child


def _entry(spot: Spot, key: str) -> Spot:
    steps = (*spot.steps, key)
    return Spot(steps, spot.value[key], spot.scope, spot.guards, spot.value, spot.steps, key, steps)


def _element(spot: Spot, number: int) -> Spot:
    steps = (*spot.steps, number)
    return Spot(steps, spot.value[number], spot.scope, spot.guards, spot.owner, spot.owner_steps, spot.key, steps)


def _descend(spot: Spot, rest: tuple[PathStep, ...]) -> Iterator[Spot | Hidden]:
    todo = [spot]
    while todo:
        here = todo.pop()
        for found in _step(here, rest):
            if isinstance(found, Spot):
                yield found
        todo.extend(reversed(list(_children(here))))
