"""The values of reading images: the rules, what holds around an image, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass

from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import ImageReference
from image_pinner.core.template.locations import ImageLocation
from image_pinner.core.template.options import Options, Pin
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem
from image_pinner.core.template.values import JsonMap, JsonValue, Lookup
from image_pinner.core.template.walking import Spot


@dataclass(frozen=True, slots=True)
class Rules:
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
class Around:
    """What holds around an image.

    Args:
        template: The options of the template.
        operator: The options of the operator.
        resource: The options of the resource.
        resource_path: The path of the resource; the root where there is none.
        properties: The resource's Properties.
        whole: The whole template.
    """

    template: Options = Options()
    operator: Options = Options()
    resource: Options = Options()
    resource_path: TemplatePath = TemplatePath()
    properties: JsonValue = None
    whole: JsonMap | None = None

    @property
    def pin(self) -> Pin | tuple[str, ...]:
        """Which images are pinned here, marked ones apart."""
        return self.resource.over(self.template).over(self.operator).pin or Pin.MARKED


@dataclass(frozen=True, slots=True)
class PinSite:
    """An image to pin.

    Args:
        path: The place of the expression that is replaced.
        spot: The walk's end there: owner, guards and the property as a whole.
        location: What the place accepts.
        options: The options of all levels, the nearest first.
        reference: The reference as it was written, after evaluation.
        platform: The platform that the image must have, or `None`.
        form: How the pin was asked for: by a `mark` at the image, or by `Pin` around it.
        kept: What stands here if the tag is kept: the expression without its mark.
        resource_path: The path of the resource.
    """

    path: TemplatePath
    spot: Spot
    location: ImageLocation
    options: Options
    reference: ImageReference
    platform: Platform | None
    form: str
    kept: JsonValue
    resource_path: TemplatePath


@dataclass(frozen=True, slots=True)
class LeftImage:
    """An image that stays as it is.

    Args:
        path: Its place.
        status: `unmarked`, `pinned` already, `skipped`, `managed`, `not deployed`, `empty` or `hidden`.
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


@dataclass(frozen=True, slots=True)
class ReadImage:
    """What reading an image gave.

    Args:
        result: A site, an image left, a problem, or nothing for an image that is not there.
        lookups: What must be looked up before it can be told.
        name: The container's name, or empty.
    """

    result: PinSite | LeftImage | Problem | None
    lookups: frozenset[Lookup] = frozenset()
    name: str = ""
