"""The requests that the ECR resolver sends, and their results."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import NoCredentialsError, ProfileNotFound
from moto.server import ThreadedMotoServer

from image_pinner.core.images.lookups import (
    ACCEPTED_MEDIA_TYPES,
    DOCKER_SCHEMA1,
    OCI_INDEX,
    OCI_MANIFEST,
    ImageLookup,
    NotFound,
    Origin,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.references import ImageReference
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.ecr.resolver import EcrResolver
from image_pinner.sources.interface import Deadline
from support.aws import (
    ACCOUNT,
    ARM64,
    ARN,
    HOST,
    FakeEcr,
    RefusedError,
    ecr_lookup,
    image,
    index_of,
    no_download,
    resolve,
    resolve_all,
    resolver,
)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("111122223.dkr.ecr.us-east-1.amazonaws.com/app:1", "12 digits, got 9 digits"),
        (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com/app:1", "expected the suffix 'amazonaws.com.cn'"),
    ],
)
def test_a_host_similar_to_ecr_gets_no_request(name: str, reason: str) -> None:
    ecr = FakeEcr({})
    answer = resolve(ecr, name)
    assert isinstance(answer, Unavailable)
    assert reason in answer.cause
    assert ecr.clients == []


def test_a_registry_other_than_ecr_is_refused() -> None:
    answers = resolver(FakeEcr({})).resolve_all(
        [other := ImageLookup(ImageReference.parse("nginx:1").canonical())], Deadline.after(5)
    )
    assert isinstance(answers[other], Unavailable)


def test_a_repository_name_that_is_too_short_for_ecr_is_missing() -> None:
    answer = resolve(ecr := FakeEcr({}), "a:1")
    assert isinstance(answer, NotFound | Unsuitable)
    assert "two characters" in answer.cause
    assert ecr.calls == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (
            ProfileNotFound(profile="prod"),
            "cannot load the AWS credentials for ECR in us-east-1: The config profile (prod)",
        ),
        (ValueError("Invalid endpoint: nowhere"), "there is no endpoint for ECR in us-east-1: the configured URL"),
    ],
)
def test_a_client_that_cannot_be_created_is_reported(fault: Exception, reason: str) -> None:
    def no_session() -> None:
        raise fault

    requested = ecr_lookup("team/app:1")
    answer = EcrResolver(AwsClients(no_session), download=no_download).resolve_all([requested], Deadline.after(5))[
        requested
    ]
    assert isinstance(answer, Unavailable)
    assert reason in answer.cause


def test_missing_credentials_are_reported() -> None:
    answer = resolve(FakeEcr({}, refusals={"DescribeImages": NoCredentialsError()}), "team/app:1")
    assert isinstance(answer, Unavailable)
    assert "there are no AWS credentials for ECR in us-east-1" in answer.cause


def test_a_missing_repository_is_named_with_the_pull_through_cache() -> None:
    answer = resolve(FakeEcr({}), "team/app:1")
    assert isinstance(answer, NotFound)
    assert answer.cause == f"the ECR repository 'team/app' in us-east-1 of account {ACCOUNT} does not exist"
    assert "pull-through cache" in answer.help


def test_a_missing_tag_is_named_with_the_pull_through_cache() -> None:
    answer = resolve(FakeEcr({"team/app": {}}), "team/app:1")
    assert isinstance(answer, NotFound)
    assert answer.cause == f"the ECR repository 'team/app' in us-east-1 of account {ACCOUNT} has no tag '1'"
    assert "if the repository belongs to a pull-through cache, pull the image once by its tag" in answer.help
    assert "IMAGE_PINNER_PULL_THROUGH=true" in answer.help


def test_a_repository_that_hangs_times_out_and_the_others_are_resolved() -> None:
    released, ecr = threading.Event(), FakeEcr({"team/app": {"1": image("app")}, "team/slow": {"1": image("slow")}})
    hanging = threading.Semaphore(0)

    def hang(_action: str) -> None:
        if ecr.calls[-1][1]["repositoryName"] == "team/slow":
            hanging.release()
            released.wait(30)

    ecr.before = hang
    try:
        good, bad = resolve_all(ecr, [ecr_lookup("team/app:1"), ecr_lookup("team/slow:1")], seconds=0.4)
    finally:
        released.set()
    assert hanging.acquire(timeout=5)
    assert isinstance(good, Resolved)
    assert isinstance(bad, Unavailable)
    assert bad.cause == "ECR in us-east-1 did not respond within 0.4 s"


def test_after_the_deadline_no_further_request_is_sent() -> None:
    ecr = FakeEcr({"team/app": {"1": index_of(("linux/arm64", image("arm")))}})
    requested = ecr_lookup("team/app:1", ARM64)
    # The first request takes the whole second.
    deadline = Deadline(1.0, clock=lambda: float(len(ecr.calls)))
    answer = resolver(ecr).resolve_all([requested], deadline)[requested]
    assert isinstance(answer, Unavailable)
    assert answer.cause == "ECR in us-east-1 did not respond within 1.0 s"
    assert [action for action, _ in ecr.calls] == ["DescribeImages"]


def test_an_index_that_cannot_be_read_names_the_missing_action() -> None:
    message = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/macro/x is not authorized to perform: ecr:BatchGetImage"
    ecr = FakeEcr(
        {"team/app": {"1": index_of(("linux/arm64", image("arm")))}},
        refusals={"BatchGetImage": RefusedError("AccessDeniedException", message)},
    )
    answers = resolve_all(ecr, [ecr_lookup("team/app:1", ARM64), ecr_lookup("team/app:1")])
    assert isinstance(answers[0], Unavailable)
    assert answers[0].cause == f"ecr:BatchGetImage is denied on {ARN}"
    assert isinstance(answers[1], Resolved)


def test_an_index_deleted_during_the_lookup_is_not_a_missing_tag() -> None:
    index = index_of(("linux/arm64", image("arm")))
    ecr = FakeEcr({"team/app": {"1": index}}, failures={index.digest: {"failureCode": "ImageNotFound"}})
    answer = resolve(ecr, "team/app:1", ARM64)
    assert isinstance(answer, Unavailable)
    assert "was deleted during the lookup" in answer.cause


@pytest.mark.parametrize("returned", ["", "{}", '{"manifests": []}', "\ud800"])
def test_an_index_whose_bytes_do_not_match_its_digest_is_refused(returned: str) -> None:
    index = index_of(("linux/arm64", image("arm")))
    index.converted = returned
    answer = resolve(FakeEcr({"team/app": {"1": index}}), "team/app:1", ARM64)
    assert isinstance(answer, Unavailable)
    assert index.digest in answer.cause


@pytest.mark.parametrize("media_type", DOCKER_SCHEMA1)
def test_a_schema_1_manifest_is_refused_without_another_request(media_type: str) -> None:
    ecr = FakeEcr({"team/app": {"1": image("old", media_type=media_type)}})
    answer = resolve(ecr, "team/app:1")
    assert isinstance(answer, Unsuitable)
    assert "schema 1" in answer.cause
    assert len(ecr.calls) == 1


def test_five_thousand_images_in_fifty_repositories_are_fifty_requests() -> None:
    ecr = FakeEcr({f"team/app{repo}": {f"t{tag}": image(f"{repo}-{tag}") for tag in range(100)} for repo in range(50)})
    lookups = [ecr_lookup(f"team/app{repo}:t{tag}") for tag in range(100) for repo in range(50)]
    answers = resolve_all(ecr, lookups)
    assert len(ecr.calls) == 50
    expected = [ecr.images[f"team/app{repo}"][f"t{tag}"].digest for tag in range(100) for repo in range(50)]
    assert [answer.digest.text for answer in answers if isinstance(answer, Resolved)] == expected


def test_a_hundred_and_one_tags_are_two_requests_and_duplicates_are_requested_once() -> None:
    ecr = FakeEcr({"team/app": {f"t{tag}": image(str(tag)) for tag in range(101)}})
    lookups = [ecr_lookup(f"team/app:t{tag}", platform) for tag in range(101) for platform in (None, ARM64)]
    assert all(isinstance(answer, Resolved) for answer in resolve_all(ecr, lookups))
    described = [request for action, request in ecr.calls if action == "DescribeImages"]
    requested = [[image_id["imageTag"] for image_id in request["imageIds"]] for request in described]
    assert sorted(len(tags) for tags in requested) == [1, 100]
    assert len({tag for tags in requested for tag in tags}) == 101


def test_the_indexes_of_a_batch_are_read_with_one_request() -> None:
    arm64, amd64 = image("arm64"), image("amd64")
    index = index_of(("linux/arm64", arm64), ("linux/amd64", amd64))
    other = index_of(("linux/arm64", arm64))
    ecr = FakeEcr({"team/app": {"1": index, "2": other, "again": index}})
    lookups = [ecr_lookup(f"team/app:{tag}", ARM64, index_allowed=False) for tag in ("1", "2", "again")]
    answers = resolve_all(ecr, lookups)
    digests = [answer.digest.text if isinstance(answer, Resolved) else "" for answer in answers]
    assert digests == [arm64.digest] * 3
    ((_, request),) = [call for call in ecr.calls if call[0] == "BatchGetImage"]
    assert request["imageIds"] == [{"imageDigest": index.digest}, {"imageDigest": other.digest}]
    assert request["acceptedMediaTypes"] == list(ACCEPTED_MEDIA_TYPES)


def test_an_index_is_not_read_if_only_its_digest_is_needed() -> None:
    ecr = FakeEcr({"team/app": {"1": index_of(("linux/arm64", image("arm")))}})
    answer = resolve(ecr, "team/app:1")
    assert answer == Resolved(answer.digest, OCI_INDEX, Origin("ecr", "ecr:DescribeImages in us-east-1"))  # type: ignore[union-attr]
    assert [action for action, _ in ecr.calls] == ["DescribeImages"]


def test_two_spellings_of_a_host_are_one_registry_with_one_client() -> None:
    ecr = FakeEcr({"team/app": {"1": image("app"), "2": image("app 2")}})
    clients = resolver(ecr)
    lookups = [ecr_lookup(f"{HOST}/team/app:1"), ecr_lookup(f"{HOST.replace('dkr', 'DKR')}:443/team/app:2")]
    for _ in range(2):
        answers = clients.resolve_all(lookups, Deadline.after(5))
        assert all(isinstance(answer, Resolved) for answer in answers.values())
    assert len(ecr.clients) == 1
    assert len(ecr.calls) == 2


@pytest.fixture
def moto_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    yield f"http://{host}:{port}"
    server.stop()


def test_the_endpoint_in_the_environment_is_used(moto_server: str) -> None:
    client = boto3.client("ecr", region_name="us-east-1", endpoint_url=moto_server)
    client.create_repository(repositoryName="team/app")
    stored = image("app")
    client.put_image(
        repositoryName="team/app",
        imageTag="1",
        imageManifest=stored.manifest,
        imageManifestMediaType=OCI_MANIFEST,
        imageDigest=stored.digest,
    )
    requested = ecr_lookup("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:1")
    answer = EcrResolver(AwsClients(), download=no_download).resolve_all([requested], Deadline.after(10))[requested]
    assert isinstance(answer, Resolved)
    assert answer.digest.text == stored.digest
