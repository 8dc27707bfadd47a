"""The macro: a CloudFormation event in, a response out.

The contract is
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html
with one difference that recorded events show: `params` are also set for a macro in the Transform section.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from image_pinner.assembly import AwsResolvers, ResolverFactory
from image_pinner.core.errors import (
    ConfigurationError,
    ImagePinnerError,
    SourceError,
    UnreadableTemplateError,
    join_help,
)
from image_pinner.core.intrinsics.budget import Budget
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.report import PinReport
from image_pinner.core.template.find import ImageScan
from image_pinner.core.template.fragments import read_fragment
from image_pinner.core.template.problems import Problem, in_order
from image_pinner.lambda_macro.log_record import INTERNAL_ERROR, Clocks, InvocationRecord, encodable, failure_kind
from image_pinner.pinning import PinResult, Resolvers, pin_template
from image_pinner.settings import Settings
from image_pinner.sources import concurrency
from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.interface import Deadline

if TYPE_CHECKING:
    from image_pinner.sources.aws.events import EventPublisher

MARGIN = 3.0
"""Seconds of the function's timeout that are reserved for the response."""
ERROR_LIMIT = 1000
"""The maximum length of an error message: how CloudFormation shows longer ones is not documented."""

Event = Mapping[str, Any]
Response = dict[str, Any]


def handler(event: Event, context: Any) -> Response:
    """Respond to a macro event of CloudFormation; never raises.

    The response has `requestId`, `status` and `fragment`. On failure, `fragment` is that of the event and
    `errorMessage` is the reason.
    """
    return Macro.on_aws(RESOLVERS, os.environ, sys.stdout.write).answer(event, context)


class Macro(NamedTuple):
    """The macro with its dependencies.

    `environment` holds the settings, `log` writes a log record, and `event_publisher` returns the publisher for an
    event bus and a region, if events can be sent.
    """

    resolver_factory: ResolverFactory
    environment: Mapping[str, str]
    log: Callable[[str], Any]
    clocks: Clocks = Clocks()
    call_stats: CallStats = CallStats()
    event_publisher: Callable[[str, str], EventPublisher] | None = None

    @classmethod
    def on_aws(cls, resolvers: AwsResolvers, environment: Mapping[str, str], log: Callable[[str], Any]) -> Macro:
        """Return the macro with resolvers that count their calls and can send events."""
        return cls(
            resolvers, environment, log, call_stats=resolvers.call_stats, event_publisher=resolvers.event_publisher
        )

    def answer(self, event: Event, context: Any) -> Response:
        """Respond to an event. See `handler`."""
        with concurrency.garbage_collection_paused():
            return self.run(event, context)[0]

    def run(self, event: Any, context: Any) -> tuple[Response, PinReport | None]:
        """Return the response to an event, and the report if the event could be read."""
        event = event if isinstance(event, Mapping) else {}
        report = None
        record = InvocationRecord(self.environment, self.clocks, self.call_stats)
        try:
            result = self._pin(event, context, record)
            report = result.report
            record.note_report(report)
            details: dict[str, Any] = report.to_json()
            response = _response(event, result.answer, error_message(report.problems))
            self._send_events(event, context, record)
        except ImagePinnerError as error:
            record.note_failure(failure_kind(error))
            report = None
            details = {"status": "failure", "problems": [{"cause": error.cause, "help": error.help}]}
            response = _response(event, event.get("fragment", {}), error.diagnostics())
        except Exception as error:  # noqa: BLE001 - CloudFormation reports a raised exception as "malformed response"
            record.note_failure(INTERNAL_ERROR)
            name = type(error).__name__
            # The text of the exception could contain a parameter's value.
            details = {"status": "failure", "exception": name, "traceback": _traceback(error)}
            message = f"internal error ({name}); help: report it with the traceback in the macro's log"
            response = _response(event, event.get("fragment", {}), message)
        # A response without a log record is better than no response.
        with suppress(Exception):
            for line in record.to_lines(event, details):
                self.log(line)
        return response, report

    def _pin(self, event: Event, context: Any, record: InvocationRecord) -> PinResult:
        settings = record.settings = Settings.from_environment(self.environment)
        fragment, parameters, values = _read_sections(event)
        region = self._region(event)
        deadline = Deadline.after(min(settings.timeout, _remaining_seconds(context)))
        scope = Scope.of_template(
            fragment, values, region=region, account_id=str(event.get("accountId") or "")
        ).with_budget(Budget(lambda: deadline.remaining() <= 0))
        found = read_fragment(fragment, parameters)

        def connect(_: ImageScan) -> Resolvers:
            return record.count_lookups(self.resolver_factory(settings, region))

        return pin_template(found, scope, settings, connect, deadline)

    def _send_events(self, event: Event, context: Any, record: InvocationRecord) -> None:
        """Send the EventBridge events, and note `sent` or why not in the record.

        Raises:
            SourceError: They were not sent, and the configuration requires them.
            ConfigurationError: The configuration requires them, and has no event bus.
        """
        settings = record.settings
        if not record.pinned or not (settings.event_bus or settings.require_events):
            return
        if not settings.event_bus:
            raise ConfigurationError(
                "IMAGE_PINNER_REQUIRE_EVENTS is true without an event bus", "set IMAGE_PINNER_EVENT_BUS"
            )
        try:
            self._put_events(event, context, record)
        except ImagePinnerError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - as in `run`
            failure = SourceError(f"internal error ({type(error).__name__})", "report it")
        else:
            record.event_status = "sent"
            return
        record.event_status = f"failed: {failure.diagnostics()}"
        if settings.require_events:
            raise SourceError(f"the events of the pinned images were not sent: {failure.cause}", failure.help)

    def _put_events(self, event: Event, context: Any, record: InvocationRecord) -> None:
        if self.event_publisher is None:
            raise SourceError("EventBridge is not available here", "unset IMAGE_PINNER_EVENT_BUS")
        publisher = self.event_publisher(record.settings.event_bus, self._region(event))
        details = record.event_details(event, publisher.max_detail_bytes)
        publisher.put(details, Deadline.after(_remaining_seconds(context)))

    def _region(self, event: Event) -> str:
        return str(event.get("region") or self.environment.get("AWS_REGION", ""))


