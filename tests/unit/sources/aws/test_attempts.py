"""Which requests to AWS are sent again, how often, and until when."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from image_pinner.sources.aws.attempts import ATTEMPTS, ForeignResponseError, limit_attempts
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.errors import explain
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.interface import Deadline
from support.registries import Answer, Raw, ScriptedRegistry, hang

JSON = {"Content-Type": "application/x-amz-json-1.1"}
REQUEST_ID = {"x-amzn-RequestId": "7f1c"}
PAGE = b'<!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><body>Sign in</body></html>'
ELEMENT = b'<%sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%sResult><Account>1</Account></%sResult></%sResponse>'
SERVICE = "Parameter Store in us-east-1"


@pytest.fixture
def server() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(lambda _: Answer(200, JSON, b"{}")) as running:
        yield running


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("image_pinner.sources.aws.attempts._FIRST_PAUSE", 0.01)


@pytest.fixture
def clients(server: ScriptedRegistry, monkeypatch: pytest.MonkeyPatch) -> AwsClients:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    session = boto3.Session("AKIAOWN", "own")
    limit_attempts(session.events)
    return AwsClients(lambda: session)


@pytest.fixture
def client(clients: AwsClients) -> Any:
    return clients.client("ssm", "us-east-1")


@pytest.mark.parametrize(
    ("status", "code", "attempts"),
    [
        (400, "ValidationException", 1),
        (400, "AccessDeniedException", 1),
        (400, "ThrottlingException", ATTEMPTS),
        (400, "RequestTimeout", ATTEMPTS),
        (429, "", ATTEMPTS),
        (500, "InternalServerError", ATTEMPTS),
        (501, "NotImplemented", 1),
        (503, "", ATTEMPTS),
    ],
)
def test_only_throttled_and_transient_errors_are_retried(
    status: int, code: str, attempts: int, client: Any, server: ScriptedRegistry
) -> None:
    server.script = lambda _: Answer(status, JSON, b'{"__type": "%s"}' % code.encode())
    with pytest.raises(ClientError):
        client.get_parameters(Names=["/tag"])
    assert len(server.seen) == attempts


@pytest.mark.parametrize(
    ("operation", "attempts"), [("start_image_scan", 1), ("describe_image_scan_findings", ATTEMPTS)]
)
def test_a_limit_for_a_day_is_not_retried(
    operation: str, attempts: int, clients: AwsClients, server: ScriptedRegistry
) -> None:
    ecr = clients.client("ecr", "us-east-1")
    server.script = lambda _: Answer(400, JSON, b'{"__type": "LimitExceededException"}')
    with pytest.raises(ClientError):
        getattr(ecr, operation)(repositoryName="team/app", imageId={"imageTag": "1"})
    assert len(server.seen) == attempts


def test_a_lost_connection_is_retried_until_it_succeeds(client: Any, server: ScriptedRegistry) -> None:
    def lose(*_: object) -> None:
        """Close the connection without a response."""

    server.script = lambda _: Raw(lose) if len(server.seen) < ATTEMPTS else Answer(200, JSON, b"{}")
    client.get_parameters(Names=["/tag"])
    assert len(server.seen) == ATTEMPTS


def test_attempts_leave_no_state_in_the_client(client: Any, server: ScriptedRegistry) -> None:
    server.script = lambda _: Answer(400, JSON, b'{"__type": "ThrottlingException"}')
    for _ in range(60):
        with pytest.raises(ClientError):
            client.get_parameters(Names=["/tag"])
    # A quota of botocore allows for 100 retries, and grows by one with each success.
    assert len(server.seen) == 60 * ATTEMPTS


def test_the_deadline_of_the_job_ends_the_attempts(
    client: Any, server: ScriptedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_pinner.sources.aws.attempts._FIRST_PAUSE", 60)
    server.script = lambda _: Answer(400, JSON, b'{"__type": "ThrottlingException"}')
    with pytest.raises(ClientError) as caught:
        run_all([lambda: client.get_parameters(Names=["/tag"])], workers=1, deadline=Deadline.after(20))
    assert explain(caught.value, SERVICE).cause.endswith(
        "throttled the request in 1 of 1 attempts (ThrottlingException)"
    )


def test_the_deadline_of_the_job_ends_a_request(client: Any, server: ScriptedRegistry) -> None:
    client.get_parameters(Names=["/tag"])
    server.script = lambda _: Raw(hang)
    ended = threading.Event()

    def request() -> None:
        with pytest.raises(ReadTimeoutError):
            client.get_parameters(Names=["/tag"])
        ended.set()

    run_all([request], workers=1, deadline=Deadline.after(0.3))
    assert ended.wait(2)


FOREIGN = (
    ("text/html", PAGE),
    ("application/xhtml+xml", PAGE),
    ("text/xml", PAGE),
    ("text/plain", PAGE),
    ("", PAGE),
    ("text/xml", b"<status>up</status>"),
    ("application/json", b"{}"),
    ("application/json", b'{"status": "ok"}'),
    ("application/json", b"[]"),
    ("text/plain", b"OK"),
    ("", b""),
)
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "ssm": ("get_parameters", {"Names": ["/tag"]}),
    "ecr": ("describe_images", {"repositoryName": "team/app"}),
    "sts": ("get_caller_identity", {}),
    "cloudformation": ("describe_stacks", {}),
    "lambda": ("list_functions", {}),
    "s3": ("get_object", {"Bucket": "locks", "Key": "lock.json"}),
}


def send(clients: AwsClients, service: str) -> Any:
    operation, parameters = REQUESTS[service]
    return getattr(clients.client(service, "us-east-1"), operation)(**parameters)


@pytest.mark.parametrize("service", REQUESTS)
def test_a_response_that_is_not_one_of_aws_is_an_error(
    service: str, clients: AwsClients, server: ScriptedRegistry
) -> None:
    answers = [
        Answer(status, {"Content-Type": media_type} if media_type else {}, body)
        for status in (200, 302, 403)
        for media_type, body in FOREIGN
    ]
    for number, answer in enumerate(answers, start=1):
        server.script = lambda _, answer=answer: answer  # type: ignore[misc] # the type of the default is inferred
        with pytest.raises(ForeignResponseError):
            send(clients, service)
        assert len(server.seen) == number


@pytest.mark.parametrize("service", REQUESTS)
def test_a_page_with_an_error_of_a_server_is_retried_and_not_repeated(
    service: str, clients: AwsClients, server: ScriptedRegistry
) -> None:
    server.script = lambda _: Answer(502, {"Content-Type": "text/html"}, PAGE)
    with pytest.raises(ClientError) as caught:
        send(clients, service)
    assert "Sign in" not in str(caught.value)
    assert len(server.seen) == ATTEMPTS


@pytest.mark.parametrize(
    ("service", "headers", "body"),
    [
        ("lambda", REQUEST_ID, b"{}"),
        ("s3", {"x-amz-request-id": "7f1c"}, PAGE),
        ("ssm", JSON, b"{}"),
        ("sts", {}, ELEMENT.replace(b"%s", b"GetCallerIdentity")),
    ],
)
def test_a_response_needs_a_request_id_or_what_only_aws_writes(
    service: str, headers: dict[str, str], body: bytes, clients: AwsClients, server: ScriptedRegistry
) -> None:
    server.script = lambda _: Answer(200, headers, body)
    send(clients, service)
