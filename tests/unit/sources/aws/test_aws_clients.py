from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import boto3
import pytest

from image_pinner import __version__
from image_pinner.sources.aws.clients import AwsClients


class RecordingSession:
    """Gives a new object for each client, and tells whether two are ever made at once."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str | None]] = []
        self.at_once = 0
        self._making = 0

    def client(self, service: str, *, region_name: str | None, config: Any) -> object:
        self._making += 1
        self.at_once = max(self.at_once, self._making)
        self.made.append((service, region_name))
        threading.Event().wait(0.01)
        self._making -= 1
        return [config]


def test_a_session_that_cannot_be_made_is_tried_again() -> None:
    session, faults = RecordingSession(), [ValueError("first")]

    def make() -> RecordingSession:
        if faults:
            raise faults.pop()
        return session

    clients = AwsClients(make)
    with pytest.raises(ValueError, match="first"):
        clients.client("ecr", "eu-west-1")
    assert clients.client("ecr", "eu-west-1") == clients.client("ecr", "eu-west-1")


def test_clients_are_made_one_at_a_time_and_each_once() -> None:
    session = RecordingSession()
    clients = AwsClients(lambda: session)
    given: list[object] = []
    kinds = [("ecr", "eu-west-1"), ("ecr", "us-east-1"), ("ssm", "eu-west-1")] * 4
    threads = [threading.Thread(target=lambda kind=kind: given.append(clients.client(*kind))) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert session.at_once == 1
    assert sorted(session.made) == sorted(set(kinds))  # type: ignore[type-var]
    assert len({id(client) for client in given}) == 3


def test_no_region_leaves_the_choice_to_the_environment() -> None:
    session = RecordingSession()
    AwsClients(lambda: session).client("ssm", "")
    assert session.made == [("ssm", None)]


def test_every_wait_of_a_client_is_limited() -> None:
    client = AwsClients(boto3.Session).client("ecr", "eu-west-1")
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (3.0, 8.0)
    assert config.retries == {"mode": "adaptive", "total_max_attempts": 4}
    assert config.user_agent_extra == f"image-pinner/{__version__}"


@pytest.mark.parametrize(
    ("region", "fips", "dual_stack", "endpoint"),
    [
        ("us-east-1", False, False, "https://api.ecr.us-east-1.amazonaws.com"),
        ("us-east-1", True, False, "https://ecr-fips.us-east-1.amazonaws.com"),
        ("us-east-1", False, True, "https://ecr.us-east-1.api.aws"),
        ("us-gov-west-1", True, True, "https://ecr-fips.us-gov-west-1.api.aws"),
        ("cn-north-1", False, False, "https://api.ecr.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", False, False, "https://api.ecr.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_the_endpoint_is_of_the_kind_that_was_asked_for(
    region: str, endpoint: str, *, fips: bool, dual_stack: bool
) -> None:
    client = AwsClients(boto3.Session).client("ecr", region, fips=fips, dual_stack=dual_stack)
    assert client.meta.endpoint_url == endpoint


def test_boto3_is_not_loaded_before_a_client_is_needed() -> None:
    modules = ("aws.clients", "aws.failures", "ecr.resolver", "in_memory", "ssm_parameters", "stack_exports")
    imports = "\n".join(f"import image_pinner.sources.{name}" for name in modules)
    script = f"{imports}\nimport sys\nprint({{'boto3', 'botocore'}} & set(sys.modules))"
    found = subprocess.run(  # noqa: PLW1510 - the output tells
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
        timeout=60,
    )
    assert found.stdout.strip() == "set()", found.stderr
