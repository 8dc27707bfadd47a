"""Platforms: operating system, architecture and variant of an image.

https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md#image-index-property-descriptions
"""

from __future__ import annotations

import re
from typing import NamedTuple

from image_pinner.core.errors import InvalidOptionError, cut

_PART = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
# containerd normalizes names, fills in v8 for arm64 and v1 for amd64, and turns a bare number into a version:
# https://github.com/containerd/platforms/blob/v1.0.0/database.go. It fills in v7 for 32-bit machines too, but a wrong
# guess there ends in an illegal instruction, so that variant must be written.
_DEFAULT_VARIANTS = {"arm64": "v8", "amd64": "v1"}
_SYSTEM_ALIASES = {"macos": "darwin"}
_ARCHITECTURE_ALIASES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}
_ALIASES_WITH_VARIANT = {"i386": "386/", "armel": "arm/v6", "armhf": "arm/v7"}
# From this build of Windows Server (2022) on, newer hosts run older images:
# https://github.com/containerd/platforms/blob/v1.0.0/platform_windows_compat.go
_STABLE_WINDOWS_BUILD = 20348
# Those of official images: https://github.com/docker-library/official-images#architectures-other-than-amd64
_KNOWN_PLATFORMS = frozenset(
    {
        "freebsd/amd64",
        "freebsd/arm64",
        "linux/386",
        "linux/amd64",
        "linux/arm",
        "linux/arm64",
        "linux/loong64",
        "linux/mips64le",
        "linux/ppc64le",
        "linux/riscv64",
        "linux/s390x",
        "windows/amd64",
        "windows/arm64",
    }
)
_KNOWN_VARIANTS = frozenset({"", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8"})
_PART_COUNTS = (2, 3)
_MAX_SHOWN = 80  # characters of an invalid platform that a message repeats


class Platform(NamedTuple):
    """A platform such as `linux/arm64/v8`; `os_version` is set for Windows images."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Parse `os/architecture` or `os/architecture/variant`.

        Raises:
            InvalidOptionError: The text has another form.
        """
        parts = text.split("/")
        if len(parts) not in _PART_COUNTS or not all(_PART.fullmatch(part) for part in parts):
            raise InvalidOptionError(
                f"{cut(text, _MAX_SHOWN)!r} is not a valid platform",
                "write os/architecture, for example linux/amd64, or Any",
            )
        return cls.normalized(parts[0], parts[1], "".join(parts[2:]))

    @classmethod
    def normalized(cls, os: str, architecture: str, variant: str = "", os_version: str = "") -> Platform:
        """Return the platform with the names that containerd uses, for names as images and users write them."""
        os, architecture, variant = os.lower(), architecture.lower(), variant.lower()
        if architecture in _ALIASES_WITH_VARIANT:
            architecture, _, variant = _ALIASES_WITH_VARIANT[architecture].partition("/")
        return cls(
            _SYSTEM_ALIASES.get(os, os), _ARCHITECTURE_ALIASES.get(architecture, architecture), variant, os_version
        )

    def accepts(self, offered: Platform) -> bool:
        """Return whether an image for the `offered` platform satisfies a request for this one."""
        return (
            self.os == offered.os
            and self.architecture == offered.architecture
            and (not self.variant or self.normalized_variant == offered.normalized_variant)
            and (not self.os_version or not offered.os_version or self._runs_windows_image(offered))
        )

    def doubt_about(self, offered: Platform) -> str:
        """Return why an accepted image for the `offered` platform may not run on this one, as a clause, or empty."""
        if not self.os_version:
            return ""
        if not offered.os_version:
            return f"the image has no os.version, and runs on {self} only if it was built for that version of Windows"
        build = _windows_build(offered.os_version)
        if build and build != _windows_build(self.os_version):
            return (
                f"the image is for Windows {'.'.join(map(str, build))}; a host with {self.os_version} runs it because "
                "images of Windows Server 2022 and newer run on newer versions"
            )
        return ""

    def _runs_windows_image(self, offered: Platform) -> bool:
        host, image = _windows_build(self.os_version), _windows_build(offered.os_version)
        if host is None or image is None or host[:2] != image[:2]:
            return False
        return host == image or _STABLE_WINDOWS_BUILD <= image[2] <= host[2]

    @property
    def normalized_variant(self) -> str:
        """The variant, with the architecture's default filled in and a bare number prefixed by `v`."""
        variant = (self.variant or _DEFAULT_VARIANTS.get(self.architecture, "")).removesuffix(".0")
        return f"v{variant}" if variant.isdigit() else variant

    @property
    def is_known(self) -> bool:
        """Whether its names, apart from `os_version`, are well-known ones."""
        return f"{self.os}/{self.architecture}" in _KNOWN_PLATFORMS and self.variant in _KNOWN_VARIANTS

    def __str__(self) -> str:
        text = "/".join(part for part in (self.os, self.architecture, self.variant) if part)
        return f"{text} ({self.os_version})" if self.os_version else text


def _windows_build(version: str) -> tuple[int, ...] | None:
    """Return major version, minor version and build in an `os.version`, or `None` if it has another form."""
    parts = version.split(".", 3)[:3]
    is_valid = len(parts) == 3 and all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts)  # noqa: PLR2004
    return tuple(map(int, parts)) if is_valid else None
