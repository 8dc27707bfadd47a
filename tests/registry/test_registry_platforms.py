"""Platforms in the real registry: the manifest for one platform is that of the image which skopeo takes for it."""

from __future__ import annotations

import json

import pytest

from image_pinner.core.images.lookups import ImageLookup, Resolved, Unsuitable
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest
from registry.pushed_images import (
    AMD64,
    ARM64,
    ARM64_SAME,
    ARM64_TWICE,
    ARM64_V8,
    ARM_MIXED,
    ARM_V6,
    ARM_V7,
    ATTESTED,
    ATTESTED_SINGLE,
    DOCKER_AMD64,
    DOCKER_ARM64,
    LIST,
    MULTI,
    OLD_WINDOWS,
    ONE_ENTRY,
    REPOSITORY,
    SINGLE,
    WINDOWS,
    WINDOWS_2019,
    WINDOWS_2022,
    WINDOWS_LIST,
    Pushed,
    part_of_name,
)
from registry.registry_lookups import resolve_at, resolve_image
from registry.skopeo import Skopeo
from support.images import lookup
from support.registry_program import DockerRegistry

pytestmark = pytest.mark.registry

BY_TAG = {image.tag: image for image in SINGLE}


@pytest.mark.parametrize("index_allowed", [True, False], ids=["index", "no-index"])
@pytest.mark.parametrize(
    ("image", "platform", "offered"),
    [
        (MULTI, "linux/s390x", "linux/amd64, linux/arm64"),
        (ATTESTED, "unknown/unknown", "linux/amd64, linux/arm64"),
        (LIST, "linux/arm/v7", "linux/amd64, linux/arm64/v8"),
        (ARM_MIXED, "linux/arm/v5", "linux/arm/v6, linux/arm/v7, linux/arm64/v8"),
        (ONE_ENTRY, "linux/amd64", "linux/arm64"),
        (ATTESTED_SINGLE, "linux/arm64", "linux/amd64"),
    ],
    ids=part_of_name,
)
def test_an_index_without_the_platform_is_refused_with_what_it_offers(
    stocked: DockerRegistry, image: Pushed, platform: str, offered: str, *, index_allowed: bool
) -> None:
    answer = resolve_image(stocked, image.image, platform, index_allowed=index_allowed)
    assert isinstance(answer, Unsuitable)
    assert answer.cause == f"the index {image.digest} has no image for {platform}; available: {offered}"


@pytest.mark.parametrize("index_allowed", [True, False], ids=["index", "no-index"])
@pytest.mark.parametrize(
    ("tag", "platform", "offered"),
    [
        ("oci", "linux/arm64", "linux/amd64"),
        ("docker", "linux/arm64", "linux/amd64"),
        ("type-in-the-header-only", "linux/arm64", "linux/amd64"),
        ("arm64", "linux/amd64", "linux/arm64"),
        ("arm-v6", "linux/arm/v7", "linux/arm/v6"),
        ("windows", "linux/amd64", f"windows/amd64 ({WINDOWS_2022})"),
    ],
)
def test_an_image_for_another_platform_is_refused_with_the_one_that_it_is_for(
    stocked: DockerRegistry, tag: str, platform: str, offered: str, *, index_allowed: bool
) -> None:
    answer = resolve_image(stocked, BY_TAG[tag].image, platform, index_allowed=index_allowed)
    assert isinstance(answer, Unsuitable)
    assert answer.cause == f"the image {BY_TAG[tag].digest} is for {offered} only, not for {platform}"


def windows_lookup(stocked: DockerRegistry, image: Pushed, version: str) -> ImageLookup:
    wanted = lookup(f"{stocked.host}/{image.image}", index_allowed=False)
    return wanted._replace(platform=Platform("windows", "amd64", os_version=version))


def test_a_version_of_windows_that_is_not_there_is_refused(stocked: DockerRegistry) -> None:
    wanted = [windows_lookup(stocked, image, "10.0.14393") for image in (WINDOWS_LIST, BY_TAG["windows"])]
    for answer in resolve_at(stocked, *wanted):
        assert isinstance(answer, Unsuitable)
        assert f"windows/amd64 ({WINDOWS_2022})" in answer.cause


def test_an_image_for_an_older_version_of_windows_is_accepted_with_a_warning(stocked: DockerRegistry) -> None:
    wanted = [windows_lookup(stocked, image, "10.0.26100") for image in (WINDOWS_LIST, BY_TAG["windows"])]
    for answer in resolve_at(stocked, *wanted):
        assert isinstance(answer, Resolved)
        assert answer.digest == Digest.of(WINDOWS)
        (warning,) = answer.warnings
        assert "the image is for Windows 10.0.20348;" in warning


