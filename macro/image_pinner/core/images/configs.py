"""Configs: what an image for a single platform says about itself, which its manifest does not.

https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from image_pinner.core.errors import InvalidReference, SourceError
from image_pinner.core.images.digests import Digest
from image_pinner.core.images.manifests import PUSH_AGAIN, read_platform
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.resolutions import IMAGE_CONFIG_TYPES

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
    except InvalidReference as error:
        raise SourceError(f"the config of the manifest: {error.cause}", error.remedy) from None


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
