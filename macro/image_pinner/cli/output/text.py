"""What a report comes to for who ran the command: lines on the error stream, and an exit code."""

from __future__ import annotations

from collections.abc import Iterable

from image_pinner.cli.console import ExitCode, error_stream, say
from image_pinner.core.report import PinReport, most_severe
from image_pinner.core.template.problems import ProblemKind, in_order

_BY_KIND = {
    ProblemKind.TEMPLATE: ExitCode.FINDINGS,
    ProblemKind.LOOKUP: ExitCode.LOOKUP_FAILED,
    ProblemKind.POLICY: ExitCode.POLICY_DENIED,
}


def exit_code(report: PinReport) -> ExitCode:
    """Give the exit code for a report: that of its gravest problem."""
    return ExitCode.DONE if report.succeeded else _BY_KIND[most_severe(report.problems)]


def say_problems(name: str, report: PinReport) -> None:
    """Write all problems of a template."""
    problems = in_order(report.problems)
    say(f"{name}: nothing was changed, for {_count(len(problems), 'problem')}:", style="red")
    for problem in problems:
        say(f"  {problem}")


def say_warnings(name: str, warnings: Iterable[str]) -> None:
    """Write what a person should know although it worked."""
    for warning in warnings:
        say(f"{name}: warning: {warning}", style="yellow")


def say_summary(name: str, report: PinReport) -> None:
    """Tell a person at a terminal what was done; a pipe gets nothing."""
    if error_stream().isatty():
        done = _count(len(report.outcomes), "image")
        say(f"{name}: {done} pinned, {len(report.skipped)} left as they are", style="green")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
