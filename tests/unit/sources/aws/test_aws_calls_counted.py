"""Requests of AWS clients are counted by action, including the attempts that botocore repeats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import boto3
import pytest
from botocore.exceptions import ClientError

from image_pinner.core.registry_config import RegistryRole
from image_pinner.sources.aws.attempts import limit_attempts
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.sessions import session_with
from image_pinner.sources.call_stats import CallStats
from support.registries import Answer, Raw, ScriptedRegistry, Seen

REGION = "eu-west-1"
ROLE = RegistryRole("444455556666", "arn:aws:iam::444455556666:role/reader", "an-external-id")
JSON = {"Content-Type": "application/x-amz-json-1.1"}
GOOD = Answer(200, JSON, b"{}")
ASSUMED = b"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>AKIAROLE</AccessKeyId><SecretAccessKey>role</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""


class SessionAt:
    """A session whose clients send all requests to one server on loopback."""

    def __init__(self, session: Any, url: str) -> None:
        self._session = session
        self._url = url

    def client(self, *names: str, **more: Any) -> Any:
        return self._session.client(*names, **more, endpoint_url=self._url)


@pytest.fixture
def server() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(lambda _: GOOD) as running:
        yield running


@pytest.fixture
def call_stats() -> CallStats:
    return CallStats()


@pytest.fixture
def clients(server: ScriptedRegistry, call_stats: CallStats) -> AwsClients:
    session = boto3.Session("AKIAOWN", "own")
    limit_attempts(session.events)
    return AwsClients(
        lambda: SessionAt(session, server.url),
        role_session_factory=lambda credentials: SessionAt(session_with(credentials), server.url),
        call_stats=call_stats,
    )


def lose(_wire: BinaryIO, _stopping: object) -> None:
    """Close the connection without a response."""


@pytest.mark.parametrize(
    "first", [Answer(500, JSON, b"{}"), Answer(503, JSON, b"{}"), Raw(lose)], ids=["500", "503", "connection lost"]
)
def test_each_attempt_of_botocore_is_counted(
    first: Answer | Raw, clients: AwsClients, server: ScriptedRegistry, call_stats: CallStats
) -> None:
    server.script = lambda _: first if len(server.seen) == 1 else GOOD

    clients.client("ecr", REGION).describe_images(repositoryName="shop/web")

    assert len(server.seen) == 2
    assert call_stats.snapshot().attempts == {"ecr:DescribeImages": 2}
    assert call_stats.snapshot().seconds["ecr:DescribeImages"] > 0


def test_a_denied_request_is_counted(clients: AwsClients, server: ScriptedRegistry, call_stats: CallStats) -> None:
    server.script = lambda _: Answer(400, JSON, b'{"__type": "AccessDeniedException"}')

    with pytest.raises(ClientError, match="AccessDenied"):
        clients.client("ssm", REGION).get_parameters(Names=["/tag"])

    assert call_stats.snapshot().attempts == {"ssm:GetParameters": 1}


def test_requests_are_counted_by_the_names_of_iam_actions(clients: AwsClients, call_stats: CallStats) -> None:
    # The events of botocore contain secrets-manager and eventbridge instead.
    clients.client("secretsmanager", REGION).get_secret_value(SecretId="login")
    clients.client("events", REGION).put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": "{}"}])

    assert set(call_stats.snapshot().attempts) == {"secretsmanager:GetSecretValue", "events:PutEvents"}


def test_assuming_a_role_is_counted_in_addition_to_the_requests_of_the_role(
    clients: AwsClients, server: ScriptedRegistry, call_stats: CallStats
) -> None:
    def script(seen: Seen) -> Answer:
        return Answer(200, {"Content-Type": "text/xml"}, ASSUMED) if b"AssumeRole" in seen.body else GOOD

    server.script = script
    client = clients.client("ecr", REGION, role=ROLE)

    client.describe_images(repositoryName="shop/web")
    client.describe_images(repositoryName="shop/web")

    assert call_stats.snapshot().attempts == {"ecr:DescribeImages": 2, "sts:AssumeRole": 1}


def test_a_cached_client_counts_each_request_once(clients: AwsClients, call_stats: CallStats) -> None:
    for _ in range(3):
        clients.client("ssm", REGION).get_parameters(Names=["/tag"])

    assert call_stats.snapshot().attempts == {"ssm:GetParameters": 3}


def test_the_parameters_of_a_request_are_not_recorded(clients: AwsClients, call_stats: CallStats) -> None:
    clients.client("ssm", REGION).get_parameters(Names=["/a-name"])

    assert "a-name" not in repr(call_stats.snapshot())
