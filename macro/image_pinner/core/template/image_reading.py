"""Reading one image: whether it is to be pinned, with which options, and which reference stands there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from image_pinner.core.errors import TemplateError
from image_pinner.core.images.references import ImageReference
from image_pinner.core.template.annotations import Wrapped, is_marked, read_mark, unmarked, unwrap, without_mark
from image_pinner.core.template.image_sites import Around, LeftImage, PinSite, ReadImage, Rules
from image_pinner.core.template.intrinsics import decide, evaluate
from image_pinner.core.template.locations import ImageLocation
from image_pinner.core.template.options import Options, Pin, loosened
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.values import JsonValue, Known, Lookup, NoValue, Outcome, Pending, Unknown
from image_pinner.core.template.walking import Spot
from image_pinner.core.template.wanted_platform import wanted_platform


def read_image(spot: Spot, location: ImageLocation, around: Around, rules: Rules) -> ReadImage:
    """Read what stands in the place of an image.

    Args:
        spot: The place and what stands there.
        location: What the place accepts.
        around: What holds around it.
        rules: The operator's settings that bear on it.

    Returns:
        What is to be done with it.
    """
    name = _container_name(spot, location)
    try:
        wrapped = unwrap(spot.value, rules.macro, spot.scope)
        outcome = evaluate(wrapped.expression if wrapped else spot.value, spot.scope)
        if isinstance(outcome, NoValue):
            return ReadImage(None, name=name)
        image = _Image(spot, location, around, wrapped, outcome)
        if not image.is_asked(name):
            return ReadImage(_left(image), name=name)
        deployed = _deployed(spot)
        if deployed is False:
            return ReadImage(_not_deployed(image), name=name)
        lookups = deployed if isinstance(deployed, frozenset) else frozenset()
        if isinstance(outcome, Pending):
            return ReadImage(None, outcome.lookups | lookups, name)
        return ReadImage(_asked(image), lookups, name)
    except TemplateError as error:
        return ReadImage(Problem(spot.path, ProblemKind.TEMPLATE, error.cause, error.remedy), name=name)


@dataclass(frozen=True, slots=True)
class _Image:
    """An image with all that decides about it."""

    spot: Spot
    location: ImageLocation
    around: Around
    wrapped: Wrapped | None
    outcome: Outcome

    @property
    def is_marked(self) -> bool:
        """Whether what stands there begins with the quoted mark."""
        match self.outcome:
            case Known(value):
                return isinstance(value, str) and is_marked(value)
            case Pending() | Unknown():
                return is_marked(self.outcome.prefix)
            case _:
                return False

    def is_asked(self, name: str) -> bool:
        """Tell whether the image is to be pinned."""
        pin = self.around.pin
        asked = name in pin if isinstance(pin, tuple) else pin is Pin.ALL
        return asked or self.wrapped is not None or self.is_marked

    def without_mark(self) -> JsonValue | None:
        """Give the expression without what asks for the pin; `None` where a parameter brings that."""
        if self.wrapped:
            return self.wrapped.expression
        return unmarked(self.spot.value) if self.is_marked else self.spot.value

    def problem(self, cause: str, remedy: str, kind: ProblemKind = ProblemKind.TEMPLATE) -> Problem:
        """Give a problem of this image."""
        return Problem(self.spot.path, kind, cause, remedy)


def _container_name(spot: Spot, location: ImageLocation) -> str:
    if not location.name_key or not isinstance(spot.owner, dict):
        return ""
    name = evaluate(spot.owner.get(location.name_key), spot.scope)
    return name.value if isinstance(name, Known) and isinstance(name.value, str) else ""


def _deployed(spot: Spot) -> bool | frozenset[Lookup] | None:
    """Tell whether a place is deployed; `None` if that is open, look-ups if they may tell."""
    lookups: frozenset[Lookup] = frozenset()
    decided = True
    for guard in spot.guards:
        match decide(guard.condition, spot.scope):
            case Known(value) if bool(value) is not guard.wanted:
                return False
            case Known():
                pass
            case Pending() as pending:
                lookups |= pending.lookups
            case _:
                decided = False
    return lookups or (True if decided else None)


def _not_deployed(image: _Image) -> LeftImage:
    marked = image.is_marked or image.wrapped is not None
    return LeftImage(
        image.spot.path,
        "not deployed",
        "a condition excludes it with the parameters of this deployment",
        without_mark(_text(image.outcome)) if image.is_marked else _text(image.outcome),
        image.without_mark() if marked else None,
        marked=marked,
    )


def _left(image: _Image) -> LeftImage:
    text = _text(image.outcome)
    pin = image.around.resource.pin or image.around.template.pin or image.around.operator.pin
    if "@" in text:
        return LeftImage(image.spot.path, "pinned", "it names a digest already", text)
    if pin is Pin.SKIP:
        return LeftImage(image.spot.path, "skipped", "Pin is Skip", text)
    if text.startswith(image.location.managed):
        return LeftImage(image.spot.path, "managed", "it is an image of the service itself", text)
    if image.location.refused:
        return LeftImage(image.spot.path, "managed", image.location.refused, text)
    if isinstance(image.outcome, Known) and not text:
        return LeftImage(image.spot.path, "empty", "there is no image yet; another tool fills it in")
    reason = getattr(image.outcome, "reason", "")
    return LeftImage(image.spot.path, "unmarked", reason or "nothing asks for a pin", text)


def _text(outcome: Outcome) -> str:
    return outcome.value if isinstance(outcome, Known) and isinstance(outcome.value, str) else ""


def _asked(image: _Image) -> PinSite | LeftImage | Problem:
    match image.outcome:
        case Known(str(text)):
            return _known(image, text)
        case Known(value):
            return image.problem(f"the image is {_kind(value)}", "Write repository:tag as text")
        case Unknown() as unknown:
            return image.problem(f"the image cannot be told: {unknown.reason}", unknown.remedy)
        case Pending() as pending:
            asked = ", ".join(sorted(str(lookup) for lookup in pending.lookups))
            return image.problem(f"the image cannot be told before {asked} is", "Ask again")
        case NoValue():
            return image.problem("there is no image", "Write repository:tag")
        case _:
            assert_never(image.outcome)


def _kind(value: JsonValue) -> str:
    return {bool: "a truth value", int: "a number", float: "a number", list: "a list", dict: "a map"}.get(
        type(value), "empty"
    )


def _known(image: _Image, text: str) -> PinSite | LeftImage | Problem:
    around = image.around
    own = image.wrapped.options if image.wrapped else Options()
    written = text
    if image.is_marked:
        if image.wrapped:
            return image.problem("the image is marked twice", "Keep one of the two marks")
        mark = read_mark(text)
        own, written = mark.options, mark.reference
    explicit = image.is_marked or image.wrapped is not None
    if looser := loosened(own, around.operator):
        return image.problem(looser, "Remove the option", ProblemKind.POLICY)
    location = image.location
    if excluded := (
        location.refused or ("it is an image of the service itself" if _managed(location, written) else "")
    ):
        if explicit:
            return image.problem(f"{written!r} cannot be pinned here: {excluded}", "Remove the mark")
        return LeftImage(image.spot.path, "managed", excluded, written)
    reference = ImageReference.parse(written)
    if reference.digest and not explicit:
        return LeftImage(image.spot.path, "pinned", "it names a digest already", written)
    return _site(image, own.over(around.resource).over(around.template).over(around.operator), reference)


def _managed(location: ImageLocation, written: str) -> bool:
    return bool(location.managed) and written.startswith(location.managed)


def _site(image: _Image, options: Options, reference: ImageReference) -> PinSite | Problem:
    spot, around = image.spot, image.around
    platform = wanted_platform(image.location, options, around.properties, around.whole or {}, spot.scope)
    if isinstance(platform, Unknown):
        if not image.location.index_allowed:
            return image.problem(
                f"the platform cannot be told: {platform.reason}", platform.remedy or "Say Platform=os/architecture"
            )
        platform = None
    kept = image.without_mark()
    marked = image.is_marked or image.wrapped is not None
    return PinSite(
        path=spot.path,
        spot=spot,
        location=image.location,
        options=options,
        reference=reference,
        platform=platform,
        form="mark" if marked else "Pin",
        kept=reference.written if kept is None else kept,
        resource_path=around.resource_path,
    )
