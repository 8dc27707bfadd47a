from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from image_pinner.core.images.lookups import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1,
    IMAGE_CONFIG_TYPES,
    OCI_INDEX,
    OCI_MANIFEST,
    ImageLookup,
    NotFound,
    Origin,
    Resolution,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.images.selection import (
    NeedsConfig,
    select_from_config,
    select_from_manifest,
    select_without_manifest,
)
from support.images import digest_of

REFERENCE = ImageReference.parse("registry.example.com/team/app:1.4").canonical()
ORIGIN = Origin("memory", "the world of this test")
ARM, AMD = Platform("linux", "arm64"), Platform("linux", "amd64")


def line(letter: str, platform: str = "", media_type: str = OCI_MANIFEST, **more: Any) -> dict[str, Any]:
    os, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    described = {"os": os, "architecture": architecture} | ({"variant": variant} if variant else {})
    return {"mediaType": media_type, "digest": str(digest_of(letter)), "size": 1, **more} | (
        {"platform": described} if platform else {}
    )


def index(lines: Sequence[dict[str, Any]]) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": list(lines)}).encode()


SINGLE = b'{"schemaVersion": 2, "config": {}, "layers": []}'
TWO = index([line("a", "linux/amd64"), line("b", "linux/arm64/v8"), line("c", "unknown/unknown")])


def ask(
    manifest: bytes, media_type: str = OCI_INDEX, *, platform: Platform | None = None, index_allowed: bool = True
) -> Resolution | NeedsConfig:
    lookup = ImageLookup(REFERENCE, platform, index_allowed)
    return select_from_manifest(lookup, Resolved(Digest.of(manifest), media_type, ORIGIN), manifest)


def test_bytes_that_do_not_hash_to_the_digest_are_refused() -> None:
    answer = select_from_manifest(ImageLookup(REFERENCE), Resolved(digest_of("a"), OCI_MANIFEST, ORIGIN), SINGLE)
    assert isinstance(answer, Unavailable)
    assert str(digest_of("a")) in answer.cause
    assert str(Digest.of(SINGLE)) in answer.cause


@pytest.mark.parametrize("media_type", DOCKER_SCHEMA1)
def test_a_schema_1_manifest_is_refused_with_a_way_out(media_type: str) -> None:
    answer = ask(b'{"schemaVersion": 1}', media_type)
    assert isinstance(answer, Unsuitable)
    assert "schema 1" in answer.cause
    assert "push the image again" in answer.help


@pytest.mark.parametrize("media_type", ["", "text/html\n", "application/vnd.oci.artifact.manifest.v1+json"])
def test_what_is_no_image_is_refused(media_type: str) -> None:
    answer = ask(b"{}", media_type)
    assert isinstance(answer, Unsuitable)
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
    assert isinstance(answer, Unsuitable)
    assert "has no image for windows/amd64; it offers linux/amd64, linux/arm64/v8" in answer.cause
    assert "unknown" not in answer.cause


def test_two_images_for_one_platform_are_both_shown() -> None:
    answer = ask(
        index([line("a", "linux/arm/v6"), line("b", "linux/arm/v7")]),
        platform=Platform("linux", "arm"),
        index_allowed=False,
    )
    assert isinstance(answer, Unsuitable)
    assert f"{digest_of('a')} for linux/arm/v6, {digest_of('b')} for linux/arm/v7" in answer.cause
    assert "variant" in answer.help


def test_an_index_with_several_platforms_and_none_wanted_asks_for_one() -> None:
    answer = ask(TWO, index_allowed=False)
    assert isinstance(answer, Unsuitable)
    assert str(digest_of("a")) in answer.cause
    assert str(digest_of("b")) in answer.cause
    assert str(digest_of("c")) not in answer.cause
    assert "Platform=" in answer.help


@pytest.mark.parametrize("index_allowed", [True, False])
@pytest.mark.parametrize("lines", [[], [line("c", "unknown/unknown")]], ids=["empty", "attestations only"])
def test_an_index_without_any_image_is_refused(lines: list[dict[str, Any]], *, index_allowed: bool) -> None:
    answer = ask(index(lines), index_allowed=index_allowed)
    assert isinstance(answer, Unsuitable)
    assert "lists no image" in answer.cause


