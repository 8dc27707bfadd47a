"""Digests: the SHA-256 of a manifest's bytes.

https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from image_pinner.core.errors import InvalidReference

# ECS takes sha256 with exactly 64 lower-case hexadecimal digits and nothing else:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Tell whether a text is a digest that can be pinned to."""
    return _SHA256.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A digest such as `sha256:9f86d0…`, always sha256 with 64 lower-case hexadecimal digits.

    Args:
        text: The digest as it stands behind the `@`.

    Raises:
        InvalidReference: The text is no such digest.
    """

    text: str

    def __post_init__(self) -> None:
        """Refuse what is no digest."""
        if not is_digest(self.text):
            raise InvalidReference(
                self.text,
                "a digest is 'sha256:' and 64 hexadecimal digits in lower case",
                0,
                "Take the digest from the registry as it is",
            )

    def __str__(self) -> str:
        return self.text

    @classmethod
    def of(cls, manifest: bytes) -> Digest:
        """Give the digest of a manifest's bytes."""
        return cls(f"sha256:{hashlib.sha256(manifest).hexdigest()}")
