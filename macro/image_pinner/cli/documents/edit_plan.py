"""From edits of the tree to changes of nodes: what can be changed where it is written, and what only around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from image_pinner.cli.documents.headers import header_of
from image_pinner.cli.documents.nodes import MapNode, Node
from image_pinner.cli.documents.places import Place, find_place
from image_pinner.cli.documents.sharing import Sharing
from image_pinner.cli.documents.source_lines import SourceLines
from image_pinner.core.intrinsics.values import JsonMap, JsonValue
from image_pinner.core.template.edits import Edit, InsertKey, Replace, apply_edits
from image_pinner.core.template.paths import TemplatePath


@dataclass(frozen=True, slots=True)
class Replacement:
    """A node that gets another value.

    Args:
        node: The node; an alias where the alias itself is overwritten.
        value: Its new value.
        inside: Whether its tag stays and only what the tag holds is replaced.
        path: A place of the template that the node stands for.
    """

    node: Node
    value: JsonValue
    inside: bool
    path: TemplatePath


@dataclass(frozen=True, slots=True)
class Insertion:
    """New keys of a map, side by side.

    Args:
        node: The map.
        after: The number of the map's own key behind which they stand; -1 where the map has none.
        entries: Keys and values in their order.
        level: How deep in the template the map is.
    """

    node: MapNode
    after: int
    entries: tuple[tuple[str, JsonValue], ...]
    level: int


Change = Replacement | Insertion


def plan_edits(
    lines: SourceLines, root: MapNode, tree: JsonMap, edits: Sequence[Edit], *, alone: bool = False
) -> list[Change]:
    """Find the nodes that edits change.

    Args:
        lines: The text.
        root: The root of its nodes.
        tree: The template that it means.
        edits: Edits of the template.
        alone: Whether to leave aside that other places may share a node; for showing one edit, not for making it.

    Returns:
        The changes, each node once.

    Raises:
        UnfaithfulEdit: A node is shared by places that get different values.
    """
    placed = [(edit, find_place(root, edit.path)) for edit in _written_out(lines.text, root, tree, edits)]
    replacements = [(edit, place) for edit, place in placed if isinstance(edit, Replace)]
    insertions = [(edit, place) for edit, place in placed if isinstance(edit, InsertKey)]
    sharing = Sharing.alone(lines, root) if alone else Sharing.of(lines, root)
    replaced = list(_replacements(sharing, replacements))
    sharing.check_anchors([(change.path, change.node) for change in replaced])
    return [*replaced, *_insertions(sharing, insertions)]


def _written_out(text: str, root: MapNode, tree: JsonMap, edits: Sequence[Edit]) -> list[Edit]:
    """Replace edits of what has no node of its own by one edit of the value around it."""
    outer: list[TemplatePath] = []
    for edit in edits:
        path = _nearest_writable(text, edit, find_place(root, edit.path))
        if path is not None:
            outer.append(path)
    result: list[Edit] = []
    for path in sorted(set(outer), key=lambda path: len(path.steps)):
        if not any(path.starts_with(edit.path) for edit in result):
            inner = [edit for edit in edits if edit.path.starts_with(path)]
            result.append(Replace(path, _value_at(apply_edits(tree, inner), path)))
    return [*result, *(edit for edit in edits if not any(edit.path.starts_with(whole.path) for whole in result))]


def _nearest_writable(text: str, edit: Edit, place: Place) -> TemplatePath | None:
    """Give the path that has to be replaced as a whole, or `None` where the edit can be made as it is."""
    steps = edit.path.steps
    here = TemplatePath(steps[: len(steps) - len(place.left)])
    whole = here.parent if place.inside else here
    if place.left:
        return whole
    node = place.node
    if isinstance(edit, InsertKey):
        writable = isinstance(node, MapNode) and place.inside == bool(node.function)
        return None if writable and _has_room(text, node) else whole
    if place.inside and not _fits_tag(node.function, edit.value):
        return whole
    return None


def _has_room(text: str, node: Node) -> bool:
    # The map in the list `[a: 1]` has no braces: a second key would become a second element.
    return isinstance(node, MapNode) and (not node.flow or text[header_of(text, node).body] == "{")


def _fits_tag(function: str, value: JsonValue) -> bool:
    # What stands alone under a tag is always read as text, and under !GetAtt as a list.
    return isinstance(value, list | dict) or (isinstance(value, str) and function != "Fn::GetAtt")


def _value_at(tree: JsonValue, path: TemplatePath) -> JsonValue:
    for step in path.steps:
        tree = tree[step]
    return tree


def _replacements(sharing: Sharing, placed: Sequence[tuple[Replace, Place]]) -> Iterator[Replacement]:
    groups: dict[tuple[int, bool], list[tuple[Replace, Place]]] = {}
    for edit, place in placed:
        groups.setdefault((id(place.node), place.inside), []).append((edit, place))
    for group in groups.values():
        if sharing.is_whole([(edit.path, edit.value) for edit, _ in group], group[0][1].node):
            edit, place = group[0]
            yield Replacement(place.node, edit.value, place.inside, edit.path)
            continue
        for edit, place in group:
            if place.alias is None or sharing.count(place.alias) > 1:
                raise sharing.refused(edit.path, place.node)
            yield Replacement(place.alias, edit.value, inside=False, path=edit.path)


def _insertions(sharing: Sharing, placed: Sequence[tuple[InsertKey, Place]]) -> Iterator[Insertion]:
    groups: dict[int, dict[TemplatePath, list[InsertKey]]] = {}
    nodes: dict[int, MapNode] = {}
    for edit, place in placed:
        if isinstance(place.node, MapNode):
            nodes[id(place.node)] = place.node
            groups.setdefault(id(place.node), {}).setdefault(edit.path, []).append(edit)
    for number, group in groups.items():
        node = nodes[number]
        wanted = [(path, [[edit.key, edit.value, edit.after] for edit in inserts]) for path, inserts in group.items()]
        if sharing.is_merged(node) or not sharing.is_whole(wanted, node):
            raise sharing.refused(next(iter(group)), node)
        path, inserts = next(iter(group.items()))
        yield from _in_order(node, inserts, len(path.steps))


def _in_order(node: MapNode, inserts: Sequence[InsertKey], level: int) -> Iterator[Insertion]:
    """Give new keys in the order that inserting one after the other brings about."""
    numbers = {member.name: number for number, member in enumerate(node.own)}
    behind: dict[int, list[InsertKey]] = {}
    for insert in inserts:
        number, position = numbers.get(insert.after, len(node.own) - 1), 0
        for earlier, entries in behind.items():
            for index, entry in enumerate(entries):
                if entry.key == insert.after:
                    number, position = earlier, index + 1
        behind.setdefault(number, []).insert(position, insert)
    for number, entries in behind.items():
        yield Insertion(node, number, tuple((entry.key, entry.value) for entry in entries), level)
