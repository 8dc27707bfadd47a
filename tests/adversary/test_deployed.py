"""No template of a megabyte makes finding its deployed images take more time or memory than one event has."""

from __future__ import annotations

import json
import resource
import time
from typing import Any

import pytest

from support.macro import FUNCTION, event_for, macro_in
from support.templates import task

NEVER = {"Refresh": "Never", "StackName": "shop"}


def tasks(number: int) -> dict[str, Any]:
    return {f"T{each}": task("!PinDigest a:1") for each in range(number)}


def services(number: int, task_definition: Any) -> dict[str, Any]:
    declared = {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": task_definition}}
    return {f"S{each}": declared for each in range(number)}


def join(*parts: Any) -> dict[str, Any]:
    return {"Fn::Join": ["", list(parts)]}


WORST = {
    "a service that can run all task definitions": services(1, join(*({"Ref": f"T{each}"} for each in range(3000)))),
    "services in a loop that can run all task definitions": {
        "Fn::ForEach::Loop": ["I", ["A"], services(4000, {"Ref": "I"})]
    },
    "a service in a loop with many names of task definitions": {
        "Fn::ForEach::Loop": ["I", ["A"], services(1, join(*({"Ref": f"X{each}${{I}}"} for each in range(25_000))))]
    },
}


@pytest.mark.parametrize("name", WORST)
def test_services_that_can_run_many_task_definitions(name: str) -> None:
    event = event_for({"Resources": {**tasks(3000), **WORST[name]}}, NEVER)
    assert len(json.dumps(event)) < 1_200_000
    macro = macro_in(environment={"IMAGE_PINNER_STATE_SCOPE": "stack:*", "IMAGE_PINNER_TIMEOUT": "20"})
    before, started = peak_kilobytes(), time.monotonic()
    response = macro.answer(event, FUNCTION)
    assert response["status"] == "failure"
    assert time.monotonic() - started < 20
    assert peak_kilobytes() - before < 100_000


def peak_kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
