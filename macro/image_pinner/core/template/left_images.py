"""Images that stay as they are, each with its reason, and the marks that would stay with them."""

from __future__ import annotations

from image_pinner.core.images.digests import is_digest
from image_pinner.core.template.annotations import LONG_FORM, MARK, unmarked, without_mark
from image_pinner.core.template.carriers import may_bring_mark
from image_pinner.core.template.census import count_marks
from image_pinner.core.template.image_sites import FoundImage, LeftImage
from image_pinner.core.template.intrinsics import evaluate
from image_pinner.core.template.locations import ImageLocation
from image_pinner.core.template.options import Pin
from image_pinner.core.template.problems import Problem
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.values import JsonValue, Known, NoValue, Outcome, Unknown


def left_image(image: FoundImage) -> LeftImage | Problem:
    """Tell why an image stays that nothing asks to pin.

    Args:
        image: The image.

    Returns:
        The image with the reason, or a problem if a mark would stay with it.
    """
    status, reason = _why(image)
    return _forgotten(image, image.spot.value) or LeftImage(image.spot.path, status, reason, _text(image.outcome))


def not_deployed(image: FoundImage) -> LeftImage | Problem:
    """Tell what becomes of an image that a condition excludes: it is not asked for, and its mark goes.

    Args:
        image: The image, with or without a mark.

    Returns:
        The image with the reason and with what stands there without the mark, or a problem if that cannot be told.
    """
    text = _text(image.outcome)
    rest: JsonValue = None
    if image.has_mark:
        text = without_mark(text).strip()
        rest = kept_expression(image.spot.value, text if isinstance(image.outcome, Known) else None, image.spot.scope)
    elif image.wrapped:
        rest = image.wrapped.expression
    if image.is_marked and rest is None:
        return image.problem(
            "the mark cannot be taken out: it comes with a value that is not known",
            f"Write {MARK} where the image stands",
        )
    return _forgotten(image, rest if image.is_marked else image.spot.value) or LeftImage(
        image.spot.path,
        "not deployed",
        "a condition excludes it with the parameters of this deployment",
        text,
        rest,
        marked=image.is_marked,
    )


def kept_expression(expression: JsonValue, text: str | None, scope: Scope) -> JsonValue:
    """Give what stays of a marked expression when its mark goes.

    Args:
        expression: A text or an intrinsic that comes to a text with the mark.
        text: What it comes to behind mark and options, or `None` if that is not known.
        scope: What is known there.

    Returns:
        The expression without the mark, so that it keeps what it refers to; the plain text where a parameter brings
        the mark or its options; `None` if neither can be told.
    """
    rest = unmarked(expression)
    if text is None or rest == text:
        return rest
    if rest is not None:
        outcome = evaluate(rest, scope)
        if isinstance(outcome, Known) and isinstance(outcome.value, str) and outcome.value == text:
            return rest
    return text


def _why(image: FoundImage) -> tuple[str, str]:
    text, location = _text(image.outcome), image.location
    if is_digest(text.partition("@")[2]):
        return "pinned", "it names a digest already"
    if image.around.options.pin is Pin.SKIP:
        return "skipped", "Pin is Skip"
    if reason := excluded(location, certain_beginning(image.outcome)):
        return "managed", reason
    match image.outcome:
        case Known("" | None):
            return "empty", "there is no image yet; another tool fills it in"
        case Known(value) if not isinstance(value, str):
            return "unmarked", f"it is {kind_of(value)} and no reference"
        case Unknown(reason):
            return "unmarked", reason
        case _:
            return "unmarked", "nothing asks for a pin"


def excluded(location: ImageLocation, beginning: str) -> str:
    """Tell why no image with this beginning is pinned in a place, as a clause, or nothing."""
    if location.refused:
        return location.refused
    managed = bool(location.managed) and beginning.startswith(location.managed)
    return "it is an image of the service itself" if managed else ""


def certain_beginning(outcome: Outcome) -> str:
    """Give what certainly stands at the beginning of an image, or nothing."""
    if isinstance(outcome, NoValue):
        return ""
    text = outcome.value if isinstance(outcome, Known) else outcome.prefix
    return text if isinstance(text, str) else ""


def kind_of(value: JsonValue) -> str:
    """Name the kind of a value that stands in the place of a reference."""
    return {bool: "a truth value", int: "a number", float: "a number", list: "a list", dict: "a map"}.get(
        type(value), "empty"
    )


def _text(outcome: Outcome) -> str:
    return outcome.value if isinstance(outcome, Known) and isinstance(outcome.value, str) else ""


def _forgotten(image: FoundImage, stays: JsonValue) -> Problem | None:
    """Find a mark in what stays: it would be deployed with the image."""
    census = count_marks(stays)
    if census.long_forms:
        return image.problem(f"{LONG_FORM} does not stand around the whole image", f'Write "{MARK} repository:tag"')
    if census.texts:
        return image.problem(
            "the mark does not stand at the beginning of the image",
            f'Write "{MARK} repository:tag", and nothing before it',
        )
    if image.is_marked:
        return None
    if isinstance(image.outcome, Known | NoValue):
        begin = _text(image.outcome).lstrip()
        # No image begins in this way, so that it is a mark with a slip of the pen, or a YAML tag within quotes.
        if begin.startswith("!"):
            return image.problem(f"{begin.split(maxsplit=1)[0]!r} is not the mark", f'Write "{MARK} repository:tag"')
    elif may_bring_mark(stays, image.spot.scope):
        return image.problem(
            "the image cannot be told, and one of the values that it may come to is marked",
            f"Write {MARK} where the image stands",
        )
    return None
