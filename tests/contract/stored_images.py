"""The images in every source under test, as data, so that each source stores them in its own way."""

from __future__ import annotations

from image_pinner.core.images.lookups import DOCKER_LIST, DOCKER_MANIFEST
from support.images import StoredImage, index, single

AMD64 = single("team/multi", "", "multi on amd64")
ARM64 = single("team/multi", "", "multi on arm64", platform="linux/arm64")
ATTESTATION = single("team/multi", "", "provenance")
MULTI = index(
    "team/multi", "2.0", [("linux/amd64", AMD64), ("linux/arm64/v8", ARM64), ("unknown/unknown", ATTESTATION)]
)
LONELY = single("team/lonely", "", "lonely")
LONELY_ATTESTATION = single("team/lonely", "", "provenance")
LONELY_INDEX = index("team/lonely", "1", [("linux/amd64", LONELY), ("unknown/unknown", LONELY_ATTESTATION)])
PI_V6 = single("team/pi", "", "pi v6", DOCKER_MANIFEST, platform="linux/arm/v6")
PI_V7 = single("team/pi", "", "pi v7", DOCKER_MANIFEST, platform="linux/arm/v7")
PI = index("team/pi", "bullseye", [("linux/arm/v6", PI_V6), ("linux/arm/v7", PI_V7)], DOCKER_LIST)
APP = single("team/app", "1.4", "app 1.4")
APP_AGAIN = StoredImage("team/app", "stable", APP.manifest, APP.media_type, APP.blobs)
APP_LATEST = single("team/app", "latest", "app of today")
DOCKER_APP = single("my_app", "AAA123", "my app", DOCKER_MANIFEST)
ARM64_APP = single("team/app", "arm", "app on arm64", platform="linux/arm64")

STORED_IMAGES = (
    *(AMD64, ARM64, ATTESTATION, MULTI),
    *(LONELY, LONELY_ATTESTATION, LONELY_INDEX),
    *(PI_V6, PI_V7, PI),
    *(APP, APP_AGAIN, APP_LATEST, DOCKER_APP, ARM64_APP),
)
"""All images, those of an index before the index."""
