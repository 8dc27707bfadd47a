"""docs/observability.md documents the fields, failure kinds, metrics, queries and events of the macro."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from image_pinner.core.errors import SourceError
from image_pinner.core.template.problems import ProblemKind
from image_pinner.lambda_macro.log_record import CONFIGURATION, INTERNAL_ERROR, MAX_RECORD_BYTES, METRIC_UNITS
from image_pinner.settings import Settings
from image_pinner.sources.aws.events import DETAIL_TYPE, MAX_ENTRIES, MAX_REQUEST_BYTES, SECONDS, SOURCE
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

TEXT = text_of("docs/observability.md")
KINDS = {kind.value for kind in ProblemKind} | {CONFIGURATION, INTERNAL_ERROR}


class Raising(ObservedRegistry):
    """Resolvers with a bug."""

    def resolve_all(self, *_: Any) -> Any:
        raise ValueError("a bug")


def section(heading: str) -> str:
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def first_column(heading: str) -> list[str]:
    rows = re.findall(r"^\| (`.*?) \|", section(heading), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def code(language: str, text: str = TEXT) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_every_field_of_a_record_is_in_the_table_in_order() -> None:
    many = event_for({"Resources": {"Web": task(*[f"!PinDigest shop/web-{number}:1" for number in range(3000)])}})
    lines = [
        *map(json.loads, run_with_log(ObservedRegistry(), many, ONE_BUS | HIGH_LIMITS)[1]),
        record_of(Raising(), MARKED),
        record_of(ObservedRegistry(FakeEventPublisher(SourceError("no such bus"))), MARKED, ONE_BUS),
        record_of(ObservedRegistry(), event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1")}})),
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


def test_the_queries_use_existing_fields() -> None:
    line = record_of(ObservedRegistry(), MARKED, ONE_BUS)
    failed = record_of(ObservedRegistry(), event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1")}}))
    entries = {
        "image": line["images"][0],
        "call": line["calls"][0],
        "problem": failed["problems"][0],
        "line": {**line, **failed},
    }
    queries = code("", section("Query the log"))

    assert len(queries) == 4
    for query in queries:
        for name, member in re.findall(r"\b(image|call|problem|line)\.(\w+)", query):
            assert member in entries[name], query
        for member in re.findall(r"ispresent\((\w+)\)|(?<=filter )(event_status|status)|(?<=and )(status)", query):
            assert "".join(member) in entries["line"], query


def test_the_documented_event_has_the_fields_of_a_sent_one() -> None:
    resolver_factory = ObservedRegistry()
    run(resolver_factory, MARKED, ONE_BUS)
    event, pattern = (json.loads(text) for text in code("json"))

    detail = resolver_factory.publisher.details[0]
    assert pattern == {"source": [SOURCE], "detail-type": [DETAIL_TYPE]}
    assert (event["source"], event["detail-type"]) == (SOURCE, DETAIL_TYPE)
    assert list(event["detail"]) == list(detail)
    assert list(event["detail"]["images"][0]) == list(detail["images"][0])
    assert event["detail"]["version"] == detail["version"]


def test_the_documented_limits_are_the_actual_ones() -> None:
    assert MAX_RECORD_BYTES <= 256 * 1024
    assert "A record has at most 256 KB" in TEXT
    assert (SECONDS, MAX_ENTRIES, MAX_REQUEST_BYTES) == (2, 10, 256 * 1024)
    assert (
        "waits at most two seconds for each request to EventBridge, which has at most 10 events and 256 KB"
        in " ".join(TEXT.split())
    )
