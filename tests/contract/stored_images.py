"""The images that every source under test is given: data, so that each source puts them where it finds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from image_pinner.core.images.lookups import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

_CONFIGS = {
    OCI_MANIFEST: "application/vnd.oci.image.config.v1+json",
    DOCKER_MANIFEST: "application/vnd.docker.container.image.v1+json",
}
_LAYERS = {
    OCI_MANIFEST: "application/vnd.oci.image.layer.v1.tar+gzip",
    DOCKER_MANIFEST: "application/vnd.docker.image.rootfs.diff.tar.gzip",
}


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One manifest or index in a repository.

    Args:
        repository: The repository's path, without the registry.
        tag: The tag, empty for what is only part of an index.
        manifest: The bytes of the manifest or index.
        media_type: Their media type.
        blobs: What a real registry must have before it takes the manifest: of a single image its config comes first.
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
        return digest_of(self.manifest)

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def single(
    repository: str, tag: str, content: str, media_type: str = OCI_MANIFEST, *, platform: str = "linux/amd64"
) -> StoredImage:
    """Describe an image for one platform, whose bytes depend on its content."""
    config = json.dumps(_platform(platform) | {"content": content}).encode()
    layer = f"layer of {content}".encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": _descriptor(config, _CONFIGS[media_type]),
        "layers": [_descriptor(layer, _LAYERS[media_type])],
    }
    # A real manifest is indented by some tools and not by others: its digest is that of the very bytes.
    return StoredImage(repository, tag, json.dumps(manifest, indent=3).encode(), media_type, (config, layer))


def index(
    repository: str, tag: str, children: Sequence[tuple[str, StoredImage]], media_type: str = OCI_INDEX
) -> StoredImage:
    """Describe an index of children, each under a platform such as `linux/arm64/v8`."""
    lines = [_descriptor(child.manifest, child.media_type) | {"platform": _platform(name)} for name, child in children]
    manifest = {"schemaVersion": 2, "mediaType": media_type, "manifests": lines}
    return StoredImage(repository, tag, json.dumps(manifest).encode(), media_type)


def _descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _platform(text: str) -> dict[str, str]:
    return dict(zip(("os", "architecture", "variant"), text.split("/"), strict=False))


AMD = single("team/multi", "", "multi on amd64")
ARM = single("team/multi", "", "multi on arm64", platform="linux/arm64")
ATTESTATION = single("team/multi", "", "provenance")
MULTI = index("team/multi", "2.0", [("linux/amd64", AMD), ("linux/arm64/v8", ARM), ("unknown/unknown", ATTESTATION)])
LONELY = single("team/lonely", "", "lonely")
LONELY_ATTESTATION = single("team/lonely", "", "provenance")
LONELY_INDEX = index("team/lonely", "1", [("linux/amd64", LONELY), ("unknown/unknown", LONELY_ATTESTATION)])
ARM_V6 = single("team/pi", "", "pi v6", DOCKER_MANIFEST, platform="linux/arm/v6")
ARM_V7 = single("team/pi", "", "pi v7", DOCKER_MANIFEST, platform="linux/arm/v7")
PI = index("team/pi", "bullseye", [("linux/arm/v6", ARM_V6), ("linux/arm/v7", ARM_V7)], DOCKER_LIST)
APP = single("team/app", "1.4", "app 1.4")
APP_AGAIN = StoredImage("team/app", "stable", APP.manifest, APP.media_type, APP.blobs)
APP_LATEST = single("team/app", "latest", "app of today")
DOCKER_APP = single("my_app", "AAA123", "my app", DOCKER_MANIFEST)
ARM_APP = single("team/app", "arm", "app on arm64", platform="linux/arm64")

WORLD = (
    *(AMD, ARM, ATTESTATION, MULTI),
    *(LONELY, LONELY_ATTESTATION, LONELY_INDEX),
    *(ARM_V6, ARM_V7, PI),
    *(APP, APP_AGAIN, APP_LATEST, DOCKER_APP, ARM_APP),
)
"""Everything, children before the index that names them."""
