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
ORIGIN = Origin("memory", "a test request")
CONFIDENTIAL = replace(ORIGIN, confidential=True)
ARM64, AMD64 = Platform("linux", "arm64"), Platform("linux", "amd64")


def entry(letter: str, platform: str = "", media_type: str = OCI_MANIFEST, **more: Any) -> dict[str, Any]:
    os, _, remainder = platform.partition("/")
    architecture, _, variant = remainder.partition("/")
    described = {"os": os, "architecture": architecture} | ({"variant": variant} if variant else {})
    return {"mediaType": media_type, "digest": str(digest_of(letter)), "size": 1, **more} | (
        {"platform": described} if platform else {}
    )


def index(entries: Sequence[dict[str, Any]]) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": list(entries)}).encode()


SINGLE = b'{"schemaVersion": 2, "config": {}, "layers": []}'
TWO = index([entry("a", "linux/amd64"), entry("b", "linux/arm64/v8"), entry("c", "unknown/unknown")])


def select(
    manifest: bytes,
    media_type: str = OCI_INDEX,
    *,
    platform: Platform | None = None,
    index_allowed: bool = True,
    origin: Origin = ORIGIN,
) -> Resolution | NeedsConfig:
    lookup = ImageLookup(REFERENCE, platform, index_allowed)
    return select_from_manifest(lookup, Resolved(Digest.of(manifest), media_type, origin), manifest)


def test_bytes_that_do_not_hash_to_the_digest_are_refused() -> None:
    answer = select_from_manifest(ImageLookup(REFERENCE), Resolved(digest_of("a"), OCI_MANIFEST, ORIGIN), SINGLE)
    assert isinstance(answer, Unavailable)
    assert str(digest_of("a")) in answer.cause
    assert str(Digest.of(SINGLE)) in answer.cause


@pytest.mark.parametrize("media_type", DOCKER_SCHEMA1)
def test_a_schema_1_manifest_is_refused_with_help(media_type: str) -> None:
    answer = select(b'{"schemaVersion": 1}', media_type)
    assert isinstance(answer, Unsuitable)
    assert "schema 1" in answer.cause
    assert "push the image again" in answer.help


@pytest.mark.parametrize("media_type", ["text/html\n", "application/vnd.oci.artifact.manifest.v1+json"])
def test_other_media_types_are_refused(media_type: str) -> None:
    answer = select(b"{}", media_type)
    assert isinstance(answer, Unsuitable)
    assert "it is not a container image" in answer.cause
    assert "\n" not in answer.cause


@pytest.mark.parametrize(
    ("manifest", "media_type", "reason"),
    [
        (b"<html>", OCI_INDEX, "is not valid JSON"),
        (b"<html>", OCI_MANIFEST, "is not valid JSON"),
        (SINGLE, OCI_INDEX, "no list of manifests"),
        (TWO, OCI_MANIFEST, "with the media type of a single image"),
        (b'{"schemaVersion": 1}', DOCKER_MANIFEST, "schema 1"),
    ],
)
def test_content_that_contradicts_its_media_type_is_refused(manifest: bytes, media_type: str, reason: str) -> None:
    answer = select(manifest, media_type)
    assert isinstance(answer, Unavailable)
    assert reason in answer.cause
    assert "a test request" in answer.cause


@pytest.mark.parametrize("index_allowed", [True, False])
def test_a_missing_platform_lists_the_available_ones(*, index_allowed: bool) -> None:
    answer = select(TWO, platform=Platform("windows", "amd64"), index_allowed=index_allowed)
    assert isinstance(answer, Unsuitable)
    assert "has no image for windows/amd64; available: linux/amd64, linux/arm64/v8" in answer.cause
    assert "unknown" not in answer.cause


def test_two_images_for_one_platform_are_both_shown() -> None:
    answer = select(
        index([entry("a", "linux/arm/v6"), entry("b", "linux/arm/v7")]),
        platform=Platform("linux", "arm"),
        index_allowed=False,
    )
    assert isinstance(answer, Unsuitable)
    assert f"{digest_of('a')} for linux/arm/v6, {digest_of('b')} for linux/arm/v7" in answer.cause
    assert "variant" in answer.help


