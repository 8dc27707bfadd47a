"""Events are put on an EventBridge bus, or the failure is reported in time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError, NoRegionError
from moto import mock_aws

from image_pinner.core.errors import SourceError
from image_pinner.sources.aws import events
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.events import (
    MAX_DETAIL_BYTES,
    MAX_REQUEST_BYTES,
    PINNED,
    SECONDS,
    SOURCE,
    EventPublisher,
)
from image_pinner.sources.interface import Deadline

REGION = "eu-west-1"
BUS = "deployments"
ARN = "arn:aws:events:eu-central-1:444455556666:event-bus/deployments"
TAKEN = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}


class Events:
    """A session whose client raises or returns `answer`."""

    def __init__(self, answer: Any, wait: threading.Event | None = None) -> None:
        self.answer = answer
        self.wait = wait
        self.requests: list[tuple[str, str | None, list[dict[str, Any]]]] = []
        self._of: tuple[str, str | None] = ("", None)

    def client(self, service: str, *, region_name: str | None, **_: Any) -> Events:
        self._of = (service, region_name)
        return self

    def put_events(self, *, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803 - the name of the API
        self.requests.append((*self._of, Entries))
        if self.wait:
            self.wait.wait(60)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def refusal(code: str, message: str = "", status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutEvents")


def entry_refused(code: str, message: str = "") -> dict[str, Any]:
    return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": message}]}


def fault(answer: Any, bus: str = BUS, seconds: float = 20) -> SourceError:
    with pytest.raises(SourceError) as raised:
        EventPublisher(AwsClients(lambda: Events(answer)), bus, REGION).put(["{}"], Deadline.after(seconds))
    assert raised.value.help
    return raised.value


DENIAL = (
    f"User: arn:aws:sts::111122223333:assumed-role/macro/x is not authorized to perform: events:PutEvents on resource: "
    f"arn:aws:events:{REGION}:111122223333:event-bus/{BUS} because no identity-based policy allows the "
    "events:PutEvents action"
)


@pytest.mark.parametrize(
    "answer",
    [refusal("AccessDeniedException", DENIAL), entry_refused("AccessDeniedException", DENIAL)],
    ids=["the request", "the entry"],
)
def test_a_denial_names_the_action_the_bus_and_the_policy_that_lacks_it(answer: Any) -> None:
    denied = fault(answer)

    assert denied.cause == (
        "events:PutEvents is denied on deployments, because no identity-based policy allows the events:PutEvents action"
    )
    assert denied.help == (
        "allow events:PutEvents on it in the policy of the macro's role; a bus of another account must also allow it "
        "in its own policy"
    )


@pytest.mark.parametrize(
    "answer",
    [refusal("ResourceNotFoundException", "no bus"), entry_refused("ResourceNotFoundException", "no bus")],
    ids=["the request", "the entry"],
)
def test_a_missing_bus_is_reported_if_the_service_reports_it(answer: Any) -> None:
    absent = fault(answer)

    assert absent.cause == "EventBridge in eu-west-1 has no event bus deployments"
    assert absent.help == "create it, or correct IMAGE_PINNER_EVENT_BUS"


@pytest.mark.parametrize(
    ("answer", "reported"),
    [
        (refusal("ThrottlingException", "Rate exceeded"), "EventBridge in eu-west-1 throttled the request"),
        (entry_refused("ThrottlingException", "Rate exceeded"), "EventBridge in eu-west-1 throttled the request"),
        (entry_refused("InternalFailure", "oops"), "failed with an internal error"),
        (refusal("InternalException", "oops", 500), "failed with an internal error"),
        (entry_refused("MalformedDetail", "no JSON"), "rejected the request (MalformedDetail: no JSON)"),
        (entry_refused("NotAuthorizedForSourceException", "no"), "rejected the request (NotAuthorizedForSource"),
        (refusal("ExpiredTokenException"), "credentials: they have expired"),
        (NoCredentialsError(), "there are no AWS credentials"),
        (
            ConnectTimeoutError(endpoint_url="https://events.eu-west-1.amazonaws.com"),
            "did not respond in time at events",
        ),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_every_other_failure_names_the_bus(answer: Any, reported: str) -> None:
    found = fault(answer)

    assert found.cause.startswith("events:PutEvents failed for bus deployments: ")
    assert reported in found.cause


def test_a_client_that_cannot_be_created_is_reported() -> None:
    def no_session() -> Any:
        raise NoRegionError

    with pytest.raises(SourceError, match="no endpoint for EventBridge"):
        EventPublisher(AwsClients(no_session), BUS, REGION).put(["{}"], Deadline.after(20))


def test_without_time_no_request_is_sent() -> None:
    session = Events(TAKEN)

    with pytest.raises(SourceError, match="no time was left to send events:PutEvents for bus deployments"):
        EventPublisher(AwsClients(lambda: session), BUS, REGION).put(["{}"], Deadline.after(0))
    assert session.requests == []


@pytest.mark.parametrize("left", [0.2, 600.0])
def test_a_bus_that_does_not_respond_times_out_within_two_seconds(left: float) -> None:
    released = threading.Event()
    session = Events(TAKEN, released)
    started = time.monotonic()

    with pytest.raises(SourceError, match=r"did not respond within .* may still arrive") as raised:
        EventPublisher(AwsClients(lambda: session), BUS, REGION).put(["{}"], Deadline.after(left))

    released.set()
    assert time.monotonic() - started < SECONDS + 20
    assert ("within 2.0 s" in raised.value.cause) == (left > SECONDS)
    assert "need not be repeated" in raised.value.help


@pytest.mark.parametrize(("bus", "region"), [(BUS, REGION), (ARN, "eu-central-1"), ("arn-like", REGION)])
def test_the_event_is_put_in_the_region_of_the_bus(bus: str, region: str) -> None:
    session = Events(TAKEN)

    EventPublisher(AwsClients(lambda: session), bus, REGION).put(['{"version": 1}'], Deadline.after(20))

    entry = {"Source": SOURCE, "DetailType": PINNED, "Detail": '{"version": 1}', "EventBusName": bus}
    assert session.requests == [("events", region, [entry])]


def put(session: Events, details: list[str], seconds: float = 60) -> None:
    EventPublisher(AwsClients(lambda: session), BUS, REGION).put(details, Deadline.after(seconds))


def sent(session: Events) -> list[list[str]]:
    return [[entry["Detail"] for entry in entries] for _, _, entries in session.requests]


def test_a_request_has_at_most_ten_events() -> None:
    session = Events(TAKEN)
    details = [f'{{"part": {number}}}' for number in range(25)]

    put(session, details)

    assert sent(session) == [details[:10], details[10:20], details[20:]]


def test_the_events_of_a_request_have_at_most_256_kb() -> None:
    session = Events(TAKEN)
    details = ["x" * MAX_DETAIL_BYTES, "y" * MAX_DETAIL_BYTES, "é" * 50_000, "z" * 120_000, "", "ü" * 60_000]

    put(session, details)

    assert sent(session) == [[details[0]], [details[1]], details[2:5], [details[5]]]
    for _, _, entries in session.requests:
        size = sum(len("".join(entry.values()).encode()) for entry in entries)
        assert size <= MAX_REQUEST_BYTES == 256 * 1024


class SecondFails(Events):
    """The second request has one event that is rejected."""

    def put_events(self, *, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803 - the name of the API
        super().put_events(Entries=Entries)
        if len(self.requests) != 2:
            return TAKEN
        refused = {"ErrorCode": "AccessDeniedException", "ErrorMessage": DENIAL}
        return {"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, refused, {"EventId": "3"}]}


def test_the_first_event_that_is_not_put_ends_it() -> None:
    session = SecondFails(TAKEN)

    with pytest.raises(SourceError, match="events:PutEvents is denied on deployments"):
        put(session, ["{}"] * 25)
    assert len(session.requests) == 2


def test_each_request_has_its_own_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SECONDS", 0.1)
    released = threading.Event()
    session = Events(TAKEN, released)

    with pytest.raises(SourceError, match=r"did not respond within 0\.2 s"):
        put(session, ["{}"] * 11)
    released.set()


def test_an_event_reaches_a_bus_and_the_targets_of_its_rules() -> None:
    with mock_aws():
        bridge, logs = (boto3.client(name, region_name=REGION) for name in ("events", "logs"))
        bridge.create_event_bus(Name=BUS)
        logs.create_log_group(logGroupName="/pinned")
        bridge.put_rule(Name="all", EventBusName=BUS, EventPattern=json.dumps({"source": [SOURCE]}))
        arn = f"arn:aws:logs:{REGION}:123456789012:log-group:/pinned"
        bridge.put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "log", "Arn": arn}])

        clients = AwsClients()
        clients.client("events", REGION)  # on a busy machine this can take more than two seconds

        EventPublisher(clients, BUS, REGION).put(['{"version": 1}'], Deadline.after(20))

        found = logs.filter_log_events(logGroupName="/pinned")["events"]
    event = json.loads(found[0]["message"])
    assert (event["source"], event["detail-type"], event["detail"]) == (SOURCE, PINNED, {"version": 1})


def test_importing_the_events_module_does_not_load_boto3() -> None:
    script = "import sys, image_pinner.sources.aws.events\nprint({'boto3', 'botocore'} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert found.stdout.strip() == "set()"
