"""Check the images of a template offline, and propose fixes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from image_pinner.core.check.assumptions import assumed_scopes, certain_problems, without_defaults
from image_pinner.core.check.findings import Deny, Finding, denial_cause, problem_finding
from image_pinner.core.check.images import (
    find_duplicate_names,
    find_public_images,
    find_refused_pins,
    find_unpinned_images,
    find_unrecorded_tags,
)
from image_pinner.core.check.snippets import Snippets
from image_pinner.core.check.syntax import find_unsupported_syntax
from image_pinner.core.check.transforms import (
    find_hidden_images,
    find_missing_transform,
    find_transform_order,
    find_unused_transform,
    help_with_loops,
    require_transform,
)
from image_pinner.core.gates.enabled import DENY, EnabledGate, judge_image, without_needs
from image_pinner.core.gates.interface import JudgedImage
from image_pinner.core.images.references import ImageReference, explain_missing_tag
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.rules import UNPINNED_IMAGE
from image_pinner.core.template.edits import apply_edits
from image_pinner.core.template.fragments import Fragment
from image_pinner.core.template.marker_search import find_misplaced_markers
from image_pinner.core.template.paths import Step
from image_pinner.core.template.problems import Problem
from image_pinner.core.template.scan import ImageScan
from image_pinner.core.template.sites import ScanSettings, SkipStatus
from image_pinner.core.template.traversal import deployment_status

_NOT_SELECTED = frozenset({SkipStatus.UNMARKED, SkipStatus.INVALID, SkipStatus.EMPTY})


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
    gates = without_needs(scan.options.gates.enabled) if scan.options.gates else ()
    deny = partial(_deny, gates, implicit_latest)
    scan, excluded = _check_excluded(fragment, scope, scan_settings, scan, deny)
    requests = [
        *_find_syntax(fragment, scan, misplaced, scan_settings.macro),
        *_find_refusals(fragment, scope, scan_settings, scan, misplaced, deny),
        *excluded,
        *Snippets(template, scope, partial(assumed_scopes, fragment, scope), scan_settings, deny).find_problems(scan),
    ]
    order = list(find_transform_order(template, scan_settings.macro))
    findings = [
        *requests,
        *order,
        *find_unpinned_images(scan, template, deny, gates),
        *find_hidden_images(template, scan, {finding.path for finding in (*requests, *order)}, scan_settings.macro),
        *find_duplicate_names(template, scope),
        *find_unrecorded_tags(scan, template),
        *find_public_images(scan),
    ]
    if names_macro:
        about_transform = find_unused_transform(template, scan, scope, scan_settings.macro)
    else:
        about_transform = find_missing_transform(template, scan, scope, requests, scan_settings.macro)
    findings += [about_transform] if about_transform else []
    findings = _with_valid_fixes(findings, fragment, scope, scan_settings)
    complete = findings if names_macro else require_transform(findings, template, scan_settings.macro)
    return sorted(complete, key=lambda finding: (str(finding.path), finding.rule.code))


def _allow(_: ImageReference) -> None:
    # The references that are known were judged before a fix was offered; here they contain assumed values.
    return None


def _deny(
    gates: Sequence[EnabledGate],
    implicit_latest: bool,  # noqa: FBT001 - bound
    reference: ImageReference,
) -> tuple[str, str] | None:
    """Return why an image to pin has no version, or is denied by a gate that needs no facts, and what to do."""
    if not implicit_latest and (missing := explain_missing_tag(reference)):
        return missing
    for result in judge_image(gates, JudgedImage(reference)):
        if result.verdict == DENY:
            return denial_cause(result), result.help
    return None


def _find_syntax(fragment: Fragment, scan: ImageScan, misplaced: list[Problem], macro: str) -> Iterator[Finding]:
    not_images = {problem.path for problem in misplaced}
    rejecting = {site.path for site in scan.pinned if site.location.rejects_marker}
    found = find_unsupported_syntax(fragment.tree, macro, rejecting)
    return (finding for finding in found if finding.path not in not_images)


def _scan(fragment: Fragment, scope: Scope, scan_settings: ScanSettings) -> tuple[ImageScan, list[Problem]]:
    scan = fragment.find_images(scope, scan_settings)
    return scan, find_misplaced_markers(fragment.tree, scan.read, scope)


def _with_valid_fixes(
    findings: list[Finding], fragment: Fragment, scope: Scope, scan_settings: ScanSettings
) -> list[Finding]:
    """Return the findings without the fixes that the macro would refuse: some images can be marked and not pinned."""
    # All images of a resource can have the same fix.
    edits = {finding.fix.path: finding.fix for finding in findings if finding.rule is UNPINNED_IMAGE and finding.fix}
    if not edits:
        return findings
    fixed = fragment._replace(tree=apply_edits(fragment.tree, edits.values()))
    scan, misplaced = _scan(fixed, next(assumed_scopes(fixed, scope)), scan_settings)
    problems: Iterable[Problem] = ()
    if scan.problems or misplaced:
        known, misplaced = _scan(fixed, scope, scan_settings)
        problems = _certain_problems(fixed, scope, scan_settings, [*known.problems, *misplaced])
    refused = {problem.path.steps: problem.cause for problem in problems}
    _, excluded = _check_excluded(fixed, scope, scan_settings, scan, _allow)
    others = (*find_refused_pins(scan, fixed.tree, _allow), *excluded)
    refused |= {finding.path.steps: finding.cause for finding in others}
    if not refused:
        return findings
    # Each fix is looked up by the paths above the problems.
    causes = {steps[:length]: cause for steps, cause in refused.items() for length in range(len(steps) + 1)}
    return [_with_valid_fix(finding, causes) for finding in findings]


def _with_valid_fix(finding: Finding, causes: Mapping[tuple[Step, ...], str]) -> Finding:
    if finding.rule is not UNPINNED_IMAGE or finding.fix is None:
        return finding
    # An entry in the Metadata pins all images of the resource.
    changed = finding.fix.path
    cause = causes.get((changed.parent if changed.steps[-1:] == ("Metadata",) else changed).steps)
    if cause is None:
        return finding
    return replace(finding, help=f"set Pin: Skip in the Metadata of the resource: {cause}", fix=None)


def _find_refusals(
    fragment: Fragment,
    scope: Scope,
    scan_settings: ScanSettings,
    scan: ImageScan,
    misplaced: list[Problem],
    deny: Deny,
) -> Iterator[Finding]:
    """Yield a finding for each problem that remains when everything is known, and for each image to pin that fails."""
    for problem in _certain_problems(fragment, scope, scan_settings, [*scan.problems, *misplaced]):
        finding = problem_finding(problem)
        yield replace(finding, help=help_with_loops(finding.help, fragment.tree, scan_settings.macro))
    yield from find_refused_pins(scan, fragment.tree, deny)


def _check_excluded(
    fragment: Fragment, scope: Scope, scan_settings: ScanSettings, scan: ImageScan, deny: Deny
) -> tuple[ImageScan, list[Finding]]:
    """Check the images that conditions exclude without the defaults of parameters, which can be why.

    Returns:
        The scan with what is known of those that nothing selects, and the findings of the others.
    """
    excluded = {
        image.path
        for image in scan.skipped
        if image.status is SkipStatus.NOT_DEPLOYED or deployment_status(image.guards, scope) is False
    }
    if not excluded:
        return scan, []
    other, other_scope = without_defaults(fragment, scope)
    found, misplaced = _scan(other, other_scope, scan_settings)
    known = {image.path: image for image in found.skipped if image.path in excluded}
    skipped = [known.get(each.path, each) if each.status in _NOT_SELECTED else each for each in scan.skipped]
    refusals = _find_refusals(other, other_scope, scan_settings, found, misplaced, deny)
    return replace(scan, skipped=skipped), [finding for finding in refusals if finding.path in excluded]


def _certain_problems(
    fragment: Fragment, scope: Scope, scan_settings: ScanSettings, problems: list[Problem]
) -> Iterator[Problem]:
    scans = (_scan(fragment, assumed, scan_settings) for assumed in assumed_scopes(fragment, scope))
    return certain_problems(problems, ([*misplaced, *scan.problems] for scan, misplaced in scans))


__all__ = ["Deny", "Finding", "check_template"]
