"""Images for a single platform: only the config contains it, which ECR returns a presigned URL for."""

from __future__ import annotations

import threading

import pytest

from image_pinner.core.images.lookups import OCI_MANIFEST, NotFound, Origin, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.manifests import MAX_CONFIG_BYTES
from image_pinner.core.images.platforms import Platform
from image_pinner.sources.interface import Deadline
from support.aws import (
    ACCOUNT,
    AMD64,
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
    resolver,
)

CONFIG = f"the config {image('app').config_digest} of an image in the ECR repository 'team/app'"


def one_image(**more: object) -> FakeEcr:
    return FakeEcr({"team/app": {"1": image("app")}}, **more)  # type: ignore[arg-type]


def refusing(code: str, message: str = "ECR's own words.") -> FakeEcr:
    return one_image(refusals={"GetDownloadUrlForLayer": RefusedError(code, message)})


def test_a_denied_url_names_the_action_the_resource_and_the_help() -> None:
    message = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/macro/session is not authorized to perform: "
        f"ecr:GetDownloadUrlForLayer on resource: {ARN} because no identity-based policy allows the "
        "ecr:GetDownloadUrlForLayer action"
    )
    answer = resolve(refusing("AccessDeniedException", message), "team/app:1", ARM64)
    assert isinstance(answer, Unavailable)
    assert answer.cause.startswith(
        f"ecr:GetDownloadUrlForLayer is denied on {ARN}, because no identity-based policy allows the "
        "ecr:GetDownloadUrlForLayer action"
    )
    assert "allow ecr:GetDownloadUrlForLayer on it in the policy of the caller's role" in answer.help
    assert answer.help.endswith("or set Platform=Any to skip the platform check")


@pytest.mark.parametrize(
    ("code", "cause", "help"),
    [
        ("LayersNotFoundException", "does not exist", "push the image again"),
        ("LayerInaccessibleException", "no longer belongs to an image", "push the image again"),
        ("UnableToGetUpstreamLayerException", "cannot be imported from upstream", "pull-through cache rule"),
    ],
)
def test_every_error_code_has_its_own_message(code: str, cause: str, help: str) -> None:
    answer = resolve(refusing(code), "team/app:1", ARM64)
    assert isinstance(answer, Unavailable)
    assert answer.cause == (f"{CONFIG} in us-east-1 of account {ACCOUNT} {cause} ({code}: ECR's own words)")
    assert help in answer.help
    assert "Platform=Any" in answer.help


def test_a_throttled_request_is_reported() -> None:
    answer = resolve(refusing("TooManyRequestsException"), "team/app:1", ARM64)
    assert isinstance(answer, Unavailable)
    assert "ECR in us-east-1 throttled the request" in answer.cause


def test_a_repository_deleted_during_the_lookup_is_not_found() -> None:
    assert isinstance(resolve(refusing("RepositoryNotFoundException"), "team/app:1", ARM64), NotFound | Unsuitable)


def test_a_response_without_a_url_is_a_failure() -> None:
    ecr = one_image(returns_urls=False)
    answer = resolve(ecr, "team/app:1", ARM64)
    assert isinstance(answer, Unavailable)
    assert "ecr:GetDownloadUrlForLayer in us-east-1 returned no URL" in answer.cause
    assert ecr.downloads == []


@pytest.mark.parametrize(
    "reported", ["{url} did not answer", "GET of {url} failed", "the server closed the connection"]
)
def test_a_failed_download_is_reported_without_the_signature_of_its_url(reported: str) -> None:
    answer = resolve(one_image(broken_download=reported), "team/app:1", ARM64)
    assert isinstance(answer, Unavailable)
    assert answer.cause.startswith(f"cannot fetch {CONFIG} in us-east-1 of account {ACCOUNT}: ")
    assert answer.help == "check the network"
    assert "hunter2" not in repr(answer)


