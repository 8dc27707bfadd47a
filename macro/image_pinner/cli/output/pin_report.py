"""The outcome of `pin`, `lock` and `update`: text for people, and JSON for programs."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from image_pinner.cli.documents import SourceDocument
from image_pinner.cli.output.interface import LocatedReport, count
from image_pinner.cli.wording import help_for_cli
from image_pinner.core.outcomes import Pinned
from image_pinner.core.report import PinReport, decision_of
from image_pinner.core.template.problems import Problem, in_order
from image_pinner.core.template.sites import SkipStatus


def render_report(report: LocatedReport, output: str = "template") -> str:
    """Return problems or warnings, one per line with a `help:` line; `output` is what is not written, or empty."""
    name = report.document.name
    if report.report.succeeded:
        warnings = (*report.lost_comments, *report.report.warnings)
        return "".join(f"warning: {name}: {warning}\n" for warning in warnings)
    problems = in_order(report.report.problems)
    nothing_written = f" No {output} was written." if output else ""
    summary = f"Found {count(len(problems), 'problem')}.{nothing_written}\n"
    return render_problems(report.document, problems) + summary


def render_problems(
    document: SourceDocument, problems: Iterable[Problem], word: Callable[[str], str] = help_for_cli
) -> str:
    """Return problems, one per line with a `help:` line in the words of an entry point."""
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.cause, word(problem.help)), []).append(problem)
    lines = (line for (cause, help), group in groups.items() for line in _problem_lines(document, cause, help, group))
    return "".join(f"{line}\n" for line in lines)


def render_json(report: LocatedReport) -> str:
    """Return a report on every image, with a version."""
    account = {"account": report.account} if report.account else {}
    return f"{json.dumps(report.report.with_help(help_for_cli).to_json() | account, indent=2, ensure_ascii=False)}\n"


def render_unmarked(report: LocatedReport) -> str:
    """Return a warning with the unpinned images if nothing is pinned, since their markers may be missing."""
    return "".join(f"{line}\n" for line in _unmarked_lines(report))


def _unmarked_lines(report: LocatedReport) -> Iterator[str]:
    unmarked = [image for image in report.report.skipped if image.status is SkipStatus.UNMARKED]
    if not unmarked or report.report.outcomes or report.report.problems:
        return
    name = report.document.name
    yield f"warning: {name}: nothing was pinned: no image is marked ({count(len(unmarked), 'unpinned image')})"
    for image in unmarked:
        written = f": {image.written!r}" if image.written else ""
        yield f"  {name}:{report.document.position(image.path)}: {image.path}{written}"
    yield 'help: write "!PinDigest repository:tag", or pass --pin All'


def _problem_lines(document: SourceDocument, cause: str, help: str, problems: list[Problem]) -> Iterator[str]:
    """Report a cause once, even if several images have it."""
    locations = []
    for problem in problems:
        position = document.position(problem.path)
        image = f": {problem.image!r}" if problem.image and problem.image not in cause else ""
        locations.append(f"{document.name}:{position}: {problem.path}{image}")
    if len(locations) == 1:
        yield f"error: {locations[0]}: {cause}"
    else:
        yield f"error: {cause} ({len(locations)} locations)"
        yield from (f"  {location}" for location in locations)
    if help:
        yield f"help: {help}"


def summarize(report: PinReport) -> str:
    """Return a sentence on a report without problems."""
    pinned = sum(isinstance(outcome, Pinned) for outcome in report.outcomes)
    skipped = len(report.outcomes) - pinned + len(report.skipped)
    decisions = _decisions(report)
    return f"Pinned {count(pinned, 'image')} ({skipped} skipped)" + (f": {decisions}." if decisions else ".")


def _decisions(report: PinReport) -> str:
    """Return how many images are kept and locked, and from where; empty if all are resolved."""
    numbers: Counter[str] = Counter()
    origins: dict[str, dict[str, None]] = defaultdict(dict)
    for outcome in report.outcomes:
        if isinstance(outcome, Pinned):
            decision = decision_of(outcome)
            numbers[decision] += 1
            if outcome.kept:
                origins[decision][outcome.kept.origin] = None
            elif decision == "locked" and outcome.resolved:
                origins[decision][outcome.resolved.origin.request] = None
    if not numbers.keys() - {"resolved"}:
        return ""
    parts = ((f"{numbers[decision]} {decision}", ", ".join(origins[decision])) for decision in sorted(numbers))
    return ", ".join(f"{part} ({where})" if where else part for part, where in parts)
