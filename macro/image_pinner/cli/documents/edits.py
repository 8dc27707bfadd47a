"""Plans edits: which nodes of a document change, and which edits cannot be made in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from image_pinner.cli.documents.nodes import (
    AliasNode,
    ContentNode,
    MappingNode,
    Node,
    ResolvedPath,
    children_of,
    content_of,
    resolve_path,
)
from image_pinner.cli.documents.text import SourceText
from image_pinner.cli.documents.yaml_layout import properties_of
from image_pinner.core.errors import ImagePinnerError
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.edits import Edit, InsertKey, Replace, apply_edits
from image_pinner.core.template.paths import Step, TemplatePath


class InPlaceEditError(ImagePinnerError):
    """A file cannot be edited in place as intended; it is unchanged."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Replaces the value of a node, or with `inside_tag` only the argument of its tag."""

    node: ContentNode
    value: JsonValue
    inside_tag: bool


@dataclass(frozen=True, slots=True)
class Insertion:
    """Adds keys to a mapping after its member at an index (-1 if it has none).

    `depth` is the depth of the mapping in the template.
    """

    node: MappingNode
    after: int
    entries: tuple[tuple[str, JsonValue], ...]
    depth: int


Change = Replacement | Insertion


def plan_edits(source: SourceText, root: MappingNode, tree: JsonObject, edits: Sequence[Edit]) -> list[Change]:
    """Find the nodes that edits change.

    Raises:
        InPlaceEditError: An edit concerns a value that an alias or a merge shares with another property.
    """
    aliases = tuple(_aliases_in(root)) if "*" in source.text else ()
    changes: list[Change] = []
    insertions: dict[TemplatePath, list[InsertKey]] = {}
    for edit in _widen(source.text, root, tree, edits):
        target = resolve_path(root, edit.path)
        _refuse_shared(source, edit, target, aliases)
        if isinstance(edit, Replace):
            changes.append(Replacement(content_of(target.node), edit.value, target.inside_tag))
        else:
            insertions.setdefault(edit.path, []).append(edit)
    for path, inserted in insertions.items():
        node = resolve_path(root, path).node
        if isinstance(node, MappingNode):
            changes += _in_order(node, inserted, len(path.steps))
    return changes


def _aliases_in(root: Node) -> Iterator[AliasNode]:
    todo = [root]
    while todo:
        node = todo.pop()
        todo += reversed(children_of(node))
        if isinstance(node, AliasNode):
            yield node


def _refuse_shared(source: SourceText, edit: Edit, target: ResolvedPath, aliases: Sequence[AliasNode]) -> None:
    if isinstance(target.shared, AliasNode):
        alias = target.shared
        cause = f"cannot edit {edit.path} through the alias *{alias.target.anchor}"
        raise _refusal(source, alias, cause, "replace the alias with the value that it refers to")
    if target.shared:
        cause = f"cannot edit {edit.path}, which '<<' merges into the mapping"
        raise _refusal(source, target.shared, cause, "write the key in the mapping itself instead of merging it")
    for alias in aliases:
        node, anchored = target.node, alias.target
        removes_anchor = isinstance(edit, Replace) and _contains(node, anchored) and not _contains(node, alias)
        if removes_anchor or _contains(anchored, node):
            line = source.position(alias.start).line
            cause = f"cannot edit {edit.path}: the alias *{anchored.anchor} on line {line} refers to this value"
            raise _refusal(source, node, cause, f"replace the alias on line {line} with the value that it refers to")


def _refusal(source: SourceText, node: Node, cause: str, help: str) -> InPlaceEditError:
    return InPlaceEditError(f"{source.name}:{source.position(node.start)}: {cause}", help)


def _contains(outer: Node, inner: Node) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _widen(text: str, root: MappingNode, tree: JsonObject, edits: Sequence[Edit]) -> list[Edit]:
    """Turn edits that cannot be written where they are into replacements of the value around them."""
    widened = {path for edit in edits if (path := _widened_path(text, edit, resolve_path(root, edit.path)))}
    result: list[Edit] = []
    for path in sorted(widened, key=lambda path: len(path.steps)):
        if not any(path.starts_with(edit.path) for edit in result):
            value = apply_edits(tree, [edit for edit in edits if edit.path.starts_with(path)])
            for step in path.steps:
                value = value[step]
            result.append(Replace(path, value))
    return [*result, *(edit for edit in edits if not any(edit.path.starts_with(outer.path) for outer in result))]


def _widened_path(text: str, edit: Edit, target: ResolvedPath) -> TemplatePath | None:
    """Return the path to replace instead of an edit, or `None` if the edit can be made as it is."""
    steps = edit.path.steps
    path = TemplatePath(steps[: len(steps) - len(target.missing)])
    tagged = path.parent if target.inside_tag else path
    node = content_of(target.node)
    if target.missing:
        return tagged
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
    indices = {member.name: index for index, member in enumerate(node.members)}
    groups: dict[int, list[InsertKey]] = {}
    for edit in inserted:
        index, position = indices.get(edit.after, len(node.members) - 1), 0
        for earlier, group in groups.items():
            for number, entry in enumerate(group):
                if entry.key == edit.after:
                    index, position = earlier, number + 1
        groups.setdefault(index, []).insert(position, edit)
    for index, group in groups.items():
        yield Insertion(node, index, tuple((entry.key, entry.value) for entry in group), depth)


def first_difference(left: JsonValue, right: JsonValue) -> TemplatePath | None:
    """Return the path of a difference between two trees, or `None`.

    Values are compared as JSON texts: `1`, `1.0` and `true` differ; the order of keys does not matter.
    """
    todo: list[tuple[tuple[Step, ...], JsonValue, JsonValue]] = [((), left, right)]
    while todo:
        steps, one, other = todo.pop()
        if one is other:
            continue
        if type(one) is not type(other):
            return TemplatePath(steps)
        if isinstance(one, dict) and one.keys() == other.keys():
            todo += [((*steps, key), value, other[key]) for key, value in one.items()]
        elif isinstance(one, list) and len(one) == len(other):
            todo += [((*steps, index), value, other[index]) for index, value in enumerate(one)]
        elif isinstance(one, dict | list) or one != other:
            return TemplatePath(steps)
    return None
