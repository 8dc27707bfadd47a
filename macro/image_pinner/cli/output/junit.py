"""A JUnit report: a test suite for each file, with a test case for each finding, or one that passes.

https://github.com/testmoapp/junitxml describes what the readers of such reports agree on.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from image_pinner.cli.output.interface import CheckResult, LocatedFinding
from image_pinner.core.rules import UNREADABLE_TEMPLATE

# XML has no way to write these: https://www.w3.org/TR/xml/#charsets
_INVALID = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPED = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
)


def render(result: CheckResult) -> str:
    """See `OutputFormat`."""
    findings: defaultdict[str, list[LocatedFinding]] = defaultdict(list)
    for found in result.findings:
        findings[found.file].append(found)
    tests = sum(max(1, len(findings[file])) for file in result.files)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="image-pinner"{_counts(tests, result.findings)}>',
        *(line for file in result.files for line in _suite(file, findings[file])),
        "</testsuites>",
    ]
    return "".join(f"{line}\n" for line in lines)


def _counts(tests: int, findings: tuple[LocatedFinding, ...] | list[LocatedFinding]) -> str:
    errors = sum(_is_error(found) for found in findings)
    return f' tests="{tests}" failures="{len(findings) - errors}" errors="{errors}"'


def _is_error(found: LocatedFinding) -> bool:
    return found.finding.rule is UNREADABLE_TEMPLATE


def _suite(file: str, findings: list[LocatedFinding]) -> Iterator[str]:
    yield f'  <testsuite name="{_escape(file)}"{_counts(max(1, len(findings)), findings)}>'
    if not findings:
        yield f'    <testcase name="check" classname="{_escape(file)}"/>'
    for found in findings:
        finding = found.finding
        element = "error" if _is_error(found) else "failure"
        where = f'classname="{_escape(file)}" file="{_escape(file)}" line="{found.position.line}"'
        message = _escape(found.message)
        text = _escape(f"{found.where}: {finding.rule.code} {found.message}\nhelp: {finding.help}")
        yield f'    <testcase name="{finding.rule.code} at {found.position}" {where}>'
        yield f'      <{element} type="{finding.rule.slug}" message="{message}">{text}</{element}>'
        yield "    </testcase>"
    yield "  </testsuite>"


def _escape(text: str) -> str:
    return _INVALID.sub("\ufffd", text).translate(_ESCAPED)
