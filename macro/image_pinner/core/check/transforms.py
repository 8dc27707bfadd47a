"""Check the Transform of a template: whether it includes the macro, needs it, and hides images from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from image_pinner.core.check.findings import Finding
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.transforms import Call, calls_of, transform_keys
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.rules import (
    HIDDEN_IMAGE,
    INCLUDED_IMAGE,
    MISSING_TRANSFORM,
    TRANSFORM_ORDER,
    UNUSED_TRANSFORM,
)
from image_pinner.core.template.edits import Edit, InsertKey, Replace
from image_pinner.core.template.loop_keys import EXPAND_FIRST
from image_pinner.core.template.marker_search import contains_marker, find_misplaced_markers
from image_pinner.core.template.markers import METADATA_KEY, SNIPPET, calls_macro, is_snippet
from image_pinner.core.template.options import Pin, may_select
from image_pinner.core.template.paths import FOR_EACH, TemplatePath, value_at
from image_pinner.core.template.scan import ImageScan
from image_pinner.core.template.sites import SkipStatus

TRANSFORM = TemplatePath(("Transform",))
_INCLUDE = "AWS::Include"
_LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"
_CHECK_EXPANDED = "check the processed template with image-pinner expand, and suppress this finding"
_NO_LOOP = "write the property without Fn::ForEach"
_CAN_BE_PINNED = frozenset({SkipStatus.UNMARKED, SkipStatus.INVALID, SkipStatus.EMPTY, SkipStatus.SNIPPET})
_FIRST_SECTIONS = ("Description", "AWSTemplateFormatVersion")


def find_missing_transform(
    template: JsonObject, scan: ImageScan, scope: Scope, requests: Collection[Finding], macro: str
) -> Finding | None:
    """Return a finding at the first of the `requests` to pin that need the macro, which Transform does not include.

    Requests in branches that conditions exclude today count too: other parameters include them.
    """
    problems = [*scan.problems, *find_misplaced_markers(template, {}, scope, scan.marker_count)]
    paths = [*(each.path for each in requests), *(site.path for site in scan.pinned), *(each.path for each in problems)]
    paths += [path.child("Metadata", METADATA_KEY) for path, each in resources_of(template) if _selects_images(each)]
    first = min((path for path in paths if not _is_in_snippet(template, path, macro)), key=str, default=None)
    if first is None:
        return None
    cause = f"a pin is requested, but Transform does not include {macro}"
    fix = _add_macro(template, macro)
    if not template.get("Transform"):
        return Finding(MISSING_TRANSFORM, first, cause, f"write Transform: {macro} at the top of the template", fix)
    return Finding(MISSING_TRANSFORM, TRANSFORM, cause, f"add {macro} to Transform", fix)


def _add_macro(template: JsonObject, macro: str) -> Edit:
    """Return the edit that adds the macro to Transform: after the transforms that can add images."""
    transform = template.get("Transform")
    if not transform:
        if "Transform" in template:
            return Replace(TRANSFORM, macro)
        return InsertKey(
            TemplatePath(), "Transform", macro, next((name for name in _FIRST_SECTIONS if name in template), "")
        )
    # AWS-provided transforms come after custom macros:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html
    transforms = list(transform) if isinstance(transform, list) else [transform]
    others = [number for number, call in enumerate(calls_of(transforms), 1) if not _is_of_aws(call.name)]
    transforms.insert(others[-1] if others else 0, macro)
    return Replace(TRANSFORM, transforms)


def require_transform(findings: Iterable[Finding], template: JsonObject, macro: str) -> Iterator[Finding]:
    """Yield the findings of a template without the macro, with fixes that add it: only the macro reads a marker."""
    edit = _add_macro(template, macro)
    for finding in findings:
        needs_macro = finding.fix and not _is_in_snippet(template, finding.fix.path, macro)
        yield replace(finding, requires=edit) if needs_macro and finding.fix != edit else finding


def _is_in_snippet(template: JsonValue, path: TemplatePath, macro: str) -> bool:
    """Return whether a snippet passes a value to the macro: CloudFormation calls it for that without a Transform."""
    value = template
    if isinstance(template, dict) and calls_macro(template.get(SNIPPET), macro):
        return True  # not its section, which has the name of the short form
    for step in path.steps:
        # A path can also name a value that is missing.
        match value:
            case dict():
                value = value.get(step)
            case list() if isinstance(step, int) and step < len(value):
                value = value[step]
            case _:
                return False
        if is_snippet(value, macro):
            return True
    return False


def find_unused_transform(template: JsonObject, scan: ImageScan, scope: Scope, macro: str) -> Finding | None:
    """Return a finding if nothing in a template whose Transform includes the macro can request a pin.

    An image that is not pinned is reported instead: marking it makes the Transform useful.
    """
    count = scan.marker_count
    if (
        scan.pinned
        or scan.problems
        or scan.hidden
        or may_select(scan.options.pin)
        or (count and (count.texts or count.long_forms))
        or any(image.status in _CAN_BE_PINNED or image.marked for image in scan.skipped)
        or any(call.name != macro and not _is_of_aws(call.name) for call in calls_of(template.get("Transform")))
        or contains_marker(scope)
        or any(_selects_images(resource) for _, resource in resources_of(template))
    ):
        return None
    cause = f"Transform includes {macro}, and nothing in the template requests a pin"
    return Finding(UNUSED_TRANSFORM, TRANSFORM, cause, f"mark an image, or remove {macro} from Transform")


def _selects_images(resource: JsonValue) -> bool:
    metadata = resource.get("Metadata") if isinstance(resource, dict) else None
    options = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    return isinstance(options, dict) and options.get("Pin", Pin.SKIP.value) != Pin.SKIP.value


def resources_of(template: JsonObject) -> Iterator[tuple[TemplatePath, JsonValue]]:
    """Yield the resources of a template, also those that loops make, with their paths."""
    todo = [(TemplatePath(("Resources",)), template.get("Resources"))]
    while todo:
        path, resources = todo.pop()
        if not isinstance(resources, dict):
            continue
        for name, resource in resources.items():
            if not str(name).startswith(FOR_EACH):
                yield path.child(name), resource
            elif isinstance(resource, list) and resource:
                todo.append((path.child(name, len(resource) - 1), resource[-1]))


def _is_of_aws(name: JsonValue) -> bool:
    return isinstance(name, str) and name.startswith("AWS::") and name != _INCLUDE


def find_transform_order(template: JsonObject, macro: str) -> Iterator[Finding]:
    """Yield a finding for each transform after the macro that can add images."""
    names = [call.name for call in calls_of(template.get("Transform"))]
    if macro not in names:
        return
    last = len(names) - names[::-1].index(macro)
    for name in names[last:]:
        if not _is_of_aws(name):
            cause = f"{name} runs after {macro}, which does not see the images that {name} adds"
            yield Finding(TRANSFORM_ORDER, TRANSFORM, cause, f"list {macro} after {name} in Transform")


def help_with_loops(help: str, template: JsonObject, macro: str) -> str:
    """Return the help of a problem with a loop that CloudFormation may expand before it calls the macro."""
    names = [call.name for call in calls_of(template.get("Transform"))]
    is_expanded = macro in names and _LANGUAGE_EXTENSIONS in names[: names.index(macro)]
    return help.replace(EXPAND_FIRST, _CHECK_EXPANDED) if is_expanded else help


def find_hidden_images(
    template: JsonObject, scan: ImageScan, reported: Collection[TemplatePath], macro: str
) -> Iterator[Finding]:
    """Yield a finding for each property that can hide images, except those that are `reported` already."""
    hidden = {node.path: node.reason for node in scan.hidden}
    hidden |= {image.path: image.reason for image in scan.skipped if image.status is SkipStatus.HIDDEN}
    for path, reason in hidden.items():
        if path in reported:
            continue
        cause = f"cannot find the images in this value: {reason}"
        calls = _calls(template, path)
        if any(call.name != macro for call in calls):
            yield Finding(INCLUDED_IMAGE, path, cause, "write the image in this template, or check the added part too")
        elif path.in_loop and not calls:
            yield Finding(HIDDEN_IMAGE, path, cause, _NO_LOOP)


def _calls(template: JsonObject, path: TemplatePath) -> list[Call]:
    """Return the calls of transforms at a path: that of their key, or of the mapping with the key."""
    value = value_at(template, path.steps)
    if path == TRANSFORM or path.steps[-1] in transform_keys(value_at(template, path.parent.steps)):
        return calls_of(value)
    return [call for key in transform_keys(value) for call in calls_of(value[key])]