def test_an_index_with_several_platforms_requires_one() -> None:
    answer = select(TWO, index_allowed=False)
    assert isinstance(answer, Unsuitable)
    assert str(digest_of("a")) in answer.cause
    assert str(digest_of("b")) in answer.cause
    assert str(digest_of("c")) not in answer.cause
    assert "Platform=" in answer.help


@pytest.mark.parametrize("index_allowed", [True, False])
@pytest.mark.parametrize("entries", [[], [entry("c", "unknown/unknown")]], ids=["empty", "attestations only"])
def test_an_index_without_any_image_is_refused(entries: list[dict[str, Any]], *, index_allowed: bool) -> None:
    answer = select(index(entries), index_allowed=index_allowed)
    assert isinstance(answer, Unsuitable)
    assert "lists no image" in answer.cause


@pytest.mark.parametrize("platform", [None, ARM64, AMD64])
@pytest.mark.parametrize("others", [[], [entry("a", "linux/amd64")]], ids=["alone", "with an image"])
def test_an_index_in_an_index_is_refused(others: list[dict[str, Any]], platform: Platform | None) -> None:
    answer = select(index([*others, entry("d", media_type=OCI_INDEX)]), platform=platform)
    assert isinstance(answer, Unsuitable)
    assert "lists further indexes, which not every runtime opens" in answer.cause


def test_a_message_shows_a_bounded_number_of_platforms() -> None:
    many = index([entry("a", f"linux/cpu{number}") for number in range(200)])
    answer = select(many, platform=ARM64)
    assert isinstance(answer, NotFound | Unsuitable)
    assert "188 more" in answer.cause
    assert len(answer.cause) < 500
    several = select(
        index([entry(letter, "linux/arm64") for letter in "0123456789"]), platform=ARM64, index_allowed=False
    )
    assert isinstance(several, NotFound | Unsuitable)
    assert "7 more" in several.cause


def test_a_message_about_a_confidential_index_shows_well_known_platforms_only() -> None:
    windows = entry("c", "windows/amd64")
    windows["platform"]["os.version"] = "10.0.s3cret"
    answer = select(
        index([entry("a", "linux/amd64"), entry("b", "linux/arm/v7"), entry("d", "linux/s3cret"), windows]),
        platform=ARM64,
        origin=CONFIDENTIAL,
    )
    assert isinstance(answer, Unsuitable)
    assert answer.cause.endswith("available: linux/amd64, linux/arm/v7, [hidden], windows/amd64")


def test_a_message_about_a_confidential_index_shows_no_digest_in_it() -> None:
    answer = select(TWO, index_allowed=False, origin=CONFIDENTIAL)
    assert isinstance(answer, Unsuitable)
    assert answer.cause.endswith("has several: [hidden] for linux/amd64, [hidden] for linux/arm64/v8")


@pytest.mark.parametrize(
    "answer",
    [
        select(SINGLE, "application/vnd.s3cret", origin=CONFIDENTIAL),
        select(
            index([entry("a", "linux/arm64", "application/s3cret")]),
            platform=ARM64,
            index_allowed=False,
            origin=CONFIDENTIAL,
        ),
        select(
            json.dumps({"config": {"mediaType": "application/s3cret"}, "layers": []}).encode(),
            OCI_MANIFEST,
            origin=CONFIDENTIAL,
        ),
    ],
)
def test_a_message_shows_no_confidential_media_type(answer: Resolution | NeedsConfig) -> None:
    assert isinstance(answer, Unsuitable)
    assert answer.cause.startswith("it is not a container image: ")
    assert answer.cause.endswith(" is [hidden]")


def test_an_index_entry_of_an_unknown_media_type_is_refused() -> None:
    answer = select(index([entry("a", "linux/arm64", "application/x-tar")]), platform=ARM64, index_allowed=False)
    assert isinstance(answer, NotFound | Unsuitable)
    assert "it is not a container image" in answer.cause


@pytest.mark.parametrize("platform", [None, ARM64, AMD64])
@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_the_digest_of_an_allowed_index_is_returned(platform: Platform | None, media_type: str) -> None:
    answer = select(TWO, media_type, platform=platform)
    assert answer == Resolved(Digest.of(TWO), media_type, ORIGIN, (AMD64, Platform("linux", "arm64", "v8")))


