"""Records: the references that pinned images were written as, which the template keeps for people.

A record is a Docker label of the container in ECS, and an entry in the Metadata of the resource elsewhere, or if the
labels are an expression. It contains the reference only, not how or when the digest was found, so that pinning the same
image again changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.images.references import ImageReference
from image_pinner.core.intrinsics import evaluate, intrinsic_of
from image_pinner.core.intrinsics.values import JsonObject, JsonValue, Known
from image_pinner.core.template.edits import Delete, Edit, InsertKey, Replace
from image_pinner.core.template.locations import ImageLocation
from image_pinner.core.template.options import Record
from image_pinner.core.template.paths import FOR_EACH, Field, Step, TemplatePath, value_at
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.sites import PinSite
from image_pinner.core.template.traversal import IF, NO_VALUE, OpaqueNode, TemplateNode, has_loop, walk

RECORD_KEY = "image-pinner.source"
_METADATA = "Metadata"


def record_for(image: ImageReference, record: str) -> str:
    """Return a recorded reference, or an empty text if it is not one of the image's repository."""
    try:
        recorded = ImageReference.parse(record)
    except InvalidReferenceError:
        return ""
    return record if (recorded.registry, recorded.repository) == (image.registry, image.repository) else ""


class DigestImage(NamedTuple):
    """An image that has a digest when the template is deployed: `text`, where the expression at `node` is now."""

    node: TemplateNode
    location: ImageLocation
    resource_path: TemplatePath
    text: str


def find_foreign_records(
    template: JsonObject, images: Iterable[DigestImage]
) -> tuple[list[TemplateNode], list[Problem]]:
    """Return the records next to images that are not for their repositories, and problems for those that are hidden.

    Authors can write a record themselves, so that another image looks like one of a repository that people trust.
    """
    foreign: dict[tuple[Step, ...], TemplateNode] = {}
    problems: dict[TemplatePath, Problem] = {}
    for image in images:
        for start, path in _record_paths(template, image):
            for found in walk(start, path):
                hidden = found.reason if isinstance(found, OpaqueNode) else found.shared
                if isinstance(found, TemplateNode) and _is_for(found, image):
                    continue
                if isinstance(found, TemplateNode) and not hidden:
                    foreign[found.steps] = found
                elif _is_below_loop(found.path, start):
                    cause = f"cannot see or remove the record {RECORD_KEY}: {hidden}"
                    help = "write the labels and the Metadata without Fn::ForEach"
                    problems[found.path] = Problem(found.path, ProblemKind.TEMPLATE, cause, help)
    return list(foreign.values()), list(problems.values())


def _record_paths(template: JsonObject, image: DigestImage) -> Iterator[tuple[TemplateNode, tuple[Field, ...]]]:
    """Yield where records of an image can be: the start of a walk, and its path."""
    node, key = image.node, image.location.label_key
    owner = node.owner
    if key and isinstance(owner, dict) and (key in owner or has_loop(owner, node.scope)):
        yield TemplateNode(_owner_steps(node), owner, node.scope), (Field(key), Field(RECORD_KEY))
    steps = image.resource_path.steps
    resource = value_at(template, steps) if steps else None
    if isinstance(resource, dict) and (_METADATA in resource or has_loop(resource, node.scope)):
        inside = str(TemplatePath(node.property_path[len(steps) :]))
        yield TemplateNode(steps, resource, node.scope), (Field(_METADATA), Field(RECORD_KEY), Field(inside))


def _owner_steps(node: TemplateNode) -> tuple[Step, ...]:
    """Return the path of the mapping that has the property, which a loop in it may make."""
    steps = node.property_steps[:-1]
    while len(steps) > 1 and str(steps[-2]).startswith(FOR_EACH):
        steps = steps[:-2]
    return steps


def _is_for(record: TemplateNode, image: DigestImage) -> bool:
    """Return whether a record is for the repository of an image, or for another branch than its own."""
    if any(guard._replace(expected=not guard.expected) in image.node.guards for guard in record.guards):
        return True
    outcome = evaluate(record.value, record.scope)
    try:
        reference = ImageReference.parse(image.text)
    except InvalidReferenceError:
        return False
    return isinstance(outcome, Known) and isinstance(outcome.value, str) and bool(record_for(reference, outcome.value))


def is_recorded(template: JsonObject, image: DigestImage) -> bool:
    """Return whether a record next to an image names a tag of its repository."""
    return any(
        isinstance(found, TemplateNode) and _is_for(found, image)
        for start, path in _record_paths(template, image)
        for found in walk(start, path)
    )


def _is_below_loop(path: TemplatePath, start: TemplateNode) -> bool:
    return any(str(step).startswith(FOR_EACH) for step in path.steps[len(start.steps) :])


