"""Find the images of a template.

The table of locations lists the properties that hold images, markers and options select those to pin, and `evaluate`
returns the reference. No requests are made: values that only AWS knows are returned as external values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from image_pinner.core.advice import Advice
from image_pinner.core.errors import InvalidOptionError, InvalidPathError
from image_pinner.core.intrinsics import evaluate, intrinsic_of
from image_pinner.core.intrinsics.references import is_repository
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.transforms import calls_of
from image_pinner.core.intrinsics.values import JsonObject, JsonValue, Known
from image_pinner.core.template.classify import CALLED_BY_CLOUDFORMATION
from image_pinner.core.template.locations import ImageLocation, image_locations
from image_pinner.core.template.loop_keys import can_become, made_keys
from image_pinner.core.template.marker_search import count_walked_markers
from image_pinner.core.template.markers import (
    METADATA_KEY,
    parse_snippet_options,
)
from image_pinner.core.template.options import Level, Options, Pin, find_loosened_option, may_select
from image_pinner.core.template.paths import FOR_EACH, Field, PathStep, Step, TemplatePath, value_at
from image_pinner.core.template.problems import MISPLACED_MARKER
from image_pinner.core.template.scan import ImageScan
from image_pinner.core.template.sites import ResourceContext, ScanSettings, SkippedImage, SkipStatus
from image_pinner.core.template.transform_calls import TransformCall, find_transform_calls, position_of
from image_pinner.core.template.traversal import (
    OpaqueNode,
    TemplateNode,
    creates_nothing,
    deployment_status,
    entries_of,
    has_loop,
    walk,
)

_CONDITIONS, _RESOURCES = "Conditions", "Resources"
_NO_OPTIONS = Options()
_PROPERTIES = Field("Properties")
_METADATA = TemplatePath(("Metadata", METADATA_KEY))
_TRANSFORM = TemplatePath(("Transform",))

_PathTree = dict[Step, "_PathTree"]


def _resource_of(node: TemplateNode, template: JsonObject) -> TemplateNode:
    """Return the resource that contains `node`, or the whole template if none does."""
    end = 1
    while end < len(node.steps) and str(node.steps[end]).startswith(FOR_EACH):
        end += 2
    steps = node.steps[: end + 1] if node.steps[:1] == (_RESOURCES,) else ()
    resource = value_at(template, steps)
    if not isinstance(resource, dict):
        steps, resource = (), template
    return TemplateNode(steps, resource, node.scope)


def find_images(
    template: JsonObject, parameters: JsonObject, scope: Scope, scan_settings: ScanSettings, serialized: bytes = b""
) -> ImageScan:
    """Find the images of a template.

    Args:
        template: The template, or a macro's fragment of a whole one.
        parameters: The Parameters of the Transform, with their values.
        scope: What is known, resolved external values included.
        scan_settings: The macro's configuration.
        serialized: See `count_walked_markers`.
    """
    scan = ImageScan()
    options, pin_path = _template_options(template, parameters, scope, scan_settings, scan)
    scan.options = options.over(scan_settings.operator)
    scope = _without_made_names(scope.claiming(options.stack_name or ""))
    scan.marker_count = count_walked_markers(template, serialized)
    calls = list(find_transform_calls(template)) if scan.marker_count.transforms else []
    reader = _Reader(template, options, scan_settings, scan)
    reader.read_snippets(calls, scope)
    names: set[str] = set()
    # Custom paths are not limited to the sections that were counted.
    for resource in reader.resources(scope if scan.marker_count.loops else scope.without_loops()):
        names |= reader.read_resource(resource)
    reader.read_custom_paths(scope)
    scan.report_unknown_containers(options.pin, names, pin_path)
    reader.add_calls(calls, scope)
    return scan


def _without_made_names(scope: Scope) -> Scope:
    """Return the scope without the conditions and repositories that a loop makes, too: which counts is unknown."""
    repositories = [name for name, value in scope.resources.items() if is_repository(value)]
    conditions = dict.fromkeys(_made_names(_CONDITIONS, scope.conditions, scope.conditions, scope))
    resources = dict.fromkeys(_made_names(_RESOURCES, scope.resources, repositories, scope))
    if not conditions and not resources:
        return scope
    return replace(
        scope,
        conditions={**scope.conditions, **conditions},
        resources={**scope.resources, **resources},
        cache={},
        caches={},
    )


def _made_names(section: str, content: JsonObject, written: Collection[str], scope: Scope) -> Iterator[str]:
    """Yield those of the `written` names that a loop in a section of the template can make."""
    if not written or not has_loop(content, scope):
        return
    for key, node in entries_of(TemplateNode((section,), content, scope)):
        if not node.scope.loops or creates_nothing(node.scope):
            continue
        for name in written:
            scope.budget.spend_step()
            keys = made_keys(key, node.scope, name) if can_become(key, str(name)) else {}
            if keys is None or name in keys:
                yield name


def _template_options(
    template: JsonObject, parameters: JsonObject, scope: Scope, scan_settings: ScanSettings, scan: ImageScan
) -> tuple[Options, TemplatePath]:
    """Return the options of the template, and the path of its `Pin`."""
    macro = scan_settings.macro
    own = [call.parameters for call in calls_of(template.get("Transform")) if call.name == macro]
    if any(others != own[0] for others in own):
        scan.add_problem(_TRANSFORM, f"Transform names {macro} twice, with different Parameters", "name it once")
        parameters = {}
    transform = scan.read_parameters(_TRANSFORM, parameters, scope)
    metadata = scan.read_metadata(_METADATA, template.get("Metadata"), scope)
    merged = transform.over(metadata)
    if merged != metadata.over(transform):
        scan.add_problem(
            _METADATA,
            "the template's Metadata and the Parameters of its Transform set different values for the same option",
            "remove one of them",
        )
    configured = scan_settings.operator
    path = _TRANSFORM if find_loosened_option(transform, configured) else _METADATA
    scan.add_loosened_option(path, merged, configured)
    return merged, _TRANSFORM if transform.pin else _METADATA.child("Pin")


class _Reader:
    """Adds the images of one template to a scan."""

    def __init__(self, template: JsonObject, options: Options, scan_settings: ScanSettings, scan: ImageScan) -> None:
        self._template = template
        self._options = scan.options
        self._by_name = isinstance(options.pin, tuple) or isinstance(scan_settings.operator.pin, tuple)
        self._settings = scan_settings
        self._scan = scan
        self._opaque: set[TemplatePath] = set()
        self._contexts: dict[tuple[Step, ...], ResourceContext] = {}
        self._image_paths: list[tuple[PathStep, ...]] = []

    def read_snippets(self, calls: list[TransformCall], scope: Scope) -> None:
        """Read the options of the snippets of this macro that are next to other keys."""
        macro = self._settings.macro
        for call in calls:
            own = None if len(call.siblings) == 1 or call.path == _TRANSFORM else call.own(macro)
            if own is None:
                continue
            try:
                options = parse_snippet_options(own.parameters, call.siblings, macro, scope)
            except InvalidOptionError as error:
                self._scan.add_problem(call.path, error.cause, error.help, error.slug)
                continue
            self._scan.add_loosened_option(call.path, options, self._settings.operator)
            if isinstance(options.pin, tuple):
                # Each image is searched in those of all snippets around it.
                self._scan.snippet_pins[call.owner] = frozenset(options.pin)
                self._by_name = True
            elif options.pin:
                self._scan.snippet_pins[call.owner] = options.pin

    def add_calls(self, calls: list[TransformCall], scope: Scope) -> None:
        """Add the snippets that are not images, and the calls of other transforms that can add images."""
        macro = self._settings.macro
        template_context = ResourceContext(self._options, self._settings.operator)
        for call in calls:
            if call.path != _TRANSFORM and call.own(macro) and call.owner not in self._scan.read:
                self._scan.skipped.append(SkippedImage(call.path, SkipStatus.SNIPPET, CALLED_BY_CLOUDFORMATION))
            others = call.others(macro)
            if not others or TemplatePath(call.owner) in self._opaque:
                continue
            position = position_of(call, self._template, self._image_paths)
            if position.adds_images:
                reason = f"{', '.join(others)} can add images, and what it adds is unknown here"
                context = self._contexts.get(position.resource, template_context)
                self._add_opaque(OpaqueNode(call.path, reason, scope, position.guards), context)

    def resources(self, scope: Scope) -> Iterator[TemplateNode]:
        """Yield the resources of the template; those that a loop makes once, with its variable in their scope."""
        opaque: list[OpaqueNode] = []
        for section in walk(TemplateNode((), self._template, scope), (Field(_RESOURCES),)):
            if isinstance(section, OpaqueNode):
                opaque.append(section)
            else:
                yield from (resource for _, resource in entries_of(section, opaque))
        context = ResourceContext(self._options, self._settings.operator)
        for node in opaque:
            self._add_opaque(node, context)

    def read_resource(self, resource: TemplateNode) -> set[str]:
        """Add the images of a resource, and return the names of their containers."""
        content = resource.value
        if not isinstance(content, dict):
            return set()
        opaque: list[OpaqueNode] = []
        locations = [each for kind in _types(resource, opaque) for each in image_locations().get(kind, ())]
        if not locations and not opaque and "Metadata" not in content:
            return set()  # most resources of most templates
        own, context = self._resource_context(resource, has_images=bool(locations))
        for node in opaque:
            self._add_opaque(node, context)
        start = resource.guarded_by(content.get("Condition"))
        names: set[str] = set()
        for location in locations:
            for found in walk(start, (_PROPERTIES, *location.steps)):
                if isinstance(found, OpaqueNode):
                    self._add_opaque(found, context)
                elif name := self._scan.add(found, location, context, self._settings):
                    names.add(name)
        if locations:
            pin_path = resource.path.child("Metadata", METADATA_KEY, "Pin")
            self._scan.report_unknown_containers(own.pin, names, pin_path)
        return names

    def read_custom_paths(self, scope: Scope) -> None:
        """Add the images at the configured paths."""
        for path in self._settings.image_paths:
            location = ImageLocation("", path)
            try:
                self._image_paths.append(location.steps)
                found = walk(TemplateNode((), self._template, scope), location.steps)
            except InvalidPathError as error:
                self._scan.add_problem(TemplatePath(), error.cause, error.help)
                continue
            for opaque in found:
                if isinstance(opaque, OpaqueNode) and opaque.path.in_loop:
                    resource = _resource_of(TemplateNode(opaque.path.steps, None, opaque.scope), self._template)
                    self._add_opaque(opaque, self._resource_context(resource, has_images=True)[1])
            for node in self._unread_images(found):
                if node.steps[0] == "Parameters":
                    reason = "CloudFormation does not let macros change Parameters"
                    self._scan.skipped.append(SkippedImage(node.path, SkipStatus.PARAMETER, reason))
                    continue
                resource = _resource_of(node, self._template)
                _, context = self._resource_context(resource, has_images=True)
                guarded = node.guarded_by(resource.value.get("Condition")) if resource.steps else node
                self._scan.add(guarded, location, context, self._settings)

    def _unread_images(self, found: list[TemplateNode | OpaqueNode]) -> Iterator[TemplateNode]:
        """Yield the values that can be images, and neither contain a known image nor are inside one."""
        tree: _PathTree = {}
        for steps in sorted(self._scan.read, key=len):
            _add_path(tree, steps)
        for node in found:
            if not isinstance(node, TemplateNode) or not (isinstance(node.value, str) or intrinsic_of(node.value)):
                continue
            if _add_path(tree, node.steps):
                yield node

    def _resource_context(self, resource: TemplateNode, *, has_images: bool) -> tuple[Options, ResourceContext]:
        """Return the resource's own options, and the context of its images."""
        content: JsonObject = resource.value
        own = _NO_OPTIONS
        if resource.steps and "Metadata" in content and not creates_nothing(resource.scope):
            own = self._own_options(resource, has_images=has_images)
        context = ResourceContext(
            own.over(self._options),
            self._settings.operator,
            self._by_name or isinstance(own.pin, tuple),
            resource.path,
            _properties(resource),
            self._template,
        )
        self._contexts[resource.steps] = context
        return own, context

    def _own_options(self, resource: TemplateNode, *, has_images: bool) -> Options:
        path = resource.path.child("Metadata", METADATA_KEY)
        own = self._scan.read_metadata(path, resource.value["Metadata"], resource.scope, Level.RESOURCE)
        self._scan.add_loosened_option(path, own, self._settings.operator)
        if own.pin not in {None, Pin.SKIP, Pin.MARKED} and not has_images and not self._settings.image_paths:
            kind = f"of type {kind}" if isinstance(kind := resource.value.get("Type"), str) else "without a type"
            self._scan.add_problem(
                path,
                f"no image property is known for a resource {kind}",
                f"remove the entry; if the resource has an image, {Advice.IMAGE_PATH}",
                MISPLACED_MARKER,
            )
        return own

    def _add_opaque(self, opaque: OpaqueNode, context: ResourceContext) -> None:
        # Several locations can be behind one property.
        guards = () if may_select(context.operator.pin) else opaque.guards
        if opaque.path in self._opaque or creates_nothing(opaque.scope):
            return
        self._opaque.add(opaque.path)
        self._scan.add_opaque(opaque, context, deployed=deployment_status(guards, opaque.scope) is not False)


