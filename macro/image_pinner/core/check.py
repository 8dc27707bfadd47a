"""Check the images of a template offline, and propose fixes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from image_pinner.core.intrinsics import intrinsic_of
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.edits import Edit, Replace
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
from image_pinner.core.template.sites import ScanSettings, SkippedImage

_REGION, _ACCOUNT, _STACK_NAME, _PLACEHOLDER = "us-east-1", "000000000000", "stack", "x"
_TRANSFORM = TemplatePath(("Transform",))


class Severity(Enum):
    """How bad a finding is: an error makes the deployment fail, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


RULES = {
    "unpinned-image": "An image without a digest that nothing requests to pin.",
    "unsupported-marker-syntax": "A marker that CloudFormation rejects before any macro runs.",
    "invalid-marker": "A marker, an option or an image that the macro will reject.",
    "missing-transform": "A pin is requested, and the template's Transform does not include the macro.",
}
"""What each rule reports, as a sentence."""


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
        return Severity.WARNING if self.rule == "unpinned-image" else Severity.ERROR


def check_template(
    fragment: Fragment, values: Mapping[str, Any], scan_settings: ScanSettings, *, names_macro: bool
) -> list[Finding]:
    """Check a template with the parameter values that are known.

    `names_macro` is whether the template's Transform includes the macro. The findings are sorted by path.
    """
    template = fragment.tree
    scope = Scope.of_template(template, values, region="", account_id="", ssm_names=True)
    scan, misplaced = _scan(fragment, scope, scan_settings)
    not_images = {problem.path for problem in misplaced}
    findings = [
        finding for finding in _find_unsupported_syntax(template, scan_settings.macro) if finding.path not in not_images
    ]
    findings += [_unpinned_image(image, template) for image in scan.skipped if image.status == "unmarked"]
    certain = _find_certain_problems(fragment, values, scan_settings)
    findings += [
        Finding("invalid-marker", problem.path, problem.cause, problem.help)
        for problem in (*scan.problems, *misplaced)
        if problem.path in certain
    ]
    if not names_macro and (first := _first_request(template, scan, findings, scan_settings.macro)):
        findings.append(_missing_transform(first, template, scan_settings.macro))
    return sorted(findings, key=lambda finding: (str(finding.path), finding.rule))


def _scan(fragment: Fragment, scope: Scope, scan_settings: ScanSettings) -> tuple[ImageScan, list[Problem]]:
    scan = fragment.find_images(scope, scan_settings)
    return scan, find_misplaced_markers(fragment.tree, scan.read, scope)


def _find_certain_problems(
    fragment: Fragment, values: Mapping[str, Any], scan_settings: ScanSettings
) -> set[TemplatePath]:
    """Return the paths of problems that remain when everything is known that only a deployment knows."""
    template = fragment.tree
    assumed = dict(values)
    for name, parameter in Scope.of_template(template, {}, region="", account_id="").parameters.items():
        if isinstance(parameter, dict) and "Default" not in parameter:
            allowed = parameter.get("AllowedValues")
            assumed.setdefault(name, allowed[0] if isinstance(allowed, list) and allowed else _PLACEHOLDER)
    stack_name = _STACK_NAME if _sets_stack_name(fragment) else ""
    scope = Scope.of_template(
        template, assumed, region=_REGION, account_id=_ACCOUNT, stack_name=stack_name, ssm_names=True
    )
    scan, misplaced = _scan(fragment, scope, scan_settings)
    return {problem.path for problem in (*scan.problems, *misplaced)}


def _sets_stack_name(fragment: Fragment) -> bool:
    metadata = fragment.tree.get("Metadata")
    options = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    return "StackName" in fragment.parameters or (isinstance(options, dict) and "StackName" in options)


def _unpinned_image(image: SkippedImage, template: JsonObject) -> Finding:
    return Finding(
        "unpinned-image",
        image.path,
        f"image {image.written!r} is not pinned" if image.written else "the image is not pinned",
        "mark the image, or set Pin: Skip in the Metadata of the resource",
        Replace(image.path, with_marker(value_at(template, image.path.steps))),
    )


def _find_unsupported_syntax(template: JsonObject, macro: str) -> Iterator[Finding]:
    todo: list[tuple[JsonValue, tuple[Step, ...]]] = [(template, ())]
    while todo:
        node, steps = todo.pop()
        if isinstance(node, dict):
            if len(node) == 1 and LONG_FORM in node:
                yield _unsupported_syntax(TemplatePath(steps), node[LONG_FORM], macro)
            todo.extend((value, (*steps, key)) for key, value in node.items() if isinstance(value, dict | list))
        elif isinstance(node, list):
            todo.extend((value, (*steps, number)) for number, value in enumerate(node))


def _unsupported_syntax(path: TemplatePath, content: JsonValue, macro: str) -> Finding:
    options: dict[str, JsonValue] = {}
    expression = content
    if isinstance(content, dict) and intrinsic_of(content) is None:
        options = {str(key): value for key, value in content.items() if key != IMAGE_KEY}
        expression = content.get(IMAGE_KEY, "repository:tag")
    if all(isinstance(value, str) for value in options.values()):
        fixed: JsonValue = with_marker(expression, " ".join(f"{key}={value}" for key, value in options.items()))
    else:
        fixed = {SNIPPET: {"Name": macro, "Parameters": {IMAGE_KEY: expression, **options}}}
    return Finding(
        "unsupported-marker-syntax",
        path,
        f"CloudFormation rejects the YAML tag {PIN_MARKER} and the function {LONG_FORM} before any macro runs",
        "write the marker as a quoted string",
        Replace(path, fixed),
    )


def _first_request(template: JsonObject, scan: ImageScan, findings: list[Finding], macro: str) -> TemplatePath | None:
    paths = [site.path for site in scan.pinned] + [problem.path for problem in scan.problems]
    paths += [finding.path for finding in findings if finding.rule != "unpinned-image"]
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
