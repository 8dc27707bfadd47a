"""Parse manifests, indexes and image configs, all of which are untrusted input.

https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md
https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from image_pinner.core.errors import HIDDEN, InvalidReferenceError, SourceError
from image_pinner.core.images.lookups import (
    ACCEPTED_MEDIA_TYPES,
    DOCKER_SCHEMA1,
    IMAGE_CONFIG_TYPES,
    INDEX_MEDIA_TYPES,
    OCI_INDEX,
    OCI_MANIFEST,
    Unsuitable,
)
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest

# "A manifest should be at most 4 MiB" is the limit of registries and of ECR's API (`imageManifest`):
# https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
MAX_MANIFEST_BYTES = 4 * 1024 * 1024
MAX_CONFIG_BYTES = 8 * 1024 * 1024
"""The limit for a config: the largest ones, with thousands of history entries, are below 1 MiB."""
PUSH_AGAIN = "push the image again with a current version of the tool that built it"

# The most bytes that each mark of a JSON document can add to its parsed form: an object, a list, half of a string and a
# number, each as an element of its container. A document of 4 MiB can take 115 MB; real ones are far below this limit.
_PARSED_SIZES = {b"{": 240, b"[": 64, b'"': 30, b",": 44}
_MAX_PARSED_BYTES = 48 * 1024 * 1024

# What does not match is never shown to a user.
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,120}/[\w.+-]{1,120}", re.ASCII)
_PLATFORM_PART = re.compile(r"[\w.+-]{1,64}", re.ASCII)
# BuildKit lists attestations in the index, for the platform `unknown/unknown`:
# https://docs.docker.com/build/metadata/attestations/attestation-storage/
_UNKNOWN = "unknown"
_ATTESTATION = "vnd.docker.reference.type"
# Further media types of configs that Docker accepts, since tools and registries have written them:
# https://github.com/moby/moby/blob/v28.5.2/distribution/registry.go, https://github.com/moby/moby/issues/22378
_OTHER_CONFIG_TYPES = ("", "application/octet-stream", "application/json", "text/html")
# https://github.com/containers/image/blob/v5.36.2/internal/manifest/oci_index.go
_ZSTD = "io.github.containers.compression.zstd"


def check_media_type(media_type: str, *, confidential: bool = False) -> Unsuitable | None:
    """Return why nothing of this media type can be pinned, or `None` if it can.

    A message does not show a media type that is `confidential`.
    """
    if media_type in ACCEPTED_MEDIA_TYPES:
        return None
    if media_type in DOCKER_SCHEMA1:  # its digest changes with its signature
        return Unsuitable(
            "it is a Docker schema 1 manifest, which container runtimes no longer pull",
            "build and push the image again with a current version of Docker or BuildKit",
        )
    return not_an_image(f"its media type is {quote_media_type(media_type, confidential=confidential)}")


def quote_media_type(media_type: str, *, confidential: bool = False) -> str:
    """Return a media type as a message can show it."""
    if confidential:
        return HIDDEN
    return repr(media_type) if _MEDIA_TYPE.fullmatch(media_type) else "unknown"


def not_an_image(cause: str) -> Unsuitable:
    """Return the result for what is not a container image; `cause` is a clause."""
    return Unsuitable(f"it is not a container image: {cause}", "use the tag or digest of a container image")


class IndexEntry(NamedTuple):
    """An entry of an index.

    Args:
        digest: The digest of the manifest.
        media_type: The media type of the manifest, or empty if it is missing or invalid.
        platform: The platform of the manifest, or `None` if it is missing or invalid.
        runnable: Whether the manifest is that of an image, not of an attestation, another artifact or an index.
        zstd: Whether the index names Zstandard as the compression of the layers, which not every runtime supports.
    """

    digest: Digest
    media_type: str
    platform: Platform | None
    runnable: bool
    zstd: bool = False


def read_manifest(manifest: bytes) -> Mapping[str, Any]:
    """Parse a manifest or an index, and refuse a document that could be either.

    Clients disagree about which image a document with both `manifests` and `layers` is:
    https://github.com/opencontainers/distribution-spec/security/advisories/GHSA-mc8v-mgrf-8f4m

    Raises:
        SourceError: The bytes are not a manifest.
    """
    if len(manifest) > MAX_MANIFEST_BYTES:
        raise SourceError(f"the manifest has more than {MAX_MANIFEST_BYTES} bytes", PUSH_AGAIN)
    document = _parse_json(manifest, "the manifest")
    if not isinstance(document, dict):
        raise SourceError("the manifest is not a JSON object", PUSH_AGAIN)
    if "manifests" in document and ("layers" in document or "config" in document):
        raise SourceError("the manifest could be read as an index and as a single image", PUSH_AGAIN)
    return document


def _parse_json(content: bytes, name: str) -> Any:
    if sum(content.count(mark) * size for mark, size in _PARSED_SIZES.items()) > _MAX_PARSED_BYTES:
        raise SourceError(f"{name} has too many values", PUSH_AGAIN)
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise SourceError(f"{name} is not valid JSON", PUSH_AGAIN) from None


def find_media_type(manifest: bytes) -> str:
    """Return the media type in a manifest or index, or the one that OCI defines for its form if it has none.

    Raises:
        SourceError: The bytes are not a manifest.
    """
    document = read_manifest(manifest)
    if document.get("schemaVersion") == 1:
        return DOCKER_SCHEMA1[0]
    default = OCI_INDEX if "manifests" in document else OCI_MANIFEST
    return str(document.get("mediaType") or default)


def parse_index(manifest: bytes) -> tuple[IndexEntry, ...]:
    """Parse the entries of an index.

    Raises:
        SourceError: The bytes are not an index.
    """
    entries = read_manifest(manifest).get("manifests")
    if not isinstance(entries, list):
        raise SourceError("the index has no list of manifests", PUSH_AGAIN)
    return tuple(_parse_entry(entry, f"entry {number} of the index") for number, entry in enumerate(entries, 1))


def _parse_entry(entry: Any, name: str) -> IndexEntry:
    if not isinstance(entry, dict):
        raise SourceError(f"{name} is not an object", PUSH_AGAIN)
    digest = _parse_digest(entry, name)
    media_type = entry.get("mediaType")
    platform = _parse_platform(entry.get("platform"))
    return IndexEntry(
        digest,
        media_type if isinstance(media_type, str) and _MEDIA_TYPE.fullmatch(media_type) else "",
        platform,
        _is_runnable(entry, platform),
        _annotations(entry).get(_ZSTD) == "true",
    )


def _parse_digest(descriptor: Mapping[str, Any], name: str) -> Digest:
    try:
        return Digest(str(descriptor.get("digest")))
    except InvalidReferenceError as error:
        # Not the text itself: a registry that knows credentials can repeat them here.
        raise SourceError(f"{name} has an invalid digest: {error.rule}", PUSH_AGAIN) from None


def _parse_platform(value: Any) -> Platform | None:
    if not isinstance(value, dict):
        return None
    parts = [value.get(key, "") for key in ("os", "architecture", "variant", "os.version")]
    if not all(isinstance(part, str) and (not part or _PLATFORM_PART.fullmatch(part)) for part in parts):
        return None
    return Platform.normalized(*parts) if parts[0] and parts[1] else None


def _is_runnable(entry: Mapping[str, Any], platform: Platform | None) -> bool:
    artifact = entry.get("artifactType")
    return not (
        entry.get("mediaType") in INDEX_MEDIA_TYPES
        # An invalid platform may hide that the entry is an attestation.
        or (entry.get("platform") and platform is None)
        or (platform is not None and _UNKNOWN in (platform.os.lower(), platform.architecture.lower()))
        or _ATTESTATION in _annotations(entry)
        or (artifact and artifact not in (*IMAGE_CONFIG_TYPES, *_OTHER_CONFIG_TYPES))
    )


def _annotations(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    annotations = entry.get("annotations")
    return annotations if isinstance(annotations, dict) else {}


def artifact_type(manifest: Mapping[str, Any]) -> str:
    """Return the config's media type if it shows that a manifest is not an image (a chart, a signature), or empty."""
    config = manifest.get("config")
    media_type = config.get("mediaType") if isinstance(config, dict) else None
    if not isinstance(media_type, str) or media_type in (*IMAGE_CONFIG_TYPES, *_OTHER_CONFIG_TYPES):
        return ""
    return media_type


def config_digest(manifest: Mapping[str, Any]) -> Digest:
    """Return the digest of the config of a single image's manifest.

    Raises:
        SourceError: The manifest has no config with a valid digest.
    """
    config = manifest.get("config")
    if not isinstance(config, dict):
        raise SourceError("the manifest has no config", PUSH_AGAIN)
    return _parse_digest(config, "the config of the manifest")


def read_config_platform(config: bytes, digest: Digest) -> Platform:
    """Return the platform in an image config, after verifying its bytes against the `digest` in the manifest.

    Raises:
        SourceError: The bytes have another digest, or contain no platform.
    """
    actual = Digest.of(config)
    if actual != digest:
        # Not the other digest: a registry that knows credentials can repeat them as one.
        raise SourceError(
            f"the config has the digest {actual}, which is not the one in the manifest",
            "check for a proxy that changes images",
        )
    platform = _parse_platform(_parse_json(config, "the image's config"))
    if platform is None:
        raise SourceError("the image's config has no operating system and architecture", PUSH_AGAIN)
    return platform
