"""Pull-through caches: an image that is not cached yet is imported by its tag, where the operator allows it."""

from __future__ import annotations

import pytest

from image_pinner.core.images.lookups import (
    ACCEPTED_MEDIA_TYPES,
    OCI_INDEX,
    NotFound,
    Origin,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.platforms import Platform
from support.aws import ACCOUNT, ARM, ARN, FakeEcr, RefusedError, ask, ask_all, ecr_question, image, index_of


def cache(*, has_repository: bool = True, **more: object) -> FakeEcr:
    cached = {"team/app": {"cached": image("cached")}} if has_repository else {}
    upstream = {"team/app": {"1": image("upstream 1"), "2": image("upstream 2")}}
    return FakeEcr(cached, upstream=upstream, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("has_repository", [True, False])
def test_without_the_operators_leave_nothing_is_imported_and_the_setting_is_named(*, has_repository: bool) -> None:
    ecr = cache(has_repository=has_repository)
    answer = ask(ecr, "team/app:1")
    assert isinstance(answer, NotFound)
    assert "must be pulled once by its tag before it can be pinned" in answer.help
    assert "IMAGE_PINNER_PULL_THROUGH=true" in answer.help
    assert ecr.count("BatchGetImage") == 0


def test_a_tag_that_upstream_has_not_either_is_missing() -> None:
    answer = ask(cache(), "team/app:3", pull_through=True)
    assert isinstance(answer, NotFound)
    assert answer.cause == (
        f"the ECR repository 'team/app' in us-east-1 of account {ACCOUNT} has no tag '3', "
        "and asking for it by tag imported none"
    )
    assert "IMAGE_PINNER_PULL_THROUGH" not in answer.help


def test_a_repository_that_no_cache_rule_covers_is_missing() -> None:
    answer = ask(FakeEcr({}), "team/app:1", pull_through=True)
    assert isinstance(answer, NotFound)
    assert "there is no ECR repository 'team/app'" in answer.cause
    assert "where a rule covers the repository" in answer.help


@pytest.mark.parametrize("action", ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository", "ecr:BatchGetImage"])
def test_a_denied_import_names_the_action_that_is_denied_and_all_that_are_needed(action: str) -> None:
    message = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/macro/x is not authorized to perform: {action} on resource: {ARN}"
    )
    answer = ask(
        cache(refusals={"BatchGetImage": RefusedError("AccessDeniedException", message)}),
        "team/app:1",
        pull_through=True,
    )
    assert isinstance(answer, Unavailable)
    assert answer.cause == f"{action} is denied on {ARN}"
    for needed in ("ecr:BatchGetImage", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"):
        assert needed in answer.help


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("UpstreamAccessDenied", "upstream denies access"),
        ("UpstreamTooManyRequests", "upstream is throttling"),
        ("UpstreamUnavailable", "upstream does not answer"),
        ("KmsError", "could not be decrypted"),
        ("InvalidImageTag", "is not a tag that ECR can have"),
        ("ImageInaccessible", "archived"),
    ],
)
def test_a_failed_import_keeps_the_words_of_its_code(code: str, said: str) -> None:
    ecr = cache(failures={"1": {"failureCode": code, "failureReason": "ECR's own words."}})
    answer = ask(ecr, "team/app:1", pull_through=True)
    assert isinstance(answer, Unavailable)
    assert said in answer.cause


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("UnableToGetUpstreamImageException", "could not get it from upstream: ECR's own words"),
        ("LimitExceededException", "is throttling"),
        ("ServerException", "failed on its own side"),
    ],
)
def test_an_import_that_is_refused_as_a_whole_is_told_with_its_reason(code: str, said: str) -> None:
    ecr = cache(refusals={"BatchGetImage": RefusedError(code, "ECR's own words.")})
    cached, imported = ask_all(ecr, [ecr_question("team/app:cached"), ecr_question("team/app:1")], pull_through=True)
    assert isinstance(cached, Resolved)
    assert isinstance(imported, Unavailable)
    assert said in imported.cause


def test_an_archived_image_is_not_imported_over() -> None:
    ecr = cache()
    ecr.images["team/app"]["1"] = image("archived", status="ARCHIVED")
    answer = ask(ecr, "team/app:1", pull_through=True)
    assert isinstance(answer, Unsuitable)
    assert ecr.count("BatchGetImage") == 0


def test_a_denied_describe_images_is_not_asked_around_twice() -> None:
    denied = RefusedError("AccessDeniedException", "not authorized to perform: ecr:DescribeImages")
    ecr = cache(refusals={"DescribeImages": denied})
    answer = ask(ecr, "team/app:3", pull_through=True)
    assert isinstance(answer, NotFound | Unsuitable)
    assert [action for action, _ in ecr.calls] == ["DescribeImages", "BatchGetImage"]


def test_a_converted_manifest_is_refused_and_the_next_run_finds_the_image() -> None:
    ecr = cache()
    ecr.upstream["team/app"]["1"].given = '{"converted": true}'
    first, second = (ask(ecr, "team/app:1", pull_through=True) for _ in range(2))
    assert isinstance(first, Unavailable)
    assert first.help == "Deploy again: the image is in ECR now"
    assert isinstance(second, Resolved)


@pytest.mark.parametrize("has_repository", [True, False])
def test_what_is_missing_is_imported_by_tag_with_one_call_and_its_hash_believed(*, has_repository: bool) -> None:
    ecr = cache(has_repository=has_repository)
    answers = ask_all(ecr, [ecr_question("team/app:2"), ecr_question("team/app:1")], pull_through=True)
    assert all(isinstance(answer, Resolved) for answer in answers)
    expected = [ecr.upstream["team/app"][tag].digest for tag in ("2", "1")]
    assert [answer.digest.text for answer in answers if isinstance(answer, Resolved)] == expected
    answer = answers[0]
    assert isinstance(answer, Resolved)
    assert answer.origin == Origin("ecr", "ecr:BatchGetImage in us-east-1")
    (warning,) = answer.warnings
    assert "imports it through the pull-through cache" in warning
    ((_, request),) = [call for call in ecr.calls if call[0] == "BatchGetImage"]
    assert sorted(image_id["imageTag"] for image_id in request["imageIds"]) == ["1", "2"]
    assert request["registryId"] == ACCOUNT
    assert request["acceptedMediaTypes"] == list(ACCEPTED_MEDIA_TYPES)


def test_what_is_cached_is_not_asked_for_again() -> None:
    ecr = cache()
    cached, imported = ask_all(ecr, [ecr_question("team/app:cached"), ecr_question("team/app:1")], pull_through=True)
    assert isinstance(cached, Resolved)
    assert cached.warnings == ()
    assert isinstance(imported, Resolved)
    ((_, request),) = [call for call in ecr.calls if call[0] == "BatchGetImage"]
    assert request["imageIds"] == [{"imageTag": "1"}]


def test_an_index_and_a_single_image_are_checked_for_their_platform_after_the_import() -> None:
    ecr = cache()
    ecr.upstream["team/app"]["multi"] = index_of(("linux/arm64", image("arm")), ("linux/amd64", image("amd")))
    lookups = [ecr_question(f"team/app:{tag}", ARM) for tag in ("multi", "1")]
    multi, single = ask_all(ecr, lookups, pull_through=True)
    assert isinstance(multi, Resolved)
    assert multi.media_type == OCI_INDEX
    assert multi.platforms == (Platform("linux", "amd64"), ARM)
    assert isinstance(single, Resolved)
    assert single.platforms == (ARM,)
    assert ecr.count("BatchGetImage") == 1
