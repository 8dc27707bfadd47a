"""Compare the images of two templates, and find out what a deployment of the second does to resources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from image_pinner.core.deployed import (
    Deployed,
    DeployedLookup,
    DeployedState,
    around_variables,
    services_by_task_definition,
)
from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.intrinsics import evaluate, intrinsic_of
from image_pinner.core.intrinsics.budget import Budget
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue, Known, Unknown
from image_pinner.core.template.locations import ImageLocation, image_locations
from image_pinner.core.template.options import Refresh
from image_pinner.core.template.paths import FOR_EACH, Field, TemplatePath
from image_pinner.core.template.records import RECORD_KEY, record_for
from image_pinner.core.template.sites import SiteIdentity
from image_pinner.core.template.traversal import OpaqueNode, TemplateNode, deployment_status, entries_of, walk

_RESOURCES = "Resources"
_PROPERTIES = Field("Properties")
_IN_LOOP = "it is in an Fn::ForEach, which only AWS::LanguageExtensions expands"
_NEEDS_LOOKUP = "it depends on a value that only AWS knows"


class TemplateImage(NamedTuple):
    """An image of a template, whether or not anything requests to pin it.

    Args:
        identity: Which image of the template it is.
        path: The property path.
        location: What the property accepts.
        record_path: The path of the property in its resource.
        expression: The value of the property.
        text: What that evaluates to, or empty if it cannot be resolved.
        label: The reference in the label next to it, or empty.
        unknown: Why it cannot be resolved, as a clause, or empty.
        written: The reference that the digest comes from; empty if it is not known.
        index_digest: The index that contains the manifest, if the image has one platform of it and that is known.
        running: What runs, if that was looked up.
    """

    identity: SiteIdentity
    path: TemplatePath
    location: ImageLocation
    record_path: str
    expression: JsonValue
    text: str = ""
    label: str = ""
    unknown: str = ""
    written: str = ""
    index_digest: Digest | None = None
    running: DeployedState | None = None

    @property
    def reference(self) -> ImageReference | None:
        """The image as a reference, or `None` if it is not one."""
        return _parse(self.text)

    @property
    def by_digest(self) -> ImageReference | None:
        """The registry, repository and digest; the digest that runs where the template has only a tag."""
        reference = self.reference
        if reference is None:
            return None
        if reference.digest is None and isinstance(self.running, Deployed):
            return self.running.image.canonical()
        return _with_digest(reference, reference.digest) if reference.digest else None

    @property
    def described(self) -> ImageReference | None:
        """The image that tags point at: the index, or else the image itself."""
        found = self.by_digest
        return _with_digest(found, self.index_digest) if found and self.index_digest else found


class ImageList(NamedTuple):
    """The images of a template, and the properties whose images cannot be seen, each with the reason."""

    images: tuple[TemplateImage, ...]
    hidden: Mapping[TemplatePath, str] = MappingProxyType({})

    def may_hide(self, image: TemplateImage) -> bool:
        """Return whether one of the hidden properties can be, or create, an image of the other template."""
        resource = image.identity.resource
        patterns = (around_variables(_resource_in(path)) for path in self.hidden if path.steps[:1] == (_RESOURCES,))
        return any(resource.startswith(start) and resource.endswith(end) for start, end in patterns)


def _resource_in(path: TemplatePath) -> str:
    """Return the logical ID in a path, with the variables of loops; empty if it can be any."""
    names = (step for step in path.steps[1:] if isinstance(step, str) and not step.startswith(FOR_EACH))
    return next(names, "")


def list_images(template: JsonObject, scope: Scope, image_paths: Iterable[str] = ()) -> ImageList:
    """List the images that a deployment of a template without markers has.

    Args:
        template: The template.
        scope: What is known of its values.
        image_paths: JSONPath expressions from the template's root, for images in custom properties.
    """
    images: dict[TemplatePath, TemplateImage] = {}
    hidden: dict[TemplatePath, str] = {}
    for node, location, resource in _find_nodes(template, scope, image_paths):
        if deployment_status(node.guards, node.scope) is False or node.path in images:
            continue
        if isinstance(node, OpaqueNode):
            hidden[node.path] = node.reason
        elif node.path.in_loop:
            hidden[node.path] = _IN_LOOP
        else:
            images[node.path] = _read_image(node, location, resource)
    return ImageList(tuple(images.values()), hidden)


_Found = tuple[TemplateNode | OpaqueNode, ImageLocation, TemplateNode]


def _find_nodes(template: JsonObject, scope: Scope, image_paths: Iterable[str]) -> Iterator[_Found]:
    root = TemplateNode((), template, scope)
    resources: dict[str, TemplateNode] = {}
    for section in walk(root, (Field(_RESOURCES),)):
        opaque = [section] if isinstance(section, OpaqueNode) else []
        for name, resource in entries_of(section, opaque) if isinstance(section, TemplateNode) else ():
            content = resource.value
            kind = content.get("Type") if isinstance(content, dict) else None
            for location in image_locations().get(kind, ()) if isinstance(kind, str) else ():
                start = resource.guarded_by(content.get("Condition"))
                for node in walk(start, (_PROPERTIES, *location.steps)):
                    yield node, location, resource
            resources[name] = resource
        yield from ((node, ImageLocation("", ""), root) for node in opaque)
    for path in image_paths:
        location = ImageLocation("", path)
        for node in walk(root, location.steps):
            steps = node.path.steps
            is_image = isinstance(node, OpaqueNode) or isinstance(node.value, str) or intrinsic_of(node.value)
            if is_image and steps[:1] != ("Parameters",):
                name = str(steps[1]) if steps[:1] == (_RESOURCES,) and len(steps) > 1 else ""
                yield node, location, resources.get(name, root)


def _read_image(node: TemplateNode, location: ImageLocation, resource: TemplateNode) -> TemplateImage:
    owner, name_key = node.owner, location.name_key
    name = _text(owner.get(name_key), node.scope) if name_key and isinstance(owner, dict) else ""
    inside = len(resource.steps)
    identity = SiteIdentity(str(resource.steps[-1]) if inside else "", name, TemplatePath(node.steps[inside:]))
    outcome = evaluate(node.value, node.scope)
    text = outcome.value if isinstance(outcome, Known) and isinstance(outcome.value, str) else ""
    record_path = str(TemplatePath(node.property_steps[inside:]))
    labels = owner.get(location.label_key) if isinstance(owner, dict) else None
    label = _text(labels.get(RECORD_KEY), node.scope) if isinstance(labels, dict) else ""
    image = TemplateImage(identity, node.path, location, record_path, node.value, text, label)
    if not text:
        return image._replace(unknown=outcome.reason if isinstance(outcome, Unknown) else _NEEDS_LOOKUP)
    return image._replace(written=_find_written(image, node, resource))


def _find_written(image: TemplateImage, node: TemplateNode, resource: TemplateNode) -> str:
    """Return the reference that a digest comes from: a tag next to it, or the record in the labels or Metadata."""
    reference = image.reference
    if reference is None or reference.digest is None or reference.tag:
        return str(reference.without_digest()) if reference else ""
    metadata = resource.value.get("Metadata") if isinstance(resource.value, dict) else None
    in_metadata = metadata.get(RECORD_KEY) if isinstance(metadata, dict) else None
    inside = str(TemplatePath(node.property_path[len(resource.steps) :]))
    entry = _text(in_metadata.get(inside), node.scope) if isinstance(in_metadata, dict) else ""
    return record_for(reference, image.label) or record_for(reference, entry)


def _text(expression: JsonValue, scope: Scope) -> str:
    outcome = evaluate(expression, scope)
    return outcome.value if isinstance(outcome, Known) and isinstance(outcome.value, str) else ""


def _parse(text: str) -> ImageReference | None:
    try:
        return ImageReference.parse(text)
    except InvalidReferenceError:
        return None


def _with_digest(reference: ImageReference, digest: Digest) -> ImageReference:
    return ImageReference(reference.registry, reference.repository, "", digest).canonical()


class ChangeKind(StrEnum):
    """What happens to an image, as a word for reports."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    REWRITTEN = "rewritten"
    """The digest stays, but how it is written or its label does not: the resource changes and what runs does not."""
    UNCHANGED = "unchanged"
    NOT_COMPARED = "not compared"
    """One of the two images cannot be resolved."""

    @property
    def is_change(self) -> bool:
        """Whether a deployment changes the resource of the image."""
        return self not in {ChangeKind.UNCHANGED, ChangeKind.NOT_COMPARED}


