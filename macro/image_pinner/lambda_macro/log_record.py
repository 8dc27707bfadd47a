"""The log record of an invocation, which contains CloudWatch metrics, and the detail of the EventBridge event.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from image_pinner import __version__
from image_pinner.core.errors import ConfigurationError, ImagePinnerError, TemplateError
from image_pinner.core.gates.enabled import DENY, UNKNOWN, WARN
from image_pinner.core.images.lookups import ImageLookup, Resolution
from image_pinner.core.intrinsics.values import Answer, ExternalValue
from image_pinner.core.outcomes import Pinned
from image_pinner.core.report import REPORT_VERSION, Denial, PinReport, decision_of, describe_gate, most_severe
from image_pinner.core.template.problems import ProblemKind
from image_pinner.pinning import Resolvers
from image_pinner.settings import SETTING_RULES, Settings
from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.interface import Deadline

MAX_RECORD_BYTES = 256 * 1024 - 64
"""The maximum size of a record in UTF-8. CloudWatch Logs accepts events of 1 MB since 2025, and accepted 256 KB before,
26 bytes of them its own; what is between a function and its log may still have the old limit.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"""
CONFIGURATION, INTERNAL_ERROR = "configuration", "internal error"
"""Failure kinds in addition to those of `ProblemKind`."""
METRIC_UNITS = {
    "Images": "Count",
    "Warnings": "Count",
    "Lookups": "Count",
    "Latency": "Milliseconds",
    "Failures": "Count",
}
GATE_METRICS = {"GateDenials": DENY, "GateWarnings": WARN, "GateUnknowns": UNKNOWN}
"""The metrics of each gate, all of them counts: of two verdicts, and of facts that are not known."""

_LARGEST_COUNT = 10**9
_MAX_TEXT = 1000  # characters of one text: a path can be as long as the template, and so can each of many
_HALF_TEXT = _MAX_TEXT // 2
_REPEATED = (
    "requestId",
    "transformId",
    "region",
    "accountId",
    "account",
    "lambda_request_id",
    "macro",
    "image_pinner",
    "failure",
    "version",
)
"""The fields that each part of a record or event has, in addition to `status`."""
_MAX_DIMENSION_LENGTH = 1024
_EVENT_FIELDS = ("requestId", "transformId", "region", "accountId")
_MAX_EVENT_FIELD_BYTES = 1000
_RECORD_SETTINGS = ("macro_name", "metrics_namespace")
_REPORT_LISTS = ("problems", "warnings", "images")
# Reports contain no circular references.
_encode = json.JSONEncoder(default=str, ensure_ascii=False, check_circular=False).encode


class Clocks(NamedTuple):
    """A clock with the seconds since 1970, and a monotonic one in seconds."""

    wall: Callable[[], float] = time.time
    ticks: Callable[[], float] = time.monotonic


class InvocationRecord:
    """Collects what is logged about an invocation.

    The response does not depend on `clocks`. `call_stats` counts the requests of all invocations.
    """

    def __init__(self, environment: Mapping[str, str], clocks: Clocks, call_stats: CallStats) -> None:
        self.settings = _read_record_settings(environment)
        """All settings, once they have been read."""
        self.event_status = ""
        """`sent`, or why the EventBridge event was not sent; empty if there was none to send."""
        self.pinned: tuple[Pinned, ...] = ()
        self.denials: tuple[Denial, ...] = ()
        """What gates deny; see `PinReport.denials`."""
        self._counts: dict[str, Counter[str]] = {}
        self.lambda_request_id = ""
        """The ID of the invocation in Lambda and in CloudTrail; empty outside of Lambda."""
        self._failure = ""
        self._clocks = clocks
        self._call_stats = call_stats
        self._calls_before = call_stats.snapshot()
        self._timestamp = round(clocks.wall() * 1000)
        self._started = clocks.ticks()
        self._counting: list[_CountingResolvers] = []

    def count_lookups(self, resolvers: Resolvers) -> Resolvers:
        """Return resolvers that delegate to these and count the lookups."""
        counting = _CountingResolvers(resolvers)
        self._counting.append(counting)
        return resolvers._replace(digests=counting, values=counting)

    def note_report(self, report: PinReport) -> None:
        """Note the result of pinning."""
        self.denials = report.denials
        if report.succeeded:
            self.pinned = tuple(outcome for outcome in report.outcomes if isinstance(outcome, Pinned))
        else:
            self.note_failure(str(most_severe(report.problems).value))

    def count_verdicts(self, report: PinReport) -> None:
        """Count what gates decide. A report without details has only the denials."""
        for result in (each for results in report.gates.values() for each in results):
            counts = self._counts.setdefault(result.gate, Counter())
            counts[result.verdict] += 1
            counts[UNKNOWN] += result.seen.fact == UNKNOWN

    def note_failure(self, kind: str) -> None:
        """Note that the invocation failed, so that no image was pinned."""
        self._failure, self.pinned = kind, ()

    def gate_metrics(self) -> list[str]:
        """Return a record for each gate that is on, since a record has one value for each dimension."""
        if not (namespace := self.settings.metrics_namespace):
            return []
        directive = {
            "Namespace": namespace,
            "Dimensions": [["Macro", "Gate"]],
            "Metrics": [{"Name": name, "Unit": "Count"} for name in GATE_METRICS],
        }
        common = {
            "_aws": {"Timestamp": self._timestamp, "CloudWatchMetrics": [directive]},
            "Macro": _dimension_value(self.settings.macro_name),
        }
        records = [
            {**common, "Gate": gate, **{name: counts[counted] for name, counted in GATE_METRICS.items()}}
            for gate, counts in self._counts.items()
        ]
        return [f"{_encode(record)}\n" for record in records]

    def to_lines(self, event: Mapping[str, Any], details: Mapping[str, Any]) -> list[str]:
        """Return the log record in one or more parts: JSON of at most `MAX_RECORD_BYTES` and a line feed.

        `details` are the fields of the report or of the error. Of `event`, only the request, macro, region and account
        are logged: it contains the values of `NoEcho` parameters. Short fields come first, since CloudWatch Logs
        Insights discovers the first 200 fields of a record.
        """
        duration = round((self._clocks.ticks() - self._started) * 1000)
        lookups = sum(counting.lookups for counting in self._counting)
        lists = {name: details[name] for name in _REPORT_LISTS if name in details}
        metrics = Metrics(
            self.settings.macro_name,
            self._timestamp,
            len(self.pinned),
            len(details.get("warnings", ())),
            lookups,
            duration,
            self._failure,
        )
        fields = {
            **_event_fields(event),
            **({"lambda_request_id": self.lambda_request_id} if self.lambda_request_id else {}),
            "macro": self.settings.macro_name,
            "image_pinner": __version__,
            "duration_ms": duration,
            "lookups": lookups,
            **({"failure": self._failure} if self._failure else {}),
            **({"event_status": self.event_status} if self.event_status else {}),
            **{name: value for name, value in details.items() if name not in lists},
            **metrics.to_json(self.settings.metrics_namespace),
        }
        parts = split_json(fields, {"calls": self._calls(), **lists}, MAX_RECORD_BYTES - 1)
        return [f"{part}\n" for part in parts]

    def event_details(self, event: Mapping[str, Any], limit: int) -> list[str]:
        """Return the details of the EventBridge events, each of at most `limit` bytes in UTF-8.

        They are about the pinned images, or about those that gates deny.
        """
        known = _event_fields(event)
        images = [_event_image(pinned) for pinned in self.pinned] or [_event_denial(denial) for denial in self.denials]
        fields = {
            "version": REPORT_VERSION,
            "macro": self.settings.macro_name,
            "image_pinner": __version__,
            "requestId": known.get("requestId", ""),
            "region": known.get("region", ""),
            "account": known.get("accountId", ""),
        }
        return split_json(fields, {"images": images}, limit)

    def _calls(self) -> list[dict[str, Any]]:
        # A list, since CloudWatch Logs Insights can unnest one, but not an object with any keys.
        calls = self._call_stats.since(self._calls_before)
        return [
            {
                "operation": call,
                "attempts": calls.attempts.get(call, 0),
                "duration_ms": round(calls.seconds.get(call, 0.0) * 1000),
            }
            for call in sorted({*calls.attempts, *calls.seconds})
        ]


class Metrics(NamedTuple):
    """The values of the metrics.

    `timestamp` is the start in milliseconds since 1970, `latency` is in milliseconds, and `failure` is the failure
    kind, or empty on success.
    """

    macro: str
    timestamp: int
    images: int
    warnings: int
    lookups: int
    latency: int
    failure: str

    def to_json(self, namespace: str) -> dict[str, Any]:
        """Return the fields that make CloudWatch create the metrics; none for an empty `namespace`."""
        if not namespace:
            return {}
        # Failures are also counted without their kind, for alarms on all kinds.
        by_kind = [["Macro"], ["Macro", "Kind"]] if self.failure else [["Macro"]]
        others = [name for name in METRIC_UNITS if name != "Failures"]
        directives = [_directive(namespace, [["Macro"]], others), _directive(namespace, by_kind, ["Failures"])]
        return {
            "_aws": {"Timestamp": self.timestamp, "CloudWatchMetrics": directives},
            "Macro": _dimension_value(self.macro),
            **({"Kind": self.failure} if self.failure else {}),
            "Images": self.images,
            "Warnings": self.warnings,
            "Lookups": self.lookups,
            "Latency": self.latency,
            "Failures": 1 if self.failure else 0,
        }


def failure_kind(error: ImagePinnerError) -> str:
    """Return the failure kind of an error."""
    if isinstance(error, ConfigurationError):
        return CONFIGURATION
    return str((ProblemKind.TEMPLATE if isinstance(error, TemplateError) else ProblemKind.LOOKUP).value)


def split_json(fields: Mapping[str, Any], lists: Mapping[str, Sequence[Any]], limit: int) -> list[str]:
    """Return an object as JSON on one line, in as many parts of at most `limit` bytes in UTF-8 as its lists need.

    Every entry of `lists` is in one of the parts, which are numbered in `part` and `parts`. The first part has all
    `fields`, which must be short; the others have those that identify the invocation. Long texts of entries are cut.
    """
    encoded = {name: [_encode_entry(entry) for entry in entries] for name, entries in lists.items()}
    whole = _join(fields, encoded)
    if _size(whole) <= limit:
        return [encodable(whole)]
    numbers = {"part": _LARGEST_COUNT, "parts": _LARGEST_COUNT}
    common = {name: value for name, value in fields.items() if name in {*_REPEATED, "status"}}
    parts: list[dict[str, list[str]]] = [{name: [] for name in lists}]
    room = limit - _size(_join({**fields, **numbers}, parts[0]))
    for name, entries in encoded.items():
        for entry in entries:
            size = _size(entry) + len(", ")
            if size > room:
                parts.append({})
                room = limit - _size(_join({**common, **numbers}, {name: [] for name in lists}))
            parts[-1].setdefault(name, []).append(entry)
            room -= size
    return [
        encodable(_join({**(common if number else fields), "part": number + 1, "parts": len(parts)}, part))
        for number, part in enumerate(parts)
    ]


def _encode_entry(entry: Any) -> str:
    text = _encode(entry)
    return text if len(text) <= _MAX_TEXT else _encode(_cut(entry))


def _cut(entry: Any) -> Any:
    match entry:
        case str():
            return entry if len(entry) <= _MAX_TEXT else f"{entry[:_HALF_TEXT]}…{entry[-_HALF_TEXT:]}"
        case dict():
            return {name: _cut(value) for name, value in entry.items()}
        case list() | tuple():
            return [_cut(value) for value in entry]
        case _:
            return entry


def encodable(text: str) -> str:
    """Return a text without lone surrogates, which `json.loads` accepts and no stream can write."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _join(fields: Mapping[str, Any], encoded: Mapping[str, Sequence[str]]) -> str:
    members = [f"{_encode(name)}: {_encode(value)}" for name, value in fields.items()]
    members += [f"{_encode(name)}: [{', '.join(entries)}]" for name, entries in encoded.items()]
    return f"{{{', '.join(members)}}}"


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "backslashreplace"))


