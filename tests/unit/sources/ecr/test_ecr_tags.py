"""DescribeImages: one missing tag fails a request for a hundred, and an archived image looks like a missing one."""

from __future__ import annotations

import math

import pytest

from image_pinner.core.images.ecr import EcrRepository
from image_pinner.core.images.lookups import NotFound, Unavailable, Unsuitable
from image_pinner.sources.aws.errors import aws_faults
from image_pinner.sources.ecr.client import FoundImage, ImageResult, OutOfTimeError, RepositoryClient, describe_images
from image_pinner.sources.interface import Deadline
from support.aws import ACCOUNT, FakeEcr, RefusedError, image

REPOSITORY = EcrRepository(ACCOUNT, "us-east-1", "team/app")
TAGS = [f"t{number}" for number in range(100)]


def ecr(*missing: str, **more: object) -> FakeEcr:
    return FakeEcr({"team/app": {tag: image(tag) for tag in TAGS if tag not in missing}}, **more)  # type: ignore[arg-type]


def describe(fake: FakeEcr, tags: list[str] | None = None, deadline: Deadline | None = None) -> dict[str, ImageResult]:
    client = fake.client("ecr", region_name="us-east-1")
    return describe_images(RepositoryClient(client, REPOSITORY, deadline or Deadline.after(20)), tags or TAGS)


def missing_in(findings: dict[str, ImageResult]) -> set[str]:
    assert sorted(findings) == sorted(TAGS)
    assert all(isinstance(finding, FoundImage | NotFound | Unsuitable) for finding in findings.values())
    return {tag for tag, finding in findings.items() if isinstance(finding, NotFound)}


@pytest.mark.parametrize("code", ["AccessDeniedException", "RepositoryNotFoundException", "InvalidParameterException"])
def test_errors_about_the_whole_repository_are_raised(code: str) -> None:
    with pytest.raises(aws_faults(), match=code):
        describe(ecr(refusals={"DescribeImages": RefusedError(code)}))


def test_no_request_is_sent_after_the_deadline() -> None:
    fake = ecr()
    with pytest.raises(OutOfTimeError):
        describe(fake, deadline=Deadline.after(0))
    assert fake.calls == []


def test_the_deadline_ends_a_search_for_missing_tags() -> None:
    now = [0.0]
    fake = ecr(*TAGS)
    fake.before = lambda _action: now.__setitem__(0, now[0] + 1)
    with pytest.raises(OutOfTimeError):
        describe(fake, deadline=Deadline.after(5, clock=lambda: now[0]))
    assert len(fake.calls) == 5


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_each_missing_tag_needs_one_more_request_and_the_first_another_for_the_archive(count: int) -> None:
    missing = TAGS[::-1][:count]
    fake = ecr(*missing)
    assert missing_in(describe(fake)) == set(missing)
    last = 1 if count < len(TAGS) else 0
    assert len(fake.calls) == 1 + count + last


def test_without_the_status_filter_each_missing_tag_needs_one_more_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(RepositoryClient, "can_filter_by_status", lambda _self: False)
    fake = ecr("t3", "t77")
    assert missing_in(describe(fake)) == {"t3", "t77"}
    assert len(fake.calls) == 3
    assert not any("filter" in request for _, request in fake.calls)


def test_a_missing_tag_that_is_not_named_is_found_by_halving() -> None:
    fake = ecr("t3", names_the_missing=False)
    assert missing_in(describe(fake)) == {"t3"}
    assert len(fake.calls) <= 2 + 2 * math.ceil(math.log2(len(TAGS)))


def test_a_missing_tag_that_was_not_requested_is_ignored() -> None:
    message = "The image with imageId {imageDigest:'null', imageTag:'other'} does not exist"
    fake = ecr(refusals={"DescribeImages": RefusedError("ImageNotFoundException", message)})
    assert missing_in(describe(fake)) == set(TAGS)


def test_a_tag_that_is_on_no_page_is_not_reported_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RepositoryClient, "describe", lambda _self, _tags, **_: {})
    finding = describe(ecr())["t5"]
    assert isinstance(finding, Unavailable)
    assert "ecr:DescribeImages in us-east-1 returned nothing about 't5'" in finding.cause


def test_an_archived_image_is_reported_with_the_command_that_restores_it() -> None:
    fake = ecr("t9")
    fake.images["team/app"]["t5"].status = "ARCHIVED"
    findings = describe(fake)
    assert missing_in(findings) == {"t9"}
    archived = findings["t5"]
    assert isinstance(archived, Unsuitable)
    assert "has the status ARCHIVED and cannot be pulled" in archived.cause
    assert archived.help == (
        "restore it: aws ecr update-image-storage-class --target-storage-class STANDARD --region us-east-1 "
        "--registry-id 111122223333 --repository-name team/app --image-id imageTag=t5"
    )


def test_an_image_being_restored_is_reported() -> None:
    fake = ecr()
    fake.images["team/app"]["t5"].status = "ACTIVATING"
    finding = describe(fake)["t5"]
    assert isinstance(finding, Unsuitable)
    assert "being restored" in finding.cause


def test_if_ecr_rejects_the_filter_the_tags_are_found_without_it() -> None:
    fake = ecr("t3", "t4", supports_the_filter=False)
    assert missing_in(describe(fake)) == {"t3", "t4"}
    assert sum("filter" in request for _, request in fake.calls) == 1


@pytest.mark.parametrize("digest", ["sha512:" + "a" * 128, "sha256:abc"])
def test_a_digest_that_cannot_be_pinned_is_refused(digest: str) -> None:
    fake = ecr()
    fake.images["team/app"]["t1"].digest = digest
    finding = describe(fake)["t1"]
    assert isinstance(finding, Unavailable)
    assert "no digest that can be pinned" in finding.cause


def test_pages_are_followed_until_all_is_found() -> None:
    fake = ecr(page_size=40)
    assert missing_in(describe(fake)) == set()
    assert [request.get("nextToken") for _, request in fake.calls] == [None, "40", "80"]


def test_all_tags_of_one_image_are_found_in_one_detail() -> None:
    fake = FakeEcr({"team/app": {tag: image("the same") for tag in TAGS}})
    assert missing_in(describe(fake)) == set()
    assert len(fake.calls) == 1
