"""Walking a template along steps: through `Fn::If` arms and `Fn::ForEach` bodies, past everything else.

A walk never fails on a shape: what it cannot look into is told as `Hidden`, what does not fit is passed by.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, assert_never

from image_pinner.core.template.intrinsics import evaluate, intrinsic_of
from image_pinner.core.template.path_steps import Descend, Every, Field, Index, PathStep, Where
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.values import JsonValue, Known, Outcome, Unknown

FOR_EACH = "Fn::ForEach::"
_IF = "Fn::If"
_ARMS = 3
_FOR_EACH_PARTS = 3
_MAX_GUARDS = 64  # conditions around one place; people write two or three


class Guard(NamedTuple):
    """A condition that must be decided in one way for a place to be deployed.

    Args:
        condition: The condition's name, or the inline condition that stands in its place.
        wanted: How it must be decided.
    """

    condition: JsonValue
    wanted: bool


class Spot(NamedTuple):
    """A value that a walk has come to.

    Args:
        steps: The path of the value.
        value: The value.
        scope: What is known there, loop variables included.
        guards: The conditions passed on the way.
        owner: The map that holds the property through which the walk came here.
    """

    steps: tuple[Step, ...]
    value: JsonValue
    scope: Scope
    guards: tuple[Guard, ...] = ()
    owner: JsonValue = None

    @property
    def path(self) -> TemplatePath:
        """The path of the value."""
        return TemplatePath(self.steps)

    @property
    def place(self) -> tuple[Step, ...]:
        """The path of the property or the list's element as a whole, above the arms of an `Fn::If` in it."""
        return _without_arms(self.steps)

    @property
    def key(self) -> str:
        """The property's key in the map that holds it, or empty at the start of the walk."""
        steps = self._property()
        return str(steps[-1]) if steps else ""

    @property
    def owner_steps(self) -> tuple[Step, ...]:
        """The path of the map that holds the property."""
        return self._property()[:-1]

    def _property(self) -> tuple[Step, ...]:
        steps = self.place
        while steps and isinstance(steps[-1], int):
            steps = _without_arms(steps[:-1])
        return steps