def test_without_indexes_the_manifest_is_returned_with_the_index_as_origin() -> None:
    answer = select(TWO, platform=ARM64, index_allowed=False)
    assert answer == Resolved(
        digest_of("b"), OCI_MANIFEST, replace(ORIGIN, index=Digest.of(TWO)), (Platform("linux", "arm64", "v8"),)
    )


@pytest.mark.parametrize("platform", ["linux/amd64", ""])
def test_the_only_image_of_an_index_is_selected_without_a_platform(platform: str) -> None:
    answer = select(index([entry("a", platform), entry("c", "unknown/unknown")]), index_allowed=False)
    assert isinstance(answer, Resolved)
    assert answer.digest == digest_of("a")
    assert answer.platforms == ((AMD64,) if platform else None)


def config(**fields: str) -> bytes:
    return json.dumps({"rootfs": {}, **fields}).encode()


def image(blob: bytes) -> bytes:
    described = {"mediaType": IMAGE_CONFIG_TYPES[0], "digest": str(Digest.of(blob)), "size": len(blob)}
    return json.dumps({"schemaVersion": 2, "config": described, "layers": []}).encode()


def select_with_config(blob: bytes, platform: Platform, manifest: bytes = b"") -> Resolution:
    lookup = ImageLookup(REFERENCE, platform)
    needs = select(manifest or image(blob), OCI_MANIFEST, platform=platform)
    assert isinstance(needs, NeedsConfig)
    return select_from_config(lookup, needs, blob)


@pytest.mark.parametrize("index_allowed", [True, False])
def test_a_single_image_keeps_its_digest(*, index_allowed: bool) -> None:
    plain = select(SINGLE, OCI_MANIFEST, index_allowed=index_allowed)
    assert plain == Resolved(Digest.of(SINGLE), OCI_MANIFEST, ORIGIN)


def test_a_single_image_for_another_platform_is_refused() -> None:
    answer = select_with_config(config(os="linux", architecture="amd64"), ARM64)
    assert isinstance(answer, Unsuitable)
    assert "is for linux/amd64 only, not for linux/arm64" in answer.cause


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"os": "linux", "architecture": "arm64"}, "linux/arm64"),
        ({"os": "linux", "architecture": "arm64", "variant": "v8"}, "linux/arm64"),
        ({"os": "linux", "architecture": "arm64"}, "linux/arm64/v8"),
        ({"os": "linux", "architecture": "arm", "variant": "v7"}, "linux/arm/v7"),
    ],
)
def test_a_single_image_for_the_platform_is_returned_with_it(fields: dict[str, str], wanted: str) -> None:
    answer = select_with_config(config(**fields), Platform.parse(wanted))
    assert isinstance(answer, Resolved)
    assert answer.platforms == (Platform(fields["os"], fields["architecture"], fields.get("variant", "")),)


@pytest.mark.parametrize(("build", "fits"), [("10.0.20348.2113", True), ("10.0.17763.1", False)])
def test_the_version_of_windows_is_compared_by_its_build(build: str, *, fits: bool) -> None:
    blob = config(**{"os": "windows", "architecture": "amd64", "os.version": build})
    answer = select_with_config(blob, Platform("windows", "amd64", os_version="10.0.20348"))
    assert isinstance(answer, Resolved if fits else NotFound | Unsuitable)


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"<html>", "config is not valid JSON"),
        (b"[]", "has no operating system and architecture"),
        (config(os="linux"), "has no operating system and architecture"),
        (config(os="linux\x1b[2J", architecture="amd64"), "has no operating system and architecture"),
    ],
)
def test_a_config_without_a_platform_is_refused(blob: bytes, reason: str) -> None:
    answer = select_with_config(blob, ARM64)
    assert isinstance(answer, Unavailable)
    assert reason in answer.cause


def test_a_config_with_another_digest_is_refused() -> None:
    answer = select_with_config(config(os="linux", architecture="arm64"), ARM64, image(b"another config"))
    assert isinstance(answer, Unavailable)
    assert "has the digest" in answer.cause


