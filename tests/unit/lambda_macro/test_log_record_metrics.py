"""The metrics in a log record follow the rules of the embedded metric format, for any macro name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.lambda_macro.log_record import Metrics
from support.macro import event_for
from unit.lambda_macro.embedded_metrics import Datum, metrics_of
from unit.lambda_macro.observed_registry import MARKED, ObservedRegistry, run_with_log

SUCCESS = Metrics("ImagePinner", 1_790_000_000_000, 3, 2, 5, 120, "")


def metric_values(
    metrics: Metrics, namespace: str = "ImagePinner"
) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    line = json.dumps(metrics.to_json(namespace))
    return {(datum.name, datum.dimensions): datum.value for datum in metrics_of(line)}


def test_without_a_namespace_there_are_no_metrics() -> None:
    assert SUCCESS.to_json("") == {}


@pytest.mark.parametrize("kind", ["template", "lookup", "policy", "configuration", "internal error"])
def test_a_failure_is_counted_once_with_and_once_without_its_kind(kind: str) -> None:
    found = metric_values(SUCCESS._replace(images=0, failure=kind))

    of_macro = (("Macro", "ImagePinner"),)
    assert found == {
        ("Images", of_macro): 0,
        ("Warnings", of_macro): 2,
        ("Lookups", of_macro): 5,
        ("Latency", of_macro): 120,
        ("Failures", of_macro): 1,
        ("Failures", (*of_macro, ("Kind", kind))): 1,
    }


def test_success_counts_zero_failures_so_that_a_rate_can_be_computed() -> None:
    found = metric_values(SUCCESS)

    of_macro = (("Macro", "ImagePinner"),)
    assert found == {
        ("Images", of_macro): 3,
        ("Warnings", of_macro): 2,
        ("Lookups", of_macro): 5,
        ("Latency", of_macro): 120,
        ("Failures", of_macro): 0,
    }


def test_metrics_have_units_a_namespace_and_a_timestamp() -> None:
    data = metrics_of(json.dumps(SUCCESS.to_json("Platform/Pins")))

    latency = next(datum for datum in data if datum.name == "Latency")
    assert latency == Datum(
        "Platform/Pins", "Latency", (("Macro", "ImagePinner"),), 120, "Milliseconds", 1_790_000_000_000
    )
    assert {datum.unit for datum in data if datum.name != "Latency"} == {"Count"}


@given(name=st.text())
def test_any_macro_name_becomes_a_valid_dimension_value(name: str) -> None:
    assert metric_values(SUCCESS._replace(macro=name))


@pytest.mark.parametrize(
    ("name", "value"),
    [("Pins-v1", "Pins-v1"), (":Pins", "Pins"), ("Bücher", "B?cher"), (" ", "?"), ("x" * 2000, "x" * 1024)],
)
def test_characters_that_cloudwatch_rejects_are_replaced(name: str, value: str) -> None:
    assert SUCCESS._replace(macro=name).to_json("N")["Macro"] == value


GATED = {"IMAGE_PINNER_GATES": "tags.deny=1; repositories.allow=docker.io/shop/*; tags.mode=warn"}


def test_each_gate_that_is_on_has_a_record_with_its_metrics() -> None:
    _, lines = run_with_log(ObservedRegistry(), MARKED, GATED)
    records = [json.loads(line) for line in lines[1:]]
    assert [(record["Gate"], record["GateDenials"], record["GateWarnings"]) for record in records] == [
        ("repositories", 0, 0),
        ("tags", 0, 2),
    ]
    for record in records:
        (directive,) = record["_aws"]["CloudWatchMetrics"]
        assert directive["Dimensions"] == [["Macro", "Gate"]]
        assert {metric["Name"] for metric in directive["Metrics"]} <= record.keys()


def test_denied_images_are_counted_by_gate() -> None:
    _, lines = run_with_log(ObservedRegistry(), MARKED, {"IMAGE_PINNER_GATES": "repositories.allow=docker.io/shop/web"})
    assert json.loads(lines[-1])["GateDenials"] == 2


def test_without_metrics_there_are_no_records_of_gates() -> None:
    _, lines = run_with_log(ObservedRegistry(), MARKED, GATED | {"IMAGE_PINNER_METRICS_NAMESPACE": "none"})
    assert len(lines) == 1


def test_facts_that_are_not_known_are_counted_in_addition_to_the_verdict() -> None:
    _, lines = run_with_log(ObservedRegistry(), MARKED, {"IMAGE_PINNER_GATES": "age.minimum=3d; age.mode=warn"})
    record = json.loads(lines[-1])
    assert (record["Gate"], record["GateDenials"], record["GateWarnings"], record["GateUnknowns"]) == ("age", 0, 2, 2)


def test_the_images_of_a_snippet_are_counted_although_its_report_has_no_details() -> None:
    image = {"Fn::Sub": "!PinDigest shop/web:${Tag}"}
    event = event_for({"Name": "web", "Image": image}, {"Pin": "All"}, {"Tag": "latest"})
    environment = {"IMAGE_PINNER_GATES": "tags.deny=latest", "IMAGE_PINNER_SNIPPET_PARAMETERS": "Tag"}
    response, lines = run_with_log(ObservedRegistry(), event, environment)
    assert "details are not shown" in response["errorMessage"]
    assert json.loads(lines[-1])["GateDenials"] == 1
