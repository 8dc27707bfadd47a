"""Platforms: operating system, architecture and variant of an image.

https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md#image-index-property-descriptions
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from image_pinner.core.errors import InvalidOptionError, cut

_PART = re.compile(r"[a-z0-9_.-]+", re.ASCII)
# containerd normalizes arm64 without a variant to v8, amd64 to v1, and a bare number to a version:
# https://github.com/containerd/platforms/blob/v1.0.0/database.go. It fills in v7 for 32-bit machines too, but a wrong
# guess there ends in an illegal instruction, so that variant must be written.
_DEFAULT_VARIANTS = {"arm64": "v8", "amd64": "v1"}
_ARCHITECTURE_ALIASES = {"x86_64": "amd64", "aarch64": "arm64"}
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


@dataclass(frozen=True, slots=True, order=True)
class Platform:
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
        return cls(parts[0], _ARCHITECTURE_ALIASES.get(parts[1], parts[1]), "".join(parts[2:]))

    def accepts(self, offered: Platform) -> bool:
        """Return whether an image for the `offered` platform satisfies a request for this one."""
        return (
            self.os == offered.os
            and self.architecture == offered.architecture
            and (not self.variant or self.normalized_variant == offered.normalized_variant)
            and (not self.os_version or f"{offered.os_version}.".startswith(f"{self.os_version}."))
        )

    @property
    def normalized_variant(self) -> str:
        """The variant, with the architecture's default filled in and a bare number prefixed by `v`."""
        variant = self.variant or _DEFAULT_VARIANTS.get(self.architecture, "")
        return f"v{variant}" if variant.isdigit() else variant

    @property
    def is_known(self) -> bool:
        """Whether its names, apart from `os_version`, are well-known ones."""
        return f"{self.os}/{self.architecture}" in _KNOWN_PLATFORMS and self.variant in _KNOWN_VARIANTS

    def __str__(self) -> str:
        text = "/".join(part for part in (self.os, self.architecture, self.variant) if part)
        return f"{text} ({self.os_version})" if self.os_version else text
