"""The status of an installed macro."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from image_pinner.cli.deployment.install import install
from image_pinner.cli.deployment.status import (
    InstallationStatus,
    describe_record,
    find_drift,
    matches_code_key,
    matches_stack,
    parse_code_key,
    read_sha256,
    read_status,
)
from support.deployment.fake_clients import Refusal, denied
from support.deployment.scene import REGION, Scene, code, request, template

BASE = {"MemorySize": 512, "Timeout": 90, "CodeSha256": base64.b64encode(hashlib.sha256(b"zip").digest()).decode()}
FAILURE = {"status": "failure", "problems": [{"path": "Resources.A", "cause": "no image", "help": "Push it"}, {}]}


class Functions:
    """Lambda, CloudWatch and its logs, for one function."""

    def __init__(self) -> None:
        self.acting: dict[str, Any] = {**BASE, "Version": "1", "State": "Active"}
        self.latest: dict[str, Any] = {**BASE, "Version": "$LATEST", "LastUpdateStatus": "Successful"}
        self.events: list[tuple[float, str]] = []

    def lambdas(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "GetAlias":
            return {"Name": given["Name"], "FunctionVersion": self.acting["Version"]}
        assert operation == "GetFunctionConfiguration"
        return self.acting if given["Qualifier"] == self.acting["Version"] else self.latest

    def logs(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        assert (operation, given["filterPattern"]) == ("FilterLogEvents", '{ $.status = "failure" }')
        events = [{"timestamp": int(at * 1000), "message": text} for at, text in self.events]
        return {"events": [one for one in events if one["timestamp"] >= given["startTime"]]}

    def alarms(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        assert operation == "DescribeAlarms"
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": "ALARM"} for name in given["AlarmNames"]]}


@pytest.fixture
def functions(aws: Scene) -> Functions:
    functions = Functions()
    aws.answers |= {"lambda": functions.lambdas, "logs": functions.logs, "cloudwatch": functions.alarms}
    return functions


def status(aws: Scene) -> InstallationStatus:
    return read_status(aws.session, REGION, "image-pinner", template())


def test_a_region_without_macro_is_not_healthy(aws: Scene) -> None:
    found = status(aws)
    assert not found.healthy
    assert list(found.lines("1")) == [
        f"{REGION}: not installed: there is no stack image-pinner",
        f"  help: run image-pinner install --region {REGION}",
    ]
    assert found.to_json()["stack_status"] is None


def test_what_cannot_be_found_out_does_not_hide_the_rest(aws: Scene, functions: Functions) -> None:
    install(aws.session, REGION, request())

    def refuse(operation: str, given: object) -> dict[str, Any]:  # noqa: ARG001 - a fake's signature
        raise denied(f"x:{operation}")

    aws.answers |= {"logs": refuse, "lambda": refuse}
    del functions

    found = status(aws)

    assert found.version == "1.2.3"
    assert found.alarms == {"ErrorsAlarm": "ALARM"}
    assert [("x:GetAlias" in one, "x:FilterLogEvents" in one) for one in found.unknown] == [
        (True, False),
        (False, True),
    ]


def test_code_that_was_replaced_is_reported(aws: Scene, functions: Functions) -> None:
    install(aws.session, REGION, request())
    functions.acting["CodeSha256"] = base64.b64encode(hashlib.sha256(b"evil").digest()).decode()
    found = status(aws)
    assert found.tampered
    assert not found.healthy
    assert any(
        "WARNING: the function's code is not the code that the stack installed" in line for line in found.lines("1")
    )


def test_a_deleted_function_is_reported(aws: Scene, functions: Functions) -> None:
    install(aws.session, REGION, request())

    def gone(operation: str, given: object) -> dict[str, Any]:  # noqa: ARG001 - a fake's signature
        raise Refusal("ResourceNotFoundException", "Function not found: f:live", 404)

    aws.answers["lambda"] = gone
    found = status(aws)
    assert not found.healthy
    assert "  function name image-pinner-Function-1, state Deleted, reason Function not found: f:live" in found.lines(
        "1"
    )
    del functions


@pytest.mark.parametrize(
    ("broken", "reason"), [("ROLLBACK_COMPLETE", "it failed"), ("UPDATE_ROLLBACK_FAILED", "no way back")]
)
def test_a_failed_stack_is_reported_with_its_reason(aws: Scene, broken: str, reason: str) -> None:
    stack = aws.cloud.stack("image-pinner", broken, parameters={"MacroName": "ImagePinner"})
    stack.reason = reason
    found = status(aws)
    assert not found.healthy
    assert next(iter(found.lines("1"))) == f"{REGION}: stack image-pinner is in {broken}: {reason}"


def test_a_healthy_macro_is_reported_completely(aws: Scene, functions: Functions) -> None:
    install(aws.session, REGION, request(parameters={"Pin": "All"}))
    functions.latest["MemorySize"] = 1024
    functions.latest["Environment"] = {"Variables": {"IMAGE_PINNER_PIN": "Marked"}}
    functions.events = [(aws.now() - 7200, "old"), (aws.now() - 5000, json.dumps(FAILURE))]

    found = status(aws)

    assert found.healthy
    assert (found.version, found.package, found.macro) == ("1.2.3", code().sha256, "ImagePinner")
    assert found.configuration == {"Pin": "All"}
    assert found.drift == ("memory", "IMAGE_PINNER_PIN")
    assert found.last_failure["message"] == "Resources.A: no image: Push it (+1 more)"
    assert found.last_failure["time"].endswith("+00:00")
    assert found.unknown == ()
    lines = list(found.lines("9.9"))
    assert "  macro ImagePinner, ImagePinner 1.2.3 (this command is 9.9)" in lines
    assert "  Pin = All" in lines
    assert "  alarm ErrorsAlarm: ALARM" in lines
    assert json.loads(json.dumps(found.to_json()))["configuration"] == {"Pin": "All"}


def test_an_old_failure_is_found(aws: Scene, functions: Functions) -> None:
    install(aws.session, REGION, request())
    functions.events = [(aws.now() - 20 * 86_400, '{"status": "failure", "exception": "KeyError"}')]
    assert status(aws).last_failure["message"] == "internal error in ImagePinner (KeyError)"


def test_a_deleted_log_group_is_unknown(aws: Scene, functions: Functions) -> None:
    install(aws.session, REGION, request())

    def gone(operation: str, given: object) -> dict[str, Any]:  # noqa: ARG001 - a fake's signature
        raise Refusal("ResourceNotFoundException", "The specified log group does not exist.")

    aws.answers["logs"] = gone
    assert "The specified log group does not exist" in status(aws).unknown[0]
    del functions


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Task timed out after 90 seconds", "Task timed out after 90 seconds"),
        ("[1]", "[1]"),
        ('{"status": "failure"}', '{"status": "failure"}'),
        ('{"problems": [{"cause": "a", "help": "B"}]}', "a: B"),
        ('{"problems": ["odd"], "cause": "c"}', "c"),
    ],
)
def test_a_log_record_is_described(line: str, told: str) -> None:
    assert describe_record(line) == told


def test_an_alias_to_latest_has_no_drift() -> None:
    assert find_drift({"Version": "$LATEST", "Timeout": 1}, {"Timeout": 2}) == ()


def test_drift_of_layers_and_variables_is_found() -> None:
    acting = {"Version": "1", "Layers": [{"Arn": "a"}], "Environment": {"Variables": {"A": "", "B": "1"}}}
    assert find_drift(acting, {"Version": "$LATEST"}) == ("B", "layers")


@pytest.mark.parametrize("key", ["somewhere/code.zip", code().key])
def test_a_stack_with_a_hash_matches_that_code_only(key: str) -> None:
    parameters = {"CodeKey": key, "CodeSha256": code().checksum}
    assert not matches_stack(parameters, code().sha256[:16] + "0" * 48)
    assert matches_stack(parameters, code().sha256)
    assert matches_stack(parameters, "")


def test_code_is_compared_with_the_hash_in_its_key() -> None:
    assert parse_code_key("image-pinner/1.0/abc.zip") == ("1.0", "abc")
    assert parse_code_key("somewhere/code.zip") == ("", "")
    assert matches_code_key("image-pinner/1.0/abc.zip", "abcdef")
    assert not matches_code_key("image-pinner/1.0/abc.zip", "fff")
    assert matches_code_key("somewhere/code.zip", "fff")
    assert read_sha256({"CodeSha256": "no base64!"}) == ""
