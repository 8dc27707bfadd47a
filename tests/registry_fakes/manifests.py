"""Manifests and indexes of every shape that a registry may hold, as bytes."""

from __future__ import annotations

import json
from typing import Any

from image_pinner.core.images.digests import Digest
from image_pinner.core.images.resolutions import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def encoded(document: Any) -> bytes:
    return json.dumps(document, indent=3).encode()


def descriptor(media_type: str, content: bytes, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content), **more}


def oci_image(config: bytes = b"{}", layer: bytes = b"layer") -> bytes:
    return encoded(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, config),
            "layers": [descriptor(OCI_LAYER, layer)],
        }
    )


def docker_image(config: bytes = b"{}", layer: bytes = b"layer") -> bytes:
    return encoded(
        {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": descriptor(DOCKER_CONFIG, config),
            "layers": [descriptor(DOCKER_LAYER, layer)],
        }
    )


def oci_index(*entries: dict[str, Any]) -> bytes:
    return encoded({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)})


def docker_list(*entries: dict[str, Any]) -> bytes:
    return encoded({"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": list(entries)})


def platform(os: str, architecture: str, **more: str) -> dict[str, Any]:
    return {"platform": {"os": os, "architecture": architecture, **more}}


def attestation(media_type: str, content: bytes, of: bytes) -> dict[str, Any]:
    return descriptor(
        media_type,
        content,
        **platform("unknown", "unknown"),
        annotations={
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": str(Digest.of(of)),
        },
    )
