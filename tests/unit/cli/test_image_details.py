"""The tags and the age of images, which only ECR records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from botocore.exceptions import ConnectTimeoutError

from image_pinner.cli.image_details import EcrImageDetails, ImageDetails
from image_pinner.core.images.lookups import Unavailable
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.settings import Settings
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.interface import Deadline
from support.aws import FakeEcr, RefusedError, image
from support.images import digest_of

HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
PUSHED = datetime(2026, 11, 1, 2, 30, tzinfo=timezone(timedelta(hours=2)))


def reference(digest: str, repository: str = "app", host: str = HOST) -> ImageReference:
    return ImageReference(host, repository, "", Digest(digest)).canonical()


def read(
    ecr: FakeEcr, *images: ImageReference, seconds: float = 20
) -> dict[ImageReference, ImageDetails | Unavailable]:
    source = EcrImageDetails(Settings(), "eu-west-1", AwsClients(lambda: ecr))
    return dict(source.read_details(images, Deadline.after(seconds)))


@pytest.fixture
def ecr() -> FakeEcr:
    current, old = image("new", pushed_at=PUSHED), image("old")
    return FakeEcr({"app": {"1.1": current, "latest": current, old.digest: old}})


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (RefusedError("AccessDeniedException", "no"), "ecr:DescribeImages"),
        (RefusedError("ThrottlingException", "Rate exceeded"), "throttled"),
        (ConnectTimeoutError(endpoint_url="https://api.ecr"), "ECR in eu-west-1"),
    ],
)
def test_a_failure_is_a_result_with_its_cause(error: Exception, cause: str, ecr: FakeEcr) -> None:
    ecr.refusals["DescribeImages"] = error
    wanted = reference(ecr.images["app"]["1.1"].digest)
    found = read(ecr, wanted)[wanted]
    assert isinstance(found, Unavailable)
    assert cause in found.cause


def test_an_image_that_is_missing_does_not_hide_the_others(ecr: FakeEcr) -> None:
    missing, there = reference(str(digest_of("a"))), reference(ecr.images["app"]["1.1"].digest)
    found = read(ecr, missing, there)
    assert isinstance(found[missing], Unavailable)
    assert found[there] == ImageDetails(("1.1", "latest"), "2026-11-01T00:30:00Z")


def test_a_repository_that_is_missing_or_not_valid_is_a_result(ecr: FakeEcr) -> None:
    digest = ecr.images["app"]["1.1"].digest
    found = read(ecr, reference(digest, "gone"), reference(digest, "a"))
    assert [isinstance(result, Unavailable) and "ECR" in result.cause for result in found.values()] == [True, True]


def test_after_the_deadline_nothing_is_requested(ecr: FakeEcr) -> None:
    wanted = reference(ecr.images["app"]["1.1"].digest)
    found = read(ecr, wanted, seconds=0)[wanted]
    assert isinstance(found, Unavailable)
    assert "did not respond" in found.cause
    assert ecr.calls == []


def test_an_untagged_image_has_no_tags_and_a_time_may_be_missing(ecr: FakeEcr) -> None:
    digest = next(name for name in ecr.images["app"] if name.startswith("sha256:"))
    assert read(ecr, reference(digest)) == {reference(digest): ImageDetails((), "")}


def test_one_request_reads_a_hundred_images_of_a_repository(ecr: FakeEcr) -> None:
    images = [image(str(number), pushed_at=PUSHED.astimezone(UTC)) for number in range(101)]
    ecr.images["app"] = {f"t{number}": each for number, each in enumerate(images)}
    found = read(ecr, *(reference(each.digest) for each in images))
    assert all(isinstance(result, ImageDetails) for result in found.values())
    assert [len(request["imageIds"]) for _, request in sorted(ecr.calls, key=str)] in ([100, 1], [1, 100])


def test_other_registries_record_no_details(ecr: FakeEcr) -> None:
    elsewhere, there = reference(str(digest_of("a")), host="docker.io"), reference(ecr.images["app"]["1.1"].digest)
    found = read(ecr, elsewhere, there)
    assert found[elsewhere] == Unavailable("only ECR records it", "")
    assert isinstance(found[there], ImageDetails)
