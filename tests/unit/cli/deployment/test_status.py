"""The status of an installed macro."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from image_pinner import __version__
from image_pinner.cli.deployment.configuration import find_drift
from image_pinner.cli.deployment.install import install
from image_pinner.cli.deployment.status import (
    InstallationStatus,
    describe_record,
    matches_code_key,
    matches_stack,
    parse_code_key,
    read_sha256,
    read_status,
)
from support.deployment.fake_clients import Refusal, denied
from support.deployment.fake_function import FakeFunction
from support.deployment.scene import REGION, Scene, code, request, template

FAILURE = {"status": "failure", "problems": [{"path": "Resources.A", "cause": "no image", "help": "Push it"}, {}]}


@pytest.fixture
def function(aws: Scene) -> FakeFunction:
    return FakeFunction(aws)


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


def test_what_cannot_be_found_out_does_not_hide_the_others(aws: Scene, function: FakeFunction) -> None:
    install(aws.session, REGION, request())

    def refuse(operation: str, given: object) -> dict[str, Any]:  # noqa: ARG001 - a fake's signature
        raise denied(f"x:{operation}")

    aws.answers |= {"logs": refuse, "lambda": refuse}
    del function

    found = status(aws)

    assert found.version == "1.2.3"
    assert found.alarms == {"ErrorsAlarm": "OK"}
    assert [("x:GetAlias" in one, "x:FilterLogEvents" in one) for one in found.unknown] == [
        (True, False),
        (False, True),
    ]


def test_code_that_was_replaced_is_reported(aws: Scene, function: FakeFunction) -> None:
    install(aws.session, REGION, request())
    function.acting["CodeSha256"] = base64.b64encode(hashlib.sha256(b"evil").digest()).decode()
    found = status(aws)
    assert found.tampered
    assert not found.healthy
    assert any(
        "WARNING: the function's code is not the code that the stack installed" in line for line in found.lines("1")
    )


def test_a_deleted_function_is_reported(aws: Scene, function: FakeFunction) -> None:
    install(aws.session, REGION, request())

    def gone(operation: str, given: object) -> dict[str, Any]:  # noqa: ARG001 - a fake's signature
        raise Refusal("ResourceNotFoundException", "Function not found: f:live", 404)

    aws.answers["lambda"] = gone
    found = status(aws)
    assert not found.healthy
    assert "  function name image-pinner-Function-1, state Deleted, reason Function not found: f:live" in found.lines(
        "1"
    )
    del function


@pytest.mark.parametrize(
    ("broken", "reason"), [("ROLLBACK_COMPLETE", "it failed"), ("UPDATE_ROLLBACK_FAILED", "no way back")]
)
def test_a_failed_stack_is_reported_with_its_reason(aws: Scene, broken: str, reason: str) -> None:
    stack = aws.cloud.stack("image-pinner", broken, parameters={"MacroName": "ImagePinner"})
    stack.reason = reason
    found = status(aws)
    assert not found.healthy
    assert next(iter(found.lines("1"))) == f"{REGION}: stack image-pinner is in {broken}: {reason}"


def test_a_healthy_macro_is_reported_completely(aws: Scene, function: FakeFunction) -> None:
    install(aws.session, REGION, request(parameters={"Pin": "All", "KeepDeployed": "true", "LayerArns": "arn:a,arn:b"}))
    function.acting["Layers"] = function.latest["Layers"] = [{"Arn": "arn:a"}, {"Arn": "arn:b"}]
    function.events = [(aws.now() - 7200, "old"), (aws.now() - 5000, json.dumps(FAILURE))]

    found = status(aws)

    assert found.healthy
    assert (found.version, found.package, found.macro) == ("1.2.3", code().sha256, "ImagePinner")
    assert found.configuration == {"Pin": "All", "KeepDeployed": "true", "LayerArns": "arn:a,arn:b"}
    assert (found.drift, found.configuration_error, found.probes) == ((), "", ())
    assert found.last_failure["message"] == "Resources.A: no image: Push it (+1 more)"
    assert found.last_failure["time"].endswith("+00:00")
    assert found.unknown == ()
    lines = list(found.lines("9.9"))
    assert "  macro ImagePinner, ImagePinner 1.2.3 (this command is 9.9)" in lines
    assert "  Pin = All" in lines
    assert "  alarm ErrorsAlarm: OK" in lines
    assert json.loads(json.dumps(found.to_json()))["configuration"] == dict(found.configuration)
    assert found.to_json()["healthy"]


@pytest.mark.parametrize(("state", "healthy"), [("OK", True), ("INSUFFICIENT_DATA", True), ("ALARM", False)])
def test_a_macro_is_not_healthy_while_an_alarm_fires(
    aws: Scene,
    function: FakeFunction,
    state: str,
    healthy: bool,  # noqa: FBT001
) -> None:
    install(aws.session, REGION, request())
    function.alarm_state = state
    found = status(aws)
    assert (found.healthy, found.to_json()["healthy"], found.alarms) == (healthy, healthy, {"ErrorsAlarm": state})


@pytest.mark.parametrize("version", ["1.2.3", __version__])
def test_an_invalid_configuration_is_reported(aws: Scene, function: FakeFunction, version: str) -> None:
    install(aws.session, REGION, request(code=code(version=version), parameters={"Mirrors": "password"}))
    found = status(aws)
    assert not found.healthy
    (line,) = [line for line in found.lines("1") if "WARNING" in line]
    assert line.startswith(
        "  WARNING: every template fails: invalid IMAGE_PINNER_MIRRORS; help: write each registry once"
    )
    assert "password" not in line
    assert found.drift == ()
    del function


def test_only_the_same_version_knows_all_settings(aws: Scene, function: FakeFunction) -> None:
    changed = {"Environment": {"Variables": {"IMAGE_PINNER_OF_NEXT_YEAR": "1"}}}
    for version, cause in (("1.2.3", ""), (__version__, "unknown setting IMAGE_PINNER_OF_NEXT_YEAR")):
        aws.cloud.stacks.clear()
        install(aws.session, REGION, request(code=code(version=version)))
        function.acting |= changed
        assert status(aws).configuration_error.partition(";")[0] == cause


@pytest.mark.parametrize("version", ["1", "$LATEST"])
@pytest.mark.parametrize(
    ("change", "drift"),
    [
        ({"MemorySize": 1024}, "memory"),
        ({"Handler": "evil.handler"}, "handler"),
        ({"Role": "arn:aws:iam::111122223333:role/administrator"}, "role"),
        ({"Layers": [{"Arn": "arn:evil"}]}, "layers"),
        ({"IMAGE_PINNER_PIN": "Marked"}, "IMAGE_PINNER_PIN"),
        ({"IMAGE_PINNER_STATE_SCOPE": "stack:*"}, "IMAGE_PINNER_STATE_SCOPE"),
        ({"AWS_ENDPOINT_URL": "https://evil.example"}, "AWS_ENDPOINT_URL"),
        ({"MALLOC_ARENA_MAX": "1"}, "MALLOC_ARENA_MAX"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_function_that_drifted_is_reported(
    aws: Scene, function: FakeFunction, version: str, change: dict[str, Any], drift: str
) -> None:
    install(aws.session, REGION, request(parameters={"Pin": "All"}))
    aws.cloud.live("image-pinner").parameters["Revision"] = "" if version == "$LATEST" else version
    variables = {name: value for name, value in change.items() if name.isupper()}
    running = {name: value for name, value in change.items() if name not in variables}
    environment = {"Environment": {"Variables": function.variables() | variables}}
    changed = environment | running
    function.acting |= {"Version": version} | changed
    function.latest |= changed
    found = status(aws)
    assert (found.drift, found.healthy, found.unknown) == ((drift,), False, ())
    assert f"  WARNING: the function that runs is not what the stack installed: {drift}" in found.lines("1")


def test_a_pending_change_is_drift(aws: Scene, function: FakeFunction) -> None:
    install(aws.session, REGION, request())
    function.latest |= {"Timeout": 10, "Role": "arn:aws:iam::111122223333:role/other"}
    assert status(aws).drift == ("timeout", "role")


def test_an_alias_that_was_moved_is_drift(aws: Scene, function: FakeFunction) -> None:
    install(aws.session, REGION, request())
    function.routing = {"RoutingConfig": {"AdditionalVersionWeights": {"7": 0.99}}}
    assert status(aws).drift == ("alias",)
    function.routing = {}
    assert status(aws).drift == ()
    function.acting["Version"] = "7"
    found = status(aws)
    assert (found.drift, found.healthy) == (("alias",), False)


def test_unreadable_variables_and_templates_are_unknown_and_not_drift(aws: Scene, function: FakeFunction) -> None:
    install(aws.session, REGION, request())
    function.acting["Environment"] = {
        "Error": {"ErrorCode": "AccessDeniedException", "Message": "kms:Decrypt is denied"}
    }
    aws.cloud.refusals["GetTemplate"] = denied("cloudformation:GetTemplate")
    found = status(aws)
    assert (found.drift, found.configuration_error, found.healthy) == ((), "", True)
    environment, read = found.unknown
    assert environment == "environment variables of the function: kms:Decrypt is denied"
    assert "is not allowed to call cloudformation:GetTemplate" in read


def test_a_stack_with_another_template_has_no_drift(aws: Scene, function: FakeFunction) -> None:
    install(aws.session, REGION, request())
    aws.cloud.live("image-pinner").template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    assert status(aws).drift == ()
    del function


def test_an_old_failure_is_found(aws: Scene, function: FakeFunction) -> None:
    install(aws.session, REGION, request())
    function.events = [(aws.now() - 20 * 86_400, '{"status": "failure", "exception": "KeyError"}')]
    assert status(aws).last_failure["message"] == "internal error in ImagePinner (KeyError)"


def test_a_deleted_log_group_is_unknown(aws: Scene, function: FakeFunction) -> None:
    install(aws.session, REGION, request())

    def gone(operation: str, given: object) -> dict[str, Any]:  # noqa: ARG001 - a fake's signature
        raise Refusal("ResourceNotFoundException", "The specified log group does not exist.")

    aws.answers["logs"] = gone
    assert "The specified log group does not exist" in status(aws).unknown[0]
    del function


@pytest.mark.parametrize(
    ("line", "described"),
    [
        ("Task timed out after 90 seconds", "Task timed out after 90 seconds"),
        ("[1]", "[1]"),
        ('{"status": "failure"}', '{"status": "failure"}'),
        ('{"problems": [{"cause": "a", "help": "B"}]}', "a: B"),
        ('{"problems": ["odd"], "cause": "c"}', "c"),
    ],
)
def test_a_log_record_is_described(line: str, described: str) -> None:
    assert describe_record(line) == described


def test_an_alias_to_latest_has_no_drift() -> None:
    assert find_drift({"Version": "$LATEST", "Timeout": 1}, {"Timeout": 2}, None) == ()


def test_drift_of_layers_and_variables_is_found() -> None:
    acting = {"Version": "1", "Layers": [{"Arn": "a"}], "Environment": {"Variables": {"A": "", "B": "1"}}}
    assert find_drift(acting, {"Version": "$LATEST"}, None) == ("B", "layers")


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
