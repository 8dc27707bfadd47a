"""Markdown for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from image_pinner.cli.comparison.interface import Comparison, ImageVersion, name_of, problems_of, tag_of
from image_pinner.cli.output.interface import count
from image_pinner.cli.output.markdown import MAX_CHARACTERS, escape
from image_pinner.core.comparison import ImageChange, TemplateImage

MARKER = "<!-- image-pinner diff -->"
"""The first line, by which a pipeline finds its earlier comment."""
_MAX_ROWS = 100
_MAX_TAGS = 5
# What cannot be escaped in code: `\\|` would end the cell of a table if a name has the first backslash.
_SIMILAR = str.maketrans("`|", "'\u00a6")
_SHOWN_DIGEST = len("sha256:") + 12


def render(comparison: Comparison) -> str:
    """See `ComparisonFormat`."""
    lines = list(_lines(comparison))
    shown = sum(size <= MAX_CHARACTERS for size in accumulate(len(line) + 1 for line in lines))
    rest = ("", f"{len(lines) - shown:,} more lines are not shown.") if shown < len(lines) else ()
    return "".join(f"{line}\n" for line in (*lines[:shown], *rest))


def _lines(comparison: Comparison) -> Iterator[str]:
    yield MARKER
    yield f"### Image changes in {_code(comparison.document.name)}"
    yield ""
    if comparison.failed:
        yield from _failure_lines(comparison)
        return
    yield f"Compared with {escape(comparison.base)}: {escape(comparison.summarize())}"
    yield from _table(("", "image", "old", "new"), [_row(comparison, change) for change in comparison.changed])
    effects = [
        (_code(found.resource), _code(found.resource_type), found.effect, ", ".join(map(_code, found.services)))
        for found in comparison.effects
    ]
    yield from _table(("resource", "type", "effect", "redeployed services"), effects)
    if comparison.not_compared:
        yield ""
        yield "Not compared:"
        yield ""
        yield from _list(
            [f"- {_code(str(path))}: {escape(reason)}" for path, reason in comparison.not_compared.items()]
        )


def _failure_lines(comparison: Comparison) -> Iterator[str]:
    problems = [problem for report in comparison.failed for problem in problems_of(report)]
    yield f"Not compared: {count(len(problems), 'problem')}."
    yield ""
    yield from _list(
        [
            f"- {_code(location)}: {escape(cause)}" + (f"<br>help: {escape(help)}" if help else "")
            for location, cause, help in problems
        ]
    )


def _list(items: Sequence[str]) -> Iterator[str]:
    yield from items[:_MAX_ROWS]
    if len(items) > _MAX_ROWS:
        yield f"- {len(items) - _MAX_ROWS} more"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    yield from (f"| {' | '.join(row)} |" for row in rows[:_MAX_ROWS])
    if len(rows) > _MAX_ROWS:
        yield f"| {' | '.join([f'{len(rows) - _MAX_ROWS} more', *[''] * (len(head) - 1)])} |"


def _row(comparison: Comparison, change: ImageChange) -> tuple[str, ...]:
    return (
        change.kind,
        _code(name_of(change)),
        *(_side(comparison, change, side) for side in (change.old, change.new)),
    )


def _side(comparison: Comparison, change: ImageChange, side: TemplateImage | None) -> str:
    if side is None:
        return ""
    label = f"<br>label {_code(side.label) if side.label else 'none'}" if change.is_relabeled else ""
    return f"{_version(comparison, comparison.describe(side))}{label}"


def _version(comparison: Comparison, version: ImageVersion) -> str:
    text, reference = version.image.text or "unknown", version.image.reference
    if reference and reference.digest:
        text = f"{reference.written_name}@{reference.digest.text[:_SHOWN_DIGEST]}"
    parts = [_code(text)]
    if version.digest and version.tags:
        # The tag in the template is one of those that are shown.
        tags = sorted(version.tags, key=lambda tag: tag != tag_of(version.image.written))
        more = [f"{len(tags) - _MAX_TAGS} more"] if len(tags) > _MAX_TAGS else []
        parts.append(", ".join([*map(_code, tags[:_MAX_TAGS]), *more]))
    if version.pushed_at:
        parts.append(f"pushed {version.pushed_at[:10]}, {comparison.age(version.pushed_at)}")
    elif version.digest:
        parts.append(f"age unknown: {escape(version.unknown)}")
    if version.running:
        parts.append(escape(version.running))
    return "<br>".join(parts)


def _code(text: str) -> str:
    """Return a text as code; it can end neither the code nor the cell of a table."""
    return f"`{' '.join(text.split()).translate(_SIMILAR)}`"