def _without_arms(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    while len(steps) > 1 and steps[-2] == _IF:
        steps = steps[:-2]
    return steps


class Hidden(NamedTuple):
    """A place that a walk cannot look into.

    Args:
        path: The place.
        reason: What stands there, as a clause.
        scope: What is known there.
        guards: The conditions passed on the way.
    """

    path: TemplatePath
    reason: str
    scope: Scope
    guards: tuple[Guard, ...] = ()


def walk(spot: Spot, path: tuple[PathStep, ...]) -> Iterator[Spot | Hidden]:
    """Follow a path from a spot.

    Args:
        spot: Where to start.
        path: The steps to go.

    Yields:
        Each value at the end of the path, arms of `Fn::If` one by one, and what could not be looked into.
    """
    # Spots with the number of steps gone. A stack of our own has no depth at which Python gives up.
    todo: list[tuple[Spot, int]] = [(spot, 0)]
    while todo:
        here, gone = todo.pop()
        arms = _arms(here)
        if arms is not None:
            todo += [(arm, gone) for arm in reversed(arms)]
        elif len(here.guards) > _MAX_GUARDS:
            yield _hidden(here, f"it depends on more than {_MAX_GUARDS} conditions")
        elif gone == len(path):
            yield here
        elif (name := intrinsic_of(here.value)) and not name.startswith(FOR_EACH):
            if not isinstance(path[gone], Descend):
                yield _hidden(here, f"{name} stands in the place of what would hold the image")
        else:
            todo += reversed(_gone_on(here, path[gone], gone))


def _hidden(spot: Spot, reason: str) -> Hidden:
    return Hidden(spot.path, reason, spot.scope, spot.guards)


def arms_of(spot: Spot) -> Iterator[Spot | Hidden]:
    """Give a value, or the arms of the `Fn::If` that it is; nothing for `AWS::NoValue`."""
    return walk(spot, ())


def _arms(spot: Spot) -> list[Spot] | None:
    """Give the arms of an `Fn::If`, none for `AWS::NoValue`, or `None` for any other value."""
    value = spot.value
    if type(value) is not dict or len(value) != 1:
        return None
    if value.get("Ref") == "AWS::NoValue":
        return []
    arms = value.get(_IF)
    if not isinstance(arms, list) or len(arms) != _ARMS or len(spot.guards) > _MAX_GUARDS:
        return None
    return [
        Spot(
            (*spot.steps, _IF, number),
            arms[number],
            spot.scope,
            (*spot.guards, Guard(arms[0], wanted)),
            spot.owner,
        )
        for number, wanted in ((1, True), (2, False))
    ]


def entries_of(spot: Spot) -> Iterator[tuple[str, Spot]]:
    """Give the entries of a map, those in `Fn::ForEach` bodies included, with the loop's variable in their scope."""
    todo = [spot]
    while todo:
        here = todo.pop()
        if not isinstance(here.value, dict):
            continue
        bodies = []
        for key, value in here.value.items():
            if not isinstance(key, str):
                continue
            if not key.startswith(FOR_EACH):
                yield key, Spot((*here.steps, key), value, here.scope, here.guards, here.value)
            elif body := _loop_body(here, key, value):
                bodies.append(body)
        todo += reversed(bodies)


def _loop_body(spot: Spot, key: str, loop: JsonValue) -> Spot | None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
    if not isinstance(loop, list) or len(loop) != _FOR_EACH_PARTS or not isinstance(loop[0], str):
        return None
    scope = spot.scope.with_loop(loop[0], _loop_variable(key, loop[1], spot.scope))
    return Spot((*spot.steps, key, 2), loop[2], scope, spot.guards)


def _loop_variable(key: str, collection: JsonValue, scope: Scope) -> Outcome:
    items = evaluate(collection, scope) if isinstance(collection, dict) else Known(collection)
    if isinstance(items, Known) and isinstance(items.value, list) and len(items.value) == 1:
        return evaluate(items.value[0], scope)
    return Unknown(
        f"it depends on the loop variable of {key}, which has several values",
        "Put ImagePinner after AWS::LanguageExtensions in Transform, or write the image without the loop variable",
    )


def _gone_on(spot: Spot, step: PathStep, gone: int) -> list[tuple[Spot, int]]:
    """Give where a step leads to from a spot, with the number of steps gone there."""
    match step:
        case Field():
            return [(child, gone + 1) for child in _field(spot, step.name)]
        case Every():
            return [(child, gone + 1) for child in _children(spot)]
        case Index():
            value = spot.value
            if not isinstance(value, list) or not -len(value) <= step.number < len(value):
                return []
            return [(_element(spot, step.number % len(value)), gone + 1)]
        case Where():
            return [
                (child, gone + 1)
                for every in _children(spot)
                for child in arms_of(every)
                if isinstance(child, Spot)
                and isinstance(child.value, dict)
                and child.value.get(step.name) == step.value
            ]
        case Descend():
            return [(spot, gone + 1), *((child, gone) for child in _children(spot))]
        case _:
            assert_never(step)


def _field(spot: Spot, name: str) -> list[Spot]:
    value = spot.value
    if not isinstance(value, dict):
        return []
    if name in value:
        return [Spot((*spot.steps, name), value[name], spot.scope, spot.guards, value)]
    if any(isinstance(key, str) and key.startswith(FOR_EACH) for key in value):
        return [child for key, child in entries_of(spot) if key == name]
    return []


def _children(spot: Spot) -> list[Spot]:
    if isinstance(spot.value, list):
        return [_element(spot, number) for number in range(len(spot.value))]
    return [child for _, child in entries_of(spot)]


def _element(spot: Spot, number: int) -> Spot:
    return Spot((*spot.steps, number), spot.value[number], spot.scope, spot.guards, spot.owner)
