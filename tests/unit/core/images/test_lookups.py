from __future__ import annotations

from image_pinner.core.images.lookups import ACCEPTED_MEDIA_TYPES, INDEX_MEDIA_TYPES
from support.images import lookup


def test_the_same_image_for_two_platforms_is_two_questions() -> None:
    assert lookup("nginx:1", "linux/amd64") != lookup("nginx:1", "linux/arm64")
    assert lookup("nginx:1") != lookup("nginx:1", index_allowed=False)


def test_two_ways_to_write_an_image_are_one_question() -> None:
    assert lookup("nginx:1") == lookup("docker.io/library/nginx:1")


def test_a_question_prints_with_its_platform() -> None:
    assert str(lookup("nginx:1")) == "docker.io/library/nginx:1"
    assert str(lookup("nginx:1", "linux/arm64")) == "docker.io/library/nginx:1 for linux/arm64"


def test_every_media_type_of_an_index_is_asked_for() -> None:
    assert set(INDEX_MEDIA_TYPES) < set(ACCEPTED_MEDIA_TYPES)
