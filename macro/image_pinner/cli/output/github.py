"""Annotations of GitHub Actions: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands."""

from __future__ import annotations

from image_pinner.cli.output.interface import CheckResult, LocatedFinding
from image_pinner.core.rules import Severity

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
# The runner decodes these and no others:
# https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def render(result: CheckResult) -> str:
    """See `OutputFormat`."""
    return "".join(f"{_annotation(found)}\n" for found in result.findings)


def _annotation(found: LocatedFinding) -> str:
    finding, start, end = found.finding, found.position, found.end
    properties = {"file": found.file, "line": str(start.line)}
    if start.line == end.line:
        properties |= {"col": str(start.column), "endColumn": str(end.column)}
    else:
        # GitHub ignores the columns of more than one line.
        properties["endLine"] = str(end.line)
    properties["title"] = str(finding.rule)
    written = ",".join(f"{name}={value.translate(_PROPERTY)}" for name, value in properties.items())
    message = found.message + (f"\nhelp: {finding.help}" if finding.help else "")
    return f"::{_COMMANDS[finding.rule.severity]} {written}::{message.translate(_DATA)}"
