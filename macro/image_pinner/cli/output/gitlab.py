"""A code quality report of GitLab: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format."""

from __future__ import annotations

import json

from image_pinner.cli.output.interface import CheckResult, fingerprints
from image_pinner.core.rules import Severity

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


def render(result: CheckResult) -> str:
    """See `OutputFormat`."""
    issues = [
        {
            "description": f"{found.finding.rule.code} {found.message}",
            "check_name": found.finding.rule.slug,
            "fingerprint": fingerprint,
            "severity": _SEVERITIES[found.finding.rule.severity],
            "location": {"path": found.file, "lines": {"begin": found.position.line, "end": found.end.line}},
        }
        for found, fingerprint in zip(result.findings, fingerprints(result.findings), strict=True)
    ]
    return f"{json.dumps(issues, indent=2, ensure_ascii=False)}\n"
