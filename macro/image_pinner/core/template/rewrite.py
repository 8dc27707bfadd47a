"""Build the edits that pin images, and record their written references in the template.

The record is a Docker label of the container in ECS, and an entry in the Metadata of the resource elsewhere, or if the
labels are an expression. It contains the reference only, not how or when the digest was found, so that pinning the same
image again changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from image_pinner.core.intrinsics import intrinsic_of
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.classify import kept_expression
from image_pinner.core.template.edits import Edit, InsertKey, Replace
from image_pinner.core.template.options import Record
from image_pinner.core.template.paths import Step, TemplatePath, value_at
from image_pinner.core.template.sites import PinSite, SkippedImage
from image_pinner.core.template.traversal import IF, NO_VALUE

RECORD_KEY = "image-pinner.source"


def build_edits(
    template: JsonObject,
    pinned: Iterable[tuple[PinSite, str, str]],
    kept: Iterable[PinSite],
    skipped: Iterable[SkippedImage],
) -> tuple[Edit, ...]:
    """Build the edits that carry out a decision; no path of an edit contains another.

    Args:
        template: The template or fragment.
        pinned: The images to pin, each with the text that replaces it and the reference to record, or an empty text.
        kept: The images that keep their tag and lose their marker.
        skipped: The images that are not pinned; those that are not deployed lose their marker.
    """
    digests = list(pinned)
    edits: list[Edit] = [Replace(site.path, text) for site, text, _ in digests if site.node.value != text]
    edits += [Replace(site.path, _kept(site)) for site in kept if site.marked]
    edits += [Replace(image.path, image.replacement) for image in skipped if image.replacement is not None]
    records = record_edits(template, ((site, recorded) for site, _, recorded in digests))
    return (*edits, *(edit for edit in records if not _is_noop(template, edit)))


def _kept(site: PinSite) -> JsonValue:
    """Return the expression without its marker: it refers to the repository, which must be created first."""
    if site.marked_expression:
        return site.marked_expression.expression
    return kept_expression(site.node.value, site.reference.written, site.node.scope)


def _is_noop(template: JsonObject, edit: Edit) -> bool:
    return isinstance(edit, Replace) and bool(value_at(template, edit.path.steps) == edit.value)


def record_edits(template: JsonObject, recorded: Iterable[tuple[PinSite, str]]) -> Iterator[Edit]:
    """Yield the edits that record the references of pinned images: labels first, then Metadata entries."""
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
    for path, entries in metadata.items():
        # Sorted, so that the order of a template's keys makes no difference.
        yield from _metadata_edit(template, path, dict(sorted(entries.items())))


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
    if not key or not isinstance(owner, dict):
        return None
    *container, image_key = site.node.property_steps
    if key not in owner:
        return InsertKey(TemplatePath(tuple(container)), key, {RECORD_KEY: written}, str(image_key))
    return _entry_edit(TemplatePath((*container, key)), owner[key], written)


def _metadata_edit(template: JsonObject, path: TemplatePath, entries: dict[str, JsonValue]) -> Iterator[Edit]:
    resource = value_at(template, path.steps)
    if "Metadata" not in resource:
        after = "Type" if "Type" in resource else next(iter(resource))
        yield InsertKey(path, "Metadata", {RECORD_KEY: entries}, after)
        return
    metadata = resource["Metadata"]
    before = metadata.get(RECORD_KEY) if isinstance(metadata, dict) else None
    merged = {**before, **entries} if isinstance(before, dict) else entries
    if edit := _entry_edit(path.child("Metadata"), metadata, merged):
        yield edit


def _entry_edit(path: TemplatePath, mapping: JsonValue, value: JsonValue) -> Edit | None:
    """Set the record in a mapping, or an empty value; return `None` if it is an expression."""
    if not mapping:
        return Replace(path, {RECORD_KEY: value})
    if not isinstance(mapping, dict) or intrinsic_of(mapping) or any(str(key).startswith("Fn::") for key in mapping):
        return None
    if RECORD_KEY in mapping:
        return Replace(path.child(RECORD_KEY), value)
    return InsertKey(path, RECORD_KEY, value, list(mapping)[-1])
