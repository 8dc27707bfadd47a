"""Traverse a template along path steps, through the branches of `Fn::If` and the bodies of `Fn::ForEach`.

A walk sees the entries that CloudFormation creates: those in the body of an `Fn::ForEach` are entries of the mapping
around it, under the keys that `AWS::LanguageExtensions` makes of its variable. What it cannot look inside is returned
as an `OpaqueNode`, what does not fit is skipped. Only loops that are nested too deeply make it fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, assert_never

from image_pinner.core.errors import cut
from image_pinner.core.intrinsics import evaluate_condition, evaluate_text, intrinsic_of
from image_pinner.core.intrinsics.budget import BudgetExceededError
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import (
    ExternalValue,
    JsonObject,
    JsonValue,
    Known,
    NoValue,
    Outcome,
    Pending,
    Unknown,
)
from image_pinner.core.template.loop_keys import (
    EXPAND_FIRST,
    can_become,
    can_become_function,
    is_function,
    loop_variable,
    made_keys,
)
from image_pinner.core.template.paths import FOR_EACH, Descend, Every, Field, Index, PathStep, Step, TemplatePath, Where

IF = "Fn::If"
NO_VALUE = {"Ref": "AWS::NoValue"}
_IF_LENGTH = 3
_LOOP_STEPS = 2  # from the key of a loop to the keys in its body
_MAX_GUARDS = 64  # conditions around one property; people write two or three
MAX_LOOPS = 50
"""Loops of `Fn::ForEach` inside each other."""
# Loops can have the same variable. Each image in them has a path of this length, and there can be ten thousand images.
_MAX_STEPS = 250
_MAX_SHOWN_KEY = 255


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
        owner: The mapping whose property holds the value, directly, in a list or in an `Fn::If`; for a key that a loop
            makes, the mapping around the loop.
        shared: Why the value cannot be replaced, as a clause: a loop makes other properties of it too; or empty.
    """

    steps: tuple[Step, ...]
    value: JsonValue
    scope: Scope
    guards: tuple[ConditionGuard, ...] = ()
    owner: JsonValue = None
    shared: str = ""

    @property
    def path(self) -> TemplatePath:
        """The path of the value."""
        return TemplatePath(self.steps)

    @property
    def is_made_by_loop(self) -> bool:
        """Whether the key of the property is in the body of an `Fn::ForEach`."""
        steps = self.property_steps
        return len(steps) > _LOOP_STEPS and str(steps[-_LOOP_STEPS - 1]).startswith(FOR_EACH)

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


def entries_of(node: TemplateNode, opaque: list[OpaqueNode] | None = None) -> Iterator[tuple[str, TemplateNode]]:
    """Yield the entries of a mapping; those in `Fn::ForEach` bodies have the loop variable in their scope.

    The keys are as written. Malformed loops are added to `opaque`.
    """
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
                yield key, TemplateNode((*here.steps, key), value, here.scope, here.guards, node.value, here.shared)
            elif body := _loop_body(here, key, value):
                bodies.append(body)
            elif opaque is not None:
                path = here.path.child(key)
                opaque.append(OpaqueNode(path, "it is not [variable, list, mapping]", here.scope, here.guards))
        todo += reversed(bodies)


def children_of(node: TemplateNode) -> Iterator[TemplateNode]:
    """Yield the elements of a list, or the entries of a mapping; none of anything else."""
    if isinstance(node.value, list):
        return (_element(node, number) for number in range(len(node.value)))
    return (child for _, child in entries_of(node))


def _loop_body(node: TemplateNode, key: str, loop: JsonValue) -> TemplateNode | None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
    match loop:
        case [str(name), collection, dict(body)]:
            pass
        case _:
            return None
    if len(node.scope.loops) >= MAX_LOOPS or len(node.steps) >= _MAX_STEPS:
        raise BudgetExceededError(f"{key} is nested too deeply", f"nest at most {MAX_LOOPS} loops")
    scope = node.scope
    variable: Outcome = NoValue()
    certain: Outcome = variable
    items, values = _values_of(collection, scope)
    if not creates_nothing(scope):
        variable = certain = loop_variable(key, items, values)
    if isinstance(variable, Known) and scope.loops.get(name, variable) != variable:
        variable = certain = Unknown(f"{name!r} is the variable of two loops around it", "rename one of them")
        values = None
    elif scope.answers:
        certain = loop_variable(key, *_values_of(collection, scope.certain()))
        _, values = _values_of(collection, scope.deciding())
        if isinstance(variable, NoValue) and values != ():
            variable = Unknown(f"the values of {key} depend on a value that is looked up", EXPAND_FIRST)
    scope = scope.with_loop(name, variable, values, certain)
    return TemplateNode((*node.steps, key, 2), body, scope, node.guards, node.owner, node.shared)


def _values_of(collection: JsonValue, scope: Scope) -> tuple[Outcome, tuple[Outcome, ...] | None]:
    """Return what the collection of a loop evaluates to, and the values in it; `None` if it is not a list.

    Dynamic references stay text: CloudFormation resolves them where the loop variable is used.
    """
    items = evaluate_text(collection, scope) if isinstance(collection, dict) else Known(collection)
    if not isinstance(items, Known) or not isinstance(items.value, list):
        return items, None
    evaluated = [evaluate_text(value, scope) for value in items.value]
    return items, tuple(outcome for outcome in evaluated if not isinstance(outcome, NoValue))


def creates_nothing(scope: Scope) -> bool:
    """Return whether this is the scope in a loop over nothing."""
    return any(isinstance(outcome, NoValue) for outcome in scope.loops.values())


