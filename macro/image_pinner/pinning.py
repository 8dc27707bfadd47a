"""The story: template in, pinned template and report out.

This is the only module that knows all eight steps. It asks sources and changes templates, but no function it calls
does both: a failed look-up has no road to a rewrite.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from image_pinner.core.decision import Decision, KeptTag, Pinned, PinPlan, decide, make_plan
from image_pinner.core.images.lookups import ImageQuestion, Resolution
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonValue, Lookup, Unknown
from image_pinner.core.report import PinReport
from image_pinner.core.template.edits import Edit, apply_edits
from image_pinner.core.template.find import Sites
from image_pinner.core.template.fragments import Fragment
from image_pinner.core.template.marker_search import find_stray_marks
from image_pinner.core.template.problems import Problem, in_order
from image_pinner.core.template.rewrite import edits_for
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline, DigestResolver, LookupResolver

_MAX_ROUNDS = 4
"""Look-ups whose answers lead to further look-ups (a parameter that names an export): more than people write."""


class World(NamedTuple):
    """Whom to ask.

    Args:
        digests: Who knows digests.
        lookups: Who knows SSM parameters and exports.
    """

    digests: DigestResolver
    lookups: LookupResolver


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


def pin_template(fragment: Fragment, scope: Scope, settings: Settings, world: World, deadline: Deadline) -> PinResult:
    """Pin the images of a template.

    Args:
        fragment: (1) What was read of the event or the file.
        scope: What is known for its expressions.
        settings: What the operator has configured.
        world: Whom to ask.
        deadline: When to give up.

    Returns:
        The pinned template and the report: all images that were asked for, or none.
    """
    # (2) Find the images, and (3) look up what only AWS knows, then find again.
    scope, sites = _find(fragment, scope, settings, world, deadline)
    problems = [*sites.problems, *find_stray_marks(fragment.tree, sites.read, scope, sites.census)]
    # (4) Ask each distinct question once.
    plan = make_plan(sites.pinned)
    # (5) Resolve.
    resolutions = _resolve(plan, world, deadline)
    # (6) Judge.
    decision = decide(plan, resolutions, settings.policies)
    problems += decision.problems
    if problems:
        return PinResult(fragment.original, (), _report(sites, plan, decision, problems))
    # (7) Rewrite a copy.
    edits = edits_for(
        fragment.tree,
        [(found.site, found.text) for found in decision.outcomes if isinstance(found, Pinned)],
        [found.site for found in decision.outcomes if isinstance(found, KeptTag)],
        sites.left,
    )
    pinned = apply_edits(fragment.tree, edits)
    # (8) THE CALLER MUST give the answer in the form that its face takes.
    return PinResult(fragment.answer(pinned), edits, _report(sites, plan, decision, problems))


def _find(
    fragment: Fragment, scope: Scope, settings: Settings, world: World, deadline: Deadline
) -> tuple[Scope, Sites]:
    sites = fragment.find_sites(scope, settings.rules)
    for _ in range(_MAX_ROUNDS):
        if not sites.lookups:
            return scope, sites
        scope = scope.with_answers(world.lookups.look_up(sorted(sites.lookups, key=str), deadline))
        sites = fragment.find_sites(scope, settings.rules)
    # An image that waits for a look-up is neither pinned nor a problem, so that none may be left waiting.
    while sites.lookups:
        scope = scope.with_answers({lookup: _unanswered(lookup) for lookup in sites.lookups})
        sites = fragment.find_sites(scope, settings.rules)
    return scope, sites


def _unanswered(lookup: Lookup) -> Unknown:
    return Unknown(f"{lookup} was not told after {_MAX_ROUNDS} rounds of look-ups", "Write the value itself")


def _resolve(plan: PinPlan, world: World, deadline: Deadline) -> Mapping[ImageQuestion, Resolution]:
    return world.digests.resolve_all(plan.questions, deadline) if plan.questions else {}


def _report(sites: Sites, plan: PinPlan, decision: Decision, problems: list[Problem]) -> PinReport:
    answered = {id(outcome.site) for outcome in decision.outcomes}
    unanswered = tuple(site for site, _ in plan.sites if id(site) not in answered)
    return PinReport(decision.outcomes, tuple(sites.left), in_order(problems), unanswered)
