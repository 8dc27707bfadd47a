"""Rewriting: what was decided becomes edits, and edits a copy of the template."""

from __future__ import annotations

from collections.abc import Iterable

from image_pinner.core.template.edits import Edit, Replace
from image_pinner.core.template.image_sites import LeftImage, PinSite
from image_pinner.core.template.left_images import kept_expression
from image_pinner.core.template.recording import record_edits
from image_pinner.core.template.values import JsonMap, JsonValue


def edits_for(
    template: JsonMap,
    pinned: Iterable[tuple[PinSite, str]],
    kept: Iterable[PinSite],
    left: Iterable[LeftImage],
) -> tuple[Edit, ...]:
    """Give the edits that carry out a decision.

    Args:
        template: The template or fragment.
        pinned: The images that get a digest, each with what is written in its place.
        kept: The images that keep their tag and lose their mark.
        left: The images that stay; marks go from those that are not deployed.

    Returns:
        The edits, none of which contains the place of another.
    """
    digests = list(pinned)
    edits: list[Edit] = [Replace(site.path, text) for site, text in digests if site.spot.value != text]
    edits += [Replace(site.path, _kept(site)) for site in kept if site.marked]
    edits += [Replace(image.path, image.replacement) for image in left if image.replacement is not None]
    records = record_edits(template, (site for site, _ in digests))
    return (*edits, *(edit for edit in records if not _is_idle(template, edit)))


def _kept(site: PinSite) -> JsonValue:
    """Give what keeps the tag, and with it all that the expression refers to: a repository must be made first."""
    if site.wrapped:
        return site.wrapped.expression
    return kept_expression(site.spot.value, site.reference.written, site.spot.scope)


def _is_idle(template: JsonMap, edit: Edit) -> bool:
    if not isinstance(edit, Replace):
        return False
    value: JsonValue = template
    for step in edit.path.steps:
        value = value[step]
    return bool(value == edit.value)