def test_a_part_of_the_url_is_not_reported_either() -> None:
    ecr = one_image(
        broken_download="no response for layers.invalid/x?X-Amz-Security-Token=hunter2&X-Amz-Signature=hunter2"
    )
    assert "hunter2" not in repr(resolve(ecr, "team/app:1", ARM64))


def test_bytes_that_are_not_the_config_are_refused() -> None:
    ecr = FakeEcr({"team/app": {"1": image("app")}})
    answers = resolver(ecr, download=lambda _url, _limit, _deadline: b'{"os": "linux", "architecture": "arm64"}')
    answer = answers.resolve_all([requested := ecr_lookup("team/app:1", ARM64)], Deadline.after(10))[requested]
    assert isinstance(answer, Unavailable)
    assert "the config has the digest" in answer.cause


def test_an_image_for_another_platform_is_unsuitable() -> None:
    answer = resolve(one_image(), "team/app:1", AMD64)
    assert isinstance(answer, Unsuitable)
    assert "is for linux/arm64 only, not for linux/amd64" in answer.cause


@pytest.mark.parametrize(
    "artifact", ["application/vnd.cncf.helm.config.v1+json", "application/vnd.oci.empty.v1+json", "made\nup"]
)
def test_an_artifact_is_refused_without_another_request(artifact: str) -> None:
    ecr = FakeEcr({"team/app": {"1": image("chart", artifact=artifact)}})
    answers = resolve_all(ecr, [ecr_lookup("team/app:1"), ecr_lookup("team/app:1", ARM64)])
    assert [(isinstance(answer, NotFound)) for answer in answers] == [False, False]
    assert all(isinstance(answer, NotFound | Unsuitable) for answer in answers)
    assert all("it is not a container image" in answer.cause for answer in answers)
    assert not any("\n" in answer.cause for answer in answers if isinstance(answer, NotFound | Unsuitable))
    assert [action for action, _ in ecr.calls] == ["DescribeImages"]


def test_a_config_that_never_arrives_affects_only_the_lookups_that_need_it() -> None:
    released, hanging = threading.Event(), threading.Semaphore(0)
    ecr = FakeEcr({"team/app": {"1": image("app"), "2": image("app 2")}})

    def hang(action: str) -> None:
        if action == "Download":
            hanging.release()
            released.wait(30)

    lookups = [ecr_lookup("team/app:1", ARM64), ecr_lookup("team/app:2")]
    requested = resolver(ecr)
    # The client is created before the deadline starts.
    requested.resolve_all(lookups[1:], Deadline.after(20))
    ecr.before = hang
    try:
        needing, content = requested.resolve_all(lookups, Deadline.after(1.0)).values()
    finally:
        released.set()
    assert hanging.acquire(timeout=5)
    assert isinstance(content, Resolved)
    assert isinstance(needing, Unavailable)
    assert needing.cause == "ECR in us-east-1 did not respond within 1.0 s"


def test_after_the_deadline_no_url_is_requested() -> None:
    ecr = one_image()
    requested = ecr_lookup("team/app:1", ARM64)
    # DescribeImages and BatchGetImage take the whole two seconds.
    deadline = Deadline(2.0, clock=lambda: float(len(ecr.calls)))
    answer = resolver(ecr).resolve_all([requested], deadline)[requested]
    assert isinstance(answer, Unavailable)
    assert [action for action, _ in ecr.calls] == ["DescribeImages", "BatchGetImage"]


def test_no_more_configs_are_fetched_at_once_than_there_are_workers() -> None:
    ecr = FakeEcr(
        {
            f"team/app{repository}": {f"t{tag}": image(f"{repository} {tag}") for tag in range(8)}
            for repository in range(3)
        }
    )
    lock, running, most = threading.Lock(), [0], [0]

    def note(action: str) -> None:
        if action == "Download":
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            threading.Event().wait(0.02)
            with lock:
                running[0] -= 1

    ecr.before = note
    lookups = [ecr_lookup(f"team/app{repository}:t{tag}", ARM64) for repository in range(3) for tag in range(8)]
    assert all(isinstance(answer, Resolved) for answer in resolve_all(ecr, lookups, workers=3))
    assert 1 < most[0] <= 3


