"""Find the calls of transforms inside a template: those of this macro, and those that can add images.

When the macro runs for the template, CloudFormation has replaced both. The CLI finds them and leaves them: the order of
such calls is one that only CloudFormation implements
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-overview.html).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from image_pinner.core.intrinsics.transforms import SHORT_TRANSFORM, Call, calls_of, transform_keys
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.locations import image_locations
from image_pinner.core.template.paths import FOR_EACH, Descend, Field, Index, PathStep, Step, TemplatePath
from image_pinner.core.template.traversal import IF, ConditionGuard

_RESOURCES, _INCLUDE = "Resources", "AWS::Include"
_RESOURCE_STEPS = 2  # to a resource that no loop makes


class TransformCall(NamedTuple):
    """A key that calls transforms, at the path `steps`; it also replaces the keys next to it, `siblings`."""

    steps: tuple[Step, ...]
    calls: list[Call]
    siblings: JsonObject

    @property
    def path(self) -> TemplatePath:
        """The path of the key."""
        return TemplatePath(self.steps)

    @property
    def owner(self) -> tuple[Step, ...]:
        """The path of the mapping with the key."""
        return self.steps[:-1]

    def own(self, macro: str) -> Call | None:
        """Return the first call of this macro, or `None`."""
        if self.steps[-1] not in transform_keys(self.siblings):
            return None
        return next((call for call in self.calls if call.name == macro), None)

    def others(self, macro: str) -> list[str]:
        """Return the names of the other transforms."""
        # The section lists transforms that add no images as well.
        section = self.steps == (SHORT_TRANSFORM,)
        names = [str(call.name) for call in self.calls if call.name != macro]
        return [name for name in names if name == _INCLUDE] if section else names


def find_transform_calls(template: JsonObject) -> Iterator[TransformCall]:
    """Yield all calls in a template, however deep; also its section `Transform`."""
    # With the path of the parent, as in `find_misplaced_markers`.
    todo: list[tuple[JsonValue, tuple[Step, ...], tuple[Step, ...]]] = [(template, (), ())]
    while todo:
        node, parent, last = todo.pop()
        steps = (*parent, *last)
        children: Iterable[tuple[Step, JsonValue]] = node.items() if isinstance(node, dict) else enumerate(node)
        for key in _keys(node):
            yield TransformCall((*steps, key), calls_of(node[key]), node)
        todo += [(value, steps, (key,)) for key, value in children if isinstance(value, dict | list)]


def _keys(node: JsonValue) -> tuple[str, ...]:
    keys = transform_keys(node)
    if not isinstance(node, dict) or SHORT_TRANSFORM in keys:
        return keys
    # A call without Parameters can be a name; so can the value of a property.
    content = node.get(SHORT_TRANSFORM)
    names = content if isinstance(content, list) else [content]
    return (*keys, SHORT_TRANSFORM) if any(isinstance(name, str) for name in names) else keys


class CallPosition(NamedTuple):
    """Where a call is.

    Args:
        resource: The path of the resource that contains it; empty outside of resources.
        guards: The conditions on the way.
        adds_images: Whether the keys that it adds can be images, or contain them.
    """

    resource: tuple[Step, ...]
    guards: tuple[ConditionGuard, ...]
    adds_images: bool


def position_of(
    call: TransformCall, template: JsonObject, image_paths: Iterable[tuple[PathStep, ...]] = ()
) -> CallPosition:
    """Return where a call is, above the branches of `Fn::If` and the bodies of `Fn::ForEach` around it.

    `image_paths` are the configured paths of images, from the template's root.
    """
    node: JsonValue = template
    plain: list[Step] = []
    guards: list[ConditionGuard] = []
    resource: tuple[Step, ...] = ()
    kind: JsonValue = None
    after_function = ""
    for end, step in enumerate(call.owner, 1):
        if after_function == IF and isinstance(node, list):
            guards.append(ConditionGuard(node[0], expected=step == 1))
        node = node[step]
        if after_function:
            after_function = ""
        elif step == IF or str(step).startswith(FOR_EACH):
            after_function = str(step)
        else:
            plain.append(step)
        if len(plain) == _RESOURCE_STEPS and not resource and plain[0] == _RESOURCES and isinstance(node, dict):
            resource, kind = call.owner[:end], node.get("Type")
            if isinstance(condition := node.get("Condition"), str):
                guards.append(ConditionGuard(condition, expected=True))
    adds_images = _adds_images(tuple(plain), kind) or any(_leads_to(plain, path) for path in image_paths)
    return CallPosition(resource, tuple(guards), adds_images)


def _adds_images(steps: tuple[Step, ...], kind: JsonValue) -> bool:
    match steps:
        case () | ("Resources",):
            return True
        case ("Resources", _):
            return not isinstance(kind, str) or kind in image_locations()
        case ("Resources", _, "Properties", *inside):
            locations = image_locations().get(kind, ()) if isinstance(kind, str) else ()
            return any(_leads_to(inside, location.steps) for location in locations)
        case _:
            return False


def _leads_to(steps: list[Step], path: tuple[PathStep, ...]) -> bool:
    """Return whether `steps` can be the beginning of `path`, and not all of it."""
    for step, wanted in zip(steps, path, strict=False):
        match wanted:
            case Descend():
                return True
            case Field(name) if step != name:
                return False
            case Index(number) if number >= 0 and step != number:
                return False
            case _:
                pass
    return len(steps) < len(path)
