from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import boto3
import pytest

from image_pinner import __version__
from image_pinner.core.registry_config import RegistryRole
from image_pinner.sources.aws.clients import MAX_CLIENTS, AwsClients
from image_pinner.sources.aws.errors import UnknownRegionError
from image_pinner.sources.aws.sessions import known_regions


class RecordingSession:
    """Creates a new object for each client, and records the most that are created at once."""

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


def test_a_session_that_cannot_be_created_is_created_at_the_next_call() -> None:
    session, faults = RecordingSession(), [ValueError("first")]

    def make() -> RecordingSession:
        if faults:
            raise faults.pop()
        return session

    clients = AwsClients(make)
    with pytest.raises(ValueError, match="first"):
        clients.client("ecr", "eu-west-1")
    assert clients.client("ecr", "eu-west-1") == clients.client("ecr", "eu-west-1")


def test_clients_are_created_one_at_a_time_and_each_once() -> None:
    session = RecordingSession()
    clients = AwsClients(lambda: session)
    created: list[object] = []
    kinds = [("ecr", "eu-west-1"), ("ecr", "us-east-1"), ("ssm", "eu-west-1")] * 4
    threads = [threading.Thread(target=lambda kind=kind: created.append(clients.client(*kind))) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert session.at_once == 1
    assert sorted(session.made) == sorted(set(kinds))  # type: ignore[type-var]
    assert len({id(client) for client in created}) == 3


ROLE = RegistryRole("444455556666", "arn:aws:iam::444455556666:role/reader", "an-external-id")


class RoleSessions:
    """Returns a recording session for the credentials of each role."""

    def __init__(self) -> None:
        self.credentials: list[Any] = []
        self.made = RecordingSession()

    def __call__(self, credentials: Any) -> RecordingSession:
        self.credentials.append(credentials)
        return self.made


def test_a_role_has_clients_of_its_own_and_sts_is_a_client_of_the_same_region() -> None:
    own, roles = RecordingSession(), RoleSessions()
    clients = AwsClients(lambda: own, role_session_factory=roles)
    others = [ROLE, ROLE._replace(arn="arn:aws:iam::444455556666:role/other"), ROLE._replace(external_id="another-id")]
    created = [clients.client("ecr", region, role=role) for region in ("eu-west-1", "us-east-1") for role in others] * 2
    assert len({id(client) for client in created}) == len(roles.credentials) == 6
    assert roles.made.made == [("ecr", "eu-west-1")] * 3 + [("ecr", "us-east-1")] * 3
    assert own.made == [("sts", "eu-west-1"), ("sts", "us-east-1")]


def test_a_role_is_not_assumed_before_a_request_is_signed_as_it() -> None:
    requests: list[object] = []
    session = boto3.Session("AKIAOWN", "own")
    session.events.register("before-call.sts", lambda **_: requests.append("sts"))
    client = AwsClients(lambda: session).client("ecr", "eu-west-1", role=ROLE)
    assert client.meta.region_name == "eu-west-1"
    assert requests == []


@pytest.mark.parametrize(
    ("region", "fips", "endpoint"),
    [
        ("us-east-1", False, "https://sts.us-east-1.amazonaws.com"),
        ("us-east-1", True, "https://sts-fips.us-east-1.amazonaws.com"),
        ("cn-north-1", False, "https://sts.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", True, "https://sts.us-gov-west-1.amazonaws.com"),
        ("eusc-de-east-1", False, "https://sts.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_sts_uses_its_regional_endpoint_and_the_same_timeouts(region: str, endpoint: str, *, fips: bool) -> None:
    clients = AwsClients(lambda: boto3.Session("AKIAOWN", "own"))
    clients.client("ecr", region, fips=fips, role=ROLE)
    sts = clients.client("sts", region, fips=fips)
    assert sts.meta.endpoint_url == endpoint
    assert (sts.meta.config.connect_timeout, sts.meta.config.read_timeout) == (3.0, 8.0)
    assert sts.meta.config.retries == {"mode": "standard", "total_max_attempts": 1}


def test_without_a_region_the_environment_decides() -> None:
    session = RecordingSession()
    AwsClients(lambda: session).client("ssm", "")
    assert session.made == [("ssm", None)]


def test_a_client_has_timeouts_and_no_retries_of_botocore() -> None:
    client = AwsClients(boto3.Session).client("ecr", "eu-west-1")
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (3.0, 8.0)
    assert config.retries == {"mode": "standard", "total_max_attempts": 1}
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
def test_the_endpoint_is_of_the_requested_kind(region: str, endpoint: str, *, fips: bool, dual_stack: bool) -> None:
    client = AwsClients(boto3.Session).client("ecr", region, fips=fips, dual_stack=dual_stack)
    assert client.meta.endpoint_url == endpoint


def test_a_region_that_is_neither_known_nor_allowed_has_no_client() -> None:
    session = RecordingSession()
    clients = AwsClients(lambda: session)
    with pytest.raises(UnknownRegionError, match="'us-x17-1' is not a region that the installed botocore knows"):
        clients.client("ecr", "us-x17-1")
    assert session.made == []
    allowing = clients.allowing(["us-x17-1"])
    assert allowing.client("ecr", "us-x17-1") is allowing.client("ecr", "us-x17-1")
    assert session.made == [("ecr", "us-x17-1")]
    assert clients.client("ecr", "eu-west-1") is allowing.client("ecr", "eu-west-1")
    with pytest.raises(UnknownRegionError):
        clients.client("ecr", "us-x17-1")


def test_an_allowed_region_is_not_looked_up_in_the_data_of_botocore() -> None:
    known_regions.cache_clear()
    AwsClients(RecordingSession).allowing(["eu-west-1"]).client("ecr", "eu-west-1")
    assert known_regions.cache_info().currsize == 0


def test_the_client_used_least_recently_is_dropped() -> None:
    session = RecordingSession()
    regions = [f"us-x{number}-1" for number in range(MAX_CLIENTS + 1)]
    clients = AwsClients(lambda: session).allowing(regions)
    for region in [*regions[:-1], regions[0], regions[-1], regions[0]]:
        clients.client("ecr", region)
    assert [region for _, region in session.made] == regions
    clients.client("ecr", regions[1])
    assert [region for _, region in session.made] == [*regions, regions[1]]


def test_boto3_is_not_loaded_before_a_client_is_needed() -> None:
    modules = (
        "aws.clients",
        "aws.errors",
        "aws.values",
        "ecr.resolver",
        "in_memory",
    )
    imports = "\n".join(f"import image_pinner.sources.{name}" for name in modules)
    script = f"{imports}\nimport sys\nprint({{'boto3', 'botocore'}} & set(sys.modules))"
    found = subprocess.run(  # noqa: PLW1510 - the output shows it
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
        timeout=60,
    )
    assert found.stdout.strip() == "set()", found.stderr
