"""The metrics in the line keep the rules of the embedded metric format, whatever the macro is called."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.lambda_macro.log_record import Measured, metric_members
from unit.lambda_macro.embedded_metrics import Datum, metrics_of

WENT_WELL = Measured("ImagePinner", 1_790_000_000_000, 3, 5, 120, "")


def made(measured: Measured, namespace: str = "ImagePinner") -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    line = json.dumps(metric_members(measured, namespace))
    return {(datum.name, datum.dimensions): datum.value for datum in metrics_of(line)}


def test_without_a_namespace_there_are_no_metrics_and_no_members() -> None:
    assert metric_members(WENT_WELL, "") == {}


@pytest.mark.parametrize("kind", ["template", "lookup", "policy", "configuration", "defect"])
def test_a_failure_counts_once_in_all_and_once_in_its_kind(kind: str) -> None:
    found = made(WENT_WELL._replace(images=0, failure=kind))

    of_macro = (("Macro", "ImagePinner"),)
    assert found == {
        ("Images", of_macro): 0,
        ("LookUps", of_macro): 5,
        ("Latency", of_macro): 120,
        ("Failures", of_macro): 1,
        ("Failures", (*of_macro, ("Kind", kind))): 1,
    }


def test_success_counts_no_failure_so_that_a_rate_can_be_told() -> None:
    found = made(WENT_WELL)

    of_macro = (("Macro", "ImagePinner"),)
    assert found == {
        ("Images", of_macro): 3,
        ("LookUps", of_macro): 5,
        ("Latency", of_macro): 120,
        ("Failures", of_macro): 0,
    }


def test_units_namespace_and_time_are_told() -> None:
    data = metrics_of(json.dumps(metric_members(WENT_WELL, "Platform/Pins")))

    latency = next(datum for datum in data if datum.name == "Latency")
    assert latency == Datum(
        "Platform/Pins", "Latency", (("Macro", "ImagePinner"),), 120, "Milliseconds", 1_790_000_000_000
    )
    assert {datum.unit for datum in data if datum.name != "Latency"} == {"Count"}


@given(name=st.text())
def test_any_name_of_a_macro_is_a_value_that_cloudwatch_takes(name: str) -> None:
    assert made(WENT_WELL._replace(macro=name))


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Pins-v1", "Pins-v1"), (":Pins", "Pins"), ("Bücher", "B?cher"), (" ", "?"), ("x" * 2000, "x" * 1024)],
)
def test_what_cloudwatch_does_not_take_is_replaced(name: str, shown: str) -> None:
    assert metric_members(WENT_WELL._replace(macro=name), "N")["Macro"] == shown
