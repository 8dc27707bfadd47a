"""Manifests and indexes: what their bytes say.

An index lists the manifests of one image, each for a platform:
https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md. BuildKit lists what it attests there as well,
for the platform `unknown/unknown`: https://docs.docker.com/build/metadata/attestations/attestation-storage/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from image_pinner.core.errors import InvalidReference, SourceError
from image_pinner.core.images.digests import Digest
from image_pinner.core.images.media_types import MEDIA_TYPE
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.resolutions import IMAGE_CONFIG_TYPES, INDEX_MEDIA_TYPES

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
    except InvalidReference as error:
        raise SourceError(f"entry {number + 1} of the index: {error.cause}", error.remedy) from None
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
