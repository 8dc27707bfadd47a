"""Locations: the resource properties that hold images, and what each accepts, from `image_locations.toml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

from image_pinner.core.template.paths import PathStep, Step, parse_image_path

USE_SHORTER_NAME = "use a repository with a shorter name"


class PlatformSource(NamedTuple):
    """How to infer the platform that will run an image; the fields are explained in `image_locations.toml`."""

    os: str = ""
    architecture: str = ""
    template_architecture: str = ""
    default: str = ""
    default_in: str = ""
    default_for: str = ""

    def of_image(self, steps: Iterable[Step]) -> PlatformSource:
        """Replace each `[*]` with the index of the element that contains the image at `steps` from the Properties."""
        numbers = [step for before, step in pairwise((None, *steps)) if isinstance(step, int) and before != "Fn::If"]
        os, architecture = self.os, self.architecture
        for number in numbers:
            os = os.replace("[*]", f"[{number}]", 1)
            architecture = architecture.replace("[*]", f"[{number}]", 1)
        return self._replace(os=os, architecture=architecture)


class ImageLocation(NamedTuple):
    """A property that holds an image; the fields are explained in `image_locations.toml`.

    A custom path has no resource type, and starts at the template's root instead of the Properties.
    """

    resource_type: str
    path: str
    index_allowed: bool = True
    in_snippets: bool = True
    tag_with_digest: bool = False
    limit: int = 0
    limit_name: int = 0
    name_key: str = ""
    label_key: str = ""
    credentials_path: tuple[str, ...] = ()
    managed: tuple[str, ...] = ()
    other_forms: tuple[str, ...] = ()
    refused: str = ""
    platform: PlatformSource | None = None
    rejects_marker: bool = False
    replacement: str = ""
    link: str = ""

    @property
    def steps(self) -> tuple[PathStep, ...]:
        """The path, parsed when it is first needed."""
        return parse_image_path(self.path)

    def find_excess(self, image: str) -> str:
        """Return which limit an image with a digest exceeds, as a clause, or empty."""
        if self.limit and len(image) > self.limit:
            return (
                f"the image is {len(image)} characters long with its digest; {self.resource_type} allows {self.limit}"
            )
        if self.limit_name and (length := image.index("@")) > self.limit_name:
            return f"the image is {length} characters long before the @; {self.resource_type} allows {self.limit_name}"
        return ""

    @property
    def key(self) -> str:
        """The name of the property that holds the image: the last field of the path."""
        return self.path.removesuffix("[*]").rpartition(".")[2]


@cache
def image_locations() -> Mapping[str, tuple[ImageLocation, ...]]:
    """Return all locations by resource type, in the order of the data file."""
    # Not needed to start the function. importlib.resources loads tempfile and zipfile.
    import pkgutil  # noqa: PLC0415
    import tomllib  # noqa: PLC0415

    text = (pkgutil.get_data(__package__, "image_locations.toml") or b"").decode()
    found: dict[str, list[ImageLocation]] = {}
    for row in tomllib.loads(text)["location"]:
        types, paths = row.pop("types"), row.pop("paths")
        fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
        if "platform" in fields:
            fields["platform"] = PlatformSource(**fields["platform"])
        for resource_type in types:
            found.setdefault(resource_type, []).extend(ImageLocation(resource_type, path, **fields) for path in paths)
    return {resource_type: tuple(locations) for resource_type, locations in found.items()}


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
