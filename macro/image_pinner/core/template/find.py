"""Find the images of a template.

Annotations say what is to be pinned, the table of locations says where images are, and `evaluate` says which
reference stands there. Nothing is asked of anybody here: what only AWS knows comes out as look-ups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from image_pinner.core.errors import InvalidOption, InvalidPath
from image_pinner.core.intrinsics import intrinsic_of
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonMap, JsonValue, Lookup
from image_pinner.core.template.classify import find_snippet_calls, read_image
from image_pinner.core.template.json_path import PathStep
from image_pinner.core.template.locations import ImageLocation, image_locations
from image_pinner.core.template.marker_search import Census, count_marks, walked_sections
from image_pinner.core.template.markers import METADATA_KEY, read_around
from image_pinner.core.template.options import Options, Pin, loosened
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.sites import Around, LeftImage, PinSite, Rules
from image_pinner.core.template.traversal import FOR_EACH, Guard, Hidden, Spot, deployment, entries_of, walk

_RESOURCES = "Resources"


class OwnImage(NamedTuple):
    """An image that a path of the operator's own leads to.

    Args:
        spot: The place and what stands there, with the condition of its resource.
        resource: The resource, or the whole template where the image stands in none.
    """

    spot: Spot
    resource: Spot


def own_images(
    template: JsonMap, scope: Scope, path: tuple[PathStep, ...], read: Iterable[tuple[Step, ...]]
) -> Iterator[OwnImage]:
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
    around = {steps[:length] for steps in taken for length in range(len(steps))}
    for found in walk(Spot((), template, scope), path):
        if not isinstance(found, Spot) or not _can_be_image(found.value):
            continue
        steps = found.steps
        if steps in around or any(steps[:length] in taken for length in range(len(steps) + 1)):
            continue
        taken.add(steps)
        around.update(steps[:length] for length in range(len(steps)))
        yield _placed(found, template)


def _can_be_image(value: JsonValue) -> bool:
    return isinstance(value, str) or intrinsic_of(value) is not None


def _placed(spot: Spot, template: JsonMap) -> OwnImage:
    steps = _resource_steps(spot.steps)
    value: JsonValue = template
    for step in steps:
        value = value[step]
    if not steps or not isinstance(value, dict):
        return OwnImage(spot, Spot((), template, spot.scope))
    guards = spot.guards
    if isinstance(condition := value.get("Condition"), str):
        guards = (*guards, Guard(condition, wanted=True))
    placed = Spot(spot.steps, spot.value, spot.scope, guards, spot.owner)
    return OwnImage(placed, Spot(steps, value, spot.scope))


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
class Sites:
    """What was found in a template.

    Args:
        pinned: The images to pin.
        left: The images that stay as they are, each with its reason.
        problems: Why something that was asked for cannot be done.
        lookups: What must be looked up before all can be told.
        read: All expressions that were read as images, by their paths.
        census: What was counted in the template, or `None` if nobody did.
    """

    pinned: list[PinSite] = field(default_factory=list)
    left: list[LeftImage] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lookups: set[Lookup] = field(default_factory=set)
    read: dict[tuple[Step, ...], JsonValue] = field(default_factory=dict)
    census: Census | None = None

    def take(self, spot: Spot, location: ImageLocation, around: Around, rules: Rules) -> str:
        """Read an image, sort in what comes of it, and give the container's name, or an empty text."""
        self.read[spot.steps] = spot.value
        found = read_image(spot, location, around, rules)
        match found.result:
            case PinSite():
                self.pinned.append(found.result)
            case LeftImage():
                self.left.append(found.result)
            case Problem():
                self.problems.append(found.result)
            case None:
                pass
        if found.lookups:
            self.lookups |= found.lookups
        return found.name

    def complain(self, path: TemplatePath, cause: str, remedy: str, kind: ProblemKind = ProblemKind.TEMPLATE) -> None:
        """Note a problem that concerns no single image."""
        self.problems.append(Problem(path, kind, cause, remedy))

    def complain_about_names(self, pin: Pin | tuple[str, ...] | None, names: set[str], path: TemplatePath) -> None:
        """Note the names in a `Pin` that no container has."""
        if isinstance(pin, tuple) and (missing := [name for name in pin if name not in names]):
            known = ", ".join(sorted(names)) or "none"
            self.complain(path, f"no container is named {', '.join(missing)}", f"The containers here are: {known}")


def find_sites(template: JsonMap, parameters: JsonMap, scope: Scope, rules: Rules) -> Sites:
    """Find the images of a template.

    Args:
        template: The template, or a macro's fragment of a whole one.
        parameters: The Parameters of the Transform, with their values.
        scope: What is known, answered look-ups included.
        rules: The operator's settings that bear on it.

    Returns:
        Images to pin, images left, problems and look-ups; none of them is lost to another.
    """
    sites = Sites()
    options, pin_path = _template_options(template, parameters, scope, rules, sites)
    reading = _Reading(template, options, rules, sites)
    names: set[str] = set()
    for _, resource in entries_of(Spot(("Resources",), template.get("Resources"), scope)):
        names |= reading.read_resource(resource)
    reading.read_own_paths(scope)
    sites.complain_about_names(options.pin, names, pin_path)
    sites.census = count_marks(walked_sections(template))
    if sites.census.snippets:
        sites.left += find_snippet_calls(template, sites.read, rules.macro)
    return sites


