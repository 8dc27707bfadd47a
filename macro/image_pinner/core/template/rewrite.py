"""Turn decisions into edits, and record the written reference in the template.

In ECS it becomes a docker label of the container; elsewhere, or where the labels are an expression that takes no key,
an entry in the Metadata of the resource. It names the reference only, never how or when the digest was found, so that
pinning the same image again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from image_pinner.core.intrinsics import intrinsic_of
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.classify import kept_expression
from image_pinner.core.template.edits import Edit, InsertKey, Replace
from image_pinner.core.template.options import Record
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.sites import PinSite, SkippedImage

RECORD_KEY = "image-pinner.source"
_NO_VALUE = {"Ref": "AWS::NoValue"}


def record_edits(template: JsonObject, sites: Iterable[PinSite]) -> Iterator[Edit]:
    """Give the edits that record where digests come from.

    Args:
        template: The template or fragment before any edit.
        sites: The images that are pinned.

    Yields:
        Edits of labels, then of the Metadata of resources.
    """
    places: dict[tuple[Step, ...], list[PinSite]] = {}
    for site in sites:
        if site.options.record is not Record.NONE and (site.reference.tag or not site.reference.digest):
            places.setdefault(site.node.property_path, []).append(site)
    metadata: dict[TemplatePath, dict[str, JsonValue]] = {}
    for property_path, here in places.items():
        site = here[0]
        written = _written(template, property_path, here)
        edit = None if site.options.record is Record.METADATA else _label(site, written)
        if edit is not None:
            yield edit
        elif site.resource_path.steps:
            inside = TemplatePath(property_path[len(site.resource_path.steps) :])
            metadata.setdefault(site.resource_path, {})[str(inside)] = written
    for path, entries in metadata.items():
        # Sorted, so that the order of a template's keys makes no difference.
        yield from _metadata(template, path, dict(sorted(entries.items())))


def _written(template: JsonObject, property_path: tuple[Step, ...], here: list[PinSite]) -> JsonValue:
    if here[0].node.steps == property_path:
        return str(here[0].reference)
    value: JsonValue = template
    for step in property_path:
        value = value[step]
    return _mirrored(value, property_path, {site.node.steps: str(site.reference) for site in here})


def _mirrored(value: JsonValue, steps: tuple[Step, ...], written: Mapping[tuple[Step, ...], str]) -> JsonValue:
    """Give the references in the shape of the image: under the same conditions where it has several arms."""
    if steps in written:
        return written[steps]
    if not any(pinned[: len(steps)] == steps for pinned in written):
        return _NO_VALUE
    condition, *arms = value["Fn::If"]
    mirrored = [_mirrored(arm, (*steps, "Fn::If", number), written) for number, arm in enumerate(arms, 1)]
    return {"Fn::If": [condition, *mirrored]}


def _label(site: PinSite, written: JsonValue) -> Edit | None:
    key, owner = site.location.label_key, site.node.owner
    if not key or not isinstance(owner, dict):
        return None
    *context, image_key = site.node.property_steps
    if key not in owner:
        return InsertKey(TemplatePath(tuple(context)), key, {RECORD_KEY: written}, str(image_key))
    path = TemplatePath((*context, key))
    labels = owner[key]
    if not labels:
        return Replace(path, {RECORD_KEY: written})
    if not _takes_keys(labels):
        return None
    return _entry(path, labels, RECORD_KEY, written)


def _takes_keys(labels: JsonValue) -> bool:
    return (
        isinstance(labels, dict)
        and intrinsic_of(labels) is None
        and not any(str(key).startswith("Fn::") for key in labels)
    )


def _entry(path: TemplatePath, mapping: JsonObject, key: str, value: JsonValue) -> Edit:
    if key in mapping:
        return Replace(path.child(key), value)
    return InsertKey(path, key, value, list(mapping)[-1])


def _metadata(template: JsonObject, path: TemplatePath, entries: dict[str, JsonValue]) -> Iterator[Edit]:
    resource: JsonValue = template
    for step in path.steps:
        resource = resource[step]
    if "Metadata" not in resource:
        after = "Type" if "Type" in resource else next(iter(resource))
        yield InsertKey(path, "Metadata", {RECORD_KEY: entries}, after)
        return
    metadata = resource["Metadata"]
    if not metadata:
        yield Replace(path.child("Metadata"), {RECORD_KEY: entries})
    elif _takes_keys(metadata):
        before = metadata.get(RECORD_KEY)
        kept = before if isinstance(before, dict) else {}
        yield _entry(path.child("Metadata"), metadata, RECORD_KEY, {**kept, **entries})


def build_edits(
    template: JsonObject,
    pinned: Iterable[tuple[PinSite, str]],
    kept: Iterable[PinSite],
    skipped: Iterable[SkippedImage],
) -> tuple[Edit, ...]:
    """Give the edits that carry out a decision.

    Args:
        template: The template or fragment.
        pinned: The images that get a digest, each with what is written in its place.
        kept: The images that keep their tag and lose their mark.
        skipped: The images that stay; marks go from those that are not deployed.

    Returns:
        The edits, none of which contains the place of another.
    """
    digests = list(pinned)
    edits: list[Edit] = [Replace(site.path, text) for site, text in digests if site.node.value != text]
    edits += [Replace(site.path, _kept(site)) for site in kept if site.marked]
    edits += [Replace(image.path, image.replacement) for image in skipped if image.replacement is not None]
    records = record_edits(template, (site for site, _ in digests))
    return (*edits, *(edit for edit in records if not _is_noop(template, edit)))


def _kept(site: PinSite) -> JsonValue:
    """Give what keeps the tag, and with it all that the expression refers to: a repository must be made first."""
    if site.marked_expression:
        return site.marked_expression.expression
    return kept_expression(site.node.value, site.reference.written, site.node.scope)


def _is_noop(template: JsonObject, edit: Edit) -> bool:
    if not isinstance(edit, Replace):
        return False
    value: JsonValue = template
    for step in edit.path.steps:
        value = value[step]
    return bool(value == edit.value)