def error_message(problems: Iterable[Problem], limit: int = ERROR_LIMIT) -> str:
    """Return problems as one line of at most `limit` characters for a stack's events; empty without problems.

    The most severe kind comes first. Problems that do not fit are counted, and a first one that is too long is cut.
    """
    texts = [
        _one_line(f"{problem.path}: {_quote_image(problem)}{join_help(problem.cause, problem.help)}")
        for problem in in_order(problems)
    ]
    line = ""
    for number, text in enumerate(texts):
        after = len(texts) - number - 1
        more = f" (+{after} more)" if after else ""
        candidate = f"{line} | {text}" if line else text
        if len(candidate) + len(more) > limit:
            return f"{line} (+{after + 1} more)" if line else f"{text[: limit - len(more) - 1]}…{more}"
        line = candidate
    return line


def _quote_image(problem: Problem) -> str:
    return f"{problem.image!r}: " if problem.image and problem.image not in problem.cause else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _read_sections(event: Event) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    found = []
    for name, default in (("fragment", None), ("params", {}), ("templateParameterValues", {})):
        value = default if event.get(name) is None else event[name]
        if not isinstance(value, dict):
            raise UnreadableTemplateError(
                f"{name!r} in the event is not an object", "call the macro from CloudFormation, or use a recorded event"
            )
        found.append(value)
    return found[0], found[1], found[2]


def _remaining_seconds(context: Any) -> float:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return max(0.0, remaining() / 1000 - MARGIN) if remaining else float("inf")


def _response(event: Event, fragment: Any, message: str) -> Response:
    response = {
        "requestId": event.get("requestId", ""),
        "status": "failure" if message else "success",
        "fragment": fragment,
    }
    if not message:
        return response
    line = encodable(_one_line(message))
    # CloudFormation adds a period: "failed with: … . Rollback requested by user."
    return response | {"errorMessage": line if len(line) <= ERROR_LIMIT else f"{line[: ERROR_LIMIT - 1]}…"}


def _traceback(error: Exception) -> list[str]:
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return frames[-8:]


RESOLVERS = AwsResolvers()
"""What the macro resolves with; its clients live as long as the execution environment."""
