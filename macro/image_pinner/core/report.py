"""Report what happened to every image, as versioned JSON.

The report has no time, no request ID and no order that can change: the same template and registry state produce
identical output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from image_pinner.core.gates.enabled import DENY, WARN, GateResult
from image_pinner.core.gates.interface import Seen
from image_pinner.core.images.lookups import LOCK_SOURCE
from image_pinner.core.judging import denial_of
from image_pinner.core.outcomes import KeptTag, Pinned
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind, in_order
from image_pinner.core.template.sites import PinSite, SkippedImage, SkipStatus

REPORT_VERSION = 3
"""Incremented when a field is removed or changes its meaning; new fields alone do not increment it."""


class Denial(NamedTuple):
    """An image with the result of a gate that denies it; `written` is its reference, or empty."""

    path: TemplatePath
    written: str
    result: GateResult


class PinReport(NamedTuple):
    """What happened to every image.

    Args:
        outcomes: The requested images that can be pinned or keep their tag.
        skipped: The images that stay as they are.
        problems: Why nothing was changed; empty on success.
        failed: The requested images that have a problem.
        foreign_records: The records that the author wrote for other repositories than those of the images.
        gates: The results of gates, by the paths of the images.
        not_kept: Why deployed images are not kept, by the paths of the images.
    """

    outcomes: tuple[Pinned | KeptTag, ...] = ()
    skipped: tuple[SkippedImage, ...] = ()
    problems: tuple[Problem, ...] = ()
    failed: tuple[PinSite, ...] = ()
    foreign_records: tuple[TemplatePath, ...] = ()
    gates: Mapping[TemplatePath, tuple[GateResult, ...]] = MappingProxyType({})
    not_kept: Mapping[TemplatePath, str] = MappingProxyType({})

    @property
    def succeeded(self) -> bool:
        """Whether the template was pinned."""
        return not self.problems

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings, each with the path of its image, sorted."""
        found = []
        for outcome in self.outcomes:
            texts = (f"tag kept: {outcome.reason}",) if isinstance(outcome, KeptTag) else outcome.warnings
            found += [f"{outcome.site.path}: {text}" for text in texts]
        for image in self.skipped:
            if image.status == SkipStatus.NOT_DEPLOYED:
                found.append(f"{image.path}: {'marker removed' if image.marked else 'not pinned'}: {image.reason}")
        found += [f"{path}: {_FOREIGN_RECORD}" for path in self.foreign_records]
        for path, results in self.gates.items():
            found += [f"{path}: gate {each.gate}: {each.cause}" for each in results if each.verdict == WARN]
        return tuple(sorted(found))

    @property
    def references(self) -> Mapping[TemplatePath, str]:
        """The references of all images by their paths, as written."""
        sites = (*(outcome.site for outcome in self.outcomes), *self.failed)
        written = {site.path: str(site.reference) for site in sites}
        return written | {image.path: image.written for image in self.skipped}

    @property
    def denials(self) -> tuple[Denial, ...]:
        """Each denied image with each gate that denies it."""
        written = self.references if self.gates else {}
        return tuple(
            Denial(path, written.get(path, ""), result)
            for path, results in self.gates.items()
            for result in results
            if result.verdict == DENY
        )

    def without_details(self, parameters: Iterable[str], exception_process: str = "") -> PinReport:
        """Return the report with only the path and the kind of each problem, and the gates that deny an image.

        Args:
            parameters: The parameters whose values the details can contain, also a part or another form of them.
            exception_process: How to get an exception from a gate.
        """
        hidden = f"details are not shown, since they can contain the values of {', '.join(sorted(parameters))}"
        help = "call the macro in the Transform of the template to see them"
        problems = [
            problem._replace(
                cause=f"{denial_of(problem.gate) if problem.gate else _CAUSES[problem.kind]}; {hidden}",
                help=f"{help}; {exception_process}" if problem.gate and exception_process else help,
                image="",
            )
            for problem in self.problems
        ]
        gates: dict[TemplatePath, tuple[GateResult, ...]] = {}
        for path, _, result in self.denials:
            bare = GateResult(result.gate, result.verdict, Seen("", source=""), help=exception_process)
            gates[path] = (*gates.get(path, ()), bare)
        return PinReport(problems=in_order(problems), gates=gates)

    def with_help(self, word: Callable[[str], str]) -> PinReport:
        """Return the report with each help in the words of an entry point."""
        gates = {path: tuple(one._replace(help=word(one.help)) for one in found) for path, found in self.gates.items()}
        return self._replace(problems=tuple(one._replace(help=word(one.help)) for one in self.problems), gates=gates)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values; docs/report.md describes the fields."""
        images = [
            _describe_outcome(outcome, done=self.succeeded) | self._details_of(outcome.site.path)
            for outcome in self.outcomes
        ]
        images += [_describe_skipped(image) | self._gates_of(image.path) for image in self.skipped]
        images += [self._describe_failed(site) for site in self.failed]
        return {
            "version": REPORT_VERSION,
            "status": "success" if self.succeeded else "failure",
            "images": sorted(images, key=itemgetter("path")),
            "problems": [_describe_problem(problem) for problem in in_order(self.problems)],
            "warnings": list(self.warnings),
        }

    def _describe_failed(self, site: PinSite) -> dict[str, Any]:
        entry = _describe_site(site) | {"status": "failed"}
        if digest := next((result.digest for result in self.gates.get(site.path, ()) if result.digest), ""):
            entry["digest"] = digest
        return entry | self._details_of(site.path)

    def _details_of(self, path: TemplatePath) -> dict[str, Any]:
        reason = self.not_kept.get(path)
        return self._gates_of(path) | ({"not_kept": reason} if reason else {})

    def _gates_of(self, path: TemplatePath) -> dict[str, Any]:
        results = self.gates.get(path)
        return {"gates": [describe_gate(result) for result in results]} if results else {}


_FOREIGN_RECORD = "record removed: it does not name the repository of the image"
_CAUSES = {
    ProblemKind.POLICY: "a policy denies the image",
    ProblemKind.LOOKUP: "the image cannot be looked up",
    ProblemKind.TEMPLATE: "the image or its options are not valid",
}


def most_severe(problems: Iterable[Problem]) -> ProblemKind:
    """Return the most severe kind among problems, of which there must be at least one."""
    return in_order(problems)[0].kind


def decision_of(outcome: Pinned) -> str:
    """Return where the digest comes from, as a word: a deployment, the template, a lock or a registry."""
    if outcome.kept:
        return "kept"
    if outcome.resolved is None:
        return "written"
    return "locked" if outcome.resolved.origin.source == LOCK_SOURCE else "resolved"


def _describe_site(site: PinSite) -> dict[str, Any]:
    return {"path": str(site.path), "written": str(site.reference), "requested_by": site.form}


def _describe_outcome(outcome: Pinned | KeptTag, *, done: bool) -> dict[str, Any]:
    site = outcome.site
    entry = _describe_site(site)
    if isinstance(outcome, KeptTag):
        return entry | {"status": "tag kept" if done else "tag would be kept", "reason": outcome.reason}
    entry["status"] = "pinned" if done else "would be pinned"
    entry["decision"] = decision_of(outcome)
    entry["result"] = outcome.text
    if site.platform:
        entry["platform"] = str(site.platform)
    if outcome.resolved:
        origin = outcome.resolved.origin
        entry["media_type"] = outcome.resolved.media_type
        entry["source"] = origin.source
        entry["request"] = origin.request
        if origin.index:
            entry["index"] = str(origin.index)
    if outcome.kept:
        entry |= {"kept_from": outcome.kept.origin, "recorded": outcome.recorded}
    if outcome.warnings:
        entry["warnings"] = list(outcome.warnings)
    return entry


def describe_gate(result: GateResult) -> dict[str, str]:
    """Return the result of a gate as JSON values."""
    entry = {
        "gate": result.gate,
        "verdict": result.verdict,
        "fact": result.seen.fact,
        "source": result.seen.source,
        "time": result.seen.time,
        "cause": result.cause,
        "help": result.help,
    }
    return {name: value for name, value in entry.items() if value}


def _describe_skipped(image: SkippedImage) -> dict[str, Any]:
    status = "already pinned" if image.status == "pinned" else image.status
    entry = {"path": str(image.path), "status": status, "reason": image.reason}
    return entry | ({"written": image.written} if image.written else {})


def _describe_problem(problem: Problem) -> dict[str, Any]:
    entry = {
        "path": str(problem.path),
        "kind": problem.kind.value,
        "image": problem.image,
        "cause": problem.cause,
        "help": problem.help,
    }
    return {key: value for key, value in entry.items() if value}
