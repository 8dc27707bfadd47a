"""Lookups by digest in ECR, which share their batches with those by tag."""

from __future__ import annotations

import pytest

from image_pinner.core.images.ecr import EcrRepository
from image_pinner.core.images.lookups import (
    OCI_MANIFEST,
    NotFound,
    Origin,
    Resolution,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.references import Digest
from image_pinner.sources.ecr.client import FoundImage, ReadReason, RepositoryClient, get_images
from image_pinner.sources.interface import Deadline
from support.aws import (
    ACCOUNT,
    ARM64,
    ARN,
    FakeEcr,
    Image,
    RefusedError,
    ecr_lookup,
    image,
    index_of,
    resolve,
    resolve_all,
)

APP, OLD, GONE = image("app"), image("old"), image("gone")
DENIED = RefusedError("AccessDeniedException", "You are not authorized to perform: ecr:DescribeImages")


def stocked(**more: object) -> FakeEcr:
    """Return ECR with an image that has a tag, and one that has none."""
    return FakeEcr({"team/app": {"1": APP, OLD.digest: OLD}}, **more)  # type: ignore[arg-type]


def resolve_digest(ecr: FakeEcr, stored: Image, **more: object) -> Resolution:
    return resolve(ecr, f"team/app@{stored.digest}", **more)  # type: ignore[arg-type]


def requested(ecr: FakeEcr, action: str) -> list[list[dict[str, str]]]:
    return [request["imageIds"] for called, request in ecr.calls if called == action]


def test_a_missing_digest_is_named_with_the_pull_through_cache() -> None:
    answer = resolve_digest(stocked(), GONE)
    assert isinstance(answer, NotFound)
    assert answer.cause == (
        f"the ECR repository 'team/app' in us-east-1 of account {ACCOUNT} has no image with the digest {GONE.digest}"
    )
    assert "imports none by digest: pull the image once by its tag" in answer.help
    assert "IMAGE_PINNER_PULL_THROUGH" not in answer.help


def test_a_digest_in_a_missing_repository_is_not_found() -> None:
    answer = resolve_digest(FakeEcr({}), APP)
    assert isinstance(answer, NotFound)
    assert "'team/app' in us-east-1" in answer.cause
    assert "does not exist" in answer.cause


def test_a_pull_through_cache_imports_no_digest() -> None:
    ecr = stocked(upstream={"team/app": {"2": GONE}})
    missing, imported = resolve_all(
        ecr, [ecr_lookup(f"team/app@{GONE.digest}"), ecr_lookup("team/app:2")], pull_through=True
    )
    assert isinstance(missing, NotFound)
    assert isinstance(imported, Resolved)
    assert requested(ecr, "BatchGetImage") == [[{"imageTag": "2"}]]


def test_a_missing_digest_alone_is_not_requested_again_by_an_import() -> None:
    ecr = stocked()
    assert isinstance(resolve_digest(ecr, GONE, pull_through=True), NotFound)
    assert ecr.count("BatchGetImage") == 0


@pytest.mark.parametrize(
    ("status", "cause"), [("ARCHIVED", "has the status ARCHIVED"), ("ACTIVATING", "is being restored")]
)
def test_an_archived_image_is_unsuitable_and_its_digest_is_named(status: str, cause: str) -> None:
    archived = image("archived", status=status)
    answer = resolve_digest(FakeEcr({"team/app": {"1": archived}}), archived)
    assert isinstance(answer, Unsuitable)
    assert answer.cause.startswith(f"the image {archived.digest} of the ECR repository 'team/app'")
    assert cause in answer.cause
    assert status != "ARCHIVED" or answer.help.endswith(f"--image-id imageDigest={archived.digest}")


def test_an_artifact_is_unsuitable() -> None:
    chart = image("chart", artifact="application/vnd.cncf.helm.config.v1+json")
    answer = resolve_digest(FakeEcr({"team/app": {"1": chart}}), chart)
    assert isinstance(answer, Unsuitable)
    assert "it is not a container image" in answer.cause


def test_if_both_actions_are_denied_they_are_named() -> None:
    denied = RefusedError("AccessDeniedException", "You are not authorized to perform: ecr:BatchGetImage")
    answer = resolve_digest(stocked(refusals={"DescribeImages": DENIED, "BatchGetImage": denied}), APP)
    assert isinstance(answer, Unavailable)
    assert answer.cause.startswith(f"ecr:DescribeImages and ecr:BatchGetImage are denied on {ARN}")


def test_a_digest_that_batch_get_image_does_not_find_is_not_found() -> None:
    answer = resolve_digest(stocked(refusals={"DescribeImages": DENIED}), GONE)
    assert isinstance(answer, NotFound)
    assert f"has no image with the digest {GONE.digest}" in answer.cause


def test_bytes_that_do_not_match_the_digest_are_refused() -> None:
    changed = image("changed", converted="{}")
    answer = resolve_digest(FakeEcr({"team/app": {"1": changed}}, refusals={"DescribeImages": DENIED}), changed)
    assert isinstance(answer, Unavailable)
    assert f"returned a manifest for the image {changed.digest}" in answer.cause


def test_an_index_deleted_during_the_lookup_is_not_missing() -> None:
    index = index_of(("linux/arm64", APP))
    ecr = FakeEcr({"team/app": {"1": index}}, failures={index.digest: {"failureCode": "ImageNotFound"}})
    answer = resolve_digest(ecr, index, platform=ARM64)
    assert isinstance(answer, Unavailable)
    assert "was deleted during the lookup" in answer.cause


def test_throttling_is_unavailable() -> None:
    answer = resolve_digest(stocked(refusals={"DescribeImages": RefusedError("ThrottlingException")}), APP)
    assert isinstance(answer, Unavailable)


@pytest.mark.parametrize("order", [1, -1])
def test_a_manifest_that_is_converted_by_tag_is_not_used_for_its_digest(order: int) -> None:
    entries = [
        {"imageId": {"imageDigest": APP.digest, "imageTag": "1"}, "imageManifest": "{}"},
        {"imageId": {"imageDigest": APP.digest}, "imageManifest": APP.manifest},
    ]

    class Converting:
        def batch_get_image(self, **_request: object) -> dict[str, object]:
            return {"images": [{**entry, "imageManifestMediaType": OCI_MANIFEST} for entry in entries[::order]]}

    client = RepositoryClient(Converting(), EcrRepository(ACCOUNT, "us-east-1", "team/app"), Deadline.after(5))
    results = get_images(client, ["1", APP.digest], ReadReason("", ""))
    assert isinstance(results["1"], Unavailable)
    by_digest = results[APP.digest]
    assert isinstance(by_digest, FoundImage)
    assert by_digest.manifest == APP.manifest.encode()


@pytest.mark.parametrize("stored", [APP, OLD], ids=["with a tag", "without a tag"])
def test_an_existing_digest_is_one_request(stored: Image) -> None:
    ecr = stocked()
    answer = resolve_digest(ecr, stored)
    assert answer == Resolved(Digest(stored.digest), OCI_MANIFEST, Origin("ecr", "ecr:DescribeImages in us-east-1"))
    ((action, request),) = ecr.calls
    assert (action, request["imageIds"]) == ("DescribeImages", [{"imageDigest": stored.digest}])


def test_tags_and_digests_of_a_repository_share_one_request() -> None:
    ecr = stocked()
    names = ("team/app:1", f"team/app@{OLD.digest}", f"team/app@{APP.digest}")
    answers = resolve_all(ecr, [ecr_lookup(name) for name in names])
    assert [answer.digest.text for answer in answers if isinstance(answer, Resolved)] == [
        APP.digest,
        OLD.digest,
        APP.digest,
    ]
    assert requested(ecr, "DescribeImages") == [
        [{"imageTag": "1"}, {"imageDigest": OLD.digest}, {"imageDigest": APP.digest}]
    ]
    assert len(ecr.calls) == 1


@pytest.mark.parametrize("names_the_missing", [True, False])
def test_missing_tags_and_digests_leave_the_others_resolved(*, names_the_missing: bool) -> None:
    ecr = stocked(names_the_missing=names_the_missing)
    names = (f"@{GONE.digest}", ":1", ":null", f"@{OLD.digest}", ":2")
    answers = resolve_all(ecr, [ecr_lookup(f"team/app{name}") for name in names])
    assert [type(answer) for answer in answers] == [NotFound, Resolved, NotFound, Resolved, NotFound]
    # The first request fails, and so does one for each missing image; the last one finds the others.
    assert not names_the_missing or len(ecr.calls) == 5


def test_a_hundred_and_fifty_tags_and_digests_are_two_requests() -> None:
    images = [image(str(number)) for number in range(75)]
    ecr = FakeEcr({"team/app": {f"t{number}": stored for number, stored in enumerate(images)}})
    names = [name for number, stored in enumerate(images) for name in (f":t{number}", f"@{stored.digest}")]
    answers = resolve_all(ecr, [ecr_lookup(f"team/app{name}") for name in names])
    digests = [answer.digest.text for answer in answers if isinstance(answer, Resolved)]
    assert digests == [stored.digest for stored in images for _ in range(2)]
    assert sorted(map(len, requested(ecr, "DescribeImages"))) == [50, 100]


def test_if_describe_images_is_denied_the_manifests_are_read_with_one_request() -> None:
    converted = image("converted", converted="{}")
    ecr = FakeEcr({"team/app": {"1": APP, OLD.digest: OLD, "2": converted}}, refusals={"DescribeImages": DENIED})
    names = (f"@{OLD.digest}", ":1", f"@{APP.digest}", ":2")
    *found, refused = resolve_all(ecr, [ecr_lookup(f"team/app{name}") for name in names])
    assert [answer.digest.text for answer in found if isinstance(answer, Resolved)] == [
        OLD.digest,
        APP.digest,
        APP.digest,
    ]
    assert isinstance(refused, Unavailable)
    assert ecr.count("BatchGetImage") == 1


def test_the_platform_is_found_by_digest() -> None:
    index = index_of(("linux/arm64", APP))
    ecr = FakeEcr({"team/app": {"1": index, APP.digest: APP}})
    lookups = [
        ecr_lookup(f"team/app@{index.digest}", ARM64),
        ecr_lookup(f"team/app@{index.digest}", ARM64, index_allowed=False),
        ecr_lookup(f"team/app@{APP.digest}", ARM64),
    ]
    answers = resolve_all(ecr, lookups)
    assert [answer.digest.text for answer in answers if isinstance(answer, Resolved)] == [
        index.digest,
        APP.digest,
        APP.digest,
    ]
    assert [action for action, _ in ecr.calls] == ["DescribeImages", "BatchGetImage", "GetDownloadUrlForLayer"]
