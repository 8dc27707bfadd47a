"""Plan which lookups to make, and decide what happens to each image once they are answered.

One problem fails the whole template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, assert_never

from image_pinner.core.images.lookups import ImageLookup, NotFound, Resolution, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.policies import Allowed, Denied, Facts, JudgedImage, Policy
from image_pinner.core.template.options import WhenMissing, WhenMoved
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.sites import PinSite


class PinPlan(NamedTuple):
    """The lookups to make, and for which sites.

    Args:
        sites: Each image to pin with its lookup; `None` where the reference has a digest and no tag. The tag of a
            reference with both is looked up, to check that it still points to the digest.
        lookups: The distinct lookups, in an order that does not depend on the template's.
    """

    sites: tuple[tuple[PinSite, ImageLookup | None], ...]
    lookups: tuple[ImageLookup, ...]


def make_plan(sites: Iterable[PinSite]) -> PinPlan:
    """Plan the lookups for sites; equal lookups are made once."""
    made: dict[tuple[object, ...], ImageLookup] = {}
    planned: list[tuple[PinSite, ImageLookup | None]] = []
    for site in sites:
        if site.reference.digest and not site.reference.tag:
            planned.append((site, None))
            continue
        reference = site.reference.without_digest()
        key = (reference, site.platform, site.location.index_allowed, site.credentials)
        lookup = made.get(key)
        if lookup is None:
            lookup = ImageLookup(reference.canonical(), site.platform, site.location.index_allowed, site.credentials)
            made[key] = lookup
        planned.append((site, lookup))
    return PinPlan(tuple(planned), tuple(sorted(made.values(), key=_sort_key)))


def _sort_key(lookup: ImageLookup) -> tuple[str, str, bool, str]:
    return str(lookup.reference), str(lookup.platform), lookup.index_allowed, lookup.credentials


@dataclass(frozen=True, slots=True)
class Pinned:
    """An image that gets a digest.

    `text` replaces the image: `repository@digest`. `resolved` is `None` where the template sets another digest than
    the one its tag points to, or no tag.
    """

    site: PinSite
    text: str
    resolved: Resolved | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptTag:
    """An image that does not exist yet and keeps its tag, as `WhenMissing=KeepTag` requests."""

    site: PinSite
    reason: str


class Decision(NamedTuple):
    """What happens to the sites: an outcome for each that has no problem; `failed` are the others."""

    outcomes: tuple[Pinned | KeptTag, ...]
    problems: tuple[Problem, ...]
    failed: tuple[PinSite, ...]


def digests_to_judge(plan: PinPlan, resolutions: Mapping[ImageLookup, Resolution]) -> tuple[ImageReference, ...]:
    """Return the distinct images that sites resolve to, each by its registry, repository and digest."""
    found = (_by_digest(site, resolutions.get(lookup) if lookup else None) for site, lookup in plan.sites)
    return tuple(dict.fromkeys(reference for reference in found if reference))


def _by_digest(site: PinSite, resolution: Resolution | None) -> ImageReference | None:
    digest = site.reference.digest or (resolution.digest if isinstance(resolution, Resolved) else None)
    return replace(site.reference, tag="", digest=digest).canonical() if digest else None


def decide(
    plan: PinPlan,
    resolutions: Mapping[ImageLookup, Resolution],
    policies: Sequence[Policy],
    facts: Mapping[ImageReference, Facts],
) -> Decision:
    """Decide what happens to the sites of a plan.

    `facts` has what was gathered about the images of `digests_to_judge`.
    """
    outcomes: list[Pinned | KeptTag] = []
    problems: list[Problem] = []
    failed: list[PinSite] = []
    for site, lookup in plan.sites:
        resolution = resolutions.get(lookup) if lookup else None
        # Without facts, the common case, their key is not computed.
        image = _by_digest(site, resolution) if facts else None
        found = _decide_site(site, resolution, policies, facts.get(image, {}) if image else {})
        if isinstance(found, tuple):
            problems += found
            failed.append(site)
        else:
            outcomes.append(found)
    return Decision(tuple(outcomes), tuple(problems), tuple(failed))


def _decide_site(
    site: PinSite, resolution: Resolution | None, policies: Sequence[Policy], facts: Facts
) -> Pinned | KeptTag | tuple[Problem, ...]:
    # The result for the tag does not apply to another digest.
    resolved = resolution if isinstance(resolution, Resolved) and _is_same_image(site, resolution) else None
    warnings = list(resolved.warnings) if resolved else []
    denials = []
    for policy in policies:
        match policy.judge(JudgedImage(site.reference, resolved, facts)):
            case Denied(cause, help):
                denials.append(_problem(site, ProblemKind.POLICY, cause, help))
            case Allowed(warning):
                warnings += [warning] if warning else []
    outcome = (_keep_digest if site.reference.digest else _apply_resolution)(site, resolution, tuple(warnings))
    if isinstance(outcome, Problem):
        return (*denials, outcome)
    return tuple(denials) or outcome


def _is_same_image(site: PinSite, resolved: Resolved) -> bool:
    digest = site.reference.digest
    return digest is None or digest in (resolved.digest, resolved.origin.index)


def _keep_digest(site: PinSite, resolution: Resolution | None, warnings: tuple[str, ...]) -> Pinned | Problem:
    """Keep the digest that the template sets, and compare it with the one that its tag points to."""
    digest = site.reference.digest
    if digest is None:
        raise AssertionError(site.reference)
    moved = _find_moved_tag(site, resolution)
    if moved and site.options.when_moved is WhenMoved.FAIL:
        return _problem(site, ProblemKind.LOOKUP, *moved)
    resolved = resolution if isinstance(resolution, Resolved) and resolution.digest == digest else None
    return _pin(site, digest, resolved, (*warnings, moved[0]) if moved else warnings)


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
            return _pin(site, resolution.digest, resolution, warnings)
        case NotFound() if site.options.when_missing is WhenMissing.KEEP_TAG:
            return KeptTag(site, resolution.cause)
        case NotFound() | Unsuitable() | Unavailable():
            return _problem(site, ProblemKind.LOOKUP, resolution.cause, resolution.help)
        case None:
            return _problem(site, ProblemKind.LOOKUP, "internal error: the lookup has no result", "report this bug")
        case _:
            assert_never(resolution)


def _pin(site: PinSite, digest: Digest, resolved: Resolved | None, warnings: tuple[str, ...]) -> Pinned | Problem:
    text = site.reference.pinned(digest)
    location = site.location
    if location.limit and len(text) > location.limit:
        return _too_long(site, f"{len(text)} characters long with its digest", location.limit)
    if location.limit_name and (length := text.index("@")) > location.limit_name:
        return _too_long(site, f"{length} characters long before the @", location.limit_name)
    return Pinned(site, text, resolved, warnings)


def _too_long(site: PinSite, length: str, limit: int) -> Problem:
    cause = f"the image is {length}; {site.location.resource_type} allows {limit}"
    return _problem(site, ProblemKind.TEMPLATE, cause, "use a repository with a shorter name")


def _problem(site: PinSite, kind: ProblemKind, cause: str, help: str) -> Problem:
    return Problem(site.path, kind, cause, help, str(site.reference))
