"""Credentials of a role: the request to STS, and how long a denial holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber

from image_pinner.core.errors import SourceError
from image_pinner.core.registry_config import RegistryRole
from image_pinner.sources.aws.sessions import role_credentials, session_with
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.interface import Deadline

ROLE = RegistryRole("444455556666", "arn:aws:iam::444455556666:role/reader", "hunter2-the-external-id")
REQUEST = {"RoleArn": ROLE.arn, "RoleSessionName": "image-pinner", "ExternalId": ROLE.external_id}


class Sts(NamedTuple):
    client: Any
    stub: Stubber

    def returns(self, key: str, lasts: timedelta = timedelta(hours=1)) -> None:
        credentials = {
            "AccessKeyId": key,
            "SecretAccessKey": "secret",
            "SessionToken": f"token of {key}",
            "Expiration": datetime.now(UTC) + lasts,
        }
        self.stub.add_response("assume_role", {"Credentials": credentials}, REQUEST)

    def refuses(self, code: str = "AccessDenied", message: str = "no") -> None:
        self.stub.add_client_error("assume_role", code, message, expected_params=REQUEST)


@pytest.fixture
def sts() -> Iterator[Sts]:
    client = boto3.client("sts", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        yield Sts(client, stub)
        stub.assert_no_pending_responses()


class Unreachable:
    """A client of STS that cannot connect."""

    class meta:  # noqa: N801 - botocore's name
        region_name = "eu-west-1"

    def assume_role(self, **_request: str) -> None:
        raise ConnectTimeoutError(endpoint_url="https://sts.eu-west-1.amazonaws.com")


def test_a_denied_role_is_reported_with_account_and_help_but_no_external_id(sts: Sts) -> None:
    sts.refuses(message="not authorized to perform: sts:AssumeRole because no identity-based policy allows it")
    with pytest.raises(SourceError) as caught:
        role_credentials(sts.client, ROLE).get_frozen_credentials()
    error = caught.value
    assert ROLE.arn in error.cause
    assert "for the registries of account 444455556666" in error.cause
    assert error.cause.endswith("sts:AssumeRole is denied in eu-west-1, because no identity-based policy allows it")
    assert "sts:AssumeRole" in error.help
    assert "trust policy" in error.help
    assert "hunter2" not in error.cause + error.help


def test_a_timeout_of_sts_names_sts() -> None:
    with pytest.raises(SourceError) as caught:
        role_credentials(Unreachable(), ROLE).get_frozen_credentials()
    assert "STS in eu-west-1 did not respond in time at sts.eu-west-1.amazonaws.com" in caught.value.cause


def test_a_denial_holds_for_a_moment_before_sts_is_requested_again(sts: Sts) -> None:
    now = [100.0]
    credentials = role_credentials(sts.client, ROLE, clock=lambda: now[0])
    sts.refuses()
    for _ in range(3):
        with pytest.raises(SourceError, match="sts:AssumeRole is denied"):
            credentials.get_frozen_credentials()
    sts.stub.assert_no_pending_responses()
    now[0] += 60
    sts.returns("ASIAFIRST0000000")
    assert credentials.get_frozen_credentials().access_key == "ASIAFIRST0000000"


def test_a_failure_does_not_hold_for_the_next_event(sts: Sts) -> None:
    credentials = role_credentials(sts.client, ROLE, clock=lambda: 100.0)
    sts.refuses("ThrottlingException")
    sts.returns("ASIAFIRST0000000")
    first, second = (Deadline.after(seconds) for seconds in (20, 30))
    for _ in range(2):
        with pytest.raises(SourceError, match="throttled"):
            run_all([credentials.get_frozen_credentials], workers=1, deadline=first)
    (found,) = run_all([credentials.get_frozen_credentials], workers=1, deadline=second)
    assert found.access_key == "ASIAFIRST0000000"


def test_credentials_are_kept_until_they_are_about_to_expire(sts: Sts) -> None:
    credentials = role_credentials(sts.client, ROLE)
    sts.returns("ASIAFIRST0000000", lasts=timedelta(minutes=2))
    assert credentials.get_frozen_credentials().access_key == "ASIAFIRST0000000"
    sts.returns("ASIANEXT00000000")
    for _ in range(3):
        assert credentials.get_frozen_credentials().access_key == "ASIANEXT00000000"


def test_without_an_external_id_none_is_sent(sts: Sts) -> None:
    credentials = {
        "AccessKeyId": "ASIAFIRST0000000",
        "SecretAccessKey": "secret",
        "SessionToken": "token",
        "Expiration": datetime.now(UTC) + timedelta(hours=1),
    }
    expected = {"RoleArn": ROLE.arn, "RoleSessionName": "image-pinner"}
    sts.stub.add_response("assume_role", {"Credentials": credentials}, expected)
    assert role_credentials(sts.client, ROLE._replace(external_id="")).get_frozen_credentials().token == "token"


def test_a_session_signs_with_the_credentials_of_the_role(sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOFTHECALLER0")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    sts.returns("ASIAFIRST0000000")
    session = session_with(role_credentials(sts.client, ROLE))
    assert session.get_credentials().get_frozen_credentials().access_key == "ASIAFIRST0000000"
