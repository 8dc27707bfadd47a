"""Where images live, and what each place accepts: `image_locations.toml`, read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any, NamedTuple

from image_pinner.core.template.json_path import PathStep, parse_image_path
from image_pinner.core.template.paths import Step


class PlatformSource(NamedTuple):
    """Which platform will run an image, as far as its resource says it.

    Args:
        os: The JSONPath of the operating system, from the Properties; empty where none is said.
        architecture: The JSONPath of the architecture, from the Properties.
        template_architecture: The JSONPath of the architecture from the template's root, for defaults that stand there.
        default: The platform that the service takes where nothing is said; empty where it is unknown.
        default_in: The JSONPath of a list that must hold `default_for`, or the default does not count; empty where it
            always does.
        default_for: What the list must hold.
    """

    os: str = ""
    architecture: str = ""
    template_architecture: str = ""
    default: str = ""
    default_in: str = ""
    default_for: str = ""

    def of_image(self, steps: Iterable[Step]) -> PlatformSource:
        """Give the source for one image of several: each `[*]` means the element that the image itself is in.

        Args:
            steps: The steps to the image from its resource's Properties.
        """
        numbers = [step for before, step in pairwise((None, *steps)) if isinstance(step, int) and before != "Fn::If"]
        return self._replace(os=_numbered(self.os, numbers), architecture=_numbered(self.architecture, numbers))


class ImageLocation(NamedTuple):
    """One place where an image can stand.

    Args:
        resource_type: The type of the resource, or empty for a path of the operator's own.
        path: The JSONPath from the Properties, or from the template's root for the operator's own.
        index_allowed: Whether the digest of an index is accepted.
        in_snippets: Whether a snippet under the property's name is taken to stand here.
        limit: The most characters of the whole value, 0 for no limit.
        limit_name: The most characters before the `@`, 0 for no limit.
        name_key: The property beside the image that names the container, or empty.
        label_key: The property beside the image whose map can carry the written reference, or empty.
        credentials_path: The properties beside the image that lead to the secret with its registry's login.
        managed: Beginnings of values that are the service's own images and no references.
        refused: Why no digest can stand here, or empty.
        platform: Which platform will run it, or `None`.
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


def _numbered(path: str, numbers: Sequence[int]) -> str:
    for number in numbers:
        path = path.replace("[*]", f"[{number}]", 1)
    return path


@cache
def image_locations() -> Mapping[str, tuple[ImageLocation, ...]]:
    """Give all locations by resource type, in the order of the data file."""
    import tomllib  # noqa: PLC0415 - the handler's start must not wait for it

    text = resources.files(__package__).joinpath("image_locations.toml").read_text("utf-8")
    found: dict[str, list[ImageLocation]] = {}
    for row in tomllib.loads(text)["location"]:
        for resource_type in row["types"]:
            for path in row["paths"]:
                found.setdefault(resource_type, []).append(_location(resource_type, path, row))
    return {resource_type: tuple(locations) for resource_type, locations in found.items()}


def _location(resource_type: str, path: str, row: Mapping[str, Any]) -> ImageLocation:
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
    """Give, by the name of a property that can hold an image, what a place of unknown type accepts.

    A snippet is shown only what stands beside it, so the strictest place of that name counts.
    """
    found: dict[str, ImageLocation] = {}
    for locations in image_locations().values():
        for location in locations:
            if (
                location.refused
                or not location.in_snippets
                or not location.key.lower().endswith(("image", "uri", "identifier"))
            ):
                continue
            before = found.get(location.key)
            allowed = location.index_allowed and (before is None or before.index_allowed)
            found[location.key] = ImageLocation("", location.key, index_allowed=allowed, name_key="Name")
    return found
