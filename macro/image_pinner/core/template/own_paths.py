"""Images in places of the operator's own, which the settings name by JSONPath from the template's root."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from image_pinner.core.template.intrinsics import intrinsic_of
from image_pinner.core.template.path_steps import PathStep
from image_pinner.core.template.paths import Step
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.spots import FOR_EACH, Guard, Spot
from image_pinner.core.template.values import JsonMap, JsonValue
from image_pinner.core.template.walking import walk

_RESOURCES = "Resources"


class OwnImage(NamedTuple):
    """An image that a path of the operator's own leads to.

    Args:
        spot: The place and what stands there, with the condition of its resource.
        resource: The resource, or the whole template where the image stands in none.
    """

    spot: Spot
    resource: Spot


def own_images(
    template: JsonMap, scope: Scope, path: tuple[PathStep, ...], read: Iterable[tuple[Step, ...]]
) -> Iterator[OwnImage]:
    """Find what a path leads to.

    Args:
        template: The template.
        scope: What is known in it.
        path: The path from the template's root.
        read: The places that are images already; what lies in them or around them is not one more.

    Yields:
        Each image once.
    """
    taken = set(read)
    around = {steps[:length] for steps in taken for length in range(len(steps))}
    for found in walk(Spot((), template, scope), path):
        if not isinstance(found, Spot) or not _can_be_image(found.value):
            continue
        steps = found.steps
        if steps in around or any(steps[:length] in taken for length in range(len(steps) + 1)):
            continue
        taken.add(steps)
        around.update(steps[:length] for length in range(len(steps)))
        yield _placed(found, template)


def _can_be_image(value: JsonValue) -> bool:
    return isinstance(value, str) or intrinsic_of(value) is not None


def _placed(spot: Spot, template: JsonMap) -> OwnImage:
    steps = _resource_steps(spot.steps)
    value: JsonValue = template
    for step in steps:
        value = value[step]
    if not steps or not isinstance(value, dict):
        return OwnImage(spot, Spot((), template, spot.scope))
    guards = spot.guards
    if isinstance(condition := value.get("Condition"), str):
        guards = (*guards, Guard(condition, wanted=True))
    placed = Spot(spot.steps, spot.value, spot.scope, guards, spot.owner)
    return OwnImage(placed, Spot(steps, value, spot.scope))


def _resource_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    if steps[:1] != (_RESOURCES,):
        return ()
    end = 1
    while end < len(steps) and str(steps[end]).startswith(FOR_EACH):
        end += 2
    return steps[: end + 1]
