"""A macro gets the events of the service, and invalid responses are rejected."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.service_facts import EVENT_KEYS, MAX_TEMPLATE, as_the_service_sends, is_macro_event, violations

FRAGMENT = {
    "Transform": "ImagePinner",
    "Parameters": {"Tag": {"Type": "String"}, "Names": {"Type": "CommaDelimitedList"}},
    "Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Image": "a:1"}}},
}


def _event(**changes: Any) -> dict[str, Any]:
    plain = {
        "region": "eu-central-1",
        "accountId": "000000000000",
        "fragment": FRAGMENT,
        "transformId": "000000000000::ImagePinner",
        "params": {},
        "requestId": "r",
        "templateParameterValues": {"Tag": "1"},
    }
    return {**plain, **changes}


SENT = as_the_service_sends(_event())


def _answer(**changes: Any) -> dict[str, Any]:
    return {"requestId": "r", "status": "success", "fragment": SENT["fragment"], **changes}


def _fragment(**changes: Any) -> dict[str, Any]:
    return _answer(fragment={**SENT["fragment"], **changes})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, "no map"),
        ("success", "no map"),
        (_answer(requestId="other"), "another requestId"),
        ({"requestId": "r", "fragment": SENT["fragment"]}, "no status"),
        ({"requestId": "r", "status": "success"}, "no fragment"),
        (_answer(status="failure"), "no errorMessage"),
        (_answer(fragment="text"), "unsupported structure"),
        (_fragment(Parameters={}), "changed Parameters"),
        (_answer(fragment={"Resources": SENT["fragment"]["Resources"]}), "Parameters is missing"),
        (_fragment(Resources={}), "Task is missing in Resources"),
        (_fragment(Transform="ImagePinner"), "does not process again"),
        (_fragment(Metadata="x" * MAX_TEMPLATE), "Transformation data limit exceeded"),
    ],
)
def test_a_response_that_the_service_rejects_is_reported(answer: Any, expected: str) -> None:
    assert any(expected in violation for violation in violations(SENT, answer))


@pytest.mark.parametrize(
    "answer",
    [
        _answer(),
        _answer(status="SUCCESS"),
        _answer(status="failure", errorMessage="why"),
        _fragment(Resources={"Task": {"Type": "AWS::ECS::TaskDefinition"}, "More": {}}),
    ],
)
def test_a_valid_response_is_accepted(answer: Any) -> None:
    assert violations(SENT, answer) == []


def test_a_snippet_may_become_a_text() -> None:
    sent = as_the_service_sends(_event(fragment={"Fn::Transform": {"Name": "ImagePinner"}}))
    assert sent["fragment"] == {}
    assert violations(sent, _answer(fragment="repo@sha256:0")) == []


def test_the_fragment_comes_without_transform_and_the_engines_own_stays_as_it_is() -> None:
    event = _event()
    assert "Transform" not in as_the_service_sends(event)["fragment"]
    assert event["fragment"] == FRAGMENT


def test_a_property_that_is_named_transform_stays() -> None:
    siblings = {"Transform": "of a user's", "Name": "web"}
    assert as_the_service_sends(_event(fragment=siblings))["fragment"] == siblings


def test_the_event_has_the_seven_keys_and_no_pseudo_parameter() -> None:
    sent = as_the_service_sends(_event(stackName="x", templateParameterValues={"Tag": "1", "AWS::Region": "r"}))
    assert sent.keys() == EVENT_KEYS
    assert sent["templateParameterValues"] == {"Tag": "1"}


def test_lists_arrive_as_lists_and_references_among_the_params_are_evaluated() -> None:
    params = {"Pin": {"Ref": "Names"}, "Refresh": [{"Ref": "Tag"}, "x"], "StackName": {"Ref": "AWS::StackName"}}
    sent = as_the_service_sends(_event(params=params, templateParameterValues={"Tag": "1", "Names": "a,b"}))
    assert sent["templateParameterValues"] == {"Tag": "1", "Names": ["a", "b"]}
    assert sent["params"] == {"Pin": ["a", "b"], "Refresh": ["1", "x"], "StackName": {"Ref": "AWS::StackName"}}


def test_only_events_of_macros_are_looked_at() -> None:
    assert is_macro_event(_event())
    assert not is_macro_event({"fragment": {}})
    assert not is_macro_event(None)
