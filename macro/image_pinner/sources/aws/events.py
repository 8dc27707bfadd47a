"""Put an event on an EventBridge bus for every pinned template, and for those that gates deny.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from image_pinner.core.errors import SourceError
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.errors import (
    aws_client_faults,
    aws_faults,
    describe_denial,
    error_code,
    explain,
    explain_timeout,
    is_denied,
)
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.interface import Deadline

SOURCE = "image-pinner"
"""The `source` of the events."""
PINNED, DENIED = "Template pinned", "Template denied"
"""The values of `detail-type` of the events."""
SECONDS = 2.0
"""The time limit for a request, including the creation of the client: the response of the macro is delayed by it."""
MAX_ENTRIES = 10
"""The maximum number of events in a request."""
MAX_REQUEST_BYTES = 256 * 1024
"""The maximum size of a request. What an entry has in addition to its detail is below the difference to a detail:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html"""
MAX_DETAIL_BYTES = 250_000
"""The maximum length of a detail in UTF-8. An entry, with its source, detail-type and time, can have 256 KB:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html"""

_ACTION = "events:PutEvents"
_NOT_FOUND = "ResourceNotFoundException"
_ARN_REGION = 3


class EventPublisher:
    """Put events on an EventBridge bus.

    EventBridge accepts an event for a bus that does not exist, and drops it
    (https://github.com/aws/aws-cli/issues/9186, January 2025): success does not prove that there is a bus.

    Args:
        clients: Creates the client.
        bus: The name or the ARN of the bus.
        region: The region of a bus without an ARN; empty for that of the environment.
    """

    max_detail_bytes = MAX_DETAIL_BYTES

    def __init__(self, clients: AwsClients, bus: str, region: str) -> None:
        self._bus = bus
        self._region = bus.split(":")[_ARN_REGION] if bus.startswith("arn:") else region
        self._clients = clients.allowing((self._region,))

    def put(self, details: Sequence[str], deadline: Deadline, *, denied: bool = False) -> None:
        """Put an event for each of `details`, JSON objects of at most `MAX_DETAIL_BYTES`.

        They are about pinned images, or if `denied` about images that gates deny.

        It takes at most `SECONDS` for a request, and ends at `deadline`.

        Raises:
            SourceError: An event was not put, or there was no response.
        """
        batches = list(_batches(details))
        deadline = deadline.within(SECONDS * len(batches))
        seconds = deadline.remaining()
        if seconds <= 0:
            raise SourceError(
                f"no time was left to send {_ACTION} for bus {self._bus}", "increase the timeout of the function"
            )
        # On a separate thread: neither creating a client nor a request of boto3 stops at a deadline.
        if run_all((lambda: self._put_all(batches, DENIED if denied else PINNED),), workers=1, deadline=deadline) == [
            None
        ]:
            cause = explain_timeout(self._service(), seconds).cause
            raise SourceError(
                f"{_ACTION} failed for bus {self._bus}: {cause}; the event may still arrive",
                "the deployment need not be repeated; if this happens again, check that the network of the function "
                "reaches EventBridge",
            )

    def _put_all(self, batches: Sequence[Sequence[str]], detail_type: str) -> int:
        """Put all batches, and return their number."""
        try:
            client = self._clients.client("events", self._region)
        except aws_client_faults() as error:
            raise self._failure(error) from None
        for details in batches:
            entries = [
                {"Source": SOURCE, "DetailType": detail_type, "Detail": detail, "EventBusName": self._bus}
                for detail in details
            ]
            try:
                response = client.put_events(Entries=entries)
            except aws_faults() as error:
                raise self._failure(error) from None
            if response.get("FailedEntryCount"):
                failed = next(entry for entry in response["Entries"] if "ErrorCode" in entry)
                raise self._failure(_entry_error(failed))
        return len(batches)

    def _failure(self, error: Exception) -> SourceError:
        if error_code(error) == _NOT_FOUND:
            return SourceError(
                f"{self._service()} has no event bus {self._bus}", "create it, or correct IMAGE_PINNER_EVENT_BUS"
            )
        if is_denied(error):
            return SourceError(
                describe_denial(error, f"on {self._bus}", _ACTION),
                f"allow {_ACTION} on it in the policy of the macro's role; a bus of another account must also allow it "
                "in its own policy",
            )
        failure = explain(error, self._service())
        return SourceError(f"{_ACTION} failed for bus {self._bus}: {failure.cause}", failure.help)

    def _service(self) -> str:
        return f"EventBridge in {self._region}" if self._region else "EventBridge"


def _batches(details: Sequence[str]) -> Iterator[list[str]]:
    """Divide details into requests that EventBridge accepts."""
    batch: list[str] = []
    room = 0
    for detail in details:
        size = len(detail.encode()) + MAX_REQUEST_BYTES - MAX_DETAIL_BYTES
        if batch and (size > room or len(batch) == MAX_ENTRIES):
            yield batch
            batch = []
        room = (room if batch else MAX_REQUEST_BYTES) - size
        batch.append(detail)
    yield batch


def _entry_error(entry: dict[str, Any]) -> Exception:
    """Return the error of a rejected entry, which a successful response contains, as a `ClientError`."""
    _, client_error_type, *_ = aws_faults()
    error = {"Code": entry.get("ErrorCode", ""), "Message": entry.get("ErrorMessage", "")}
    # Entries have error codes for internal errors, where a response has the status 500:
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
    status = 500 if error["Code"] in {"InternalFailure", "InternalException"} else 400
    response: Any = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}
    client_error: Exception = client_error_type(response, "PutEvents")
    return client_error
