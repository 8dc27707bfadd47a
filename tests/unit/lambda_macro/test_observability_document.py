"""docs/observability.md documents the fields, failure kinds, metrics, queries and events of the macro."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from image_pinner.cli.deployment.probe import REQUEST_ID
from image_pinner.core.errors import SourceError
from image_pinner.core.template.problems import ProblemKind
from image_pinner.lambda_macro.log_record import (
    CONFIGURATION,
    GATE_METRICS,
    INTERNAL_ERROR,
    MAX_RECORD_BYTES,
    METRIC_UNITS,
)
from image_pinner.settings import Settings
from image_pinner.sources.aws.events import DENIED, MAX_ENTRIES, MAX_REQUEST_BYTES, PINNED, SECONDS, SOURCE
from support.macro import event_for
from support.project import text_of
from support.templates import task
from unit.lambda_macro.observed_registry import (
    HIGH_LIMITS,
    MARKED,
    ONE_BUS,
    FakeEventPublisher,
    ObservedRegistry,
    record_of,
    run,
    run_with_log,
)

TEXT, RUNBOOK = text_of("docs/observability.md"), text_of("docs/runbook.md")
IN_LAMBDA = SimpleNamespace(aws_request_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd")
WORDS = {
    "and",
    "as",
    "asc",
    "by",
    "desc",
    "display",
    "fields",
    "filter",
    "in",
    "into",
    "like",
    "or",
    "sort",
    "stats",
    "unnest",
}
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
CLOUDTRAIL = {"errorMessage", "eventName", "eventSource", "eventTime", "requestID", "sourceIPAddress"}
KINDS = {kind.value for kind in ProblemKind} | {CONFIGURATION, INTERNAL_ERROR}


class Raising(ObservedRegistry):
    """Resolvers with a bug."""

    def resolve_all(self, *_: Any) -> Any:
        raise ValueError("a bug")


def section(heading: str, text: str = TEXT) -> str:
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def first_column(heading: str) -> list[str]:
    rows = re.findall(r"^\| (`.*?) \|", section(heading), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def code(language: str, text: str = TEXT) -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for written, block in blocks if written == language]


QUERIES = [
    *code("", section("Query the log")),
    *code("", section("Who is blocked right now", RUNBOOK)),
]


def test_every_field_of_a_record_is_in_the_table_in_order() -> None:
    many = event_for({"Resources": {"Web": task(*[f"!PinDigest shop/web-{number}:1" for number in range(3000)])}})
    lines = [
        *map(json.loads, run_with_log(ObservedRegistry(), many, ONE_BUS | HIGH_LIMITS)[1]),
        record_of(Raising(), MARKED),
        record_of(ObservedRegistry(FakeEventPublisher(SourceError("no such bus"))), MARKED, ONE_BUS),
        record_of(
            ObservedRegistry(), event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1")}}), context=IN_LAMBDA
        ),
    ]
    documented = first_column("Log record")

    # The first four come from the event, in its order.
    fields = {name for line in lines for name in line}
    assert set(documented) == fields
    for line in lines:
        own = [name for name in line if name not in documented[:4]]
        assert own == [name for name in documented[4:] if name in line]


def test_every_field_of_a_call_is_named() -> None:
    call = record_of(ObservedRegistry())["calls"][0]

    row = re.search(r"^\| `calls` \| (.*) \|$", TEXT, re.MULTILINE)
    assert row
    assert re.findall(r"`(\w+)`", row[1]) == list(call)


def test_every_kind_of_failure_is_in_the_table() -> None:
    assert set(first_column("Failure kinds")) == KINDS


def test_every_metric_is_in_the_table_with_its_unit() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| `Macro`", section("Metrics"), re.MULTILINE)

    assert dict(rows) == METRIC_UNITS
    assert f"The namespace is `{Settings().metrics_namespace}`" in TEXT


def test_the_alarm_uses_an_existing_metric() -> None:
    alarm = yaml.safe_load(code("yaml")[0])["Properties"]

    dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
    assert (alarm["Namespace"], alarm["MetricName"]) == (Settings().metrics_namespace, "Failures")
    assert set(dimensions) == {"Macro", "Kind"}
    assert dimensions["Kind"] in KINDS


def fields_of(query: str) -> set[str]:
    """Return the fields of the record that a query uses, without those that it defines, as in `unnest … into image`."""
    plain = re.sub(r'"[^"]*"|/[^/\n]*/', "", query)
    defined = set(re.findall(r"\b(?:as|into) (\w+)", plain))
    names = set(re.findall(r"(?<![\w.@(])[a-zA-Z_][\w.]*(?!\w*\()", plain)) | set(re.findall(r"\((\w+)\)", plain))
    return {name for name in names - WORDS - defined if name.split(".")[0] not in defined}


def entries_of(query: str, name: str) -> set[str]:
    """Return the members that a query uses of a defined field."""
    return set(re.findall(rf"\b{name}\.(\w+)", query))


def test_the_fields_of_a_query_are_found() -> None:
    query = """filter ispresent(a) and b = "c" and d in ["e"] and f like /^g/
