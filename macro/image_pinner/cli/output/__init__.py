"""Output formats of `check`, each a module with the functions of `OutputFormat`, and the report of `pin`."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from image_pinner.cli.console import ExitCode
from image_pinner.cli.output.interface import (
    CheckResult,
    LocatedFinding,
    LocatedReport,
    OutputFormat,
    TextOptions,
    fingerprints,
)
from image_pinner.cli.wording import help_for_check
from image_pinner.core.report import PinReport, most_severe
from image_pinner.core.template.problems import ProblemKind

FORMATS = ("full", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown")
"""The formats by their names in `--format`: text in two ways, and those of which each has a module."""
_EXIT_CODES = {
    ProblemKind.TEMPLATE: ExitCode.FINDINGS,
    ProblemKind.LOOKUP: ExitCode.LOOKUP_FAILED,
    ProblemKind.POLICY: ExitCode.POLICY_DENIED,
}


def render_findings(result: CheckResult, format_: str, options: TextOptions) -> str:
    """Return what `check` writes; `options` apply to text."""
    findings, suppressed = (tuple(map(_with_help, found)) for found in (result.findings, result.suppressed))
    result = result._replace(findings=findings, suppressed=suppressed)
    # Each format is imported when it is used: starting the CLI would take longer otherwise.
    if format_ in ("full", "concise"):
        from image_pinner.cli.output.text import render  # noqa: PLC0415

        return render(result, options._replace(concise=format_ == "concise"))
    module: OutputFormat = import_module(f"{__name__}.{format_}")
    return module.render(result)


def _with_help(found: LocatedFinding) -> LocatedFinding:
    return found._replace(finding=replace(found.finding, help=help_for_check(found.finding.help)))


def exit_code(report: PinReport) -> ExitCode:
    """Return the exit code of the most severe problem of a report."""
    return ExitCode.DONE if report.succeeded else _EXIT_CODES[most_severe(report.problems)]


__all__ = [
    "FORMATS",
    "CheckResult",
    "LocatedFinding",
    "LocatedReport",
    "TextOptions",
    "exit_code",
    "fingerprints",
    "render_findings",
]
