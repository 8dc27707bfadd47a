"""The log record of an invocation, with CloudWatch metrics in it, and the EventBridge event.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from image_pinner import __version__
from image_pinner.core.decision import Pinned
from image_pinner.core.errors import ConfigurationError, ImagePinnerError, TemplateError
from image_pinner.core.images.lookups import ImageLookup, Resolution
from image_pinner.core.intrinsics.values import Answer, ExternalValue
from image_pinner.core.report import REPORT_VERSION, PinReport, most_severe
from image_pinner.core.template.problems import ProblemKind
from image_pinner.pinning import Resolvers
from image_pinner.settings import SETTING_RULES, Settings
from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.interface import Deadline

LEFT_OUT = "left_out"
"""The member that says how much of each part is missing."""

_PUNCTUATION = len(", ")
_MANY = 10**9
_encode = json.JSONEncoder(default=str, ensure_ascii=False).encode


def bounded_json(fixed: Mapping[str, Any], parts: Mapping[str, list[Any] | dict[str, Any]], limit: int) -> str:
    """Give an object as JSON on one line.

    Args:
        fixed: Its members that must stay; they are short.
        parts: Its members that can be long. Each may take half of what those before it leave, the last all of it.
        limit: The most bytes in UTF-8.

    Returns:
        The text. Where parts are shortened, `left_out` counts by part what is missing.
    """
    encoded = {name: _Part.of(part) for name, part in parts.items()}
    whole = _together(fixed, encoded)
    if _size(whole) <= limit:
        return encodable(whole)
    left_out = dict.fromkeys(parts, _MANY)
    room = limit - _size(_together({**fixed, LEFT_OUT: left_out}, {n: p.first(0) for n, p in encoded.items()}))
    kept: dict[str, _Part] = {}
    for number, (name, part) in enumerate(encoded.items()):
        kept[name] = part.first(room if number == len(parts) - 1 else room // 2)
        room = max(0, room - kept[name].size())
        left_out[name] = len(part.entries) - len(kept[name].entries)
    missing = {name: count for name, count in left_out.items() if count}
    return encodable(_together({**fixed, LEFT_OUT: missing}, kept))


def encodable_json(value: Any) -> str:
    """Give a value as JSON on one line, which can be written to any stream that takes UTF-8."""
    return encodable(_encode(value))


def encodable(text: str) -> str:
    """Give a text without half characters, which `json.loads` lets in and no stream lets out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class _Part(NamedTuple):
    """A list or a map whose entries are JSON already, each encoded once."""

    entries: Sequence[str]
    frame: str

    @classmethod
    def of(cls, part: list[Any] | dict[str, Any]) -> _Part:
        if isinstance(part, dict):
            return cls([f"{_encode(key)}: {_encode(value)}" for key, value in part.items()], "{}")
        return cls([_encode(entry) for entry in part], "[]")

    def first(self, room: int) -> _Part:
        """Give the entries that fit; one that is too long for what is left does not keep out those behind it."""
        fitting = []
        for entry in self.entries:
            size = _size(entry) + _PUNCTUATION
            if size <= room:
                room -= size
                fitting.append(entry)
        return self._replace(entries=fitting)

    def size(self) -> int:
        return sum(_size(entry) + _PUNCTUATION for entry in self.entries)

    def __str__(self) -> str:
        return f"{self.frame[0]}{', '.join(self.entries)}{self.frame[1]}"


def _together(fixed: Mapping[str, Any], parts: Mapping[str, _Part]) -> str:
    members = [*(f"{_encode(name)}: {_encode(value)}" for name, value in fixed.items())]
    members += [f"{_encode(name)}: {part}" for name, part in parts.items()]
    return f"{{{', '.join(members)}}}"


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "backslashreplace"))


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


MAX_LINE_BYTES = 256 * 1024 - 64
"""How long the line may be in UTF-8. An event of CloudWatch Logs had 256 KB, 26 bytes of them its own, and has 1 MB
since 2025; what lies between a function and its log need not know that.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"""
DEFECT, CONFIGURATION = "defect", "configuration"
"""Kinds of failures beside those of problems."""

_ABOUT = ("requestId", "transformId", "region", "accountId")
_MAX_ABOUT_BYTES = 1000
_NAMES = ("macro_name", "metrics_namespace")
_PARTS = ("problems", "warnings", "images")


class Clocks(NamedTuple):
    """What tells the time.

    Args:
        wall: Gives the seconds since 1970.
        ticks: Gives seconds on a clock that never goes back.
    """

    wall: Callable[[], float] = time.time
    ticks: Callable[[], float] = time.monotonic


