"""Suppress findings: by the Metadata of a template, and by YAML comments.

    # image-pinner: ignore[IP001] reason

A comment after a value applies to the findings on its line; one on a line of its own to those on the next line that is
neither blank nor a comment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from image_pinner.cli.documents import SourceDocument
from image_pinner.cli.documents.text import SourceText
from image_pinner.cli.output import LocatedFinding
from image_pinner.core.check import Finding
from image_pinner.core.check.suppressions import InvalidSuppressionError, read_suppressions, suppressed_rule
from image_pinner.core.rules import INVALID_SUPPRESSION, UNUSED_SUPPRESSION, Rule
from image_pinner.core.template.paths import Step, TemplatePath

_COMMENT = re.compile(r"#\s*image-pinner:\s*ignore\b(?P<entry>.*)", re.DOTALL)
_RULES = re.compile(r"\s*\[(?P<rules>[^\]]*)\]\s*(?P<reason>.*)", re.DOTALL)
_FORM = "# image-pinner: ignore[IP001]"
_NO_CONTENT = re.compile(r"[ \t]*(?:#.*)?")


_Covered = int | tuple[Step, ...]
"""The line of findings, or the steps of the path that they are at or inside."""


class _Entry(NamedTuple):
    """A suppression of one rule.

    Args:
        rule: The rule.
        reason: Why its findings are accepted.
        covered: Which findings of the rule it suppresses.
        path: The path of the suppression; the root for a comment.
        locate: Locates a finding about the suppression.
    """

    rule: Rule
    reason: str
    covered: _Covered
    path: TemplatePath
    locate: Callable[[Finding], LocatedFinding]


def suppress(
    findings: Iterable[LocatedFinding], document: SourceDocument, selected: Collection[str]
) -> Iterator[LocatedFinding]:
    """Yield the findings in a template, and set the reasons of those that its author accepts.

    Suppressions that are not valid are findings too, and those that suppress nothing if the code of their rule is
    `selected`.
    """
    entries: dict[tuple[Rule, _Covered], list[_Entry]] = {}
    for entry in (*_metadata_entries(document), *_comment_entries(document)):
        if isinstance(entry, _Entry):
            entries.setdefault((entry.rule, entry.covered), []).append(entry)
        else:
            yield entry
    used: set[tuple[Rule, _Covered]] = set()
    for found in findings:
        rule, steps = found.finding.rule, found.finding.path.steps
        covered: list[_Covered] = [steps[:length] for length in range(len(steps) + 1)] if entries else []
        own = [(rule, each) for each in (found.position.line, *covered) if (rule, each) in entries]
        used.update(own)
        yield found._replace(suppression=entries[own[0]][0].reason) if own else found
    for key, unused in entries.items():
        for entry in unused if key not in used and key[0].code in selected else ():
            cause = f"there is no finding of {entry.rule} to suppress here"
            yield entry.locate(Finding(UNUSED_SUPPRESSION, entry.path, cause, "remove the suppression"))


def _metadata_entries(document: SourceDocument) -> Iterator[_Entry | LocatedFinding]:
    suppressions, invalid = read_suppressions(document.tree)
    for one in suppressions:
        yield _Entry(one.rule, one.reason, one.covers.steps, one.path, partial(_at_value, document, one.path))
    for finding in invalid:
        yield _at_value(document, finding.path, finding)


def _at_value(document: SourceDocument, path: TemplatePath, finding: Finding) -> LocatedFinding:
    return LocatedFinding(document.name, *document.span(path), finding, excerpt=document.excerpt(path))


def _comment_entries(document: SourceDocument) -> Iterator[_Entry | LocatedFinding]:
    known: dict[int, int] = {}
    for comment in document.comments("image-pinner:"):
        match = _COMMENT.search(comment.text)
        if match is None:
            continue
        start = comment.start + match.start()
        locate = partial(_at_comment, document.source, start, start + len(match[0].rstrip()))
        found = _RULES.fullmatch(match["entry"])
        names = [name.strip() for name in found["rules"].split(",")] if found else []
        if not found or not all(names):
            cause, help = "a suppression without the codes of rules", f"write {_FORM} and the reason"
            yield locate(Finding(INVALID_SUPPRESSION, TemplatePath(), cause, help))
            continue
        line = _covered_line(document.source, start, known)
        for name in names:
            try:
                rule = suppressed_rule(name, found["reason"])
            except InvalidSuppressionError as error:
                yield locate(Finding(INVALID_SUPPRESSION, TemplatePath(), error.cause, error.help))
            else:
                yield _Entry(rule, found["reason"].strip(), line, TemplatePath(), locate)


def _at_comment(source: SourceText, start: int, end: int, finding: Finding) -> LocatedFinding:
    span = source.position(start), source.position(end)
    return LocatedFinding(source.name, *span, finding, excerpt=source.excerpt(start, end))


def _covered_line(source: SourceText, index: int, known: dict[int, int]) -> int:
    """Return the line of the findings that a comment at an index suppresses; `known` are those of lines of comments."""
    line = source.position(index).line
    if source.text[source.line_start(index) : index].strip():
        return line
    first = line = line + 1
    while line not in known and line < len(source.line_starts) and _NO_CONTENT.fullmatch(source.line_text(line)):
        line += 1
    covered = known.get(line, line)
    known.update(dict.fromkeys(range(first, line), covered))
    return covered
