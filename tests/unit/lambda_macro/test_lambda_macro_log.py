"""The log: one line for an event, with everything that a person needs and nothing that is secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.sources.in_memory import InMemoryRegistry
from support.macro import REQUEST_ID, event_for, macro_in
from support.templates import task

SECRET = "correct horse battery staple"
PRIVATE = "a value that is nobody's business"


def logged(event: dict[str, Any], resolvers: InMemoryRegistry | None = None, **environment: str) -> dict[str, Any]:
    lines: list[str] = []
    macro_in(resolvers, environment, lines.append).answer(event, None)
    assert len(lines) == 1
    assert lines[0].endswith("\n")
    assert "\n" not in lines[0][:-1]
    found: dict[str, Any] = json.loads(lines[0])
    return found


def test_a_failure_logs_all_problems_where_the_message_shows_the_first() -> None:
    line = logged(event_for({"Resources": {"Web": task(*[f"!PinDigest Shop/Web:{number}" for number in range(40)])}}))

    assert line["requestId"] == REQUEST_ID
    assert line["status"] == "failure"
    assert len(line["problems"]) == 40
    assert line["problems"][7] == {
        "path": "Resources.Web.Properties.ContainerDefinitions[7].Image",
        "kind": "template",
        "cause": "'Shop/Web:7' is no image reference: a repository must be lower case (at character 6)",
        "remedy": "write registry/repository:tag",
    }


def test_success_logs_what_became_of_each_image() -> None:
    line = logged(event_for({"Resources": {"Web": task("!PinDigest shop/web:1", "shop/other:1")}}))

    assert line["status"] == "success"
    assert line["version"] == 1
    assert [(image["status"], image["written"]) for image in line["images"]] == [
        ("pinned", "shop/web:1"),
        ("unmarked", "shop/other:1"),
    ]
    assert line["problems"] == []


def test_the_line_says_for_whom_it_is() -> None:
    line = logged(event_for({"Resources": {}}))

    assert {key: line[key] for key in ("requestId", "transformId", "region", "accountId")} == {
        "requestId": REQUEST_ID,
        "transformId": "111122223333::ImagePinner",
        "region": "us-east-1",
        "accountId": "111122223333",
    }


@pytest.mark.parametrize("image", ["!PinDigest shop/web:1", "!PinDigest Shop/Web:1", "!PinDigest shop/none"])
def test_values_of_parameters_that_are_in_no_image_are_not_logged(image: str) -> None:
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
def test_a_value_with_no_echo_in_an_image_is_neither_logged_nor_told_nor_written(image: Any, no_echo: object) -> None:
    template = {
        "Parameters": {"Secret": {"Type": "String", "NoEcho": no_echo}},
        "Conditions": {"IsSecret": {"Fn::Equals": [{"Ref": "Secret"}, SECRET]}},
        "Mappings": {"Images": {"a": {"Web": "shop/web:1"}}},
        "Resources": {"Web": task(image)},
    }
    lines: list[str] = []

    response = macro_in(log=lines.append).answer(event_for(template, {"Pin": "All"}, {"Secret": SECRET}), None)

    told = json.dumps({**response, "fragment": response["fragment"]["Resources"]}) + lines[0]
    assert response["status"] == "failure"
    for word in SECRET.split():
        assert word not in told


def test_credentials_in_the_environment_are_not_logged() -> None:
    line = logged(event_for({"Resources": {}}), AWS_SECRET_ACCESS_KEY=SECRET, AWS_SESSION_TOKEN=SECRET)

    assert SECRET not in json.dumps(line)


def test_a_wrong_setting_is_logged_with_its_remedy() -> None:
    line = logged(event_for({"Resources": {}}), IMAGE_PINNER_WORKERS="many")

    assert line["status"] == "failure"
    assert line["problems"][0]["cause"].startswith("IMAGE_PINNER_WORKERS cannot be 'many'")
