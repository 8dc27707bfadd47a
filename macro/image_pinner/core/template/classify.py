"""Classify one image: to pin, skipped with a reason, or a problem."""

from __future__ import annotations

from typing import assert_never

from image_pinner.core.errors import TemplateError
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import ImageReference, is_digest
from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.budget import BudgetExceededError
from image_pinner.core.intrinsics.dynamic_references import DYNAMIC_REFERENCE_PREFIX
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonValue, Known, NoValue, Outcome, Pending, Unknown
from image_pinner.core.template.locations import ImageLocation
from image_pinner.core.template.marker_search import count_markers, may_contain_marker
from image_pinner.core.template.markers import (
    is_marked,
    is_snippet,
    parse_marked_expression,
    parse_marker,
)
from image_pinner.core.template.options import AnyPlatform, Options, Pin, find_loosened_option, selects
from image_pinner.core.template.paths import Field
from image_pinner.core.template.problems import (
    INVALID_MARKER,
    INVALID_OPTION,
    INVALID_REFERENCE,
    MISPLACED_MARKER,
    UNRESOLVED_IMAGE,
    Problem,
    ProblemKind,
)
from image_pinner.core.template.runtime_platform import infer_platform
from image_pinner.core.template.sites import (
    CandidateImage,
    Classification,
    PinSite,
    ResourceContext,
    ScanSettings,
    SkippedImage,
    SkipStatus,
    excluded,
)
from image_pinner.core.template.skipped import (
    NO_LOOP,
    NOT_A_REFERENCE,
    certain_beginning,
    describe_type,
    known_text,
    not_deployed,
    skipped_image,
)
from image_pinner.core.template.tagged_digests import contains_digest, digest_path
from image_pinner.core.template.traversal import OpaqueNode, TemplateNode, deployment_status, walk

CALLED_BY_CLOUDFORMATION = "CloudFormation calls the macro for it before those of the template's Transform"
_NO_OPTIONS = Options()
_NOT_INFERRED = Unknown("not inferred yet")


def classify_image(
    node: TemplateNode, location: ImageLocation, context: ResourceContext, scan_settings: ScanSettings
) -> Classification:
    """Decide what to do with the value of a property that holds an image."""
    value, macro, name = node.value, scan_settings.macro, ""
    try:
        named = _container_name(node, location) if context.by_name else Known("")
        name = known_text(named)
        marked_expression = parse_marked_expression(value, macro, node.scope)
        if marked_expression is None and type(value) is dict and is_snippet(value, macro):
            return Classification(SkippedImage(node.path, SkipStatus.SNIPPET, CALLED_BY_CLOUDFORMATION), name=name)
        outcome, certain = _evaluate(marked_expression.expression if marked_expression else value, node.scope)
        if marked_expression is None and isinstance(certain, NoValue):
            return Classification(None, name=name)
        has_marker = is_marked(certain_beginning(outcome))
        is_marked_somehow = has_marker or marked_expression is not None
        image = CandidateImage(
            node, location, context, marked_expression, outcome, certain, has_marker, is_marked_somehow
        )
        if scan_settings.find_tagged_digests:
            return Classification(_tagged_digest(image), name=name)
        return _unresolved_name(image, named) or _classify(image, name)
    except BudgetExceededError:
        raise  # it concerns the whole template
    except TemplateError as error:
        problem = Problem(node.path, ProblemKind.TEMPLATE, error.cause, error.help, rule=error.slug)
        return Classification(problem, name=name)


def _evaluate(expression: JsonValue, scope: Scope) -> tuple[Outcome, Outcome]:
    """Return what an image evaluates to now, and what it certainly evaluates to if it is not replaced."""
    is_plain = isinstance(expression, str) and not scope.loops and DYNAMIC_REFERENCE_PREFIX not in expression
    if is_plain or scope.is_certain:  # most images
        outcome = evaluate(expression, scope)
        return outcome, outcome
    certain = evaluate(expression, scope.certain())
    if isinstance(certain, Known | NoValue):
        return certain, certain
    return evaluate(expression, scope.with_claims()), certain


def _container_name(node: TemplateNode, location: ImageLocation) -> Outcome:
    if not location.name_key or not isinstance(node.owner, dict):
        return Known("")
    for found in walk(TemplateNode((), node.owner, node.scope), (Field(location.name_key),)):
        if isinstance(found, OpaqueNode):
            return Unknown(found.reason)
        return evaluate(found.value, found.scope.with_claims())
    return Known("")


def _unresolved_name(image: CandidateImage, name: Outcome) -> Classification | None:
    """Return why it is not known whether a `Pin` with names selects an image, or `None` if it is known."""
    if image.is_marked or not isinstance(image.context.options.pin, tuple):
        return None
    match name:
        case Pending():
            return Classification(None, name.external_values)
        case Unknown():
            failure = "Pin selects containers by name, and the name of this one cannot be resolved"
            return Classification(image.unresolved(failure, name))
        case _:
            return None


def _classify(image: CandidateImage, name: str) -> Classification:
    outcome, pin, node = image.outcome, image.context.options.pin, image.node
    if not image.is_marked and not selects(pin, name):
        if isinstance(outcome, Pending) and pin is not Pin.SKIP and _may_be_marked(image):
            return Classification(None, outcome.external_values, name)
        return Classification(skipped_image(image), name=name)
    if image.marked_expression and image.has_marker:
        problem = image.problem("duplicate marker on the image", "remove one of them", INVALID_MARKER)
        return Classification(problem, name=name)
    # An update with the previous template runs no macro, and can deploy what its conditions exclude today: the
    # configuration's Pin applies to that too.
    guards = () if selects(image.context.operator.pin, name) else node.guards
    deployed = deployment_status(guards, node.scope) if guards or node.scope.loops else True
    if deployed is False:
        return Classification(not_deployed(image), name=name)
    if not image.is_marked and excluded(image.location, certain_beginning(image.certain)):
        return Classification(skipped_image(image), name=name)
    external_values = deployed if isinstance(deployed, frozenset) else frozenset()
    if isinstance(outcome, Pending):
        return Classification(None, outcome.external_values | external_values, name)
    return Classification(_requested(image, outcome), external_values, name)


