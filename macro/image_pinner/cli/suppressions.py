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

from image_pinner.cli.documents import Position, SourceDocument
from image_pinner.cli.documents.text import SourceText
from image_pinner.cli.output import LocatedFinding
from image_pinner.core.check import Finding
from image_pinner.core.check.suppressions import InvalidSuppressionError, read_suppressions, suppressed_rule
from image_pinner.core.rules import INVALID_SUPPRESSION, UNUSED_SUPPRESSION, Rule
from image_pinner.core.template.paths import TemplatePath

_COMMENT = re.compile(r"#\s*image-pinner:\s*ignore\b(?P<rest>.*)", re.DOTALL)
_REST = re.compile(r"\s*\[(?P<rules>[^\]]*)\]\s*(?P<reason>.*)", re.DOTALL)
_NO_CONTENT = re.compile(r"[ \t]*(?:#.*)?")


class _Entry(NamedTuple):
    """A suppression of one rule, where it is, and which findings it covers."""

    rule: Rule
    reason: str
    path: TemplatePath
    span: tuple[Position, Position]
    covers: Callable[[LocatedFinding], bool]


def suppress(
    findings: Iterable[LocatedFinding], document: SourceDocument, selected: Collection[str]
) -> Iterator[LocatedFinding]:
    """Yield the findings in a template, and set the reasons of those that its author accepts.

    Suppressions that are not valid are findings too, and those that suppress nothing if the code of their rule is
    `selected`.
    """
    entries: list[_Entry] = []
    for found in (*_metadata_entries(document), *_comment_entries(document)):
        if isinstance(found, _Entry):
            entries.append(found)
        else:
            yield found
    used: set[int] = set()
    for finding in findings:
        rule = finding.finding.rule
        own = [number for number, entry in enumerate(entries) if entry.rule is rule and entry.covers(finding)]
        used.update(own)
        yield finding._replace(suppression=entries[own[0]].reason) if own else finding
    for number, entry in enumerate(entries):
        if number not in used and entry.rule.code in selected:
            cause = f"there is no finding of {entry.rule} to suppress here"
            unused = Finding(UNUSED_SUPPRESSION, entry.path, cause, "remove the suppression")
            yield LocatedFinding(document.name, *entry.span, unused)


def _metadata_entries(document: SourceDocument) -> Iterator[_Entry | LocatedFinding]:
    suppressions, invalid = read_suppressions(document.tree)
    for suppression in suppressions:
        yield _Entry(
            suppression.rule,
            suppression.reason,
            suppression.path,
            document.span(suppression.path),
            partial(_is_inside, suppression.covers),
        )
    for finding in invalid:
        yield LocatedFinding(document.name, *document.span(finding.path), finding)


def _comment_entries(document: SourceDocument) -> Iterator[_Entry | LocatedFinding]:
    source = document.source
    for comment in document.comments("image-pinner:"):
        match = _COMMENT.search(comment.text)
        if match is None:
            continue
        start = comment.index + match.start()
        span = source.position(start), source.position(start + len(match[0].rstrip()))
        line = _covered_line(source, start)
        rest = _REST.fullmatch(match["rest"])
        names = [name.strip() for name in rest["rules"].split(",")] if rest else []
        if not rest or not all(names):
            cause = "a suppression without the codes of rules"
            finding = Finding(
                INVALID_SUPPRESSION, TemplatePath(), cause, "write # image-pinner: ignore[IP001] and the reason"
            )
            yield LocatedFinding(document.name, *span, finding)
            continue
        for name in names:
            try:
                rule = suppressed_rule(name, rest["reason"])
            except InvalidSuppressionError as error:
                finding = Finding(INVALID_SUPPRESSION, TemplatePath(), error.cause, error.help)
                yield LocatedFinding(document.name, *span, finding)
            else:
                yield _Entry(
                    rule,
                    rest["reason"].strip(),
                    TemplatePath(),
                    span,
                    partial(_is_on_line, line),
                )


def _is_inside(path: TemplatePath, found: LocatedFinding) -> bool:
    return found.finding.path.starts_with(path)


def _is_on_line(line: int, found: LocatedFinding) -> bool:
    return found.position.line == line


def _covered_line(source: SourceText, index: int) -> int:
    """Return the line of the findings that a comment at an index suppresses."""
    line = source.position(index).line
    if source.text[source.line_start(index) : index].strip():
        return line
    line += 1
    while line < len(source.line_starts) and _NO_CONTENT.fullmatch(source.line_text(line)):
        line += 1
    return line
