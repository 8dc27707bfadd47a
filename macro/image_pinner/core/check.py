"""Check the images of a template offline, and propose fixes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.gates.configuration import DENY, judge_image, without_needs
from image_pinner.core.gates.interface import JudgedImage
from image_pinner.core.images.references import ImageReference, explain_missing_tag
from image_pinner.core.intrinsics import intrinsic_of
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.edits import Edit, InsertKey, Replace
from image_pinner.core.template.find import ImageScan
from image_pinner.core.template.fragments import Fragment
from image_pinner.core.template.marker_search import find_misplaced_markers
from image_pinner.core.template.markers import (
    IMAGE_KEY,
    LONG_FORM,
    METADATA_KEY,
    PIN_MARKER,
    SNIPPET,
    calls_macro,
    is_snippet,
    with_marker,
)
from image_pinner.core.template.paths import Step, TemplatePath, value_at
from image_pinner.core.template.problems import Problem
from image_pinner.core.template.sites import ScanSettings, SkippedImage, SkipStatus

_Refuse = Callable[[ImageReference], tuple[str, str] | None]
_REGION, _ACCOUNT, _STACK_NAME = "us-east-1", "000000000000", "stack"
_ANY_TEXT, _ANY_NUMBER = "x", "0"
_NO_LOOP = "write the property without Fn::ForEach"
_TRANSFORM = TemplatePath(("Transform",))


class Severity(Enum):
    """How bad a finding is: an error makes the deployment fail, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


