"""Traverse a template along path steps, through branches of `Fn::If` and bodies of `Fn::ForEach`.

The entries are those that CloudFormation will see: `Fn::ForEach` stands for those of its body.

A walk never fails on a shape: what it cannot look into is told as `OpaqueNode`, what does not fit is passed by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, assert_never

from image_pinner.core.intrinsics import evaluate, evaluate_condition, intrinsic_of
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import ExternalValue, JsonValue, Known, Outcome, Pending, Unknown
from image_pinner.core.template.json_path import Descend, Every, Field, Index, PathStep, Where
from image_pinner.core.template.paths import Step, TemplatePath

IF = "Fn::If"
FOR_EACH = "Fn::ForEach::"
_FOR_EACH_PARTS = 3


class ConditionGuard(NamedTuple):
    """A condition that must be decided in one way for a place to be deployed.

    Args:
        condition: The condition's name, or the inline condition that stands in its place.
        expected: How it must be decided.
    """

    condition: JsonValue
    expected: bool


class TemplateNode(NamedTuple):
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
    guards: tuple[ConditionGuard, ...] = ()
    owner: JsonValue = None

    @property
    def path(self) -> TemplatePath:
        """The path of the value."""
        return TemplatePath(self.steps)

    @property
    def property_path(self) -> tuple[Step, ...]:
        """The path of the property or the list's element as a whole, above the arms of an `Fn::If` in it."""
        return _without_arms(self.steps)

    @property
    def property_steps(self) -> tuple[Step, ...]:
        """The path of the property that holds the value, also where that is a list; empty at the start of a walk."""
        steps = self.property_path
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


class OpaqueNode(NamedTuple):
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
    guards: tuple[ConditionGuard, ...] = ()


def entries_of(node: TemplateNode) -> Iterator[tuple[str, TemplateNode]]:
    """Give the entries of a map, those in `Fn::ForEach` bodies included, with the loop's variable in their scope."""
    todo = [node]
    while todo:
        here = todo.pop()
        if not isinstance(here.value, dict):
            continue
        bodies = []
        for key, value in here.value.items():
            if not isinstance(key, str):
                continue
            if not key.startswith(FOR_EACH):
                yield key, TemplateNode((*here.steps, key), value, here.scope, here.guards, here.value)
            elif body := _loop_body(here, key, value):
                bodies.append(body)
        todo += reversed(bodies)


def _loop_body(node: TemplateNode, key: str, loop: JsonValue) -> TemplateNode | None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
    if not isinstance(loop, list) or len(loop) != _FOR_EACH_PARTS or not isinstance(loop[0], str):
        return None
    scope = node.scope.with_loop(loop[0], _loop_variable(key, loop[1], node.scope))
    return TemplateNode((*node.steps, key, 2), loop[2], scope, node.guards)


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


def deployment_status(guards: tuple[ConditionGuard, ...], scope: Scope) -> bool | frozenset[ExternalValue] | None:
    """Tell whether a place is deployed.

    Args:
        guards: The conditions around it.
        scope: What is known there.

    Returns:
        Yes or no, look-ups that may tell, or `None` if that is open.
    """
    external_values: frozenset[ExternalValue] = frozenset()
    decided = True
    for guard in guards:
        match evaluate_condition(guard.condition, scope):
            case Known(value) if bool(value) is not guard.expected:
                return False
            case Known():
                pass
            case Pending() as pending:
                external_values |= pending.external_values
            case _:
                decided = False
    return external_values or (True if decided else None)


_NO_VALUE = {"Ref": "AWS::NoValue"}
_ARMS = 3
_MAX_GUARDS = 64  # conditions around one place; people write two or three


def walk(node: TemplateNode, path: tuple[PathStep, ...]) -> list[TemplateNode | OpaqueNode]:
    """Follow a path from a spot.

    Args:
        node: Where to start.
        path: The steps to go.

    Returns:
        Each value at the end of the path, arms of `Fn::If` one by one, and what could not be looked into.
    """
    hidden: list[OpaqueNode] = []
    nodes = _with_arms([node], hidden)
    for step in path:
        nodes = _with_arms(_gone_on(_seen(nodes, step, hidden), step), hidden)
    return [*nodes, *hidden]


