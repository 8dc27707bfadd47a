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
from image_pinner.core.intrinsics.values import JsonObject, JsonValue, Known, NoValue, Outcome, Pending, Unknown
from image_pinner.core.template.locations import ImageLocation
from image_pinner.core.template.marker_search import count_markers, may_contain_marker
from image_pinner.core.template.markers import (
    LONG_FORM,
    PIN_MARKER,
    SNIPPET,
    calls_macro,
    is_marked,
    parse_marked_expression,
    parse_marker,
    unmarked,
    without_marker,
)
from image_pinner.core.template.options import AnyPlatform, Options, Pin, find_loosened_option
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.runtime_platform import infer_platform
from image_pinner.core.template.sites import (
    CandidateImage,
    Classification,
    PinSite,
    ResourceContext,
    ScanSettings,
    SkippedImage,
)
from image_pinner.core.template.traversal import TemplateNode, deployment_status

CALLED_BY_CLOUDFORMATION = "CloudFormation calls the macro for it before those of the template's Transform"


def find_snippet_calls(template: JsonObject, read: Collection[tuple[Step, ...]], macro: str) -> Iterator[SkippedImage]:
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
                yield SkippedImage(TemplatePath((*steps, SNIPPET)), "snippet", CALLED_BY_CLOUDFORMATION)
        else:
            children = enumerate(node)
        todo += [((value), (*steps, key)) for key, value in children if isinstance(value, dict | list)]


def skipped_image(image: CandidateImage) -> SkippedImage | Problem:
    """Tell why an image stays that nothing asks to pin.

    Args:
        image: The image.

    Returns:
        The image with the reason, or a problem if a mark would stay with it.
    """
    status, reason = _why(image)
    return _forgotten(image, image.node.value) or SkippedImage(image.node.path, status, reason, _text(image.outcome))


