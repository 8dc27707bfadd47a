"""Traverse a template along path steps, through the branches of `Fn::If` and the bodies of `Fn::ForEach`.

A walk sees the entries that CloudFormation creates: those in the body of an `Fn::ForEach` are entries of the mapping
around it. What it cannot look inside is returned as an `OpaqueNode`, what does not fit is skipped. Only loops that are
nested too deeply make it fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, assert_never

from image_pinner.core.intrinsics import evaluate, evaluate_condition, intrinsic_of
from image_pinner.core.intrinsics.budget import BudgetExceededError
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import ExternalValue, JsonValue, Known, NoValue, Outcome, Pending, Unknown
from image_pinner.core.template.paths import Descend, Every, Field, Index, PathStep, Step, TemplatePath, Where

IF = "Fn::If"
FOR_EACH = "Fn::ForEach::"
NO_VALUE = {"Ref": "AWS::NoValue"}
_IF_LENGTH = 3
_FOR_EACH_LENGTH = 3
_MAX_GUARDS = 64  # conditions around one property; people write two or three
_MAX_LOOPS = 50
# Loops can have the same variable. Each image in them has a path of this length, and there can be ten thousand images.
_MAX_STEPS = 250


class ConditionGuard(NamedTuple):
    """A condition, by name or inline, that must have the `expected` value for a property to be deployed."""

    condition: JsonValue
    expected: bool


class TemplateNode(NamedTuple):
    """A value that a walk has reached.

    Args:
        steps: The path of the value.
        value: The value.
        scope: What is known there, loop variables included.
        guards: The conditions on the way.
        owner: The mapping whose property holds the value, directly, in a list or in an `Fn::If`.
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
        """The path of the property or list element, above the branches of an `Fn::If` in it."""
        return _above_branches(self.steps)

    @property
    def property_steps(self) -> tuple[Step, ...]:
        """The path of the property, also where that is a list; empty at the start of a walk."""
        steps = self.property_path
        while steps and isinstance(steps[-1], int):
            steps = _above_branches(steps[:-1])
        return steps

    @property
    def key(self) -> str:
        """The name of the property; empty at the start of a walk."""
        steps = self.property_steps
        return str(steps[-1]) if steps else ""

    def guarded_by(self, condition: JsonValue) -> TemplateNode:
        """Return the node as part of a resource with this `Condition`, if it is the name of one."""
        if not isinstance(condition, str):
            return self
        return self._replace(guards=(*self.guards, ConditionGuard(condition, expected=True)))


