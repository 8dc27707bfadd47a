"""Find the images of a template.

Annotations say what is to be pinned, the table of locations says where images are, and `evaluate` says which
reference stands there. Nothing is asked of anybody here: what only AWS knows comes out as look-ups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from image_pinner.core.errors import InvalidOptionError, InvalidPathError
from image_pinner.core.intrinsics import intrinsic_of
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import ExternalValue, JsonObject, JsonValue
from image_pinner.core.template.classify import classify_image, find_snippet_calls
from image_pinner.core.template.json_path import PathStep
from image_pinner.core.template.locations import ImageLocation, image_locations
from image_pinner.core.template.marker_search import MarkerCount, count_markers, walked_sections
from image_pinner.core.template.markers import METADATA_KEY, parse_metadata_options
from image_pinner.core.template.options import Options, Pin, find_loosened_option
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.sites import PinSite, ResourceContext, ScanSettings, SkippedImage
from image_pinner.core.template.traversal import (
    FOR_EACH,
    ConditionGuard,
    OpaqueNode,
    TemplateNode,
    deployment_status,
    entries_of,
    walk,
)

_RESOURCES = "Resources"


class CustomImage(NamedTuple):
    """An image that a path of the operator's own leads to.

    Args:
        node: The place and what stands there, with the condition of its resource.
        resource: The resource, or the whole template where the image stands in none.
    """

    node: TemplateNode
    resource: TemplateNode


def find_custom_images(
    template: JsonObject, scope: Scope, path: tuple[PathStep, ...], read: Iterable[tuple[Step, ...]]
) -> Iterator[CustomImage]:
    """Find what a path leads to.

    Args:
        template: The template.
        scope: What is known in it.
        path: The path from the template's root.
        read: The places that are images already; what lies in them or around them is not one more.

    Yields:
        Each image once.
    """
    taken = set(read)
    context = {steps[:length] for steps in taken for length in range(len(steps))}
    for found in walk(TemplateNode((), template, scope), path):
        if not isinstance(found, TemplateNode) or not _can_be_image(found.value):
            continue
        steps = found.steps
        if steps in context or any(steps[:length] in taken for length in range(len(steps) + 1)):
            continue
        taken.add(steps)
        context.update(steps[:length] for length in range(len(steps)))
        yield _placed(found, template)


def _can_be_image(value: JsonValue) -> bool:
    return isinstance(value, str) or intrinsic_of(value) is not None


def _placed(node: TemplateNode, template: JsonObject) -> CustomImage:
    steps = _resource_steps(node.steps)
    value: JsonValue = template
    for step in steps:
        value = value[step]
    if not steps or not isinstance(value, dict):
        return CustomImage(node, TemplateNode((), template, node.scope))
    guards = node.guards
    if isinstance(condition := value.get("Condition"), str):
        guards = (*guards, ConditionGuard(condition, expected=True))
    placed = TemplateNode(node.steps, node.value, node.scope, guards, node.owner)
    return CustomImage(placed, TemplateNode(steps, value, node.scope))


def _resource_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    if steps[:1] != (_RESOURCES,):
        return ()
    end = 1
    while end < len(steps) and str(steps[end]).startswith(FOR_EACH):
        end += 2
    return steps[: end + 1]


_METADATA = TemplatePath(("Metadata", METADATA_KEY))
_TRANSFORM = TemplatePath(("Transform",))


@dataclass(slots=True)
class ImageScan:
    """What was found in a template.

    Args:
        pinned: The images to pin.
        skipped: The images that stay as they are, each with its reason.
        problems: Why something that was asked for cannot be done.
        external_values: What must be looked up before all can be told.
        read: All expressions that were read as images, by their paths.
        marker_count: What was counted in the template, or `None` if nobody did.
    """

    pinned: list[PinSite] = field(default_factory=list)
    skipped: list[SkippedImage] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    external_values: set[ExternalValue] = field(default_factory=set)
    read: dict[tuple[Step, ...], JsonValue] = field(default_factory=dict)
    marker_count: MarkerCount | None = None

    def add(
        self, node: TemplateNode, location: ImageLocation, context: ResourceContext, scan_settings: ScanSettings
    ) -> str:
        """Read an image, sort in what comes of it, and give the container's name, or an empty text."""
        self.read[node.steps] = node.value
        found = classify_image(node, location, context, scan_settings)
        match found.result:
            case PinSite():
                self.pinned.append(found.result)
            case SkippedImage():
                self.skipped.append(found.result)
            case Problem():
                self.problems.append(found.result)
            case None:
                pass
        if found.external_values:
            self.external_values |= found.external_values
        return found.name

    def add_problem(self, path: TemplatePath, cause: str, help: str, kind: ProblemKind = ProblemKind.TEMPLATE) -> None:
        """Note a problem that concerns no single image."""
        self.problems.append(Problem(path, kind, cause, help))

    def report_unknown_containers(self, pin: Pin | tuple[str, ...] | None, names: set[str], path: TemplatePath) -> None:
        """Note the names in a `Pin` that no container has."""
        if isinstance(pin, tuple) and (missing := [name for name in pin if name not in names]):
            known = ", ".join(sorted(names)) or "none"
            self.add_problem(path, f"no container is named {', '.join(missing)}", f"The containers here are: {known}")


