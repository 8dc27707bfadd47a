"""Calls of transforms, as many and as deep as a large template can have, cost little more than its images."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from support.templates import pin

MAX_SIZE = 900_000
MAX_RATIO = 8
MAX_MEGABYTES = 25
NAMES = {"Name": "ImagePinner", "Parameters": {"Pin": [f"n{number}" for number in range(1_000)]}}
OTHER = {"Name": "X"}


def _template(containers: list[Any], **properties: Any) -> dict[str, Any]:
    properties = {"ContainerDefinitions": containers, **properties}
    return {"Resources": {"Web": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}}}


def _containers(number: int, **keys: Any) -> list[Any]:
    return [{"Name": "a", "Image": "a:1", **keys} for _ in range(number)]


def _in_branches(containers: list[Any]) -> dict[str, Any]:
    """Return containers inside 60 branches, each with a snippet that names a thousand containers."""
    value: Any = {"ContainerDefinitions": containers}
    for _ in range(60):
        value = {"Fn::If": ["C", {**value, "Transform": NAMES}, {"Ref": "AWS::NoValue"}]}
    return {"Resources": {"Web": {"Type": "AWS::ECS::TaskDefinition", "Properties": value}}}


WORST: dict[str, Callable[[], dict[str, Any]]] = {
    "a call in each container": lambda: _template(_containers(4_000, Transform=OTHER)),
    "a snippet in each container": lambda: _template(_containers(2_500, Transform={"Name": "ImagePinner"})),
    "names of containers": lambda: _template(_containers(4_000), Transform=NAMES),
    "names of containers at each level": lambda: _in_branches(_containers(2_000)),
    "calls in a property of no image": lambda: _template([], Volumes=[{"Transform": [OTHER] * 5}] * 2_500),
}


def _seconds(template: Any, params: Any) -> float:
    start = time.process_time()
    pin(template, params)
    return time.process_time() - start


@pytest.fixture(scope="module")
def undisturbed() -> float:
    template = _template(_containers(4_000))
    return min(_seconds(template, {}) for _ in range(2))


@pytest.mark.parametrize("name", WORST)
def test_calls_cost_little_more_than_images(name: str, undisturbed: float) -> None:
    template = WORST[name]()
    assert len(json.dumps(template)) < MAX_SIZE

    assert min(_seconds(template, {"Pin": "All"}) for _ in range(2)) / undisturbed < MAX_RATIO


@pytest.mark.parametrize("name", WORST)
def test_calls_take_bounded_memory(name: str) -> None:
    template = WORST[name]()
    tracemalloc.start()
    try:
        pin(template, {"Pin": "All"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MAX_MEGABYTES * 1_000_000
