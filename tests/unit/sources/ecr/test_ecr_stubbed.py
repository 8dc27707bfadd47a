"""The documented requests and responses of ECR, which botocore checks against its model of the service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.stub import Stubber

from image_pinner.core.images.lookups import (
    ACCEPTED_MEDIA_TYPES,
    OCI_MANIFEST,
    NotFound,
    Resolved,
    Unavailable,
)
from support.aws import ARM64, Image, ecr_lookup, image, resolve, resolve_all

OWNER = "444455556666"
NAME = f"{OWNER}.dkr.ecr.eu-west-1.amazonaws.com/team/app"
ARN = f"arn:aws:ecr:eu-west-1:{OWNER}:repository/team/app"
REPOSITORY = {"registryId": OWNER, "repositoryName": "team/app"}
DENIED = (
    f"User: arn:aws:sts::111122223333:assumed-role/macro/session is not authorized to perform: ecr:DescribeImages "
    f"on resource: {ARN} because no resource-based policy allows the ecr:DescribeImages action"
)


class Stubbed(NamedTuple):
    """A session with one stubbed client."""

    only: Any
    stub: Stubber
    content: bytes

    def client(self, service: str, **options: Any) -> Any:
        assert (service, options["region_name"]) == ("ecr", "eu-west-1")
        return self.only

    def download(self, url: str, *_: object) -> bytes:
        assert url == "https://layers.invalid/config?X-Amz-Signature=x"
        return self.content

    def describes(self, *tags: str, given: dict[str, Image], token: str = "", next_token: str = "") -> None:
        expected = REPOSITORY | {"imageIds": [{"imageTag": tag} for tag in tags]}
        expected |= {"nextToken": token} if token else {}
        answer: dict[str, Any] = {"imageDetails": [detail(tag, one) for tag, one in given.items()]}
        answer |= {"nextToken": next_token} if next_token else {}
        self.stub.add_response("describe_images", answer, expected)

    def lacks(self, tag: str) -> None:
        message = f"The image with imageId {{imageDigest:'null', imageTag:'{tag}'}} does not exist"
        for more in ({}, {"filter": {"imageStatus": "ANY"}}):
            self.stub.add_client_error(
                "describe_images",
                "ImageNotFoundException",
                message,
                http_status_code=400,
                expected_params=REPOSITORY | {"imageIds": [{"imageTag": tag}]} | more,
            )

    def refuses(self, code: str, message: str = "", *, method: str = "describe_images", retries: int = 0) -> None:
        self.stub.add_client_error(method, code, message, response_meta={"RetryAttempts": retries})

    def returns(self, image_id: dict[str, str], *images: Image, failures: tuple[dict[str, Any], ...] = ()) -> None:
        given = [
            REPOSITORY
            | {
                "imageId": image_id | {"imageDigest": one.digest},
                "imageManifest": one.manifest,
                "imageManifestMediaType": one.media_type,
            }
            for one in images
        ]
        expected = REPOSITORY | {"imageIds": [image_id], "acceptedMediaTypes": list(ACCEPTED_MEDIA_TYPES)}
        self.stub.add_response("batch_get_image", {"images": given, "failures": list(failures)}, expected)

    def returns_url(self, digest: str) -> None:
        answer = {"downloadUrl": "https://layers.invalid/config?X-Amz-Signature=x", "layerDigest": digest}
        self.stub.add_response("get_download_url_for_layer", answer, REPOSITORY | {"layerDigest": digest})


def detail(tag: str, one: Image) -> dict[str, Any]:
    return REPOSITORY | {
        "imageDigest": one.digest,
        "imageTags": [tag, "and-another"],
        "imageSizeInBytes": 4711,
        "imageManifestMediaType": OCI_MANIFEST,
        "artifactMediaType": "application/vnd.oci.image.config.v1+json",
        "imageStatus": "ACTIVE",
    }


@pytest.fixture
def ecr() -> Iterator[Stubbed]:
    client = boto3.client("ecr", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        yield Stubbed(client, stub, image("app").config)
        stub.assert_no_pending_responses()


FAILURE_CODES = {
    "InvalidImageDigest": "is not a valid digest in ECR",
    "InvalidImageTag": "is not a valid tag in ECR",
    "ImageTagDoesNotMatchDigest": "moved to another image during the lookup",
    "MissingDigestAndTag": "was requested without tag and digest",
    "ImageReferencedByManifestList": "is part of an index",
    "KmsError": "cannot be decrypted",
    "UpstreamAccessDenied": "upstream denied access",
    "UpstreamTooManyRequests": "upstream throttled the request",
    "UpstreamUnavailable": "upstream did not respond",
    "ImageInaccessible": "exists but cannot be read",
}


@pytest.mark.parametrize(("code", "expected"), FAILURE_CODES.items())
@pytest.mark.parametrize("way", ["instead of DescribeImages", "as an import"])
def test_every_failure_code_of_batch_get_image_is_explained(ecr: Stubbed, code: str, expected: str, way: str) -> None:
    if way == "as an import":
        ecr.lacks("1")
    else:
        ecr.refuses("AccessDeniedException", DENIED)
    failure = {"imageId": {"imageTag": "1"}, "failureCode": code, "failureReason": "ECR's own words."}
    ecr.returns({"imageTag": "1"}, failures=(failure,))
    answer = resolve(ecr, f"{NAME}:1", pull_through=True)
    assert isinstance(answer, Unavailable)
    assert expected in answer.cause
    assert f"({code}: ECR's own words)" in answer.cause
    assert answer.help


def test_every_failure_code_in_botocore_is_tested(ecr: Stubbed) -> None:
    known = set(ecr.only.meta.service_model.shape_for("ImageFailureCode").enum)
    assert known - {*FAILURE_CODES, "ImageNotFound"} == set()


@pytest.mark.parametrize("way", ["instead of DescribeImages", "as an import"])
def test_a_tag_that_does_not_exist_is_not_found(ecr: Stubbed, way: str) -> None:
    if way == "as an import":
        ecr.lacks("1")
    else:
        ecr.refuses("AccessDeniedException", DENIED)
    failure = {
        "imageId": {"imageTag": "1"},
        "failureCode": "ImageNotFound",
        "failureReason": "Requested image not found",
    }
    ecr.returns({"imageTag": "1"}, failures=(failure,))
    answer = resolve(ecr, f"{NAME}:1", pull_through=True)
    assert isinstance(answer, NotFound)


@pytest.mark.parametrize("code", ["ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"])
def test_throttling_is_reported_with_the_attempts_and_ends_the_lookup(ecr: Stubbed, code: str) -> None:
    ecr.refuses(code, "Rate exceeded", retries=3)
    answer = resolve(ecr, f"{NAME}:1", pull_through=True)
    assert isinstance(answer, Unavailable)
    assert answer.cause == f"ECR in eu-west-1 throttled the request in 4 of 4 attempts ({code})"


def test_throttling_of_the_second_request_is_reported_too(ecr: Stubbed) -> None:
    ecr.describes("1", given={"1": image("app")})
    ecr.refuses("ThrottlingException", method="batch_get_image", retries=3)
    answer = resolve(ecr, f"{NAME}:1", ARM64)
    assert isinstance(answer, Unavailable)
    assert "throttled the request" in answer.cause


def test_a_denial_by_another_account_names_both_accounts(ecr: Stubbed) -> None:
    ecr.refuses("AccessDeniedException", DENIED)
    ecr.refuses("AccessDeniedException", DENIED.replace("DescribeImages", "BatchGetImage"), method="batch_get_image")
    answer = resolve(ecr, f"{NAME}:1")
    assert isinstance(answer, Unavailable)
    assert answer.cause == (
        f"ecr:DescribeImages and ecr:BatchGetImage are denied on {ARN}, "
        "because no resource-based policy allows the ecr:BatchGetImage action"
    )
    assert "in account 111122223333" in answer.help
    assert f"the repository policy in account {OWNER}" in answer.help


def test_if_only_describe_images_is_denied_batch_get_image_is_used(ecr: Stubbed) -> None:
    ecr.refuses("AccessDeniedException", DENIED)
    ecr.returns({"imageTag": "1"}, stored := image("app"))
    answer = resolve(ecr, f"{NAME}:1")
    assert isinstance(answer, Resolved)
    assert answer.digest.text == stored.digest
    assert answer.warnings == (f"ecr:DescribeImages is denied on {ARN}, and ecr:BatchGetImage counts as a pull",)


def test_a_response_of_the_documented_shape_is_understood(ecr: Stubbed) -> None:
    ecr.describes("1", given={"1": (stored := image("app"))})
    answer = resolve(ecr, f"{NAME}:1")
    assert isinstance(answer, Resolved)
    assert answer.digest.text == stored.digest


def test_pages_are_followed_with_their_token(ecr: Stubbed) -> None:
    first, second = image("app 1"), image("app 2")
    ecr.describes("1", "2", given={}, next_token="more")
    ecr.describes("1", "2", given={"1": first}, token="more", next_token="the last")
    ecr.describes("1", "2", given={"2": second}, token="the last")
    answers = resolve_all(ecr, [ecr_lookup(f"{NAME}:{tag}") for tag in ("1", "2")])
    assert [one.digest.text for one in answers if isinstance(one, Resolved)] == [first.digest, second.digest]


def test_an_image_is_imported_through_the_cache_by_its_tag(ecr: Stubbed) -> None:
    ecr.lacks("1")
    ecr.returns({"imageTag": "1"}, stored := image("app"))
    answer = resolve(ecr, f"{NAME}:1", pull_through=True)
    assert isinstance(answer, Resolved)
    assert answer.digest.text == stored.digest
    assert len(answer.warnings) == 1


def test_every_request_for_a_single_image_names_the_account_of_its_registry(ecr: Stubbed) -> None:
    ecr.describes("1", given={"1": (stored := image("app"))})
    ecr.returns({"imageDigest": stored.digest}, stored)
    ecr.returns_url(stored.config_digest)
    answer = resolve(ecr, f"{NAME}:1", ARM64)
    assert isinstance(answer, Resolved)
    assert answer.platforms == (ARM64,)
