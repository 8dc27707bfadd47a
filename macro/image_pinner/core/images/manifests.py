"""Parse manifests, indexes, image configs and their media types.

An index lists the manifests of one image, each for a platform:
https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md. BuildKit lists what it attests there as well,
for the platform `unknown/unknown`: https://docs.docker.com/build/metadata/attestations/attestation-storage/.

https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from image_pinner.core.errors import InvalidReferenceError, SourceError
from image_pinner.core.images.lookups import (
    ACCEPTED_MEDIA_TYPES,
    DOCKER_SCHEMA1,
    IMAGE_CONFIG_TYPES,
    INDEX_MEDIA_TYPES,
    NotFound,
    Unsuitable,
)
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest

# What may be shown to a person: a manifest is a stranger's text.
MEDIA_TYPE = re.compile(r"[\w.+-]{1,120}/[\w.+-]{1,120}", re.ASCII)
"""The form of a media type."""


def refusal(media_type: str) -> NotFound | Unsuitable | None:
    """Tell why nothing of this media type can be pinned, or give `None` where it can.

    Args:
        media_type: The media type of what a tag points to.

    Returns:
        The refusal of a schema 1 manifest, whose digest changes with its signature, and of what is no image.
    """
    if media_type in ACCEPTED_MEDIA_TYPES:
        return None
    if media_type in DOCKER_SCHEMA1:
        return Unsuitable(
            "the tag points to a Docker schema 1 manifest, which container runtimes no longer pull",
            "Build and push the image again with a current version of Docker or BuildKit",
        )
    return no_image(f"its media type is {shown(media_type)}")


def shown(media_type: str) -> str:
    """Give a media type as a message may show it."""
    return repr(media_type) if MEDIA_TYPE.fullmatch(media_type) else "unknown"


def no_image(why: str) -> NotFound | Unsuitable:
    """Give the refusal of what is no container image.

    Args:
        why: What tells so, as a clause.
    """
    return Unsuitable(
        f"the tag points to something that is no container image, {why}", "Name the tag of a container image"
    )


# "A manifest should be at most 4 MiB" is the limit of registries and of ECR's API (`imageManifest`):
# https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
MAX_MANIFEST_BYTES = 4 * 1024 * 1024
PUSH_AGAIN = "Push the image again with a current version of the tool that built it"
"""What to do about a manifest that cannot be used."""

# What may be shown to a person: an index is a stranger's text.
_PLATFORM_PART = re.compile(r"[\w.+-]{1,64}", re.ASCII)
_UNKNOWN = "unknown"
_ATTESTATION = "vnd.docker.reference.type"


class IndexEntry(NamedTuple):
    """One line of an index.

    Args:
        digest: The digest of the manifest.
        media_type: The media type of the manifest, empty where the index does not say.
        platform: The platform that the manifest is for, or `None` where the index does not say.
        runnable: Whether the manifest is that of an image, not of an attestation, another artifact or an index.
    """

    digest: Digest
    media_type: str
    platform: Platform | None
    runnable: bool


def read_manifest(manifest: bytes) -> Mapping[str, Any]:
    """Read a manifest or an index, and refuse what is neither or could be taken for both.

    A document with `manifests` and with `layers` means one image to one client and another to the next:
    https://github.com/opencontainers/distribution-spec/security/advisories/GHSA-mc8v-mgrf-8f4m

    Args:
        manifest: The bytes, as the registry gave them.

    Returns:
        The JSON object.

    Raises:
        SourceError: The bytes are no manifest.
    """
    if len(manifest) > MAX_MANIFEST_BYTES:
        raise SourceError(f"the manifest has more than {MAX_MANIFEST_BYTES} bytes", PUSH_AGAIN)
    try:
        document = json.loads(manifest.decode("utf-8"))
    except (ValueError, RecursionError):
        raise SourceError("the manifest is no JSON", PUSH_AGAIN) from None
    if not isinstance(document, dict):
        raise SourceError("the manifest is no JSON object", PUSH_AGAIN)
    if "manifests" in document and ("layers" in document or "config" in document):
        raise SourceError("the manifest could be read as an index and as a single image", PUSH_AGAIN)
    return document


def parse_index(manifest: bytes) -> tuple[IndexEntry, ...]:
    """Read the lines of an index.

    Args:
        manifest: The index's bytes, as the registry gave them.

    Returns:
        The entries in their order.

    Raises:
        SourceError: The bytes are no index.
    """
    lines = read_manifest(manifest).get("manifests")
    if not isinstance(lines, list):
        raise SourceError("the index has no list of manifests", PUSH_AGAIN)
    return tuple(_entry(number, line) for number, line in enumerate(lines))


def _entry(number: int, line: Any) -> IndexEntry:
    if not isinstance(line, dict):
        raise SourceError(f"entry {number + 1} of the index is no object", PUSH_AGAIN)
    try:
        digest = Digest(str(line.get("digest"))[:200])
    except InvalidReferenceError as error:
        raise SourceError(f"entry {number + 1} of the index: {error.cause}", error.help) from None
    media_type = line.get("mediaType")
    platform = read_platform(line.get("platform"))
    return IndexEntry(
        digest,
        media_type if isinstance(media_type, str) and MEDIA_TYPE.fullmatch(media_type) else "",
        platform,
        _is_runnable(line, platform),
    )


def read_platform(value: Any) -> Platform | None:
    """Read the platform that a line of an index, or an image's config, is for.

    Args:
        value: The JSON value that should be a map with `os` and `architecture`.

    Returns:
        The platform, or `None` where none can be shown to a person.
    """
    if not isinstance(value, dict):
        return None
    parts = [value.get(key, "") for key in ("os", "architecture", "variant", "os.version")]
    if not all(isinstance(part, str) and (not part or _PLATFORM_PART.fullmatch(part)) for part in parts):
        return None
    return Platform(*parts) if parts[0] and parts[1] else None


def _is_runnable(line: Mapping[str, Any], platform: Platform | None) -> bool:
    annotations = line.get("annotations")
    artifact = line.get("artifactType")
    written = line.get("platform")
    return not (
        line.get("mediaType") in INDEX_MEDIA_TYPES
        # What says a platform that cannot be read may be for none, as an attestation is.
        or (written and platform is None)
        or (platform is not None and _UNKNOWN in (platform.os.lower(), platform.architecture.lower()))
        or (isinstance(annotations, dict) and _ATTESTATION in annotations)
        or (artifact and artifact not in IMAGE_CONFIG_TYPES)
    )


MAX_CONFIG_BYTES = 8 * 1024 * 1024
"""How many bytes a config may have: the largest ones hold thousands of history entries and stay below 1 MiB."""

# Docker before 1.11 wrote this for the config: https://github.com/distribution/distribution/pull/1622
_OLD_CONFIG = "application/octet-stream"


def artifact_type(manifest: Mapping[str, Any]) -> str:
    """Tell what a manifest is of that is no image: a chart, a signature, a policy.

    Args:
        manifest: The manifest's JSON object.

    Returns:
        The media type that says so, or empty where nothing speaks against an image.
    """
    config = manifest.get("config")
    media_type = config.get("mediaType") if isinstance(config, dict) else None
    if not isinstance(media_type, str) or media_type in (*IMAGE_CONFIG_TYPES, _OLD_CONFIG):
        return ""
    return media_type


def config_digest(manifest: Mapping[str, Any]) -> Digest:
    """Give the digest of the config that the manifest of a single image names.

    Args:
        manifest: The manifest's JSON object.

    Returns:
        The digest.

    Raises:
        SourceError: The manifest names no config that can be fetched.
    """
    config = manifest.get("config")
    if not isinstance(config, dict):
        raise SourceError("the manifest names no config", PUSH_AGAIN)
    try:
        return Digest(str(config.get("digest"))[:200])
    except InvalidReferenceError as error:
        raise SourceError(f"the config of the manifest: {error.cause}", error.help) from None


def platform_of(config: bytes, digest: Digest) -> Platform:
    """Read which platform an image is for.

    Args:
        config: The bytes of its config, as they came.
        digest: The digest that its manifest gives for them.

    Returns:
        The platform.

    Raises:
        SourceError: The bytes are not those of the digest, or do not say a platform.
    """
    if Digest.of(config) != digest:
        raise SourceError(
            f"the config of {digest} hashes to {Digest.of(config)}", "Look for a proxy or a mirror that changes images"
        )
    try:
        document = json.loads(config.decode("utf-8"))
    except (ValueError, RecursionError):
        raise SourceError("the image's config is no JSON", PUSH_AGAIN) from None
    found = read_platform(document)
    if found is None:
        raise SourceError("the image's config names no operating system and architecture", PUSH_AGAIN)
    return found
