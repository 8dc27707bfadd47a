from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from image_pinner.core.images.digests import Digest
from image_pinner.core.images.indexes import UNCHECKED_PLATFORM, answer_for, answer_without_bytes, choose
from image_pinner.core.images.manifests import IndexEntry
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import ImageReference
from image_pinner.core.images.resolutions import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1,
    OCI_INDEX,
    OCI_MANIFEST,
    ImageQuestion,
    Missing,
    Origin,
    Resolution,
    Resolved,
    Unavailable,
)

REFERENCE = ImageReference.parse("registry.example.com/team/app:1.4").canonical()
ORIGIN = Origin("memory", "the world of this test")
ARM, AMD = Platform("linux", "arm64"), Platform("linux", "amd64")


def digest(letter: str) -> Digest:
    return Digest("sha256:" + letter * 64)


def line(letter: str, platform: str = "", media_type: str = OCI_MANIFEST, **more: Any) -> dict[str, Any]:
    os, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    described = {"os": os, "architecture": architecture} | ({"variant": variant} if variant else {})
    return {"mediaType": media_type, "digest": str(digest(letter)), "size": 1, **more} | (
        {"platform": described} if platform else {}
    )


def index(lines: Sequence[dict[str, Any]]) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": list(lines)}).encode()


SINGLE = b'{"schemaVersion": 2, "config": {}, "layers": []}'
TWO = index([line("a", "linux/amd64"), line("b", "linux/arm64/v8"), line("c", "unknown/unknown")])


def ask(
    manifest: bytes, media_type: str = OCI_INDEX, *, platform: Platform | None = None, index_allowed: bool = True
) -> Resolution:
    question = ImageQuestion(REFERENCE, platform, index_allowed)
    return answer_for(question, Resolved(Digest.of(manifest), media_type, ORIGIN), manifest)


def test_bytes_that_do_not_hash_to_the_digest_are_refused() -> None:
    answer = answer_for(ImageQuestion(REFERENCE), Resolved(digest("a"), OCI_MANIFEST, ORIGIN), SINGLE)
    assert isinstance(answer, Unavailable)
    assert str(digest("a")) in answer.cause
    assert str(Digest.of(SINGLE)) in answer.cause


@pytest.mark.parametrize("media_type", DOCKER_SCHEMA1)
def test_a_schema_1_manifest_is_refused_with_a_way_out(media_type: str) -> None:
    answer = ask(b'{"schemaVersion": 1}', media_type)
    assert isinstance(answer, Missing)
    assert not answer.absent
    assert "schema 1" in answer.cause
    assert "push the image again" in answer.remedy


@pytest.mark.parametrize("media_type", ["", "text/html\n", "application/vnd.oci.artifact.manifest.v1+json"])
def test_what_is_no_image_is_refused(media_type: str) -> None:
    answer = ask(b"{}", media_type)
    assert isinstance(answer, Missing)
    assert not answer.absent
    assert "no container image" in answer.cause
    assert "\n" not in answer.cause


@pytest.mark.parametrize(
    ("manifest", "media_type", "reason"),
    [
        (b"<html>", OCI_INDEX, "no JSON"),
        (b"<html>", OCI_MANIFEST, "no JSON"),
        (SINGLE, OCI_INDEX, "no list of manifests"),
        (TWO, OCI_MANIFEST, "under the media type of a single image"),
        (b'{"schemaVersion": 1}', DOCKER_MANIFEST, "schema 1"),
    ],
)
def test_content_that_belies_its_media_type_is_refused(manifest: bytes, media_type: str, reason: str) -> None:
    answer = ask(manifest, media_type)
    assert isinstance(answer, Unavailable)
    assert reason in answer.cause
    assert "the world of this test" in answer.cause


@pytest.mark.parametrize("index_allowed", [True, False])
def test_a_platform_that_is_not_there_names_what_is(*, index_allowed: bool) -> None:
    answer = ask(TWO, platform=Platform("windows", "amd64"), index_allowed=index_allowed)
    assert isinstance(answer, Missing)
    assert not answer.absent
    assert "has no image for windows/amd64; it offers linux/amd64, linux/arm64/v8" in answer.cause
    assert "unknown" not in answer.cause


def test_two_images_for_one_platform_are_both_shown() -> None:
    answer = ask(
        index([line("a", "linux/arm/v6"), line("b", "linux/arm/v7")]),
        platform=Platform("linux", "arm"),
        index_allowed=False,
    )
    assert isinstance(answer, Missing)
    assert not answer.absent
    assert f"{digest('a')} for linux/arm/v6, {digest('b')} for linux/arm/v7" in answer.cause
    assert "variant" in answer.remedy


def test_an_index_with_several_platforms_and_none_wanted_asks_for_one() -> None:
    answer = ask(TWO, index_allowed=False)
    assert isinstance(answer, Missing)
    assert not answer.absent
    assert str(digest("a")) in answer.cause
    assert str(digest("b")) in answer.cause
    assert str(digest("c")) not in answer.cause
    assert "Platform=" in answer.remedy


@pytest.mark.parametrize("index_allowed", [True, False])
@pytest.mark.parametrize("lines", [[], [line("c", "unknown/unknown")]], ids=["empty", "attestations only"])
def test_an_index_without_any_image_is_refused(lines: list[dict[str, Any]], *, index_allowed: bool) -> None:
    answer = ask(index(lines), index_allowed=index_allowed)
    assert isinstance(answer, Missing)
    assert not answer.absent
    assert "lists no image" in answer.cause