def has_loop(mapping: JsonObject, scope: Scope) -> bool:
    """Return whether a mapping of the template has an `Fn::ForEach`, which makes further keys."""
    if not scope.may_have_loops:
        return False
    try:
        return FOR_EACH in "\n".join(mapping)
    except TypeError:  # a YAML key need not be a string
        return any(str(key).startswith(FOR_EACH) for key in mapping)


def _made_entries(node: TemplateNode, name: str | None, opaque: list[OpaqueNode]) -> Iterator[TemplateNode]:
    """Yield the entries of a mapping in or with loops whose key becomes `name`, or all for `None`."""
    for key, child in entries_of(node, opaque):
        if creates_nothing(child.scope) and (name is None or can_become(key, name)):
            yield child
            continue
        made = made_keys(key, child.scope, name)
        shown = cut(key, _MAX_SHOWN_KEY)
        if made is None:
            if can_become_function(key) or (name is not None and can_become(key, name)):
                opaque.append(_opaque(child, f"the keys that a loop makes of {shown!r} are unknown"))
            elif name is None:
                yield child
            continue
        if (len(child.steps) > len(node.steps) + 1 or made != {key: {}}) and any(map(is_function, made)):
            opaque.append(_opaque(child, f"the key {shown!r} in a loop makes an intrinsic function"))
        elif name is None:
            yield child
        elif name in made:
            scope = child.scope
            for variable, outcome in made[name].items():
                scope = scope.with_loop(variable, outcome, (outcome,))
            shared = "" if len(made) == 1 else f"the key {shown!r} in a loop makes other properties of the same value"
            yield child._replace(scope=scope, shared=child.shared or shared)


def deployment_status(guards: tuple[ConditionGuard, ...], scope: Scope) -> bool | frozenset[ExternalValue] | None:
    """Return whether a property with these conditions, in these loops, is deployed.

    Assumed values decide no condition: a property that only some deployments have is one of the template too. Nor do
    values of a macro's event that were looked up; see `Scope.deciding`.

    Returns:
        True or False, the values to look up first, or `None` if that cannot be decided.
    """
    if creates_nothing(scope):
        return False
    external_values: frozenset[ExternalValue] = frozenset()
    decided = True
    scope = scope.without_assumptions.deciding()
    for guard in guards:
        match evaluate_condition(guard.condition, scope):
            case Known(value) if bool(value) is not guard.expected:
                return False
            case Known():
                pass
            case Pending() as pending if scope.ssm_names:
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
        nodes = _expand_branches(_take_step(_containers(nodes, step, opaque), step, opaque), opaque)
    return [*nodes, *opaque]


def branches_of(node: TemplateNode) -> list[TemplateNode | OpaqueNode]:
    """Return `node`, or the branches of the `Fn::If` that it is; nothing for `AWS::NoValue`."""
    return walk(node, ())


def _expand_branches(nodes: list[TemplateNode], opaque: list[OpaqueNode]) -> list[TemplateNode]:
    """Replace each `Fn::If` with its branches, and drop `AWS::NoValue`."""
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
                todo.append(here._replace(steps=(*here.steps, IF, number), value=content[number], guards=guards))


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


def _take_step(nodes: list[TemplateNode], step: PathStep, opaque: list[OpaqueNode]) -> list[TemplateNode]:
    match step:
        case Field(name):
            return _fields(nodes, name, opaque)
        case Every():
            return [child for node in nodes for child in _children(node, opaque)]
        case Index(number):
            return [
                _element(node, number % len(node.value))
                for node in nodes
                if isinstance(node.value, list) and -len(node.value) <= number < len(node.value)
            ]
        case Where(name, value):
            children = [child for node in nodes for every in _children(node, opaque) for child in branches_of(every)]
            return [child for child in children if isinstance(child, TemplateNode) and _has(child.value, name, value)]
        case Descend():
            return _descendants(nodes, opaque)
        case _:
            assert_never(step)


def _has(value: JsonValue, name: str, expected: JsonValue) -> bool:
    return isinstance(value, dict) and name in value and bool(value[name] == expected)


def _fields(nodes: list[TemplateNode], name: str, opaque: list[OpaqueNode]) -> list[TemplateNode]:
    result: list[TemplateNode] = []
    for node in nodes:
        steps, value, scope, guards, _, shared = node
        if not isinstance(value, dict):
            continue
        if scope.loops or has_loop(value, scope):
            result += _made_entries(node, name, opaque)
        elif name in value:
            result.append(TemplateNode((*steps, name), value[name], scope, guards, value, shared))
    return result


def _children(node: TemplateNode, opaque: list[OpaqueNode]) -> Iterable[TemplateNode]:
    steps, value, scope, guards, owner, shared = node
    if isinstance(value, list):
        # Not `_element`: every image passes here.
        return [
            TemplateNode((*steps, number), element, scope, guards, owner, shared)
            for number, element in enumerate(value)
        ]
    return _made_entries(node, None, opaque)


def _element(node: TemplateNode, number: int) -> TemplateNode:
    steps = (*node.steps, number)
    return TemplateNode(steps, node.value[number], node.scope, node.guards, node.owner, node.shared)


def _descendants(nodes: list[TemplateNode], opaque: list[OpaqueNode]) -> list[TemplateNode]:
    """Return the nodes and all that is inside them, except inside intrinsic functions: no properties are there.

    What loops make of unknown keys can be properties.
    """
    result: list[TemplateNode] = []
    todo = list(reversed(nodes))
    while todo:
        here = todo.pop()
        result.append(here)
        inside = _expand_branches(list(_children(here, opaque)), [])
        todo += reversed(_containers(inside, Descend(), []))
    return result
