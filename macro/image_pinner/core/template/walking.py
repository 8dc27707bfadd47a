"""Walking a template along steps: through `Fn::If` arms and `Fn::ForEach` bodies, past everything else.

A walk never fails on a shape: what it cannot look into is told as `Hidden`, what does not fit is passed by.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from image_pinner.core.template.intrinsics import intrinsic_of
from image_pinner.core.template.path_steps import Descend, Every, Field, Index, PathStep, Where
from image_pinner.core.template.spots import FOR_EACH, IF, Guard, Hidden, Spot, entries_of
from image_pinner.core.template.values import JsonValue

_NO_VALUE = {"Ref": "AWS::NoValue"}
_ARMS = 3
_MAX_GUARDS = 64  # conditions around one place; people write two or three


def walk(spot: Spot, path: tuple[PathStep, ...]) -> list[Spot | Hidden]:
    """Follow a path from a spot.

    Args:
        spot: Where to start.
        path: The steps to go.

    Returns:
        Each value at the end of the path, arms of `Fn::If` one by one, and what could not be looked into.
    """
    hidden: list[Hidden] = []
    spots = _with_arms([spot], hidden)
    for step in path:
        spots = _with_arms(_gone_on(_seen(spots, step, hidden), step), hidden)
    return [*spots, *hidden]


def arms_of(spot: Spot) -> list[Spot | Hidden]:
    """Give a value, or the arms of the `Fn::If` that it is; nothing for `AWS::NoValue`."""
    return walk(spot, ())


def _with_arms(spots: list[Spot], hidden: list[Hidden]) -> list[Spot]:
    """Give spots with the arms in the place of each `Fn::If`, and without `AWS::NoValue`."""
    result: list[Spot] = []
    for spot in spots:
        value = spot.value
        if type(value) is dict and len(value) == 1 and (IF in value or "Ref" in value):
            result += _arms(spot, hidden)
        else:
            result.append(spot)
    return result


def _arms(spot: Spot, hidden: list[Hidden]) -> list[Spot]:
    result: list[Spot] = []
    todo = [spot]
    while todo:
        here = todo.pop()
        value = here.value
        if value == _NO_VALUE:
            continue
        if len(here.guards) > _MAX_GUARDS:
            hidden.append(_hidden(here, f"it depends on more than {_MAX_GUARDS} conditions"))
        elif intrinsic_of(value) != IF or not isinstance(arms := value[IF], list) or len(arms) != _ARMS:
            result.append(here)
        else:
            condition, *values = arms
            todo += [
                Spot(
                    (*here.steps, IF, number),
                    values[number - 1],
                    here.scope,
                    (*here.guards, Guard(condition, wanted=number == 1)),
                    here.owner,
                )
                for number in (2, 1)
            ]
    return result


def _seen(spots: list[Spot], step: PathStep, hidden: list[Hidden]) -> list[Spot]:
    """Give the spots that a step can be gone from; an expression tells nothing of what it holds."""
    result: list[Spot] = []
    for spot in spots:
        value = spot.value
        if type(value) is dict and len(value) == 1 and (name := intrinsic_of(value)) and not name.startswith(FOR_EACH):
            if not isinstance(step, Descend):
                hidden.append(_hidden(spot, f"{name} stands in the place of what would hold the image"))
        else:
            result.append(spot)
    return result


def _hidden(spot: Spot, reason: str) -> Hidden:
    return Hidden(spot.path, reason, spot.scope, spot.guards)


def _gone_on(spots: list[Spot], step: PathStep) -> list[Spot]:
    """Give where a step leads to from some spots."""
    match step:
        case Field(name):
            return [child for spot in spots for child in _field(spot, name)]
        case Every():
            return [child for spot in spots for child in _children(spot)]
        case Index(number):
            return [
                _element(spot, number % len(spot.value))
                for spot in spots
                if isinstance(spot.value, list) and -len(spot.value) <= number < len(spot.value)
            ]
        case Where(name, value):
            children = [child for spot in spots for every in _children(spot) for child in arms_of(every)]
            return [child for child in children if isinstance(child, Spot) and _has(child.value, name, value)]
        case Descend():
            return _descendants(spots)
        case _:
            assert_never(step)


def _has(value: JsonValue, name: str, wanted: JsonValue) -> bool:
    return isinstance(value, dict) and name in value and bool(value[name] == wanted)


def _field(spot: Spot, name: str) -> Iterable[Spot]:
    value = spot.value
    if not isinstance(value, dict):
        return ()
    if name in value:
        return (Spot((*spot.steps, name), value[name], spot.scope, spot.guards, value),)
    for key in value:
        if isinstance(key, str) and key.startswith(FOR_EACH):
            return [child for found, child in entries_of(spot) if found == name]
    return ()


def _children(spot: Spot) -> list[Spot]:
    if isinstance(spot.value, list):
        return [_element(spot, number) for number in range(len(spot.value))]
    return [child for _, child in entries_of(spot)]


def _element(spot: Spot, number: int) -> Spot:
    return Spot((*spot.steps, number), spot.value[number], spot.scope, spot.guards, spot.owner)


def _descendants(spots: list[Spot]) -> list[Spot]:
    """Give spots and all that is inside them; what lies in expressions is no property of anything."""
    result: list[Spot] = []
    todo = list(reversed(spots))
    while todo:
        here = todo.pop()
        result.append(here)
        inside = _with_arms(_children(here), [])
        todo += reversed(_seen(inside, Descend(), []))
    return result
