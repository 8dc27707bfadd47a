"""Recordings of the service confirm what other tests assume about macros."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from support.corpus import CORPUS
from support.macro import event_for, macro_in
from support.templates import task

RECORDINGS = CORPUS.parent / "recorded" / "macros.json"
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings of the service are not next to the corpus"),
]
TESTS = "tests/aws/services/cloudformation/test_template_engine.py::TestMacros::"


@cache
def recorded(name: str) -> Any:
    return json.loads(RECORDINGS.read_text("utf-8"))[TESTS + name]["recorded-content"]


def recorded_event() -> dict[str, Any]:
    event: dict[str, Any] = recorded("test_validate_lambda_internals")["event"]["Event"]
    return event


def test_an_event_has_the_keys_that_other_tests_use() -> None:
    assert set(recorded_event()) == set(event_for({}))


def test_the_parameters_of_a_transform_section_are_sent_although_the_guide_denies_it() -> None:
    assert recorded_event()["params"] == {"Input": "test-input"}


def test_a_fragment_has_no_transform_section_and_keeps_its_intrinsic_functions() -> None:
    event = recorded("test_functions_and_references_during_transformation")["event"]

    assert "Transform" not in recorded_event()["fragment"]
    assert event["ValueOfRef"] == {"Ref": "Substitution"}
    assert event["FunctionValue"] == {"Fn::Join": [" ", ["Hello", "World"]]}


def test_the_recorded_event_gets_its_own_fragment() -> None:
    event = recorded_event() | {"params": {}, "region": "us-east-1"}

    assert macro_in().answer(event, None) == {
        "requestId": event["requestId"],
        "status": "success",
        "fragment": event["fragment"],
    }


def test_an_unknown_option_in_the_recorded_event_is_rejected() -> None:
    response = macro_in().answer(recorded_event(), None)

    assert response["status"] == "failure"
    assert response["errorMessage"].startswith("Transform: unknown option 'Input'")


def test_a_message_fits_the_sentence_of_the_service() -> None:
    failed = recorded("test_failed_state[return_unsuccessful_with_message.py]")["failed_description"]
    sentence = failed["ResourceStatusReason"]
    event = event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1")}})
    message = macro_in().answer(event, None)["errorMessage"]

    assert sentence == (
        "Transform 111111111111::Unsuccessful failed with: failed because it is a test. Rollback requested by user."
    )
    shown = sentence.replace("failed because it is a test", message)
    assert shown.endswith(f": {message}. Rollback requested by user.")
    assert "lower case (at character 6); help: " in message
    assert message[-1].isalnum()


def test_the_reason_is_lost_if_a_macro_raises_so_that_ours_never_does() -> None:
    failed = recorded("test_failed_state[raise_error.py]")["failed_description"]

    assert failed["ResourceStatusReason"].startswith("Received malformed response from transform")
