"""Plan which lookups to make, and decide what happens to each image once they are answered.

One problem fails the whole template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, assert_never

from image_pinner.core.deployed import Deployed, DeployedState, NotKnown, why_not_kept
from image_pinner.core.gates.enabled import EnabledGate, GateResult, judge_image, without_needs
from image_pinner.core.gates.interface import Facts, JudgedImage, Subject
from image_pinner.core.images.lookups import (
    ImageLookup,
    Resolution,
    Resolved,
    Unsuitable,
)
from image_pinner.core.judging import (
    Rules,
    facts_of_missing,
    find_denials,
    is_denied,
    is_refused,
    judge_platform,
    judge_skipped,
    running_image,
    subject_of,
    written_subject,
)
from image_pinner.core.outcomes import KeptTag, Pinned, decide_site, problem_of, with_tag
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.sites import PinSite, SkippedImage


class PinPlan(NamedTuple):
    """The lookups to make, and for which sites.

    Args:
        sites: Each image to pin with its lookup; `None` where the reference has a digest and no tag. The tag of a
            reference with both is looked up, to check that it still points to the digest.
        lookups: The distinct lookups, in an order that does not depend on the template's.
        kept: The deployed images that are kept, by the paths of their sites. The lookup of such a site is for the
            digest, to check that it still exists.
        problems: The sites for which it is not known what is deployed, and why; they are not among `sites`.
        refused: The sites that a gate denies by their references, so that they have no lookup.
        not_kept: Why deployed images that were looked up are not kept, as clauses, by the paths of their sites.
    """

    sites: tuple[tuple[PinSite, ImageLookup | None], ...]
    lookups: tuple[ImageLookup, ...]
    kept: Mapping[TemplatePath, Deployed] = MappingProxyType({})
    problems: tuple[tuple[PinSite, Problem], ...] = ()
    refused: frozenset[TemplatePath] = frozenset()
    not_kept: Mapping[TemplatePath, str] = MappingProxyType({})


def make_plan(
    sites: Iterable[PinSite],
    deployed: Mapping[TemplatePath, DeployedState] = MappingProxyType({}),
    gates: Sequence[EnabledGate] = (),
) -> PinPlan:
    """Plan the lookups for sites; equal lookups are made once.

    Args:
        sites: The images to pin.
        deployed: What was found about the deployed images, by the paths of their sites; others are resolved.
        gates: The gates that are on. Those that need no facts refuse lookups, so that a template cannot make the macro
            contact a registry that is not allowed.
    """
    gates = without_needs(gates)
    made: dict[ImageLookup, ImageLookup] = {}
    planned: list[tuple[PinSite, ImageLookup | None]] = []
    kept: dict[TemplatePath, Deployed] = {}
    not_kept: dict[TemplatePath, str] = {}
    problems: list[tuple[PinSite, Problem]] = []
    refused: set[TemplatePath] = set()
    for site in sites:
        reference, platform, index_allowed = site.reference, site.platform, site.location.index_allowed
        has_lookup = bool(reference.tag) or reference.digest is None
        state = deployed.get(site.path) if deployed and has_lookup else None
        if isinstance(state, NotKnown):
            problem = problem_of(site, ProblemKind.LOOKUP, state.cause, state.help)
            problems.append((site, problem._replace(missing=state.missing)))
            continue
        reason = why_not_kept(site, state) if state else ""
        if reason:
            not_kept[site.path] = reason
        if isinstance(state, Deployed) and not reason:
            kept[site.path] = state
            # Whatever runs was accepted by the service, so that only its existence is checked.
            reference, platform, index_allowed = state.image, None, True
        else:
            reference = reference.without_digest()
        if gates and is_refused(gates, site, kept.get(site.path)):
            refused.add(site.path)
        if not has_lookup or (refused and site.path in refused):
            planned.append((site, None))
            continue
        # What runs can be in another registry, which the credentials of the template must not reach.
        credentials = site.credentials if reference.registry == site.reference.registry else ""
        lookup = ImageLookup(reference.canonical(), platform, index_allowed, credentials)
        planned.append((site, made.setdefault(lookup, lookup)))
    return PinPlan(tuple(planned), _sorted(made), kept, tuple(problems), frozenset(refused), not_kept)


def _sorted(lookups: Iterable[ImageLookup]) -> tuple[ImageLookup, ...]:
    return tuple(sorted(lookups, key=_sort_key))


def _sort_key(lookup: ImageLookup) -> tuple[str, str, bool, str]:
    return str(lookup.reference), str(lookup.platform), lookup.index_allowed, lookup.credentials


class Decision(NamedTuple):
    """What happens to the sites: an outcome for each that has no problem; `failed` are the others.

    `gates` has the results of gates, by the paths of the images, skipped ones too. `not_kept`: see `PinPlan`.
    """

    outcomes: tuple[Pinned | KeptTag, ...]
    problems: tuple[Problem, ...]
    failed: tuple[PinSite, ...]
    gates: Mapping[TemplatePath, tuple[GateResult, ...]] = MappingProxyType({})
    not_kept: Mapping[TemplatePath, str] = MappingProxyType({})


def subjects_to_judge(
    plan: PinPlan,
    resolutions: Mapping[ImageLookup, Resolution],
    skipped: Iterable[SkippedImage],
    gates: Sequence[EnabledGate] = (),
) -> tuple[Subject, ...]:
    """Return the distinct images that sites resolve to and that the template writes with their digests.

    Those that one of the `gates` denies by their references are not among them; see `make_plan`.
    """
    found = [
        subject_of(site, resolutions.get(lookup) if lookup else None, plan.kept.get(site.path))
        for site, lookup in plan.sites
        if site.path not in plan.refused
    ]
    gates = without_needs(gates)
    found += [written_subject(image) for image in skipped if not is_denied(judge_skipped(image, gates, {}))]
    return tuple(dict.fromkeys(subject for subject in found if subject))


def decide(
    plan: PinPlan,
    resolutions: Mapping[ImageLookup, Resolution],
    rules: Rules,
    facts: Mapping[Subject, Facts] = MappingProxyType({}),
    skipped: Sequence[SkippedImage] = (),
) -> Decision:
    """Decide what happens to the sites of a plan, and whether gates allow the images that are skipped.

    `facts` has what was gathered about the images of `subjects_to_judge`.
    """
    outcomes: list[Pinned | KeptTag] = []
    problems = [problem for _, problem in plan.problems]
    failed = [site for site, _ in plan.problems]
    results: dict[TemplatePath, tuple[GateResult, ...]] = {}
    for site, lookup in plan.sites:
        resolution = resolutions.get(lookup) if lookup else None
        kept = plan.kept.get(site.path) if plan.kept else None
        found = (
            None
            if plan.refused and site.path in plan.refused
            else decide_site(site, resolution, kept, implicit_latest=rules.implicit_latest)
        )
        denials: list[Problem] = []
        if rules.gates:
            judged = _judge_site(site, found, kept, rules.gates, facts)
            check = None if kept else _platform_check(found, resolution)
            results[site.path] = (*judge_platform(site, check, rules.looked_up_at), *judged)
            denials = find_denials(site.path, str(site.reference), judged, rules)
        if isinstance(found, Problem):
            denials.append(found)
        if denials or found is None or isinstance(found, Problem):
            problems += denials
            failed.append(site)
        else:
            outcomes.append(found)
    for image in skipped if rules.gates else ():
        if judged := judge_skipped(image, rules.gates, facts):
            results[image.path] = judged
            problems += find_denials(image.path, image.written, judged, rules)
    return Decision(tuple(outcomes), tuple(problems), tuple(failed), results, plan.not_kept)


def _platform_check(
    outcome: Pinned | KeptTag | Problem | None, resolution: Resolution | None
) -> Resolved | Unsuitable | None:
    """Return the lookup that has checked the platform of what runs: not that of a tag with another digest after it."""
    if isinstance(outcome, Pinned):
        return outcome.resolved
    return resolution if isinstance(resolution, Unsuitable) else None


def _judge_site(
    site: PinSite,
    outcome: Pinned | KeptTag | Problem | None,
    kept: Deployed | None,
    gates: Sequence[EnabledGate],
    facts: Mapping[Subject, Facts],
) -> tuple[GateResult, ...]:
    image = JudgedImage(running_image(site, kept))
    match outcome:
        case Pinned(resolved=resolved):
            subject = subject_of(site, resolved, kept)
            known = facts.get(subject, {}) if subject else {}
            return judge_image(gates, image._replace(resolved=resolved, facts=known))
        case KeptTag(reason=reason):
            return judge_image(gates, image._replace(keeps_tag=True, facts=facts_of_missing(gates, reason)))
        case Problem() | None:
            return judge_image(without_needs(gates), image)
        case _:
            assert_never(outcome)


def keep_tags(decision: Decision) -> Decision:
    """Write the tag before each digest: `repository:tag@digest`.

    An image without a tag, or whose tag is not known because it is kept from a deployment, is written as it was. A
    tag is a problem where the service does not accept it with a digest.
    """
    outcomes: list[Pinned | KeptTag] = []
    problems, failed = list(decision.problems), list(decision.failed)
    for outcome in decision.outcomes:
        found = with_tag(outcome) if isinstance(outcome, Pinned) else outcome
        if isinstance(found, Problem):
            problems.append(found)
            failed.append(outcome.site)
        else:
            outcomes.append(found)
    return decision._replace(outcomes=tuple(outcomes), problems=tuple(problems), failed=tuple(failed))
