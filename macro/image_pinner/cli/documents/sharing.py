"""Nodes that stand for several places of the template, because aliases or merges lead to them as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from image_pinner.cli.documents.nodes import AliasNode, ContentNode, ListNode, MapNode, Node, children_of
from image_pinner.cli.documents.places import surroundings_of
from image_pinner.cli.documents.same_values import same
from image_pinner.cli.documents.source_lines import SourceLines
from image_pinner.cli.documents.unfaithful import UnfaithfulEdit
from image_pinner.core.intrinsics.values import JsonValue
from image_pinner.core.template.paths import TemplatePath


@dataclass(frozen=True, slots=True)
class Sharing:
    """Tells how many places of the template each node stands for.

    Args:
        lines: The text.
        root: The root of its nodes.
        counts: The number of places by the node's identity; a node that is not in it stands for one.
        merged: Identities of the maps that are merged into others.
        aliases: All aliases.
        known: Whether the counts are to be heeded at all.
    """

    lines: SourceLines
    root: ContentNode
    counts: dict[int, int]
    merged: frozenset[int]
    aliases: tuple[AliasNode, ...]
    known: bool

    @classmethod
    def alone(cls, lines: SourceLines, root: ContentNode) -> Sharing:
        """Give what lets every node be changed for any of its places."""
        return cls(lines, root, {}, frozenset(), (), known=False)

    @classmethod
    def of(cls, lines: SourceLines, root: ContentNode) -> Sharing:
        """Count the places of each node of a document."""
        if "*" not in lines.text and "<<" not in lines.text:
            return cls(lines, root, {}, frozenset(), (), known=True)
        # Each node comes before those inside it, so that its count is complete when it is passed on.
        order = _from_outside(root)
        counts = {id(root): 1}
        for node in order:
            for child in _values_of(node):
                counts[id(child)] = counts.get(id(child), 0) + counts[id(node)]
        merged = frozenset(id(source) for node in order if isinstance(node, MapNode) for source in node.merged)
        return cls(lines, root, counts, merged, tuple(_aliases_in(root)), known=True)

    def count(self, node: Node) -> int:
        """Give the number of places that a node stands for."""
        return self.counts.get(id(node), 1)

    def is_merged(self, node: Node) -> bool:
        """Tell whether a map is merged into another, which would get its new keys as well."""
        return id(node) in self.merged

    def is_whole(self, wanted: Sequence[tuple[TemplatePath, JsonValue]], node: ContentNode) -> bool:
        """Tell whether all places of a node get the same value.

        Args:
            wanted: Places of the node and the new value of each.
            node: The node.
        """
        if not self.known:
            return True
        paths = {path for path, _ in wanted}
        return len(paths) == self.count(node) and all(same(value, wanted[0][1]) for _, value in wanted)

    def check_anchors(self, replaced: Sequence[tuple[TemplatePath, Node]]) -> None:
        """Refuse to remove an anchor that an alias somewhere else stands for.

        Args:
            replaced: The nodes whose content goes, each with a place of it.

        Raises:
            UnfaithfulEdit: There is such an anchor inside one of them.
        """
        left = [alias for alias in self.aliases if not any(_is_in(alias, node) for _, node in replaced)]
        for path, node in replaced:
            for alias in left:
                if alias.target is not node and _is_in(alias.target, node):
                    line = self.lines.position(alias.start).line
                    raise UnfaithfulEdit.used_elsewhere(self._place(node), str(path), alias.target.anchor, line)

    def refused(self, path: TemplatePath, node: Node) -> UnfaithfulEdit:
        """Give the error about a place that cannot be changed alone."""
        around = [self.root, *(self._inner(node))]
        anchored = next((outer for outer in reversed(around) if outer.anchor), self.root)
        return UnfaithfulEdit.shared(
            self._place(node), str(path), anchored.anchor, self.lines.position(anchored.start).line
        )

    def _place(self, node: Node) -> str:
        return f"{self.lines.name}, {self.lines.position(node.start)}"

    def _inner(self, node: Node) -> list[ContentNode]:
        around: list[ContentNode] = [surrounding.parent for surrounding in surroundings_of(self.root, node)]
        return around if isinstance(node, AliasNode) else [*around, node]


def _is_in(inner: Node, outer: Node) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _aliases_in(root: Node) -> Iterator[AliasNode]:
    todo = [root]
    while todo:
        node = todo.pop()
        todo += children_of(node)
        if isinstance(node, AliasNode):
            yield node


def _values_of(node: Node) -> list[Node]:
    if isinstance(node, MapNode):
        return list(node.values.values())
    if isinstance(node, ListNode):
        return node.items
    return [node.target] if isinstance(node, AliasNode) else []


def _from_outside(root: Node) -> list[Node]:
    """Give all nodes, each behind all through which a path leads to it."""
    finished: list[Node] = []
    seen: set[int] = set()
    todo: list[tuple[Node, bool]] = [(root, False)]
    while todo:
        node, done = todo.pop()
        if done:
            finished.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            todo.append((node, True))
            todo += [(child, False) for child in _values_of(node)]
    return finished[::-1]
