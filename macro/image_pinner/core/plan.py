"""The plan: which questions the sites of a template come to, each distinct one once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from image_pinner.core.images.resolutions import ImageQuestion
from image_pinner.core.template.image_sites import PinSite


class PinPlan(NamedTuple):
    """What to ask, and for whom.

    Args:
        sites: The images to pin, each with its question; `None` where the reference names a digest and no tag. One with
            both has its tag asked about, to tell whether that still points to the digest.
        questions: The distinct questions, in an order that does not depend on the template's.
    """

    sites: tuple[tuple[PinSite, ImageQuestion | None], ...]
    questions: tuple[ImageQuestion, ...]


def make_plan(sites: Iterable[PinSite]) -> PinPlan:
    """Make the plan for some sites.

    Args:
        sites: The images to pin.

    Returns:
        The plan.
    """
    # A template repeats its images: equal questions are made once.
    made: dict[tuple[object, ...], ImageQuestion] = {}
    planned: list[tuple[PinSite, ImageQuestion | None]] = []
    for site in sites:
        if site.reference.digest and not site.reference.tag:
            planned.append((site, None))
            continue
        asked = site.reference.without_digest()
        key = (asked, site.platform, site.location.index_allowed, site.credentials)
        question = made.get(key)
        if question is None:
            question = ImageQuestion(asked.canonical(), site.platform, site.location.index_allowed, site.credentials)
            made[key] = question
        planned.append((site, question))
    return PinPlan(tuple(planned), tuple(sorted(made.values(), key=_order)))


def _order(question: ImageQuestion) -> tuple[str, str, bool, str]:
    return str(question.reference), str(question.platform), question.index_allowed, question.credentials
