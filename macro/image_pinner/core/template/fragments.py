"""Snippets: what a macro is shown when it is called by `Fn::Transform` inside a template.

CloudFormation shows the siblings of the `Fn::Transform` key and nothing of what is around them: an empty map where the
call is a property's whole value, else part of the properties, a resource, or the resources
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html).
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.intrinsics import intrinsic_of
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.find import ImageScan, find_images
from image_pinner.core.template.locations import ImageLocation, snippet_locations
from image_pinner.core.template.markers import IMAGE_KEY, LONG_FORM, METADATA_KEY, parse_metadata_options
from image_pinner.core.template.options import AnyPlatform, Options, find_loosened_option
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import ProblemKind
from image_pinner.core.template.sites import ResourceContext, ScanSettings
from image_pinner.core.template.traversal import OpaqueNode, TemplateNode, arms_of, entries_of

_HERE = "(this resource)"


class Shape(Enum):
    """What a fragment is part of."""

    TEMPLATE = "template"
    RESOURCES = "resources"
    RESOURCE = "resource"
    PROPERTIES = "properties"


class Fragment(NamedTuple):
    """A fragment, seen so that images are found in it as in a template.

    Args:
        shape: What it is part of.
        tree: What is searched and rewritten: a template, or a part of properties.
        parameters: The options that came with the call.
        original: The fragment as it came, which is the answer where nothing can be done.
        is_value: Whether the answer is a bare text: the call is a property's whole value.
    """

    shape: Shape
    tree: JsonObject
    parameters: JsonObject
    original: JsonObject
    is_value: bool = False

    def find_images(self, scope: Scope, scan_settings: ScanSettings) -> ImageScan:
        """Find the images to pin. See `scan.find_images`."""
        if self.shape is Shape.PROPERTIES:
            return _find_in_properties(self, scope, scan_settings)
        return find_images(self.tree, self.parameters, scope, scan_settings)

    def answer(self, tree: JsonValue) -> JsonValue:
        """Give what the macro answers when the tree was rewritten to this."""
        if self.is_value:
            return tree[IMAGE_KEY]
        if self.shape is Shape.RESOURCE:
            return tree["Resources"][_HERE]
        return tree["Resources"] if self.shape is Shape.RESOURCES else tree


def read_fragment(fragment: JsonObject, parameters: JsonObject) -> Fragment:
    """See what a fragment is part of.

    Args:
        fragment: The fragment of a macro's event.
        parameters: The `params` of the event.

    Returns:
        The fragment, ready to be searched.

    Raises:
        InvalidOptionError: An image is given twice.
    """
    if isinstance(fragment.get("Resources"), dict) or "AWSTemplateFormatVersion" in fragment:
        return Fragment(Shape.TEMPLATE, fragment, parameters, fragment)
    if IMAGE_KEY in parameters:
        if IMAGE_KEY in fragment:
            raise InvalidOptionError(
                f"{IMAGE_KEY} stands in the Parameters and beside the snippet", "Remove one of the two"
            )
        tree = {**fragment, IMAGE_KEY: {LONG_FORM: dict(parameters)}}
        return Fragment(Shape.PROPERTIES, tree, {}, fragment, is_value=not fragment)
    if isinstance(fragment.get("Type"), str) and isinstance(fragment.get("Properties"), dict):
        return Fragment(Shape.RESOURCE, {"Resources": {_HERE: fragment}}, parameters, fragment)
    if _are_resources(fragment):
        return Fragment(Shape.RESOURCES, {"Resources": fragment}, parameters, fragment)
    return Fragment(Shape.PROPERTIES, fragment, parameters, fragment)


def _are_resources(fragment: JsonObject) -> bool:
    entries = [node.value for _, node in entries_of(TemplateNode((), fragment, Scope()))]
    are_resources = all(isinstance(value, dict) and "Type" in value for value in entries)
    return bool(entries) and are_resources and all(isinstance(name, str) for name in fragment)


def _find_in_properties(fragment: Fragment, scope: Scope, scan_settings: ScanSettings) -> ImageScan:
    scan = ImageScan()
    try:
        options = parse_metadata_options({METADATA_KEY: dict(fragment.parameters)}, scope)
    except InvalidOptionError as error:
        options = Options()
        scan.add_problem(TemplatePath(), error.cause, error.help)
    if looser := find_loosened_option(options, scan_settings.operator):
        scan.add_problem(TemplatePath(), looser, "Remove the option", ProblemKind.POLICY)
    merged = options.over(scan_settings.operator)
    context = ResourceContext(merged, scan_settings.operator, by_name=isinstance(merged.pin, tuple))
    names = set()
    for node in _images(fragment.tree, scope):
        names.add(scan.add(node, _location(fragment, node.key), context, scan_settings))
    scan.report_unknown_containers(options.pin, names - {""}, TemplatePath())
    if not scan.pinned and not scan.problems and not scan.external_values and _nothing_to_do(scan):
        unmarked = "Mark the image beside the snippet, or say Parameters: {Pin: All}"
        nothing = f"Give the image: Parameters: {{{IMAGE_KEY}: repository:tag}}"
        scan.add_problem(TemplatePath(), "the snippet holds nothing to pin", unmarked if scan.skipped else nothing)
    return scan


def _location(fragment: Fragment, key: str) -> ImageLocation:
    location = snippet_locations()[key]
    platform = fragment.tree[key][LONG_FORM].get("Platform") if fragment.is_value else None
    if platform is not None and platform != AnyPlatform.ANY.value:
        # The property around it is not shown. The manifest of one platform is right in all of them, an index is not.
        return location._replace(index_allowed=False)
    return location


def _nothing_to_do(scan: ImageScan) -> bool:
    return all(image.status in {"unmarked", "empty"} for image in scan.skipped)


def _images(tree: JsonObject, scope: Scope) -> list[TemplateNode]:
    """Give what stands under the name of a property that can hold an image, however deep."""
    found: list[TemplateNode] = []
    todo: list[tuple[JsonValue, tuple[str | int, ...]]] = [(tree, ())]
    while todo:
        node, steps = todo.pop()
        children = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in children:
            here = (*steps, key)
            if key in snippet_locations() and (isinstance(value, str) or intrinsic_of(value)):
                node = TemplateNode(here, value, scope, owner=node)
                found += [arm for arm in arms_of(node) if not isinstance(arm, OpaqueNode)]
            elif isinstance(value, dict | list):
                todo.append((value, here))
    return found
