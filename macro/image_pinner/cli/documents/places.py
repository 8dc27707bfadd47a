"""From a path in the template to the node that says what stands there, and from a node to what surrounds it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from image_pinner.cli.documents.nodes import (
    AliasNode,
    ContentNode,
    ListNode,
    MapNode,
    Member,
    Node,
    content_of,
)
from image_pinner.core.template.paths import Step, TemplatePath


@dataclass(frozen=True, slots=True)
class Place:
    """What a path leads to.

    Args:
        node: The node that says what stands there.
        inside: Whether the path leads to what a short-form tag of the node holds; the node's value has one level more.
        alias: The alias at which the last step arrived, if it did at one.
        left: The last steps of the path, where no node of their own is for them.
    """

    node: ContentNode
    inside: bool = False
    alias: AliasNode | None = None
    left: tuple[Step, ...] = ()


def find_place(root: ContentNode, path: TemplatePath) -> Place:
    """Follow a path as far as there are nodes.

    Args:
        root: The root of a document.
        path: A path in its tree.

    Returns:
        Where the path leads.
    """
    place = Place(root)
    for done, step in enumerate(path.steps):
        found = _step(place, step)
        if found is None:
            return Place(place.node, place.inside, place.alias, path.steps[done:])
        place = found
    return place


def _step(place: Place, step: Step) -> Place | None:
    node = place.node
    if node.function and not place.inside:
        return Place(node, inside=True) if step == node.function else None
    child: Node | None = None
    if isinstance(node, MapNode) and isinstance(step, str):
        child = node.values.get(step)
    elif isinstance(node, ListNode) and isinstance(step, int) and 0 <= step < len(node.items):
        child = node.items[step]
    if child is None:
        return None
    return Place(content_of(child), alias=child if isinstance(child, AliasNode) else None)


@dataclass(frozen=True, slots=True)
class Surrounding:
    """A collection in the text and the part of it in which something stands.

    Args:
        parent: The map or list.
        member: The key and value, where the parent is a map.
        index: Which element, where the parent is a list.
    """

    parent: MapNode | ListNode
    member: Member | None = None
    index: int = 0


def surroundings_of(root: ContentNode, node: Node) -> list[Surrounding]:
    """Give the collections around a node in the text, the innermost last; none around the root.

    The text around an alias is where the alias stands, not where its anchor does.
    """
    around: list[Surrounding] = []
    current: Node = root
    while isinstance(current, MapNode | ListNode) and current is not node:
        if isinstance(current, MapNode):
            number = bisect_right(current.own, node.start, key=_member_start) - 1
            member = current.own[number]
            around.append(Surrounding(current, member=member))
            current = member.value
        else:
            number = bisect_right(current.items, node.start, key=_start) - 1
            around.append(Surrounding(current, index=number))
            current = current.items[number]
    return around


def _member_start(member: Member) -> int:
    return member.key.start


def _start(node: Node) -> int:
    return node.start
