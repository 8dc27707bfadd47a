"""The values that `find` works with: its settings, the context of an image, and what was decided for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from image_pinner.core.images.globs import compile_glob
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import ImageReference
from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.values import ExternalValue, JsonObject, JsonValue, Known, Outcome, Unknown
from image_pinner.core.template.locations import ImageLocation, PlatformSource
from image_pinner.core.template.markers import MarkedExpression
from image_pinner.core.template.options import Options
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import UNRESOLVED_IMAGE, Problem, ProblemKind
from image_pinner.core.template.traversal import ConditionGuard, TemplateNode


class ScanSettings(NamedTuple):
    """The configuration of the macro that concerns finding images.

    Args:
        macro: The name of the macro, which snippets call.
        operator: The configured options.
        image_paths: JSONPath expressions from the template's root, for images in custom properties.
        find_tagged_digests: Whether to find the images `repository:tag@digest` instead of those to pin.
    """

    macro: str = "ImagePinner"
    operator: Options = Options()
    image_paths: tuple[str, ...] = ()
    find_tagged_digests: bool = False


class SiteIdentity(NamedTuple):
    """Which image of a template this is, by what stays the same when other images are added or removed.

    Args:
        resource: The logical ID of the resource, or empty outside of resources.
        container: The name of the container, or empty where there is none or it is not known.
        property_path: The path of the image inside the resource, which distinguishes images with the same resource and
            name.
    """

    resource: str
    container: str
    property_path: TemplatePath


@dataclass(frozen=True, slots=True)
class ResourceContext:
    """What applies to all images of a resource.

    Args:
        options: The options of the resource, the template and the configuration, merged.
        operator: The configured options alone, which the template may not loosen.
        by_name: Whether the template selects containers by name.
        resource_path: The path of the resource; the root if there is none.
        properties: The Properties of the resource.
        template: The whole template.
        platforms: The platforms inferred so far, and whether only from what is certain.
    """

    options: Options = Options()
    operator: Options = Options()
    by_name: bool = False
    resource_path: TemplatePath = TemplatePath()
    properties: JsonValue = None
    template: JsonObject | None = None
    platforms: dict[tuple[PlatformSource, bool], Platform | Unknown | None] = field(default_factory=dict, compare=False)


class CandidateImage(NamedTuple):
    """An image that is being classified.

    Args:
        node: The property and its value.
        location: What the property accepts.
        context: What applies to the images of the resource.
        marked_expression: The content of the snippet or long form, if it is one.
        outcome: What the image evaluates to.
        certain: What it certainly evaluates to if CloudFormation evaluates it again, because it is not replaced.
        has_marker: Whether that begins with the quoted marker.
        is_marked: Whether the image itself requests to be pinned: it has a marker, or is such an expression.
    """

    node: TemplateNode
    location: ImageLocation
    context: ResourceContext
    marked_expression: MarkedExpression | None
    outcome: Outcome
    certain: Outcome
    has_marker: bool
    is_marked: bool

    def problem(self, cause: str, help: str, rule: str, kind: ProblemKind = ProblemKind.TEMPLATE) -> Problem:
        """Return a problem of this image."""
        return Problem(self.node.path, kind, cause, help, rule=rule)

    def unresolved(self, failure: str, unknown: Unknown) -> Problem:
        """Return the problem that a value of this image is unknown; `failure` is a clause."""
        kind = ProblemKind.LOOKUP if unknown.failed_lookup else ProblemKind.TEMPLATE
        problem = self.problem(f"{failure}: {unknown.reason}", unknown.help, UNRESOLVED_IMAGE, kind)
        return problem._replace(missing=unknown.missing)


class PinSite(NamedTuple):
    """An image to pin.

    Args:
        node: The property and its value.
        location: What the property accepts.
        options: The options of all levels, merged.
        reference: The written reference, evaluated.
        platform: The platform that the image must support, or `None`.
        marked: Whether the image itself requests to be pinned; if not, `Pin` selects it.
        marked_expression: The content of the snippet or long form, if it is one.
        resource_path: The path of the resource.
        credentials: The ARN of the secret with the registry credentials; empty if the template has none.
        runtime_platform: The platform that the configuration sets or the resource has, whatever the template's option
            `Platform` claims; `None` if it is not known.
    """

    node: TemplateNode
    location: ImageLocation
    options: Options
    reference: ImageReference
    platform: Platform | None
    marked: bool
    marked_expression: MarkedExpression | None
    resource_path: TemplatePath
    credentials: str = ""
    runtime_platform: Platform | None = None

    @property
    def path(self) -> TemplatePath:
        """The path of the expression that is replaced."""
        return TemplatePath(self.node.steps)

    @property
    def identity(self) -> SiteIdentity:
        """Which image of the template this is."""
        resource, owner, name_key = self.resource_path.steps, self.node.owner, self.location.name_key
        name = (
            evaluate(owner.get(name_key), self.node.scope.with_claims())
            if name_key and isinstance(owner, dict)
            else None
        )
        container = name.value if isinstance(name, Known) and isinstance(name.value, str) else ""
        return SiteIdentity(
            str(resource[-1]) if resource else "", container, TemplatePath(self.node.steps[len(resource) :])
        )

    @property
    def form(self) -> str:
        """What requested the pin, as a word for reports."""
        return "marker" if self.marked else "Pin"


class SkipStatus(StrEnum):
    """Why an image is not changed, as a word for reports."""

    UNMARKED = "unmarked"
    INVALID = "invalid"
    PINNED = "pinned"
    SKIPPED = "skipped"
    MANAGED = "managed"
    OTHER_FORM = "other form"
    UNSUPPORTED = "unsupported"
    NOT_DEPLOYED = "not deployed"
    EMPTY = "empty"
    HIDDEN = "hidden"
    PARAMETER = "parameter"
    SNIPPET = "snippet"


def excluded(location: ImageLocation, beginning: str) -> tuple[SkipStatus, str] | None:
    """Return why an image with this beginning is never pinned at a location, or `None` if it can be pinned."""
    if location.refused:
        return SkipStatus.UNSUPPORTED, location.refused
    if location.managed and any(compile_glob(pattern, ":").match(beginning) for pattern in location.managed):
        return SkipStatus.MANAGED, "it is an image of the service itself"
    if beginning.startswith(location.other_forms):
        return SkipStatus.OTHER_FORM, "the service identifies it in another way than by a reference"
    return None


class SkippedImage(NamedTuple):
    """An image that is not pinned.

    Args:
        path: The property path.
        status: Why it is skipped.
        reason: The same as a clause.
        written: The reference, as far as it is known.
        replacement: What replaces a marked expression that is not deployed: the expression without its marker.
        marked: Whether it has a marker.
        unmarkable: The resource of the image if linters reject a marker in this property, or `None`.
        guards: The conditions of an image that nothing selects, which are not evaluated.
    """

    path: TemplatePath
    status: SkipStatus
    reason: str
    written: str = ""
    replacement: JsonValue | None = None
    marked: bool = False
    unmarkable: TemplatePath | None = None
    guards: tuple[ConditionGuard, ...] = ()


class Classification(NamedTuple):
    """The result of classifying an image.

    Args:
        result: The outcome; `None` if there is no image, or if `external_values` are needed first.
        external_values: The values to look up.
        name: The container's name; empty unless the template selects containers by name.
    """

    result: PinSite | SkippedImage | Problem | None
    external_values: frozenset[ExternalValue] = frozenset()
    name: str = ""