def test_an_index_in_an_index_is_not_opened_and_the_answer_says_so() -> None:
    nested = index([line("a", "linux/amd64"), line("d", media_type=OCI_INDEX)])
    answer = ask(nested, platform=ARM)
    assert isinstance(answer, Missing)
    assert "further indexes, which are not opened" in answer.cause
    assert isinstance(ask(nested), Resolved)


def test_a_message_shows_a_bounded_number_of_platforms() -> None:
    many = index([line("a", f"linux/cpu{number}") for number in range(200)])
    answer = ask(many, platform=ARM)
    assert isinstance(answer, Missing)
    assert "188 more" in answer.cause
    assert len(answer.cause) < 500
    several = ask(index([line(letter, "linux/arm64") for letter in "0123456789"]), platform=ARM, index_allowed=False)
    assert isinstance(several, Missing)
    assert "7 more" in several.cause


def test_a_child_of_an_unknown_kind_is_refused() -> None:
    answer = ask(index([line("a", "linux/arm64", "application/x-tar")]), platform=ARM, index_allowed=False)
    assert isinstance(answer, Missing)
    assert "no container image" in answer.cause


@pytest.mark.parametrize("platform", [None, ARM, AMD])
@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_where_an_index_may_stand_its_own_digest_is_the_answer(platform: Platform | None, media_type: str) -> None:
    answer = ask(TWO, media_type, platform=platform)
    assert answer == Resolved(Digest.of(TWO), media_type, ORIGIN, (AMD, Platform("linux", "arm64", "v8")))


def test_where_an_index_may_not_stand_the_child_is_the_answer_and_the_index_its_origin() -> None:
    answer = ask(TWO, platform=ARM, index_allowed=False)
    assert answer == Resolved(
        digest("b"), OCI_MANIFEST, replace(ORIGIN, index=Digest.of(TWO)), (Platform("linux", "arm64", "v8"),)
    )


@pytest.mark.parametrize("platform", ["linux/amd64", ""])
def test_the_only_image_of_an_index_is_taken_where_no_platform_is_wanted(platform: str) -> None:
    answer = ask(index([line("a", platform), line("c", "unknown/unknown")]), index_allowed=False)
    assert isinstance(answer, Resolved)
    assert answer.digest == digest("a")
    assert answer.platforms == ((AMD,) if platform else None)


@pytest.mark.parametrize("index_allowed", [True, False])
def test_a_single_image_keeps_its_digest_and_warns_where_a_platform_was_wanted(*, index_allowed: bool) -> None:
    plain = ask(SINGLE, OCI_MANIFEST, index_allowed=index_allowed)
    assert plain == Resolved(Digest.of(SINGLE), OCI_MANIFEST, ORIGIN)
    wanted = ask(SINGLE, OCI_MANIFEST, platform=ARM, index_allowed=index_allowed)
    assert wanted == plain._replace(warnings=(UNCHECKED_PLATFORM,))


@pytest.mark.parametrize(
    ("offered", "wanted", "chosen"),
    [
        ("linux/amd64 linux/amd64/v3", AMD, "a"),
        ("linux/amd64/v3 linux/amd64/v1", AMD, "b"),
        ("linux/amd64 linux/amd64/v1", AMD, "ab"),
        ("linux/arm64 linux/arm64/v9", ARM, "a"),
        ("linux/amd64 linux/amd64/v3", Platform("linux", "amd64", "v3"), "b"),
        ("linux/arm/v6 linux/arm/v7", Platform("linux", "arm"), "ab"),
        ("linux/amd64 linux/arm64", None, "ab"),
    ],
)
def test_the_plainest_variant_goes_first_where_none_is_wanted(
    offered: str, wanted: Platform | None, chosen: str
) -> None:
    entries = [
        IndexEntry(digest(letter), OCI_MANIFEST, Platform(*text.split("/")), runnable=True)
        for letter, text in zip("abc", offered.split(), strict=False)
    ]
    assert [entry.digest for entry in choose(entries, wanted)] == [digest(letter) for letter in chosen]


def test_one_digest_that_is_listed_twice_is_one_choice() -> None:
    twice = [IndexEntry(digest("a"), OCI_MANIFEST, platform, runnable=True) for platform in (ARM, ARM)]
    assert len(choose(twice, ARM)) == 1


def test_the_bytes_are_needed_only_where_an_index_has_to_be_opened() -> None:
    pointing_to = {kind: Resolved(digest("a"), kind, ORIGIN) for kind in (OCI_INDEX, OCI_MANIFEST, DOCKER_SCHEMA1[0])}
    opened = [ImageQuestion(REFERENCE, ARM), ImageQuestion(REFERENCE, None, index_allowed=False)]
    assert [answer_without_bytes(question, pointing_to[OCI_INDEX]) for question in opened] == [None, None]
    assert answer_without_bytes(ImageQuestion(REFERENCE), pointing_to[OCI_INDEX]) == pointing_to[OCI_INDEX]
    assert answer_without_bytes(opened[1], pointing_to[OCI_MANIFEST]) == pointing_to[OCI_MANIFEST]
    assert isinstance(answer_without_bytes(ImageQuestion(REFERENCE), pointing_to[DOCKER_SCHEMA1[0]]), Missing)
