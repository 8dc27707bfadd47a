"""The source of facts: grouping, batches, failures and the deadline, with the fact `pushed`."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from image_pinner.core.gates.age import PUSHED, Pushed
from image_pinner.core.gates.configuration import GATES
from image_pinner.core.gates.interface import Fact, Need, UnknownFact
from image_pinner.sources.ecr.facts.source import FACTS
from image_pinner.sources.interface import Deadline
from support.ecr_api import ACCOUNT, HOST, NOW, ApiError, EcrApi, denied, digest, subject

NEEDS: Mapping[str, frozenset[str]] = {PUSHED: frozenset()}


def describe_images(request: Mapping[str, Any]) -> dict[str, Any]:
    pushed = NOW - timedelta(hours=2)
    return {
        "imageDetails": [{"imageDigest": one["imageDigest"], "imagePushedAt": pushed} for one in request["imageIds"]]
    }


def test_every_fact_that_a_gate_needs_has_a_reader() -> None:
    needed = {need.fact for gate in GATES for need in gate.possible_needs}
    assert needed == set(FACTS)
    assert all(how in FACTS[need.fact].actions for gate in GATES for need in gate.possible_needs for how in need.how)


def test_a_denied_request_names_its_action() -> None:
    (facts,) = EcrApi({"DescribeImages": denied("ecr:DescribeImages")}).gather(subject(), needs=NEEDS).values()
    unknown = facts[PUSHED]
    assert isinstance(unknown, UnknownFact)
    assert unknown.cause.startswith(
        f"ecr:DescribeImages is denied on arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
    )
    assert "allow ecr:DescribeImages" in unknown.help
    assert unknown.source == "ecr:DescribeImages"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ApiError("RepositoryNotFoundException"), "does not exist"),
        (ApiError("ThrottlingException"), "throttled"),
        (ApiError("ServerException", status=500), "internal error"),
    ],
)
def test_a_failed_request_makes_its_facts_unknown(error: ApiError, cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    (facts,) = EcrApi({"DescribeImages": error}).gather(subject(), needs=NEEDS).values()
    assert cause in facts[PUSHED].cause


def test_the_failure_of_one_repository_is_not_that_of_others() -> None:
    def answer(request: Mapping[str, Any]) -> dict[str, Any]:
        if request["repositoryName"] == "team/gone":
            raise ApiError("RepositoryNotFoundException")
        return describe_images(request)

    good, bad = subject(), subject(repository="team/gone")
    facts = EcrApi({"DescribeImages": answer}).gather(good, bad, needs=NEEDS)
    assert isinstance(facts[good][PUSHED], Fact)
    assert isinstance(facts[bad][PUSHED], UnknownFact)


@pytest.mark.parametrize("host", ["docker.io", "public.ecr.aws", "ghcr.io", f"x{HOST}"])
def test_other_registries_do_not_report_facts_and_are_not_contacted(host: str) -> None:
    elsewhere = subject(host=host)
    api = EcrApi({})
    facts = api.gather(elsewhere, needs=NEEDS)
    assert facts[elsewhere][PUSHED].cause == f"{host} does not report the time of the push"
    assert api.requests == api.regions == []


def test_nothing_is_requested_after_the_deadline() -> None:
    api = EcrApi({"DescribeImages": describe_images})
    (facts,) = api.gather(subject(), needs=NEEDS, seconds=0).values()
    assert "did not respond within" in facts[PUSHED].cause
    assert api.requests == []


def test_a_slow_response_does_not_exceed_the_deadline() -> None:
    released = threading.Event()

    def slow(request: Mapping[str, Any]) -> dict[str, Any]:
        if request["repositoryName"] == "team/slow":
            released.wait(30)
        return describe_images(request)

    fast, late = subject(), subject(repository="team/slow")
    started = time.monotonic()
    facts = EcrApi({"DescribeImages": slow}).gather(fast, late, needs=NEEDS, seconds=1.5)
    assert time.monotonic() - started < 15
    released.set()
    assert isinstance(facts[fast][PUSHED], Fact)
    assert isinstance(facts[late][PUSHED], UnknownFact)


def test_a_missing_role_is_the_cause_of_unknown_facts() -> None:
    api = EcrApi({"DescribeImages": ApiError("UnrecognizedClientException")})
    (facts,) = api.gather(subject(), needs=NEEDS).values()
    assert "rejected the AWS credentials" in facts[PUSHED].cause


@pytest.mark.parametrize("text", ["", "The image with imageId {{imageDigest:'{0}', imageTag:'null'}} does not exist"])
def test_a_missing_image_does_not_make_the_facts_of_others_unknown(text: str) -> None:
    def answer(request: Mapping[str, Any]) -> dict[str, Any]:
        if {"imageDigest": digest(2)} in request["imageIds"]:
            raise ApiError("ImageNotFoundException", text.format(digest(2)))
        return describe_images(request)

    images = [subject(number) for number in range(4)]
    facts = EcrApi({"DescribeImages": answer}).gather(*images, needs=NEEDS)
    unknown = [image for image in images if isinstance(facts[image][PUSHED], UnknownFact)]
    assert unknown == [subject(2)]
    assert "has no image with the digest" in facts[subject(2)][PUSHED].cause


def test_the_time_of_the_push_is_read_by_digest() -> None:
    api = EcrApi({"DescribeImages": describe_images})
    (facts,) = api.gather(subject(), needs=NEEDS).values()
    assert facts[PUSHED] == Fact(
        Pushed("2026-11-30T10:00:00Z", 7200), "ecr:DescribeImages in us-east-1", "2026-11-30T12:00:00Z"
    )
    assert api.requests == [
        (
            "DescribeImages",
            {"registryId": ACCOUNT, "repositoryName": "team/app", "imageIds": [{"imageDigest": digest(1)}]},
        )
    ]


def test_pages_are_followed() -> None:
    def pages(request: Mapping[str, Any]) -> dict[str, Any]:
        number = int(request.get("nextToken", "0"))
        page = describe_images({"imageIds": request["imageIds"][number : number + 1]})
        return page | ({"nextToken": str(number + 1)} if number < 2 else {})

    images = [subject(number) for number in range(3)]
    facts = EcrApi({"DescribeImages": pages}).gather(*images, needs=NEEDS)
    assert all(isinstance(facts[image][PUSHED], Fact) for image in images)


def test_two_hundred_images_are_read_in_batches_by_repository_and_region() -> None:
    images = [subject(number, f"team/app{number % 2}") for number in range(202)]
    images += [subject(1, platform="linux/arm64"), subject(1, platform="linux/amd64")]
    images.append(subject(1, host=HOST.replace("us-east-1", "eu-west-1")))
    api = EcrApi({"DescribeImages": describe_images})
    facts = api.gather(*images, needs=NEEDS)
    assert len(facts) == len(images)
    assert all(isinstance(found[PUSHED], Fact) for found in facts.values())
    assert sorted(len(request["imageIds"]) for _, request in api.requests) == [1, 1, 1, 1, 100, 100]
    assert sorted(api.regions) == ["eu-west-1", "us-east-1"]


def test_only_the_needed_facts_are_requested() -> None:
    api = EcrApi({"DescribeImages": describe_images})
    api.facts().gather([subject()], frozenset({Need(PUSHED)}), Deadline.after(60))
    assert api.operations() == ["DescribeImages"]