def not_deployed(image: CandidateImage) -> SkippedImage | Problem:
    """Tell what becomes of an image that a condition excludes: it is not asked for, and its mark goes.

    Args:
        image: The image, with or without a mark.

    Returns:
        The image with the reason and with what stands there without the mark, or a problem if that cannot be told.
    """
    text = _text(image.outcome)
    rest: JsonValue = None
    if image.has_marker:
        text = without_marker(text).strip()
        rest = kept_expression(image.node.value, text if isinstance(image.outcome, Known) else None, image.node.scope)
    elif image.marked_expression:
        rest = image.marked_expression.expression
    if image.is_marked and rest is None:
        return image.problem(
            "the mark cannot be taken out: it comes with a value that is not known",
            f"Write {PIN_MARKER} where the image stands",
        )
    return _forgotten(image, rest if image.is_marked else image.node.value) or SkippedImage(
        image.node.path,
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


def _why(image: CandidateImage) -> tuple[str, str]:
    text, location = _text(image.outcome), image.location
    if is_digest(text.partition("@")[2]):
        return "pinned", "it names a digest already"
    if image.context.options.pin is Pin.SKIP:
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


def _forgotten(image: CandidateImage, stays: JsonValue) -> Problem | None:
    """Find a mark in what stays: it would be deployed with the image."""
    marker_count = count_markers(stays)
    if marker_count.long_forms:
        return image.problem(
            f"{LONG_FORM} does not stand around the whole image", f'Write "{PIN_MARKER} repository:tag"'
        )
    if marker_count.texts:
        return image.problem(
            "the mark does not stand at the beginning of the image",
            f'Write "{PIN_MARKER} repository:tag", and nothing before it',
        )
    if image.is_marked:
        return None
    if isinstance(image.outcome, Known | NoValue):
        begin = _text(image.outcome).lstrip()
        # No image begins in this way, so that it is a mark with a slip of the pen, or a YAML tag within quotes.
        if begin.startswith("!"):
            return image.problem(
                f"{begin.split(maxsplit=1)[0]!r} is not the mark", f'Write "{PIN_MARKER} repository:tag"'
            )
    elif may_contain_marker(stays, image.node.scope):
        return image.problem(
            "the image cannot be told, and one of the values that it may come to is marked",
            f"Write {PIN_MARKER} where the image stands",
        )
    return None


_NO_OPTIONS = Options()


def classify_image(
    node: TemplateNode, location: ImageLocation, context: ResourceContext, scan_settings: ScanSettings
) -> Classification:
    """Read what stands in the place of an image.

    Args:
        node: The place and what stands there.
        location: What the place accepts.
        context: What holds around it.
        scan_settings: The operator's settings that bear on it.

    Returns:
        What is to be done with it.
    """
    name = _container_name(node, location) if context.by_name else ""
    try:
        marked_expression = parse_marked_expression(node.value, scan_settings.macro, node.scope)
        if marked_expression is None and _is_left_to_service(node.value, scan_settings.macro):
            return Classification(SkippedImage(node.path, "snippet", CALLED_BY_CLOUDFORMATION), name=name)
        outcome = evaluate(marked_expression.expression if marked_expression else node.value, node.scope)
        if marked_expression is None and isinstance(outcome, NoValue):
            return Classification(None, name=name)
        image = CandidateImage(
            node, location, context, marked_expression, outcome, is_marked(certain_beginning(outcome))
        )
        return _read(image, name)
    except TemplateError as error:
        return Classification(Problem(node.path, ProblemKind.TEMPLATE, error.cause, error.help), name=name)


def _is_left_to_service(value: JsonValue, macro: str) -> bool:
    return type(value) is dict and SNIPPET in value and calls_macro(value[SNIPPET], macro)


def _container_name(node: TemplateNode, location: ImageLocation) -> str:
    if not location.name_key or not isinstance(node.owner, dict):
        return ""
    name = evaluate(node.owner.get(location.name_key), node.scope)
    return name.value if isinstance(name, Known) and isinstance(name.value, str) else ""


def _read(image: CandidateImage, name: str) -> Classification:
    outcome, pin = image.outcome, image.context.options.pin
    if not image.is_marked and pin is not Pin.ALL and not (isinstance(pin, tuple) and name in pin):
        if (
            isinstance(outcome, Pending)
            and pin is not Pin.SKIP
            and may_contain_marker(image.node.value, image.node.scope)
        ):
            return Classification(None, outcome.external_values, name)
        return Classification(skipped_image(image), name=name)
    if image.marked_expression and image.has_marker:
        return Classification(image.problem("the image is marked twice", "Keep one of the two marks"), name=name)
    deployed = deployment_status(image.node.guards, image.node.scope) if image.node.guards else True
    if deployed is False:
        return Classification(not_deployed(image), name=name)
    if not image.is_marked and excluded(image.location, certain_beginning(outcome)):
        return Classification(skipped_image(image), name=name)
    external_values = deployed if isinstance(deployed, frozenset) else frozenset()
    if isinstance(outcome, Pending):
        return Classification(None, outcome.external_values | external_values, name)
    return Classification(_asked(image, outcome), external_values, name)


def _asked(image: CandidateImage, outcome: Known | Unknown | NoValue) -> PinSite | SkippedImage | Problem:
    match outcome:
        case Known(str(text)):
            return _known(image, text)
        case Known(value):
            return image.problem(f"the image is {kind_of(value)}", "Write repository:tag as text")
        case Unknown():
            return image.problem(f"the image cannot be told: {outcome.reason}", outcome.help)
        case NoValue():
            return image.problem(
                "the image is AWS::NoValue", "Put the Fn::If around the whole image, the mark included"
            )
        case _:
            assert_never(outcome)


def _known(image: CandidateImage, text: str) -> PinSite | SkippedImage | Problem:
    context = image.context
    own, written = image.marked_expression.options if image.marked_expression else None, text
    if image.has_marker:
        mark = parse_marker(text)
        own, written = mark.options, mark.reference
    options = context.options
    if own and own != _NO_OPTIONS:
        if looser := find_loosened_option(own, context.operator):
            return image.problem(looser, "Remove the option", ProblemKind.POLICY)
        options = own.over(options)
    if reason := excluded(image.location, written):
        return image.problem(f"{written!r} cannot be pinned here: {reason}", "Remove the mark")
    reference = ImageReference.parse(written)
    if reference.digest and not image.is_marked:
        return SkippedImage(image.node.path, "pinned", "it names a digest already", written)
    return _site(image, options, reference)


def _site(image: CandidateImage, options: Options, reference: ImageReference) -> PinSite | Problem:
    platform = _platform(image, options)
    if isinstance(platform, Unknown):
        if not image.location.index_allowed:
            return image.problem(
                f"the platform cannot be told: {platform.reason}", platform.help or "Say Platform=os/architecture"
            )
        platform = None
    return PinSite(
        image.node,
        image.location,
        options,
        reference,
        platform,
        image.is_marked,
        image.marked_expression,
        image.context.resource_path,
        _credentials(image),
    )


def _credentials(image: CandidateImage) -> str:
    """Give the ARN of the secret with the registry's login, empty where the template does not say it plainly."""
    path, value = image.location.credentials_path, image.node.owner
    if not path or not isinstance(value, dict) or path[0] not in value:
        return ""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        return ""
    found = evaluate(value, image.node.scope)
    is_arn = isinstance(found, Known) and isinstance(found.value, str) and found.value.startswith("arn:")
    return found.value if isinstance(found, Known) and is_arn else ""


def _platform(image: CandidateImage, options: Options) -> Platform | Unknown | None:
    if isinstance(options.platform, Platform):
        return options.platform
    source, context = image.location.platform, image.context
    if options.platform is AnyPlatform.ANY or source is None:
        return None
    if "[*]" in source.architecture:
        source = source.of_image(image.node.steps[len(context.resource_path.steps) :])
    # All images of a resource run on the same platform.
    if source not in context.platforms:
        context.platforms[source] = infer_platform(source, context.properties, context.template or {}, image.node.scope)
    return context.platforms[source]
