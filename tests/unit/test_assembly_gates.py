"""The requests that the macro makes for gates: only for facts that they need, in batches, and within its time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from image_pinner.core.gates.configuration import GATES, parse_gates
from image_pinner.core.gates.enabled import needs_of
from image_pinner.sources.ecr.facts.source import FACTS
from support.ecr_account import EcrAccount
from support.ecr_api import Answer, denied
from support.gate_cases import GATE_CASES, STRICT_ENTRIES

EVERY_GATE = pytest.mark.parametrize("gate", [gate.id for gate in GATES])
IMAGES, REPOSITORIES = 200, 20
KEEP_TAG = "lifecycle.keep-tag=true"
LOOKUP_ACTIONS = {"ecr:DescribeImages", "ecr:BatchGetImage"}
IN_BATCHES = {"BatchGetImage", "DescribeImages", "DescribeRepositories", "GetLifecyclePolicy"}


def actions_of(gate: str) -> list[str]:
    """Return the actions of ECR for the facts that the strict configuration of a gate needs."""
    needs = needs_of(parse_gates(list(GATE_CASES[gate].entries)).enabled)
    actions = [action for need in needs for how in ("", *need.how) for action in FACTS[need.fact].actions.get(how, ())]
    return sorted({action for action in actions if action.startswith("ecr:")})


def requests_for(*gates: str) -> Counter[str]:
    """Return the requests for a template with two images by their operations."""
    account = EcrAccount(2)
    api = account.api()
    response = account.pin(api, gates)
    assert response["status"] == "success", response["errorMessage"]
    return Counter(api.operations())


def test_all_gates_together_need_every_fact_once() -> None:
    needs = needs_of(parse_gates(list(STRICT_ENTRIES)).enabled)
    assert {need.fact for need in needs} == {need.fact for gate in GATES for need in gate.possible_needs}
    assert len({need.fact for need in needs}) == len(needs)


@EVERY_GATE
def test_only_the_facts_of_gates_that_are_on_are_read(gate: str) -> None:
    without, entries = requests_for(), GATE_CASES[gate].entries
    added = requests_for(*entries) - without
    assert {f"ecr:{operation}" for operation in added} <= set(actions_of(gate))
    assert bool(added) is bool(actions_of(gate))
    off = [entry for entry in entries if ".mode=" not in entry]
    assert requests_for(*off, f"{gate}.mode=off") == without


@pytest.mark.parametrize(
    ("gate", "action"),
    # The lookup of the digest needs the others too.
    [(gate.id, action) for gate in GATES for action in actions_of(gate.id) if action not in LOOKUP_ACTIONS],
)
def test_the_missing_permission_is_named_whichever_it_is(gate: str, action: str) -> None:
    account = EcrAccount()
    api = account.api(**{action.removeprefix("ecr:"): denied(action, "shop/app0")})
    message = account.pin(api, GATE_CASES[gate].entries)["errorMessage"]
    assert f"gate {gate} denies the image: unknown: " in message
    assert action in message.partition(" denied on arn:aws:ecr:us-east-1:111122223333:repository/shop/app0")[0]
    assert f"allow {action}" in message


@pytest.mark.parametrize("more", [(), (KEEP_TAG,)])
def test_many_images_with_all_gates_need_a_limited_number_of_requests(more: tuple[str, ...]) -> None:
    account = EcrAccount(IMAGES, REPOSITORIES)
    api = account.api()
    response = account.pin(api, (*STRICT_ENTRIES, *more))
    assert response["status"] == "success", response["errorMessage"]
    calls = Counter(api.operations())
    assert calls["DescribeRepositories"] == 1
    assert all(calls[operation] <= 3 * REPOSITORIES for operation in IN_BATCHES)
    assert max(calls.values()) <= IMAGES
    assert calls.total() <= 4 * IMAGES + 8 * REPOSITORIES


def test_all_gates_together_keep_to_the_time_of_the_macro() -> None:
    account = EcrAccount(IMAGES, REPOSITORIES)

    def late(answer: Answer) -> Answer:
        def wait(request: Mapping[str, Any]) -> Mapping[str, Any]:
            time.sleep(0.3)
            return answer(request)

        return wait

    answers = account.api().answers
    slow = {name: late(answer) for name, answer in answers.items() if callable(answer) and "Describe" in name}
    started = time.monotonic()
    response = account.pin(account.api(**slow), STRICT_ENTRIES, IMAGE_PINNER_TIMEOUT="1")
    assert time.monotonic() - started < 5  # without a limit, the requests take longer
    assert response["status"] == "failure"
    assert "unknown: ECR in us-east-1 did not respond within " in response["errorMessage"]
