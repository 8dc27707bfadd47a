"""Decide what happens to one image, from the result of its lookup."""

from __future__ import annotations

from typing import NamedTuple, assert_never

from image_pinner.core.deployed import Deployed, needs_deployed
from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.images.lookups import (
    LOCK_SOURCE,
    NotFound,
    Resolution,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.references import ImageReference, explain_missing_tag
from image_pinner.core.template.locations import USE_SHORTER_NAME
from image_pinner.core.template.options import Record, Refresh, WhenMissing, WhenMoved
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.sites import PinSite


class Pinned(NamedTuple):
    """An image that gets a digest.

    `text` replaces the image: `repository@digest`, or `repository:tag@digest` (see `with_tag`). `resolved` is `None`
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
        if reference.digest and f":{reference.tag}@" in self.text:
            # The image keeps tag and digest, so that its digest can be updated without the record.
            return str(reference.without_digest())
        return str(reference) if reference.tag or not reference.digest else ""


class KeptTag(NamedTuple):
    """An image that does not exist yet and keeps its tag, as `WhenMissing=KeepTag` requests."""

    site: PinSite
    reason: str


def decide_site(
    site: PinSite, resolution: Resolution | None, kept: Deployed | None, *, implicit_latest: bool
) -> Pinned | KeptTag | Problem:
    """Decide what happens to an image to pin.

    Args:
        site: The image.
        resolution: The result of its lookup, or `None` if there is none.
        kept: The deployed image, if that is kept.
        implicit_latest: Whether a reference without tag and digest means `latest`.
    """
    # The result for the tag does not apply to another digest.
    resolved = resolution if isinstance(resolution, Resolved) and _is_same_image(site, resolution) else None
    warnings = list(resolved.warnings) if resolved else []
    if resolved and resolved.origin.source == LOCK_SOURCE and needs_deployed(site) and site.options.refresh:
        warnings.append(f"Refresh={site.options.refresh.value} has no effect with Lock")
    is_unrecorded = site.options.refresh is Refresh.ON_CHANGE and site.options.record is Record.NONE
    if is_unrecorded and needs_deployed(site) and not kept:
        warnings.append("Refresh=OnChange has no effect with Record=None, because the reference is not recorded")
    if missing := explain_missing_tag(site.reference):
        if not implicit_latest:
            # What the lookup found is not about the image that the author means.
            return problem_of(site, ProblemKind.TEMPLATE, *missing)
        warnings.append("no tag, resolved as latest (unsafe-implicit-latest)")
    if kept:
        return _keep_deployed(site, kept, resolution, tuple(warnings))
    return (_keep_digest if site.reference.digest else _apply_resolution)(site, resolution, tuple(warnings))


def with_tag(pinned: Pinned) -> Pinned | Problem:
    """Write the tag before the digest; a problem where the service does not accept that."""
    site = pinned.site
    tag = _tag_of(pinned.kept.written) if pinned.kept else site.reference.tag
    if not tag:
        return pinned
    if not site.location.tag_with_digest:
        owner = site.location.resource_type or "the property at a custom path"
        cause = f"cannot keep tag {tag!r}: {owner} is not known to accept a tag together with a digest"
        return problem_of(site, ProblemKind.TEMPLATE, cause, "pin this template without keeping tags")
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
            return problem_of(
                site,
                ProblemKind.LOOKUP,
                f"the deployed image {kept.image} ({kept.origin}) no longer exists: {resolution.cause}",
                "push the image again, or set Refresh=Always for one deployment to resolve the tag",
            )
        case Unsuitable() | Unavailable():
            cause = f"cannot check that the deployed image {kept.image} still exists: {resolution.cause}"
            return problem_of(site, ProblemKind.LOOKUP, cause, resolution.help)
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
        return problem_of(site, ProblemKind.POLICY if is_known else ProblemKind.LOOKUP, *moved)
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
            return problem_of(site, ProblemKind.LOOKUP, resolution.cause, resolution.help)
        case None:
            return _without_result(site)
        case _:
            assert_never(resolution)


def _without_result(site: PinSite) -> Problem:
    return problem_of(site, ProblemKind.LOOKUP, "internal error: the lookup has no result", "report this bug")


def _pin(
    site: PinSite,
    text: str,
    resolved: Resolved | None,
    warnings: tuple[str, ...],
    kept: Deployed | None = None,
) -> Pinned | Problem:
    if cause := site.location.find_excess(text):
        return problem_of(site, ProblemKind.TEMPLATE, cause, USE_SHORTER_NAME)
    return Pinned(site, text, resolved, warnings, kept)


def problem_of(site: PinSite, kind: ProblemKind, cause: str, help: str) -> Problem:
    """Return a problem of an image to pin."""
    return Problem(site.path, kind, cause, help, str(site.reference))
