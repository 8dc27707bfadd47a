"""Text for people: the images that change, each with its versions, then the resources."""

from __future__ import annotations

from collections.abc import Iterator

from image_pinner.cli.comparison.interface import Comparison, ImageVersion, name_of, not_running
from image_pinner.cli.output.text import printable
from image_pinner.core.comparison import ChangeKind, Effect, ImageChange

_SIGNS = {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.CHANGED: "~", ChangeKind.REWRITTEN: "="}
# The signs of `install` for the same changes.
_EFFECT_SIGNS = {Effect.CREATED: "+", Effect.DELETED: "-", Effect.REPLACED: "±"}


def render(comparison: Comparison) -> str:
    """See `ComparisonFormat`. The text is empty if a template cannot be pinned, which messages report."""
    return "" if comparison.failed else "".join(f"{printable(line)}\n" for line in _lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    yield f"{comparison.document.name}, compared with {comparison.base}:"
    for change in comparison.changed:
        yield ""
        yield from _image_lines(comparison, change)
    if comparison.effects:
        yield ""
    for found in comparison.effects:
        services = f"; redeploys {', '.join(found.services)}" if found.services else ""
        sign = _EFFECT_SIGNS.get(found.effect, "~")
        yield f"{sign} {found.resource} ({found.resource_type}): {found.effect}{services}"
    if comparison.changed or comparison.not_compared:
        yield ""
    for path, reason in comparison.not_compared.items():
        yield f"not compared: {path}: {reason}"
    yield comparison.summarize()


def _image_lines(comparison: Comparison, change: ImageChange) -> Iterator[str]:
    image = change.image
    where = f"{comparison.document.name}:{comparison.document.position(image.path)}: " if change.new else ""
    note = ", the digest stays" if change.kind is ChangeKind.REWRITTEN else ""
    yield f"{_SIGNS[change.kind]} {name_of(change)}: {change.kind}{note}"
    yield f"    {where}{image.path}"
    for sign, side in (("-", change.old), ("+", change.new)):
        if side:
            yield from _version_lines(comparison, sign, comparison.describe(side))
            if change.is_relabeled:
                yield f"      label: {side.label or 'none'}"


def _version_lines(comparison: Comparison, sign: str, version: ImageVersion) -> Iterator[str]:
    yield f"    {sign} {version.image.text or 'unknown'}"
    if version.running:
        yield f"      {version.running}"
    elif not version.digest and (reason := not_running(version.image.running)):
        yield f"      digest unknown: {reason}"
    label = "tags" if version.tags_from == "ECR" else "tag in the template"
    parts = [f"{label}: {', '.join(version.tags)}"] if version.digest and version.tags else []
    parts += ["tags: none"] if version.tags_from == "ECR" and not version.tags else []
    if version.pushed_at:
        parts.append(f"pushed {version.pushed_at[:10]}, {comparison.age(version.pushed_at)}")
    elif version.digest:
        parts.append(f"age unknown: {version.unknown}")
    if parts:
        yield f"      {'; '.join(parts)}"
