from __future__ import annotations

from image_pinner.core.images.lookups import ACCEPTED_MEDIA_TYPES, INDEX_MEDIA_TYPES
from support.images import lookup


def test_lookups_for_two_platforms_differ() -> None:
    assert lookup("nginx:1", "linux/amd64") != lookup("nginx:1", "linux/arm64")
    assert lookup("nginx:1") != lookup("nginx:1", index_allowed=False)


def test_equivalent_references_make_equal_lookups() -> None:
    assert lookup("nginx:1") == lookup("docker.io/library/nginx:1")


def test_a_lookup_prints_with_its_platform() -> None:
    assert str(lookup("nginx:1")) == "docker.io/library/nginx:1"
    assert str(lookup("nginx:1", "linux/arm64")) == "docker.io/library/nginx:1 for linux/arm64"


def test_index_media_types_are_accepted() -> None:
    assert set(INDEX_MEDIA_TYPES) < set(ACCEPTED_MEDIA_TYPES)