class InvocationRecord:
    """What is noted of an invocation while it runs.

    Args:
        environment: The environment variables, of which two name the macro and its metrics whatever else is wrong.
        clocks: What tells the time. It is asked when this is made and for the line, and the answer depends on neither.
        call_stats: What counts calls.
    """

    def __init__(self, environment: Mapping[str, str], clocks: Clocks, call_stats: CallStats) -> None:
        self.settings = _names(environment)
        """Those of the invocation, as soon as they are read."""
        self.failure = ""
        """The kind of the failure, or empty on success."""
        self.event_publisher = ""
        """What became of the event for the ledger, or empty where there was none."""
        self.pinned: tuple[Pinned, ...] = ()
        """The images that got a digest."""
        self._clocks = clocks
        self._tally = call_stats
        self._calls_before = call_stats.so_far()
        self._timestamp = round(clocks.wall() * 1000)
        self._began = clocks.ticks()
        self._counted: list[_CountedWorld] = []

    def watched(self, resolvers: Resolvers) -> Resolvers:
        """Give a world that asks another one, so that its questions are counted."""
        counted = _CountedWorld(resolvers)
        self._counted.append(counted)
        return replace(resolvers, digests=counted, values=counted)

    def note_report(self, report: PinReport) -> None:
        """Note what pinning came to."""
        if report.succeeded:
            self.pinned = tuple(outcome for outcome in report.outcomes if isinstance(outcome, Pinned))
        else:
            self.note_failure(str(most_severe(report.problems).value))

    def note_failure(self, kind: str) -> None:
        """Note that the invocation fails, so that no image got a digest.

        Args:
            kind: The kind of the failure.
        """
        self.failure, self.pinned = kind, ()

    def line(self, event: Mapping[str, Any], told: Mapping[str, Any]) -> str:
        """Give the line for the log.

        Args:
            event: The event, of which only the request, the macro, the region and the account are shown: values of
                parameters with `NoEcho` arrive in clear.
            told: What is told of the images, or of the error.

        Returns:
            JSON of at most `MAX_LINE_BYTES` and a line feed, short members first: CloudWatch Logs Insights finds the
            first 200 fields of a line.
        """
        latency = round((self._clocks.ticks() - self._began) * 1000)
        look_ups = sum(counted.lookups for counted in self._counted)
        measured = Measured(
            self.settings.macro_name, self._timestamp, len(self.pinned), look_ups, latency, self.failure
        )
        parts = {name: told[name] for name in _PARTS if name in told}
        fixed = {
            **_about(event),
            "macro": self.settings.macro_name,
            "image_pinner": __version__,
            "duration_ms": latency,
            "look_ups": look_ups,
            **({"failure": self.failure} if self.failure else {}),
            **({"ledger": self.event_publisher} if self.event_publisher else {}),
            **{name: value for name, value in told.items() if name not in parts},
            **metric_members(measured, self.settings.metrics_namespace),
        }
        calls = self._tally.since(self._calls_before)
        # A list of maps, because that is what CloudWatch Logs Insights can take apart.
        waits = [
            {"call": call, "tries": calls.attempts.get(call, 0), "ms": round(seconds * 1000)}
            for call, seconds in calls.seconds.items()
        ]
        return bounded_json(fixed, {"calls": calls.attempts, "waits": waits, **parts}, MAX_LINE_BYTES - 1) + "\n"

    def ledger_detail(self, event: Mapping[str, Any], limit: int) -> str:
        """Give the detail of the event for the ledger.

        Args:
            event: The event.
            limit: The most bytes in UTF-8.
        """
        about = _about(event)
        fixed = {
            "version": REPORT_VERSION,
            "macro": self.settings.macro_name,
            "image_pinner": __version__,
            "requestId": about.get("requestId", ""),
            "region": about.get("region", ""),
            "account": about.get("accountId", ""),
        }
        return bounded_json(fixed, {"images": [_entry(pinned) for pinned in self.pinned]}, limit)


def kind_of(error: ImagePinnerError) -> str:
    """Give the kind of the failure that an error means."""
    if isinstance(error, ConfigurationError):
        return CONFIGURATION
    return str((ProblemKind.TEMPLATE if isinstance(error, TemplateError) else ProblemKind.LOOKUP).value)


class _CountedWorld:
    """Asks another world, and counts what it is asked."""

    def __init__(self, resolvers: Resolvers) -> None:
        self.lookups = 0
        self._world = resolvers

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        self.lookups += len(lookups)
        return self._world.digests.resolve_all(lookups, deadline)

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        self.lookups += len(external_values)
        return self._world.values.resolve_values(external_values, deadline)


def _names(environment: Mapping[str, str]) -> Settings:
    """Read the settings under whose names a wrong setting is told and counted."""
    settings = Settings()
    for rule in SETTING_RULES:
        if rule.field in _NAMES and rule.variable in environment:
            with suppress(ConfigurationError):
                read = Settings.from_environment({rule.variable: environment[rule.variable]})
                settings = settings._replace(**{rule.field: getattr(read, rule.field)})
    return settings


def _about(event: Mapping[str, Any]) -> dict[str, Any]:
    about = {key: event[key] for key in _ABOUT if key in event}
    # Nothing that CloudFormation sends is that long; a made-up event must not push out the rest of the line.
    return {key: value for key, value in about.items() if len(encodable_json(value).encode()) <= _MAX_ABOUT_BYTES}


def _entry(pinned: Pinned) -> dict[str, str]:
    return {
        "path": str(pinned.site.path),
        "written": str(pinned.site.reference),
        "result": pinned.text,
        "digest": pinned.text.rpartition("@")[2],
        # Without an answer of its own the digest stood in the template.
        "source": pinned.resolved.origin.source if pinned.resolved else "template",
    }