def _above_branches(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    while len(steps) > 1 and steps[-2] == IF and isinstance(steps[-1], int):
        steps = steps[:-2]
    return steps


class OpaqueNode(NamedTuple):
    """A property that a walk cannot look inside, and why, as a clause."""

    path: TemplatePath
    reason: str
    scope: Scope
    guards: tuple[ConditionGuard, ...] = ()


def entries_of(node: TemplateNode) -> Iterator[tuple[str, TemplateNode]]:
    """Yield the entries of a mapping; those in `Fn::ForEach` bodies have the loop variable in their scope."""
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
    if not isinstance(loop, list) or len(loop) != _FOR_EACH_LENGTH or not isinstance(loop[0], str):
        return None
    if len(node.scope.loops) >= _MAX_LOOPS or len(node.steps) >= _MAX_STEPS:
        raise BudgetExceededError(f"{key} is nested too deeply", f"nest at most {_MAX_LOOPS} loops")
    scope = node.scope.with_loop(loop[0], _loop_variable(key, loop[1], node.scope))
    return TemplateNode((*node.steps, key, 2), loop[2], scope, node.guards)


def _loop_variable(key: str, collection: JsonValue, scope: Scope) -> Outcome:
    """Return the value of a loop variable: `NoValue` if the loop, or one around it, creates nothing."""
    if creates_nothing(scope):
        return NoValue()
    items = evaluate(collection, scope) if isinstance(collection, dict) else Known(collection)
    if isinstance(items, Pending):
        return items
    values = items.value if isinstance(items, Known) and isinstance(items.value, list) else None
    present = [value for value in values or () if not (isinstance(value, dict) and _is_no_value(value, scope))]
    if values is not None and len(present) <= 1 and present != [""]:
        return evaluate(present[0], scope) if present else NoValue()
    why = "whose values are unknown" if values is None else "which has several values"
    help = "put ImagePinner after AWS::LanguageExtensions in Transform, or write the image without the loop variable"
    if present == [""]:
        # https://github.com/aws-cloudformation/cfn-language-discussion/issues/102
        why = "whose only value is empty: CloudFormation passes an empty list parameter as one empty text"
        help = "set the parameter, or write the collection as Fn::If: [condition, the parameter, []]"
    return Unknown(f"it depends on the loop variable of {key}, {why}", help)


def _is_no_value(expression: JsonValue, scope: Scope) -> bool:
    return isinstance(evaluate(expression, scope), NoValue)


def creates_nothing(scope: Scope) -> bool:
    """Return whether this is the scope in a loop over nothing."""
    return any(isinstance(outcome, NoValue) for outcome in scope.loops.values())


def deployment_status(guards: tuple[ConditionGuard, ...], scope: Scope) -> bool | frozenset[ExternalValue] | None:
    """Return whether a property with these conditions, in these loops, is deployed.

    Returns:
        True or False, the values to look up first, or `None` if that cannot be decided.
    """
    if creates_nothing(scope):
        return False
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


def walk(node: TemplateNode, path: tuple[PathStep, ...]) -> list[TemplateNode | OpaqueNode]:
    """Follow `path` from `node`.

    Returns:
        Each value at the end of the path, the branches of an `Fn::If` one by one, then what could not be inspected.
    """
    opaque: list[OpaqueNode] = []
    nodes = _expand_branches([node], opaque)
    for step in path:
        nodes = _expand_branches(_take_step(_containers(nodes, step, opaque), step), opaque)
    return [*nodes, *opaque]


def branches_of(node: TemplateNode) -> list[TemplateNode | OpaqueNode]:
    """Return `node`, or the branches of the `Fn::If` that it is; nothing for `AWS::NoValue`."""
    return walk(node, ())


def _expand_branches(nodes: list[TemplateNode], opaque: list[OpaqueNode]) -> list[TemplateNode]:
    """Replace each `Fn::If` by its branches, and drop `AWS::NoValue`."""
    result: list[TemplateNode] = []
    for node in nodes:
        value = node.value
        # Most nodes are neither, and every image passes here.
        if type(value) is dict and len(value) == 1 and (IF in value or "Ref" in value):
            result += _branches(node, opaque)
        else:
            result.append(node)
    return result


def _branches(node: TemplateNode, opaque: list[OpaqueNode]) -> Iterator[TemplateNode]:
    todo = [node]
    while todo:
        here = todo.pop()
        value = here.value
        if value == NO_VALUE:
            continue
        if len(here.guards) > _MAX_GUARDS:
            opaque.append(_opaque(here, f"it depends on more than {_MAX_GUARDS} conditions"))
        elif intrinsic_of(value) != IF or not isinstance(content := value[IF], list) or len(content) != _IF_LENGTH:
            yield here
        else:
            for number in (2, 1):
                guards = (*here.guards, ConditionGuard(content[0], expected=number == 1))
                todo.append(TemplateNode((*here.steps, IF, number), content[number], here.scope, guards, here.owner))


def _containers(nodes: list[TemplateNode], step: PathStep, opaque: list[OpaqueNode]) -> list[TemplateNode]:
    """Return the nodes that `step` can be taken from; the value of an intrinsic function is not visible."""
    result: list[TemplateNode] = []
    for node in nodes:
        value = node.value
        if type(value) is dict and len(value) == 1 and (name := intrinsic_of(value)) and not name.startswith(FOR_EACH):
            if not isinstance(step, Descend):
                opaque.append(_opaque(node, f"it is the result of {name}"))
        else:
            result.append(node)
    return result


def _opaque(node: TemplateNode, reason: str) -> OpaqueNode:
    return OpaqueNode(node.path, reason, node.scope, node.guards)


def _take_step(nodes: list[TemplateNode], step: PathStep) -> list[TemplateNode]:
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
            children = [child for node in nodes for every in _children(node) for child in branches_of(every)]
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
    if any(isinstance(key, str) and key.startswith(FOR_EACH) for key in value):
        return [child for found, child in entries_of(node) if found == name]
    return ()


def _children(node: TemplateNode) -> list[TemplateNode]:
    if isinstance(node.value, list):
        return [_element(node, number) for number in range(len(node.value))]
    return [child for _, child in entries_of(node)]


def _element(node: TemplateNode, number: int) -> TemplateNode:
    return TemplateNode((*node.steps, number), node.value[number], node.scope, node.guards, node.owner)


def _descendants(nodes: list[TemplateNode]) -> list[TemplateNode]:
    """Return the nodes and all that is inside them, except inside intrinsic functions: no properties are there."""
    result: list[TemplateNode] = []
    todo = list(reversed(nodes))
    while todo:
        here = todo.pop()
        result.append(here)
        inside = _expand_branches(_children(here), [])
        todo += reversed(_containers(inside, Descend(), []))
    return result
