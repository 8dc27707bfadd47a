"""Images of every shape in the real registry: the digest is the one that skopeo computes, or there is none."""

from __future__ import annotations

import pytest

from image_pinner.core.images.lookups import Origin, Resolved, Unsuitable
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest
from registry.pushed_images import (
    AMD64,
    AMD64_TWICE,
    ARM64,
    ARM64_TWICE,
    ARM64_V8,
    ARM_MIXED,
    ARM_V6,
    ARM_V7,
    ARTIFACT,
    ATTESTED,
    CHART_TYPE,
    EMPTY_INDEX,
    EMPTY_LIST,
    EMPTY_TYPE,
    HELM_CHART,
    IMAGES,
    LIST,
    MULTI,
    NESTED,
    OLD_WINDOWS,
    ONLY_ATTESTATIONS,
    REPOSITORY,
    SECOND,
    SINGLE,
    WINDOWS,
    WINDOWS_2019,
    WINDOWS_2022,
    WINDOWS_LIST,
    Pushed,
    part_of_name,
)
from registry.registry_lookups import resolve_image
from registry.skopeo import Skopeo
from support.registry_program import DockerRegistry

pytestmark = pytest.mark.registry


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (EMPTY_INDEX, "the index {} lists no image"),
        (EMPTY_LIST, "the index {} lists no image"),
        (ONLY_ATTESTATIONS, "the index {} lists no image"),
        (NESTED, "the index {} lists further indexes, which not every runtime opens"),
        (HELM_CHART, f"it is not a container image: the media type of its config is '{CHART_TYPE}'"),
        (ARTIFACT, f"it is not a container image: the media type of its config is '{EMPTY_TYPE}'"),
    ],
    ids=part_of_name,
)
@pytest.mark.parametrize("index_allowed", [True, False], ids=["index", "no-index"])
def test_an_artifact_is_refused_with_its_reason(
    stocked: DockerRegistry, image: Pushed, reason: str, *, index_allowed: bool
) -> None:
    answer = resolve_image(stocked, image.image, index_allowed=index_allowed)
    assert isinstance(answer, Unsuitable)
    assert reason.format(image.digest) in answer.cause
    assert answer.help


@pytest.mark.parametrize("image", [EMPTY_INDEX, ONLY_ATTESTATIONS, NESTED, HELM_CHART, ARTIFACT], ids=part_of_name)
def test_an_artifact_is_refused_for_a_platform_too(stocked: DockerRegistry, image: Pushed) -> None:
    answer = resolve_image(stocked, image.image, "linux/amd64")
    assert isinstance(answer, Unsuitable)


@pytest.mark.parametrize(
    ("image", "platform", "first", "second"),
    [
        (AMD64_TWICE, "linux/amd64", AMD64, SECOND),
        (ARM64_TWICE, "linux/arm64", ARM64, ARM64_V8),
        (ARM64_TWICE, "linux/arm64/v8", ARM64, ARM64_V8),
        (ARM_MIXED, "linux/arm", ARM_V6, ARM_V7),
        (WINDOWS_LIST, "windows/amd64", OLD_WINDOWS, WINDOWS),
        (MULTI, "", AMD64, ARM64),
    ],
    ids=part_of_name,
)
def test_where_one_image_is_to_be_chosen_and_several_fit_all_are_shown(
    stocked: DockerRegistry, image: Pushed, platform: str, first: bytes, second: bytes
) -> None:
    answer = resolve_image(stocked, image.image, platform, index_allowed=False)
    assert isinstance(answer, Unsuitable)
    assert str(image.digest) in answer.cause
    assert str(Digest.of(first)) in answer.cause
    assert str(Digest.of(second)) in answer.cause
    assert "Platform=linux/" in answer.help


@pytest.mark.parametrize("image", IMAGES, ids=part_of_name)
def test_each_image_has_the_digest_that_skopeo_computes(stocked: DockerRegistry, image: Pushed) -> None:
    answer = resolve_image(stocked, image.image)
    assert isinstance(answer, Resolved)
    assert answer.digest == image.digest == Digest.of(Skopeo(stocked).raw(image.image))
    assert answer.media_type == image.media_type
    assert answer.origin == Origin("registry", f"{stocked.url}/v2/{REPOSITORY}/manifests/{image.tag}")
    assert answer.warnings == ()


@pytest.mark.parametrize("image", [MULTI, LIST, ATTESTED, *SINGLE[:2]], ids=part_of_name)
def test_skopeo_computes_the_same_digest(stocked: DockerRegistry, image: Pushed) -> None:
    answer = resolve_image(stocked, image.image)
    assert isinstance(answer, Resolved)
    assert answer.digest == Skopeo(stocked).digest(image.image)


def test_no_tag_is_latest_for_skopeo_too(stocked: DockerRegistry) -> None:
    answer = resolve_image(stocked, REPOSITORY)
    assert isinstance(answer, Resolved)
    assert answer.digest == Digest.of(SECOND) == Digest.of(Skopeo(stocked).raw(REPOSITORY))


def test_a_tag_with_a_new_image_has_the_new_digest(stocked: DockerRegistry) -> None:
    digests = []
    for image in (SINGLE[0], MULTI, SINGLE[1]):
        stocked.push_manifest(REPOSITORY, image.manifest, image.media_type, tag="moving")
        answer = resolve_image(stocked, f"{REPOSITORY}:moving")
        assert isinstance(answer, Resolved)
        assert answer.digest == Digest.of(Skopeo(stocked).raw(f"{REPOSITORY}:moving"))
        digests.append(answer.digest)
    assert digests == [SINGLE[0].digest, MULTI.digest, SINGLE[1].digest]


@pytest.mark.parametrize(
    ("image", "platforms"),
    [
        (MULTI, (Platform("linux", "amd64"), Platform("linux", "arm64"))),
        (ATTESTED, (Platform("linux", "amd64"), Platform("linux", "arm64"))),
        (LIST, (Platform("linux", "amd64"), Platform("linux", "arm64", "v8"))),
        (
            WINDOWS_LIST,
            (
                Platform("linux", "amd64"),
                Platform("windows", "amd64", os_version=WINDOWS_2019),
                Platform("windows", "amd64", os_version=WINDOWS_2022),
            ),
        ),
    ],
    ids=["multi", "attested", "list", "windows-list"],
)
def test_an_index_has_its_platforms_without_attestations(
    stocked: DockerRegistry, image: Pushed, platforms: tuple[Platform, ...]
) -> None:
    answer = resolve_image(stocked, image.image)
    assert isinstance(answer, Resolved)
    assert answer.platforms == platforms
