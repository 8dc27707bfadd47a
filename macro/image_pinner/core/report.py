"""The report: what became of every image, as versioned JSON.

It holds no time, no request id and no order that can change: the same template and the same registry give the same
bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any, NamedTuple

from image_pinner.core.decision import KeptTag, Pinned
from image_pinner.core.template.problems import Problem, ProblemKind, in_order
from image_pinner.core.template.sites import PinSite, SkippedImage

REPORT_VERSION = 2
"""Raised when a field changes its meaning or goes; new fields alone do not raise it."""


class PinReport(NamedTuple):
    """What became of every image.

    Args:
        outcomes: The images that were asked for and have an answer.
        skipped: The images that stay as they are.
        problems: Why nothing was changed; empty on success.
        unanswered: The images that were asked for and have no answer of their own.
    """

    outcomes: tuple[Pinned | KeptTag, ...] = ()
    skipped: tuple[SkippedImage, ...] = ()
    problems: tuple[Problem, ...] = ()
    unanswered: tuple[PinSite, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether the template was pinned."""
        return not self.problems

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know although it succeeded, each with its place."""
        found = [f"{outcome.site.path}: {text}" for outcome in self._pinned() for text in outcome.warnings]
        found += [
            f"{kept.site.path}: it keeps its tag: {kept.reason}" for kept in self.outcomes if isinstance(kept, KeptTag)
        ]
        found += [f"{image.path}: the mark was removed: {image.reason}" for image in self.skipped if image.marked]
        return tuple(sorted(found))

    def _pinned(self) -> list[Pinned]:
        return [outcome for outcome in self.outcomes if isinstance(outcome, Pinned)]

    def to_json(self) -> dict[str, Any]:
        """Give the report as JSON values; docs/report.md describes the fields."""
        images = [_outcome(outcome, done=self.succeeded) for outcome in self.outcomes]
        images += [_left(image) for image in self.skipped]
        images += [_unanswered(site) for site in self.unanswered]
        return {
            "version": REPORT_VERSION,
            "status": "success" if self.succeeded else "failure",
            "images": sorted(images, key=itemgetter("path")),
            "problems": [_problem(problem) for problem in in_order(self.problems)],
            "warnings": list(self.warnings),
        }


def most_severe(problems: Iterable[Problem]) -> ProblemKind:
    """Give the gravest kind among problems, of which there is at least one."""
    return in_order(problems)[0].kind


def _outcome(outcome: Pinned | KeptTag, *, done: bool) -> dict[str, Any]:
    site = outcome.site
    entry: dict[str, Any] = {"path": str(site.path), "written": str(site.reference), "requested_by": site.form}
    if isinstance(outcome, KeptTag):
        return entry | {"status": "kept" if done else "would be kept", "reason": outcome.reason}
    entry |= {"status": "pinned" if done else "would be pinned", "result": outcome.text}
    if site.platform:
        entry["platform"] = str(site.platform)
    if outcome.resolved:
        origin = outcome.resolved.origin
        entry |= {"media_type": outcome.resolved.media_type, "source": origin.source, "request": origin.request}
        if origin.index:
            entry["index"] = str(origin.index)
    if outcome.warnings:
        entry["warnings"] = list(outcome.warnings)
    return entry


def _left(image: SkippedImage) -> dict[str, Any]:
    status = "already pinned" if image.status == "pinned" else image.status
    entry = {"path": str(image.path), "status": status, "reason": image.reason}
    return entry | ({"written": image.written} if image.written else {})


def _unanswered(site: PinSite) -> dict[str, Any]:
    return {"path": str(site.path), "written": str(site.reference), "requested_by": site.form, "status": "failed"}


def _problem(problem: Problem) -> dict[str, Any]:
    entry = {
        "path": str(problem.path),
        "kind": problem.kind.value,
        "image": problem.image,
        "cause": problem.cause,
        "help": problem.help,
    }
    return {key: value for key, value in entry.items() if value}
