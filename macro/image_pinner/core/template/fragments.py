"""Snippets: the fragments that a macro receives when it is called by `Fn::Transform` inside a template.

The fragment contains the siblings of the `Fn::Transform` key and nothing of what is around them: it is empty if the
call is the whole value of a property; otherwise it is a part of the properties, a resource, or the resources
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.intrinsics import intrinsic_of
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.find import find_images
from image_pinner.core.template.locations import ImageLocation, snippet_locations
from image_pinner.core.template.markers import IMAGE_KEY, LONG_FORM
from image_pinner.core.template.options import AnyPlatform
from image_pinner.core.template.paths import FOR_EACH, Field, Step, TemplatePath
from image_pinner.core.template.problems import INVALID_MARKER
from image_pinner.core.template.scan import ImageScan
from image_pinner.core.template.sites import ResourceContext, ScanSettings, SkipStatus
from image_pinner.core.template.traversal import (
    OpaqueNode,
    TemplateNode,
    branches_of,
    children_of,
    entries_of,
    has_loop,
    walk,
)

_RESOURCES = "Resources"
_THIS_RESOURCE = "(this resource)"


class Shape(Enum):
    """What a fragment is a part of."""

    TEMPLATE = "template"
    RESOURCES = "resources"
    RESOURCE = "resource"
    PROPERTIES = "properties"


class Fragment(NamedTuple):
    """A fragment, completed so that images are found in it as in a template.

    Args:
        shape: What it is a part of.
        tree: What is searched and rewritten: a template, or a part of properties.
        parameters: The options of the call.
        original: The fragment as received, which is returned unless the images can be pinned.
        is_value: Whether the call is the whole value of a property, so that a text is returned.
        serialized: The texts of a template in any serialization, or empty; see `count_walked_markers`.
        is_expanded: Whether CloudFormation has processed the snippets in it, as it does before it calls a macro around
            them.
    """

    shape: Shape
    tree: JsonObject
    parameters: JsonObject
    original: JsonObject
    is_value: bool = False
    serialized: bytes = b""
    is_expanded: bool = False

    def make_scope(
        self, values: Mapping[str, JsonValue], usable: Collection[str], *, region: str, account_id: str
    ) -> Scope:
        """Return what is known; `usable` are the parameters whose values a snippet may use."""
        if self.shape is Shape.TEMPLATE:
            return Scope.of_template(self.original, values, region=region, account_id=account_id)
        return Scope.of_snippet(values, usable, region=region, account_id=account_id)

    def find_images(self, scope: Scope, scan_settings: ScanSettings) -> ImageScan:
        """Find the images of the fragment. See `find.find_images`."""
        if self.shape is Shape.PROPERTIES:
            return _find_in_properties(self, scope, scan_settings)
        return find_images(self.tree, self.parameters, scope, scan_settings, self.serialized)

    def answer(self, tree: JsonValue) -> JsonValue:
        """Return what the macro returns if `tree` is the rewritten tree."""
        if self.is_value:
            return tree[IMAGE_KEY]
        if self.shape is Shape.RESOURCE:
            return tree[_RESOURCES][_THIS_RESOURCE]
        return tree[_RESOURCES] if self.shape is Shape.RESOURCES else tree


def read_fragment(fragment: JsonObject, parameters: JsonObject, serialized: bytes = b"") -> Fragment:
    """Recognize what a fragment is a part of.

    Args:
        fragment: The `fragment` of a macro's event.
        parameters: The `params` of the event.
        serialized: The texts of the fragment, if they are serialized already.

    Raises:
        InvalidOptionError: The image is set both in the Parameters and next to the snippet.
    """
    if isinstance(fragment.get(_RESOURCES), dict) or "AWSTemplateFormatVersion" in fragment:
        return Fragment(Shape.TEMPLATE, fragment, parameters, fragment, serialized=serialized)
    if IMAGE_KEY in parameters:
        if IMAGE_KEY in fragment:
            raise InvalidOptionError(
                f"{IMAGE_KEY} is set in the Parameters and next to the snippet", "remove one of them"
            )
        tree = {**fragment, IMAGE_KEY: {LONG_FORM: dict(parameters)}}
        return Fragment(Shape.PROPERTIES, tree, {}, fragment, is_value=not fragment)
    if isinstance(fragment.get("Type"), str) and isinstance(fragment.get("Properties"), dict):
        return Fragment(Shape.RESOURCE, {_RESOURCES: {_THIS_RESOURCE: fragment}}, parameters, fragment)
    if _are_resources(fragment):
        return Fragment(Shape.RESOURCES, {_RESOURCES: fragment}, parameters, fragment)
    return Fragment(Shape.PROPERTIES, fragment, parameters, fragment)


def _are_resources(fragment: JsonObject) -> bool:
    entries = [node.value for _, node in entries_of(TemplateNode((), fragment, Scope()))]
    are_resources = all(isinstance(value, dict) and "Type" in value for value in entries)
    return bool(entries) and are_resources and all(isinstance(name, str) for name in fragment)


def _find_in_properties(fragment: Fragment, scope: Scope, scan_settings: ScanSettings) -> ImageScan:
    scan, root, configured = ImageScan(), TemplatePath(), scan_settings.operator
    options = scan.read_parameters(root, fragment.parameters, scope)
    scan.add_loosened_option(root, options, configured)
    merged = scan.options = options.over(configured)
    scope = scope.claiming(options.stack_name or "")
    context = ResourceContext(merged, configured, by_name=isinstance(merged.pin, tuple))
    names = set()
    for key, node in _find_image_properties(fragment.tree, scope):
        if isinstance(node, TemplateNode):
            names.add(scan.add(node, _location(fragment, key), context, scan_settings))
        elif node.path.in_loop:
            scan.add_opaque(node, context)
    scan.report_unknown_containers(options.pin, names - {""}, root)
    if not (scan.pinned or scan.problems or scan.external_values) and all(
        image.status in {SkipStatus.UNMARKED, SkipStatus.INVALID, SkipStatus.EMPTY} for image in scan.skipped
    ):
        mark = "mark the image next to the snippet, or write Parameters: {Pin: All}"
        set_image = f"write Parameters: {{{IMAGE_KEY}: repository:tag}}"
        help = mark if scan.skipped else set_image
        scan.add_problem(root, "the snippet has no image to pin", help, INVALID_MARKER)
    return scan


def _location(fragment: Fragment, key: str) -> ImageLocation:
    location = snippet_locations()[key]
    platform = fragment.tree[key][LONG_FORM].get("Platform") if fragment.is_value else None
    if platform is not None and platform != AnyPlatform.ANY.value:
        # The property is unknown. Every property accepts the manifest of one platform; not every one accepts an index.
        return location._replace(index_allowed=False)
    return location


def _find_image_properties(tree: JsonObject, scope: Scope) -> Iterator[tuple[str, TemplateNode | OpaqueNode]]:
    """Yield the values of all properties, however deep, with a name that can hold an image, and that name."""
    # With the path of the parent, as in `find_misplaced_markers`.
    todo: list[tuple[JsonValue, tuple[Step, ...], tuple[Step, ...]]] = [(tree, (), ())]
    while todo:
        owner, parent, last = todo.pop()
        steps = (*parent, *last)
        if isinstance(owner, dict) and has_loop(owner, scope):
            yield from _find_around_loops(TemplateNode(steps, owner, scope))
            continue
        for key, value in owner.items() if isinstance(owner, dict) else enumerate(owner):
            if key in snippet_locations() and (isinstance(value, str) or intrinsic_of(value)):
                for node in branches_of(TemplateNode((*steps, key), value, scope, owner=owner)):
                    yield str(key), node
            elif isinstance(value, dict | list):
                todo.append((value, steps, (key,)))


def _find_around_loops(start: TemplateNode) -> Iterator[tuple[str, TemplateNode | OpaqueNode]]:
    """Yield the same of a mapping with loops, which takes three times as long."""
    # One child at a time, since their paths can be long.
    todo = [iter((start,))]
    while todo:
        owner = next(todo[-1], None)
        if owner is None:
            todo.pop()
            continue
        images: set[tuple[Step, ...]] = set()
        function = intrinsic_of(owner.value)
        if isinstance(owner.value, dict) and (not function or function.startswith(FOR_EACH)):
            for name in snippet_locations():
                for node in walk(owner, (Field(name),)):
                    if isinstance(node, OpaqueNode):
                        yield name, node
                    elif isinstance(node.value, str) or intrinsic_of(node.value) or node.property_path != node.steps:
                        images.add(node.property_path)
                        yield name, node
        todo.append(_containers_in(owner, images))


def _containers_in(owner: TemplateNode, images: Collection[tuple[Step, ...]]) -> Iterator[TemplateNode]:
    for child in children_of(owner):
        if isinstance(child.value, dict | list) and child.steps not in images:
            yield child
