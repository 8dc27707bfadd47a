"""The handler's part of the contract between CloudFormation and a macro."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from image_pinner.lambda_macro import handler
from image_pinner.lambda_macro.handler import ERROR_LIMIT
from image_pinner.sources.in_memory import InMemoryRegistry
from support.macro import Context, RaisingResolvers, event_for, macro_in
from support.templates import task

UNREACHABLE = RaisingResolvers(AssertionError())


def invalid_images(count: int = 1, **more: Any) -> dict[str, Any]:
    """Return an event with `count` invalid images."""
    return event_for({"Resources": {"Web": task(*["!PinDigest Shop/Web:1"] * count)}, **more})


def test_a_failure_returns_the_original_fragment_not_a_partly_pinned_one() -> None:
    event = event_for({"Resources": {"Web": task("!PinDigest shop/web:1", "!PinDigest Shop/Web:1")}})
    before = copy.deepcopy(event)

    response = macro_in().answer(event, None)

    assert response["status"] == "failure"
    assert response["fragment"] == before["fragment"]
    assert event == before


def test_success_returns_the_whole_fragment_and_no_message() -> None:
    event = event_for({"Description": "d", "Resources": {"Web": task("!PinDigest shop/web:1", "other:1")}, "X": {}})

    response = macro_in().answer(event, None)

    assert response["status"] == "success"
    assert set(response) == {"requestId", "status", "fragment"}
    assert list(response["fragment"]) == ["Description", "Resources", "X"]
    assert "!PinDigest" not in json.dumps(response)


def test_success_does_not_change_the_event() -> None:
    event = event_for({"Resources": {"Web": task("!PinDigest shop/web:1")}})
    before = copy.deepcopy(event)

    macro_in().answer(event, None)

    assert event == before


def test_parameters_are_never_changed_even_if_a_default_has_the_marker() -> None:
    parameters = {"Image": {"Type": "String", "Default": "!PinDigest shop/web:1"}}
    event = event_for({"Parameters": parameters, "Resources": {"Web": task({"Ref": "Image"})}})

    response = macro_in().answer(event, None)

    assert response["status"] == "success"
    assert response["fragment"]["Parameters"] == parameters


@pytest.mark.parametrize("request_id", ["abc", "", "ü…"])
@pytest.mark.parametrize("image", ["!PinDigest Shop/Web:1", "!PinDigest shop/web:1"])
def test_the_request_id_is_returned_unchanged(request_id: object, image: str) -> None:
    event = event_for({"Resources": {"Web": task(image)}}) | {"requestId": request_id}

    assert macro_in().answer(event, None)["requestId"] == request_id


def test_a_message_is_one_line_without_a_final_period() -> None:
    # CloudFormation adds a period and "Rollback requested by user", as recordings show.
    message = macro_in().answer(invalid_images(), None)["errorMessage"]

    assert "\n" not in message
    assert message.startswith("Resources.Web.Properties.ContainerDefinitions[0].Image: 'Shop/Web:1' ")
    assert not message.endswith(".")


@pytest.mark.parametrize("broken", [invalid_images() | {"fragment": None}, invalid_images() | {"params": []}, {}])
def test_the_message_about_an_invalid_event_has_no_final_period(broken: dict[str, Any]) -> None:
    message = macro_in().answer(broken, None)["errorMessage"]

    assert message
    assert not message.endswith(".")


def test_a_message_with_many_problems_is_limited_and_counts_those_not_shown() -> None:
    message = macro_in().answer(invalid_images(40), None)["errorMessage"]

    shown = message.count("is not a valid image reference")
    assert len(message) <= ERROR_LIMIT
    assert message.endswith(f"(+{40 - shown} more)")
    assert shown > 1


def test_one_long_problem_is_cut() -> None:
    image: Any = "!PinDigest Shop/Web:1"
    for _ in range(60):
        image = {"Fn::If": ["Unknown", image, {"Ref": "AWS::NoValue"}]}
    event = event_for({"Resources": {"R" * 255: task(image, image)}})

    message = macro_in().answer(event, None)["errorMessage"]

    assert len(message) <= ERROR_LIMIT
    assert message.endswith("… (+1 more)")


def test_the_most_severe_problem_comes_first() -> None:
    resolvers = InMemoryRegistry()
    event = event_for({"Resources": {"A": task("!PinDigest Shop/Web:1"), "B": task("!PinDigest shop/web:1")}})
    event["fragment"]["Resources"]["C"] = task("!PinDigest WhenMissing=KeepTag shop/web:1")

    message = macro_in(resolvers, {"IMAGE_PINNER_WHEN_MISSING": "Fail"}).answer(event, None)["errorMessage"]

    positions = [message.index(f"Resources.{name}.") for name in ("C", "B", "A")]
    assert positions == sorted(positions)


def test_an_invalid_setting_fails_every_template_and_is_named() -> None:
    response = macro_in(environment={"IMAGE_PINNER_PINN": "All"}).answer(invalid_images(), None)

    assert response["status"] == "failure"
    assert response["errorMessage"].startswith("unknown setting IMAGE_PINNER_PINN; help: use one of ")


def test_snippets_use_the_name_under_which_the_macro_is_installed() -> None:
    snippet = {"Fn::Transform": {"Name": "Pinner-v2", "Parameters": {"Image": "shop/web:1"}}}
    event = event_for({"Resources": {"Web": task(snippet)}}, macro="Pinner-v2")

    response = macro_in(environment={"IMAGE_PINNER_MACRO_NAME": "Pinner-v2"}).answer(event, None)

    image = response["fragment"]["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]["Image"]
    assert image.startswith("shop/web@sha256:")


@pytest.mark.parametrize("request_id", [5, None, ["x"], {"a": "b"}, True, "\ud800"])
def test_a_request_id_that_is_not_text_is_refused(request_id: object) -> None:
    event = event_for({"Resources": {"Web": task("!PinDigest shop/web:1")}}) | {"requestId": request_id}

    response = macro_in().answer(event, None)

    assert (response["requestId"], response["status"]) == ("", "failure")
    assert response["errorMessage"].startswith("'requestId' in the event is not valid text; help: ")


IN_CHINA = event_for(
    {
        "Resources": {
            "Web": task({"Fn::Sub": "!PinDigest ${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com.cn/a:1"})
        }
    }
) | {"region": "cn-north-1", "accountId": "444455556666"}
ARN = "arn:aws-cn:lambda:cn-north-1:444455556666:function:pinner:live"


@pytest.mark.parametrize("missing", [(), ("region",), ("accountId", "region")])
def test_account_and_region_are_those_of_the_function(missing: tuple[str, ...]) -> None:
    event = {key: value for key, value in IN_CHINA.items() if key not in missing}

    response = macro_in(environment={"AWS_REGION": "us-east-1"}).answer(event, Context(60_000, ARN))

    assert "444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn/a@sha256:" in json.dumps(response)


def test_without_a_function_the_account_and_region_of_the_event_are_used() -> None:
    response = macro_in(environment={"AWS_REGION": "us-east-1"}).answer(IN_CHINA, Context(60_000))

    assert "444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn/a@sha256:" in json.dumps(response)


@pytest.mark.parametrize(
    "claim",
    [{"region": "cn-northwest-1"}, {"accountId": "111122223333"}, {"accountId": None}, {"region": ["cn-north-1"]}],
)
def test_an_event_for_another_account_or_region_than_that_of_the_function_is_refused(claim: dict[str, Any]) -> None:
    response = macro_in(UNREACHABLE).answer(IN_CHINA | claim, Context(60_000, ARN))

    assert response["status"] == "failure"
    assert response["fragment"] == IN_CHINA["fragment"]
    assert "another region or account than the function" in response["errorMessage"]


@pytest.mark.parametrize(
    "arn", ["", "pinner", 5, "arn:aws:lambda:us-east-1:1:function:pinner", ARN.replace(":lambda", "")]
)
def test_a_function_whose_account_is_not_known_answers_no_event(arn: object) -> None:
    message = macro_in(UNREACHABLE).answer(IN_CHINA, Context(60_000, arn))["errorMessage"]

    assert "another region or account than the function" in message


def test_the_handler_responds_to_a_template_without_images_without_network_requests(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    event = event_for({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})

    response = handler.handler(event, None)

    assert response == {"requestId": event["requestId"], "status": "success", "fragment": event["fragment"]}
    assert json.loads(capsys.readouterr().out)["status"] == "success"


@pytest.mark.parametrize("length", range(30, 37))
def test_no_text_of_any_length_is_taken_for_a_marker(length: int) -> None:
    # One of them has the length that the byte before it in a serialization writes as `!`.
    text = "PinDigest nginx:1".ljust(length, "x")
    event = event_for({"Resources": {"Web": task("!PinDigest shop/web:1")}, "Outputs": {"X": {"Value": text}}})

    assert macro_in().answer(event, None)["status"] == "success"
    assert macro_in().answer(event_for({"Resources": {"Web": task(text)}}), None)["status"] == "success"


@pytest.mark.parametrize("depth", [1, 400])
def test_a_misplaced_marker_is_found_at_any_depth_and_next_to_an_image(depth: int) -> None:
    value: Any = "!PinDigest shop/web:1"
    for _ in range(depth):
        value = [value]
    event = event_for({"Resources": {"Web": task("!PinDigest shop/web:1")}, "Outputs": {"X": {"Value": value}}})

    response = macro_in().answer(event, None)

    assert response["status"] == "failure"
    assert response["errorMessage"].startswith("Outputs.X.Value")
