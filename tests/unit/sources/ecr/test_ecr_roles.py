"""Requests to the registries of an account use the role that is configured for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.stub import Stubber

from image_pinner.core.images.lookups import Resolved, Unavailable
from image_pinner.core.registry_config import RegistryRole
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.sessions import session_with
from image_pinner.sources.ecr.resolver import EcrResolver
from image_pinner.sources.interface import Deadline
from support.aws import ecr_lookup, image, no_download
from support.registries import Answer, ScriptedRegistry, Seen

OWNER, OTHER = "444455556666", "777788889999"
ROLE = RegistryRole(OWNER, f"arn:aws:iam::{OWNER}:role/reader")
WITH_ID = ROLE._replace(external_id="only-for-the-pinner")
APP, ANOTHER_APP = (f"{OWNER}.dkr.ecr.eu-west-1.amazonaws.com/team/{name}:1" for name in ("app", "another"))


class Resolvers(NamedTuple):
    """A stubbed STS, and an ECR on loopback."""

    sts: Stubber
    ecr: ScriptedRegistry
    made: list[tuple[str, str]]
    clients: AwsClients

    def resolve(self, *names: str, role: RegistryRole = ROLE) -> list[Any]:
        resolver = EcrResolver(self.clients, download=no_download, roles=[role])
        return list(resolver.resolve_all([ecr_lookup(name) for name in names], Deadline.after(20)).values())


class OwnSession(NamedTuple):
    """The session of the caller, with the stubbed client of STS."""

    sts: Any
    made: list[tuple[str, str]]
    opened: list[Any]

    def client(self, service: str, *, region_name: str, config: Any) -> Any:
        self.made.append((service, region_name))
        if service == "sts":
            return self.sts
        keys = {"aws_access_key_id": "AKIAOWN", "aws_secret_access_key": "own"}
        self.opened.append(boto3.client(service, region_name=region_name, config=config, **keys))
        return self.opened[-1]


class RoleSession(NamedTuple):
    """The session for a role, which records its clients."""

    session: Any
    opened: list[Any]

    def client(self, service: str, **options: Any) -> Any:
        self.opened.append(self.session.client(service, **options))
        return self.opened[-1]


def describe(seen: Seen) -> Answer:
    """Respond to DescribeImages."""
    assert seen.headers["X-Amz-Target"].endswith(".DescribeImages")
    detail = {"imageTags": ["1"], "imageDigest": image("app").digest, "imageManifestMediaType": image("app").media_type}
    return Answer(200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps({"imageDetails": [detail]}).encode())


@pytest.fixture
def resolvers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolvers]:
    sts = boto3.client("sts", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    own = OwnSession(sts, [], [])
    with ScriptedRegistry(describe) as ecr, Stubber(sts) as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", ecr.url)
        clients = AwsClients(
            lambda: own, role_session_factory=lambda credentials: RoleSession(session_with(credentials), own.opened)
        )
        yield Resolvers(stub, ecr, own.made, clients)
        for client in own.opened:
            client.close()
        stub.assert_no_pending_responses()


def returns_credentials(stub: Stubber, role: RegistryRole, *, key: str = "ASIAROLE", hours: float = 1) -> None:
    credentials = {
        "AccessKeyId": f"{key}00000000000000",
        "SecretAccessKey": "hunter2",
        "SessionToken": f"token of {key}",
        "Expiration": datetime.now(UTC) + timedelta(hours=hours),
    }
    expected = {"RoleArn": role.arn, "RoleSessionName": "image-pinner"}
    expected |= {"ExternalId": role.external_id} if role.external_id else {}
    stub.add_response("assume_role", {"Credentials": credentials}, expected)


def denies(stub: Stubber) -> None:
    message = (
        "User: arn:aws:sts::111122223333:assumed-role/macro/session is not authorized to perform: sts:AssumeRole on "
        f"resource: {ROLE.arn}"
    )
    stub.add_client_error("assume_role", "AccessDenied", message, http_status_code=403)


@pytest.mark.parametrize(
    ("role", "reported"), [(ROLE, "require no external ID"), (WITH_ID, "require the configured external ID")]
)
def test_a_denied_role_is_reported_and_ecr_gets_no_request(
    resolvers: Resolvers, role: RegistryRole, reported: str
) -> None:
    denies(resolvers.sts)
    (answer,) = resolvers.resolve(APP, role=role)
    assert isinstance(answer, Unavailable)
    assert answer.cause == (
        f"cannot assume role {role.arn} for the registries of account {OWNER}: sts:AssumeRole is denied in eu-west-1"
    )
    assert "allow sts:AssumeRole on it in the policy of the caller's role; its trust policy must" in answer.help
    assert reported in answer.help
    assert "only-for-the-pinner" not in repr(answer)
    assert resolvers.ecr.seen == []


def test_a_denied_role_is_requested_once_for_all_repositories(resolvers: Resolvers) -> None:
    denies(resolvers.sts)
    first, second = resolvers.resolve(APP, ANOTHER_APP)
    assert isinstance(first, Unavailable)
    assert first == second


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("RegionDisabledException", "rejected the request (RegionDisabledException"),
        ("Throttling", "throttled the request"),
    ],
)
def test_other_failures_of_a_role_are_reported_with_the_message_of_sts(
    resolvers: Resolvers, code: str, expected: str
) -> None:
    resolvers.sts.add_client_error("assume_role", code, "STS's own words")
    (answer,) = resolvers.resolve(APP)
    assert isinstance(answer, Unavailable)
    assert answer.cause.startswith(f"cannot assume role {ROLE.arn} for the registries of account {OWNER}: ")
    assert f"STS in eu-west-1 {expected}" in answer.cause
    assert resolvers.ecr.seen == []


def test_credentials_that_have_expired_already_are_not_used(resolvers: Resolvers) -> None:
    returns_credentials(resolvers.sts, ROLE, hours=-1)
    (answer,) = resolvers.resolve(APP)
    assert isinstance(answer, Unavailable)
    assert "have already expired" in answer.cause
    assert "clock" in answer.help
    assert "hunter2" not in repr(answer)
    assert resolvers.ecr.seen == []


@pytest.mark.parametrize("role", [ROLE, WITH_ID], ids=["without an external id", "with an external id"])
def test_requests_to_the_account_of_a_role_use_its_credentials(resolvers: Resolvers, role: RegistryRole) -> None:
    returns_credentials(resolvers.sts, role)
    (answer,) = resolvers.resolve(APP, role=role)
    assert isinstance(answer, Resolved)
    (seen,) = resolvers.ecr.seen
    assert "Credential=ASIAROLE" in seen.authorization
    assert seen.headers["X-Amz-Security-Token"] == "token of ASIAROLE"
    assert json.loads(seen.body)["registryId"] == OWNER


def test_the_role_is_assumed_once_with_the_first_request(resolvers: Resolvers) -> None:
    resolvers.clients.client("ecr", "eu-west-1", role=ROLE)
    returns_credentials(resolvers.sts, ROLE)
    for _ in range(2):
        assert all(isinstance(answer, Resolved) for answer in resolvers.resolve(APP, ANOTHER_APP))
    assert len(resolvers.ecr.seen) == 4
    assert resolvers.made == [("sts", "eu-west-1")]


def test_credentials_about_to_expire_are_renewed(resolvers: Resolvers) -> None:
    returns_credentials(resolvers.sts, ROLE, key="ASIAFIRST", hours=1 / 60)
    returns_credentials(resolvers.sts, ROLE, key="ASIANEXT")
    for _ in range(2):
        assert isinstance(resolvers.resolve(APP)[0], Resolved)
    tokens = [seen.headers["X-Amz-Security-Token"] for seen in resolvers.ecr.seen]
    assert tokens == ["token of ASIAFIRST", "token of ASIANEXT"]


def test_requests_to_other_accounts_use_the_credentials_of_the_caller(resolvers: Resolvers) -> None:
    (answer,) = resolvers.resolve(f"{OTHER}.dkr.ecr.eu-west-1.amazonaws.com/team/app:1")
    assert isinstance(answer, Resolved)
    (seen,) = resolvers.ecr.seen
    assert "Credential=AKIAOWN" in seen.authorization
    assert resolvers.made == [("ecr", "eu-west-1")]
