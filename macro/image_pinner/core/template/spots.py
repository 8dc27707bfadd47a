"""Spots: what a walk through a template comes to, and the entries of the maps that it passes.

The entries are those that CloudFormation will see: `Fn::ForEach` stands for those of its body.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from image_pinner.core.template.intrinsics import evaluate
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.values import JsonValue, Known, Outcome, Unknown

IF = "Fn::If"
FOR_EACH = "Fn::ForEach::"
_FOR_EACH_PARTS = 3


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
    def property_steps(self) -> tuple[Step, ...]:
        """The path of the property that holds the value, also where that is a list; empty at the start of a walk."""
        steps = self.place
        while steps and isinstance(steps[-1], int):
            steps = _without_arms(steps[:-1])
        return steps

    @property
    def key(self) -> str:
        """The name of the property that holds the value, or empty at the start of a walk."""
        steps = self.property_steps
        return str(steps[-1]) if steps else ""


def _without_arms(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    while len(steps) > 1 and steps[-2] == IF:
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
    values = items.value if isinstance(items, Known) and isinstance(items.value, list) else None
    if values is not None and len(values) == 1:
        return evaluate(values[0], scope)
    how_many = "whose values are not known" if values is None else f"which has {'several' if values else 'no'} values"
    return Unknown(
        f"it depends on the loop variable of {key}, {how_many}",
        "Put ImagePinner after AWS::LanguageExtensions in Transform, or write the image without the loop variable",
    )
