"""The log record of an invocation: requests, duration, failure kind and metrics."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from image_pinner import __version__
from image_pinner.core.errors import SourceError
from image_pinner.lambda_macro.log_record import MAX_RECORD_BYTES, Clocks
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner
from support.images import HEX
from support.macro import REQUEST_ID, RaisingResolvers, event_for, macro_in
from support.templates import task
from unit.lambda_macro.embedded_metrics import metrics_of
from unit.lambda_macro.observed_registry import (
    HIGH_LIMITS,
    MARKED,
    ONE_BUS,
    FakeEventPublisher,
    ObservedRegistry,
    clocks_at,
    record_of,
    run,
    run_with_log,
)

REFUSED = event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1")}})
MOVED = f"!PinDigest WhenMoved=Fail shop/web:1@sha256:{HEX}"
DENIED = event_for({"Resources": {"Web": task(MOVED)}})


def attempts(record: dict[str, Any]) -> dict[str, int]:
    return {call["operation"]: call["attempts"] for call in record["calls"]}


def failure_record(resolvers: Any, event: Any, **environment: str) -> dict[str, Any]:
    lines: list[str] = []
    response = macro_in(resolvers, environment, lines.append).answer(event, None)
    assert response["status"] == "failure"
    metrics_of(lines[0])
    found: dict[str, Any] = json.loads(lines[0])
    return found


@pytest.mark.parametrize(
    ("resolvers", "event", "environment", "kind"),
    [
        (None, REFUSED, {}, "template"),
        (None, {"requestId": "r"}, {}, "template"),
        (None, DENIED, {}, "policy"),
        (RaisingResolvers(SourceError("gone")), MARKED, {}, "lookup"),
        (RaisingResolvers(ValueError("a bug")), MARKED, {}, "internal error"),
        (None, MARKED, {"IMAGE_PINNER_WORKERS": "many"}, "configuration"),
    ],
    ids=["template", "no event", "policy", "lookup", "internal error", "configuration"],
)
def test_a_failure_has_its_kind_and_counts_no_image(
    resolvers: Any, event: Any, environment: dict[str, str], kind: str
) -> None:
    line = failure_record(resolvers, event, **environment)

    assert line["failure"] == line["Kind"] == kind
    assert (line["Failures"], line["Images"]) == (1, 0)


def test_the_failure_kind_is_the_most_severe_one() -> None:
    both = event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1", MOVED)}})

    assert failure_record(None, both)["failure"] == "policy"


def test_an_invalid_setting_is_logged_with_the_configured_macro_name_and_namespace() -> None:
    names = {"IMAGE_PINNER_MACRO_NAME": "Pins-v1", "IMAGE_PINNER_METRICS_NAMESPACE": "Platform"}

    line = failure_record(None, MARKED, IMAGE_PINNER_WORKERS="many", **names)
    other = failure_record(None, MARKED, **{**names, "IMAGE_PINNER_METRICS_NAMESPACE": "AWS/ECS"})

    assert (line["macro"], line["Macro"]) == ("Pins-v1", "Pins-v1")
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Platform"
    assert other["macro"] == "Pins-v1"
    assert other["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "ImagePinner"


def test_success_logs_the_macro_the_version_the_duration_and_the_requests() -> None:
    line = record_of(ObservedRegistry(), clocks=clocks_at(5.0, 5.1234))

    assert (line["macro"], line["image_pinner"], line["duration_ms"]) == ("ImagePinner", __version__, 123)
    assert (line["lookups"], attempts(line)) == (2, {"GET docker.io": 2})
    assert line["calls"][0]["duration_ms"] >= 0
    assert (line["Images"], line["Lookups"], line["Latency"], line["Failures"]) == (2, 2, 123, 0)
    assert line["_aws"]["Timestamp"] == 1_790_000_000_500
    assert "failure" not in line
    assert "event_status" not in line


def test_a_record_has_valid_metrics_unless_they_are_turned_off() -> None:
    _, line = run(ObservedRegistry())
    off = record_of(ObservedRegistry(), environment={"IMAGE_PINNER_METRICS_NAMESPACE": "none"})

    assert {datum.name for datum in metrics_of(line)} == {"Images", "Warnings", "Lookups", "Latency", "Failures"}
    assert not {"_aws", "Macro", "Images", "Warnings", "Lookups", "Latency", "Failures"} & set(off)
    assert {"macro", "duration_ms", "lookups", "calls"} < set(off)


def test_warnings_are_counted_also_of_a_template_that_fails() -> None:
    moved = f"!PinDigest shop/web:1@sha256:{'0' * 64}"

    warned = record_of(ObservedRegistry(), event_for({"Resources": {"Web": task(moved, moved)}}))
    failed = record_of(ObservedRegistry(), event_for({"Resources": {"Web": task(moved, "!PinDigest Shop/Web:1")}}))

    assert (warned["Warnings"], warned["Failures"]) == (len(warned["warnings"]), 0) == (2, 0)
    assert (failed["Warnings"], failed["Failures"]) == (len(failed["warnings"]), 1)


def test_the_record_has_the_request_id_of_lambda() -> None:
    # The requestId of the event is whatever its sender wrote; that of Lambda is in CloudTrail too.
    context = SimpleNamespace(aws_request_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd")

    assert record_of(ObservedRegistry(), context=context)["lambda_request_id"] == context.aws_request_id
    assert "lambda_request_id" not in record_of(ObservedRegistry())


def test_calls_are_those_of_the_invocation_although_clients_are_reused() -> None:
    resolver_factory = ObservedRegistry()

    first, second = record_of(resolver_factory), record_of(resolver_factory, event_for({"Resources": {}}))
    third = record_of(resolver_factory)

    assert attempts(first) == attempts(third) == {"GET docker.io": 2}
    assert (second["calls"], second["lookups"]) == ([], 0)


def test_lookups_include_those_of_parameters() -> None:
    event = event_for({"Resources": {"Web": task("!PinDigest shop/web:{{resolve:ssm:/tag}}", "!PinDigest a/b:1")}})

    assert failure_record(InMemoryRegistry(), event)["lookups"] == 2


def test_resolvers_without_call_stats_have_no_calls() -> None:
    lines: list[str] = []
    macro_in(log=lines.append).answer(MARKED, None)

    assert json.loads(lines[0])["calls"] == []


def test_the_response_does_not_depend_on_time_log_or_events() -> None:
    responses = {
        json.dumps(run(resolver_factory, MARKED, environment, clocks)[0])
        for resolver_factory, environment, clocks in [
            (ObservedRegistry(), {}, clocks_at(0.0, 0.0, wall=0.0)),
            (ObservedRegistry(), {}, clocks_at(0.0, 99.0)),
            (ObservedRegistry(), {"IMAGE_PINNER_METRICS_NAMESPACE": "none"}, Clocks()),
            (ObservedRegistry(), ONE_BUS, Clocks()),
            (ObservedRegistry(FakeEventPublisher(SourceError("denied"))), ONE_BUS, Clocks()),
            (ObservedRegistry(FakeEventPublisher(ValueError("a bug"))), ONE_BUS, Clocks()),
        ]
    }

    assert len(responses) == 1
    assert json.loads(responses.pop())["status"] == "success"


def test_a_large_report_is_in_several_records_that_have_every_image() -> None:
    count = 3000
    images = [f"!PinDigest shop/web-{number}:1" for number in range(count)]
    event = event_for({"Resources": {"Web": task(*images)}})

    response, lines = run_with_log(ObservedRegistry(), event, HIGH_LIMITS)

    parts = [json.loads(line) for line in lines]
    assert response["status"] == "success"
    assert all(len(line.encode()) <= MAX_RECORD_BYTES for line in lines)
    assert [part["part"] for part in parts] == list(range(1, parts[0]["parts"] + 1))
    assert {(part["requestId"], part["image_pinner"], part["status"]) for part in parts} == {
        (REQUEST_ID, __version__, "success")
    }
    assert len({image["path"] for part in parts for image in part.get("images", ())}) == count
    assert [part.get("Images") for part in parts] == [count] + [None] * (len(parts) - 1)
    metrics_of(lines[0])


def test_many_problems_and_hosts_are_all_logged() -> None:
    bad = [f"!PinDigest Shop/Web{'x' * 200}:{number}" for number in range(2000)]
    good = [f"!PinDigest host-{number}.example/{'y' * 100}:1" for number in range(3000)]
    event = event_for({"Resources": {"Web": task(*bad, *good)}})

    _, lines = run_with_log(ObservedRegistry(), event, HIGH_LIMITS)

    parts = [json.loads(line) for line in lines]
    assert all(len(line.encode()) <= MAX_RECORD_BYTES for line in lines)
    counts = {name: sum(len(part.get(name, ())) for part in parts) for name in ("calls", "problems")}
    assert counts == {"calls": 3000, "problems": 2000}


def test_long_fields_of_an_invented_event_are_not_logged() -> None:
    line = record_of(ObservedRegistry(), MARKED | {"requestId": "r" * 500_000, "transformId": ["x"] * 100_000})

    assert "requestId" not in line
    assert "transformId" not in line
    assert line["accountId"] == MARKED["accountId"]
    assert len(line["images"]) == 3


def test_short_fields_come_before_long_ones() -> None:
    # CloudWatch Logs Insights discovers the first 200 fields of a record.
    names = list(record_of(ObservedRegistry()))

    assert names[-4:] == ["calls", "problems", "warnings", "images"]


def test_a_clock_that_fails_costs_the_record_not_the_response() -> None:
    lines: list[str] = []
    clocks = clocks_at(0.0)

    response = macro_in(log=lines.append)._replace(clocks=clocks).answer(MARKED, None)

    assert response["status"] == "success"
    assert lines == []


def test_invoke_writes_the_same_record_as_the_function(tmp_path: Any) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(MARKED))

    line = json.loads(image_pinner("invoke", str(path)).err)

    assert set(line) == set(record_of(ObservedRegistry()))
