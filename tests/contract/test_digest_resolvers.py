"""The contract of `DigestResolver`, which every source fulfils."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from contract.open_source import OpenSource
from contract.sources_under_test import SOURCES
from contract.stored_images import (
    AMD64,
    APP,
    APP_AGAIN,
    APP_LATEST,
    ARM64,
    ARM64_APP,
    DOCKER_APP,
    LONELY,
    LONELY_INDEX,
    MULTI,
    PI,
    PI_V7,
    STORED_IMAGES,
)
from image_pinner.core.images.lookups import ImageLookup, NotFound, Resolution, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import ImageReference
from image_pinner.sources.interface import Deadline
from support.images import StoredImage, single

LINUX_ARM64 = Platform("linux", "arm64")


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest) -> Iterator[OpenSource]:
    with SOURCES[request.param](STORED_IMAGES) as opened:
        yield opened


def lookup(
    source: OpenSource, name: str, platform: Platform | None = None, *, index_allowed: bool = True
) -> ImageLookup:
    return ImageLookup(ImageReference.parse(f"{source.registry}/{name}").canonical(), platform, index_allowed)


def resolve_all(source: OpenSource, *lookups: ImageLookup) -> Mapping[ImageLookup, Resolution]:
    return source.resolver.resolve_all(lookups, Deadline.after(20))


def resolve(
    source: OpenSource, name: str, platform: Platform | None = None, *, index_allowed: bool = True
) -> Resolution:
    requested = lookup(source, name, platform, index_allowed=index_allowed)
    answers = resolve_all(source, requested)
    assert list(answers) == [requested]
    return answers[requested]


def resolve_with_and_without_index(source: OpenSource, image: StoredImage, platform: Platform) -> list[Resolution]:
    """Resolve an image where an index is allowed, and where it is not."""
    name = f"{image.repository}:{image.tag}"
    lookups = [lookup(source, name, platform, index_allowed=index_allowed) for index_allowed in (True, False)]
    answers = resolve_all(source, *lookups)
    return [answers[requested] for requested in lookups]


def test_a_tag_that_does_not_exist_is_missing_and_named(source: OpenSource) -> None:
    answer = resolve(source, "team/app:no-such-tag")
    assert isinstance(answer, NotFound)
    assert "no-such-tag" in answer.cause
    assert "team/app" in answer.cause
    assert answer.help


def test_a_repository_that_does_not_exist_is_missing_and_named(source: OpenSource) -> None:
    answer = resolve(source, "team/no-such-app:1.4")
    assert isinstance(answer, NotFound)
    assert "team/no-such-app" in answer.cause
    assert answer.help


def test_a_digest_that_does_not_exist_is_missing_and_named(source: OpenSource) -> None:
    answer = resolve(source, f"team/app@{DOCKER_APP.digest}")
    assert isinstance(answer, NotFound)
    assert DOCKER_APP.digest in answer.cause
    assert "has no image with th" in answer.cause
    assert answer.help


def test_a_digest_in_a_repository_that_does_not_exist_is_missing_and_named(source: OpenSource) -> None:
    answer = resolve(source, f"team/no-such-app@{APP.digest}")
    assert isinstance(answer, NotFound)
    assert "team/no-such-app" in answer.cause
    assert answer.help


def test_a_digest_of_an_image_for_another_platform_is_unsuitable(source: OpenSource) -> None:
    for image in (APP, MULTI):
        answer = resolve(source, f"{image.repository}@{image.digest}", Platform("windows", "amd64"))
        assert isinstance(answer, Unsuitable)
        assert "windows/amd64" in answer.cause


def test_after_the_deadline_every_lookup_is_unavailable(source: OpenSource) -> None:
    lookups = [lookup(source, name) for name in ("team/app:1.4", "team/multi:2.0", "team/no-such-app:1")]
    answers = source.resolver.resolve_all(lookups, Deadline.after(0))
    assert list(answers) == lookups
    assert all(isinstance(answer, Unavailable) and answer.cause and answer.help for answer in answers.values())


@pytest.mark.parametrize("index_allowed", [True, False])
def test_a_platform_that_an_index_does_not_offer_is_unsuitable(source: OpenSource, *, index_allowed: bool) -> None:
    answer = resolve(source, "team/multi:2.0", Platform("windows", "amd64"), index_allowed=index_allowed)
    assert isinstance(answer, Unsuitable)
    assert "windows/amd64" in answer.cause
    assert "linux/amd64, linux/arm64/v8" in answer.cause


@pytest.mark.parametrize(
    ("image", "platform", "offered"),
    [
        (APP, LINUX_ARM64, "linux/amd64"),
        (DOCKER_APP, Platform("windows", "amd64"), "linux/amd64"),
        (ARM64_APP, Platform("linux", "arm64", "v9"), "linux/arm64"),
    ],
    ids=str,
)
def test_a_single_image_for_another_platform_is_unsuitable_and_its_platform_is_named(
    source: OpenSource, image: StoredImage, platform: Platform, offered: str
) -> None:
    for answer in resolve_with_and_without_index(source, image, platform):
        assert isinstance(answer, Unsuitable)
        assert f"is for {offered} only" in answer.cause
        assert f"not for {platform}" in answer.cause


def test_a_platform_is_required_where_an_index_is_not_allowed(source: OpenSource) -> None:
    answer = resolve(source, "team/multi:2.0", index_allowed=False)
    assert isinstance(answer, Unsuitable)
    assert "Platform" in answer.help


def test_two_manifests_for_one_platform_are_ambiguous(source: OpenSource) -> None:
    answer = resolve(source, "team/pi:bullseye", Platform("linux", "arm"), index_allowed=False)
    assert isinstance(answer, Unsuitable)
    assert "linux/arm/v6" in answer.cause
    assert PI_V7.digest in answer.cause


def test_a_missing_image_does_not_affect_the_others(source: OpenSource) -> None:
    good, bad, worse = (lookup(source, name) for name in ("team/app:1.4", "team/app:gone", "nowhere/app:1"))
    answers = resolve_all(source, bad, good, worse)
    assert {requested: type(answer) for requested, answer in answers.items()} == {
        bad: NotFound,
        good: Resolved,
        worse: NotFound,
    }


def test_tags_and_digests_of_one_repository_do_not_affect_each_other(source: OpenSource) -> None:
    names = {
        f"team/app@{MULTI.digest}": None,
        f"team/app@{APP.digest}": APP,
        "team/app:1.4": APP,
        "team/app:gone": None,
        f"team/app@{ARM64_APP.digest}": ARM64_APP,
        "team/app:latest": APP_LATEST,
        f"team/app@{DOCKER_APP.digest}": None,
    }
    answers = resolve_all(source, *(lookup(source, name) for name in names))
    digests = [answer.digest.text if isinstance(answer, Resolved) else type(answer) for answer in answers.values()]
    assert digests == [image.digest if image else NotFound for image in names.values()]


def test_no_lookups_return_no_results(source: OpenSource) -> None:
    assert resolve_all(source) == {}


@pytest.mark.parametrize("image", [APP, APP_AGAIN, APP_LATEST, DOCKER_APP, MULTI, LONELY_INDEX, PI], ids=str)
def test_a_tag_resolves_to_the_hash_of_its_manifest(source: OpenSource, image: StoredImage) -> None:
    answer = resolve(source, f"{image.repository}:{image.tag}")
    assert isinstance(answer, Resolved)
    assert answer.digest.text == image.digest
    assert answer.media_type == image.media_type
    assert answer.origin.index is None
    assert answer.origin.request


def test_a_reference_without_a_tag_means_latest(source: OpenSource) -> None:
    answer = resolve(source, "team/app")
    assert isinstance(answer, Resolved)
    assert answer.digest.text == APP_LATEST.digest


def test_an_index_that_offers_the_platform_is_resolved_to_its_own_digest(source: OpenSource) -> None:
    answer = resolve(source, "team/multi:2.0", LINUX_ARM64)
    assert isinstance(answer, Resolved)
    assert answer.digest.text == MULTI.digest
    assert answer.platforms == (Platform("linux", "amd64"), Platform("linux", "arm64", "v8"))
    assert answer.warnings == ()


@pytest.mark.parametrize(("platform", "child"), [(LINUX_ARM64, ARM64), (Platform("linux", "amd64"), AMD64)], ids=str)
def test_where_an_index_is_not_allowed_the_manifest_of_the_platform_is_used(
    source: OpenSource, platform: Platform, child: StoredImage
) -> None:
    answer = resolve(source, "team/multi:2.0", platform, index_allowed=False)
    assert isinstance(answer, Resolved)
    assert (answer.digest.text, answer.media_type) == (child.digest, child.media_type)
    assert str(answer.origin.index) == MULTI.digest


def test_the_only_platform_of_an_index_is_used_by_default(source: OpenSource) -> None:
    answer = resolve(source, "team/lonely:1", index_allowed=False)
    assert isinstance(answer, Resolved)
    assert answer.digest.text == LONELY.digest


@pytest.mark.parametrize(
    ("image", "platform"),
    [
        (APP, Platform("linux", "amd64")),
        (DOCKER_APP, Platform("linux", "amd64")),
        (ARM64_APP, LINUX_ARM64),
        (ARM64_APP, Platform("linux", "arm64", "v8")),
    ],
    ids=str,
)
def test_a_single_image_for_the_platform_is_resolved_with_its_platform(
    source: OpenSource, image: StoredImage, platform: Platform
) -> None:
    for answer in resolve_with_and_without_index(source, image, platform):
        assert isinstance(answer, Resolved)
        assert (answer.digest.text, answer.media_type) == (image.digest, image.media_type)
        assert answer.platforms == (Platform(platform.os, platform.architecture),)
        assert answer.origin.index is None
        assert answer.warnings == ()


def test_each_lookup_of_a_tag_has_its_own_result(source: OpenSource) -> None:
    lookups = [
        lookup(source, "team/multi:2.0", platform, index_allowed=index_allowed)
        for platform in (None, LINUX_ARM64, Platform("linux", "amd64"))
        for index_allowed in (True, False)
    ]
    answers = resolve_all(source, *lookups)
    digests = [answer.digest.text if isinstance(answer, Resolved) else None for answer in answers.values()]
    assert list(answers) == lookups
    assert digests == [MULTI.digest, None, MULTI.digest, ARM64.digest, MULTI.digest, AMD64.digest]


def test_repeated_lookups_in_another_order_return_the_same_results(source: OpenSource) -> None:
    names = ("team/app:1.4", "team/app:stable", "team/app:gone", "my_app:AAA123", "team/pi:bullseye", "no/where:1")
    lookups = [lookup(source, name) for name in names]
    first, again = resolve_all(source, *lookups), resolve_all(source, *reversed(lookups))
    assert first == again


def test_a_moved_tag_has_another_digest_at_the_next_lookup(source: OpenSource) -> None:
    before = resolve(source, "team/app:1.4")
    moved = single("team/app", "1.4", "app 1.4, built again")
    source.push(moved)
    after = resolve(source, "team/app:1.4")
    assert isinstance(before, Resolved)
    assert isinstance(after, Resolved)
    assert (before.digest.text, after.digest.text) == (APP.digest, moved.digest)


def test_many_tags_of_one_repository_are_all_resolved(source: OpenSource) -> None:
    images = [single("team/busy", f"b{number}", f"build {number}") for number in range(230)]
    for image in images:
        source.push(image)
    lookups = {lookup(source, f"team/busy:{image.tag}"): image.digest for image in images}
    answers = resolve_all(source, *lookups)
    found = {requested: answer.digest.text for requested, answer in answers.items() if isinstance(answer, Resolved)}
    assert found == lookups


@pytest.mark.parametrize("image", [APP, MULTI, AMD64, DOCKER_APP, PI], ids=lambda image: image.digest[:14])
def test_a_digest_resolves_to_itself(source: OpenSource, image: StoredImage) -> None:
    answer = resolve(source, f"{image.repository}@{image.digest}")
    assert isinstance(answer, Resolved)
    assert (answer.digest.text, answer.media_type) == (image.digest, image.media_type)
    assert answer.origin.index is None
    assert answer.origin.request
    assert answer.warnings == ()


def test_a_digest_resolves_to_itself_after_its_tag_moved(source: OpenSource) -> None:
    moved = single("team/app", "1.4", "app 1.4, built again")
    source.push(moved)
    before, after, tag = (resolve(source, f"team/app{name}") for name in (f"@{APP.digest}", f"@{moved.digest}", ":1.4"))
    digests = [answer.digest.text for answer in (before, after, tag) if isinstance(answer, Resolved)]
    assert digests == [APP.digest, moved.digest, moved.digest]


@pytest.mark.parametrize(("index_allowed", "expected"), [(True, MULTI), (False, ARM64)], ids=["index", "manifest"])
def test_the_platform_of_an_index_is_found_by_its_digest(
    source: OpenSource, *, index_allowed: bool, expected: StoredImage
) -> None:
    answer = resolve(source, f"team/multi@{MULTI.digest}", LINUX_ARM64, index_allowed=index_allowed)
    assert isinstance(answer, Resolved)
    assert answer.digest.text == expected.digest


def test_the_platform_of_a_single_image_is_found_by_its_digest(source: OpenSource) -> None:
    answer = resolve(source, f"team/app@{ARM64_APP.digest}", LINUX_ARM64)
    assert isinstance(answer, Resolved)
    assert answer.digest.text == ARM64_APP.digest
    assert answer.platforms == (LINUX_ARM64,)


def test_lookups_of_one_digest_share_one_request(source: OpenSource) -> None:
    lookups = [lookup(source, f"team/app@{APP.digest}", index_allowed=allowed) for allowed in (True, False)]
    before = source.call_stats.snapshot()
    answers = resolve_all(source, *lookups)
    assert [answer.digest.text for answer in answers.values() if isinstance(answer, Resolved)] == [APP.digest] * 2
    assert sum(source.call_stats.since(before).attempts.values()) <= 1
