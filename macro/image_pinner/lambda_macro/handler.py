"""The macro: a CloudFormation event in, a response out.

The contract is
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html
with one difference that recorded events show: `params` are also set for a macro in the Transform section.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from image_pinner.assembly import AwsResolvers, ResolverFactory
from image_pinner.core.errors import (
    ConfigurationError,
    ImagePinnerError,
    SourceError,
    UnreadableTemplateError,
)
from image_pinner.core.intrinsics.budget import Budget
from image_pinner.core.report import PinReport
from image_pinner.core.template.fragments import Shape, read_fragment
from image_pinner.core.template.problems import Problem, in_order
from image_pinner.core.template.secret_values import check_call
from image_pinner.lambda_macro.log_record import INTERNAL_ERROR, Clocks, InvocationRecord, encodable, failure_kind
from image_pinner.lambda_macro.wording import help_for_macro
from image_pinner.pinning import PinResult, pin_template, read_gates
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

_CALLER = "call the macro from CloudFormation, or use a recorded event"
_CLAIMS = ("region", "accountId")
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
_FUNCTION_ARN = re.compile(r"arn:[a-z-]+:lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):function:", re.ASCII)

Event = Mapping[str, Any]
Response = dict[str, Any]


def handler(event: Event, context: Any) -> Response:
    """Respond to a macro event of CloudFormation; never raises.

    The response has `requestId`, `status` and `fragment`. On failure, `fragment` is that of the event and
    `errorMessage` is the reason.
    """
    _discard_library_logs()
    return Macro.on_aws(RESOLVERS, os.environ, sys.stdout.write).answer(event, context)


def _discard_library_logs() -> None:
    """Keep the messages of libraries out of the function's log, since they can contain URLs with signatures.

    The root logger has a handler of Lambda's runtime, which writes warnings of all libraries to the log:
    https://github.com/aws/aws-lambda-python-runtime-interface-client/blob/main/awslambdaric/bootstrap.py
    """
    logging.getLogger().handlers[:] = [logging.NullHandler()]


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
        serialized = _serialize(event.get("fragment", {}))
        returned = _returned_fields(event, serialized)
        report = None
        record = InvocationRecord(self.environment, self.clocks, self.call_stats)
        record.lambda_request_id = str(getattr(context, "aws_request_id", ""))
        try:
            _check_returned_fields(returned)
            result = self._pin(event, context, record, serialized)
            report = result.report
            record.note_report(report)
            details: dict[str, Any] = report.to_json()
            response = _response(
                returned, result.answer, error_message(report.problems, record.settings.exception_process)
            )
            self._send_events(event, context, record)
        except ImagePinnerError as error:
            record.note_failure(failure_kind(error))
            report = None
            error.help = help_for_macro(error.help)
            details = {"status": "failure", "problems": [{"cause": error.cause, "help": error.help}]}
            response = _response(returned, returned.get("fragment", {}), error.diagnostics())
        except Exception as error:  # noqa: BLE001 - CloudFormation reports a raised exception as "malformed response"
            record.note_failure(INTERNAL_ERROR)
            name = type(error).__name__
            # The text of the exception could contain a parameter's value.
            details = {"status": "failure", "exception": name, "traceback": _traceback(error)}
            message = f"internal error ({name}); help: report it with the traceback in the macro's log"
            response = _response(returned, returned.get("fragment", {}), message)
        # A response without a log record is better than no response.
        with suppress(Exception):
            for line in (*record.to_lines(event, details), *record.gate_metrics()):
                self.log(line)
        return response, report

    def _pin(self, event: Event, context: Any, record: InvocationRecord, serialized: bytes) -> PinResult:
        settings = record.settings = Settings.from_environment(self.environment)
        template, options, values = _read_sections(event)
        region, account_id = self._find_account(event, context)
        deadline = Deadline.after(min(settings.timeout, _remaining_seconds(context)))
        resolvers = record.count_lookups(self.resolver_factory(settings, region))
        settings = record.settings = read_gates(settings, resolvers.gates, deadline)
        fragment = read_fragment(template, options, serialized)._replace(is_expanded=True)
        scope = fragment.make_scope(
            values, settings.snippet_parameters, region=region, account_id=account_id
        ).with_budget(Budget(lambda: deadline.remaining() <= 0))
        check_call(options, values, scope)

        result = pin_template(fragment, scope, settings, lambda _: resolvers, deadline)
        result = result._replace(report=result.report.with_help(help_for_macro))
        record.count_verdicts(result.report)
        if result.report.problems and fragment.shape is not Shape.TEMPLATE and scope.used_parameters:
            report = result.report.without_details(scope.used_parameters, settings.exception_process)
            return result._replace(report=report)
        return result

    def _find_account(self, event: Event, context: Any) -> tuple[str, str]:
        """Return the region and the account ID: those of the function, with which the event must agree.

        Raises:
            UnreadableTemplateError: The event is for another region or account, or they are not strings.
        """
        arn = getattr(context, "invoked_function_arn", None)
        if arn is None:  # not in a Lambda function, where the caller has the same permissions
            for key in _CLAIMS:
                if not isinstance(event.get(key) or "", str):
                    raise UnreadableTemplateError(f"{key!r} in the event is not a string", _CALLER)
            return self._region(event), event.get("accountId") or ""
        found = _FUNCTION_ARN.match(arn) if isinstance(arn, str) else None
        own = (found["region"], found["account"]) if found else ("", "")
        if not found or any(event.get(key, mine) != mine for key, mine in zip(_CLAIMS, own, strict=True)):
            raise UnreadableTemplateError("the event is for another region or account than the function", _CALLER)
        return own

    def _send_events(self, event: Event, context: Any, record: InvocationRecord) -> None:
        """Send the EventBridge events, and note `sent` or why not in the record.

        Raises:
            SourceError: They were not sent, and the configuration requires them.
            ConfigurationError: The configuration requires them, and has no event bus.
        """
        settings = record.settings
        if not record.pinned and not (settings.denial_events and settings.event_bus and record.denials):
            return
        if not (settings.event_bus or settings.require_events):
            return
        if not settings.event_bus:
            raise ConfigurationError(
                "IMAGE_PINNER_REQUIRE_EVENTS is true without an event bus", "set IMAGE_PINNER_EVENT_BUS"
            )
        try:
            self._put_events(event, context, record)
        except ImagePinnerError as error:
            failure = error
            failure.help = help_for_macro(error.help)
        except Exception as error:  # noqa: BLE001 - as in `run`
            failure = SourceError(f"internal error ({type(error).__name__})", "report it")
        else:
            record.event_status = "sent"
            return
        record.event_status = f"failed: {failure.diagnostics()}"
        if settings.require_events and record.pinned:
            raise SourceError(f"the events of the pinned images were not sent: {failure.cause}", failure.help)

    def _put_events(self, event: Event, context: Any, record: InvocationRecord) -> None:
        if self.event_publisher is None:
            raise SourceError("EventBridge is not available here", "unset IMAGE_PINNER_EVENT_BUS")
        publisher = self.event_publisher(record.settings.event_bus, self._region(event))
        details = record.event_details(event, publisher.max_detail_bytes)
        deadline = Deadline.after(_remaining_seconds(context))
        publisher.put(details, deadline, denied=not record.pinned)

    def _region(self, event: Event) -> str:
        return str(event.get("region") or self.environment.get("AWS_REGION", ""))


def error_message(problems: Iterable[Problem], exception_process: str = "", limit: int = ERROR_LIMIT) -> str:
    """Return problems as one line of at most `limit` characters for a stack's events; empty without problems.

    The most severe kind comes first, and several have numbers. Problems that do not fit are counted, and a first one
    that is too long is cut; the exception process of gates, with which their problems end, is not.
    """
    ordered, process = in_order(problems), _one_line(exception_process)
    line = _join_problems(ordered, limit)
    if process in line or not any(problem.gate for problem in ordered):
        return line
    return f"{_join_problems(ordered, limit - len(process) - len('; '))}; {process}"


def _join_problems(ordered: Sequence[Problem], limit: int) -> str:
    texts = [
        _one_line((f"[{number}/{len(ordered)}] " if len(ordered) > 1 else "") + str(problem))
        for number, problem in enumerate(ordered, 1)
    ]
    line = ""
    for number, text in enumerate(texts):
        after = len(texts) - number - 1
        more = f" (+{after} more)" if after else ""
        candidate = f"{line} {text}" if line else text
        if len(candidate) + len(more) > limit:
            return f"{line} (+{after + 1} more)" if line else f"{text[: limit - len(more) - 1]}…{more}"
        line = candidate
    return line


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _read_sections(event: Event) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    found = []
    for name, default in (("fragment", None), ("params", {}), ("templateParameterValues", {})):
        value = default if event.get(name) is None else event[name]
        if not isinstance(value, dict):
            raise UnreadableTemplateError(f"{name!r} in the event is not an object", _CALLER)
        found.append(value)
    return found[0], found[1], found[2]


def _remaining_seconds(context: Any) -> float:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return max(0.0, remaining() / 1000 - MARGIN) if remaining else float("inf")


def _returned_fields(event: Event, serialized: bytes) -> dict[str, Any]:
    """Return the fields of the event that its response repeats, without those that are not valid.

    The Lambda runtime must be able to write the response: an exception there ends the execution environment.
    """
    found = {}
    request_id, fragment = event.get("requestId", ""), event.get("fragment", {})
    if isinstance(request_id, str) and _can_be_written(request_id, _serialize(request_id)):
        found["requestId"] = request_id
    if _can_be_written(fragment, serialized):
        found["fragment"] = fragment
    return found


# In a pickle: half of a surrogate pair, and the beginning of an infinite number or NaN; each with a byte of it that few
# templates have, and that is found ten times as fast.
_SUSPECTS = (
    (b"\xed", re.compile(rb"\xed[\xa0-\xbf]")),
    (b"\x7f", re.compile(rb"G\x7f[\xf0-\xff]")),
    (b"\xff", re.compile(rb"G\xff[\xf0-\xff]")),
)


def _serialize(value: Any) -> bytes:
    """Return a pickle of a JSON value, with each of its texts in UTF-8; empty if there is none.

    It takes a quarter of the time of JSON text, and is as sensitive to deep nesting.
    """
    import pickle  # noqa: PLC0415 - boto3 loads it anyway, and later than this module

    written = io.BytesIO()
    pickler = pickle.Pickler(written)
    pickler.fast = True  # without the identities of values, which JSON has not
    try:
        pickler.dump(value)
    except (ValueError, TypeError, AttributeError, RecursionError, pickle.PicklingError):
        return b""
    return written.getvalue()


def _check_returned_fields(returned: Mapping[str, Any]) -> None:
    if missing := [name for name in ("requestId", "fragment") if name not in returned]:
        kind = "text" if missing[0] == "requestId" else "JSON"
        raise UnreadableTemplateError(f"{missing[0]!r} in the event is not valid {kind}", _CALLER)


def _can_be_written(value: Any, serialized: bytes) -> bool:
    # Encoding a megabyte takes as long as a fifth of pinning it, and templates rarely have what cannot be written.
    if serialized and not any(byte in serialized and suspect.search(serialized) for byte, suspect in _SUSPECTS):
        return True
    try:
        # Not a lone surrogate, not a number that JSON has no form for, not nested too deeply.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _response(returned: Mapping[str, Any], fragment: Any, message: str) -> Response:
    response = {
        "requestId": returned.get("requestId", ""),
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