@pytest.mark.parametrize("described", [{}, {"digest": "sha512:" + "a" * 128}, {"digest": 7}])
def test_a_manifest_without_a_valid_config_is_refused_for_a_platform(
    described: dict[str, Any],
) -> None:
    manifest = json.dumps({"schemaVersion": 2, "config": described, "layers": []}).encode()
    answer = select(manifest, OCI_MANIFEST, platform=ARM64)
    assert isinstance(answer, Unavailable)
    assert "config" in answer.cause


@pytest.mark.parametrize("document", [{}, {"config": {}}, {"layers": []}, {"config": [], "layers": []}])
def test_a_manifest_without_config_and_layers_is_refused(document: dict[str, Any]) -> None:
    answer = select(json.dumps({"schemaVersion": 2, **document}).encode(), OCI_MANIFEST)
    assert isinstance(answer, Unavailable)
    assert "it has no config and layers" in answer.cause


@pytest.mark.parametrize("kind", ["application/vnd.cncf.helm.config.v1+json", "application/vnd.oci.empty.v1+json"])
def test_an_artifact_with_the_media_type_of_an_image_is_refused(kind: str) -> None:
    manifest = json.dumps({"schemaVersion": 2, "config": {"mediaType": kind}, "layers": []}).encode()
    answer = select(manifest, OCI_MANIFEST)
    assert isinstance(answer, NotFound | Unsuitable)
    assert f"the media type of its config is '{kind}'" in answer.cause


def test_only_an_index_needs_its_bytes() -> None:
    pointing_to = {
        kind: Resolved(digest_of("a"), kind, ORIGIN) for kind in (OCI_INDEX, OCI_MANIFEST, DOCKER_SCHEMA1[0])
    }
    opened = [ImageLookup(REFERENCE, ARM64), ImageLookup(REFERENCE, None, index_allowed=False)]
    assert [select_without_manifest(lookup, pointing_to[OCI_INDEX]) for lookup in opened] == [None, None]
    assert select_without_manifest(ImageLookup(REFERENCE), pointing_to[OCI_INDEX]) is None
    by_digest = ImageLookup(replace(REFERENCE, tag=None, digest=digest_of("a")))
    assert select_without_manifest(by_digest, pointing_to[OCI_INDEX]) == pointing_to[OCI_INDEX]
    assert select_without_manifest(by_digest, Resolved(digest_of("a"), "", ORIGIN)) is None
    assert select_without_manifest(opened[0], pointing_to[OCI_MANIFEST]) is None
    assert select_without_manifest(opened[1], pointing_to[OCI_MANIFEST]) == pointing_to[OCI_MANIFEST]
    assert isinstance(
        select_without_manifest(ImageLookup(REFERENCE), pointing_to[DOCKER_SCHEMA1[0]]), NotFound | Unsuitable
    )


@pytest.mark.parametrize("kind", ["", "text/html", "application/json", "application/octet-stream", None])
def test_a_config_of_a_media_type_that_docker_accepts_is_that_of_an_image(kind: str | None) -> None:
    manifest = json.dumps({"schemaVersion": 2, "config": {"mediaType": kind}, "layers": []}).encode()
    assert isinstance(select(manifest, OCI_MANIFEST), Resolved)


@pytest.mark.parametrize(
    ("manifest", "media_type"),
    [
        (SINGLE, OCI_MANIFEST),
        (
            b'{"schemaVersion": 2, "mediaType": "%b", "config": {}, "layers": []}' % DOCKER_MANIFEST.encode(),
            DOCKER_MANIFEST,
        ),
        (TWO, OCI_INDEX),
    ],
)
def test_an_unknown_media_type_is_found_in_the_manifest(manifest: bytes, media_type: str) -> None:
    answer = select(manifest, "")
    assert isinstance(answer, Resolved)
    assert answer.media_type == media_type


@pytest.mark.parametrize(
    ("manifest", "cause"),
    [
        (b'{"schemaVersion": 1}', "schema 1"),
        (b'{"mediaType": "application/x-tar"}', "its media type is 'application/x-tar'"),
        (b'{"mediaType": []}', "it has no config and layers"),
        (b"<html>", "is not valid JSON"),
    ],
)
def test_content_of_an_unknown_media_type_is_checked(manifest: bytes, cause: str) -> None:
    answer = select(manifest, "")
    assert isinstance(answer, Unavailable | Unsuitable)
    assert cause in answer.cause


