"""A Markdown table, for a comment on a pull request or the summary of a job."""

from __future__ import annotations

import re

from image_pinner.cli.output.interface import CheckResult, LocatedFinding

MAX_CHARACTERS = 60_000
"""The maximum characters of the output: the body of a comment on GitHub has at most 65,536."""
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")


def render(result: CheckResult) -> str:
    """See `OutputFormat`."""
    lines = ["### ImagePinner", "", result.summary]
    if result.findings:
        lines += ["", "| Location | Rule | Problem | Help |", "|---|---|---|---|"]
    size = sum(map(len, lines))
    for number, found in enumerate(result.findings):
        row = _row(found)
        size += len(row) + 1
        if size > MAX_CHARACTERS:
            lines += ["", f"{len(result.findings) - number:,} more are not shown."]
            break
        lines.append(row)
    return "".join(f"{line}\n" for line in lines)


def _row(found: LocatedFinding) -> str:
    rule = found.finding.rule
    cells = (found.where, f"{rule.code} {rule.slug}", found.message, found.finding.help)
    return f"| {' | '.join(map(escape, cells))} |"


def escape(text: str) -> str:
    """Return a text without a meaning in Markdown or HTML, and without mentions of users."""
    # An empty comment after an at sign, because `@name` would notify the user of that name.
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split())).replace("@", "@<!-- -->")
