"""Check single images: whether they are pinned, valid and allowed, and what a digest or a tag leaves open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from image_pinner.core.check.findings import Deny, Finding, denial_cause, denial_finding, problem_finding
from image_pinner.core.errors import InvalidReferenceError, cut
from image_pinner.core.gates.enabled import DENY, EnabledGate
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.images.registries import canonical_registry
from image_pinner.core.intrinsics import evaluate, intrinsic_of
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue, Known
from image_pinner.core.judging import judge_skipped
from image_pinner.core.rules import (
    DENIED_IMAGE,
    DUPLICATE_CONTAINER_NAME,
    INVALID_REFERENCE,
    MUTABLE_PUBLIC_IMAGE,
    UNPINNED_IMAGE,
    UNRECORDED_TAG,
    UNRESOLVED_IMAGE,
)
from image_pinner.core.template.edits import Edit, InsertKey, Replace
from image_pinner.core.template.locations import USE_SHORTER_NAME, image_locations
from image_pinner.core.template.markers import METADATA_KEY, with_marker
from image_pinner.core.template.paths import Every, Field, Step, TemplatePath, value_at
from image_pinner.core.template.records import RECORD_KEY, DigestImage, find_foreign_records, is_recorded
from image_pinner.core.template.scan import ImageScan
from image_pinner.core.template.sites import PinSite, SkippedImage, SkipStatus
from image_pinner.core.template.traversal import TemplateNode, entries_of, walk

PUBLIC_REGISTRIES = frozenset(
    {
        "docker.elastic.co", "docker.io", "gcr.io", "ghcr.io", "k8s.gcr.io", "lscr.io", "mcr.microsoft.com", "nvcr.io",
        "public.ecr.aws", "quay.io", "registry.access.redhat.com", "registry.gitlab.com", "registry.k8s.io",
    }
)  # fmt: skip
"""Public registries, whose images other principals can move or delete."""
_ANY_DIGEST = Digest.of(b"")
_WRITE_IMAGE = "write repository:tag, or set Pin: Skip in the Metadata of the resource if another tool writes the image"
_MAX_COMPARED = 20  # containers with the same name in exclusive branches
_MAX_EXPRESSION = 500  # characters, which suffice for two images in an Fn::If


def find_unpinned_images(
    scan: ImageScan, template: JsonObject, deny: Deny, gates: Sequence[EnabledGate]
) -> Iterator[Finding]:
    """Yield the findings of images that nothing requests to pin; `gates` are those that need no facts."""
    for image in scan.skipped:
        if image.status is SkipStatus.EMPTY and not value_at(template, image.path.steps):
            # Not the value of a parameter, which another tool may set.
            yield Finding(INVALID_REFERENCE, image.path, "image is empty", _WRITE_IMAGE)
            continue
        can_be_pinned = image.status in {SkipStatus.UNMARKED, SkipStatus.INVALID}
        refusal = _refusal(image, deny) if can_be_pinned else None
        if refusal and refusal.rule is not DENIED_IMAGE:
            yield refusal
            continue
        for result in judge_skipped(image, gates, {}):
            if result.verdict == DENY:
                yield Finding(DENIED_IMAGE, image.path, denial_cause(result), result.help)
        if can_be_pinned and not refusal:
            yield _unpinned_image(image, template)


def _refusal(image: SkippedImage, deny: Deny) -> Finding | None:
    """Return why the image could not be pinned if it were marked."""
    if image.status is SkipStatus.INVALID and not image.written:
        cause = image.reason.replace("it is", "image is", 1)
        return Finding(INVALID_REFERENCE, image.path, cause, "write repository:tag as text")
    if not image.written:
        return None
    try:
        return denial_finding(image.path, ImageReference.parse(image.written), deny)
    except InvalidReferenceError as error:
        return Finding(INVALID_REFERENCE, image.path, error.cause, error.help)


def _unpinned_image(image: SkippedImage, template: JsonObject) -> Finding:
    expression = value_at(template, image.path.steps)
    # The cause identifies a finding in a baseline, which must not accept another image.
    cause = f"image {repr(image.written) if image.written else _shown(expression)} is not pinned"
    if image.unmarkable:
        fix = _pin_resource(image.unmarkable, value_at(template, image.unmarkable.steps))
        help = "set Pin: All or Pin: Skip in the Metadata of the resource; linters reject a marker in this property"
        return Finding(UNPINNED_IMAGE, image.path, cause, help, fix)
    return Finding(
        UNPINNED_IMAGE,
        image.path,
        cause,
        "mark the image, or set Pin: Skip in the Metadata of the resource",
        Replace(image.path, with_marker(expression)),
    )


def _shown(expression: JsonValue) -> str:
    """Return an expression for a message: `Fn::Sub 'shop/web:${Tag}'`."""
    function = intrinsic_of(expression)
    argument = expression[function] if function else expression
    text = repr(argument) if isinstance(argument, str) else json.dumps(argument)
    return cut(f"{function} {text}" if function else text, _MAX_EXPRESSION)


def _pin_resource(path: TemplatePath, resource: JsonValue) -> Edit | None:
    """Return the edit that pins all images of a resource, if its Metadata allow one."""
    options: JsonObject = {"Pin": "All"}
    metadata = resource.get("Metadata")
    if metadata is None and "Metadata" not in resource:
        return InsertKey(
            path, "Metadata", {METADATA_KEY: options}, "Type" if "Type" in resource else next(iter(resource))
        )
    if isinstance(metadata, dict) and metadata and METADATA_KEY not in metadata and intrinsic_of(metadata) is None:
        return InsertKey(path.child("Metadata"), METADATA_KEY, options, list(metadata)[-1])
    return None


def find_refused_pins(scan: ImageScan, template: JsonObject, deny: Deny) -> Iterator[Finding]:
    """Yield a finding for each image to pin that gates deny, or that cannot be written with its digest."""
    for site in scan.pinned:
        if denial := denial_finding(site.path, site.reference, deny):
            yield denial
        elif excess := site.location.find_excess(_pinned_text(site)):
            yield Finding(UNRESOLVED_IMAGE, site.path, excess, USE_SHORTER_NAME)
    count = scan.marker_count
    if count and (count.records or count.loops):
        images = [DigestImage(site.node, site.location, site.resource_path, _pinned_text(site)) for site in scan.pinned]
        _, problems = find_foreign_records(template, (*images, *scan.written_digests))
        yield from map(problem_finding, problems)


def _pinned_text(site: PinSite) -> str:
    return site.reference.pinned(site.reference.digest or _ANY_DIGEST)


def find_unrecorded_tags(scan: ImageScan, template: JsonObject) -> Iterator[Finding]:
    """Yield a finding for each digest of which nothing records the tag."""
    images = [
        *scan.written_digests,
        *(
            DigestImage(site.node, site.location, site.resource_path, str(site.reference))
            for site in scan.pinned
            if site.reference.digest
        ),
    ]
    for image in images:
        name = image.text.partition("@")[0]
        if ":" in name.rpartition("/")[2] or is_recorded(template, image):
            continue
        cause = f"nothing records which tag of {name!r} the digest comes from"
        if image.location.tag_with_digest:
            help = "write repository:tag@digest"
        else:
            help = f"record the tag as {RECORD_KEY} in the Metadata of the resource"
        yield Finding(UNRECORDED_TAG, image.node.path, cause, help)


def find_public_images(scan: ImageScan) -> Iterator[Finding]:
    """Yield a finding for each image with a tag, and no digest, in a public registry."""
    written = {site.path: site.reference for site in scan.pinned}
    for image in scan.skipped:
        if image.status is SkipStatus.UNMARKED and image.written:
            written[image.path] = ImageReference.parse(image.written)
    for path, reference in written.items():
        registry = canonical_registry(reference.registry)
        if reference.tag and not reference.digest and registry in PUBLIC_REGISTRIES:
            cause = f"image {str(reference)!r} is in the public registry {registry}, where it can be moved or deleted"
            yield Finding(
                MUTABLE_PUBLIC_IMAGE,
                path,
                cause,
                "copy the image to a registry of your own, or use a pull-through cache",
            )


def find_duplicate_names(template: JsonObject, scope: Scope) -> Iterator[Finding]:
    """Yield a finding for each container with the name of another one in the same list."""
    for section in walk(TemplateNode((), template, scope), (Field("Resources"),)):
        resources = entries_of(section) if isinstance(section, TemplateNode) else ()
        for _, resource in resources:
            kind = resource.value.get("Type") if isinstance(resource.value, dict) else None
            if resource.path.in_loop or not isinstance(kind, str):
                continue
            named = {
                (location.steps[:-1], location.name_key)
                for location in image_locations().get(kind, ())
                if location.name_key and len(location.steps) > 1 and isinstance(location.steps[-2], Every)
            }
            for steps, key in sorted(named, key=str):
                containers = walk(resource, (Field("Properties"), *steps))
                yield from _duplicates([each for each in containers if isinstance(each, TemplateNode)], key)


def _duplicates(containers: list[TemplateNode], key: str) -> Iterator[Finding]:
    seen: dict[tuple[tuple[Step, ...], str], list[TemplateNode]] = {}
    for container in containers:
        if container.path.in_loop or not isinstance(container.value, dict) or key not in container.value:
            continue
        outcome = evaluate(container.value[key], container.scope)
        name = outcome.value if isinstance(outcome, Known) else None
        if not isinstance(name, str) or not name:
            continue
        others = seen.setdefault((container.property_steps, name), [])
        if any(not _exclude_each_other(container, other) for other in others):
            cause = f"duplicate container name {name!r}"
            yield Finding(DUPLICATE_CONTAINER_NAME, container.path.child(key), cause, "rename one of the containers")
        elif len(others) < _MAX_COMPARED:
            others.append(container)


def _exclude_each_other(one: TemplateNode, other: TemplateNode) -> bool:
    return any(guard._replace(expected=not guard.expected) in other.guards for guard in one.guards)
