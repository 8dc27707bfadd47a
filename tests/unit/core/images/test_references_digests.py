from __future__ import annotations

import pytest

from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.images.references import Digest, is_digest
from support.images import HEX


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEX,
        "sha256:",
        f"sha256:{HEX[:-1]}",
        f"sha256:{HEX}0",
        f"sha256:{HEX.upper()}",
        f"SHA256:{HEX}",
        f"sha512:{HEX * 2}",
        f"@sha256:{HEX}",
        f"sha256:{HEX}\n",
        f" sha256:{HEX}",
        f'sha256:{HEX}"',
        f"sha256:{HEX[:-1]}\u0660",
    ],
)
def test_anything_but_sha256_with_64_lower_case_digits_is_refused(text: str) -> None:
    assert not is_digest(text)
    with pytest.raises(InvalidReferenceError, match="64 lower-case hexadecimal digits"):
        Digest(text)


def test_a_digest_is_the_hash_of_a_manifests_bytes() -> None:
    # From FIPS 180-4's example of the empty message.
    assert str(Digest.of(b"")) == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Digest.of(b"a") == Digest.of(b"a") != Digest.of(b"b")
