"""What the line in the log tells of an invocation: what it asked, how long it took, and metrics."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner import __version__
from image_pinner.core.errors import SourceError
from image_pinner.lambda_macro.log_record import MAX_LINE_BYTES, Clocks
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner
from support.macro import RaisingWorld, event_for, macro_in
from support.templates import task
from unit.lambda_macro.embedded_metrics import metrics_of
from unit.lambda_macro.observed_worlds import (
    MARKED,
    ONE_BUS,
    FakeEventPublisher,
    ObservedWorlds,
    clocks_at,
    line_of,
    run,
)

REFUSED = event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1")}})
IMPLICIT = event_for({"Resources": {"Web": task("!PinDigest shop/web")}})


def failure_line(resolvers: Any, event: Any, **environment: str) -> dict[str, Any]:
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
        (None, IMPLICIT, {}, "policy"),
        (RaisingWorld(SourceError("gone")), MARKED, {}, "lookup"),
        (RaisingWorld(ValueError("a defect")), MARKED, {}, "defect"),
        (None, MARKED, {"IMAGE_PINNER_WORKERS": "many"}, "configuration"),
    ],
    ids=["template", "no event", "policy", "lookup", "defect", "configuration"],
)
def test_a_failure_tells_its_kind_and_counts_no_image(
    resolvers: Any, event: Any, environment: dict[str, str], kind: str
) -> None:
    line = failure_line(resolvers, event, **environment)

    assert line["failure"] == line["Kind"] == kind
    assert (line["Failures"], line["Images"]) == (1, 0)


def test_the_gravest_kind_is_that_of_a_template_with_several() -> None:
    both = event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1", "!PinDigest shop/web")}})

    assert failure_line(None, both)["failure"] == "policy"


def test_a_wrong_setting_is_told_under_the_names_that_the_operator_gave() -> None:
    names = {"IMAGE_PINNER_MACRO_NAME": "Pins-v1", "IMAGE_PINNER_METRICS_NAMESPACE": "Platform"}

    line = failure_line(None, MARKED, IMAGE_PINNER_WORKERS="many", **names)
    other = failure_line(None, MARKED, **{**names, "IMAGE_PINNER_METRICS_NAMESPACE": "AWS/ECS"})

    assert (line["macro"], line["Macro"]) == ("Pins-v1", "Pins-v1")
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Platform"
    assert other["macro"] == "Pins-v1"
    assert other["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "ImagePinner"


def test_success_tells_the_macro_the_version_the_time_and_what_was_asked() -> None:
    line = line_of(ObservedWorlds(), clocks=clocks_at(5.0, 5.1234))

    assert (line["macro"], line["image_pinner"], line["duration_ms"]) == ("ImagePinner", __version__, 123)
    assert (line["look_ups"], line["calls"]) == (2, {"GET docker.io": 2})
    assert [(wait["call"], wait["tries"]) for wait in line["waits"]] == [("GET docker.io", 2)]
    assert line["waits"][0]["ms"] >= 0
    assert (line["Images"], line["LookUps"], line["Latency"], line["Failures"]) == (2, 2, 123, 0)
    assert line["_aws"]["Timestamp"] == 1_790_000_000_500
    assert "failure" not in line
    assert "ledger" not in line


def test_the_line_makes_metrics_by_the_rules_and_none_where_they_are_turned_off() -> None:
    _, line = run(ObservedWorlds())
    off = line_of(ObservedWorlds(), environment={"IMAGE_PINNER_METRICS_NAMESPACE": "none"})

    assert {datum.name for datum in metrics_of(line)} == {"Images", "LookUps", "Latency", "Failures"}
    assert not {"_aws", "Macro", "Images", "LookUps", "Latency", "Failures"} & set(off)
    assert {"macro", "duration_ms", "look_ups", "calls"} < set(off)


def test_calls_are_those_of_the_invocation_although_clients_live_on() -> None:
    resolver_factory = ObservedWorlds()

    first, second = line_of(resolver_factory), line_of(resolver_factory, event_for({"Resources": {}}))
    third = line_of(resolver_factory)

    assert first["calls"] == third["calls"] == {"GET docker.io": 2}
    assert (second["calls"], second["look_ups"]) == ({}, 0)


def test_look_ups_count_the_questions_about_parameters_too() -> None:
    event = event_for({"Resources": {"Web": task("!PinDigest shop/web:{{resolve:ssm:/tag}}", "!PinDigest a/b:1")}})

    assert failure_line(InMemoryRegistry(), event)["look_ups"] == 2


def test_a_plain_world_has_no_calls_to_tell() -> None:
    lines: list[str] = []
    macro_in(log=lines.append).answer(MARKED, None)

    assert json.loads(lines[0])["calls"] == {}


def test_the_same_registry_gives_the_same_bytes_whatever_the_time_the_log_and_the_ledger() -> None:
    answers = {
        json.dumps(run(resolver_factory, MARKED, environment, clocks)[0])
        for resolver_factory, environment, clocks in [
            (ObservedWorlds(), {}, clocks_at(0.0, 0.0, wall=0.0)),
            (ObservedWorlds(), {}, clocks_at(0.0, 99.0)),
            (ObservedWorlds(), {"IMAGE_PINNER_METRICS_NAMESPACE": "none"}, Clocks()),
            (ObservedWorlds(), ONE_BUS, Clocks()),
            (ObservedWorlds(FakeEventPublisher(SourceError("denied"))), ONE_BUS, Clocks()),
            (ObservedWorlds(FakeEventPublisher(ValueError("a defect"))), ONE_BUS, Clocks()),
        ]
    }

    assert len(answers) == 1
    assert json.loads(answers.pop())["status"] == "success"


def test_a_big_report_keeps_to_the_limit_and_says_how_much_is_missing() -> None:
    count = 3000
    images = [f"!PinDigest shop/web-{number}:1" for number in range(count)]
    event = event_for({"Resources": {"Web": task(*images)}})

    response, text = run(ObservedWorlds(), event)

    line = json.loads(text)
    assert response["status"] == "success"
    assert len(text.encode()) <= MAX_LINE_BYTES
    assert line["left_out"] == {"images": count - len(line["images"])}
    assert len(line["images"]) > 500
    assert line["Images"] == count
    metrics_of(text)


def test_many_problems_and_hosts_leave_room_for_each_other() -> None:
    bad = [f"!PinDigest Shop/Web{'x' * 200}:{number}" for number in range(2000)]
    good = [f"!PinDigest host-{number}.example/{'y' * 100}:1" for number in range(3000)]
    event = event_for({"Resources": {"Web": task(*bad, *good)}})

    _, text = run(ObservedWorlds(), event)

    line = json.loads(text)
    assert len(text.encode()) <= MAX_LINE_BYTES
    assert set(line["left_out"]) >= {"problems", "images"}
    assert min(len(line[name]) for name in ("calls", "problems", "images")) > 50


def test_a_made_up_event_does_not_push_out_the_rest() -> None:
    line = line_of(ObservedWorlds(), MARKED | {"requestId": "r" * 500_000, "transformId": ["x"] * 100_000})

    assert "requestId" not in line
    assert "transformId" not in line
    assert line["accountId"] == MARKED["accountId"]
    assert len(line["images"]) == 3


def test_short_members_stand_before_long_ones() -> None:
    # CloudWatch Logs Insights finds the first 200 fields of a line.
    names = list(line_of(ObservedWorlds()))

    assert names[-5:] == ["calls", "waits", "problems", "warnings", "images"]


def test_a_clock_that_goes_wrong_costs_the_line_and_not_the_answer() -> None:
    lines: list[str] = []
    clocks = clocks_at(0.0)

    response = macro_in(log=lines.append)._replace(clocks=clocks).answer(MARKED, None)

    assert response["status"] == "success"
    assert lines == []


def test_the_command_that_invokes_writes_the_line_of_the_lambda(tmp_path: Any) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(MARKED))

    line = json.loads(image_pinner("invoke", str(path)).err)

    assert set(line) == set(line_of(ObservedWorlds()))
