"""Registry names: canonical form, and the mirrors that the platform configuration sets for them."""

from __future__ import annotations

from typing import NamedTuple

from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.images.ecr import explain_invalid_ecr_host, parse_ecr_host
from image_pinner.core.images.references import DOCKER_HUB, ImageReference

DOCKER_HUB_HOST = "registry-1.docker.io"
"""The host of Docker Hub's registry API: https://docs.docker.com/reference/api/registry/latest/"""

_DOCKER_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", "registry.hub.docker.com", DOCKER_HUB_HOST})
_ALL = "*"


def canonical_registry(registry: str) -> str:
    """Return the name under which a registry's credentials are stored: `docker.io` for every name of Docker Hub."""
    name = registry.lower()
    return DOCKER_HUB if name in _DOCKER_HUB_NAMES else name


def parse_registry(text: str) -> str:
    """Parse a registry's host with an optional port, and return its canonical name.

    Raises:
        ValueError: The text is not a valid host.
    """
    try:
        reference = ImageReference.parse(f"{text}/library/image")
    except InvalidReferenceError:
        reference = None
    if reference is None or canonical_registry(reference.registry) != canonical_registry(text):
        raise ValueError(
            f"{text!r} is not a valid registry: write a host with an optional port as in image references, for "
            "example localhost:5000"
        )
    return canonical_registry(text)


def is_ecr(registry: str) -> bool:
    """Return whether a registry is a private ECR registry, or looks like one."""
    return parse_ecr_host(registry) is not None or explain_invalid_ecr_host(registry) is not None


class Mirror(NamedTuple):
    """A mirror that replaces a registry.

    Args:
        registry: The canonical name of the registry that images name, or `*` for every registry except ECR.
        name: The mirror's host with its port, and the prefix of its repositories if it has one.
    """

    registry: str
    name: str

    @property
    def host(self) -> str:
        """The host of the mirror, with its port."""
        return self.name.partition("/")[0]

    @classmethod
    def parse(cls, text: str) -> Mirror:
        """Parse `registry=mirror` or `*=mirror`.

        Raises:
            ValueError: The text has another form.
        """
        registry, equals, name = (part.strip() for part in text.partition("="))
        if not equals:
            raise ValueError("write registry=mirror, for example docker.io=mirror.example:5000")
        try:
            reference = ImageReference.parse(f"{name}/image")
        except InvalidReferenceError as error:
            raise ValueError(f"{name!r} is not a valid host with an optional port and path: {error.cause}") from None
        if reference.registry != name.partition("/")[0]:
            raise ValueError(f"{name!r} does not begin with a host that has a dot or a port")
        return cls(registry if registry == _ALL else parse_registry(registry), name)

    def of(self, reference: ImageReference) -> ImageReference | None:
        """Return the reference of an image at this mirror, or `None` if it does not mirror the image's registry."""
        registry = canonical_registry(reference.registry)
        if self.registry != registry and (self.registry != _ALL or is_ecr(registry)):
            return None
        tag = f":{reference.tag}" if reference.tag else ""
        digest = f"@{reference.digest}" if reference.digest else ""
        return ImageReference.parse(f"{self.name}/{reference.repository}{tag}{digest}").canonical()