class ImageChange(NamedTuple):
    """An image before and after a deployment; one of them is `None` if it is added or removed."""

    old: TemplateImage | None
    new: TemplateImage | None

    @property
    def image(self) -> TemplateImage:
        """The new image, or the old one if it is removed."""
        image = self.new or self.old
        if image is None:
            raise AssertionError(self)
        return image

    @property
    def is_relabeled(self) -> bool:
        """Whether the label is another one, so that it explains why the image is `REWRITTEN`."""
        return self.kind is ChangeKind.REWRITTEN and self.old is not None and self.old.label != self.image.label

    @property
    def kind(self) -> ChangeKind:
        """What happens to it."""
        old, new = self.old, self.new
        if old is None or new is None:
            return ChangeKind.REMOVED if new is None else ChangeKind.ADDED
        # CloudFormation replaces a task definition whose label changes. A record in the Metadata changes no resource.
        if old.label == new.label and old.text == new.text and (old.text or old.expression == new.expression):
            return ChangeKind.UNCHANGED
        if not (old.text and new.text):
            return ChangeKind.NOT_COMPARED
        return ChangeKind.REWRITTEN if old.by_digest and old.by_digest == new.by_digest else ChangeKind.CHANGED


def compare_images(old: ImageList, new: ImageList) -> tuple[ImageChange, ...]:
    """Match the images of two templates, in the order of the new one, then those that are removed.

    An image that only one of them has is not compared if the other one may hide it.

    Images match by their resource, container and property path. What remains matches by resource and container alone,
    if there is one of each: containers change their order, and SAM moves the image of a function.
    """
    before, after = list(old.images), list(new.images)
    matched: dict[TemplatePath, TemplateImage] = {}
    keys: tuple[Callable[[TemplateImage], object], ...] = (lambda image: image.identity, _container)
    for key in keys:
        groups: dict[object, tuple[list[TemplateImage], list[TemplateImage]]] = {}
        for side, images in enumerate((before, after)):
            for image in images:
                groups.setdefault(key(image), ([], []))[side].append(image)
        pairs = [(olds[0], news[0]) for olds, news in groups.values() if len(olds) == len(news) == 1]
        matched |= {image.path: earlier for earlier, image in pairs}
        taken = {earlier.path for earlier, _ in pairs}
        before = [image for image in before if image.path not in taken]
        after = [image for image in after if image.path not in matched]
    hidden = {image.path for image in after if old.may_hide(image)}
    return (
        *(ImageChange(matched.get(image.path), image) for image in new.images if image.path not in hidden),
        *(ImageChange(image, None) for image in before if not new.may_hide(image)),
    )