@pytest.mark.parametrize("platform", [None, ARM, AMD])
@pytest.mark.parametrize("others", [[], [line("a", "linux/amd64")]], ids=["alone", "beside an image"])
def test_an_index_in_an_index_is_refused(others: list[dict[str, Any]], platform: Platform | None) -> None:
    answer = ask(index([*others, line("d", media_type=OCI_INDEX)]), platform=platform)
    assert isinstance(answer, Unsuitable)
    assert "lists further indexes, which not every runtime opens" in answer.cause


def test_a_message_shows_a_bounded_number_of_platforms() -> None:
    many = index([line("a", f"linux/cpu{number}") for number in range(200)])
    answer = ask(many, platform=ARM)
    assert isinstance(answer, NotFound | Unsuitable)
    assert "188 more" in answer.cause
    assert len(answer.cause) < 500
    several = ask(index([line(letter, "linux/arm64") for letter in "0123456789"]), platform=ARM, index_allowed=False)
    assert isinstance(several, NotFound | Unsuitable)
    assert "7 more" in several.cause


def test_a_child_of_an_unknown_kind_is_refused() -> None:
    answer = ask(index([line("a", "linux/arm64", "application/x-tar")]), platform=ARM, index_allowed=False)
    assert isinstance(answer, NotFound | Unsuitable)
    assert "no container image" in answer.cause


@pytest.mark.parametrize("platform", [None, ARM, AMD])
@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_where_an_index_may_stand_its_own_digest_is_the_answer(platform: Platform | None, media_type: str) -> None:
    answer = ask(TWO, media_type, platform=platform)
    assert answer == Resolved(Digest.of(TWO), media_type, ORIGIN, (AMD, Platform("linux", "arm64", "v8")))


def test_where_an_index_may_not_stand_the_child_is_the_answer_and_the_index_its_origin() -> None:
    answer = ask(TWO, platform=ARM, index_allowed=False)
    assert answer == Resolved(
        digest_of("b"), OCI_MANIFEST, replace(ORIGIN, index=Digest.of(TWO)), (Platform("linux", "arm64", "v8"),)
    )


@pytest.mark.parametrize("platform", ["linux/amd64", ""])
def test_the_only_image_of_an_index_is_taken_where_no_platform_is_wanted(platform: str) -> None:
    answer = ask(index([line("a", platform), line("c", "unknown/unknown")]), index_allowed=False)
    assert isinstance(answer, Resolved)
    assert answer.digest == digest_of("a")
    assert answer.platforms == ((AMD,) if platform else None)


def config(**said: str) -> bytes:
    return json.dumps({"rootfs": {}, **said}).encode()


def image(blob: bytes) -> bytes:
    described = {"mediaType": IMAGE_CONFIG_TYPES[0], "digest": str(Digest.of(blob)), "size": len(blob)}
    return json.dumps({"schemaVersion": 2, "config": described, "layers": []}).encode()


def ask_with_config(blob: bytes, platform: Platform, manifest: bytes = b"") -> Resolution:
    lookup = ImageLookup(REFERENCE, platform)
    needs = ask(manifest or image(blob), OCI_MANIFEST, platform=platform)
    assert isinstance(needs, NeedsConfig)
    return select_from_config(lookup, needs, blob)


@pytest.mark.parametrize("index_allowed", [True, False])
def test_a_single_image_keeps_its_digest(*, index_allowed: bool) -> None:
    plain = ask(SINGLE, OCI_MANIFEST, index_allowed=index_allowed)
    assert plain == Resolved(Digest.of(SINGLE), OCI_MANIFEST, ORIGIN)


def test_a_single_image_for_another_platform_is_refused_with_what_it_is_for() -> None:
    answer = ask_with_config(config(os="linux", architecture="amd64"), ARM)
    assert isinstance(answer, Unsuitable)
    assert "is for linux/amd64 only, and linux/arm64 is wanted" in answer.cause


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"os": "linux", "architecture": "arm64"}, "linux/arm64"),
        ({"os": "linux", "architecture": "arm64", "variant": "v8"}, "linux/arm64"),
        ({"os": "linux", "architecture": "arm64"}, "linux/arm64/v8"),
        ({"os": "linux", "architecture": "arm", "variant": "v7"}, "linux/arm/v7"),
    ],
)
def test_a_single_image_for_the_platform_is_the_answer_and_tells_it(said: dict[str, str], wanted: str) -> None:
    answer = ask_with_config(config(**said), Platform.parse(wanted))
    assert isinstance(answer, Resolved)
    assert answer.platforms == (Platform(said["os"], said["architecture"], said.get("variant", "")),)


