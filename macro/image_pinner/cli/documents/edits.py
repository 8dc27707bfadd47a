"""Plans edits: which nodes of a document change, and which edits cannot be made in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from image_pinner.cli.documents.nodes import (
    AliasNode,
    ContentNode,
    MappingNode,
    Node,
    ResolvedPath,
    SequenceNode,
    children_of,
    content_of,
    resolve_path,
)
from image_pinner.cli.documents.text import SourceText, Splice
from image_pinner.cli.documents.yaml_layout import properties_of
from image_pinner.core.errors import ImagePinnerError
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.edits import Delete, Edit, InsertKey, Replace, apply_edits
from image_pinner.core.template.paths import Step, TemplatePath, value_at


class InPlaceEditError(ImagePinnerError):
    """A file cannot be edited in place as intended; it is unchanged."""


class Replacement(NamedTuple):
    """Replaces the value of a node, or with `inside_tag` only the argument of its tag."""

    node: ContentNode
    value: JsonValue
    inside_tag: bool


class Insertion(NamedTuple):
    """Adds keys to a mapping, or elements to a sequence, after its member at an index, or before all if that is -1.

    `added` is a mapping or list of what is new, and `depth` the depth of the collection in the template.
    """

    node: MappingNode | SequenceNode
    after: int
    added: JsonObject | list[JsonValue]
    depth: int


def members_of(node: MappingNode | SequenceNode) -> list[tuple[int, int]]:
    """Return the start and end of every member of a collection, keys included."""
    if isinstance(node, MappingNode):
        return [(member.key.start, member.value.end) for member in node.members]
    return [(item.start, item.end) for item in node.items]


class Deletion(NamedTuple):
    """Deletes some members of a mapping or sequence, by their indexes, and leaves at least one."""

    node: MappingNode | SequenceNode
    indexes: frozenset[int]

    def flow_spans(self) -> list[tuple[int, int]]:
        """Return the start and end of each text to delete, with one comma, in JSON or a YAML flow collection."""
        parts, spans = members_of(self.node), list[tuple[int, int]]()
        first = 0
        while first < len(parts):
            after = first
            while after in self.indexes:
                after += 1
            if after > first:
                is_last = after == len(parts)
                spans.append((parts[first - 1][1], parts[-1][1]) if is_last else (parts[first][0], parts[after][0]))
            first = after + 1
        return spans


Change = Replacement | Insertion | Deletion


class _InsertItem(NamedTuple):
    """Inserts an element into the list at `path`, after that at an index, or before all if that is -1."""

    path: TemplatePath
    after: int
    value: JsonValue


def plan_edits(source: SourceText, root: MappingNode, tree: JsonObject, edits: Sequence[Edit]) -> list[Change]:
    """Find the nodes that edits change.

    Raises:
        InPlaceEditError: An edit concerns a value that an alias or a merge shares with another property.
    """
    aliases = _aliases_in(source, root)
    changes: list[Change] = []
    insertions: dict[TemplatePath, list[InsertKey]] = {}
    deletions: dict[TemplatePath, set[Step]] = {}
    widened = _widen(source.text, root, tree, edits)
    for edit in (part for each in widened for part in _narrow(source, root, tree, each, aliases)):
        target = resolve_path(root, edit.path)
        _refuse_shared(source, edit, target, aliases)
        if isinstance(edit, Replace):
            changes.append(Replacement(content_of(target.node), edit.value, target.inside_tag))
        elif isinstance(edit, _InsertItem):
            if isinstance(target.node, SequenceNode):
                changes.append(Insertion(target.node, edit.after, [edit.value], len(edit.path.steps)))
        elif isinstance(edit, Delete):
            deletions.setdefault(edit.path.parent, set()).add(edit.path.steps[-1])
        else:
            insertions.setdefault(edit.path, []).append(edit)
    for path, deleted in deletions.items():
        node = resolve_path(root, path).node
        if isinstance(node, MappingNode | SequenceNode):
            changes.append(Deletion(node, frozenset(n for n, step in enumerate(_steps(node)) if step in deleted)))
    for path, inserted in insertions.items():
        node = resolve_path(root, path).node
        if isinstance(node, MappingNode):
            changes += _in_order(node, inserted, len(path.steps))
    return changes


def _steps(node: MappingNode | SequenceNode) -> list[Step]:
    if isinstance(node, MappingNode):
        return [member.name for member in node.members]
    return list(range(len(node.items)))


# Cached, as a document is read once and each of its findings is edited.
@lru_cache(maxsize=1)
def _aliases_in(source: SourceText, root: Node) -> tuple[AliasNode, ...]:
    if "*" not in source.text:
        return ()
    found: list[AliasNode] = []
    todo = [root]
    while todo:
        node = todo.pop()
        todo += reversed(children_of(node))
        if isinstance(node, AliasNode):
            found.append(node)
    return tuple(found)


def _refuse_shared(
    source: SourceText, edit: Edit | _InsertItem, target: ResolvedPath, aliases: Sequence[AliasNode]
) -> None:
    if isinstance(target.shared, AliasNode):
        alias = target.shared
        cause = f"cannot edit {edit.path} through the alias *{alias.target.anchor}"
        raise _refusal(source, alias, cause, "replace the alias with the value that it refers to")
    if target.shared:
        cause = f"cannot edit {edit.path}, which '<<' merges into the mapping"
        raise _refusal(source, target.shared, cause, "write the key in the mapping itself instead of merging it")
    for alias in aliases:
        node, anchored = target.node, alias.target
        removes_anchor = isinstance(edit, Replace | Delete) and _contains(node, anchored) and not _contains(node, alias)
        if removes_anchor or _contains(anchored, node):
            line = source.position(alias.start).line
            cause = f"cannot edit {edit.path}: the alias *{anchored.anchor} on line {line} refers to this value"
            raise _refusal(source, node, cause, f"replace the alias on line {line} with the value that it refers to")


def _refusal(source: SourceText, node: Node, cause: str, help: str) -> InPlaceEditError:
    return InPlaceEditError(f"{source.name}:{source.position(node.start)}: {cause}", help)


def _contains(outer: Node, inner: Node) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _narrow(
    source: SourceText, root: MappingNode, tree: JsonObject, edit: Edit, aliases: Sequence[AliasNode]
) -> Sequence[Edit | _InsertItem]:
    """Turn a replacement into edits of what differs, as far as these can be written where they are."""
    if not isinstance(edit, Replace):
        return (edit,)
    old = value_at(tree, edit.path.steps)
    parts = [_difference(edit, path.steps, old) for path in differences(old, edit.value)]
    try:
        for part in parts:
            target = resolve_path(root, part.path)
            _refuse_shared(source, part, target, aliases)
            if not _is_writable(source.text, part, target):
                return (edit,)
    except InPlaceEditError:
        return (edit,)
    return parts or (edit,)


def _is_writable(text: str, part: Replace | _InsertItem, target: ResolvedPath) -> bool:
    if isinstance(part, Replace):
        return _widened_path(text, part, target) is None
    # The text under !GetAtt is read as a list.
    return not target.missing and isinstance(target.node, SequenceNode)


def _difference(edit: Replace, steps: tuple[Step, ...], old: JsonValue) -> Replace | _InsertItem:
    """Return the part of a replacement that concerns the value at steps below the `old` value."""
    before, after = value_at(old, steps), value_at(edit.value, steps)
    path = TemplatePath((*edit.path.steps, *steps))
    if isinstance(before, list) and isinstance(after, list) and before and len(after) == len(before) + 1:
        pairs = enumerate(zip(before, after, strict=False))
        same = next((index for index, pair in pairs if first_difference(*pair)), len(before))
        if not first_difference(before[same:], after[same + 1 :]):
            return _InsertItem(path, same - 1, after[same])
    return Replace(path, after)


def _widen(text: str, root: MappingNode, tree: JsonObject, edits: Sequence[Edit]) -> list[Edit]:
    """Turn edits that cannot be written where they are into replacements of the value around them."""
    widened = {path for edit in edits if (path := _widened_path(text, edit, resolve_path(root, edit.path)))}
    widened |= _rewritten_collections(root, edits)
    result: list[Edit] = []
    for path in sorted(widened, key=lambda path: len(path.steps)):
        if not any(path.starts_with(edit.path) for edit in result):
            value = apply_edits(tree, [edit for edit in edits if edit.path.starts_with(path)])
            result.append(Replace(path, value_at(value, path.steps)))
    return [*result, *(edit for edit in edits if not any(edit.path.starts_with(outer.path) for outer in result))]


def _rewritten_collections(root: MappingNode, edits: Sequence[Edit]) -> set[TemplatePath]:
    """Return the paths of collections that lose all members, or that lose some and get others."""
    deleted = Counter(edit.path.parent for edit in edits if isinstance(edit, Delete))
    extended = {edit.path for edit in edits if isinstance(edit, InsertKey)}
    found = set()
    for path, count in deleted.items():
        node = content_of(resolve_path(root, path).node)
        if path in extended or not isinstance(node, MappingNode | SequenceNode) or count == len(_steps(node)):
            found.add(path)
    return found


def _widened_path(text: str, edit: Edit, target: ResolvedPath) -> TemplatePath | None:
    """Return the path to replace instead of an edit, or `None` if the edit can be made as it is."""
    steps = edit.path.steps
    path = TemplatePath(steps[: len(steps) - len(target.missing)])
    tagged = path.parent if target.inside_tag else path
    node = content_of(target.node)
    if target.missing or (isinstance(edit, Delete) and target.inside_tag):
        return tagged
    if isinstance(edit, Delete):
        return None
    if isinstance(edit, InsertKey):
        return None if target.inside_tag == bool(node.function) and _accepts_keys(text, node) else tagged
    # A scalar under a tag is always read as a string, and under !GetAtt as a sequence.
    fits_tag = isinstance(edit.value, list | dict) or (isinstance(edit.value, str) and node.function != "Fn::GetAtt")
    return tagged if target.inside_tag and not fits_tag else None


def _accepts_keys(text: str, node: Node) -> bool:
    # The mapping in the sequence `[a: 1]` has no braces: a second key would become a second item.
    return isinstance(node, MappingNode) and (not node.flow or text[properties_of(text, node).content] == "{")


def _in_order(node: MappingNode, inserted: Sequence[InsertKey], depth: int) -> Iterator[Insertion]:
    """Order new keys as if each were inserted directly after its `after`, one at a time."""
    indices = {"": -1} | {member.name: index for index, member in enumerate(node.members)}
    groups: dict[int, list[InsertKey]] = {}
    for edit in inserted:
        index, position = indices.get(edit.after, len(node.members) - 1), 0
        for earlier, group in groups.items():
            for number, entry in enumerate(group):
                if entry.key == edit.after:
                    index, position = earlier, number + 1
        groups.setdefault(index, []).insert(position, edit)
    for index, group in groups.items():
        yield Insertion(node, index, {entry.key: entry.value for entry in group}, depth)


class TextEdit(NamedTuple):
    """Replaces each `old` in the text at a path."""

    path: TemplatePath
    old: str
    new: str

    def as_replacement(self, tree: JsonValue) -> Replace:
        """Return the edit as the replacement of the whole text."""
        return Replace(self.path, value_at(tree, self.path.steps).replace(self.old, self.new))


class TextSplices(NamedTuple):
    """Splices of texts with the edit that each is for, by the identity of the node, and the edits that have none."""

    by_node: Mapping[int, tuple[Splice, TextEdit]]
    others: Sequence[TextEdit]


def splice_texts(source: SourceText, root: MappingNode, edits: Iterable[TextEdit]) -> TextSplices:
    """Replace only `old` where it is exactly once in the source of a text, so that quotes and line breaks stay.

    Raises:
        InPlaceEditError: An alias or a merge shares the text of two different edits.
    """
    by_node: dict[int, tuple[Splice, TextEdit]] = {}
    others: list[TextEdit] = []
    for edit in edits:
        node = content_of(resolve_path(root, edit.path).node)
        start = properties_of(source.text, node).content
        if source.text.count(edit.old, start, node.end) != 1:
            others.append(edit)
            continue
        index = source.text.index(edit.old, start, node.end)
        splice = Splice(index, index + len(edit.old), edit.new)
        if by_node.setdefault(id(node), (splice, edit))[0] != splice:
            cause = f"cannot edit {edit.path}: an alias shares its value with another one that changes otherwise"
            raise _refusal(source, node, cause, "replace the alias with the value that it refers to")
    return TextSplices(by_node, others)


def first_difference(left: JsonValue, right: JsonValue) -> TemplatePath | None:
    """Return the path of a difference between two trees, or `None`. See `differences`."""
    return next(differences(left, right), None)


def differences(left: JsonValue, right: JsonValue) -> Iterator[TemplatePath]:
    """Yield the paths of the differences between two trees.

    Values are compared as JSON texts: `1`, `1.0` and `true` differ; the order of keys does not matter.
    """
    todo: list[tuple[tuple[Step, ...], JsonValue, JsonValue]] = [((), left, right)]
    while todo:
        steps, one, other = todo.pop()
        if one is other:
            continue
        if type(one) is not type(other):
            yield TemplatePath(steps)
        elif isinstance(one, dict) and one.keys() == other.keys():
            todo += [((*steps, key), value, other[key]) for key, value in one.items()]
        elif isinstance(one, list) and len(one) == len(other):
            todo += [((*steps, index), value, other[index]) for index, value in enumerate(one)]
        elif isinstance(one, dict | list) or one != other:
            yield TemplatePath(steps)
