"""Registries by name: which names mean the same one, and what the operator may name."""

from __future__ import annotations

from typing import NamedTuple

from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.images.ecr import looks_like_ecr, parse_ecr_host
from image_pinner.core.images.references import DOCKER_HUB, ImageReference

DOCKER_HUB_HOST = "registry-1.docker.io"
"""The host at which Docker Hub answers, which nobody writes: https://docs.docker.com/reference/api/registry/latest/"""

_DOCKER_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", "registry.hub.docker.com", DOCKER_HUB_HOST})
_ALL = "*"


def canonical_registry(registry: str) -> str:
    """Give one name for a registry, the one under which its credential is kept: `docker.io` for all of Docker Hub's."""
    name = registry.lower()
    return DOCKER_HUB if name in _DOCKER_HUB_NAMES else name


def registry_named(text: str) -> str:
    """Read the name of a registry.

    Args:
        text: A host with an optional port, as it stands in references.

    Returns:
        Its canonical name.

    Raises:
        ValueError: It is no such host.
    """
    try:
        reference = ImageReference.parse(f"{text}/library/image")
    except InvalidReferenceError:
        reference = None
    if reference is None or canonical_registry(reference.registry) != canonical_registry(text):
        raise ValueError(
            f"{text!r} is no registry's host with an optional port: write it as in image references, localhost:5000 "
            "for example"
        )
    return canonical_registry(text)


def is_ecr(registry: str) -> bool:
    """Tell whether a registry is one of ECR's, or is meant to be."""
    return parse_ecr_host(registry) is not None or looks_like_ecr(registry) is not None


class Mirror(NamedTuple):
    """A registry that is asked in place of another.

    Args:
        registry: The canonical name of the registry that images name, or `*` for every one but ECR's.
        name: The host of the mirror, with its port, and the beginning of its repositories where it has one.
    """

    registry: str
    name: str

    @property
    def host(self) -> str:
        """The host of the mirror, with its port."""
        return self.name.partition("/")[0]

    @classmethod
    def parse(cls, text: str) -> Mirror:
        """Read `registry=mirror` or `*=mirror`.

        Raises:
            ValueError: The text has another form.
        """
        registry, equals, name = (part.strip() for part in text.partition("="))
        if not equals:
            raise ValueError("Write registry=mirror, docker.io=mirror.example:5000 for example")
        try:
            reference = ImageReference.parse(f"{name}/image")
        except InvalidReferenceError as error:
            raise ValueError(f"{name!r} is no host with an optional port and path: {error.cause}") from None
        if reference.registry != name.partition("/")[0]:
            raise ValueError(f"{name!r} does not begin with a host that has a dot or a port")
        return cls(registry if registry == _ALL else registry_named(registry), name)

    def of(self, reference: ImageReference) -> ImageReference | None:
        """Give the reference of an image at this mirror, or `None` where it is no mirror for its registry.

        Args:
            reference: The image in its canonical form.
        """
        registry = canonical_registry(reference.registry)
        if self.registry != registry and (self.registry != _ALL or is_ecr(registry)):
            return None
        tag = f":{reference.tag}" if reference.tag else ""
        return ImageReference.parse(f"{self.name}/{reference.repository}{tag}").canonical()
