"""JSON for programs, with a version."""

from __future__ import annotations

import json
from typing import Any

from image_pinner.cli.output.interface import CheckResult, LocatedFinding, LocatedReport

FINDINGS_VERSION = 3
"""Raised when a field of the findings changes its meaning or is removed, not when one is added."""


def render_findings(result: CheckResult) -> str:
    """See `OutputFormat`."""
    return _render({"version": FINDINGS_VERSION, "findings": [_finding(found) for found in result.findings]})


def render_report(report: LocatedReport) -> str:
    """See `OutputFormat`."""
    account = {"account": report.account} if report.account else {}
    return _render(report.report.to_json() | account)


def _finding(found: LocatedFinding) -> dict[str, Any]:
    fields = {
        "file": found.file,
        "line": found.position.line,
        "column": found.position.column,
        "end_line": found.end.line,
        "end_column": found.end.column,
        "code": found.finding.rule.code,
        "rule": found.finding.rule.slug,
        "severity": found.finding.rule.severity.value,
        "path": str(found.finding.path),
        "cause": found.finding.cause,
        "help": found.finding.help,
    }
    return fields | ({"corrected": found.corrected} if found.corrected else {})


def _render(content: dict[str, Any]) -> str:
    return f"{json.dumps(content, indent=2, ensure_ascii=False)}\n"
