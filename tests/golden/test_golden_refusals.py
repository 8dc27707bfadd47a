"""The error messages in the events of a stack, one of each kind."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml

from golden.golden_cases import EXPECTED_REFUSALS, REFUSALS
from golden.golden_files import as_json, compare
from image_pinner.lambda_macro.handler import ERROR_LIMIT, Macro
from image_pinner.pinning import Resolvers
from support.example_registries import small_registry
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


def respond(case: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the response and the log record."""
    resolvers = small_registry()
    log: list[str] = []
    macro = Macro(
        lambda _settings, _region: Resolvers(resolvers, resolvers, facts=resolvers),
        case.get("environment", {}),
        log.append,
    )
    return macro.answer(event_of(case), None), json.loads(log[0])


def test_each_error_message() -> None:
    found = {name: respond(case)[0].get("errorMessage", "(no error)") for name, case in CASES.items()}

    compare(EXPECTED_REFUSALS, as_json(found))


@pytest.mark.parametrize("name", CASES)
def test_a_failure_changes_nothing_and_has_a_message_of_one_line(name: str) -> None:
    event = event_of(CASES[name])
    before = copy.deepcopy(event["fragment"])

    response, log = respond(CASES[name])

    assert response["status"] == log["status"] == "failure"
    assert response["fragment"] == before
    message = response["errorMessage"]
    assert 0 < len(message) <= ERROR_LIMIT
    assert message == " ".join(message.split())


@pytest.mark.parametrize("name", CASES)
def test_a_message_fits_the_sentence_of_cloudformation(name: str) -> None:
    # The sentence is recorded from the service.
    message = respond(CASES[name])[0]["errorMessage"]

    shown = f"Transform 111122223333::ImagePinner failed with: {message}. Rollback requested by user."

    assert ".. Rollback" not in shown
    assert " ." not in shown
    assert ".. " not in shown