def _directive(namespace: str, dimensions: list[list[str]], names: list[str]) -> dict[str, Any]:
    metrics = [{"Name": name, "Unit": METRIC_UNITS[name]} for name in names]
    return {"Namespace": namespace, "Dimensions": dimensions, "Metrics": metrics}


def _dimension_value(text: str) -> str:
    """Return a text as CloudWatch accepts it: ASCII, not blank, without a colon at the start.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
    """
    valid = "".join(char if char.isascii() and char.isprintable() else "?" for char in text).strip().lstrip(":")
    return valid[:_MAX_DIMENSION_LENGTH].strip() or "?"


class _CountingResolvers:
    """Delegates to resolvers and counts the lookups."""

    def __init__(self, resolvers: Resolvers) -> None:
        self.lookups = 0
        self._resolvers = resolvers

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        self.lookups += len(lookups)
        return self._resolvers.digests.resolve_all(lookups, deadline)

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        self.lookups += len(external_values)
        return self._resolvers.values.resolve_values(external_values, deadline)


def _read_record_settings(environment: Mapping[str, str]) -> Settings:
    """Read only the settings that the record itself needs, also if others are invalid."""
    settings = Settings()
    for rule in SETTING_RULES:
        if rule.field in _RECORD_SETTINGS and rule.variable in environment:
            with suppress(ConfigurationError):
                read = Settings.from_environment({rule.variable: environment[rule.variable]})
                settings = settings._replace(**{rule.field: getattr(read, rule.field)})
    return settings


def _event_fields(event: Mapping[str, Any]) -> dict[str, Any]:
    fields = {key: event[key] for key in _EVENT_FIELDS if isinstance(event.get(key), str)}
    # CloudFormation sends nothing else and nothing that long; an invented event must not prevent or fill the record.
    return {key: value for key, value in fields.items() if _size(_encode(value)) <= _MAX_EVENT_FIELD_BYTES}


def _event_denial(denial: Denial) -> dict[str, str]:
    image = {"path": str(denial.path), "written": denial.written, "digest": denial.result.digest}
    return {name: value for name, value in image.items() if value} | describe_gate(denial.result)


def _event_image(pinned: Pinned) -> dict[str, str]:
    return {
        "path": str(pinned.site.path),
        "written": str(pinned.site.reference),
        "result": pinned.text,
        "digest": pinned.text.rpartition("@")[2],
        "decision": decision_of(pinned),
        # A digest that was not resolved was written in the template.
        "source": pinned.resolved.origin.source if pinned.resolved else "template",
    }