@pytest.mark.parametrize(("build", "fits"), [("10.0.20348.2113", True), ("10.0.17763.1", False)])
def test_the_version_of_windows_is_compared_by_its_build(build: str, *, fits: bool) -> None:
    blob = config(**{"os": "windows", "architecture": "amd64", "os.version": build})
    answer = ask_with_config(blob, Platform("windows", "amd64", os_version="10.0.20348"))
    assert isinstance(answer, Resolved if fits else NotFound | Unsuitable)


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"<html>", "config is no JSON"),
        (b"[]", "names no operating system and architecture"),
        (config(os="linux"), "names no operating system and architecture"),
        (config(os="linux\x1b[2J", architecture="amd64"), "names no operating system and architecture"),
    ],
)
def test_a_config_that_says_no_platform_is_no_answer(blob: bytes, reason: str) -> None:
    answer = ask_with_config(blob, ARM)
    assert isinstance(answer, Unavailable)
    assert reason in answer.cause


def test_a_config_with_other_bytes_than_its_digest_says_is_no_answer() -> None:
    answer = ask_with_config(config(os="linux", architecture="arm64"), ARM, image(b"another config"))
    assert isinstance(answer, Unavailable)
    assert "hashes to" in answer.cause


@pytest.mark.parametrize("described", [{}, {"digest": "sha512:" + "a" * 128}, {"digest": 7}])
def test_a_manifest_whose_config_cannot_be_fetched_is_no_answer_where_a_platform_is_wanted(
    described: dict[str, Any],
) -> None:
    manifest = json.dumps({"schemaVersion": 2, "config": described, "layers": []}).encode()
    answer = ask(manifest, OCI_MANIFEST, platform=ARM)
    assert isinstance(answer, Unavailable)
    assert "config" in answer.cause


@pytest.mark.parametrize("document", [{}, {"config": {}}, {"layers": []}, {"config": [], "layers": []}])
def test_a_manifest_without_config_and_layers_is_no_image(document: dict[str, Any]) -> None:
    answer = ask(json.dumps({"schemaVersion": 2, **document}).encode(), OCI_MANIFEST)
    assert isinstance(answer, Unavailable)
    assert "has not the config and the layers of an image" in answer.cause


@pytest.mark.parametrize("kind", ["application/vnd.cncf.helm.config.v1+json", "application/vnd.oci.empty.v1+json"])
def test_an_artifact_in_the_form_of_an_image_is_refused(kind: str) -> None:
    manifest = json.dumps({"schemaVersion": 2, "config": {"mediaType": kind}, "layers": []}).encode()
    answer = ask(manifest, OCI_MANIFEST)
    assert isinstance(answer, NotFound | Unsuitable)
    assert f"the media type of its config is '{kind}'" in answer.cause


def test_the_bytes_are_needed_only_where_an_index_has_to_be_opened() -> None:
    pointing_to = {
        kind: Resolved(digest_of("a"), kind, ORIGIN) for kind in (OCI_INDEX, OCI_MANIFEST, DOCKER_SCHEMA1[0])
    }
    opened = [ImageLookup(REFERENCE, ARM), ImageLookup(REFERENCE, None, index_allowed=False)]
    assert [select_without_manifest(lookup, pointing_to[OCI_INDEX]) for lookup in opened] == [None, None]
    assert select_without_manifest(ImageLookup(REFERENCE), pointing_to[OCI_INDEX]) == pointing_to[OCI_INDEX]
    assert select_without_manifest(opened[0], pointing_to[OCI_MANIFEST]) is None
    assert select_without_manifest(opened[1], pointing_to[OCI_MANIFEST]) == pointing_to[OCI_MANIFEST]
    assert isinstance(
        select_without_manifest(ImageLookup(REFERENCE), pointing_to[DOCKER_SCHEMA1[0]]), NotFound | Unsuitable
    )
