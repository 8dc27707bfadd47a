"""The ledger: an event on an EventBridge bus for every template that was pinned.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

from typing import Any

from image_pinner.core.errors import SourceError
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.errors import (
    aws_client_faults,
    aws_faults,
    denial_reason,
    error_code,
    explain,
    is_denied,
    late,
)
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.interface import Deadline

SOURCE = "image-pinner"
"""The `source` of the events."""
DETAIL_TYPE = "Template pinned"
"""The `detail-type` of the events."""
SECONDS = 2.0
"""How long an event may take, the start of the client included: CloudFormation waits for the macro's answer."""
MAX_DETAIL_BYTES = 250_000
"""How long a detail may be in UTF-8. An entry has 256 KB, its source, detail-type and time among them:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html"""

_ACTION = "events:PutEvents"
_ABSENT = "ResourceNotFoundException"
_ARN_REGION = 3


class EventPublisher:
    """Puts events on a bus.

    EventBridge confirms an event for a bus that does not exist, and drops it
    (https://github.com/aws/aws-cli/issues/9186, January 2025): that an event was taken does not show that there is a
    bus.

    Args:
        clients: Gives the client.
        bus: The name or the ARN of the bus.
        region: The region of a bus that is named without one; empty for the one that the environment names.
    """

    def __init__(self, clients: AwsClients, bus: str, region: str) -> None:
        self._clients = clients
        self._bus = bus
        self._region = bus.split(":")[_ARN_REGION] if bus.startswith("arn:") else region

    def put(self, detail: str, deadline: Deadline) -> None:
        """Put an event.

        Args:
            detail: Its detail, a JSON object of at most `MAX_DETAIL_BYTES`.
            deadline: When to give up; `SECONDS` can come earlier.

        Raises:
            SourceError: It was not put, or it is not known whether it was.
        """
        deadline = deadline.within(SECONDS)
        seconds = deadline.remaining()
        if seconds <= 0:
            raise SourceError(
                f"the time was up before {_ACTION} could be asked for {self._bus}", "Give the function more time"
            )
        # On a thread of its own: neither the start of a client nor a request of boto3 ends at a deadline.
        if run_all((lambda: self._put(detail),), workers=1, deadline=deadline) == [None]:
            failure = late(self._service(), seconds)
            raise SourceError(
                f"{failure.cause}, asked by {_ACTION} for {self._bus}; the event may still arrive",
                "Nothing need be deployed again for it; if this repeats, check that the function's network reaches it",
            )

    def _put(self, detail: str) -> str:
        entry = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": detail, "EventBusName": self._bus}
        try:
            client = self._clients.client("events", self._region)
        except aws_client_faults() as error:
            raise self._failed(error) from None
        try:
            response = client.put_events(Entries=[entry])
        except aws_faults() as error:
            raise self._failed(error) from None
        if response.get("FailedEntryCount"):
            raise self._failed(_refusal(response["Entries"][0]))
        return str(response["Entries"][0].get("EventId", ""))

    def _failed(self, error: Exception) -> SourceError:
        code = error_code(error)
        if code == _ABSENT:
            return SourceError(
                f"{self._service()} has no event bus {self._bus}, says {_ACTION}",
                "Create it, or correct IMAGE_PINNER_EVENT_BUS",
            )
        if is_denied(error):
            reason = denial_reason(error)
            return SourceError(
                f"{_ACTION} is denied on {self._bus}" + (f", {reason}" if reason else ""),
                f"Allow {_ACTION} on it in the policy of the macro's role, and in that of a bus of another account",
            )
        failure = explain(error, self._service())
        return SourceError(f"{_ACTION} failed for {self._bus}: {failure.cause}", failure.help)

    def _service(self) -> str:
        return f"EventBridge in {self._region}" if self._region else "EventBridge"


def _refusal(entry: dict[str, Any]) -> Exception:
    """Give the refusal of an entry, which arrives as success of the request, in the form of other refusals."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - loaded by who asks AWS

    described = {"Code": entry.get("ErrorCode", ""), "Message": entry.get("ErrorMessage", "")}
    # A code of its own for the server's faults, which other services tell by the status:
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
    status = 500 if described["Code"] in {"InternalFailure", "InternalException"} else 400
    response: Any = {"Error": described, "ResponseMetadata": {"HTTPStatusCode": status}}
    refusal: Exception = ClientError(response, "PutEvents")
    return refusal
