"""Image lookups and their results: a digest, or one of three reasons why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
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
"""The media types that every request accepts; the list decides which digest a registry returns."""


class ImageLookup(NamedTuple):
    """What to resolve; a tag of a multi-platform image has more than one right digest.

    Args:
        reference: The canonical reference (`ImageReference.canonical`), so that equal lookups compare equal. With a
            digest, it has no tag, and the lookup checks that the image exists.
        platform: The required platform, or `None` for any.
        index_allowed: Whether to return the digest of an index rather than that of the platform's manifest.
        credentials: The ARN of the secret that the template sets for this image, or empty.
    """

    reference: ImageReference
    platform: Platform | None = None
    index_allowed: bool = True
    credentials: str = ""

    def __str__(self) -> str:
        return f"{self.reference} for {self.platform}" if self.platform else str(self.reference)


LOCK_SOURCE = "lock"
"""The source's name of a digest that is taken from a lock file."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a digest comes from.

    Args:
        source: The source's name: `ecr`, `registry`, `memory`, `lock`.
        request: The API action with its region, the URL without query, or the location of the lock file.
        index: The index that the reference points to, if the digest is that of a manifest in it.
        confidential: Whether the source may know credentials and repeat them, so that messages show none of its text.
    """

    source: str
    request: str
    index: Digest | None = None
    confidential: bool = field(default=False, compare=False)


class Resolved(NamedTuple):
    """The digest of an image.

    Args:
        digest: The digest, hashed from the manifest's bytes or returned by ECR's API.
        media_type: The media type of the manifest or index with that digest.
        origin: Where the digest comes from.
        platforms: The platforms of the image, or `None` if they were not looked up.
        warnings: Clauses to show to the user.
    """

    digest: Digest
    media_type: str
    origin: Origin
    platforms: tuple[Platform, ...] | None = None
    warnings: tuple[str, ...] = ()


# Not a tuple: failures of different kinds must not be equal.
@dataclass(frozen=True, slots=True)
class _Failure:
    cause: str
    help: str


class NotFound(_Failure):
    """The repository, tag or digest does not exist; the only result for which `WhenMissing=KeepTag` keeps the tag."""

    __slots__ = ()


class Unsuitable(_Failure):
    """The image exists but cannot be used: another platform, not a container image, several candidates."""

    __slots__ = ()


class Unavailable(_Failure):
    """The lookup failed; `cause` names the request and the failure."""

    __slots__ = ()


Resolution = Resolved | NotFound | Unsuitable | Unavailable
