"""Locations: the resource properties that hold images, and what each accepts, from `image_locations.toml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any, NamedTuple

from image_pinner.core.template.json_path import PathStep, parse_image_path
from image_pinner.core.template.paths import Step


class PlatformSource(NamedTuple):
    """How to infer the platform that will run an image from its resource.

    Args:
        os: The JSONPath of the operating system, from the Properties; empty if there is none.
        architecture: The JSONPath of the architecture, from the Properties.
        template_architecture: The JSONPath of the default architecture, from the template's root.
        default: The platform that the service uses if neither is set; empty if it is unknown.
        default_in: The JSONPath of a list that must contain `default_for` for `default` to apply; empty if it always
            applies.
        default_for: See `default_in`.
    """

    os: str = ""
    architecture: str = ""
    template_architecture: str = ""
    default: str = ""
    default_in: str = ""
    default_for: str = ""

    def of_image(self, steps: Iterable[Step]) -> PlatformSource:
        """Replace each `[*]` by the index of the element that contains the image at `steps` from the Properties."""
        numbers = [step for before, step in pairwise((None, *steps)) if isinstance(step, int) and before != "Fn::If"]
        os, architecture = self.os, self.architecture
        for number in numbers:
            os = os.replace("[*]", f"[{number}]", 1)
            architecture = architecture.replace("[*]", f"[{number}]", 1)
        return self._replace(os=os, architecture=architecture)


class ImageLocation(NamedTuple):
    """A property that holds an image.

    Args:
        resource_type: The type of the resource; empty for a custom path.
        path: The JSONPath from the Properties; for a custom path, from the template's root.
        index_allowed: Whether the digest of an index is accepted.
        in_snippets: Whether a snippet under the property's name is taken for this location.
        limit: The maximum number of characters of the value; 0 for none.
        limit_name: The maximum number of characters before the `@`; 0 for none.
        name_key: The property of the same mapping that holds the container's name, or empty.
        label_key: The property of the same mapping that can record the written reference, or empty.
        credentials_path: The properties from the same mapping to the ARN of the secret with the registry's credentials.
        managed: Prefixes of values that are images of the service itself and not references.
        refused: Why the service accepts no digest here, or empty.
        platform: How to infer the platform, or `None`.
        link: The service's documentation.
    """

    resource_type: str
    path: str
    index_allowed: bool = True
    in_snippets: bool = True
    limit: int = 0
    limit_name: int = 0
    name_key: str = ""
    label_key: str = ""
    credentials_path: tuple[str, ...] = ()
    managed: tuple[str, ...] = ()
    refused: str = ""
    platform: PlatformSource | None = None
    link: str = ""

    @property
    def steps(self) -> tuple[PathStep, ...]:
        """The path, parsed when it is first needed."""
        return parse_image_path(self.path)

    @property
    def key(self) -> str:
        """The name of the property that holds the image: the last field of the path."""
        return self.path.removesuffix("[*]").rpartition(".")[2]


@cache
def image_locations() -> Mapping[str, tuple[ImageLocation, ...]]:
    """Return all locations by resource type, in the order of the data file."""
    import tomllib  # noqa: PLC0415 - not needed to start the function

    text = resources.files(__package__).joinpath("image_locations.toml").read_text("utf-8")
    found: dict[str, list[ImageLocation]] = {}
    for row in tomllib.loads(text)["location"]:
        for resource_type in row["types"]:
            for path in row["paths"]:
                found.setdefault(resource_type, []).append(_read_row(resource_type, path, row))
    return {resource_type: tuple(locations) for resource_type, locations in found.items()}


def _read_row(resource_type: str, path: str, row: Mapping[str, Any]) -> ImageLocation:
    return ImageLocation(
        resource_type=resource_type,
        path=path,
        index_allowed=row.get("index", True),
        in_snippets=row.get("snippet", True),
        limit=row.get("limit", 0),
        limit_name=row.get("limit_name", 0),
        name_key=row.get("name", ""),
        label_key=row.get("label", ""),
        credentials_path=tuple(row["credentials"].split(".")) if "credentials" in row else (),
        managed=tuple(row.get("managed", ())),
        refused=row.get("refused", ""),
        platform=PlatformSource(**row["platform"]) if "platform" in row else None,
        link=row["link"],
    )


@cache
def snippet_locations() -> Mapping[str, ImageLocation]:
    """Return what a property accepts, by its name, if the resource type is unknown.

    A snippet contains only the siblings of the call, so the strictest location of that name applies.
    """
    found: dict[str, ImageLocation] = {}
    for location in (location for locations in image_locations().values() for location in locations):
        key = location.key
        if location.in_snippets and not location.refused and key.lower().endswith(("image", "uri", "identifier")):
            allowed = location.index_allowed and (key not in found or found[key].index_allowed)
            found[key] = ImageLocation("", key, index_allowed=allowed, name_key="Name")
    return found
