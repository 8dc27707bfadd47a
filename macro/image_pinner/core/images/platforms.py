"""Platforms: operating system, architecture and variant of an image.

https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md#image-index-property-descriptions
"""

from __future__ import annotations

import re
from typing import NamedTuple

from image_pinner.core.errors import InvalidOptionError, cut

_PART = re.compile(r"[a-z0-9_.-]+", re.ASCII)
# An arm64 image without a variant is v8, amd64 without one is v1, and a bare number is a version, as containerd
# normalises them (https://github.com/containerd/platforms/blob/v1.0.0/database.go). It takes arm for v7 as well, but
# a wrong guess there ends in an illegal instruction: the variant of arm has to be named.
_IMPLIED_VARIANT = {"arm64": "v8", "amd64": "v1"}
_SAME_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}
_PARTS = (2, 3)
_SHOWN = 80  # characters


class Platform(NamedTuple):
    """A platform such as `linux/arm64/v8`.

    Args:
        os: The operating system, `linux` or `windows` here.
        architecture: The architecture by Go's name: `amd64`, `arm64`.
        variant: The variant of the architecture, empty where none is named.
        os_version: The version of the operating system, which Windows images carry.
    """

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read `os/architecture` or `os/architecture/variant`.

        Raises:
            InvalidOptionError: The text has another form.
        """
        parts = text.split("/")
        if len(parts) not in _PARTS or not all(_PART.fullmatch(part) for part in parts):
            raise InvalidOptionError(
                f"{cut(text, _SHOWN)!r} is no platform",
                "Write the operating system and the architecture, linux/amd64 for example, or Any",
            )
        return cls(parts[0], _SAME_ARCHITECTURE.get(parts[1], parts[1]), "".join(parts[2:]))

    def accepts(self, offered: Platform) -> bool:
        """Tell whether an image of the offered platform is the one wanted here."""
        return (
            self.os == offered.os
            and self.architecture == offered.architecture
            and (not self.variant or self._full_variant() == offered._full_variant())
            and (not self.os_version or f"{offered.os_version}.".startswith(f"{self.os_version}."))
        )

    def _full_variant(self) -> str:
        variant = self.variant or _IMPLIED_VARIANT.get(self.architecture, "")
        return f"v{variant}" if variant.isdigit() else variant

    def __str__(self) -> str:
        text = "/".join(part for part in (self.os, self.architecture, self.variant) if part)
        return f"{text} ({self.os_version})" if self.os_version else text
