"""The values of reading images: the rules, what holds around an image, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import ImageReference
from image_pinner.core.intrinsics.values import ExternalValue, JsonObject, JsonValue, Outcome, Unknown
from image_pinner.core.template.locations import ImageLocation, PlatformSource
from image_pinner.core.template.markers import MarkedExpression
from image_pinner.core.template.options import Options
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.traversal import TemplateNode


class ScanSettings(NamedTuple):
    """What the operator's settings say about finding images.

    Args:
        macro: The macro's name, by which snippets are known.
        operator: The options that the operator has set.
        image_paths: JSONPath expressions from the template's root, for images in places of the operator's own.
    """

    macro: str = "ImagePinner"
    operator: Options = Options()
    image_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResourceContext:
    """What holds around an image.

    Args:
        options: The options of resource, template and operator, the nearest first.
        operator: The options of the operator alone, which nothing nearer may loosen.
        by_name: Whether containers are asked for by name anywhere in the template.
        resource_path: The path of the resource; the root where there is none.
        properties: The resource's Properties.
        template: The whole template.
        platforms: The platforms that were derived from the resource so far.
    """

    options: Options = Options()
    operator: Options = Options()
    by_name: bool = False
    resource_path: TemplatePath = TemplatePath()
    properties: JsonValue = None
    template: JsonObject | None = None
    platforms: dict[PlatformSource, Platform | Unknown | None] = field(default_factory=dict, compare=False)


class CandidateImage(NamedTuple):
    """An image while it is read.

    Args:
        node: The place and what stands there.
        location: What the place accepts.
        context: What holds around it.
        marked_expression: What the snippet or the long form that stands there holds, or `None`.
        outcome: What the image comes to, behind snippet or long form.
        has_marker: Whether what it comes to begins with the quoted mark.
    """

    node: TemplateNode
    location: ImageLocation
    context: ResourceContext
    marked_expression: MarkedExpression | None
    outcome: Outcome
    has_marker: bool

    @property
    def is_marked(self) -> bool:
        """Whether the pin is asked for at the image itself."""
        return self.has_marker or self.marked_expression is not None

    def problem(self, cause: str, help: str, kind: ProblemKind = ProblemKind.TEMPLATE) -> Problem:
        """Give a problem of this image."""
        return Problem(self.node.path, kind, cause, help)


class PinSite(NamedTuple):
    """An image to pin.

    Args:
        node: The place and what stands there.
        location: What the place accepts.
        options: The options of all levels, the nearest first.
        reference: The reference as it was written, after evaluation.
        platform: The platform that the image must have, or `None`.
        marked: Whether the pin was asked for at the image itself; if not, by `Pin` around it.
        marked_expression: What the snippet or the long form holds, if the pin was asked for in that way.
        resource_path: The path of the resource.
        credentials: The ARN of the secret with the registry's login, as far as the template says it, or empty.
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

    @property
    def path(self) -> TemplatePath:
        """The place of the expression that is replaced."""
        return TemplatePath(self.node.steps)

    @property
    def form(self) -> str:
        """How the pin was asked for, in a word for a report."""
        return "mark" if self.marked else "Pin"


class SkippedImage(NamedTuple):
    """An image that stays as it is.

    Args:
        path: Its place.
        status: `unmarked`, `pinned` already, `skipped`, `managed` by the service, `not deployed`, `empty`, `hidden`,
            `parameter`, or `snippet` where CloudFormation calls the macro itself.
        reason: Why it stays, as a clause.
        written: The reference, as far as it is known.
        replacement: What replaces a marked expression that is not deployed; the same expression without its mark.
        marked: Whether it carries a mark.
    """

    path: TemplatePath
    status: str
    reason: str
    written: str = ""
    replacement: JsonValue | None = None
    marked: bool = False


class Classification(NamedTuple):
    """What reading an image gave.

    Args:
        result: A site, an image left, a problem, or nothing for an image that is not there.
        external_values: What must be looked up before it can be told.
        name: The container's name, or empty where nobody asks for names.
    """

    result: PinSite | SkippedImage | Problem | None
    external_values: frozenset[ExternalValue] = frozenset()
    name: str = ""