def _container(image: TemplateImage) -> tuple[str, str]:
    return image.identity.resource, image.identity.container


class Effect(StrEnum):
    """What CloudFormation does to a resource because of its images, as words for reports."""

    CREATED = "created"
    DELETED = "deleted"
    REPLACED = "replaced"
    MAY_BE_REPLACED = "may be replaced"
    UPDATED = "updated"


_EFFECTS = {"always": Effect.REPLACED, "conditional": Effect.MAY_BE_REPLACED, "": Effect.UPDATED}
_SEVERITY = tuple(Effect)


class ResourceEffect(NamedTuple):
    """What happens to a resource, and the services that run it and are redeployed."""

    resource: str
    resource_type: str
    effect: Effect
    services: tuple[str, ...] = ()


def find_effects(
    changes: Iterable[ImageChange], old: JsonObject, new: JsonObject, budget: Budget
) -> tuple[ResourceEffect, ...]:
    """Return the effects of changes on resources of the templates, sorted by logical ID.

    A custom property does not determine its resource type, so its resource may be replaced.

    Raises:
        BudgetExceededError: The services of the template refer to too many task definitions.
    """
    before, after = _resources(old), _resources(new)
    effects: dict[str, Effect] = {}
    for change in changes:
        name, location = change.image.identity.resource, change.image.location
        if not name or not change.kind.is_change:
            continue
        if name in before and name in after:
            effect = _EFFECTS[location.replacement if location.resource_type else "conditional"]
        else:
            effect = Effect.CREATED if name in after else Effect.DELETED
        effects[name] = min(effects.get(name, effect), effect, key=_SEVERITY.index)
    renewed = {name for name, effect in effects.items() if effect is not Effect.DELETED}
    running = services_by_task_definition(new, renewed, budget)
    return tuple(
        ResourceEffect(
            name,
            _type_of(after.get(name) or before.get(name)),
            effects[name],
            tuple(sorted(service for service in running.get(name, ()) if service in before)),
        )
        for name in sorted(effects)
    )


def _resources(template: JsonObject) -> JsonObject:
    section = template.get(_RESOURCES)
    return section if isinstance(section, dict) else {}


def _type_of(resource: JsonValue) -> str:
    kind = resource.get("Type") if isinstance(resource, dict) else None
    return kind if isinstance(kind, str) else ""


def plan_running_lookups(
    images: Iterable[TemplateImage], template: JsonObject, stack_name: str, budget: Budget
) -> dict[TemplatePath, DeployedLookup]:
    """Return the lookups of what runs for the images that a stack deployed, by their paths.

    Raises:
        BudgetExceededError: The services of the template refer to too many task definitions.
    """
    found = [image for image in images if image.identity.resource and image.location.resource_type]
    running = services_by_task_definition(template, {image.identity.resource for image in found}, budget)
    return {
        image.path: DeployedLookup(
            image.identity,
            image.location.resource_type,
            Refresh.NEVER,
            image.record_path,
            stack_name,
            tuple(running.get(image.identity.resource, ())),
        )
        for image in found
    }