def test_the_platform_is_reported_with_the_digest_from_describe_images() -> None:
    ecr = one_image()
    answer = resolve(ecr, "team/app:1", ARM64)
    stored = ecr.images["team/app"]["1"]
    origin = Origin("ecr", "ecr:DescribeImages in us-east-1")
    assert isinstance(answer, Resolved)
    assert answer == Resolved(answer.digest, OCI_MANIFEST, origin, (Platform("linux", "arm64"),))
    assert answer.digest.text == stored.digest
    assert [action for action, _ in ecr.calls] == ["DescribeImages", "BatchGetImage", "GetDownloadUrlForLayer"]
    _, request = ecr.calls[-1]
    assert request == {"registryId": ACCOUNT, "repositoryName": "team/app", "layerDigest": stored.config_digest}


def test_the_download_receives_the_url_the_limit_and_the_same_deadline() -> None:
    seen: list[tuple[str, int, Deadline]] = []
    ecr = one_image()

    def download(url: str, limit: int, deadline: Deadline) -> bytes:
        seen.append((url, limit, deadline))
        return ecr.download(url, limit, deadline)

    deadline = Deadline.after(10)
    resolver(ecr, download=download).resolve_all([ecr_lookup("team/app:1", ARM64)], deadline)
    ((url, limit, given),) = seen
    assert url.startswith("https://layers.invalid/sha256:")
    assert limit == MAX_CONFIG_BYTES
    assert given is deadline


def test_a_config_is_fetched_once_for_all_lookups_and_tags_that_need_it() -> None:
    shared = image("shared")
    again = Image(shared.manifest.replace("{", "{ ", 1), config=shared.config)
    ecr = FakeEcr({"team/app": {"1": shared, "same": shared, "again": again}})
    lookups = [ecr_lookup(f"team/app:{tag}", platform) for tag in ("1", "same", "again") for platform in (ARM64, AMD64)]
    answers = resolve_all(ecr, lookups)
    assert [type(answer) for answer in answers] == [Resolved, Unsuitable] * 3
    assert ecr.count("GetDownloadUrlForLayer") == 1
    assert len(ecr.downloads) == 1


def test_lookups_that_differ_only_in_the_secret_of_the_template_are_all_resolved() -> None:
    ecr = one_image()
    requested = ecr_lookup("team/app:1", ARM64)
    secret = requested._replace(credentials="arn:aws:secretsmanager:us-east-1:111122223333:secret:x")
    first, second = resolve_all(ecr, [requested, secret])
    assert isinstance(first, Resolved)
    assert first == second
    assert len(ecr.calls) == 3


def test_if_describe_images_is_denied_the_config_is_still_read() -> None:
    denied = RefusedError("AccessDeniedException", "not authorized to perform: ecr:DescribeImages")
    ecr = one_image(refusals={"DescribeImages": denied})
    fitting, other = resolve_all(ecr, [ecr_lookup("team/app:1", ARM64), ecr_lookup("team/app:1", AMD64)])
    assert isinstance(fitting, Resolved)
    assert fitting.platforms == (ARM64,)
    assert isinstance(other, NotFound | Unsuitable)
    assert [action for action, _ in ecr.calls] == ["DescribeImages", "BatchGetImage", "GetDownloadUrlForLayer"]


def test_no_config_is_read_for_any_platform_or_an_index() -> None:
    ecr = FakeEcr({"team/app": {"1": image("app"), "2": index_of(("linux/arm64", image("arm")))}})
    answers = resolve_all(
        ecr,
        [ecr_lookup("team/app:1"), ecr_lookup("team/app:1", index_allowed=False), ecr_lookup("team/app:2", ARM64)],
    )
    assert all(isinstance(answer, Resolved) for answer in answers)
    assert ecr.count("GetDownloadUrlForLayer") == 0
