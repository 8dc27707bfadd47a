"""The log record has all problems and images, and no secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.core.report import REPORT_VERSION
from image_pinner.sources.in_memory import InMemoryRegistry
from support.macro import REQUEST_ID, event_for, macro_in
from support.templates import task

SECRET = "correct horse battery staple"
PRIVATE = "a private value"


def log_record(event: dict[str, Any], resolvers: InMemoryRegistry | None = None, **environment: str) -> dict[str, Any]:
    lines: list[str] = []
    macro_in(resolvers, environment, lines.append).answer(event, None)
    assert len(lines) == 1
    assert lines[0].endswith("\n")
    assert "\n" not in lines[0][:-1]
    found: dict[str, Any] = json.loads(lines[0])
    return found


def test_a_failure_logs_all_problems() -> None:
    record = log_record(
        event_for({"Resources": {"Web": task(*[f"!PinDigest Shop/Web:{number}" for number in range(40)])}})
    )

    assert record["requestId"] == REQUEST_ID
    assert record["status"] == "failure"
    assert len(record["problems"]) == 40
    assert record["problems"][7] == {
        "path": "Resources.Web.Properties.ContainerDefinitions[7].Image",
        "kind": "template",
        "cause": "'Shop/Web:7' is not a valid image reference: a repository must be lower case (at character 6)",
        "help": "write registry/repository:tag",
    }


def test_success_logs_the_status_of_each_image() -> None:
    record = log_record(event_for({"Resources": {"Web": task("!PinDigest shop/web:1", "shop/other:1")}}))

    assert record["status"] == "success"
    assert record["version"] == REPORT_VERSION
    assert [(image["status"], image["written"]) for image in record["images"]] == [
        ("pinned", "shop/web:1"),
        ("unmarked", "shop/other:1"),
    ]
    assert record["problems"] == []


def test_a_record_names_request_macro_region_and_account() -> None:
    record = log_record(event_for({"Resources": {}}))

    assert {key: record[key] for key in ("requestId", "transformId", "region", "accountId")} == {
        "requestId": REQUEST_ID,
        "transformId": "111122223333::ImagePinner",
        "region": "us-east-1",
        "accountId": "111122223333",
    }


@pytest.mark.parametrize("image", ["!PinDigest shop/web:1", "!PinDigest Shop/Web:1", "!PinDigest shop/none"])
def test_parameter_values_outside_images_are_not_logged(image: str) -> None:
    parameters = {"Password": {"Type": "String", "NoEcho": True}, "Private": {"Type": "String"}}
    environment = [{"Name": name, "Value": {"Ref": name}} for name in parameters]
    web = task(image)
    web["Properties"]["ContainerDefinitions"][0]["Environment"] = environment
    event = event_for(
        {"Parameters": parameters, "Resources": {"Web": web}}, {}, {"Password": SECRET, "Private": PRIVATE}
    )
    lines: list[str] = []

    response = macro_in(log=lines.append).answer(event, None)

    assert SECRET not in json.dumps(response)
    assert SECRET not in lines[0]
    assert PRIVATE not in lines[0]


SECRET_IMAGES = [
    {"Ref": "Secret"},
    {"Fn::Sub": "!PinDigest shop/web:${Secret}"},
    {"Fn::Join": ["", ["!PinDigest ", {"Ref": "Secret"}]]},
    {"Fn::If": ["IsSecret", {"Fn::Sub": "!PinDigest ${Secret}"}, "!PinDigest shop/web:1"]},
    {"Fn::FindInMap": ["Images", {"Ref": "Secret"}, "Web"]},
    {"Fn::Select": [0, {"Fn::Split": [" ", {"Ref": "Secret"}]}]},
    {"Fn::Base64": {"Ref": "Secret"}},
    {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": {"Ref": "Secret"}}}},
    {"Fn::PinDigest": {"Image": "shop/web:1", "Platform": {"Ref": "Secret"}}},
]


@pytest.mark.parametrize("no_echo", [True, "true", "True", "yes"])
@pytest.mark.parametrize("image", SECRET_IMAGES, ids=lambda image: json.dumps(image)[:50])
def test_a_no_echo_value_in_an_image_is_neither_logged_nor_returned(image: Any, no_echo: object) -> None:
    template = {
        "Parameters": {"Secret": {"Type": "String", "NoEcho": no_echo}},
        "Conditions": {"IsSecret": {"Fn::Equals": [{"Ref": "Secret"}, SECRET]}},
        "Mappings": {"Images": {"a": {"Web": "shop/web:1"}}},
        "Resources": {"Web": task(image)},
    }
    lines: list[str] = []

    response = macro_in(log=lines.append).answer(event_for(template, {"Pin": "All"}, {"Secret": SECRET}), None)

    output = json.dumps({**response, "fragment": response["fragment"]["Resources"]}) + lines[0]
    assert response["status"] == "failure"
    for word in SECRET.split():
        assert word not in output


def test_credentials_in_the_environment_are_not_logged() -> None:
    record = log_record(event_for({"Resources": {}}), AWS_SECRET_ACCESS_KEY=SECRET, AWS_SESSION_TOKEN=SECRET)

    assert SECRET not in json.dumps(record)


def test_an_invalid_setting_is_logged_with_its_cause() -> None:
    record = log_record(event_for({"Resources": {}}), IMAGE_PINNER_WORKERS="many")

    assert record["status"] == "failure"
    assert record["problems"][0]["cause"] == "invalid IMAGE_PINNER_WORKERS"
