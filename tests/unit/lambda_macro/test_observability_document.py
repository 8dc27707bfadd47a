"""docs/observability.md says what the macro writes: fields, kinds, metrics, queries and the event."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from image_pinner.core.errors import SourceError
from image_pinner.core.template.problems import ProblemKind
from image_pinner.lambda_macro.log_record import CONFIGURATION, DEFECT, MAX_LINE_BYTES, UNITS
from image_pinner.settings import Settings
from image_pinner.sources.aws.events import DETAIL_TYPE, SECONDS, SOURCE
from support.macro import event_for
from support.project import text_of
from support.templates import task
from unit.lambda_macro.observed_worlds import MARKED, ONE_BUS, FakeEventPublisher, ObservedWorlds, line_of, run

TEXT = text_of("docs/observability.md")
KINDS = {kind.value for kind in ProblemKind} | {CONFIGURATION, DEFECT}


class Raising(ObservedWorlds):
    """Has a defect."""

    def resolve_all(self, *_: Any) -> Any:
        raise ValueError("a defect")


def section(heading: str) -> str:
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def first_column(heading: str) -> list[str]:
    rows = re.findall(r"^\| (`.*?) \|", section(heading), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def code(language: str, text: str = TEXT) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_every_field_of_a_line_is_in_the_table_in_the_order_of_the_line() -> None:
    many = event_for({"Resources": {"Web": task(*[f"!PinDigest shop/web-{number}:1" for number in range(3000)])}})
    lines = [
        line_of(ObservedWorlds(), many, ONE_BUS),
        line_of(Raising(), MARKED),
        line_of(ObservedWorlds(FakeEventPublisher(SourceError("gone"))), MARKED, ONE_BUS),
        line_of(ObservedWorlds(), event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1")}})),
    ]
    documented = first_column("Log record")

    # The event's own four arrive in its order.
    fields = {name for line in lines for name in line}
    assert set(documented) == fields
    for line in lines:
        own = [name for name in line if name not in documented[:4]]
        assert own == [name for name in documented[4:] if name in line]


def test_every_member_of_a_wait_is_named() -> None:
    wait = line_of(ObservedWorlds())["waits"][0]

    row = re.search(r"^\| `waits` \| (.*) \|$", TEXT, re.MULTILINE)
    assert row
    assert re.findall(r"`([^`]+)`", row[1]) == list(wait)


def test_every_kind_of_failure_is_in_the_table() -> None:
    assert set(first_column("Failure kinds")) == KINDS


def test_every_metric_is_in_the_table_with_its_unit() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| `Macro`", section("Metrics"), re.MULTILINE)

    assert dict(rows) == UNITS
    assert f"The namespace is `{Settings().metrics_namespace}`" in TEXT


def test_the_alarm_is_on_a_metric_that_there_is() -> None:
    alarm = yaml.safe_load(code("yaml")[0])["Properties"]

    dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
    assert (alarm["Namespace"], alarm["MetricName"]) == (Settings().metrics_namespace, "Failures")
    assert set(dimensions) == {"Macro", "Kind"}
    assert dimensions["Kind"] in KINDS


def test_the_queries_name_fields_that_there_are() -> None:
    line = line_of(ObservedWorlds(), MARKED, ONE_BUS)
    failed = line_of(ObservedWorlds(), event_for({"Resources": {"Web": task("!PinDigest Shop/Web:1")}}))
    entries = {
        "image": line["images"][0],
        "wait": line["waits"][0],
        "problem": failed["problems"][0],
        "line": {**line, **failed},
    }
    queries = code("", section("Query the log"))

    assert len(queries) == 4
    for query in queries:
        for name, member in re.findall(r"\b(image|wait|problem|line)\.(\w+)", query):
            assert member in entries[name], query
        for member in re.findall(r"ispresent\((\w+)\)|(?<=filter )(ledger|status)|(?<=and )(status)", query):
            assert "".join(member) in entries["line"], query


def test_the_event_has_the_form_of_those_that_are_put() -> None:
    resolver_factory = ObservedWorlds()
    run(resolver_factory, MARKED, ONE_BUS)
    event, pattern = (json.loads(text) for text in code("json"))

    detail = resolver_factory.kept.details[0]
    assert pattern == {"source": [SOURCE], "detail-type": [DETAIL_TYPE]}
    assert (event["source"], event["detail-type"]) == (SOURCE, DETAIL_TYPE)
    assert list(event["detail"]) == list(detail)
    assert list(event["detail"]["images"][0]) == list(detail["images"][0])
    assert event["detail"]["version"] == detail["version"]


def test_the_bounds_are_those_of_the_program() -> None:
    assert MAX_LINE_BYTES <= 256 * 1024
    assert "The record has at most 256 KB" in TEXT
    assert SECONDS == 2
    assert "waits at most two seconds for EventBridge" in TEXT