def find_images(template: JsonObject, parameters: JsonObject, scope: Scope, scan_settings: ScanSettings) -> ImageScan:
    """Find the images of a template.

    Args:
        template: The template, or a macro's fragment of a whole one.
        parameters: The Parameters of the Transform, with their values.
        scope: What is known, answered look-ups included.
        scan_settings: The operator's settings that bear on it.

    Returns:
        Images to pin, images left, problems and look-ups; none of them is lost to another.
    """
    scan = ImageScan()
    options, pin_path = _template_options(template, parameters, scope, scan_settings, scan)
    reading = _Reading(template, options, scan_settings, scan)
    names: set[str] = set()
    for _, resource in entries_of(TemplateNode(("Resources",), template.get("Resources"), scope)):
        names |= reading.read_resource(resource)
    reading.read_custom_paths(scope)
    scan.report_unknown_containers(options.pin, names, pin_path)
    scan.marker_count = count_markers(walked_sections(template))
    if scan.marker_count.snippets:
        scan.skipped += find_snippet_calls(template, scan.read, scan_settings.macro)
    return scan


def _template_options(
    template: JsonObject, parameters: JsonObject, scope: Scope, scan_settings: ScanSettings, scan: ImageScan
) -> tuple[Options, TemplatePath]:
    """Give the options of the template, and the place where its `Pin` stands."""
    said: list[Options] = []
    for source, path in (({METADATA_KEY: parameters}, _TRANSFORM), (template.get("Metadata"), _METADATA)):
        try:
            said.append(parse_metadata_options(source, scope))
        except InvalidOptionError as error:
            said.append(Options())
            scan.add_problem(path, error.cause, error.help)
    transform, metadata = said
    merged = transform.over(metadata)
    if merged != metadata.over(transform):
        scan.add_problem(
            _METADATA,
            "the template's Metadata and the Parameters of its Transform contradict each other",
            "Keep one of the two",
        )
    if looser := find_loosened_option(merged, scan_settings.operator):
        path = _TRANSFORM if find_loosened_option(transform, scan_settings.operator) else _METADATA
        scan.add_problem(path, looser, "Remove the option", ProblemKind.POLICY)
    return merged, _TRANSFORM if transform.pin else _METADATA.child("Pin")


