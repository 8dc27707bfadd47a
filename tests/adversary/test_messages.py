"""A long name that many images of a template depend on costs an event neither time nor memory."""

from __future__ import annotations

import json
import resource
import time
from typing import Any

import pytest

from support.macro import FUNCTION, event_for, macro_in
from support.templates import task

NAME = "A" * 300_000
BY_CONDITION = {"Fn::Join": ["", ["!PinDigest x:", {"Fn::If": ["C", "1", "2"]}]]}
UNKNOWN = {"Fn::Equals": [{"Ref": NAME}, "x"]}
EXTERNAL = {"Fn::Equals": [{"Fn::Join": ["", [f"{{{{resolve:ssm:/{number}}}}}" for number in range(5_000)]]}, "x"]}
SERVICE = {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": {"Ref": "I"}}}


def tasks(image: Any, number: int = 1_500, **more: Any) -> dict[str, Any]:
    return {f"T{each}": {**task(image), **more} for each in range(number)}


TEMPLATES: dict[str, dict[str, Any]] = {
    "a parameter that does not exist": {"Conditions": {"C": UNKNOWN}, "Resources": tasks(BY_CONDITION)},
    "a secret parameter": {
        "Parameters": {NAME: {"Type": "String", "NoEcho": True}},
        "Conditions": {"C": UNKNOWN},
        "Resources": tasks(BY_CONDITION),
    },
    "an option that depends on many values": {
        "Conditions": {"C": EXTERNAL},
        "Resources": tasks("!PinDigest a:1", Metadata={"ImagePinner": {"Platform": {"Fn::If": ["C", "Any", "Any"]}}}),
    },
    "a loop that makes two properties": {
        "Resources": {
            "T": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {
                    "Fn::ForEach::L": [
                        "I",
                        ["ContainerDefinitions", NAME],
                        {"${I}": [{"Name": "web", "Image": "!PinDigest a:1"}] * 1_500},
                    ]
                },
            }
        }
    },
    "a service in a loop": {
        "Resources": {**tasks("!PinDigest a:1", 900), "Fn::ForEach::L": ["I", ["A"], {f"{NAME}${{I}}": SERVICE}]}
    },
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_long_name_in_the_message_of_many_images(name: str) -> None:
    event = event_for(TEMPLATES[name], {"Refresh": "Never", "StackName": "shop"})
    assert len(json.dumps(event)) < 1_200_000
    macro = macro_in(environment={"IMAGE_PINNER_STATE_SCOPE": "stack:*"})
    before, started = peak_kilobytes(), time.monotonic()
    assert macro.answer(event, FUNCTION)["status"] == "failure"
    assert time.monotonic() - started < 15
    assert peak_kilobytes() - before < 100_000


def peak_kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
