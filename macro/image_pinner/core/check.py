"""Checking: what is wrong with a template's images, without asking anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from image_pinner.core.errors import InvalidOptionError
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
    snippet_parameters,
    with_marker,
)
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.problems import Problem
from image_pinner.core.template.sites import ScanSettings

_REGION, _ACCOUNT, _PLACEHOLDER = "us-east-1", "000000000000", "x"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to change in a template.

    Args:
        rule: What kind of finding: a key of `RULES`.
        path: Where.
        cause: What is wrong, as a clause.
        help: What to do, as a sentence without a full stop.
        correction: The edit that mends it, or `None`.
    """

    rule: str
    path: TemplatePath
    cause: str
    help: str
    correction: Edit | None = None


RULES = {
    "unmarked": "An image that names no digest and that nothing asks to pin.",
    "refused-form": "A mark in a form that CloudFormation refuses before any macro runs.",
    "wrong-mark": "A mark, an option or an image that the macro will refuse.",
    "macro-not-named": "Something asks for a pin, and the template's Transform does not name the macro.",
}


def check_template(
    fragment: Fragment, values: Mapping[str, Any], scan_settings: ScanSettings, *, names_macro: bool
) -> list[Finding]:
    """Check a template.

    Args:
        fragment: The template.
        values: The parameters' values, as far as they are given.
        scan_settings: The operator's settings that bear on finding images.
        names_macro: Whether the template's Transform names the macro.

    Returns:
        The findings, by path.
    """
    template = fragment.tree
    scope = Scope.of_template(template, values, region="", account_id="", ssm_names=True)
    scan, strays = _found(fragment, scope, scan_settings)
    no_images = {problem.path for problem in strays}
    findings = [finding for finding in _refused_forms(template) if finding.path not in no_images]
    findings += [_unmarked(image.path, template) for image in scan.skipped if image.status == "unmarked"]
    problems = [*scan.problems, *strays]
    certain = _certain(fragment, values, scan_settings)
    findings += [
        Finding("wrong-mark", problem.path, problem.cause, problem.help)
        for problem in problems
        if problem.path in certain
    ]
    if not names_macro and (first := _first_wish(template, scan, findings, scan_settings.macro)):
        findings.append(_macro_not_named(first, template, scan_settings.macro))
    return sorted(findings, key=lambda finding: (str(finding.path), finding.rule))


def _found(fragment: Fragment, scope: Scope, scan_settings: ScanSettings) -> tuple[ImageScan, list[Problem]]:
    scan = fragment.find_images(scope, scan_settings)
    return scan, find_misplaced_markers(fragment.tree, scan.read, scope)


def _certain(fragment: Fragment, values: Mapping[str, Any], scan_settings: ScanSettings) -> set[TemplatePath]:
    """Give the places that stay wrong when everything is given that only a deployment gives."""
    template = fragment.tree
    given = dict(values)
    for name, parameter in Scope.of_template(template, {}, region="", account_id="").parameters.items():
        if isinstance(parameter, dict) and "Default" not in parameter:
            given.setdefault(name, _PLACEHOLDER)
    scope = Scope.of_template(template, given, region=_REGION, account_id=_ACCOUNT, ssm_names=True)
    scan, strays = _found(fragment, scope, scan_settings)
    return {problem.path for problem in (*scan.problems, *strays)}


def _unmarked(path: TemplatePath, template: JsonObject) -> Finding:
    return Finding(
        "unmarked",
        path,
        "the image names no digest, and nothing asks to pin it",
        "Mark it, or say Pin: Skip in the Metadata of the resource",
        Replace(path, with_marker(_at(template, path))),
    )


def _refused_forms(template: JsonObject) -> Iterator[Finding]:
    todo: list[tuple[JsonValue, tuple[Step, ...]]] = [(template, ())]
    while todo:
        node, steps = todo.pop()
        if isinstance(node, dict):
            if len(node) == 1 and LONG_FORM in node:
                yield _refused_form(TemplatePath(steps), node[LONG_FORM])
            todo.extend((value, (*steps, key)) for key, value in node.items() if isinstance(value, dict | list))
        elif isinstance(node, list):
            todo.extend((value, (*steps, number)) for number, value in enumerate(node))


def _refused_form(path: TemplatePath, content: JsonValue) -> Finding:
    options: dict[str, JsonValue] = {}
    expression = content
    if isinstance(content, dict) and intrinsic_of(content) is None:
        options = {str(key): value for key, value in content.items() if key != IMAGE_KEY}
        expression = content.get(IMAGE_KEY, "repository:tag")
    if all(isinstance(value, str) for value in options.values()):
        words = " ".join(f"{key}={value}" for key, value in options.items())
        correction: JsonValue = with_marker(expression, words)
    else:
        parameters = {IMAGE_KEY: expression, **options}
        correction = {"Fn::Transform": {"Name": METADATA_KEY, "Parameters": parameters}}
    return Finding(
        "refused-form",
        path,
        f"CloudFormation refuses {PIN_MARKER} as a YAML tag and {LONG_FORM} as a function before any macro runs",
        "Write the mark as quoted text",
        Replace(path, correction),
    )


def _first_wish(template: JsonObject, scan: ImageScan, findings: list[Finding], macro: str) -> TemplatePath | None:
    wishes = [site.path for site in scan.pinned] + [problem.path for problem in scan.problems]
    wishes += [finding.path for finding in findings if finding.rule != "unmarked"]
    return min((path for path in wishes if not _is_in_snippet(template, path, macro)), key=str, default=None)


def _is_in_snippet(template: JsonValue, path: TemplatePath, macro: str) -> bool:
    """Tell whether a snippet shows a place to the macro: CloudFormation calls it for that without a Transform."""
    context = template
    for step in path.steps:
        # A path can also name what should be there.
        match context:
            case dict():
                context = context.get(step)
            case list() if isinstance(step, int):
                context = context[step]
            case _:
                return False
        if isinstance(context, dict) and _calls(context.get(SNIPPET), macro):
            return True
    return False


def _calls(transform: JsonValue, macro: str) -> bool:
    try:
        return snippet_parameters(transform, macro) is not None
    except InvalidOptionError:
        return True


def _macro_not_named(first: TemplatePath, template: JsonObject, macro: str) -> Finding:
    transform = template.get("Transform")
    listed = transform if isinstance(transform, list) else [transform]
    # AWS-provided transforms come after custom macros:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html
    correction = Replace(TemplatePath(("Transform",)), [macro, *listed]) if transform else None
    return Finding(
        "macro-not-named",
        TemplatePath(("Transform",)) if transform else first,
        f"something asks for a pin, and Transform does not name {macro}",
        f"Write Transform: {macro} at the top of the template" if not transform else f"Add {macro} to Transform",
        correction,
    )


def _at(template: JsonValue, path: TemplatePath) -> JsonValue:
    for step in path.steps:
        template = template[step]
    return template
