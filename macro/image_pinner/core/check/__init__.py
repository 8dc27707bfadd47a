"""Check the images of a template offline, and propose fixes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from image_pinner.core.check.findings import Deny, Finding, problem_finding
from image_pinner.core.check.images import (
    find_duplicate_names,
    find_public_images,
    find_refused_pins,
    find_unpinned_images,
    find_unrecorded_tags,
)
from image_pinner.core.check.syntax import find_unsupported_syntax
from image_pinner.core.check.transforms import (
    find_hidden_images,
    find_missing_transform,
    find_transform_order,
    find_unused_transform,
)
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.find import ImageScan
from image_pinner.core.template.fragments import Fragment
from image_pinner.core.template.marker_search import find_misplaced_markers
from image_pinner.core.template.markers import METADATA_KEY
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem
from image_pinner.core.template.sites import ScanSettings

_REGION, _ACCOUNT, _STACK_NAME = "us-east-1", "000000000000", "stack"
_ANY_TEXT, _ANY_NUMBER = "x", "0"


def check_template(  # noqa: PLR0913 - a deployment has this many inputs
    fragment: Fragment,
    values: Mapping[str, Any],
    scan_settings: ScanSettings,
    *,
    names_macro: bool,
    region: str = "",
    account_id: str = "",
    deny: Deny = lambda _: None,
) -> list[Finding]:
    """Check a template with the parameter values, the region and the account that are known.

    `names_macro` is whether the template's Transform includes the macro. The findings are sorted by path.
    """
    template = fragment.tree
    scope = Scope.of_template(template, values, region=region, account_id=account_id, ssm_names=True)
    scan, misplaced = _scan(fragment, scope, scan_settings)
    certain = _find_certain_problems(fragment, scope, scan_settings)
    problems = [problem for problem in (*scan.problems, *misplaced) if problem.path in certain]
    requests = [
        *_find_syntax(fragment, scan, misplaced, scan_settings.macro),
        # A value that is only missing here is not the reason.
        *(problem_finding(certain[problem.path] if problem.missing else problem) for problem in problems),
        *find_refused_pins(scan, template, deny),
    ]
    order = list(find_transform_order(template, scan_settings.macro))
    reported = {finding.path for finding in (*requests, *order)}
    findings = [
        *requests,
        *order,
        *find_unpinned_images(scan, template, deny),
        *find_hidden_images(template, scan, reported, scan_settings.macro),
        *find_duplicate_names(template, scope),
        *find_unrecorded_tags(scan, template),
        *find_public_images(scan),
    ]
    if names_macro:
        about_transform = find_unused_transform(template, scan, scope, scan_settings.macro)
    else:
        paths = [finding.path for finding in requests]
        about_transform = find_missing_transform(template, scan, paths, scan_settings.macro)
    findings += [about_transform] if about_transform else []
    return sorted(findings, key=lambda finding: (str(finding.path), finding.rule.code))


def _find_syntax(fragment: Fragment, scan: ImageScan, misplaced: list[Problem], macro: str) -> Iterator[Finding]:
    not_images = {problem.path for problem in misplaced}
    rejecting = {site.path for site in scan.pinned if site.location.rejects_marker}
    found = find_unsupported_syntax(fragment.tree, macro, rejecting)
    return (finding for finding in found if finding.path not in not_images)


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


__all__ = ["Deny", "Finding", "check_template"]
