"""The rules of CloudWatch's embedded metric format, and the metrics that CloudWatch extracts from a log record.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html,
read in November 2026.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

UNITS = {"Seconds", "Microseconds", "Milliseconds", "Bytes", "Percent", "Count", "Count/Second", "None"}
MAX_BYTES = 256 * 1024


class Datum(NamedTuple):
    """A value of a metric."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    value: float
    unit: str
    timestamp: int


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not valid JSON")


def metrics_of(line: str) -> set[Datum]:
    """Return the metrics in a log record after checking it against the rules."""
    assert len(line.encode()) <= MAX_BYTES
    root = json.loads(line, parse_constant=refuse_constant)
    metadata = root["_aws"]
    assert set(metadata) == {"Timestamp", "CloudWatchMetrics"}
    assert type(metadata["Timestamp"]) is int
    found: list[Datum] = []
    for directive in metadata["CloudWatchMetrics"]:
        found += _data(root, directive)
    assert len(found) == len(set(found))
    return set(found)


def _data(root: dict[str, Any], directive: dict[str, Any]) -> list[Datum]:
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert 1 <= len(directive["Namespace"]) <= 1024
    assert directive["Dimensions"]
    assert 1 <= len(directive["Metrics"]) <= 100
    data = []
    for dimensions in directive["Dimensions"]:
        assert len(dimensions) <= 30
        named = tuple((_key(name), _dimension(root[name])) for name in dimensions)
        for metric in directive["Metrics"]:
            assert set(metric) <= {"Name", "Unit", "StorageResolution"}
            assert 1 <= len(metric["Name"]) <= 1024
            assert metric["Unit"] in UNITS
            value = root[metric["Name"]]
            assert type(value) in {int, float}
            data.append(
                Datum(directive["Namespace"], metric["Name"], named, value, metric["Unit"], root["_aws"]["Timestamp"])
            )
    return data


def _key(name: str) -> str:
    assert 1 <= len(name) <= 250
    return name


def _dimension(value: Any) -> str:
    assert isinstance(value, str)
    assert 1 <= len(value) <= 1024
    assert value.isascii()
    assert value.isprintable()
    assert value.strip()
    assert not value.startswith(":")
    return value