class _Reading:
    """The reading of one template."""

    def __init__(self, template: JsonObject, options: Options, scan_settings: ScanSettings, scan: ImageScan) -> None:
        self._template = template
        self._options = options.over(scan_settings.operator)
        self._by_name = isinstance(options.pin, tuple) or isinstance(scan_settings.operator.pin, tuple)
        self._rules = scan_settings
        self._sites = scan
        self._hidden: set[TemplatePath] = set()

    def read_resource(self, resource: TemplateNode) -> set[str]:
        """Read the images of a resource, and give the names of their containers."""
        content = resource.value
        if not isinstance(content, dict):
            return set()
        kind = content.get("Type")
        locations = image_locations().get(kind, ()) if isinstance(kind, str) else ()
        if not locations and "Metadata" not in content:
            return set()  # most resources of most templates
        own, context = self._around(resource, can_pin=bool(locations))
        if not locations:
            return set()
        start = _properties(resource)
        names: set[str] = set()
        for location in locations:
            for found in walk(start, location.steps):
                if isinstance(found, OpaqueNode):
                    self._complain_about_hidden(found, context)
                elif name := self._sites.add(found, location, context, self._rules):
                    names.add(name)
        if isinstance(own.pin, tuple):
            self._sites.report_unknown_containers(own.pin, names, resource.path.child("Metadata", METADATA_KEY, "Pin"))
        return names

    def read_custom_paths(self, scope: Scope) -> None:
        """Read the images in places of the operator's own."""
        for path in self._rules.image_paths:
            location = ImageLocation("", path)
            try:
                steps = location.steps
            except InvalidPathError as error:
                self._sites.add_problem(TemplatePath(), error.cause, error.help)
                continue
            for found in find_custom_images(self._template, scope, steps, self._sites.read):
                if found.node.steps[0] == "Parameters":
                    reason = "CloudFormation lets no macro change Parameters"
                    self._sites.skipped.append(SkippedImage(found.node.path, "parameter", reason))
                    continue
                context = self._around(found.resource, can_pin=True)[1]
                self._sites.add(found.node, location, context, self._rules)

    def _around(self, resource: TemplateNode, *, can_pin: bool) -> tuple[Options, ResourceContext]:
        """Give the resource's own options, and what holds around its images."""
        content: JsonObject = resource.value
        path = resource.path
        own = Options()
        if resource.steps and "Metadata" in content:
            own = self._own_options(content, path, resource.scope, can_pin=can_pin)
        return own, ResourceContext(
            own.over(self._options),
            self._rules.operator,
            self._by_name or isinstance(own.pin, tuple),
            path,
            content.get("Properties"),
            self._template,
        )

    def _own_options(self, resource: JsonObject, path: TemplatePath, scope: Scope, *, can_pin: bool) -> Options:
        property_path = path.child("Metadata", METADATA_KEY)
        try:
            own = parse_metadata_options(resource["Metadata"], scope)
        except InvalidOptionError as error:
            self._sites.add_problem(property_path, error.cause, error.help)
            return Options()
        if looser := find_loosened_option(own, self._rules.operator):
            self._sites.add_problem(property_path, looser, "Remove the option", ProblemKind.POLICY)
        if own.pin not in {None, Pin.SKIP, Pin.MARKED} and not can_pin and not self._rules.image_paths:
            kind = f"of type {kind}" if isinstance(kind := resource.get("Type"), str) else "without a type"
            self._sites.add_problem(
                property_path,
                f"a resource {kind} has no image that is known",
                "Remove the entry, or have the operator add the image's JSONPath to the settings",
            )
        return own

    def _complain_about_hidden(self, hidden: OpaqueNode, context: ResourceContext) -> None:
        # Several kinds of images can lie behind one place.
        if hidden.path in self._hidden or deployment_status(hidden.guards, hidden.scope) is False:
            return
        self._hidden.add(hidden.path)
        pin = context.options.pin
        if pin is Pin.ALL or isinstance(pin, tuple):
            self._sites.add_problem(
                hidden.path,
                f"images in here cannot be seen: {hidden.reason}",
                "Write the images where the macro can see them, or say Pin: Skip in the Metadata of the resource",
            )
        else:
            self._sites.skipped.append(SkippedImage(hidden.path, "hidden", hidden.reason))


def _properties(resource: TemplateNode) -> TemplateNode:
    condition = resource.value.get("Condition")
    guards = (
        (*resource.guards, ConditionGuard(condition, expected=True)) if isinstance(condition, str) else resource.guards
    )
    return TemplateNode((*resource.steps, "Properties"), resource.value.get("Properties"), resource.scope, guards)
