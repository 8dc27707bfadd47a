"""What every source of digests does alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from contract.open_source import OpenSource
from contract.sources_under_test import SOURCES
from contract.stored_images import (
    AMD,
    APP,
    APP_AGAIN,
    APP_LATEST,
    ARM,
    ARM_APP,
    ARM_V7,
    DOCKER_APP,
    LONELY,
    LONELY_INDEX,
    MULTI,
    PI,
    WORLD,
)
from image_pinner.core.images.lookups import ImageLookup, NotFound, Resolution, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import ImageReference
from image_pinner.sources.interface import Deadline
from support.images import StoredImage, single

LINUX_ARM = Platform("linux", "arm64")


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest) -> Iterator[OpenSource]:
    with SOURCES[request.param](WORLD) as opened:
        yield opened


def lookup(
    source: OpenSource, name: str, platform: Platform | None = None, *, index_allowed: bool = True
) -> ImageLookup:
    return ImageLookup(ImageReference.parse(f"{source.registry}/{name}").canonical(), platform, index_allowed)


def resolve_all(source: OpenSource, *lookups: ImageLookup) -> Mapping[ImageLookup, Resolution]:
    return source.resolver.resolve_all(lookups, Deadline.after(20))


def ask(source: OpenSource, name: str, platform: Platform | None = None, *, index_allowed: bool = True) -> Resolution:
    asked = lookup(source, name, platform, index_allowed=index_allowed)
    answers = resolve_all(source, asked)
    assert list(answers) == [asked]
    return answers[asked]


def ask_both_ways(source: OpenSource, image: StoredImage, platform: Platform) -> list[Resolution]:
    """Ask where an index may be the answer, and where it may not."""
    name = f"{image.repository}:{image.tag}"
    lookups = [lookup(source, name, platform, index_allowed=index_allowed) for index_allowed in (True, False)]
    answers = resolve_all(source, *lookups)
    return [answers[asked] for asked in lookups]


def test_a_tag_that_does_not_exist_is_missing_and_named(source: OpenSource) -> None:
    answer = ask(source, "team/app:no-such-tag")
    assert isinstance(answer, NotFound)
    assert "no-such-tag" in answer.cause
    assert "team/app" in answer.cause
    assert answer.help


def test_a_repository_that_does_not_exist_is_missing_and_named(source: OpenSource) -> None:
    answer = ask(source, "team/no-such-app:1.4")
    assert isinstance(answer, NotFound)
    assert "team/no-such-app" in answer.cause
    assert answer.help


def test_when_the_time_is_up_every_question_is_answered_all_the_same(source: OpenSource) -> None:
    lookups = [lookup(source, name) for name in ("team/app:1.4", "team/multi:2.0", "team/no-such-app:1")]
    answers = source.resolver.resolve_all(lookups, Deadline.after(0))
    assert list(answers) == lookups
    assert all(isinstance(answer, Unavailable) and answer.cause and answer.help for answer in answers.values())


@pytest.mark.parametrize("index_allowed", [True, False])
def test_a_platform_that_an_index_does_not_offer_does_not_fit(source: OpenSource, *, index_allowed: bool) -> None:
    answer = ask(source, "team/multi:2.0", Platform("windows", "amd64"), index_allowed=index_allowed)
    assert isinstance(answer, Unsuitable)
    assert "windows/amd64" in answer.cause
    assert "linux/amd64, linux/arm64/v8" in answer.cause


@pytest.mark.parametrize(
    ("image", "platform", "offered"),
    [
        (APP, LINUX_ARM, "linux/amd64"),
        (DOCKER_APP, Platform("windows", "amd64"), "linux/amd64"),
        (ARM_APP, Platform("linux", "arm64", "v9"), "linux/arm64"),
    ],
    ids=str,
)
def test_a_single_image_for_another_platform_does_not_fit_and_what_it_offers_is_named(
    source: OpenSource, image: StoredImage, platform: Platform, offered: str
) -> None:
    for answer in ask_both_ways(source, image, platform):
        assert isinstance(answer, Unsuitable)
        assert f"is for {offered} only" in answer.cause
        assert f"{platform} is wanted" in answer.cause


def test_an_index_that_cannot_be_the_answer_needs_a_platform(source: OpenSource) -> None:
    answer = ask(source, "team/multi:2.0", index_allowed=False)
    assert isinstance(answer, Unsuitable)
    assert "Platform" in answer.help


def test_two_manifests_for_one_platform_are_not_chosen_between(source: OpenSource) -> None:
    answer = ask(source, "team/pi:bullseye", Platform("linux", "arm"), index_allowed=False)
    assert isinstance(answer, Unsuitable)
    assert "linux/arm/v6" in answer.cause
    assert ARM_V7.digest in answer.cause


def test_one_bad_image_among_good_ones_spoils_none(source: OpenSource) -> None:
    good, bad, worse = (lookup(source, name) for name in ("team/app:1.4", "team/app:gone", "nowhere/app:1"))
    answers = resolve_all(source, bad, good, worse)
    assert {asked: type(answer) for asked, answer in answers.items()} == {
        bad: NotFound,
        good: Resolved,
        worse: NotFound,
    }


def test_no_question_no_answer(source: OpenSource) -> None:
    assert resolve_all(source) == {}


@pytest.mark.parametrize("image", [APP, APP_AGAIN, APP_LATEST, DOCKER_APP, MULTI, LONELY_INDEX, PI], ids=str)
def test_a_tag_means_the_hash_of_the_manifest_it_points_to(source: OpenSource, image: StoredImage) -> None:
    answer = ask(source, f"{image.repository}:{image.tag}")
    assert isinstance(answer, Resolved)
    assert answer.digest.text == image.digest
    assert answer.media_type == image.media_type
    assert answer.origin.index is None
    assert answer.origin.request


def test_a_reference_without_a_tag_means_latest(source: OpenSource) -> None:
    answer = ask(source, "team/app")
    assert isinstance(answer, Resolved)
    assert answer.digest.text == APP_LATEST.digest


def test_an_index_that_offers_the_platform_is_the_answer(source: OpenSource) -> None:
    answer = ask(source, "team/multi:2.0", LINUX_ARM)
    assert isinstance(answer, Resolved)
    assert answer.digest.text == MULTI.digest
    assert answer.platforms == (Platform("linux", "amd64"), Platform("linux", "arm64", "v8"))
    assert answer.warnings == ()


@pytest.mark.parametrize(("platform", "child"), [(LINUX_ARM, ARM), (Platform("linux", "amd64"), AMD)], ids=str)
def test_where_no_index_may_stand_the_platforms_own_manifest_is_the_answer(
    source: OpenSource, platform: Platform, child: StoredImage
) -> None:
    answer = ask(source, "team/multi:2.0", platform, index_allowed=False)
    assert isinstance(answer, Resolved)
    assert (answer.digest.text, answer.media_type) == (child.digest, child.media_type)
    assert str(answer.origin.index) == MULTI.digest


def test_the_only_platform_of_an_index_needs_no_name(source: OpenSource) -> None:
    answer = ask(source, "team/lonely:1", index_allowed=False)
    assert isinstance(answer, Resolved)
    assert answer.digest.text == LONELY.digest


@pytest.mark.parametrize(
    ("image", "platform"),
    [
        (APP, Platform("linux", "amd64")),
        (DOCKER_APP, Platform("linux", "amd64")),
        (ARM_APP, LINUX_ARM),
        (ARM_APP, Platform("linux", "arm64", "v8")),
    ],
    ids=str,
)
def test_a_single_image_for_the_platform_is_the_answer_and_its_platform_is_told(
    source: OpenSource, image: StoredImage, platform: Platform
) -> None:
    for answer in ask_both_ways(source, image, platform):
        assert isinstance(answer, Resolved)
        assert (answer.digest.text, answer.media_type) == (image.digest, image.media_type)
        assert answer.platforms == (Platform(platform.os, platform.architecture),)
        assert answer.origin.index is None
        assert answer.warnings == ()


def test_one_tag_has_an_answer_for_every_question_about_it(source: OpenSource) -> None:
    lookups = [
        lookup(source, "team/multi:2.0", platform, index_allowed=index_allowed)
        for platform in (None, LINUX_ARM, Platform("linux", "amd64"))
        for index_allowed in (True, False)
    ]
    answers = resolve_all(source, *lookups)
    digests = [answer.digest.text if isinstance(answer, Resolved) else None for answer in answers.values()]
    assert list(answers) == lookups
    assert digests == [MULTI.digest, None, MULTI.digest, ARM.digest, MULTI.digest, AMD.digest]


def test_asking_again_and_in_another_order_gives_the_same(source: OpenSource) -> None:
    names = ("team/app:1.4", "team/app:stable", "team/app:gone", "my_app:AAA123", "team/pi:bullseye", "no/where:1")
    lookups = [lookup(source, name) for name in names]
    first, again = resolve_all(source, *lookups), resolve_all(source, *reversed(lookups))
    assert first == again


def test_a_tag_that_moved_has_another_digest_at_the_next_call(source: OpenSource) -> None:
    before = ask(source, "team/app:1.4")
    moved = single("team/app", "1.4", "app 1.4, built again")
    source.push(moved)
    after = ask(source, "team/app:1.4")
    assert isinstance(before, Resolved)
    assert isinstance(after, Resolved)
    assert (before.digest.text, after.digest.text) == (APP.digest, moved.digest)


def test_many_tags_of_one_repository_are_all_answered(source: OpenSource) -> None:
    images = [single("team/busy", f"b{number}", f"build {number}") for number in range(230)]
    for image in images:
        source.push(image)
    lookups = {lookup(source, f"team/busy:{image.tag}"): image.digest for image in images}
    answers = resolve_all(source, *lookups)
    found = {asked: answer.digest.text for asked, answer in answers.items() if isinstance(answer, Resolved)}
    assert found == lookups
