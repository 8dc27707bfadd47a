"""Time of the macro for the largest template, compared with parsing and writing it as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from image_pinner.core.images.lookups import OCI_INDEX, ImageLookup, Origin, Resolution, Resolved
from image_pinner.core.images.references import Digest
from image_pinner.lambda_macro.handler import Macro
from image_pinner.pinning import Resolvers
from image_pinner.sources.interface import Deadline

RESOURCES, CONTAINERS = 500, 2
BLOCKS, ROUNDS = 5, 6
_RESOLVED = Resolved(Digest.of(b"manifest"), OCI_INDEX, Origin("memory", "memory"))


class InstantResolvers:
    """Resolvers that return the same digest for every image without delay."""

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        """Return the same digest for all lookups."""
        del deadline
        return dict.fromkeys(lookups, _RESOLVED)

    def resolve_values(self, external_values: Any, deadline: Deadline) -> Mapping[Any, Any]:
        """Fail: the template has no external values."""
        raise AssertionError((external_values, deadline))


def generated_template() -> dict[str, Any]:
    """Return a template of 1 MB, the limit of CloudFormation, with 500 resources and 1,000 images."""
    return {
        "Parameters": {"Tag": {"Type": "String", "Default": "1.0"}},
        "Resources": {f"Task{number}": _task(number) for number in range(RESOURCES)},
    }


def _task(number: int) -> dict[str, Any]:
    return {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "Family": f"family-{number}",
            "ContainerDefinitions": [_container(number * CONTAINERS + index) for index in range(CONTAINERS)],
        },
    }


def _container(number: int) -> dict[str, Any]:
    host = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}"
    return {
        "Name": f"container-{number}",
        "Image": {"Fn::Sub": f"!PinDigest {host}/team/app-{number}:${{Tag}}"},
        "Essential": True,
        "Environment": [
            {"Name": f"VARIABLE_{position}", "Value": f"the value of variable number {position}"}
            for position in range(12)
        ],
    }


NO_LIMITS = dict.fromkeys(("IMAGE_PINNER_MAX_IMAGES", "IMAGE_PINNER_MAX_REPOSITORIES"), "10000")
"""More lookups than the macro makes for a template by default."""


def figures() -> Iterator[str]:
    """Measure, and yield the result."""
    template = generated_template()
    text = json.dumps(template)
    event = {
        "region": "eu-central-1",
        "accountId": "111122223333",
        "fragment": template,
        "params": {},
        "requestId": "benchmark",
        "templateParameterValues": {"Tag": "1.0"},
    }
    resolvers = Resolvers(InstantResolvers(), InstantResolvers())
    macro = Macro(lambda _settings, _region: resolvers, NO_LIMITS, len)
    if macro.answer(event, None)["status"] != "success":
        raise AssertionError("the benchmark's template cannot be pinned")
    json_times, macro_times = [], []
    for _ in range(BLOCKS):
        # In blocks, so that the processor's caches hold the values of one of them.
        json_times += [_seconds(lambda: json.dumps(json.loads(text))) for _ in range(ROUNDS)]
        macro_times += [_seconds(lambda: macro.answer(event, None)) for _ in range(ROUNDS)]
    ratio = min(macro_times) / min(json_times)
    yield (
        f"event to response, {len(text) / 1e6:.2f} MB, {RESOURCES} resources, {RESOURCES * CONTAINERS} images: "
        f"{ratio:.2f} times json.loads + json.dumps of the template (target: under 3)"
    )


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
