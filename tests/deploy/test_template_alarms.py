"""The alarms of deploy/macro.yaml, and the dashboard that shows their state."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from deploy.installed import ALL_SWITCHES, Installed, template
from image_pinner.lambda_macro.log_record import CONFIGURATION, INTERNAL_ERROR, Metrics
from support.project import text_of

ALARM = "AWS::CloudWatch::Alarm"
ALWAYS = {"ErrorsAlarm", "ThrottlesAlarm", "DurationAlarm"}
OF_FAILURES = {"ConfigurationAlarm": CONFIGURATION, "InternalErrorAlarm": INTERNAL_ERROR}
OF_CHANGES = {"FunctionChangeAlarm"}
ON_THE_ALIAS = {"FunctionName": "Function", "Resource": "Function:live"}


def _alarms(parameters: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    resources = Installed(parameters or {}).resources()
    return {name: one["Properties"] for name, one in resources.items() if one["Type"] == ALARM}


def _dimensions(metric: Mapping[str, Any]) -> dict[str, str]:
    return {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}


def _shown(parameters: dict[str, str]) -> set[str]:
    """Return the alarms whose state the dashboard shows."""
    body = json.loads(Installed({**parameters, "Dashboard": "true"}).properties("MacroDashboard")["DashboardBody"])
    (widget,) = [one for one in body["widgets"] if one["type"] == "alarm"]
    return {arn.removesuffix(".Arn") for arn in widget["properties"]["alarms"]}


def _matches(pattern: Any, event: Any) -> bool:
    """Return whether an event pattern matches, with the operators that the template uses.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
    """
    if isinstance(pattern, dict):
        return all(_matches(below, event.get(key)) for key, below in pattern.items()) if event else False
    return event is not None and any(_accepts(one, event) for one in pattern)


def _accepts(accepted: Any, value: str) -> bool:
    match accepted:
        case str():
            return value == accepted
        case {"wildcard": text, **others} if not others:
            return fnmatch.fnmatchcase(value, text)
        case {"anything-but": {"prefix": start}, **others} if not others:
            return not value.startswith(start)
    raise NotImplementedError(f"{accepted} is not supported here")


@pytest.mark.parametrize(
    ("parameters", "alarms"),
    [
        ({}, ALWAYS | set(OF_FAILURES)),
        ({"MetricsNamespace": "none"}, ALWAYS),
        ({"ChangeAlarm": "true"}, ALWAYS | set(OF_FAILURES) | OF_CHANGES),
    ],
    ids=["by default", "without metrics", "with the alarm on changes"],
)
def test_there_is_an_alarm_for_everything_that_stops_deployments(parameters: dict[str, str], alarms: set[str]) -> None:
    assert set(_alarms(parameters)) == alarms
    assert _shown(parameters) == alarms


@pytest.mark.parametrize("name", sorted(ALWAYS | set(OF_FAILURES) | OF_CHANGES))
def test_an_alarm_notifies_a_topic_if_there_is_one(name: str) -> None:
    silent, notifying = _alarms({"ChangeAlarm": "true"})[name], _alarms(ALL_SWITCHES)[name]
    assert {"AlarmActions", "OKActions"}.isdisjoint(silent)
    topic = [ALL_SWITCHES["AlarmTopicArn"]]
    assert notifying["AlarmActions"] == topic
    # A change cannot be over.
    assert notifying.get("OKActions", []) == ([] if name in OF_CHANGES else topic)


@pytest.mark.parametrize("name", sorted(ALWAYS | set(OF_FAILURES) | OF_CHANGES))
def test_a_time_without_deployments_raises_no_alarm(name: str) -> None:
    assert _alarms({"ChangeAlarm": "true"})[name]["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize(("name", "metric"), [("ErrorsAlarm", "Errors"), ("ThrottlesAlarm", "Throttles")])
def test_one_invocation_without_a_response_is_an_alarm(name: str, metric: str) -> None:
    alarm = _alarms()[name]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == ("AWS/Lambda", metric, 1)
    assert _dimensions(alarm) == ON_THE_ALIAS


def test_a_duration_near_the_timeout_is_an_alarm() -> None:
    alarm = _alarms({"Timeout": "200"})["DurationAlarm"]
    percent, duration = alarm["Metrics"]
    metric = duration["MetricStat"]["Metric"]
    assert (metric["MetricName"], duration["MetricStat"]["Stat"], _dimensions(metric)) == (
        "Duration",
        "Maximum",
        ON_THE_ALIAS,
    )
    assert (duration["Id"], duration["ReturnData"], percent.get("ReturnData", True)) == ("duration", False, True)
    assert eval(percent["Expression"], {}, {"duration": 170_000}) == 85  # milliseconds of 200 seconds
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (80, "GreaterThanThreshold")


@pytest.mark.parametrize("name", OF_FAILURES)
def test_one_failure_that_affects_every_template_is_an_alarm(name: str) -> None:
    alarm = _alarms({"MacroName": "Pins", "MetricsNamespace": "Team/Pins"})[name]
    assert (alarm["Threshold"], alarm["Statistic"]) == (1, "Sum")
    written = Metrics("Pins", 0, 0, 0, 0, 0, OF_FAILURES[name]).to_json("Team/Pins")
    (directive,) = [
        one
        for one in written["_aws"]["CloudWatchMetrics"]
        if alarm["MetricName"] in {m["Name"] for m in one["Metrics"]}
    ]
    assert directive["Namespace"] == alarm["Namespace"]
    assert list(_dimensions(alarm)) in directive["Dimensions"]
    assert _dimensions(alarm) == {key: written[key] for key in _dimensions(alarm)}


def _call(event_name: str, function: str | None, service: str = "lambda") -> dict[str, Any]:
    parameters = {} if function is None else {"functionName": function}
    detail = {"eventSource": f"{service}.amazonaws.com", "eventName": event_name, "requestParameters": parameters}
    return {"source": f"aws.{service}", "detail-type": "AWS API Call via CloudTrail", "detail": detail}


@pytest.mark.parametrize(
    ("event", "reported"),
    [
        (_call("UpdateFunctionCode20150331v2", "Function"), True),
        (_call("UpdateFunctionConfiguration20150331v2", "Function"), True),
        (_call("UpdateAlias20150331", "arn:aws:lambda:eu-central-1:111122223333:function:Function"), True),
        (_call("PublishVersion20150331", "111122223333:function:Function"), True),
        (_call("AddPermission20150331v2", "Function:live"), True),
        (_call("PutFunctionConcurrency20171031", "Function"), True),
        (_call("DeleteFunction20150331", "Function"), True),
        (_call("OperationOfNextYear20270101", "Function"), True),
        (_call("Invoke", "arn:aws:lambda:eu-central-1:111122223333:function:Function:live"), False),
        (_call("UpdateFunctionCode20150331v2", "another"), False),
        (_call("PublishLayerVersion20181031", None), False),
        (_call("UpdateService", "Function", "ecs"), False),
    ],
    ids=lambda value: value["detail"]["eventName"] if isinstance(value, dict) else None,
)
def test_every_call_that_changes_the_function_is_reported(event: dict[str, Any], reported: bool) -> None:  # noqa: FBT001
    pattern = Installed({"ChangeAlarm": "true"}).properties("FunctionChangeRule")["EventPattern"]
    assert _matches(pattern, event) is reported


def test_the_alarm_on_changes_counts_the_events_of_its_rule() -> None:
    installed = Installed({"ChangeAlarm": "true"})
    alarm = installed.properties("FunctionChangeAlarm")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Events", "TriggeredRules")
    assert _dimensions(alarm) == {"RuleName": "FunctionChangeRule"}
    assert "EventBusName" not in installed.properties("FunctionChangeRule")  # CloudTrail sends to the default bus
    assert "Targets" not in installed.properties("FunctionChangeRule")
    (target,) = Installed(ALL_SWITCHES).properties("FunctionChangeRule")["Targets"]
    assert target["Arn"] == ALL_SWITCHES["AlarmTopicArn"]


def test_without_the_switch_there_is_no_rule() -> None:
    assert "FunctionChangeRule" not in Installed().resources()
    assert template()["Parameters"]["ChangeAlarm"]["Default"] == "false"


def test_every_alarm_is_documented() -> None:
    documented = re.findall(r"^\| `(\w+Alarm)` \|", text_of("docs/observability.md"), re.MULTILINE)
    assert sorted(documented) == sorted(_alarms({"ChangeAlarm": "true"}))
