"""Two synthetic events show whether an installed macro works; the real macro answers them here."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest

from image_pinner.cli.deployment.install import install
from image_pinner.cli.deployment.probe import REQUEST_ID
from image_pinner.cli.deployment.status import InstallationStatus, read_status
from support.deployment.fake_clients import Refusal, denied
from support.deployment.fake_function import FakeFunction, response_of
from support.deployment.scene import REGION, Scene, request, template

NO_IMAGES, INVALID = "a template without images", "an invalid image"


@pytest.fixture
def function(aws: Scene) -> FakeFunction:
    return FakeFunction(aws)


def probed(aws: Scene, **parameters: str) -> InstallationStatus:
    install(aws.session, REGION, request(parameters=parameters))
    return read_status(aws.session, REGION, "image-pinner", template(), probe=True)


@pytest.mark.parametrize("parameters", [{}, {"Pin": "All", "MacroName": "Pins"}], ids=["default", "all images"])
def test_a_macro_that_works_returns_both_answers_without_a_lookup(
    aws: Scene, function: FakeFunction, parameters: dict[str, str]
) -> None:
    del function  # any lookup would be an internal error
    found = probed(aws, **parameters)

    assert found.healthy
    succeeded, failed = found.probes
    assert (succeeded.event, succeeded.answer, succeeded.expected) == (NO_IMAGES, "success", True)
    assert (failed.event, failed.expected) == (INVALID, True)
    assert failed.answer.startswith("failure: Resources.Probe.Properties.ContainerDefinitions[0].Image: ")
    assert f"  probe with {NO_IMAGES}: success" in found.lines("1")
    assert found.to_json()["probes"][0] == {"event": NO_IMAGES, "answer": "success", "expected": True}


def test_the_events_are_those_of_cloudformation_for_the_account(aws: Scene, function: FakeFunction) -> None:
    events: list[dict[str, Any]] = []

    def respond(event: dict[str, Any]) -> dict[str, Any]:
        events.append(event)
        return response_of({})

    function.respond = respond
    probed(aws, MacroName="Pins")

    for event in events:
        assert {name: value for name, value in event.items() if name != "fragment"} == {
            "region": REGION,
            "accountId": "111122223333",
            "transformId": "111122223333::Pins",
            "params": {},
            "requestId": REQUEST_ID,
            "templateParameterValues": {},
        }


def test_an_invalid_configuration_is_the_answer_to_both_events(aws: Scene, function: FakeFunction) -> None:
    found = probed(aws, Mirrors="wrong")

    assert not found.healthy
    assert [one.expected for one in found.probes] == [False, False]
    assert all(one.answer.startswith("failure: invalid IMAGE_PINNER_MIRRORS; help: ") for one in found.probes)
    del function


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (
            response_of({"errorMessage": "Task timed out"}, FunctionError="Unhandled"),
            "the function failed: Task timed out",
        ),
        (response_of(None, FunctionError="Unhandled"), "a response that is not an object"),
        (
            response_of({"requestId": "of another", "status": "success", "fragment": {}}),
            "the response to another event",
        ),
        ({"StatusCode": 200, "Payload": io.BytesIO(b"<html>")}, "a response that is not JSON"),
    ],
    ids=["timeout", "null", "another event", "not JSON"],
)
def test_any_other_response_is_shown_and_unexpected(
    aws: Scene, function: FakeFunction, response: dict[str, Any], answer: str
) -> None:
    payload = response["Payload"].getvalue()
    function.respond = lambda _: response | {"Payload": io.BytesIO(payload)}

    found = probed(aws)

    assert not found.healthy
    assert [(one.answer, one.expected) for one in found.probes] == [(answer, False)] * 2
    assert f"  WARNING: probe with {INVALID}: {answer}" in found.lines("1")


def test_a_macro_that_pins_what_is_invalid_is_not_healthy(aws: Scene, function: FakeFunction) -> None:
    def accept(event: Mapping[str, Any]) -> dict[str, Any]:
        return response_of({"requestId": event["requestId"], "status": "success", "fragment": event["fragment"]})

    function.respond = accept

    found = probed(aws)

    assert [one.expected for one in found.probes] == [True, False]
    assert not found.healthy


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (denied("lambda:InvokeFunction"), "is not allowed to call lambda:InvokeFunction"),
        (Refusal("TooManyRequestsException", "Rate Exceeded.", 429), "throttled"),
    ],
    ids=["denied", "throttled"],
)
def test_a_function_that_cannot_be_invoked_is_reported(
    aws: Scene, function: FakeFunction, refusal: Refusal, words: str
) -> None:
    def refuse(_: dict[str, Any]) -> dict[str, Any]:
        raise refusal

    function.respond = refuse

    found = probed(aws)

    assert not found.healthy
    assert all(one.answer.startswith("not invoked: ") and words in one.answer for one in found.probes)


def test_nothing_is_invoked_unless_it_is_requested(aws: Scene, function: FakeFunction) -> None:
    function.respond = None  # type: ignore[assignment] # a call would be an error
    install(aws.session, REGION, request())
    assert read_status(aws.session, REGION, "image-pinner", template()).probes == ()
