"""What is asked about an image, and what a source can answer: three outcomes, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from image_pinner.core.images.platforms import Platform
    from image_pinner.core.images.references import Digest, ImageReference

# https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md
# https://distribution.github.io/distribution/spec/manifest-v2-2/
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_SCHEMA1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
INDEX_MEDIA_TYPES = (OCI_INDEX, DOCKER_LIST)
IMAGE_CONFIG_TYPES = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
ACCEPTED_MEDIA_TYPES = (OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST)
"""The four media types that every request names: the list decides which digest a registry gives."""


class ImageLookup(NamedTuple):
    """What one request is to find out: one tag can have several right answers.

    Args:
        reference: The image in its canonical form (`ImageReference.canonical`), so that equal questions are equal.
        platform: The platform that the image must have, or `None` where any will do.
        index_allowed: Whether the digest of an index may be the answer; if not, the platform's own manifest is.
        credentials: The ARN of the secret that the template itself names for this image, or empty.
    """

    reference: ImageReference
    platform: Platform | None = None
    index_allowed: bool = True
    credentials: str = ""

    def __str__(self) -> str:
        return f"{self.reference} for {self.platform}" if self.platform else str(self.reference)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a digest comes from.

    Args:
        source: The source's name: `ecr`, `registry`, `memory`.
        request: Whom it asked what: an API action with its region, or a URL without query.
        index: The index that the tag points to, where the digest is that of one manifest in it.
    """

    source: str
    request: str
    index: Digest | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """The tag means this digest.

    Args:
        digest: The digest, hashed from the manifest's bytes or given by ECR's API.
        media_type: The media type of what the digest names.
        origin: Where it comes from.
        platforms: The platforms that the image offers, or `None` where nobody was asked or told.
        warnings: What a person should know about this answer, each a sentence without a full stop.
    """

    digest: Digest
    media_type: str
    origin: Origin
    platforms: tuple[Platform, ...] | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotFound:
    """The repository or the tag does not exist; the only outcome for which `WhenMissing=KeepTag` keeps the tag.

    Args:
        cause: What does not exist, and who reported it.
        help: What to do.
    """

    cause: str
    help: str


@dataclass(frozen=True, slots=True)
class Unsuitable:
    """The image exists, but cannot be used here: another platform, no image, several candidates.

    Args:
        cause: Why it is unsuitable.
        help: What to do.
    """

    cause: str
    help: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nobody could say.

    Args:
        cause: Who was asked what, and what came instead of an answer.
        help: What to do now.
    """

    cause: str
    help: str


Resolution = Resolved | NotFound | Unsuitable | Unavailable