def _template_options(
    template: JsonMap, parameters: JsonMap, scope: Scope, rules: Rules, sites: Sites
) -> tuple[Options, TemplatePath]:
    """Give the options of the template, and the place where its `Pin` stands."""
    said: list[Options] = []
    for source, path in (({METADATA_KEY: parameters}, _TRANSFORM), (template.get("Metadata"), _METADATA)):
        try:
            said.append(read_around(source, scope))
        except InvalidOption as error:
            said.append(Options())
            sites.complain(path, error.cause, error.remedy)
    transform, metadata = said
    merged = transform.over(metadata)
    if merged != metadata.over(transform):
        sites.complain(
            _METADATA,
            "the template's Metadata and the Parameters of its Transform contradict each other",
            "Keep one of the two",
        )
    if looser := loosened(merged, rules.operator):
        path = _TRANSFORM if loosened(transform, rules.operator) else _METADATA
        sites.complain(path, looser, "Remove the option", ProblemKind.POLICY)
    return merged, _TRANSFORM if transform.pin else _METADATA.child("Pin")


class _Reading:
    """The reading of one template."""

    def __init__(self, template: JsonMap, options: Options, rules: Rules, sites: Sites) -> None:
        self._template = template
        self._options = options.over(rules.operator)
        self._by_name = isinstance(options.pin, tuple) or isinstance(rules.operator.pin, tuple)
        self._rules = rules
        self._sites = sites
        self._hidden: set[TemplatePath] = set()

    def read_resource(self, resource: Spot) -> set[str]:
        """Read the images of a resource, and give the names of their containers."""
        content = resource.value
        if not isinstance(content, dict):
            return set()
        kind = content.get("Type")
        locations = image_locations().get(kind, ()) if isinstance(kind, str) else ()
        if not locations and "Metadata" not in content:
            return set()  # most resources of most templates
        own, around = self._around(resource, can_pin=bool(locations))
        if not locations:
            return set()
        start = _properties(resource)
        names: set[str] = set()
        for location in locations:
            for found in walk(start, location.steps):
                if isinstance(found, Hidden):
                    self._complain_about_hidden(found, around)
                elif name := self._sites.take(found, location, around, self._rules):
                    names.add(name)
        if isinstance(own.pin, tuple):
            self._sites.complain_about_names(own.pin, names, resource.path.child("Metadata", METADATA_KEY, "Pin"))
        return names

    def read_own_paths(self, scope: Scope) -> None:
        """Read the images in places of the operator's own."""
        for path in self._rules.image_paths:
            location = ImageLocation("", path)
            try:
                steps = location.steps
            except InvalidPath as error:
                self._sites.complain(TemplatePath(), error.cause, error.remedy)
                continue
            for found in own_images(self._template, scope, steps, self._sites.read):
                if found.spot.steps[0] == "Parameters":
                    reason = "CloudFormation lets no macro change Parameters"
                    self._sites.left.append(LeftImage(found.spot.path, "parameter", reason))
                    continue
                around = self._around(found.resource, can_pin=True)[1]
                self._sites.take(found.spot, location, around, self._rules)

    def _around(self, resource: Spot, *, can_pin: bool) -> tuple[Options, Around]:
        """Give the resource's own options, and what holds around its images."""
        content: JsonMap = resource.value
        path = resource.path
        own = Options()
        if resource.steps and "Metadata" in content:
            own = self._own_options(content, path, resource.scope, can_pin=can_pin)
        return own, Around(
            own.over(self._options),
            self._rules.operator,
            self._by_name or isinstance(own.pin, tuple),
            path,
            content.get("Properties"),
            self._template,
        )

    def _own_options(self, resource: JsonMap, path: TemplatePath, scope: Scope, *, can_pin: bool) -> Options:
        place = path.child("Metadata", METADATA_KEY)
        try:
            own = read_around(resource["Metadata"], scope)
        except InvalidOption as error:
            self._sites.complain(place, error.cause, error.remedy)
            return Options()
        if looser := loosened(own, self._rules.operator):
            self._sites.complain(place, looser, "Remove the option", ProblemKind.POLICY)
        if own.pin not in {None, Pin.SKIP, Pin.MARKED} and not can_pin and not self._rules.image_paths:
            kind = f"of type {kind}" if isinstance(kind := resource.get("Type"), str) else "without a type"
            self._sites.complain(
                place,
                f"a resource {kind} has no image that is known",
                "Remove the entry, or have the operator add the image's JSONPath to the settings",
            )
        return own

    def _complain_about_hidden(self, hidden: Hidden, around: Around) -> None:
        # Several kinds of images can lie behind one place.
        if hidden.path in self._hidden or deployment(hidden.guards, hidden.scope) is False:
            return
        self._hidden.add(hidden.path)
        pin = around.options.pin
        if pin is Pin.ALL or isinstance(pin, tuple):
            self._sites.complain(
                hidden.path,
                f"images in here cannot be seen: {hidden.reason}",
                "Write the images where the macro can see them, or say Pin: Skip in the Metadata of the resource",
            )
        else:
            self._sites.left.append(LeftImage(hidden.path, "hidden", hidden.reason))


def _properties(resource: Spot) -> Spot:
    condition = resource.value.get("Condition")
    guards = (*resource.guards, Guard(condition, wanted=True)) if isinstance(condition, str) else resource.guards
    return Spot((*resource.steps, "Properties"), resource.value.get("Properties"), resource.scope, guards)
