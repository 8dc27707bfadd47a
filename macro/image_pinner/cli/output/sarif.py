"""SARIF 2.1.0 for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from image_pinner import __version__
from image_pinner.cli.documents import Position
from image_pinner.cli.output.interface import CheckResult, LocatedFinding, fingerprints
from image_pinner.core.rules import RULES, Rule, Severity

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# The name that GitHub and others use for the root of the repository, in which the command runs.
_BASE = "%SRCROOT%"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_FINGERPRINT = "imagePinner/v1"


def render(result: CheckResult) -> str:
    """See `OutputFormat`."""
    indexes = {code: index for index, code in enumerate(RULES)}
    page = _rules_page()
    results = (*result.findings, *result.suppressed)
    run = {
        "tool": {
            "driver": {
                "name": "ImagePinner",
                "version": __version__,
                "rules": [_rule(rule, page) for rule in RULES.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_BASE: {"description": {"text": "The directory in which image-pinner was run."}}},
        "results": [
            _result(found, indexes[found.finding.rule.code], fingerprint)
            for found, fingerprint in zip(results, fingerprints(results), strict=True)
        ],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return f"{json.dumps(log, indent=2, ensure_ascii=False)}\n"


def _rules_page() -> str:
    """Return the address of the page about the rules; empty if the package is not installed."""
    # Imported here because no other format needs it.
    from importlib.metadata import PackageNotFoundError, metadata  # noqa: PLC0415

    try:
        urls = metadata("image-pinner").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    repository = next((url.partition(", ")[2] for url in urls if url.startswith("Repository, ")), "")
    return f"{repository}/blob/main/docs/rules.md" if repository else ""


def _rule(rule: Rule, page: str) -> dict[str, Any]:
    fields = {
        "id": rule.code,
        "name": rule.slug,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.explanation},
        "help": {"text": rule.explanation},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }
    return fields | ({"helpUri": f"{page}#{rule.code.lower()}"} if page else {})


def _result(found: LocatedFinding, rule_index: int, fingerprint: str) -> dict[str, Any]:
    finding = found.finding
    region = {"region": _region(found.position, found.end)} if found.has_position else {}
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": _artifact(found.file), **region}}
    if finding.path.steps:
        location["logicalLocations"] = [{"fullyQualifiedName": str(finding.path)}]
    fields = {
        "ruleId": finding.rule.code,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.rule.severity],
        "message": {"text": found.message + (f"\nhelp: {finding.help}" if finding.help else "")},
        "locations": [location],
        "partialFingerprints": {_FINGERPRINT: fingerprint},
    }
    if found.suppression:
        fields["suppressions"] = [{"kind": "inSource", "justification": found.suppression}]
    return fields | ({"fixes": [_fix(found)]} if found.fix else {})


def _fix(found: LocatedFinding) -> dict[str, Any]:
    replacements = [
        {
            "deletedRegion": _region(replacement.start, replacement.end),
            "insertedContent": {"text": replacement.text},
        }
        for replacement in (found.fix.replacements if found.fix else ())
    ]
    return {
        "description": {"text": found.finding.help},
        "artifactChanges": [{"artifactLocation": _artifact(found.file), "replacements": replacements}],
    }


def _artifact(file: str) -> dict[str, str]:
    path = PurePosixPath(file)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(file), "uriBaseId": _BASE}


def _region(start: Position, end: Position) -> dict[str, int]:
    return {"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column}
