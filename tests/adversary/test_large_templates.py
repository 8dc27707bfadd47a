"""`check` of large templates ends in time, in little memory, and prints little."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.check_process import measure
from support.memory import AVAILABLE

IMAGES, IN_A_TASK = 20_000, 40


def minified_template() -> str:
    """Return a template of 2.3 MB with 20,000 different images in one line."""
    tasks = {f"Task{task}": _task(task) for task in range(IMAGES // IN_A_TASK)}
    return json.dumps({"Resources": tasks}, separators=(",", ":"))


def _task(task: int) -> dict[str, Any]:
    containers = [
        {"Name": f"application-{number}", "Image": f"registry.example.com/team/service-{task}-{number}:1.0.0"}
        | {"Essential": True, "Memory": 2048}
        for number in range(IN_A_TASK)
    ]
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": containers}}


@pytest.mark.skipif(not AVAILABLE, reason="this system does not count the peak memory of a process")
def test_20000_images_in_one_line_are_reported_in_time_and_in_bounded_output(tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(minified_template(), "utf-8")
    assert path.stat().st_size > 2_300_000

    measured = measure(str(path))

    assert measured.code == 1
    assert measured.seconds < 30
    assert measured.megabytes < 300
    assert measured.output < 5_000_000