def removal_edits(foreign: Iterable[TemplateNode], records: Sequence[Edit]) -> Iterator[Edit]:
    """Yield the edits that remove records, except those that one of `records` replaces."""
    replaced = {edit.path.steps for edit in records if isinstance(edit, Replace)}
    for record in foreign:
        if any(record.steps[:length] in replaced for length in range(len(record.steps) + 1)):
            continue
        if record.is_made_by_loop or record.steps != record.property_path:
            yield Replace(record.path, NO_VALUE)
        else:
            yield Delete(record.path)


def record_edits(
    template: JsonObject, recorded: Iterable[tuple[PinSite, str]], foreign: Iterable[TemplateNode] = ()
) -> Iterator[Edit]:
    """Yield the edits that record the references of pinned images: labels first, then Metadata entries.

    The Metadata entries that are `foreign` are not kept.
    """
    properties: dict[tuple[Step, ...], list[tuple[PinSite, str]]] = {}
    for site, reference in recorded:
        if reference and site.options.record is not Record.NONE:
            properties.setdefault(site.node.property_path, []).append((site, reference))
    metadata: dict[TemplatePath, dict[str, JsonValue]] = {}
    for property_path, branches in properties.items():
        site, reference = branches[0]
        if site.node.steps == property_path:
            written: JsonValue = reference
        else:
            references = {branch.node.steps: text for branch, text in branches}
            parents = {steps[:length] for steps in references for length in range(len(steps))}
            written = _references(value_at(template, property_path), property_path, references, parents)
        edit = None if site.options.record is Record.METADATA else _label_edit(site, written)
        if edit is not None:
            yield edit
        elif site.resource_path.steps:
            inside = TemplatePath(property_path[len(site.resource_path.steps) :])
            metadata.setdefault(site.resource_path, {})[str(inside)] = written
    removed = {record.property_path for record in foreign} if metadata else set()
    for path, entries in metadata.items():
        # Sorted, so that the order of a template's keys makes no difference.
        yield from _metadata_edit(template, path, dict(sorted(entries.items())), removed)


def _references(
    value: JsonValue,
    steps: tuple[Step, ...],
    references: Mapping[tuple[Step, ...], str],
    parents: Collection[tuple[Step, ...]],
) -> JsonValue:
    """Return the references under the same conditions as the images in the branches of an `Fn::If`.

    `parents` are the paths above those of `references`.
    """
    if steps in references:
        return references[steps]
    if steps not in parents:
        return NO_VALUE
    condition, *branches = value[IF]
    recorded = [
        _references(branch, (*steps, IF, number), references, parents) for number, branch in enumerate(branches, 1)
    ]
    return {IF: [condition, *recorded]}


def _label_edit(site: PinSite, written: JsonValue) -> Edit | None:
    key, owner = site.location.label_key, site.node.owner
    # A loop around the image makes what is next to it once for each value, and one next to it can make the labels too.
    if not key or not isinstance(owner, dict) or has_loop(owner, site.node.scope):
        return None
    steps = site.node.property_steps
    if key not in owner:
        return InsertKey(TemplatePath(steps[:-1]), key, {RECORD_KEY: written}, str(steps[-1]))
    return _entry_edit(TemplatePath((*steps[:-1], key)), owner[key], written)


def _metadata_edit(
    template: JsonObject, path: TemplatePath, entries: dict[str, JsonValue], removed: Collection[tuple[Step, ...]]
) -> Iterator[Edit]:
    resource = value_at(template, path.steps)
    if _METADATA not in resource:
        after = "Type" if "Type" in resource else next(iter(resource))
        yield InsertKey(path, _METADATA, {RECORD_KEY: entries}, after)
        return
    metadata = resource[_METADATA]
    before = metadata.get(RECORD_KEY) if isinstance(metadata, dict) else None
    if isinstance(before, dict) and not _has_function(before):
        record = path.child(_METADATA, RECORD_KEY)
        entries = {key: value for key, value in before.items() if (*record.steps, key) not in removed} | entries
    if edit := _entry_edit(path.child(_METADATA), metadata, entries):
        yield edit


def _entry_edit(path: TemplatePath, mapping: JsonValue, value: JsonValue) -> Edit | None:
    """Set the record in a mapping, or an empty value; return `None` if it is an expression."""
    if not mapping:
        return Replace(path, {RECORD_KEY: value})
    if not isinstance(mapping, dict) or intrinsic_of(mapping) or _has_function(mapping):
        return None
    if RECORD_KEY in mapping:
        return Replace(path.child(RECORD_KEY), value)
    return InsertKey(path, RECORD_KEY, value, list(mapping)[-1])


def _has_function(mapping: JsonObject) -> bool:
    return any(str(key).startswith("Fn::") for key in mapping)
