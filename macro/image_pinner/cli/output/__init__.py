"""Output formats. Each is a module with the functions of `OutputFormat`."""

from image_pinner.cli.console import ExitCode
from image_pinner.cli.output import json, text
from image_pinner.cli.output.interface import CheckResult, LocatedFinding, LocatedReport, OutputFormat
from image_pinner.core.report import PinReport, most_severe
from image_pinner.core.template.problems import ProblemKind

FORMATS: dict[str, OutputFormat] = {"text": text, "json": json}
"""The formats by their names in `--format`."""
_EXIT_CODES = {
    ProblemKind.TEMPLATE: ExitCode.FINDINGS,
    ProblemKind.LOOKUP: ExitCode.LOOKUP_FAILED,
    ProblemKind.POLICY: ExitCode.POLICY_DENIED,
}


def exit_code(report: PinReport) -> ExitCode:
    """Return the exit code of the most severe problem of a report."""
    return ExitCode.DONE if report.succeeded else _EXIT_CODES[most_severe(report.problems)]


__all__ = ["FORMATS", "CheckResult", "LocatedFinding", "LocatedReport", "OutputFormat", "exit_code"]
