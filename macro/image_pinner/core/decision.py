"""Decide what happens to each image once all lookups are answered; one problem fails the whole template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, assert_never

from image_pinner.core.images.lookups import ImageLookup, NotFound, Resolution, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.references import Digest
from image_pinner.core.policies.interface import Allowed, Denied, JudgedImage, Policy
from image_pinner.core.template.options import WhenMissing, WhenMoved
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.sites import PinSite


class PinPlan(NamedTuple):
    """What to ask, and for whom.

    Args:
        sites: The images to pin, each with its question; `None` where the reference names a digest and no tag. One with
            both has its tag asked about, to tell whether that still points to the digest.
        lookups: The distinct questions, in an order that does not depend on the template's.
    """

    sites: tuple[tuple[PinSite, ImageLookup | None], ...]
    lookups: tuple[ImageLookup, ...]


def make_plan(sites: Iterable[PinSite]) -> PinPlan:
    """Make the plan for some sites.

    Args:
        sites: The images to pin.

    Returns:
        The plan.
    """
    # A template repeats its images: equal questions are made once.
    made: dict[tuple[object, ...], ImageLookup] = {}
    planned: list[tuple[PinSite, ImageLookup | None]] = []
    for site in sites:
        if site.reference.digest and not site.reference.tag:
            planned.append((site, None))
            continue
        request = site.reference.without_digest()
        key = (request, site.platform, site.location.index_allowed, site.credentials)
        lookup = made.get(key)
        if lookup is None:
            lookup = ImageLookup(request.canonical(), site.platform, site.location.index_allowed, site.credentials)
            made[key] = lookup
        planned.append((site, lookup))
    return PinPlan(tuple(planned), tuple(sorted(made.values(), key=_order)))


def _order(lookup: ImageLookup) -> tuple[str, str, bool, str]:
    return str(lookup.reference), str(lookup.platform), lookup.index_allowed, lookup.credentials


class Pinned(NamedTuple):
    """An image that gets a digest.

    Args:
        site: The image.
        text: What is written in its place: `repository@digest`.
        resolved: The answer, or `None` where the reference names the digest itself.
        warnings: What a person should know.
    """

    site: PinSite
    text: str
    resolved: Resolved | None
    warnings: tuple[str, ...] = ()


class KeptTag(NamedTuple):
    """An image that does not exist yet and keeps its tag, as `WhenMissing=KeepTag` asks.

    Args:
        site: The image.
        reason: What is missing.
    """

    site: PinSite
    reason: str


class Decision(NamedTuple):
    """What becomes of the sites.

    Args:
        outcomes: What becomes of each site that has no problem.
        problems: Why others cannot be pinned.
    """

    outcomes: tuple[Pinned | KeptTag, ...]
    problems: tuple[Problem, ...]


def decide(plan: PinPlan, resolutions: Mapping[ImageLookup, Resolution], policies: Sequence[Policy]) -> Decision:
    """Decide what becomes of the sites of a plan.

    Args:
        plan: The plan.
        resolutions: An answer for every question of the plan.
        policies: The rules that images must keep.

    Returns:
        The decision.
    """
    outcomes: list[Pinned | KeptTag] = []
    problems: list[Problem] = []
    for site, lookup in plan.sites:
        resolution = resolutions.get(lookup) if lookup else None
        found = _judged(site, resolution, policies, problems)
        if isinstance(found, Problem):
            problems.append(found)
        elif found is not None:
            outcomes.append(found)
    return Decision(tuple(outcomes), tuple(problems))


def _judged(
    site: PinSite, resolution: Resolution | None, policies: Sequence[Policy], problems: list[Problem]
) -> Pinned | KeptTag | Problem | None:
    # What is known of the tag is nothing that is known of another digest.
    resolved = resolution if isinstance(resolution, Resolved) and names_the_same(site, resolution) else None
    warnings: list[str] = list(resolved.warnings) if resolved else []
    denied = False
    for policy in policies:
        match policy.judge(JudgedImage(site.reference, resolved)):
            case Denied(cause, help):
                problems.append(_problem(site, ProblemKind.POLICY, cause, help))
                denied = True
            case Allowed(warning):
                warnings += [warning] if warning else []
    found = (_kept if site.reference.digest else _resolved)(site, resolution, tuple(warnings))
    return None if denied and not isinstance(found, Problem) else found


def names_the_same(site: PinSite, resolution: Resolved) -> bool:
    """Tell whether an answer is about what a site names: any answer to a tag, that of its digest to a digest.

    Args:
        site: The image.
        resolution: The answer about its tag.
    """
    digest = site.reference.digest
    return digest is None or digest in (resolution.digest, resolution.origin.index)


def _kept(site: PinSite, resolution: Resolution | None, warnings: tuple[str, ...]) -> Pinned | Problem:
    """Keep the digest that is written, and compare it with what its tag means."""
    reference = site.reference
    digest = reference.digest
    if digest is None:
        raise AssertionError(reference)
    moved = _moved(site, resolution)
    if moved and site.options.when_moved is WhenMoved.FAIL:
        return _problem(site, ProblemKind.LOOKUP, *moved)
    resolved = resolution if isinstance(resolution, Resolved) and resolution.digest == digest else None
    return _pinned(site, digest, resolved, (*warnings, moved[0]) if moved else warnings)


def _moved(site: PinSite, resolution: Resolution | None) -> tuple[str, str] | None:
    match resolution:
        case None:
            return None
        case Resolved():
            if names_the_same(site, resolution):
                return None
            points_to = resolution.origin.index or resolution.digest
            return (
                f"the tag {site.reference.tag!r} points to {points_to} and no longer to the digest behind it",
                "Name the tag that was meant, or the digest that the tag has now",
            )
        case NotFound() | Unsuitable() | Unavailable():
            return f"whether its tag still points to its digest is not known: {resolution.cause}", resolution.help
        case _:
            assert_never(resolution)


def _resolved(site: PinSite, resolution: Resolution | None, warnings: tuple[str, ...]) -> Pinned | KeptTag | Problem:
    match resolution:
        case Resolved():
            return _pinned(site, resolution.digest, resolution, warnings)
        case NotFound() if site.options.when_missing is WhenMissing.KEEP_TAG:
            return KeptTag(site, resolution.cause)
        case NotFound() | Unsuitable() | Unavailable():
            return _problem(site, ProblemKind.LOOKUP, resolution.cause, resolution.help)
        case None:
            return _problem(site, ProblemKind.LOOKUP, "nobody gave an answer for it", "Report this as a defect")
        case _:
            assert_never(resolution)


def _pinned(site: PinSite, digest: Digest, resolved: Resolved | None, warnings: tuple[str, ...]) -> Pinned | Problem:
    text = site.reference.pinned(digest)
    location = site.location
    if location.limit and len(text) > location.limit:
        return _too_long(site, len(text), "characters with its digest", location.limit)
    if location.limit_name and (length := text.index("@")) > location.limit_name:
        return _too_long(site, length, "characters before the @", location.limit_name)
    return Pinned(site, text, resolved, warnings)


def _too_long(site: PinSite, length: int, what: str, limit: int) -> Problem:
    cause = f"it has {length} {what}, and {site.location.resource_type} takes {limit}"
    return _problem(site, ProblemKind.TEMPLATE, cause, "Give the repository a shorter name")


def _problem(site: PinSite, kind: ProblemKind, cause: str, help: str) -> Problem:
    return Problem(site.path, kind, cause, help, str(site.reference))
