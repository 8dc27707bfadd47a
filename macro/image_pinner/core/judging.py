"""Judge the images of a template by gates: those to pin, and those that run although they are not pinned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from image_pinner.core.deployed import Deployed
from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.gates.enabled import ALLOW, DENY, EnabledGate, GateResult, judge_image, without_needs
from image_pinner.core.gates.interface import Facts, JudgedImage, Seen, Subject, UnknownFact
from image_pinner.core.images.lookups import LOCK_SOURCE, Resolution, Resolved, Unsuitable
from image_pinner.core.images.references import ImageReference
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.sites import PinSite, SkippedImage, SkipStatus

ARCHITECTURE = "architecture"
"""What results call the check of the platform, which the option `Platform` controls and which is always on."""


class Rules(NamedTuple):
    """The rules of the platform team.

    Args:
        gates: The gates that are on.
        implicit_latest: Whether a reference without tag and digest means `latest`.
        exception_process: How to get an exception from a gate, for messages.
        looked_up_at: When the images were looked up, in UTC and ISO 8601, for results.
    """

    gates: tuple[EnabledGate, ...] = ()
    implicit_latest: bool = False
    exception_process: str = ""
    looked_up_at: str = ""


def is_refused(gates: Sequence[EnabledGate], site: PinSite, kept: Deployed | None = None) -> bool:
    """Return whether one of the `gates`, which need no facts, denies an image to pin."""
    return is_denied(judge_image(gates, JudgedImage(running_image(site, kept))))


def is_denied(results: Iterable[GateResult]) -> bool:
    """Return whether one of the results is a denial."""
    return any(result.verdict == DENY for result in results)


def running_image(site: PinSite, kept: Deployed | None) -> ImageReference:
    """Return the image that will run, with the tag that the template sets."""
    return replace(kept.image, tag=site.reference.tag, written="") if kept else site.reference


def subject_of(site: PinSite, resolution: Resolution | None, kept: Deployed | None) -> Subject | None:
    """Return an image to pin by its digest, or `None` if that is not known."""
    if kept:
        return Subject(kept.image.canonical(), site.runtime_platform)
    resolved = resolution if isinstance(resolution, Resolved) else None
    digest = site.reference.digest or (resolved.digest if resolved else None)
    if digest is None:
        return None
    # The index that the tag points to need not contain the digest that the template sets. A lock file, which authors
    # can write, need not name the index that contains its digest.
    is_known = resolved and resolved.digest == digest and resolved.origin.source != LOCK_SOURCE
    parent = resolved.origin.index if resolved and is_known else None
    return Subject(replace(site.reference, tag="", digest=digest).canonical(), site.runtime_platform, parent)


def written_subject(image: SkippedImage) -> Subject | None:
    """Return an image that is not pinned because the template writes its digest, or `None` if it is another one."""
    reference = _parse(image.written) if image.status is SkipStatus.PINNED else None
    return Subject(replace(reference, tag="").canonical()) if reference and reference.digest else None


def _parse(written: str) -> ImageReference | None:
    try:
        return ImageReference.parse(written)
    except InvalidReferenceError:
        return None


def judge_platform(site: PinSite, resolution: Resolution | None, looked_up_at: str) -> tuple[GateResult, ...]:
    """Return the result of the lookup's own check of the platform in the form of a gate; none if there was no check.

    An image that is not suitable is a problem already. What a lock file contains is not inspected.
    """
    if site.platform is None or not isinstance(resolution, Resolved | Unsuitable):
        return ()
    if isinstance(resolution, Unsuitable):
        seen = Seen(f"not suitable for {site.platform}", "registry", looked_up_at)
        return (GateResult(ARCHITECTURE, DENY, seen, resolution.cause, resolution.help),)
    if resolution.origin.source == LOCK_SOURCE:
        return ()
    seen = Seen(f"supports {site.platform}", resolution.origin.request, looked_up_at)
    return (GateResult(ARCHITECTURE, ALLOW, seen, digest=str(resolution.digest)),)


def facts_of_missing(gates: Iterable[EnabledGate], reason: str) -> Facts:
    """Return the facts about an image that does not exist yet and keeps its tag: all of them are unknown."""
    unknown = UnknownFact(f"the image does not exist yet: {reason}", "push it first")
    return {need.fact: unknown for enabled in gates for need in enabled.gate.needs}


_NOT_PINNED = frozenset({SkipStatus.UNMARKED, SkipStatus.INVALID, SkipStatus.SKIPPED, SkipStatus.UNSUPPORTED})
_NOT_SEEN = frozenset({SkipStatus.HIDDEN, SkipStatus.OTHER_FORM})


def judge_skipped(
    image: SkippedImage, gates: Sequence[EnabledGate], facts: Mapping[Subject, Facts]
) -> tuple[GateResult, ...]:
    """Judge an image that will run although it is not pinned; facts are known about those with a digest only."""
    reference = _parse(image.written)
    if subject := written_subject(image):
        judged = JudgedImage(reference, facts=facts.get(subject, {}))
        # About an image that its reference denies, no facts are gathered.
        refused = judge_image(without_needs(gates), judged)
        return refused if is_denied(refused) else judge_image(gates, judged)
    if image.status in _NOT_PINNED:
        return judge_image(without_needs(gates), JudgedImage(reference, is_pinned=False, reason=image.reason))
    if image.status in _NOT_SEEN:
        return judge_image(without_needs(gates), JudgedImage(None, is_pinned=None, reason=image.reason))
    return ()


def denial_of(gate: str) -> str:
    """Return that a gate denies an image, as a clause."""
    return f"gate {gate} denies the image"


def find_denials(path: TemplatePath, image: str, results: Iterable[GateResult], rules: Rules) -> list[Problem]:
    """Return a problem for each gate that denies an image."""
    return [
        Problem(
            path,
            ProblemKind.POLICY,
            f"{denial_of(result.gate)}: {result.cause}",
            "; ".join(filter(None, (result.help, rules.exception_process))),
            image,
            gate=result.gate,
        )
        for result in results
        if result.verdict == DENY
    ]
