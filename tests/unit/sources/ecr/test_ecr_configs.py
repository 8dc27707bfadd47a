"""Images for a single platform: only their config says which, and ECR gives a URL to fetch it from."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from image_pinner.core.images.lookups import OCI_MANIFEST, NotFound, Origin, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.manifests import MAX_CONFIG_BYTES
from image_pinner.core.images.platforms import Platform
from image_pinner.sources.interface import Deadline
from support.aws import (
    ACCOUNT,
    AMD,
    ARM,
    ARN,
    FakeEcr,
    Image,
    RefusedError,
    ask,
    ask_all,
    ecr_question,
    image,
    index_of,
    resolver,
)

CONFIG = f"the config {image('app').config_digest} of an image in the ECR repository 'team/app'"


def one_image(**more: object) -> FakeEcr:
    return FakeEcr({"team/app": {"1": image("app")}}, **more)  # type: ignore[arg-type]


def refusing(code: str, message: str = "ECR's own words.") -> FakeEcr:
    return one_image(refusals={"GetDownloadUrlForLayer": RefusedError(code, message)})


def test_where_the_url_is_denied_the_answer_names_action_resource_and_what_to_do() -> None:
    message = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/macro/session is not authorized to perform: "
        f"ecr:GetDownloadUrlForLayer on resource: {ARN} because no identity-based policy allows the "
        "ecr:GetDownloadUrlForLayer action"
    )
    answer = ask(refusing("AccessDeniedException", message), "team/app:1", ARM)
    assert isinstance(answer, Unavailable)
    assert answer.cause.startswith(
        f"ecr:GetDownloadUrlForLayer is denied on {ARN}, because no identity-based policy allows the "
        "ecr:GetDownloadUrlForLayer action"
    )
    assert "Allow ecr:GetDownloadUrlForLayer on it in the policy of the role that asks" in answer.help
    assert answer.help.endswith("or say Platform=Any, if it need not be checked")


@pytest.mark.parametrize(
    ("code", "cause", "help"),
    [
        ("LayersNotFoundException", "is not there", "Push the image again"),
        ("LayerInaccessibleException", "belongs to no image any more", "Push the image again"),
        ("UnableToGetUpstreamLayerException", "could not be imported from upstream", "pull-through cache rule"),
    ],
)
def test_every_code_of_the_call_has_words_of_its_own(code: str, cause: str, help: str) -> None:
    answer = ask(refusing(code), "team/app:1", ARM)
    assert isinstance(answer, Unavailable)
    assert answer.cause == (
        f"{CONFIG} in us-east-1 of account {ACCOUNT} {cause}, says ECR in us-east-1 ({code}: ECR's own words)"
    )
    assert help in answer.help
    assert "Platform=Any" in answer.help


def test_a_throttled_call_is_told_as_such() -> None:
    answer = ask(refusing("TooManyRequestsException"), "team/app:1", ARM)
    assert isinstance(answer, Unavailable)
    assert "ECR in us-east-1 is throttling" in answer.cause


def test_a_repository_that_is_deleted_meanwhile_is_missing() -> None:
    assert isinstance(ask(refusing("RepositoryNotFoundException"), "team/app:1", ARM), NotFound | Unsuitable)


def test_an_answer_without_a_url_is_no_answer() -> None:
    ecr = one_image(gives_urls=False)
    answer = ask(ecr, "team/app:1", ARM)
    assert isinstance(answer, Unavailable)
    assert "ecr:GetDownloadUrlForLayer in us-east-1 gave no URL" in answer.cause
    assert ecr.downloads == []


@pytest.mark.parametrize("told", ["{url} did not answer", "GET of {url} failed", "the peer closed"])
def test_a_download_that_fails_is_told_without_the_signature_of_its_url(told: str) -> None:
    answer = ask(one_image(broken_download=told), "team/app:1", ARM)
    assert isinstance(answer, Unavailable)
    assert answer.cause.startswith(f"{CONFIG} in us-east-1 of account {ACCOUNT} could not be fetched: ")
    assert answer.help == "Check the network"
    assert "hunter2" not in repr(answer)


def test_a_part_of_the_url_is_not_told_either() -> None:
    ecr = one_image(
        broken_download="no answer for layers.invalid/x?X-Amz-Security-Token=hunter2&X-Amz-Signature=hunter2"
    )
    assert "hunter2" not in repr(ask(ecr, "team/app:1", ARM))


def test_bytes_that_are_not_the_config_are_refused() -> None:
    ecr = FakeEcr({"team/app": {"1": (stored := image("app"))}})
    answers = resolver(ecr, download=lambda _url, _limit, _deadline: b'{"os": "linux", "architecture": "arm64"}')
    answer = answers.resolve_all([asked := ecr_question("team/app:1", ARM)], Deadline.after(10))[asked]
    assert isinstance(answer, Unavailable)
    assert f"the config of {stored.config_digest} has the digest" in answer.cause


def test_an_image_for_another_platform_is_there_and_does_not_fit() -> None:
    answer = ask(one_image(), "team/app:1", AMD)
    assert isinstance(answer, Unsuitable)
    assert "is for linux/arm64 only, not for linux/amd64" in answer.cause


@pytest.mark.parametrize(
    "artifact", ["application/vnd.cncf.helm.config.v1+json", "application/vnd.oci.empty.v1+json", "made\nup"]
)
def test_what_ecr_calls_an_artifact_is_refused_without_another_call(artifact: str) -> None:
    ecr = FakeEcr({"team/app": {"1": image("chart", artifact=artifact)}})
    answers = ask_all(ecr, [ecr_question("team/app:1"), ecr_question("team/app:1", ARM)])
    assert [(isinstance(answer, NotFound)) for answer in answers] == [False, False]
    assert all(isinstance(answer, NotFound | Unsuitable) for answer in answers)
    assert all("does not point to a container image" in answer.cause for answer in answers)
    assert not any("\n" in answer.cause for answer in answers if isinstance(answer, NotFound | Unsuitable))
    assert [action for action, _ in ecr.calls] == ["DescribeImages"]


def test_a_config_that_never_comes_costs_only_those_who_need_it() -> None:
    released, hanging = threading.Event(), threading.Semaphore(0)
    ecr = FakeEcr({"team/app": {"1": image("app"), "2": image("app 2")}})

    def hang(action: str) -> None:
        if action == "Download":
            hanging.release()
            released.wait(30)

    lookups = [ecr_question("team/app:1", ARM), ecr_question("team/app:2")]
    asked = resolver(ecr)
    # The client is made before the time counts.
    asked.resolve_all(lookups[1:], Deadline.after(20))
    ecr.before = hang
    try:
        needing, content = asked.resolve_all(lookups, Deadline.after(1.0)).values()
    finally:
        released.set()
    assert hanging.acquire(timeout=5)
    assert isinstance(content, Resolved)
    assert isinstance(needing, Unavailable)
    assert needing.cause == "ECR in us-east-1 did not answer within 1.0 s"


def test_no_url_is_asked_for_when_the_time_is_up() -> None:
    ecr = one_image()
    asked = ecr_question("team/app:1", ARM)
    # DescribeImages and BatchGetImage take the two seconds that there are.
    deadline = Deadline(2.0, clock=lambda: float(len(ecr.calls)))
    answer = resolver(ecr).resolve_all([asked], deadline)[asked]
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
    lookups = [ecr_question(f"team/app{repository}:t{tag}", ARM) for repository in range(3) for tag in range(8)]
    assert all(isinstance(answer, Resolved) for answer in ask_all(ecr, lookups, workers=3))
    assert 1 < most[0] <= 3


def test_the_right_platform_is_told_with_the_digest_that_describe_images_gave() -> None:
    ecr = one_image()
    answer = ask(ecr, "team/app:1", ARM)
    stored = ecr.images["team/app"]["1"]
    origin = Origin("ecr", "ecr:DescribeImages in us-east-1")
    assert isinstance(answer, Resolved)
    assert answer == Resolved(answer.digest, OCI_MANIFEST, origin, (Platform("linux", "arm64"),))
    assert answer.digest.text == stored.digest
    assert [action for action, _ in ecr.calls] == ["DescribeImages", "BatchGetImage", "GetDownloadUrlForLayer"]
    _, request = ecr.calls[-1]
    assert request == {"registryId": ACCOUNT, "repositoryName": "team/app", "layerDigest": stored.config_digest}


def test_the_download_gets_the_url_the_limit_and_the_very_deadline() -> None:
    seen: list[tuple[str, int, Deadline]] = []
    ecr = one_image()

    def download(url: str, limit: int, deadline: Deadline) -> bytes:
        seen.append((url, limit, deadline))
        return ecr.download(url, limit, deadline)

    deadline = Deadline.after(10)
    resolver(ecr, download=download).resolve_all([ecr_question("team/app:1", ARM)], deadline)
    ((url, limit, given),) = seen
    assert url.startswith("https://layers.invalid/sha256:")
    assert limit == MAX_CONFIG_BYTES
    assert given is deadline


def test_a_config_is_fetched_once_for_all_questions_and_tags_that_need_it() -> None:
    shared = image("shared")
    again = Image(shared.manifest.replace("{", "{ ", 1), config=shared.config)
    ecr = FakeEcr({"team/app": {"1": shared, "same": shared, "again": again}})
    lookups = [ecr_question(f"team/app:{tag}", platform) for tag in ("1", "same", "again") for platform in (ARM, AMD)]
    answers = ask_all(ecr, lookups)
    assert [type(answer) for answer in answers] == [Resolved, Unsuitable] * 3
    assert ecr.count("GetDownloadUrlForLayer") == 1
    assert len(ecr.downloads) == 1


def test_questions_that_differ_only_in_the_templates_secret_are_all_answered() -> None:
    ecr = one_image()
    asked = ecr_question("team/app:1", ARM)
    secret = replace(asked, credentials="arn:aws:secretsmanager:us-east-1:111122223333:secret:x")
    first, second = ask_all(ecr, [asked, secret])
    assert isinstance(first, Resolved)
    assert first == second
    assert len(ecr.calls) == 3


def test_where_describe_images_is_denied_the_config_is_read_all_the_same() -> None:
    denied = RefusedError("AccessDeniedException", "not authorized to perform: ecr:DescribeImages")
    ecr = one_image(refusals={"DescribeImages": denied})
    fitting, other = ask_all(ecr, [ecr_question("team/app:1", ARM), ecr_question("team/app:1", AMD)])
    assert isinstance(fitting, Resolved)
    assert fitting.platforms == (ARM,)
    assert isinstance(other, NotFound | Unsuitable)
    assert [action for action, _ in ecr.calls] == ["DescribeImages", "BatchGetImage", "GetDownloadUrlForLayer"]


def test_no_config_is_read_where_any_platform_will_do_or_an_index_tells() -> None:
    ecr = FakeEcr({"team/app": {"1": image("app"), "2": index_of(("linux/arm64", image("arm")))}})
    answers = ask_all(
        ecr,
        [ecr_question("team/app:1"), ecr_question("team/app:1", index_allowed=False), ecr_question("team/app:2", ARM)],
    )
    assert all(isinstance(answer, Resolved) for answer in answers)
    assert ecr.count("GetDownloadUrlForLayer") == 0
