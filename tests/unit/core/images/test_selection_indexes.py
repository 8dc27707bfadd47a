from __future__ import annotations

import pytest

from image_pinner.core.images.lookups import OCI_MANIFEST
from image_pinner.core.images.manifests import IndexEntry
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.selection import find_matching_entries
from support.images import digest_of

ARM64, AMD64 = Platform("linux", "arm64"), Platform("linux", "amd64")


@pytest.mark.parametrize(
    ("offered", "wanted", "chosen"),
    [
        ("linux/amd64 linux/amd64/v3", AMD64, "a"),
        ("linux/amd64/v3 linux/amd64/v1", AMD64, "b"),
        ("linux/amd64 linux/amd64/v1", AMD64, "ab"),
        ("linux/arm64 linux/arm64/v9", ARM64, "a"),
        ("linux/amd64 linux/amd64/v3", Platform("linux", "amd64", "v3"), "b"),
        ("linux/arm/v6 linux/arm/v7", Platform("linux", "arm"), "ab"),
        ("linux/amd64 linux/arm64", None, "ab"),
    ],
)
def test_the_default_variant_is_preferred(offered: str, wanted: Platform | None, chosen: str) -> None:
    entries = [
        IndexEntry(digest_of(letter), OCI_MANIFEST, Platform(*text.split("/")), runnable=True)
        for letter, text in zip("abc", offered.split(), strict=False)
    ]
    assert [entry.digest for entry in find_matching_entries(entries, wanted)] == [
        digest_of(letter) for letter in chosen
    ]


def test_a_digest_listed_twice_matches_once() -> None:
    twice = [IndexEntry(digest_of("a"), OCI_MANIFEST, platform, runnable=True) for platform in (ARM64, ARM64)]
    assert len(find_matching_entries(twice, ARM64)) == 1
