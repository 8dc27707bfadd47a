"""All gates together: what they request, and that the time limit is kept."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from image_pinner.core.gates.configuration import GATES, judge_image, needs_of
from image_pinner.core.gates.interface import Fact, JudgedImage, Need
from image_pinner.sources.interface import Deadline
from support.healthy_ecr import EVERY_GATE, healthy_ecr

GATES_ON = EVERY_GATE.enabled
NEEDS = needs_of(GATES_ON)


def test_all_gates_are_on_and_need_every_fact() -> None:
    assert [enabled.gate.id for enabled in GATES_ON] == [gate.id for gate in GATES]
    assert {need.fact for need in NEEDS} == {need.fact for gate in GATES for need in gate.possible_needs}


def test_two_hundred_images_cost_a_bounded_number_of_requests() -> None:
    api, subjects = healthy_ecr(200, 20)
    facts = api.facts(workers=16).gather(subjects, NEEDS, Deadline.after(60))
    assert all(isinstance(fact, Fact) for of_image in facts.values() for fact in of_image.values())
    assert Counter(api.operations()) == {
        "DescribeRepositories": 1,
        "DescribeImages": 40,  # the images of the template, and all images of each repository
        "BatchGetImage": 20,
        "GetLifecyclePolicy": 20,
        "DescribeImageScanFindings": 200,
        "DescribeImageSigningStatus": 200,
        "ListImageReferrers": 200,
    }


def test_an_image_that_satisfies_every_gate_is_allowed() -> None:
    api, subjects = healthy_ecr(1, 1)
    (facts,) = api.facts().gather(subjects, NEEDS, Deadline.after(60)).values()
    reference = subjects[0].image
    assert {result.verdict for result in judge_image(GATES_ON, JudgedImage(reference, facts=facts))} == {"allow"}


def test_each_gate_requests_only_its_own_facts() -> None:
    requested: dict[str, set[str]] = {}
    for enabled in GATES_ON:
        if needs := needs_of([enabled]):
            api, subjects = healthy_ecr(2, 1)
            api.facts().gather(subjects, needs, Deadline.after(60))
            requested[enabled.gate.id] = set(api.operations())
    assert requested == {
        "age": {"DescribeImages"},
        "immutable-tags": {"DescribeRepositories"},
        "vulnerabilities": {"BatchGetImage", "DescribeImageScanFindings"},
        "lifecycle": {"GetLifecyclePolicy", "DescribeImages"},
        "aws-signing-status": {"DescribeImageSigningStatus", "ListImageReferrers"},
    }


def test_slow_responses_do_not_exceed_the_time_limit() -> None:
    api, subjects = healthy_ecr(20, 2)
    answer: Any = api.answers["ListImageReferrers"]

    def slow(request: Any) -> Any:
        time.sleep(0.3)
        return answer(request)

    api.answers["ListImageReferrers"] = slow
    started = time.monotonic()
    facts = api.facts(workers=4).gather(subjects, NEEDS, Deadline.after(0.5))
    assert time.monotonic() - started < 1
    assert any(not isinstance(fact, Fact) for of_image in facts.values() for fact in of_image.values())
    assert len(facts) == 20


def test_needs_differ_only_by_their_words() -> None:
    assert len({need.fact for need in NEEDS}) == len(NEEDS)
    assert all(isinstance(need, Need) for need in NEEDS)