| fields jsonParse(@message) as line
| unnest line.h into i
| stats count_distinct(j) as k, min(@timestamp) as l by m, i.n
| display o.0.p
| sort k desc"""
    assert fields_of(query) == {"a", "b", "d", "f", "j", "m", "o.0.p"}
    assert (entries_of(query, "line"), entries_of(query, "i")) == ({"h"}, {"n"})


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_uses_existing_fields(query: str) -> None:
    succeeded = record_of(ObservedRegistry(), MARKED, ONE_BUS, context=IN_LAMBDA)
    failed = record_of(ObservedRegistry(), event_for({"Resources": {"Web": task("!PinDigest shop/web")}}))
    line = {**record_of(Raising()), **succeeded, **failed}
    entries = {"image": succeeded["images"][0], "call": succeeded["calls"][0]}
    entries |= {"problem": failed["problems"][0], "line": line}

    for name, members in entries.items():
        assert entries_of(query, name) <= set(members), name
    for name in fields_of(query):
        root, _, below = name.partition(".0.")
        assert root in line
        assert not below or below in line[root][0]


def test_the_runbook_omits_the_synthetic_events_of_status() -> None:
    for query in code("", section("Who is blocked right now", RUNBOOK)):
        assert f'requestId != "{REQUEST_ID}"' in query


def test_the_queries_of_cloudtrail_use_fields_of_its_records() -> None:
    queries = code("", section("Find the stack and the caller", RUNBOOK))
    assert len(queries) == 2
    for query in queries:
        names = {name for name in fields_of(query) if name not in CLOUDTRAIL}
        assert names <= {"requestParameters.stackName", "userIdentity.arn", "userIdentity.invokedBy"}
    assert "`requestID` is the\n`lambda_request_id` of the log record" in RUNBOOK


def test_the_documented_event_has_the_fields_of_a_sent_one() -> None:
    resolver_factory = ObservedRegistry()
    run(resolver_factory, MARKED, ONE_BUS)
    event, pattern, _ = (json.loads(text) for text in code("json"))

    detail = resolver_factory.publisher.details[0]
    assert pattern == {"source": [SOURCE], "detail-type": [PINNED]}
    assert (event["source"], event["detail-type"]) == (SOURCE, PINNED)
    assert list(event["detail"]) == list(detail)
    assert list(event["detail"]["images"][0]) == list(detail["images"][0])
    assert event["detail"]["version"] == detail["version"]


def test_the_documented_event_of_a_denial_has_the_fields_of_a_sent_one() -> None:
    gates = {"IMAGE_PINNER_GATES": "tags.deny=latest", "IMAGE_PINNER_DENIAL_EVENTS": "true"}
    resolver_factory = ObservedRegistry()
    run_with_log(
        resolver_factory, event_for({"Resources": {"Web": task("!PinDigest shop/web:latest")}}), ONE_BUS | gates
    )
    _, _, event = (json.loads(text) for text in code("json"))

    assert event["detail-type"] == DENIED
    assert event["detail"]["images"] == resolver_factory.publisher.details[0]["images"]
    assert resolver_factory.publisher.denied == [True]


def test_every_metric_of_a_gate_is_documented() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `Macro` and `Gate`", section("Metrics"), re.MULTILINE)
    assert rows == list(GATE_METRICS)


def test_the_documented_limits_are_the_actual_ones() -> None:
    assert MAX_RECORD_BYTES <= 256 * 1024
    assert "A record has at most 256 KB" in TEXT
    assert (SECONDS, MAX_ENTRIES, MAX_REQUEST_BYTES) == (2, 10, 256 * 1024)
    assert (
        "waits at most two seconds for each request to EventBridge, which has at most 10 events and 256 KB"
        in " ".join(TEXT.split())
    )
