"""Reading one image: whether it is to be pinned, with which options, and which reference stands there."""

from __future__ import annotations

from typing import assert_never

from image_pinner.core.errors import TemplateError
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import ImageReference
from image_pinner.core.template.annotations import SNIPPET, calls_macro, is_marked, read_mark, unwrap
from image_pinner.core.template.carriers import may_bring_mark
from image_pinner.core.template.deployment import deployment
from image_pinner.core.template.image_sites import Around, FoundImage, LeftImage, PinSite, ReadImage, Rules
from image_pinner.core.template.intrinsics import evaluate
from image_pinner.core.template.left_images import certain_beginning, excluded, kind_of, left_image, not_deployed
from image_pinner.core.template.locations import ImageLocation
from image_pinner.core.template.options import AnyPlatform, Options, Pin
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.snippet_calls import CALLED_BY_CLOUDFORMATION
from image_pinner.core.template.spots import Spot
from image_pinner.core.template.tightening import loosened
from image_pinner.core.template.values import JsonValue, Known, NoValue, Pending, Unknown
from image_pinner.core.template.wanted_platform import derived_platform

_NO_OPTIONS = Options()


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
    name = _container_name(spot, location) if around.by_name else ""
    try:
        wrapped = unwrap(spot.value, rules.macro, spot.scope)
        if wrapped is None and _is_left_to_service(spot.value, rules.macro):
            return ReadImage(LeftImage(spot.path, "snippet", CALLED_BY_CLOUDFORMATION), name=name)
        outcome = evaluate(wrapped.expression if wrapped else spot.value, spot.scope)
        if wrapped is None and isinstance(outcome, NoValue):
            return ReadImage(None, name=name)
        image = FoundImage(spot, location, around, wrapped, outcome, is_marked(certain_beginning(outcome)))
        return _read(image, name)
    except TemplateError as error:
        return ReadImage(Problem(spot.path, ProblemKind.TEMPLATE, error.cause, error.remedy), name=name)


def _is_left_to_service(value: JsonValue, macro: str) -> bool:
    return type(value) is dict and SNIPPET in value and calls_macro(value[SNIPPET], macro)


def _container_name(spot: Spot, location: ImageLocation) -> str:
    if not location.name_key or not isinstance(spot.owner, dict):
        return ""
    name = evaluate(spot.owner.get(location.name_key), spot.scope)
    return name.value if isinstance(name, Known) and isinstance(name.value, str) else ""


def _read(image: FoundImage, name: str) -> ReadImage:
    outcome, pin = image.outcome, image.around.options.pin
    if not image.is_marked and pin is not Pin.ALL and not (isinstance(pin, tuple) and name in pin):
        if isinstance(outcome, Pending) and pin is not Pin.SKIP and may_bring_mark(image.spot.value, image.spot.scope):
            return ReadImage(None, outcome.lookups, name)
        return ReadImage(left_image(image), name=name)
    if image.wrapped and image.has_mark:
        return ReadImage(image.problem("the image is marked twice", "Keep one of the two marks"), name=name)
    deployed = deployment(image.spot.guards, image.spot.scope) if image.spot.guards else True
    if deployed is False:
        return ReadImage(not_deployed(image), name=name)
    if not image.is_marked and excluded(image.location, certain_beginning(outcome)):
        return ReadImage(left_image(image), name=name)
    lookups = deployed if isinstance(deployed, frozenset) else frozenset()
    if isinstance(outcome, Pending):
        return ReadImage(None, outcome.lookups | lookups, name)
    return ReadImage(_asked(image, outcome), lookups, name)


def _asked(image: FoundImage, outcome: Known | Unknown | NoValue) -> PinSite | LeftImage | Problem:
    match outcome:
        case Known(str(text)):
            return _known(image, text)
        case Known(value):
            return image.problem(f"the image is {kind_of(value)}", "Write repository:tag as text")
        case Unknown():
            return image.problem(f"the image cannot be told: {outcome.reason}", outcome.remedy)
        case NoValue():
            return image.problem(
                "the image is AWS::NoValue", "Put the Fn::If around the whole image, the mark included"
            )
        case _:
            assert_never(outcome)


def _known(image: FoundImage, text: str) -> PinSite | LeftImage | Problem:
    around = image.around
    own, written = image.wrapped.options if image.wrapped else None, text
    if image.has_mark:
        mark = read_mark(text)
        own, written = mark.options, mark.reference
    options = around.options
    if own and own != _NO_OPTIONS:
        if looser := loosened(own, around.operator):
            return image.problem(looser, "Remove the option", ProblemKind.POLICY)
        options = own.over(options)
    if reason := excluded(image.location, written):
        return image.problem(f"{written!r} cannot be pinned here: {reason}", "Remove the mark")
    reference = ImageReference.parse(written)
    if reference.digest and not image.is_marked:
        return LeftImage(image.spot.path, "pinned", "it names a digest already", written)
    return _site(image, options, reference)


def _site(image: FoundImage, options: Options, reference: ImageReference) -> PinSite | Problem:
    platform = _platform(image, options)
    if isinstance(platform, Unknown):
        if not image.location.index_allowed:
            return image.problem(
                f"the platform cannot be told: {platform.reason}", platform.remedy or "Say Platform=os/architecture"
            )
        platform = None
    return PinSite(
        image.spot,
        image.location,
        options,
        reference,
        platform,
        image.is_marked,
        image.wrapped,
        image.around.resource_path,
        _credentials(image),
    )


def _credentials(image: FoundImage) -> str:
    """Give the ARN of the secret with the registry's login, empty where the template does not say it plainly."""
    path, value = image.location.credentials_path, image.spot.owner
    if not path or not isinstance(value, dict) or path[0] not in value:
        return ""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        return ""
    found = evaluate(value, image.spot.scope)
    is_arn = isinstance(found, Known) and isinstance(found.value, str) and found.value.startswith("arn:")
    return found.value if isinstance(found, Known) and is_arn else ""


def _platform(image: FoundImage, options: Options) -> Platform | Unknown | None:
    if isinstance(options.platform, Platform):
        return options.platform
    source, around = image.location.platform, image.around
    if options.platform is AnyPlatform.ANY or source is None:
        return None
    if "[*]" in source.architecture:
        source = source.of_image(image.spot.steps[len(around.resource_path.steps) :])
    # All images of a resource run on the same platform.
    if source not in around.platforms:
        around.platforms[source] = derived_platform(source, around.properties, around.template or {}, image.spot.scope)
    return around.platforms[source]
