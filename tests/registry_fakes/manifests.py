"""Manifests and indexes of every shape that a registry may hold, as bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from image_pinner.core.images.lookups import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from image_pinner.core.images.references import Digest

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def encoded(document: Any) -> bytes:
    return json.dumps(document, indent=3).encode()


def descriptor(media_type: str, content: bytes, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content), **more}


def config_for(os: str, architecture: str, variant: str = "", os_version: str = "", **more: Any) -> bytes:
    """Give the config of an image for one platform."""
    named = {"architecture": architecture, "os": os, "variant": variant, "os.version": os_version}
    said = {key: value for key, value in named.items() if value}
    return json.dumps({**said, "config": {}, "rootfs": {"type": "layers", "diff_ids": []}, **more}).encode()


def oci_image(config: bytes = b"{}", layer: bytes = b"layer", *, config_type: str = OCI_CONFIG, **more: Any) -> bytes:
    return _document(OCI_MANIFEST, more, config=descriptor(config_type, config), layers=[descriptor(OCI_LAYER, layer)])


def docker_image(config: bytes = b"{}", layer: bytes = b"layer", **more: Any) -> bytes:
    parts = {"config": descriptor(DOCKER_CONFIG, config), "layers": [descriptor(DOCKER_LAYER, layer)]}
    return _document(DOCKER_MANIFEST, more, **parts)


def oci_index(*entries: dict[str, Any], **more: Any) -> bytes:
    return _document(OCI_INDEX, more, manifests=list(entries))


def docker_list(*entries: dict[str, Any]) -> bytes:
    return _document(DOCKER_LIST, {}, manifests=list(entries))


def without_media_type(manifest: bytes) -> bytes:
    """Give a manifest that leaves its media type to the header, as OCI's formats may."""
    document = json.loads(manifest)
    del document["mediaType"]
    return encoded(document)


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


def _document(media_type: str, more: Mapping[str, Any], **parts: Any) -> bytes:
    return encoded({"schemaVersion": 2, "mediaType": media_type, **parts, **more})