def _types(resource: TemplateNode, opaque: list[OpaqueNode]) -> Iterator[str]:
    """Yield the type of a resource; more than one only if it has the key twice."""
    kind = resource.value.get("Type")
    if isinstance(kind, str) and not resource.scope.loops and not has_loop(resource.value, resource.scope):
        yield kind
        return
    for node in walk(resource, (Field("Type"),)):
        if isinstance(node, OpaqueNode):
            opaque.append(node)
            continue
        value = node.value
        outcome = evaluate(value, node.scope.deciding()) if isinstance(value, str) or intrinsic_of(value) else None
        if isinstance(outcome, Known) and isinstance(outcome.value, str):
            yield outcome.value
        elif outcome or node.scope.loops:
            opaque.append(OpaqueNode(node.path, "the type of the resource is unknown", node.scope, node.guards))


def _properties(resource: TemplateNode) -> JsonValue:
    content = resource.value
    if "Properties" in content or not has_loop(content, resource.scope):
        return content.get("Properties")
    return next((node.value for node in walk(resource, (_PROPERTIES,)) if isinstance(node, TemplateNode)), None)


def _add_path(tree: _PathTree, steps: tuple[Step, ...]) -> bool:
    """Add a path to a tree of paths, unless one of them contains it or is inside it; return whether it was added."""
    depth = 0
    while depth < len(steps) and steps[depth] in tree:
        tree = tree[steps[depth]]
        depth += 1
    if depth == len(steps) or (depth and not tree):
        return False
    for step in steps[depth:]:
        tree = tree.setdefault(step, {})
    return True
