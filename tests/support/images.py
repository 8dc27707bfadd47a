"""Images as registries store them: manifests, indexes and configs as bytes, and lookups of them.

The fuzzer imports this module too, so it needs only the standard library and the package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from image_pinner.core.images.lookups import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    ImageLookup,
)
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest, ImageReference

HEX = "0123456789abcdef" * 4
"""The hexadecimal digits of a digest."""

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def lookup(reference: str, platform: str | Platform = "", *, index_allowed: bool = True) -> ImageLookup:
    """Return the lookup of a reference, for a platform as a string or a value."""
    wanted = Platform.parse(platform) if isinstance(platform, str) and platform else platform or None
    return ImageLookup(ImageReference.parse(reference).canonical(), wanted, index_allowed)  # type: ignore[arg-type]


def digest_of(letter: str) -> Digest:
    """Return the digest that repeats one hexadecimal digit."""
    return Digest(f"sha256:{letter * 64}")


def encoded(document: Any) -> bytes:
    # Some tools indent manifests and others do not: the digest is that of the exact bytes.
    return json.dumps(document, indent=3).encode()


def descriptor(media_type: str, content: bytes, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content), **more}


def config_for(os: str, architecture: str, variant: str = "", os_version: str = "", **more: Any) -> bytes:
    """Return the config of an image for one platform."""
    named = {"architecture": architecture, "os": os, "variant": variant, "os.version": os_version}
    present = {key: value for key, value in named.items() if value}
    return json.dumps({**present, "config": {}, "rootfs": {"type": "layers", "diff_ids": []}, **more}).encode()


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
    """Return a manifest without its media type, which is optional in OCI formats."""
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


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One manifest or index in a repository.

    `tag` is empty for a manifest of an index. A registry needs the `blobs` before it accepts the manifest; the first
    one is the config of a single image.
    """

    repository: str
    tag: str
    manifest: bytes
    media_type: str
    blobs: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def config(self) -> bytes:
        """The config, empty for an index."""
        return self.blobs[0] if self.blobs else b""

    @property
    def digest(self) -> str:
        return str(Digest.of(self.manifest))

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


def single(
    repository: str, tag: str, content: str, media_type: str = OCI_MANIFEST, *, platform: str = "linux/amd64"
) -> StoredImage:
    """Describe an image for one platform, whose bytes depend on `content`."""
    config = json.dumps(_platform(platform) | {"content": content}).encode()
    layer = f"layer of {content}".encode()
    manifest = (oci_image if media_type == OCI_MANIFEST else docker_image)(config, layer)
    return StoredImage(repository, tag, manifest, media_type, (config, layer))


def index(
    repository: str, tag: str, children: Sequence[tuple[str, StoredImage]], media_type: str = OCI_INDEX
) -> StoredImage:
    """Describe an index of children, each under a platform such as `linux/arm64/v8`."""
    entries = [descriptor(child.media_type, child.manifest, platform=_platform(name)) for name, child in children]
    manifest = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
    return StoredImage(repository, tag, json.dumps(manifest).encode(), media_type)


def _platform(text: str) -> dict[str, str]:
    return dict(zip(("os", "architecture", "variant"), text.split("/"), strict=False))


CONFIG = config_for("linux", "amd64")
MANIFEST, ANOTHER = oci_image(CONFIG), oci_image(CONFIG, b"another layer")
INDEX = oci_index(descriptor(OCI_MANIFEST, MANIFEST, **platform("linux", "amd64")))
"""An image for linux/amd64, another one with the same config, and an index with the first."""
