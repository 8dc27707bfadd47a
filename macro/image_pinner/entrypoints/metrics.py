"""CloudWatch metrics in the line of the log: CloudWatch Logs makes them of it, and nobody is called for them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

MACRO, KIND = "Macro", "Kind"
"""The dimensions."""
UNITS = {"Images": "Count", "LookUps": "Count", "Latency": "Milliseconds", "Failures": "Count"}
"""The metrics."""

_MAX_VALUE = 1024  # characters of a dimension's value


class Measured(NamedTuple):
    """What is measured of an invocation.

    Args:
        macro: The name of the macro.
        timestamp: When the invocation began, in milliseconds since 1970.
        images: How many images got a digest.
        look_ups: How many questions were asked.
        latency: How many milliseconds the answer took.
        failure: The kind of the failure, or empty on success.
    """

    macro: str
    timestamp: int
    images: int
    look_ups: int
    latency: int
    failure: str


def metric_members(measured: Measured, namespace: str) -> dict[str, Any]:
    """Give the members of the line that make metrics of it.

    Args:
        measured: What was measured.
        namespace: The namespace of the metrics; empty for no metrics.

    Returns:
        `_aws`, the dimensions and the metrics; nothing without a namespace.
    """
    if not namespace:
        return {}
    of_macro = [[MACRO]]
    # Without its kind too: an alarm on all failures must not add up kinds that it does not know.
    of_failures = [[MACRO], [MACRO, KIND]] if measured.failure else of_macro
    every = [name for name in UNITS if name != "Failures"]
    directives = [_directive(namespace, of_macro, every), _directive(namespace, of_failures, ["Failures"])]
    return {
        "_aws": {"Timestamp": measured.timestamp, "CloudWatchMetrics": directives},
        MACRO: _dimension_value(measured.macro),
        **({KIND: measured.failure} if measured.failure else {}),
        "Images": measured.images,
        "LookUps": measured.look_ups,
        "Latency": measured.latency,
        "Failures": 1 if measured.failure else 0,
    }


def _directive(namespace: str, dimensions: list[list[str]], names: list[str]) -> dict[str, Any]:
    metrics = [{"Name": name, "Unit": UNITS[name]} for name in names]
    return {"Namespace": namespace, "Dimensions": dimensions, "Metrics": metrics}


def _dimension_value(text: str) -> str:
    """Give a text as CloudWatch takes it: ASCII, not blank, not with a colon in front.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
    """
    shown = "".join(char if char.isascii() and char.isprintable() else "?" for char in text).strip().lstrip(":")
    return shown[:_MAX_VALUE].strip() or "?"
