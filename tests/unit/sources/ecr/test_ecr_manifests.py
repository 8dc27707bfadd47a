"""BatchGetImage: used if DescribeImages is denied, and to read an index."""

from __future__ import annotations

import pytest

from image_pinner.core.images.ecr import EcrRepository
from image_pinner.core.images.lookups import (
    ACCEPTED_MEDIA_TYPES,
    DOCKER_SCHEMA1,
    ImageLookup,
    NotFound,
    Origin,
    Resolution,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.ecr.client import ReadReason, RepositoryClient, get_images, get_manifests
from image_pinner.sources.ecr.resolver import EcrResolver
from image_pinner.sources.interface import Deadline
from support.aws import ACCOUNT, HOST, FakeEcr, RefusedError, image

ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"


def denial(action: str, caller: str = "", reason: str = "") -> RefusedError:
    who = f"User: arn:aws:sts::{caller}:assumed-role/macro/session is" if caller else "You are"
    return RefusedError(
        "AccessDeniedException", f"{who} not authorized to perform: {action} on resource: {ARN} {reason}", 400
    )


def pull_only(**more: object) -> FakeEcr:
    images = {"team/app": {"1": image("app"), "2": image("app 2")}}
    denied = denial(
        "ecr:DescribeImages", reason="because no resource-based policy allows the ecr:DescribeImages action"
    )
    return FakeEcr(images, refusals={"DescribeImages": denied}, **more)  # type: ignore[arg-type]


def resolve(ecr: FakeEcr, tag: str = "1") -> Resolution:
    requested = ImageLookup(ImageReference.parse(f"{HOST}/team/app:{tag}").canonical())
    return EcrResolver(AwsClients(lambda: ecr), download=ecr.download).resolve_all([requested], Deadline.after(20))[
        requested
    ]


@pytest.mark.parametrize(
    ("caller", "help"),
    [
        ("", "for a role of another account, the repository policy in account 111122223333 must allow it"),
        (ACCOUNT, "check for a statement that denies it"),
        ("444455556666", "in account 444455556666, and allow that account in the repository policy"),
    ],
)
def test_if_both_are_denied_the_actions_the_resource_and_the_policy_are_named(caller: str, help: str) -> None:
    ecr = pull_only()
    ecr.refusals["BatchGetImage"] = denial(
        "ecr:BatchGetImage", caller, "because no resource-based policy allows the ecr:BatchGetImage action"
    )
    answer = resolve(ecr)
    assert isinstance(answer, Unavailable)
    assert answer.cause == (
        f"ecr:DescribeImages and ecr:BatchGetImage are denied on {ARN}, "
        "because no resource-based policy allows the ecr:BatchGetImage action"
    )
    assert "allow ecr:DescribeImages or ecr:BatchGetImage on it" in answer.help
    assert help in answer.help


def test_an_explicit_denial_is_reported_as_explicit() -> None:
    ecr = pull_only()
    reason = "with an explicit deny in a service control policy"
    ecr.refusals["BatchGetImage"] = denial("ecr:BatchGetImage", ACCOUNT, reason)
    answer = resolve(ecr)
    assert isinstance(answer, Unavailable)
    assert answer.cause.endswith(reason)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("InvalidImageTag", "is not a valid tag in ECR"),
        ("InvalidImageDigest", "is not a valid digest in ECR"),
        ("ImageTagDoesNotMatchDigest", "moved to another image"),
        ("MissingDigestAndTag", "without tag and digest"),
        ("ImageReferencedByManifestList", "part of an index"),
        ("KmsError", "cannot be decrypted"),
        ("UpstreamAccessDenied", "upstream denied access"),
        ("UpstreamTooManyRequests", "upstream throttled the request"),
        ("UpstreamUnavailable", "upstream did not respond"),
        ("ImageInaccessible", "archived"),
        ("SomethingNew", "cannot be read"),
    ],
)
def test_every_failure_code_has_its_own_message(code: str, expected: str) -> None:
    answer = resolve(pull_only(failures={"1": {"failureCode": code, "failureReason": "ECR's own words.\n"}}))
    assert isinstance(answer, Unavailable)
    assert expected in answer.cause
    assert f"({code}: ECR's own words)" in answer.cause
    assert answer.help


def test_an_unavailable_upstream_is_reported_with_the_message_of_ecr() -> None:
    ecr = pull_only()
    ecr.refusals["BatchGetImage"] = RefusedError("UnableToGetUpstreamImageException", "The secret cannot be read.")
    answer = resolve(ecr)
    assert isinstance(answer, Unavailable)
    assert answer.cause == "ECR in us-east-1 cannot get the image from upstream: The secret cannot be read"
    assert "pull-through cache rule" in answer.help


def test_a_tag_that_batch_get_image_does_not_find_is_not_found() -> None:
    answer = resolve(pull_only(), "3")
    assert isinstance(answer, NotFound)
    assert "has no tag '3'" in answer.cause


def test_a_tag_missing_from_the_response_of_batch_get_image_is_unavailable() -> None:
    calls = RepositoryClient(_Silent(), EcrRepository(ACCOUNT, "us-east-1", "team/app"), Deadline.after(5))
    assert isinstance(get_images(calls, ["1"], ReadReason("", ""))["1"], Unavailable)
    digest = Digest("sha256:" + "a" * 64)
    assert isinstance(get_manifests(calls, [digest])[digest], Unavailable)


class _Silent:
    def batch_get_image(self, **_request: object) -> dict[str, object]:
        return {"images": [{"imageId": {}}, {"imageManifest": "{}"}]}


def test_a_converted_manifest_is_refused_with_the_permission_that_helps() -> None:
    ecr = pull_only()
    ecr.images["team/app"]["1"].converted = '{"converted": true}'
    answer = resolve(ecr)
    assert isinstance(answer, Unavailable)
    assert "does not hash to its digest" in answer.cause
    assert answer.help == f"allow ecr:DescribeImages on {ARN}, which returns the digest itself"


def test_a_schema_1_manifest_is_refused_as_schema_1() -> None:
    ecr = pull_only()
    ecr.images["team/app"]["1"] = image("old", media_type=DOCKER_SCHEMA1[1], converted="signed otherwise")
    answer = resolve(ecr)
    assert isinstance(answer, NotFound | Unsuitable)
    assert "schema 1" in answer.cause


def test_a_digest_that_cannot_be_pinned_is_refused() -> None:
    ecr = pull_only()
    ecr.images["team/app"]["1"].digest = "sha512:" + "a" * 128
    answer = resolve(ecr)
    assert isinstance(answer, Unavailable)
    assert "no digest that can be pinned" in answer.cause


def test_if_describe_images_is_denied_the_manifest_is_read_and_hashed() -> None:
    ecr = pull_only()
    answer = resolve(ecr)
    stored = ecr.images["team/app"]["1"]
    assert isinstance(answer, Resolved)
    assert answer.digest.text == stored.digest
    assert answer.origin == Origin("ecr", "ecr:BatchGetImage in us-east-1")
    assert answer.warnings == (f"ecr:DescribeImages is denied on {ARN}, and ecr:BatchGetImage counts as a pull",)
    (_, request) = ecr.calls[-1]
    assert request["imageIds"] == [{"imageTag": "1"}]
    assert request["registryId"] == ACCOUNT
    assert request["acceptedMediaTypes"] == list(ACCEPTED_MEDIA_TYPES)
