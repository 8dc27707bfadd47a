"""Sites: the images of a template that are to be pinned, and the others with the reason why they are left.

Annotations say what is to be pinned, the table of locations says where images are, and `evaluate` says which
reference stands there. Nothing is asked of anybody here: what only AWS knows comes out as look-ups.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from image_pinner.core.errors import InvalidOption, InvalidPath
from image_pinner.core.template.annotations import METADATA_KEY, read_around
from image_pinner.core.template.image_reading import read_image
from image_pinner.core.template.image_sites import Around, LeftImage, PinSite, Rules
from image_pinner.core.template.intrinsics import intrinsic_of
from image_pinner.core.template.locations import ImageLocation, image_locations
from image_pinner.core.template.options import Options, Pin, loosened
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.values import JsonMap, JsonValue, Lookup
from image_pinner.core.template.walking import Guard, Hidden, Spot, entries_of, walk


@dataclass(slots=True)
class Sites:
    """What was found in a template.

    Args:
        pinned: The images to pin.
        left: The images that stay as they are, each with its reason.
        problems: Why something that was asked for cannot be done.
        lookups: What must be looked up before all can be told.
        read: The paths of all expressions that were read as images.
    """

    pinned: list[PinSite] = field(default_factory=list)
    left: list[LeftImage] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lookups: set[Lookup] = field(default_factory=set)
    read: set[tuple[Step, ...]] = field(default_factory=set)

    def take(self, found: PinSite | LeftImage | Problem | frozenset[Lookup] | None) -> None:
        """Sort in what was read of one image."""
        match found:
            case PinSite():
                self.pinned.append(found)
            case LeftImage():
                self.left.append(found)
            case Problem():
                self.problems.append(found)
            case frozenset():
                self.lookups |= found
            case None:
                pass


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
    around = _template_options(template, parameters, scope, rules, sites)
    names: set[str] = set()
    reading = _Reading(template, Spot((), template, scope), around, rules, sites)
    for _, resource in entries_of(Spot(("Resources",), template.get("Resources"), scope)):
        names |= _read_resource(replace(reading, resource=resource))
    _read_own_paths(reading)
    _complain_about_names(around.template.pin, names, TemplatePath(("Metadata", METADATA_KEY, "Pin")), sites)
    return sites


def _template_options(template: JsonMap, parameters: JsonMap, scope: Scope, rules: Rules, sites: Sites) -> Around:
    said: list[Options] = []
    for source, path in (
        ({METADATA_KEY: parameters}, TemplatePath(("Transform",))),
        (template.get("Metadata"), TemplatePath(("Metadata", METADATA_KEY))),
    ):
        try:
            said.append(read_around(source, scope))
        except InvalidOption as error:
            sites.problems.append(Problem(path, ProblemKind.TEMPLATE, error.cause, error.remedy))
    if len(said) > 1 and said[0].over(said[1]) != said[1].over(said[0]):
        sites.problems.append(
            Problem(
                TemplatePath(("Metadata", METADATA_KEY)),
                ProblemKind.TEMPLATE,
                "the template's Metadata and the Parameters of its Transform contradict each other",
                "Keep one of the two",
            )
        )
    merged = Options()
    for options in said:
        merged = merged.over(options)
    if looser := loosened(merged, rules.operator):
        path = TemplatePath(("Metadata", METADATA_KEY))
        sites.problems.append(Problem(path, ProblemKind.POLICY, looser, "Remove the option"))
    return Around(template=merged, operator=rules.operator)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One resource being read."""

    template: JsonMap
    resource: Spot
    around: Around
    rules: Rules
    sites: Sites


def _read_resource(reading: _Reading) -> set[str]:
    resource = reading.resource.value
    if not isinstance(resource, dict):
        return set()
    locations = image_locations().get(kind, ()) if isinstance(kind := resource.get("Type"), str) else ()
    around = _resource_options(reading, resource, has_locations=bool(locations))
    if not locations:
        return set()
    names: set[str] = set()
    for location in locations:
        for found in walk(_properties(reading.resource), location.steps):
            if isinstance(found, Hidden):
                _complain_about_hidden(found, around, reading.sites)
                continue
            reading.sites.read.add(found.steps)
            names |= _read(found, location, around, reading)
    own = around.resource.pin
    _complain_about_names(own, names, reading.resource.path.child("Metadata", METADATA_KEY, "Pin"), reading.sites)
    return names


