"""Classify one image: to pin, skipped with a reason, or a problem.

A macro never sees them, since they are gone when it is called for the template. The command does, and cannot do their
work: what stands beside an `Fn::Transform` is replaced together with it, which only CloudFormation can do in its order
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-overview.html).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import assert_never

from image_pinner.core.errors import TemplateError
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import ImageReference, is_digest
from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonMap, JsonValue, Known, NoValue, Outcome, Pending, Unknown
from image_pinner.core.template.locations import ImageLocation
from image_pinner.core.template.marker_search import count_marks, may_bring_mark
from image_pinner.core.template.markers import (
    LONG_FORM,
    MARK,
    SNIPPET,
    calls_macro,
    is_marked,
    read_mark,
    unmarked,
    unwrap,
    without_mark,
)
from image_pinner.core.template.options import AnyPlatform, Options, Pin, loosened
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.runtime_platform import derived_platform
from image_pinner.core.template.sites import Around, FoundImage, LeftImage, PinSite, ReadImage, Rules
from image_pinner.core.template.traversal import Spot, deployment

CALLED_BY_CLOUDFORMATION = "CloudFormation calls the macro for it before those of the template's Transform"


def find_snippet_calls(template: JsonMap, read: Collection[tuple[Step, ...]], macro: str) -> Iterator[LeftImage]:
    """Find the snippets of this macro that do not stand in the place of an image.

    Args:
        template: The template.
        read: The paths of all expressions that were read as images.
        macro: The macro's name.

    Yields:
        Each of them, as something that stays as it is.
    """
    todo: list[tuple[JsonValue, tuple[Step, ...]]] = [(template, ())]
    while todo:
        node, steps = todo.pop()
        if isinstance(node, dict):
            children: Iterable[tuple[Step, JsonValue]] = node.items()
            if SNIPPET in node and steps not in read and calls_macro(node[SNIPPET], macro):
                yield LeftImage(TemplatePath((*steps, SNIPPET)), "snippet", CALLED_BY_CLOUDFORMATION)
        else:
            children = enumerate(node)
        todo += [((value), (*steps, key)) for key, value in children if isinstance(value, dict | list)]


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