@pytest.mark.parametrize(
    ("image", "platform", "child"),
    [
        (MULTI, "linux/amd64", AMD64),
        (MULTI, "linux/arm64", ARM64),
        (MULTI, "linux/arm64/v8", ARM64),
        (LIST, "linux/amd64", DOCKER_AMD64),
        (LIST, "linux/arm64", DOCKER_ARM64),
        (ATTESTED, "linux/amd64", AMD64),
        (ATTESTED, "linux/arm64", ARM64),
        (ATTESTED_SINGLE, "linux/amd64", AMD64),
        (ONE_ENTRY, "linux/arm64", ARM64),
        (ARM_MIXED, "linux/arm/v6", ARM_V6),
        (ARM_MIXED, "linux/arm/v7", ARM_V7),
        (ARM_MIXED, "linux/arm64", ARM64_V8),
        (ARM64_SAME, "linux/arm64", ARM64),
        (WINDOWS_LIST, "linux/amd64", DOCKER_AMD64),
    ],
    ids=part_of_name,
)
def test_the_manifest_for_one_platform_is_that_of_the_image_which_skopeo_takes(
    stocked: DockerRegistry, image: Pushed, platform: str, child: bytes
) -> None:
    answer = resolve_image(stocked, image.image, platform, index_allowed=False)
    assert isinstance(answer, Resolved)
    assert answer.digest == Digest.of(child)
    assert answer.origin.index == image.digest
    skopeo = Skopeo(stocked)
    found = skopeo.raw(f"{REPOSITORY}@{answer.digest}")
    assert found == child
    taken = skopeo.config(image.image, Platform.parse(platform))
    assert json.loads(found)["config"]["digest"] == str(Digest.of(taken))


@pytest.mark.parametrize("image", [ATTESTED_SINGLE, ONE_ENTRY], ids=part_of_name)
def test_an_index_of_one_image_resolves_to_it_without_a_platform(stocked: DockerRegistry, image: Pushed) -> None:
    answer = resolve_image(stocked, image.image, index_allowed=False)
    assert isinstance(answer, Resolved)
    assert answer.digest == Digest.of(image.children[0][1])


@pytest.mark.parametrize(("version", "child"), [(WINDOWS_2019, OLD_WINDOWS), ("10.0.20348", WINDOWS)])
def test_the_version_of_windows_decides_between_images_for_it(
    stocked: DockerRegistry, version: str, child: bytes
) -> None:
    (answer,) = resolve_at(stocked, windows_lookup(stocked, WINDOWS_LIST, version))
    assert isinstance(answer, Resolved)
    assert answer.digest == Digest.of(child)
    assert Skopeo(stocked).raw(f"{REPOSITORY}@{answer.digest}") == child


def test_a_windows_image_is_the_right_one_by_its_config(stocked: DockerRegistry) -> None:
    (answer,) = resolve_at(stocked, windows_lookup(stocked, BY_TAG["windows"], "10.0.20348"))
    assert isinstance(answer, Resolved)
    assert answer.digest == Digest.of(WINDOWS)
    assert answer.platforms == (Platform("windows", "amd64", os_version=WINDOWS_2022),)


@pytest.mark.parametrize(
    ("image", "platform"),
    [(MULTI, "linux/arm64"), (ATTESTED, "linux/amd64"), (ARM64_TWICE, "linux/arm64"), (ARM_MIXED, "linux/arm/v7")],
    ids=part_of_name,
)
def test_where_an_index_may_be_pinned_it_is_once_the_platform_is_in_it(
    stocked: DockerRegistry, image: Pushed, platform: str
) -> None:
    answer = resolve_image(stocked, image.image, platform)
    assert isinstance(answer, Resolved)
    assert answer.digest == image.digest


@pytest.mark.parametrize(
    ("tag", "platform", "has"),
    [
        ("oci", "linux/amd64", Platform("linux", "amd64")),
        ("docker", "linux/amd64", Platform("linux", "amd64")),
        ("type-in-the-header-only", "linux/amd64", Platform("linux", "amd64")),
        ("arm64", "linux/arm64", Platform("linux", "arm64")),
        ("arm64", "linux/arm64/v8", Platform("linux", "arm64")),
        ("arm64-v8", "linux/arm64", Platform("linux", "arm64", "v8")),
        ("arm-v6", "linux/arm/v6", Platform("linux", "arm", "v6")),
        ("arm-v7", "linux/arm/v7", Platform("linux", "arm", "v7")),
        ("windows", "windows/amd64", Platform("windows", "amd64", os_version=WINDOWS_2022)),
    ],
)
def test_the_config_of_a_single_image_has_the_platform_that_skopeo_reads(
    stocked: DockerRegistry, tag: str, platform: str, has: Platform
) -> None:
    image = BY_TAG[tag]
    name = f"{stocked.host}/{image.image}"
    wanted = [lookup(name, platform, index_allowed=index_allowed) for index_allowed in (True, False)]
    for answer in resolve_at(stocked, *wanted):
        assert isinstance(answer, Resolved)
        assert answer.digest == image.digest
        assert answer.platforms == (has,)
    config = json.loads(Skopeo(stocked).config(image.image, has))
    assert [config.get(key, "") for key in ("os", "architecture", "variant", "os.version")] == list(has)
