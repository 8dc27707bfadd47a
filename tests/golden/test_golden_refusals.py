"""One refusal of each kind, in the words that a person reads in the stack's events."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml

from golden.golden_cases import EXPECTED_REFUSALS, REFUSALS
from golden.golden_files import as_json, compare
from golden.golden_worlds import small_world
from image_pinner.lambda_macro.handler import ERROR_LIMIT, Macro
from image_pinner.pinning import Resolvers
from support.macro import event_for

CASES: dict[str, dict[str, Any]] = yaml.safe_load(REFUSALS.read_text("utf-8"))


def event_of(case: dict[str, Any]) -> dict[str, Any]:
    fragment = case.get("fragment")
    if fragment is None:
        resources = dict(case.get("resources", {}))
        if "image" in case or "container" in case:
            container = {"Name": "web", **case.get("container", {"Image": case.get("image")})}
            task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [container]}}
            resources["Web"] = task | ({"Metadata": case["metadata"]} if "metadata" in case else {})
        fragment = {**case.get("template", {}), "Parameters": case.get("parameters", {}), "Resources": resources}
    return event_for(fragment, case.get("params"), case.get("values"))


def answer(case: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the response, and the line of the log."""
    resolvers = small_world()
    log: list[str] = []
    macro = Macro(lambda _settings, _region: Resolvers(resolvers, resolvers), case.get("environment", {}), log.append)
    return macro.answer(event_of(case), None), json.loads(log[0])


def test_the_words_of_each_refusal() -> None:
    found = {name: answer(case)[0].get("errorMessage", "(it was not refused)") for name, case in CASES.items()}

    compare(EXPECTED_REFUSALS, as_json(found))


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_changes_nothing_and_says_why_in_one_line(name: str) -> None:
    event = event_of(CASES[name])
    before = copy.deepcopy(event["fragment"])

    response, log = answer(CASES[name])

    assert response["status"] == log["status"] == "failure"
    assert response["fragment"] == before
    message = response["errorMessage"]
    assert 0 < len(message) <= ERROR_LIMIT
    assert message == " ".join(message.split())


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_reads_well_where_cloudformation_puts_it(name: str) -> None:
    # The sentence around it is the service's own: recorded for a macro that failed with a message.
    message = answer(CASES[name])[0]["errorMessage"]

    shown = f"Transform 111122223333::ImagePinner failed with: {message}. Rollback requested by user."

    assert ".. Rollback" not in shown
    assert " ." not in shown
    assert ".. " not in shown
