"""Plan which lookups to make, and decide what happens to each image once they are answered.

One problem fails the whole template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, assert_never

from image_pinner.core.deployed import Deployed, DeployedState, NotKnown, needs_deployed, why_not_kept
from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.gates.enabled import EnabledGate, GateResult, judge_image, without_needs
from image_pinner.core.gates.interface import Facts, JudgedImage, Subject
from image_pinner.core.images.lookups import (
    LOCK_SOURCE,
    ImageLookup,
    NotFound,
    Resolution,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.references import ImageReference, explain_missing_tag
from image_pinner.core.judging import (
    Rules,
    facts_of_missing,
    find_denials,
    is_refused,
    judge_platform,
    judge_skipped,
    running_image,
    subject_of,
    written_subject,
)
from image_pinner.core.template.locations import USE_SHORTER_NAME
from image_pinner.core.template.options import Record, Refresh, WhenMissing, WhenMoved
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
            problem = _problem(site, ProblemKind.LOOKUP, state.cause, state.help)
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


class Pinned(NamedTuple):
    """An image that gets a digest.

    `text` replaces the image: `repository@digest`, or `repository:tag@digest` (see `keep_tags`). `resolved` is `None`
    where the template sets another digest than the one its tag points to, or no tag. `kept` is the deployed image, if
    that is kept.
    """

    site: PinSite
    text: str
    resolved: Resolved | None
    warnings: tuple[str, ...] = ()
    kept: Deployed | None = None

    @property
    def recorded(self) -> str:
        """The reference that the digest comes from; empty if it is not known."""
        if self.kept:
            return self.kept.written
        reference = self.site.reference
        return str(reference) if reference.tag or not reference.digest else ""


class KeptTag(NamedTuple):
    """An image that does not exist yet and keeps its tag, as `WhenMissing=KeepTag` requests."""

    site: PinSite
    reason: str


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
    plan: PinPlan, resolutions: Mapping[ImageLookup, Resolution], skipped: Iterable[SkippedImage]
) -> tuple[Subject, ...]:
    """Return the distinct images that sites resolve to and that the template writes with their digests."""
    found = [
        subject_of(site, resolutions.get(lookup) if lookup else None, plan.kept.get(site.path))
        for site, lookup in plan.sites
        if site.path not in plan.refused
    ]
    found += [written_subject(image) for image in skipped]
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
        found = None if plan.refused and site.path in plan.refused else _decide_site(site, resolution, kept, rules)
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


def _decide_site(
    site: PinSite, resolution: Resolution | None, kept: Deployed | None, rules: Rules
) -> Pinned | KeptTag | Problem:
    # The result for the tag does not apply to another digest.
    resolved = resolution if isinstance(resolution, Resolved) and _is_same_image(site, resolution) else None
    warnings = list(resolved.warnings) if resolved else []
    if resolved and resolved.origin.source == LOCK_SOURCE and needs_deployed(site) and site.options.refresh:
        warnings.append(f"Refresh={site.options.refresh.value} has no effect with Lock")
    is_unrecorded = site.options.refresh is Refresh.ON_CHANGE and site.options.record is Record.NONE
    if is_unrecorded and needs_deployed(site) and not kept:
        warnings.append("Refresh=OnChange has no effect with Record=None, because the reference is not recorded")
    if missing := explain_missing_tag(site.reference):
        if not rules.implicit_latest:
            # What the lookup found is not about the image that the author means.
            return _problem(site, ProblemKind.TEMPLATE, *missing)
        warnings.append("no tag, resolved as latest (unsafe-implicit-latest)")
    if kept:
        return _keep_deployed(site, kept, resolution, tuple(warnings))
    return (_keep_digest if site.reference.digest else _apply_resolution)(site, resolution, tuple(warnings))


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
            return judge_image(gates, image._replace(facts=facts_of_missing(gates, reason)))
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
        found = _with_tag(outcome) if isinstance(outcome, Pinned) else outcome
        if isinstance(found, Problem):
            problems.append(found)
            failed.append(outcome.site)
        else:
            outcomes.append(found)
    return decision._replace(outcomes=tuple(outcomes), problems=tuple(problems), failed=tuple(failed))


def _with_tag(pinned: Pinned) -> Pinned | Problem:
    site = pinned.site
    tag = _tag_of(pinned.kept.written) if pinned.kept else site.reference.tag
    if not tag:
        return pinned
    if not site.location.tag_with_digest:
        owner = site.location.resource_type or "the property at a custom path"
        cause = f"cannot keep tag {tag!r}: {owner} is not known to accept a tag together with a digest"
        return _problem(site, ProblemKind.TEMPLATE, cause, "pin this template without keeping tags")
    name, at, digest = pinned.text.partition("@")
    return _pin(site, f"{name}:{tag}{at}{digest}", pinned.resolved, pinned.warnings, pinned.kept)


def _tag_of(recorded: str) -> str:
    try:
        return ImageReference.parse(recorded).tag
    except InvalidReferenceError:
        return ""  # a record that something else wrote


def _is_same_image(site: PinSite, resolved: Resolved) -> bool:
    digest = site.reference.digest
    return digest is None or digest in (resolved.digest, resolved.origin.index)


def _keep_deployed(
    site: PinSite, kept: Deployed, resolution: Resolution | None, warnings: tuple[str, ...]
) -> Pinned | Problem:
    match resolution:
        case Resolved():
            return _pin(site, str(kept.image), resolution, warnings, kept)
        case NotFound():
            return _problem(
                site,
                ProblemKind.LOOKUP,
                f"the deployed image {kept.image} ({kept.origin}) no longer exists: {resolution.cause}",
                "push the image again, or set Refresh=Always for one deployment to resolve the tag",
            )
        case Unsuitable() | Unavailable():
            cause = f"cannot check that the deployed image {kept.image} still exists: {resolution.cause}"
            return _problem(site, ProblemKind.LOOKUP, cause, resolution.help)
        case None:
            return _without_result(site)
        case _:
            assert_never(resolution)


def _keep_digest(site: PinSite, resolution: Resolution | None, warnings: tuple[str, ...]) -> Pinned | Problem:
    """Keep the digest that the template sets, and compare it with the one that its tag points to."""
    digest = site.reference.digest
    if digest is None:
        raise AssertionError(site.reference)
    moved = _find_moved_tag(site, resolution)
    if moved and site.options.when_moved is WhenMoved.FAIL:
        is_known = isinstance(resolution, Resolved)
        return _problem(site, ProblemKind.POLICY if is_known else ProblemKind.LOOKUP, *moved)
    resolved = resolution if isinstance(resolution, Resolved) and resolution.digest == digest else None
    text = site.reference.pinned(digest)
    return _pin(site, text, resolved, (*warnings, moved[0]) if moved else warnings)


def _find_moved_tag(site: PinSite, resolution: Resolution | None) -> tuple[str, str] | None:
    match resolution:
        case None:
            return None
        case Resolved():
            if _is_same_image(site, resolution):
                return None
            current = resolution.origin.index or resolution.digest
            return (
                f"tag {site.reference.tag!r} now points to {current}, not to the digest after it",
                "set the tag you mean, or the digest that the tag points to now",
            )
        case NotFound() | Unsuitable() | Unavailable():
            return f"cannot check whether the tag still points to the digest: {resolution.cause}", resolution.help
        case _:
            assert_never(resolution)


def _apply_resolution(
    site: PinSite, resolution: Resolution | None, warnings: tuple[str, ...]
) -> Pinned | KeptTag | Problem:
    match resolution:
        case Resolved():
            return _pin(site, site.reference.pinned(resolution.digest), resolution, warnings)
        case NotFound() if site.options.when_missing is WhenMissing.KEEP_TAG:
            return KeptTag(site, resolution.cause)
        case NotFound() | Unsuitable() | Unavailable():
            return _problem(site, ProblemKind.LOOKUP, resolution.cause, resolution.help)
        case None:
            return _without_result(site)
        case _:
            assert_never(resolution)


def _without_result(site: PinSite) -> Problem:
    return _problem(site, ProblemKind.LOOKUP, "internal error: the lookup has no result", "report this bug")


def _pin(
    site: PinSite,
    text: str,
    resolved: Resolved | None,
    warnings: tuple[str, ...],
    kept: Deployed | None = None,
) -> Pinned | Problem:
    if cause := site.location.find_excess(text):
        return _problem(site, ProblemKind.TEMPLATE, cause, USE_SHORTER_NAME)
    return Pinned(site, text, resolved, warnings, kept)


def _problem(site: PinSite, kind: ProblemKind, cause: str, help: str) -> Problem:
    return Problem(site.path, kind, cause, help, str(site.reference))