@pytest.mark.parametrize("offered", ["linux/x86_64", "Linux/AMD64", "LINUX/x86-64/v1"])
@pytest.mark.parametrize("wanted", ["linux/amd64", "Linux/x86_64"])
def test_platforms_are_compared_by_their_normalized_names(offered: str, wanted: str) -> None:
    for index_allowed in (True, False):
        answer = select(index([entry("a", offered)]), platform=Platform.parse(wanted), index_allowed=index_allowed)
        assert isinstance(answer, Resolved)
    os, architecture, *_ = offered.split("/")
    assert isinstance(select_with_config(config(os=os, architecture=architecture), Platform.parse(wanted)), Resolved)


def windows(letter: str, version: str) -> dict[str, Any]:
    described = {"os": "windows", "architecture": "amd64"} | ({"os.version": version} if version else {})
    return {**entry(letter), "platform": described}


HOST_2025 = Platform("windows", "amd64", os_version="10.0.26100")


@pytest.mark.parametrize("version", ["10.0.20348.1", ""])
def test_a_doubtful_version_of_windows_is_accepted_with_a_warning(version: str) -> None:
    fields = {"os": "windows", "architecture": "amd64"} | ({"os.version": version} if version else {})
    for answer in (
        select(index([windows("a", version)]), platform=HOST_2025),
        select_with_config(config(**fields), HOST_2025),
    ):
        assert isinstance(answer, Resolved)
        (warning,) = answer.warnings
        assert warning == HOST_2025.doubt_about(Platform("windows", "amd64", os_version=version))


def test_the_own_version_of_windows_is_preferred_and_without_a_doubt() -> None:
    entries = [windows("a", "10.0.20348.1"), windows("b", "10.0.26100.1"), windows("c", "")]
    answer = select(index(entries), platform=HOST_2025)
    assert isinstance(answer, Resolved)
    assert answer.warnings == ()
    single = select(index(entries), platform=HOST_2025, index_allowed=False)
    assert isinstance(single, Resolved)
    assert single.digest == digest_of("b")


ZSTD = {"annotations": {"io.github.containers.compression.zstd": "true"}}


@pytest.mark.parametrize("platform", [None, AMD64, Platform("linux", "amd64", "v1")])
@pytest.mark.parametrize("order", [1, -1])
def test_where_no_index_is_allowed_gzip_is_preferred_over_zstd(platform: Platform | None, order: int) -> None:
    entries = [entry("a", "linux/amd64"), entry("b", "linux/amd64", **ZSTD)][::order]
    answer = select(index(entries), platform=platform, index_allowed=False)
    assert isinstance(answer, Resolved)
    assert answer.digest == digest_of("a")


def test_zstd_alone_is_selected() -> None:
    answer = select(index([entry("b", "linux/amd64", **ZSTD)]), platform=AMD64, index_allowed=False)
    assert isinstance(answer, Resolved)


@pytest.mark.parametrize(
    "entries",
    [
        [entry("a", "linux/amd64"), entry("b", "linux/amd64")],
        [entry("a", "linux/amd64", **ZSTD), entry("b", "linux/amd64", **ZSTD)],
        [entry("a", "linux/amd64/v2"), entry("b", "linux/amd64/v3")],
    ],
)
def test_the_advice_for_a_single_image_names_platforms_of_lambda_only(entries: list[dict[str, Any]]) -> None:
    answer = select(index(entries), platform=AMD64, index_allowed=False)
    assert isinstance(answer, Unsuitable)
    assert "Platform=linux/amd64 or Platform=linux/arm64" in answer.help
    assert "linux/arm/" not in answer.help


@pytest.mark.parametrize(
    ("offered", "more"), [("linux/s390x", ""), ("linux/arm64", ", or set Platform to an available one")]
)
def test_a_platform_that_lambda_does_not_have_is_not_suggested(offered: str, more: str) -> None:
    answer = select(index([entry("a", offered)]), platform=AMD64, index_allowed=False)
    assert isinstance(answer, Unsuitable)
    assert answer.help == f"push the image for linux/amd64 as well{more}"
