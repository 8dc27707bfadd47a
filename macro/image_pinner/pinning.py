"""The story: template in, pinned template and report out.

This is the only module that knows all eight steps. It asks sources and changes templates, but no function it calls
does both: a failed look-up has no road to a rewrite.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from image_pinner.core.decision import Decision, KeptTag, Pinned, PinPlan, decide, make_plan
from image_pinner.core.images.lookups import ImageLookup, Resolution
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import ExternalValue, JsonValue, Unknown
from image_pinner.core.report import PinReport
from image_pinner.core.template.edits import Edit, apply_edits
from image_pinner.core.template.find import ImageScan
from image_pinner.core.template.fragments import Fragment
from image_pinner.core.template.marker_search import find_misplaced_markers
from image_pinner.core.template.problems import Problem, in_order
from image_pinner.core.template.rewrite import build_edits
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline, DigestResolver, ValueResolver

_MAX_ROUNDS = 4
"""Look-ups whose answers lead to further look-ups (a parameter that names an export): more than people write."""


class Resolvers(NamedTuple):
    """Whom to ask.

    Args:
        digests: Who knows digests.
        external_values: Who knows SSM parameters and exports.
    """

    digests: DigestResolver
    external_values: ValueResolver


class PinResult(NamedTuple):
    """What pinning a template came to.

    Args:
        answer: The pinned template or fragment; on failure what came in.
        edits: What was changed in the tree that was searched; none on failure.
        report: What became of every image.
    """

    answer: JsonValue
    edits: tuple[Edit, ...]
    report: PinReport


def pin_template(
    fragment: Fragment, scope: Scope, settings: Settings, resolvers: Resolvers, deadline: Deadline
) -> PinResult:
    """Pin the images of a template.

    Args:
        fragment: (1) What was read of the event or the file.
        scope: What is known for its expressions.
        settings: What the operator has configured.
        resolvers: Whom to ask.
        deadline: When to give up.

    Returns:
        The pinned template and the report: all images that were asked for, or none.
    """
    # (2) Find the images, and (3) look up what only AWS knows, then find again.
    scope, scan = _find(fragment, scope, settings, resolvers, deadline)
    problems = [*scan.problems, *find_misplaced_markers(fragment.tree, scan.read, scope, scan.marker_count)]
    # (4) Ask each distinct question once.
    plan = make_plan(scan.pinned)
    # (5) Resolve.
    resolutions = _resolve(plan, resolvers, deadline)
    # (6) Judge.
    decision = decide(plan, resolutions, settings.policies)
    problems += decision.problems
    if problems:
        return PinResult(fragment.original, (), _report(scan, plan, decision, problems))
    # (7) Rewrite a copy.
    edits = build_edits(
        fragment.tree,
        [(found.site, found.text) for found in decision.outcomes if isinstance(found, Pinned)],
        [found.site for found in decision.outcomes if isinstance(found, KeptTag)],
        scan.skipped,
    )
    pinned = apply_edits(fragment.tree, edits)
    # (8) THE CALLER MUST give the answer in the form that its face takes.
    return PinResult(fragment.answer(pinned), edits, _report(scan, plan, decision, problems))


def _find(
    fragment: Fragment, scope: Scope, settings: Settings, resolvers: Resolvers, deadline: Deadline
) -> tuple[Scope, ImageScan]:
    scan = fragment.find_images(scope, settings.scan_settings)
    for _ in range(_MAX_ROUNDS):
        if not scan.external_values:
            return scope, scan
        scope = scope.with_answers(
            resolvers.external_values.resolve_values(sorted(scan.external_values, key=str), deadline)
        )
        scan = fragment.find_images(scope, settings.scan_settings)
    # An image that waits for a look-up is neither pinned nor a problem, so that none may be left waiting.
    while scan.external_values:
        scope = scope.with_answers({lookup: _unanswered(lookup) for lookup in scan.external_values})
        scan = fragment.find_images(scope, settings.scan_settings)
    return scope, scan


def _unanswered(lookup: ExternalValue) -> Unknown:
    return Unknown(f"{lookup} was not told after {_MAX_ROUNDS} rounds of look-ups", "Write the value itself")


def _resolve(plan: PinPlan, resolvers: Resolvers, deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
    return resolvers.digests.resolve_all(plan.lookups, deadline) if plan.lookups else {}


def _report(scan: ImageScan, plan: PinPlan, decision: Decision, problems: list[Problem]) -> PinReport:
    answered = {id(outcome.site) for outcome in decision.outcomes}
    unanswered = tuple(site for site, _ in plan.sites if id(site) not in answered)
    return PinReport(decision.outcomes, tuple(scan.skipped), in_order(problems), unanswered)