def arms_of(node: TemplateNode) -> list[TemplateNode | OpaqueNode]:
    """Give a value, or the arms of the `Fn::If` that it is; nothing for `AWS::NoValue`."""
    return walk(node, ())


def _with_arms(nodes: list[TemplateNode], hidden: list[OpaqueNode]) -> list[TemplateNode]:
    """Give spots with the arms in the place of each `Fn::If`, and without `AWS::NoValue`."""
    result: list[TemplateNode] = []
    for node in nodes:
        value = node.value
        if type(value) is dict and len(value) == 1 and (IF in value or "Ref" in value):
            result += _arms(node, hidden)
        else:
            result.append(node)
    return result


def _arms(node: TemplateNode, hidden: list[OpaqueNode]) -> list[TemplateNode]:
    result: list[TemplateNode] = []
    todo = [node]
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
                TemplateNode(
                    (*here.steps, IF, number),
                    values[number - 1],
                    here.scope,
                    (*here.guards, ConditionGuard(condition, expected=number == 1)),
                    here.owner,
                )
                for number in (2, 1)
            ]
    return result


def _seen(nodes: list[TemplateNode], step: PathStep, hidden: list[OpaqueNode]) -> list[TemplateNode]:
    """Give the spots that a step can be gone from; an expression tells nothing of what it holds."""
    result: list[TemplateNode] = []
    for node in nodes:
        value = node.value
        if type(value) is dict and len(value) == 1 and (name := intrinsic_of(value)) and not name.startswith(FOR_EACH):
            if not isinstance(step, Descend):
                hidden.append(_hidden(node, f"{name} stands in the place of what would hold the image"))
        else:
            result.append(node)
    return result


def _hidden(node: TemplateNode, reason: str) -> OpaqueNode:
    return OpaqueNode(node.path, reason, node.scope, node.guards)


def _gone_on(nodes: list[TemplateNode], step: PathStep) -> list[TemplateNode]:
    """Give where a step leads to from some spots."""
    match step:
        case Field(name):
            return [child for node in nodes for child in _field(node, name)]
        case Every():
            return [child for node in nodes for child in _children(node)]
        case Index(number):
            return [
                _element(node, number % len(node.value))
                for node in nodes
                if isinstance(node.value, list) and -len(node.value) <= number < len(node.value)
            ]
        case Where(name, value):
            children = [child for node in nodes for every in _children(node) for child in arms_of(every)]
            return [child for child in children if isinstance(child, TemplateNode) and _has(child.value, name, value)]
        case Descend():
            return _descendants(nodes)
        case _:
            assert_never(step)


def _has(value: JsonValue, name: str, expected: JsonValue) -> bool:
    return isinstance(value, dict) and name in value and bool(value[name] == expected)


def _field(node: TemplateNode, name: str) -> Iterable[TemplateNode]:
    value = node.value
    if not isinstance(value, dict):
        return ()
    if name in value:
        return (TemplateNode((*node.steps, name), value[name], node.scope, node.guards, value),)
    for key in value:
        if isinstance(key, str) and key.startswith(FOR_EACH):
            return [child for found, child in entries_of(node) if found == name]
    return ()


def _children(node: TemplateNode) -> list[TemplateNode]:
    if isinstance(node.value, list):
        return [_element(node, number) for number in range(len(node.value))]
    return [child for _, child in entries_of(node)]


def _element(node: TemplateNode, number: int) -> TemplateNode:
    return TemplateNode((*node.steps, number), node.value[number], node.scope, node.guards, node.owner)


def _descendants(nodes: list[TemplateNode]) -> list[TemplateNode]:
    """Give spots and all that is inside them; what lies in expressions is no property of anything."""
    result: list[TemplateNode] = []
    todo = list(reversed(nodes))
    while todo:
        here = todo.pop()
        result.append(here)
        inside = _with_arms(_children(here), [])
        todo += reversed(_seen(inside, Descend(), []))
    return result
