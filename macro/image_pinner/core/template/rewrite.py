"""Build the edits that pin images, and record their written references in the template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.values import JsonObject, JsonValue, Known
from image_pinner.core.template.edits import Edit, Replace
from image_pinner.core.template.paths import value_at
from image_pinner.core.template.records import record_edits, removal_edits
from image_pinner.core.template.sites import PinSite, SkippedImage
from image_pinner.core.template.skipped import kept_expression
from image_pinner.core.template.traversal import TemplateNode


def build_edits(
    template: JsonObject,
    pinned: Iterable[tuple[PinSite, str, str]],
    kept: Iterable[PinSite],
    skipped: Iterable[SkippedImage],
    foreign: Sequence[TemplateNode] = (),
) -> tuple[Edit, ...]:
    """Build the edits that carry out a decision; no path of an edit contains another.

    Args:
        template: The template or fragment.
        pinned: The images to pin, each with the text that replaces it and the reference to record, or an empty text.
        kept: The images that keep their tag and lose their marker.
        skipped: The images that are not pinned; those that are not deployed lose their marker.
        foreign: The records to remove.
    """
    digests = list(pinned)
    edits: list[Edit] = [Replace(site.path, text) for site, text, _ in digests if site.node.value != text]
    edits += [Replace(site.path, value) for site in kept if (value := _kept(site)) != site.node.value]
    edits += [Replace(image.path, image.replacement) for image in skipped if image.replacement is not None]
    records = list(record_edits(template, ((site, recorded) for site, _, recorded in digests), foreign))
    removals = removal_edits(foreign, records) if foreign else ()
    return (*edits, *(edit for edit in records if not _is_noop(template, edit)), *removals)


def _kept(site: PinSite) -> JsonValue:
    """Return the expression without its marker: it refers to the repository, which must be created first.

    If CloudFormation can evaluate it to another image than the one that was judged, return that image.
    """
    text, scope = site.reference.written, site.node.scope.certain()
    if site.marked and not site.marked_expression:
        return kept_expression(site.node.value, text, scope)
    expression = site.marked_expression.expression if site.marked_expression else site.node.value
    return expression if isinstance(evaluate(expression, scope), Known) else text


def _is_noop(template: JsonObject, edit: Edit) -> bool:
    return isinstance(edit, Replace) and bool(value_at(template, edit.path.steps) == edit.value)