def _may_be_marked(image: CandidateImage) -> bool:
    expression = image.node.value
    return count_markers(expression).texts > 0 or may_contain_marker(expression, image.node.scope)


def _requested(image: CandidateImage, outcome: Known | Unknown | NoValue) -> PinSite | SkippedImage | Problem:
    match outcome:
        case Known(str(text)):
            return _evaluated(image, text)
        case Known(value):
            cause = f"image is {describe_type(value)}, {NOT_A_REFERENCE}"
            return image.problem(cause, "write repository:tag as text", INVALID_REFERENCE)
        case Unknown():
            return image.unresolved("cannot resolve image", outcome)
        case NoValue():
            help = "move the Fn::If around the whole image and its marker"
            return image.problem("image is AWS::NoValue", help, INVALID_MARKER)
        case _:
            assert_never(outcome)


def _evaluated(image: CandidateImage, text: str) -> PinSite | SkippedImage | Problem:
    context, written = image.context, text
    own = image.marked_expression.options if image.marked_expression else _NO_OPTIONS
    if image.has_marker:
        own, written = parse_marker(text)
    options = context.options
    if own != _NO_OPTIONS:
        if looser := find_loosened_option(own, context.operator):
            return image.problem(looser, "remove the option", INVALID_OPTION, ProblemKind.POLICY)
        options = own.over(options)
    if found := excluded(image.location, written):
        help = "remove the marker" if image.is_marked else "write the image itself"
        return image.problem(f"cannot pin {written!r} here: {found[1]}", help, MISPLACED_MARKER)
    reference = ImageReference.parse(written)
    if reference.digest and not image.is_marked and isinstance(image.certain, Known):
        return SkippedImage(image.node.path, SkipStatus.PINNED, "it already has a digest", written)
    return _site(image, options, reference)


def _tagged_digest(image: CandidateImage) -> PinSite | SkippedImage | Problem:
    """Return an image with a tag and a digest that is written in its property, whether or not it is to be pinned."""
    text, path = known_text(image.outcome).strip(), image.node.path
    has_digest = contains_digest(image.node.value) if isinstance(image.outcome, Unknown | Pending) else "@" in text
    if not has_digest or (text and not is_digest(text.partition("@")[2])):
        return SkippedImage(path, SkipStatus.UNMARKED, "it has no digest")
    if image.context.options.pin is Pin.SKIP and not image.is_marked:
        return SkippedImage(path, SkipStatus.SKIPPED, "Pin is Skip", text)
    if isinstance(image.outcome, Unknown) and image.outcome.missing:
        return image.unresolved("cannot resolve image", image.outcome)
    if not text:
        return SkippedImage(path, SkipStatus.PINNED, "the value is not known before the deployment")
    own = image.marked_expression.options if image.marked_expression else _NO_OPTIONS
    if image.has_marker:
        own, text = parse_marker(text)
    reference = ImageReference.parse(text)
    if not reference.tag or not reference.digest:
        return SkippedImage(path, SkipStatus.PINNED, "no tag to look up", text)
    if digest_path(image.node, reference.digest) is None:
        return SkippedImage(path, SkipStatus.PINNED, "the digest is not written in the property", text)
    return _site(image, own.over(image.context.options), reference)


def _site(image: CandidateImage, options: Options, reference: ImageReference) -> PinSite | Problem:
    if image.node.shared:
        return image.problem(f"cannot pin the image: {image.node.shared}", NO_LOOP, UNRESOLVED_IMAGE)
    platform = _platform(image, options)
    if isinstance(platform, Unknown):
        if not image.location.index_allowed:
            return image.unresolved("cannot infer the platform", platform)
        platform = None
    runtime: Platform | Unknown | None = platform
    is_claimed = options.platform not in {None, image.context.operator.platform}
    if is_claimed or not image.node.scope.is_certain:
        runtime = _platform(image, options._replace(platform=None) if is_claimed else options, certain=True)
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
        runtime if isinstance(runtime, Platform) else None,
    )


def _credentials(image: CandidateImage) -> str:
    """Return the ARN of the secret with the registry credentials; empty if the template has none."""
    path, value = image.location.credentials_path, image.node.owner
    if not path or not isinstance(value, dict) or path[0] not in value:
        return ""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    arn = "" if value is None else known_text(evaluate(value, image.node.scope.with_claims()))
    return arn if arn.startswith("arn:") else ""


def _platform(image: CandidateImage, options: Options, *, certain: bool = False) -> Platform | Unknown | None:
    if isinstance(options.platform, Platform):
        return options.platform
    source, context = image.location.platform, image.context
    if options.platform is AnyPlatform.ANY or source is None:
        return None
    if "[*]" in source.architecture:
        source = source.of_image(image.node.steps[len(context.resource_path.steps) :])
    # All images of a resource run on the same platform; most have none.
    platform = context.platforms.get((source, certain), _NOT_INFERRED)
    if platform is _NOT_INFERRED:
        scope = image.node.scope.certain() if certain else image.node.scope.with_claims()
        platform = infer_platform(source, context.properties, context.template or {}, scope)
        context.platforms[source, certain] = platform
    return platform
