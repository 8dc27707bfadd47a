"""JSON for programs, with a version."""

from __future__ import annotations

import json
from typing import Any

from image_pinner.cli.output.interface import CheckResult, LocatedFinding, fingerprints

FINDINGS_VERSION = 4
"""Raised when a field changes its meaning or is removed, not when one is added."""


def render(result: CheckResult) -> str:
    """See `OutputFormat`. Each finding is on one line."""
    head = {
        "version": FINDINGS_VERSION,
        "summary": {
            "files": len(result.files),
            "flagged": len({found.file for found in result.findings}),
            "problems": len(result.findings),
            "fixable": result.fixable,
            "fixed": result.fixed,
            "suppressed": len(result.suppressed),
        },
    }
    entries = zip(result.findings, fingerprints(result.findings), strict=True)
    lines = [f"\n    {_dump(_finding(found) | {'fingerprint': hash_})}" for found, hash_ in entries]
    fields = "".join(f"  {_dump(key)}: {_dump(value)},\n" for key, value in head.items())
    return f'{{\n{fields}  "findings": [{",".join(lines)}{chr(10) + "  " if lines else ""}]\n}}\n'


def _finding(found: LocatedFinding) -> dict[str, Any]:
    finding = found.finding
    return {
        "file": found.file,
        "line": found.position.line,
        "column": found.position.column,
        "end_line": found.end.line,
        "end_column": found.end.column,
        "code": finding.rule.code,
        "rule": finding.rule.slug,
        "severity": finding.rule.severity.value,
        "path": str(finding.path) if finding.path.steps else "",
        "subject": found.subject,
        "cause": finding.cause,
        "help": finding.help,
        "fix": [
            {
                "line": replacement.start.line,
                "column": replacement.start.column,
                "end_line": replacement.end.line,
                "end_column": replacement.end.column,
                "text": replacement.text,
            }
            for replacement in (found.fix.replacements if found.fix else ())
        ],
    }


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
