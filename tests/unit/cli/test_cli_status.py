"""`status` as users and monitoring run it: exit codes, JSON and the probe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.deployment.command import package, run
from support.deployment.fake_function import FakeFunction
from support.deployment.scene import Scene


@pytest.fixture
def aws() -> Scene:
    return Scene()


@pytest.fixture
def function(aws: Scene, tmp_path: Path) -> FakeFunction:
    """Return the function of a macro that is installed; its code is whatever the stack names."""
    assert run(aws, "install", "--yes", "--package", package(tmp_path)).code == 0
    function = FakeFunction(aws)
    checksum = aws.cloud.live("image-pinner").parameters["CodeSha256"]
    function.acting["CodeSha256"] = function.latest["CodeSha256"] = checksum
    return function


def test_the_exit_code_is_0_while_all_is_well_and_1_while_an_alarm_fires(aws: Scene, function: FakeFunction) -> None:
    ended = run(aws, "status")
    assert (ended.code, ended.err) == (0, ""), ended.out
    function.alarm_state = "ALARM"
    ended = run(aws, "status")
    assert ended.code == 1
    assert "  alarm ErrorsAlarm: ALARM\n" in ended.out.decode()


def test_the_exit_code_is_1_if_the_function_drifted(aws: Scene, function: FakeFunction) -> None:
    function.acting["Timeout"] = 3
    ended = run(aws, "status")
    assert ended.code == 1
    assert "WARNING: the function that runs is not what the stack installed: timeout" in ended.out.decode()


def test_the_exit_code_is_1_if_the_configuration_is_invalid(aws: Scene, function: FakeFunction) -> None:
    aws.cloud.live("image-pinner").parameters["Workers"] = "many"
    ended = run(aws, "status")
    assert ended.code == 1
    assert "WARNING: every template fails: invalid IMAGE_PINNER_WORKERS" in ended.out.decode()
    del function


def test_the_probe_shows_both_answers(aws: Scene, function: FakeFunction) -> None:
    ended = run(aws, "status", "--probe")
    assert ended.code == 0, ended.out
    lines = [line for line in ended.out.decode().splitlines() if "probe" in line]
    assert lines[0] == "  probe with a template without images: success"
    assert lines[1].startswith("  probe with an invalid image: failure: Resources.Probe.Properties.")
    function.acting["Environment"] = {"Variables": function.variables() | {"IMAGE_PINNER_PIN": "Everything"}}
    ended = run(aws, "status", "--probe")
    assert ended.code == 1
    assert ended.out.decode().count("WARNING: probe with") == 2


def test_json_is_short_for_the_format(aws: Scene, function: FakeFunction) -> None:
    long, short = (run(aws, "status", "--probe", *option) for option in (("--format", "json"), ("--json",)))
    assert long.out == short.out
    (region,) = json.loads(short.out)["regions"]
    assert (region["healthy"], region["configuration_error"], region["drift"]) == (True, None, [])
    assert [one["expected"] for one in region["probes"]] == [True, True]
    del function


def test_the_functions_of_an_organization_cannot_be_probed(aws: Scene) -> None:
    ended = run(aws, "status", "--organization", "--probe")
    assert (ended.code, ended.out) == (2, b"")
    assert ended.err.startswith("error: functions of other accounts cannot be invoked\nhelp: omit --probe")
    assert aws.regions == {}
