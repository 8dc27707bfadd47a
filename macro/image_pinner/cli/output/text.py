"""Text for people: a line for each finding and, in full, the line of the file, help and the corrected lines."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import click

from image_pinner.cli.documents import Excerpt
from image_pinner.cli.output.interface import CheckResult, LocatedFinding, TextOptions, count
from image_pinner.core.rules import RULES, Rule, Severity

_Style = Callable[..., str]
"""`click.style`, or a function that takes the same and adds no colour."""
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
# A template can have 20,000 unpinned images, and so many excerpts are more than a reader needs.
_MAX_EXCERPTS = 100
# Names in a template can have any character: line breaks would begin commands in the log of GitHub Actions, and others
# control the terminal or reorder its text.
_UNPRINTABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def render(result: CheckResult, options: TextOptions) -> str:
    """Return the findings and the summary."""
    style = click.style if options.colour else _plain
    lines = _head_lines(result.findings, style) if options.concise else _full_lines(result.findings, style)
    return "".join(f"{line}\n" for line in (*lines, *_summary_lines(result, options, style)))


def _plain(text: str, **_: object) -> str:
    return text


def _head_lines(findings: Sequence[LocatedFinding], style: _Style) -> Iterator[str]:
    for found in findings:
        where = style(f"{found.where}:", bold=True)
        yield f"{where} {_styled_code(found.finding.rule, style)} {printable(found.message)}"


def printable(text: str) -> str:
    """Return a line in which nothing begins a line or controls a terminal."""
    return _UNPRINTABLE.sub("\ufffd", text)


def _styled_code(rule: Rule, style: _Style) -> str:
    return style(rule.code, fg=_COLOURS[rule.severity], bold=True)


def _full_lines(findings: Sequence[LocatedFinding], style: _Style) -> Iterator[str]:
    """Write excerpt and help once for the findings of a file that have the same cause and the same fix."""
    number = 0
    for _, found_in_file in groupby(findings, key=lambda found: found.file):
        groups: dict[tuple[str, ...], list[LocatedFinding]] = {}
        for found in found_in_file:
            finding = found.finding
            # Without the path, which differs.
            fix = repr(finding.fix[1:]) if finding.fix and found.fix else ""
            groups.setdefault((finding.rule.code, finding.cause, finding.help, fix), []).append(found)
        for group in groups.values():
            number += 1
            yield from _head_lines(group, style)
            if number <= _MAX_EXCERPTS:
                yield from _detail_lines(group[0], style)
                yield ""
    if number > _MAX_EXCERPTS:
        yield f"Excerpts and help are shown for the first {_MAX_EXCERPTS} of {number:,} causes.\n"


def _detail_lines(found: LocatedFinding, style: _Style) -> Iterator[str]:
    number = str(found.position.line)
    gutter = " " * len(number)
    if found.excerpt:
        mark = style("^" * found.excerpt.length, fg=_COLOURS[found.finding.rule.severity], bold=True)
        yield style(f"{gutter} |", dim=True)
        yield f"{style(f'{number} |', dim=True)} {printable(found.excerpt.line)}".rstrip()
        yield f"{style(f'{gutter} |', dim=True)} {_blanks_before(found.excerpt)}{mark}"
    if found.finding.help:
        yield f"{style('help', fg='cyan', bold=True)}: {printable(found.finding.help)}"
    for line in found.fix.lines if found.fix else ():
        yield style(f"{gutter} + {printable(line)}", fg="green")


def _blanks_before(excerpt: Excerpt) -> str:
    """Return blanks of the width that the text before the value has on a terminal."""
    before = excerpt.line[: excerpt.start]
    widths = (2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in before)
    return "".join("\t" if character == "\t" else " " * width for character, width in zip(before, widths, strict=True))


def _summary_lines(result: CheckResult, options: TextOptions, style: _Style) -> Iterator[str]:
    if options.statistics:
        numbers = Counter(found.finding.rule.code for found in result.findings)
        width = len(str(max(numbers.values(), default=0)))
        for code, number in sorted(numbers.items(), key=lambda entry: (-entry[1], entry[0])):
            yield f"{number:>{width}} {_styled_code(RULES[code], style)} {RULES[code].slug}"
    if options.quiet:
        return
    if result.fixed:
        outcome = "Would fix" if result.is_preview else "Fixed"
        yield f"{outcome} {count(result.fixed, 'problem')} in {count(result.changed, 'file')}."
    if result.findings:
        yield result.summary
    elif not (result.fixed and result.is_preview):
        yield style(result.summary, fg="green")
