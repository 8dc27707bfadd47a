"""Functions run as in Lambda, and what the service rejects is rejected here too."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from e2e.engine.cloudformation import Engine
from e2e.macro_stack import install_source
from e2e.stacks import StackFailedError, Stacks

pytestmark = pytest.mark.e2e

# A macro that writes its event and its environment to an SSM parameter.
SOURCE = """
import importlib.util, json, os, sys, time, boto3

def handler(event, context):
    what = event["params"].get("Do", "report")
    answer = {"requestId": event["requestId"], "status": "success", "fragment": event["fragment"]}
    if what == "hang":
        time.sleep(60)
    if what == "raise":
        raise ValueError("on purpose")
    if what == "change":
        answer["fragment"]["Parameters"]["More"] = {"Type": "String"}
    if what == "fail":
        answer |= {"status": "failure", "errorMessage": "on purpose"}
    if what == "call":
        boto3.client("ssm").get_parameters(Names=["/nobody/has/it"])
    if what == "report":
        result = {
            "event": sorted(event), "fragment": sorted(event["fragment"]), "params": event["params"],
            "values": event["templateParameterValues"],
            "variables": sorted(os.environ), "python": sys.version_info[:2],
            "jsonpath": importlib.util.find_spec("jsonpath_ng") is not None,
            "left": context.get_remaining_time_in_millis(), "arn": context.invoked_function_arn,
        }
        answer["fragment"]["Resources"]["Kept"]["Properties"]["Value"] = json.dumps(result)
    return answer
"""
TEMPLATE = """
Transform: [{Name: Probe, Parameters: {Do: !Ref Do, Names: !Ref Names}}]
Parameters:
  Do: {Type: String}
  Names: {Type: CommaDelimitedList, Default: "a,b"}
Resources:
  Kept: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: nothing}}
"""


@pytest.fixture(scope="module", autouse=True)
def probe(running_engine: Engine) -> Iterator[None]:
    install_source(running_engine, "Probe", SOURCE, seconds=3)
    # The engine loads a service at the first request, which would take most of the timeout of the function.
    running_engine.client("ssm").describe_parameters()
    yield
    Stacks(running_engine).delete("macro-Probe")


def _fails(engine: Engine, what: str) -> str:
    stacks = Stacks(engine)
    with pytest.raises(StackFailedError):
        stacks.create(f"probe-{what}", TEMPLATE, {"Do": what})
    return " ".join(stacks.reasons(f"probe-{what}"))


def test_a_function_is_stopped_at_its_timeout(engine: Engine) -> None:
    assert "Received malformed response from transform 000000000000::Probe" in _fails(engine, "hang")
    assert "Task timed out after 3.00 seconds" in engine.invocations()[-1]["error"]


def test_a_function_that_raises_has_the_reason_of_the_service(engine: Engine) -> None:
    assert "Received malformed response from transform 000000000000::Probe" in _fails(engine, "raise")
    assert engine.invocations()[-1]["error"] == "on purpose"


def test_the_message_of_a_macro_is_in_the_events(engine: Engine) -> None:
    assert "Transform 000000000000::Probe failed with: on purpose. Rollback requested by user." in _fails(
        engine, "fail"
    )


def test_a_macro_that_changes_parameters_is_rejected_although_the_engine_accepts_it(engine: Engine) -> None:
    assert "malformed response" in _fails(engine, "change")
    assert engine.new_violations() == ["the macro changed Parameters"]


def test_only_what_functions_call_is_among_the_calls(engine: Engine) -> None:
    Stacks(engine).create("probe-call", TEMPLATE, {"Do": "call"})
    assert [(call.action, call.resources) for call in engine.calls.all()] == [
        ("ssm:GetParameters", ("arn:aws:ssm:eu-central-1:000000000000:parameter/nobody/has/it",)),
    ]
    assert "cloudformation:CreateStack" in engine.requests.actions()


def test_a_function_is_sent_what_the_service_sends_and_has_its_own_environment_only(engine: Engine) -> None:
    Stacks(engine).create("probe-report", TEMPLATE, {"Do": "report"})
    processed = Stacks(engine).processed("probe-report")
    result = json.loads(processed["Resources"]["Kept"]["Properties"]["Value"])
    assert result["fragment"] == ["Parameters", "Resources"]
    assert len(result["event"]) == 7
    assert result["params"] == {"Do": "report", "Names": ["a", "b"]}
    assert result["values"] == {"Do": "report", "Names": ["a", "b"]}
    assert result["python"] == [3, 13]
    assert result["jsonpath"] is False
    assert 0 < result["left"] <= 3000
    assert result["arn"].startswith("arn:aws:lambda:eu-central-1:000000000000:function:")
    assert "AWS_ENDPOINT_URL_ECR" in result["variables"]
    assert not {"HOME", "PYTHONPATH", "GATEWAY_LISTEN", "IMAGE_PINNER_E2E_SETTINGS"} & set(result["variables"])


def test_a_tag_that_the_service_does_not_know_is_rejected_from_any_client(engine: Engine, tmp_path: Path) -> None:
    template = "Transform: Probe\nResources: {A: {Type: AWS::SNS::Topic, Properties: {TopicName: !PinDigest a}}}"
    with pytest.raises(ClientError, match="the tag !PinDigest in line 2"):
        engine.client("cloudformation").create_stack(StackName="refused", TemplateBody=template)
    file = tmp_path / "template.yaml"
    file.write_text(template, "utf-8")
    run = subprocess.run(
        [engine.aws, "cloudformation", "validate-template", "--template-body", f"file://{file}"],
        env={**os.environ, **engine.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "(ValidationError)" in run.stderr
    assert "the tag !PinDigest in line 2" in run.stderr