def _read(spot: Spot, location: ImageLocation, around: Around, reading: _Reading) -> set[str]:
    found = read_image(spot, location, around, reading.rules)
    reading.sites.take(found.result)
    reading.sites.lookups |= found.lookups
    return {found.name} if found.name else set()


def _resource_options(reading: _Reading, resource: JsonMap, *, has_locations: bool) -> Around:
    path = reading.resource.path.child("Metadata", METADATA_KEY)
    options = Options()
    try:
        options = read_around(resource.get("Metadata"), reading.resource.scope)
    except InvalidOption as error:
        reading.sites.problems.append(Problem(path, ProblemKind.TEMPLATE, error.cause, error.remedy))
    if looser := loosened(options, reading.rules.operator):
        reading.sites.problems.append(Problem(path, ProblemKind.POLICY, looser, "Remove the option"))
    own_paths = reading.rules.image_paths
    if options.pin not in {None, Pin.SKIP, Pin.MARKED} and not has_locations and not own_paths:
        reading.sites.problems.append(
            Problem(
                path,
                ProblemKind.TEMPLATE,
                f"a resource of type {resource.get('Type')} has no image that is known",
                "Remove the entry, or have the operator add the image's JSONPath to the settings",
            )
        )
    return replace(
        reading.around,
        resource=options,
        resource_path=reading.resource.path,
        properties=resource.get("Properties"),
        whole=reading.template,
    )


def _properties(resource: Spot) -> Spot:
    condition = resource.value.get("Condition")
    guards = (*resource.guards, Guard(condition, wanted=True)) if isinstance(condition, str) else resource.guards
    steps = (*resource.steps, "Properties")
    return Spot(steps, resource.value.get("Properties"), resource.scope, guards)


def _read_own_paths(reading: _Reading) -> None:
    for path in reading.rules.image_paths:
        location = ImageLocation("", path)
        try:
            steps = location.steps
        except InvalidPath as error:
            reading.sites.problems.append(Problem(TemplatePath(), ProblemKind.TEMPLATE, error.cause, error.remedy))
            continue
        for found in walk(Spot((), reading.template, reading.resource.scope), steps):
            if isinstance(found, Spot) and found.steps not in reading.sites.read and _can_be_image(found.value):
                reading.sites.read.add(found.steps)
                own = replace(reading, resource=_resource_of(found, reading.template))
                _read(found, location, _resource_options(own, own.resource.value, has_locations=True), own)


def _can_be_image(value: JsonValue) -> bool:
    return isinstance(value, str) or intrinsic_of(value) is not None


def _resource_of(spot: Spot, template: JsonMap) -> Spot:
    steps = spot.steps[: spot.steps.index("Properties")] if "Properties" in spot.steps else ()
    value: JsonValue = template
    for step in steps:
        value = value[step]
    return Spot(steps, value if isinstance(value, dict) else {}, spot.scope, spot.guards)


def _complain_about_hidden(hidden: Hidden, around: Around, sites: Sites) -> None:
    if around.pin is Pin.ALL or isinstance(around.pin, tuple):
        sites.problems.append(
            Problem(
                hidden.path,
                ProblemKind.TEMPLATE,
                f"images in here cannot be seen: {hidden.reason}",
                "Write the images where the macro can see them, or say Pin: Skip in the Metadata of the resource",
            )
        )
    else:
        sites.left.append(LeftImage(hidden.path, "hidden", hidden.reason))


def _complain_about_names(pin: Pin | tuple[str, ...] | None, names: set[str], path: TemplatePath, sites: Sites) -> None:
    if isinstance(pin, tuple) and (missing := [name for name in pin if name not in names]):
        known = ", ".join(sorted(names)) or "none"
        sites.problems.append(
            Problem(
                path,
                ProblemKind.TEMPLATE,
                f"no container is named {', '.join(missing)}",
                f"The containers here are: {known}",
            )
        )
