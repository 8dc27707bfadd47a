"""Images that are not pinned: why not, and their expressions without the marker."""

from __future__ import annotations

from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.images.references import ImageReference, is_digest
from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonValue, Known, NoValue, Outcome, Unknown
from image_pinner.core.template.loop_keys import EXPAND_FIRST
from image_pinner.core.template.marker_search import count_markers, may_contain_marker
from image_pinner.core.template.markers import LONG_FORM, PIN_MARKER, remove_marker, without_marker
from image_pinner.core.template.options import Pin
from image_pinner.core.template.problems import INVALID_MARKER, UNRESOLVED_IMAGE, Problem
from image_pinner.core.template.sites import CandidateImage, SkippedImage, SkipStatus, excluded
from image_pinner.core.template.traversal import creates_nothing

FALSE_CONDITION = (
    "its condition is false with the parameters of this deployment; an update with the previous template can deploy it "
    "by tag"
)
_NO_LOOP_VALUES = "its loop has no values with the parameters of this deployment"
_NOT_SELECTED = "it has no marker, and no Pin option selects it"
_WRITE_MARKER = f'write "{PIN_MARKER} repository:tag"'
_MARK_THE_IMAGE = f"write {PIN_MARKER} in the property of the image"
NOT_A_REFERENCE = "not a valid image reference"
NO_LOOP = f"write the property without Fn::ForEach, or {EXPAND_FIRST}"


def skipped_image(image: CandidateImage) -> SkippedImage | Problem:
    """Return why an image that is not to be pinned is skipped, or a problem if it has a misplaced marker."""
    status, reason = _skip_reason(image)
    return _remaining_marker(image, image.node.value) or SkippedImage(
        image.node.path,
        status,
        reason,
        known_text(image.certain),
        unmarkable=image.context.resource_path if image.location.rejects_marker else None,
        guards=image.node.guards,
    )


def not_deployed(image: CandidateImage) -> SkippedImage | Problem:
    """Return an image that a condition or a loop excludes, and its expression without the marker.

    It is a problem if the marker cannot be removed.
    """
    text = known_text(image.outcome)
    if not image.is_marked and is_digest(text.partition("@")[2]):
        return skipped_image(image)
    replacement: JsonValue = None
    if image.has_marker:
        text = without_marker(text).strip()
        known = text if isinstance(image.outcome, Known) else None
        replacement = kept_expression(image.node.value, known, image.node.scope.with_claims())
    elif image.marked_expression:
        replacement = image.marked_expression.expression
    if image.is_marked and image.node.shared:
        return image.problem(f"cannot remove the marker: {image.node.shared}", NO_LOOP, UNRESOLVED_IMAGE)
    if image.is_marked and replacement is None:
        cause = "cannot remove the marker: it is part of a value that is unknown"
        return image.problem(cause, _MARK_THE_IMAGE, INVALID_MARKER)
    return _remaining_marker(image, replacement if image.is_marked else image.node.value) or SkippedImage(
        image.node.path,
        SkipStatus.NOT_DEPLOYED,
        _NO_LOOP_VALUES if creates_nothing(image.node.scope) else FALSE_CONDITION,
        text,
        replacement,
        marked=image.is_marked,
    )


def kept_expression(expression: JsonValue, text: str | None, scope: Scope) -> JsonValue:
    """Return a marked expression without its marker.

    Args:
        expression: A text or an intrinsic function that evaluates to a marked text.
        text: The evaluated text without the marker and its options, or `None` if it is unknown.
        scope: What is known there.

    Returns:
        The expression without the marker, which keeps what it refers to; `text` if a parameter contains the marker or
        its options; `None` if neither is known.
    """
    plain = remove_marker(expression)
    if text is None or plain == text:
        return plain
    return plain if plain is not None and evaluate(plain, scope) == Known(text) else text


def _skip_reason(image: CandidateImage) -> tuple[SkipStatus, str]:
    if is_digest((text := known_text(image.certain)).partition("@")[2]):
        # Gates judge what has a digest by its reference, and must not miss what is none.
        cause = _explain_invalid(text)
        return (SkipStatus.INVALID, cause) if cause else (SkipStatus.PINNED, "it already has a digest")
    if image.context.options.pin is Pin.SKIP:
        return SkipStatus.SKIPPED, "Pin is Skip"
    if image.node.shared:
        return SkipStatus.HIDDEN, image.node.shared
    if found := excluded(image.location, certain_beginning(image.certain)):
        return found
    match image.certain:
        case Known("" | None):
            return SkipStatus.EMPTY, "it is empty; another tool sets it"
        case Known(value) if not isinstance(value, str):
            return SkipStatus.INVALID, f"it is {describe_type(value)}, {NOT_A_REFERENCE}"
        case Known(text):
            cause = _explain_invalid(text)
            return (SkipStatus.INVALID, cause) if cause else (SkipStatus.UNMARKED, _NOT_SELECTED)
        case Unknown(reason):
            return SkipStatus.UNMARKED, reason
        case _:
            return SkipStatus.UNMARKED, _NOT_SELECTED


def _explain_invalid(text: str) -> str:
    try:
        ImageReference.parse(text)
    except InvalidReferenceError as error:
        return error.cause
    return ""


def certain_beginning(outcome: Outcome) -> str:
    """Return the part of an image, from its beginning, that is certain."""
    if isinstance(outcome, Known):
        return outcome.value if isinstance(outcome.value, str) else ""
    return "" if isinstance(outcome, NoValue) else outcome.prefix


def describe_type(value: JsonValue) -> str:
    """Return the type of a value that is not a text, with its article."""
    return {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "a mapping"}.get(
        type(value), "empty"
    )


def known_text(outcome: Outcome) -> str:
    """Return the text of an outcome; empty if it is unknown, or not a text."""
    return outcome.value if isinstance(outcome, Known) and isinstance(outcome.value, str) else ""


def _remaining_marker(image: CandidateImage, expression: JsonValue) -> Problem | None:
    """Return a problem if a marker would be deployed with `expression`."""
    marker_count = count_markers(expression)
    if marker_count.long_forms:
        return image.problem(f"{LONG_FORM} must contain the whole image", _WRITE_MARKER, INVALID_MARKER)
    if marker_count.texts and isinstance(image.outcome, Unknown) and not image.outcome.prefix:
        return image.unresolved("cannot resolve image, which has a marker", image.outcome)
    if marker_count.texts:
        cause = "the marker is not at the beginning of the image"
        return image.problem(cause, f"{_WRITE_MARKER}, nothing before it", INVALID_MARKER)
    if image.is_marked:
        return None
    if isinstance(image.outcome, Known | NoValue):
        beginning = known_text(image.outcome).lstrip()
        # No image begins with this character: it is a misspelled marker, or a YAML tag in quotes.
        if beginning.startswith("!"):
            cause = f"{beginning.split(maxsplit=1)[0]!r} is not a valid marker"
            return image.problem(cause, _WRITE_MARKER, INVALID_MARKER)
    elif may_contain_marker(expression, image.node.scope):
        failure = "cannot resolve image, and a value that it refers to has a marker"
        if isinstance(image.outcome, Unknown):
            return image.unresolved(failure, image.outcome)
        return image.problem(failure, _MARK_THE_IMAGE, UNRESOLVED_IMAGE)
    return None