RULES = {
    "unpinned-image": "An image without a digest that nothing requests to pin.",
    "hidden-image": "A property that Fn::ForEach makes and that can hold an image that cannot be seen or changed.",
    "unsupported-marker-syntax": "A marker that CloudFormation rejects before any macro runs.",
    "invalid-marker": "A marker, an option or an image that the macro will reject, or selected images that are hidden.",
    "missing-transform": "A pin is requested, and the template's Transform does not include the macro.",
}
"""What each rule reports, as a sentence."""
_WITHOUT_REQUEST = frozenset({"unpinned-image", "hidden-image"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to change in a template.

    Args:
        rule: The rule, a key of `RULES`.
        path: The path of the value to change.
        cause: What is wrong, as a clause.
        help: What to do, as an imperative clause.
        fix: The edit that fixes it, or `None`.
    """

    rule: str
    path: TemplatePath
    cause: str
    help: str
    fix: Edit | None = None

    @property
    def severity(self) -> Severity:
        """How bad the finding is."""
        return Severity.WARNING if self.rule in _WITHOUT_REQUEST else Severity.ERROR


def check_template(  # noqa: PLR0913 - a deployment has this many inputs
    fragment: Fragment,
    values: Mapping[str, Any],
    scan_settings: ScanSettings,
    *,
    names_macro: bool,
    region: str = "",
    account_id: str = "",
    implicit_latest: bool = False,
) -> list[Finding]:
    """Check a template with the parameter values, the region and the account that are known.

    `names_macro` is whether the template's Transform includes the macro, and `implicit_latest` whether a reference
    without tag and digest means `latest`. The findings are sorted by path.
    """
    template = fragment.tree
    scope = Scope.of_template(template, values, region=region, account_id=account_id, ssm_names=True)
    scan, misplaced = _scan(fragment, scope, scan_settings)
    refuse = partial(_refuse, scan, implicit_latest)
    not_images = {problem.path for problem in misplaced}
    rejecting = {site.path for site in scan.pinned if site.location.rejects_marker}
    findings = [
        finding
        for finding in _find_unsupported_syntax(template, scan_settings.macro, rejecting)
        if finding.path not in not_images
    ]
    findings += [
        _unpinned_image(image, template, refuse)
        for image in scan.skipped
        if image.status in {SkipStatus.UNMARKED, SkipStatus.INVALID}
    ]
    certain = _find_certain_problems(fragment, scope, scan_settings)
    problems = [problem for problem in (*scan.problems, *misplaced) if problem.path in certain]
    # A value that is only missing here is not the reason.
    findings += [_invalid_marker(certain[problem.path] if problem.missing else problem) for problem in problems]
    findings += [
        Finding("invalid-marker", site.path, *refusal) for site in scan.pinned if (refusal := refuse(site.reference))
    ]
    reported = {problem.path for problem in problems}
    findings += [finding for finding in _hidden_images(scan) if finding.path not in reported]
    if not names_macro and (first := _first_request(template, scan, findings, scan_settings.macro)):
        findings.append(_missing_transform(first, template, scan_settings.macro))
    return sorted(findings, key=lambda finding: (str(finding.path), finding.rule))


def _refuse(scan: ImageScan, implicit_latest: bool, reference: ImageReference) -> tuple[str, str] | None:  # noqa: FBT001 - bound
    """Return why an image cannot be pinned or a gate that needs no facts denies it, and what to do."""
    if not implicit_latest and (missing := explain_missing_tag(reference)):
        return missing
    gates = without_needs(scan.options.gates.enabled) if scan.options.gates else ()
    for result in judge_image(gates, JudgedImage(reference)):
        if result.verdict == DENY:
            return f"gate {result.gate} denies the image: {result.cause}", result.help
    return None


def _hidden_images(scan: ImageScan) -> Iterator[Finding]:
    hidden = {node.path: node.reason for node in scan.hidden if node.path.in_loop}
    hidden |= {image.path: image.reason for image in scan.skipped if image.status == "hidden" and image.path.in_loop}
    for path, reason in hidden.items():
        yield Finding("hidden-image", path, f"images here cannot be seen: {reason}", _NO_LOOP)


def _invalid_marker(problem: Problem) -> Finding:
    return Finding("invalid-marker", problem.path, problem.cause, problem.help)


def _scan(fragment: Fragment, scope: Scope, scan_settings: ScanSettings) -> tuple[ImageScan, list[Problem]]:
    scan = fragment.find_images(scope, scan_settings)
    return scan, find_misplaced_markers(fragment.tree, scan.read, scope)


def _find_certain_problems(
    fragment: Fragment, scope: Scope, scan_settings: ScanSettings
) -> dict[TemplatePath, Problem]:
    """Return the problems that remain when everything is known that only a deployment knows, by their paths."""
    assumed = dict(scope.values)
    for name, parameter in scope.parameters.items():
        if isinstance(parameter, dict) and "Default" not in parameter:
            allowed = parameter.get("AllowedValues")
            any_value = _ANY_NUMBER if parameter.get("Type") == "Number" else _ANY_TEXT
            assumed.setdefault(name, allowed[0] if isinstance(allowed, list) and allowed else any_value)
    scope = Scope.of_template(
        fragment.tree,
        assumed,
        region=scope.region or _REGION,
        account_id=scope.account_id or _ACCOUNT,
        stack_name=_STACK_NAME if _sets_stack_name(fragment) else "",
        ssm_names=True,
    )
    scan, misplaced = _scan(fragment, scope, scan_settings)
    return {problem.path: problem for problem in (*misplaced, *scan.problems)}


def _sets_stack_name(fragment: Fragment) -> bool:
    metadata = fragment.tree.get("Metadata")
    options = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    return "StackName" in fragment.parameters or (isinstance(options, dict) and "StackName" in options)


def _unpinned_image(image: SkippedImage, template: JsonObject, refuse: _Refuse) -> Finding:
    if refusal := _refusal(image, refuse):
        return Finding("unpinned-image", image.path, *refusal)
    cause = f"image {image.written!r} is not pinned" if image.written else "the image is not pinned"
    if image.unmarkable:
        fix = _pin_resource(image.unmarkable, value_at(template, image.unmarkable.steps))
        help = "set Pin: All or Pin: Skip in the Metadata of the resource; linters reject a marker in this property"
        return Finding("unpinned-image", image.path, cause, help, fix)
    return Finding(
        "unpinned-image",
        image.path,
        cause,
        "mark the image, or set Pin: Skip in the Metadata of the resource",
        Replace(image.path, with_marker(value_at(template, image.path.steps))),
    )


def _refusal(image: SkippedImage, refuse: _Refuse) -> tuple[str, str] | None:
    """Return why the image could not be pinned if it were marked, and what to do."""
    if not image.written:
        is_valid = image.status is not SkipStatus.INVALID
        return None if is_valid else (image.reason.replace("it is", "image is", 1), "write repository:tag as text")
    try:
        return refuse(ImageReference.parse(image.written))
    except InvalidReferenceError as error:
        return error.cause, error.help


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


def _find_unsupported_syntax(
    template: JsonObject, macro: str, rejecting: Collection[TemplatePath]
) -> Iterator[Finding]:
    todo: list[tuple[JsonValue, tuple[Step, ...]]] = [(template, ())]
    while todo:
        node, steps = todo.pop()
        if isinstance(node, dict):
            if len(node) == 1 and LONG_FORM in node:
                path = TemplatePath(steps)
                yield _unsupported_syntax(path, node[LONG_FORM], macro, rejects_marker=path in rejecting)
            todo.extend((value, (*steps, key)) for key, value in node.items() if isinstance(value, dict | list))
        elif isinstance(node, list):
            todo.extend((value, (*steps, number)) for number, value in enumerate(node))


def _unsupported_syntax(path: TemplatePath, content: JsonValue, macro: str, *, rejects_marker: bool) -> Finding:
    options: dict[str, JsonValue] = {}
    expression = content
    if isinstance(content, dict) and intrinsic_of(content) is None:
        options = {str(key): value for key, value in content.items() if key != IMAGE_KEY}
        expression = content.get(IMAGE_KEY, "repository:tag")
    help = "write the marker as a quoted string"
    if not rejects_marker and all(isinstance(value, str) for value in options.values()):
        fixed: JsonValue = with_marker(expression, " ".join(f"{key}={value}" for key, value in options.items()))
    else:
        help = "write a snippet"
        fixed = {SNIPPET: {"Name": macro, "Parameters": {IMAGE_KEY: expression, **options}}}
    return Finding(
        "unsupported-marker-syntax",
        path,
        f"CloudFormation rejects the YAML tag {PIN_MARKER} and the function {LONG_FORM} before any macro runs",
        help,
        Replace(path, fixed),
    )


def _first_request(template: JsonObject, scan: ImageScan, findings: list[Finding], macro: str) -> TemplatePath | None:
    paths = [site.path for site in scan.pinned] + [problem.path for problem in scan.problems]
    paths += [finding.path for finding in findings if finding.rule not in _WITHOUT_REQUEST]
    return min((path for path in paths if not _is_in_snippet(template, path, macro)), key=str, default=None)


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


def _missing_transform(first: TemplatePath, template: JsonObject, macro: str) -> Finding:
    cause = f"a pin is requested, but Transform does not include {macro}"
    transform = template.get("Transform")
    if not transform:
        return Finding("missing-transform", first, cause, f"write Transform: {macro} at the top of the template")
    # AWS-provided transforms come after custom macros:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html
    transforms = [macro, *(transform if isinstance(transform, list) else [transform])]
    return Finding("missing-transform", _TRANSFORM, cause, f"add {macro} to Transform", Replace(_TRANSFORM, transforms))
