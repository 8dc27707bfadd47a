"""The macro: a CloudFormation event in, a response out.

The contract is
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html
with one difference that recordings of the service show: `params` are filled at the top level too.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from image_pinner.assembly import AwsResolvers, ResolverFactory
from image_pinner.core.errors import ImagePinnerError, UnreadableTemplateError
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.report import PinReport, error_line
from image_pinner.core.template.find import ImageScan
from image_pinner.core.template.fragments import read_fragment
from image_pinner.lambda_macro.log_record import DEFECT, Clocks, InvocationRecord, encodable, kind_of
from image_pinner.pinning import PinResult, Resolvers, pin_template
from image_pinner.settings import Settings
from image_pinner.sources import concurrency
from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.interface import Deadline

if TYPE_CHECKING:
    from image_pinner.sources.aws.events import EventPublisher

MARGIN = 3.0
"""Seconds of the Lambda's time that are kept for the answer."""
ERROR_LIMIT = 1000
"""Characters of an error message: what CloudFormation shows of longer ones is not documented."""

Event = Mapping[str, Any]
Response = dict[str, Any]


def handler(event: Event, context: Any) -> Response:
    """Answer CloudFormation.

    Args:
        event: `requestId`, `fragment`, `params`, `templateParameterValues`, `region`, `accountId`, `transformId`.
        context: The Lambda's context, of which the remaining time is asked.

    Returns:
        `requestId`, `status` and `fragment`; on failure the fragment that came in and one `errorMessage`. Nothing is
        ever raised.
    """
    return Macro.on_aws(RESOLVERS, os.environ, sys.stdout.write).answer(event, context)


class Macro(NamedTuple):
    """The macro with what it depends on.

    Args:
        resolver_factory: Gives whom to ask.
        environment: The environment variables, for the settings.
        log: Takes lines of the log.
        clocks: What tells the time, for the log.
        call_stats: What counts the calls of the resolvers.
        event_publisher: Makes the publisher for an event bus and a region, or `None` where there is none.
    """

    resolver_factory: ResolverFactory
    environment: Mapping[str, str]
    log: Callable[[str], Any]
    clocks: Clocks = Clocks()
    call_stats: CallStats = CallStats()
    event_publisher: Callable[[str, str], EventPublisher] | None = None

    @classmethod
    def on_aws(cls, resolvers: AwsResolvers, environment: Mapping[str, str], log: Callable[[str], Any]) -> Macro:
        """Return the macro with resolvers that count their calls and can publish events."""
        return cls(
            resolvers, environment, log, call_stats=resolvers.call_stats, event_publisher=resolvers.event_publisher
        )

    def answer(self, event: Event, context: Any) -> Response:
        """Answer an event. See `handler`."""
        with concurrency.paused():
            return self.run(event, context)[0]

    def run(self, event: Any, context: Any) -> tuple[Response, PinReport | None]:
        """Answer an event, and tell how it came to that.

        Args:
            event: The event, or whatever came in its place.
            context: The Lambda's context.

        Returns:
            The response, and the report if the event could be read.
        """
        event = event if isinstance(event, Mapping) else {}
        report = None
        record = InvocationRecord(self.environment, self.clocks, self.call_stats)
        try:
            result = self._pin(event, context, record)
            report = result.report
            record.note_report(report)
            line: dict[str, Any] = report.to_json()
            message = "" if report.succeeded else error_line(report.problems, ERROR_LIMIT)
            response = _response(event, result.answer, message)
        except ImagePinnerError as error:
            record.note_failure(kind_of(error))
            line = {"status": "failure", "problems": [{"cause": error.cause, "help": error.help}]}
            response = _failure(event, error.diagnostics())
        except Exception as error:  # noqa: BLE001 - a raised exception reaches the user as «malformed response»
            record.note_failure(DEFECT)
            message, line = _defect(error)
            response = _failure(event, message)
        if record.settings.event_bus and record.pinned:
            record.event_publisher = self._put_into_ledger(event, context, record)
        # An answer without its line in the log is better than no answer.
        with suppress(Exception):
            self.log(record.line(event, line))
        return response, report

    def _pin(self, event: Event, context: Any, record: InvocationRecord) -> PinResult:
        settings = record.settings = Settings.from_environment(self.environment)
        fragment, parameters, values = _sections(event)
        region = self._region(event)
        scope = Scope.of_template(fragment, values, region=region, account_id=str(event.get("accountId") or ""))
        deadline = Deadline.after(min(settings.timeout, _time_left(context)))
        found = read_fragment(fragment, parameters)

        def connect(_: ImageScan) -> Resolvers:
            return record.watched(self.resolver_factory(settings, region))

        return pin_template(found, scope, settings, connect, deadline)

    def _put_into_ledger(self, event: Event, context: Any, record: InvocationRecord) -> str:
        """Put an event on the operator's bus, and say what became of it: no answer depends on that."""
        from image_pinner.sources.aws.events import MAX_DETAIL_BYTES  # noqa: PLC0415 - most macros have no ledger

        if self.event_publisher is None:
            return "failed: events cannot be published here. Unset IMAGE_PINNER_EVENT_BUS."
        try:
            event_publisher = self.event_publisher(record.settings.event_bus, self._region(event))
            event_publisher.put(record.ledger_detail(event, MAX_DETAIL_BYTES), Deadline.after(_time_left(context)))
        except ImagePinnerError as error:
            return f"failed: {error.diagnostics()}"
        except Exception as error:  # noqa: BLE001 - as in `run`, and its text is shown as little
            return f"failed: ImagePinner has a defect ({type(error).__name__}). Report it."
        return "put"

    def _region(self, event: Event) -> str:
        return str(event.get("region") or self.environment.get("AWS_REGION", ""))


def _sections(event: Event) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    found = []
    for name, needed in (("fragment", True), ("params", False), ("templateParameterValues", False)):
        value = event.get(name)
        if value is None and not needed:
            value = {}
        if not isinstance(value, dict):
            raise UnreadableTemplateError(
                f"{name!r} in the event is no map", "Call the macro from CloudFormation, or give a recorded event"
            )
        found.append(value)
    return found[0], found[1], found[2]


def _time_left(context: Any) -> float:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return max(0.0, remaining() / 1000 - MARGIN) if remaining else float("inf")


def _response(event: Event, fragment: Any, message: str) -> Response:
    response: Response = {
        "requestId": event.get("requestId", ""),
        "status": "failure" if message else "success",
        "fragment": fragment,
    }
    # CloudFormation puts a full stop behind the message: «failed with: … . Rollback requested by user.»
    return response | ({"errorMessage": encodable(message.removesuffix("."))[:ERROR_LIMIT]} if message else {})


def _failure(event: Event, message: str) -> Response:
    line = " ".join(message.split())
    shown = line if len(line) <= ERROR_LIMIT else line[: ERROR_LIMIT - 1] + "…"
    return _response(event, event.get("fragment", {}), shown)


def _defect(error: Exception) -> tuple[str, dict[str, Any]]:
    """Describe an exception that nobody foresaw by its kind and place: its text could hold a parameter's value."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    kind = type(error).__name__
    message = f"ImagePinner has a defect ({kind}) and changed nothing. See the macro's log for the place and report it."
    return message, {"status": "failure", "defect": kind, "frames": frames[-8:]}


RESOLVERS = AwsResolvers()
"""Whom the macro asks; its clients live as long as the execution environment."""
