"""Pull-through caches: an image that is not cached yet is imported by its tag, if the configuration allows it."""

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
from support.aws import ACCOUNT, ARM64, ARN, FakeEcr, RefusedError, ecr_lookup, image, index_of, resolve, resolve_all


def cache(*, has_repository: bool = True, **more: object) -> FakeEcr:
    cached = {"team/app": {"cached": image("cached")}} if has_repository else {}
    upstream = {"team/app": {"1": image("upstream 1"), "2": image("upstream 2")}}
    return FakeEcr(cached, upstream=upstream, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("has_repository", [True, False])
def test_nothing_is_imported_by_default_and_the_setting_is_named(*, has_repository: bool) -> None:
    ecr = cache(has_repository=has_repository)
    answer = resolve(ecr, "team/app:1")
    assert isinstance(answer, NotFound)
    assert "pull the image once by its tag" in answer.help
    assert "IMAGE_PINNER_PULL_THROUGH=true" in answer.help
    assert ecr.count("BatchGetImage") == 0


def test_a_tag_that_upstream_does_not_have_is_not_found() -> None:
    answer = resolve(cache(), "team/app:3", pull_through=True)
    assert isinstance(answer, NotFound)
    assert answer.cause == (
        f"the ECR repository 'team/app' in us-east-1 of account {ACCOUNT} has no tag '3', "
        "and requesting it by tag did not import it"
    )
    assert "IMAGE_PINNER_PULL_THROUGH" not in answer.help


def test_a_repository_that_no_cache_rule_covers_is_not_found() -> None:
    answer = resolve(FakeEcr({}), "team/app:1", pull_through=True)
    assert isinstance(answer, NotFound)
    assert "requesting its image by tag did not create it" in answer.cause
    assert "if a rule covers the repository" in answer.help


@pytest.mark.parametrize("action", ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository", "ecr:BatchGetImage"])
def test_a_denied_import_names_the_action_that_is_denied_and_all_that_are_needed(action: str) -> None:
    message = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/macro/x is not authorized to perform: {action} on resource: {ARN}"
    )
    answer = resolve(
        cache(refusals={"BatchGetImage": RefusedError("AccessDeniedException", message)}),
        "team/app:1",
        pull_through=True,
    )
    assert isinstance(answer, Unavailable)
    assert answer.cause == f"{action} is denied on {ARN}"
    for needed in ("ecr:BatchGetImage", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"):
        assert needed in answer.help


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("UpstreamAccessDenied", "upstream denied access"),
        ("UpstreamTooManyRequests", "upstream throttled the request"),
        ("UpstreamUnavailable", "upstream did not respond"),
        ("KmsError", "cannot be decrypted"),
        ("InvalidImageTag", "is not a valid tag in ECR"),
        ("ImageInaccessible", "archived"),
    ],
)
def test_a_failed_import_is_reported_by_its_code(code: str, expected: str) -> None:
    ecr = cache(failures={"1": {"failureCode": code, "failureReason": "ECR's own words."}})
    answer = resolve(ecr, "team/app:1", pull_through=True)
    assert isinstance(answer, Unavailable)
    assert expected in answer.cause


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("UnableToGetUpstreamImageException", "cannot get the image from upstream: ECR's own words"),
        ("LimitExceededException", "throttled the request"),
        ("ServerException", "failed with an internal error"),
    ],
)
def test_an_import_that_fails_as_a_whole_is_reported_with_its_reason(code: str, expected: str) -> None:
    ecr = cache(refusals={"BatchGetImage": RefusedError(code, "ECR's own words.")})
    cached, imported = resolve_all(ecr, [ecr_lookup("team/app:cached"), ecr_lookup("team/app:1")], pull_through=True)
    assert isinstance(cached, Resolved)
    assert isinstance(imported, Unavailable)
    assert expected in imported.cause


def test_an_archived_image_is_not_imported_again() -> None:
    ecr = cache()
    ecr.images["team/app"]["1"] = image("archived", status="ARCHIVED")
    answer = resolve(ecr, "team/app:1", pull_through=True)
    assert isinstance(answer, Unsuitable)
    assert ecr.count("BatchGetImage") == 0


def test_if_describe_images_is_denied_manifests_are_read_once() -> None:
    denied = RefusedError("AccessDeniedException", "not authorized to perform: ecr:DescribeImages")
    ecr = cache(refusals={"DescribeImages": denied})
    answer = resolve(ecr, "team/app:3", pull_through=True)
    assert isinstance(answer, NotFound | Unsuitable)
    assert [action for action, _ in ecr.calls] == ["DescribeImages", "BatchGetImage"]


def test_a_converted_manifest_is_refused_and_the_next_run_finds_the_image() -> None:
    ecr = cache()
    ecr.upstream["team/app"]["1"].converted = '{"converted": true}'
    first, second = (resolve(ecr, "team/app:1", pull_through=True) for _ in range(2))
    assert isinstance(first, Unavailable)
    assert first.help == "retry: the image is in ECR now"
    assert isinstance(second, Resolved)


@pytest.mark.parametrize("has_repository", [True, False])
def test_missing_tags_are_imported_with_one_request_and_hashed(*, has_repository: bool) -> None:
    ecr = cache(has_repository=has_repository)
    answers = resolve_all(ecr, [ecr_lookup("team/app:2"), ecr_lookup("team/app:1")], pull_through=True)
    assert all(isinstance(answer, Resolved) for answer in answers)
    expected = [ecr.upstream["team/app"][tag].digest for tag in ("2", "1")]
    assert [answer.digest.text for answer in answers if isinstance(answer, Resolved)] == expected
    answer = answers[0]
    assert isinstance(answer, Resolved)
    assert answer.origin == Origin("ecr", "ecr:BatchGetImage in us-east-1")
    (warning,) = answer.warnings
    assert "imported it through the pull-through cache" in warning
    ((_, request),) = [call for call in ecr.calls if call[0] == "BatchGetImage"]
    assert sorted(image_id["imageTag"] for image_id in request["imageIds"]) == ["1", "2"]
    assert request["registryId"] == ACCOUNT
    assert request["acceptedMediaTypes"] == list(ACCEPTED_MEDIA_TYPES)


def test_a_cached_image_is_not_requested_again() -> None:
    ecr = cache()
    cached, imported = resolve_all(ecr, [ecr_lookup("team/app:cached"), ecr_lookup("team/app:1")], pull_through=True)
    assert isinstance(cached, Resolved)
    assert cached.warnings == ()
    assert isinstance(imported, Resolved)
    ((_, request),) = [call for call in ecr.calls if call[0] == "BatchGetImage"]
    assert request["imageIds"] == [{"imageTag": "1"}]


def test_an_index_and_a_single_image_are_checked_for_their_platform_after_the_import() -> None:
    ecr = cache()
    ecr.upstream["team/app"]["multi"] = index_of(("linux/arm64", image("arm")), ("linux/amd64", image("amd")))
    lookups = [ecr_lookup(f"team/app:{tag}", ARM64) for tag in ("multi", "1")]
    multi, single = resolve_all(ecr, lookups, pull_through=True)
    assert isinstance(multi, Resolved)
    assert multi.media_type == OCI_INDEX
    assert multi.platforms == (Platform("linux", "amd64"), ARM64)
    assert isinstance(single, Resolved)
    assert single.platforms == (ARM64,)
    assert ecr.count("BatchGetImage") == 1
