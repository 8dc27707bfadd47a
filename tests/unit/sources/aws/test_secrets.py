"""Secrets from AWS: whatever does not give one is told with the secret's name, the action and what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ProfileNotFound
from botocore.stub import Stubber
from moto import mock_aws

from image_pinner.core.errors import SourceError
from image_pinner.core.registry_config import SecretLocation
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.secrets import Secrets
from image_pinner.sources.interface import Deadline

REGION = "eu-west-1"
SECRET_ARN = f"arn:aws:secretsmanager:{REGION}:111122223333:secret:ghcr-AbCdEf"
PARAMETER_ARN = f"arn:aws:ssm:{REGION}:111122223333:parameter/ghcr"
SECRET, PARAMETER = SecretLocation.of_arn(SECRET_ARN), SecretLocation.of_arn(PARAMETER_ARN)
CALLER = "User: arn:aws:sts::111122223333:assumed-role/macro/x is not authorized to perform: "


class Services:
    """A session whose clients answer by what the test gives it, an exception or a response, and which counts calls."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str | None, dict[str, Any]]] = []
        self._of: tuple[str, str | None] = ("", None)

    def client(self, service: str, *, region_name: str | None, **_: Any) -> Services:
        self._of = (service, region_name)
        return self

    def get_secret_value(self, **parameters: Any) -> Any:
        return self._answer(parameters)

    get_parameter = get_secret_value

    def _answer(self, parameters: dict[str, Any]) -> Any:
        self.asked.append((*self._of, parameters))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class OneClient:
    """A session with one client, which the test made."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def client(self, *_: Any, **__: Any) -> Any:
        return self._client


def refusal(code: str, message: str = "", status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetSecretValue")


def read(session: Any, place: SecretLocation, *, region: str = "", seconds: float = 20) -> str:
    return Secrets(AwsClients(lambda: session), region).read(place, Deadline.after(seconds))


def fault(session: Any, place: SecretLocation, **more: Any) -> SourceError:
    with pytest.raises(SourceError) as raised:
        read(session, place, **more)
    assert raised.value.help
    return raised.value


@pytest.fixture
def aws() -> Iterator[Any]:
    with mock_aws():
        yield boto3


@pytest.mark.parametrize(
    ("place", "action"), [(SECRET, "secretsmanager:GetSecretValue"), (PARAMETER, "ssm:GetParameter")]
)
def test_a_denial_names_secret_action_and_the_policy_that_lacks_it(place: SecretLocation, action: str) -> None:
    message = f"{CALLER}{action} on resource: {place.name} because no identity-based policy allows the {action} action"
    denied = fault(Services(refusal("AccessDeniedException", message)), place)
    assert denied.cause == (
        f"{action} is denied on {place.name}, because no identity-based policy allows the {action} action"
    )
    assert denied.help.startswith(f"Allow {action} on it")


@pytest.mark.parametrize("place", [SECRET, PARAMETER])
def test_a_denial_that_names_no_resource_is_told_with_the_place(place: SecretLocation) -> None:
    assert f"is denied on {place.name}" in fault(Services(refusal("AccessDeniedException")), place).cause


@pytest.mark.parametrize(
    "error",
    [
        refusal("AccessDeniedException", "Access to KMS is not allowed"),
        refusal("AccessDeniedException", f"{CALLER}kms:Decrypt on resource: arn:aws:kms:{REGION}:111122223333:key/1"),
        refusal("AccessDeniedException", "The ciphertext refers to a customer master key that does not exist"),
        refusal("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text"),
        refusal("InvalidKeyId", "The key is disabled"),
    ],
)
@pytest.mark.parametrize("place", [SECRET, PARAMETER])
def test_a_key_that_cannot_be_used_is_told_from_a_secret_that_may_not_be_read(
    place: SecretLocation, error: ClientError
) -> None:
    undecrypted = fault(Services(error), place)
    assert f"could not decrypt {place}" in undecrypted.cause
    assert undecrypted.help.startswith("Allow kms:Decrypt on its key")


@pytest.mark.parametrize(
    ("error", "cause", "help"),
    [
        (refusal("ThrottlingException"), "Secrets Manager in eu-west-1 is throttling", "in a minute"),
        (refusal("InternalServiceError", status=500), "failed on its own side", "in a minute"),
        (refusal("InvalidRequestException", "marked for deletion"), "marked for deletion", "Correct"),
        (refusal("ExpiredTokenException"), "have expired", "Sign in again"),
        (NoCredentialsError(), "there are no AWS credentials", "Sign in"),
        (EndpointConnectionError(endpoint_url="https://x.example/"), "could not be reached at x.example", "network"),
    ],
)
def test_any_other_fault_is_told_with_the_secret_and_the_action(error: Exception, cause: str, help: str) -> None:
    failed = fault(Services(error), SECRET)
    assert failed.cause.startswith(f"secretsmanager:GetSecretValue failed for the secret {SECRET_ARN}: ")
    assert cause in failed.cause
    assert help in failed.help


def test_without_a_client_the_secret_is_named_too() -> None:
    def no_session() -> None:
        raise ProfileNotFound(profile="prod")

    with pytest.raises(SourceError, match="could not be loaded") as failed:
        Secrets(AwsClients(no_session)).read(PARAMETER, Deadline.after(5))
    assert failed.value.cause.startswith(f"ssm:GetParameter failed for the parameter {PARAMETER_ARN}: ")


@pytest.mark.parametrize(
    ("place", "action"), [(SECRET, "secretsmanager:GetSecretValue"), (PARAMETER, "ssm:GetParameter")]
)
def test_when_the_time_is_up_nothing_is_asked(place: SecretLocation, action: str) -> None:
    services = Services({})
    late = fault(services, place, seconds=0)
    assert late.cause == f"the time was up before {action} could be asked for {place}"
    assert services.asked == []


@pytest.mark.parametrize(
    "place",
    [
        SecretLocation.of_arn(f"arn:aws:secretsmanager:{REGION}:123456789012:secret:absent-AbCdEf"),
        SecretLocation.of_arn(f"arn:aws:ssm:{REGION}:123456789012:parameter/absent"),
        SecretLocation("ssm", "/absent", REGION),
    ],
)
def test_a_secret_that_does_not_exist_is_said_so(aws: Any, place: SecretLocation) -> None:
    absent = fault(aws, place)
    assert f" in {REGION} has not {place}, says " in absent.cause
    assert absent.help == "Create it, or correct its name where it is configured"


def test_a_version_that_does_not_exist_is_said_so() -> None:
    place = SecretLocation("ssm", "/ghcr:99", REGION)
    assert "has not the parameter /ghcr:99" in fault(Services(refusal("ParameterVersionNotFound")), place).cause


def test_octets_that_are_no_text_are_refused_and_not_shown() -> None:
    refused = fault(Services({"SecretBinary": b"hunter2\xff"}), SECRET)
    assert refused.cause.startswith(f"the secret {SECRET_ARN} holds octets that are no text")
    assert "hunter2" not in refused.diagnostics()


def test_a_secret_is_read_as_text_or_octets(aws: Any) -> None:
    manager = aws.client("secretsmanager", region_name=REGION)
    text = manager.create_secret(Name="ghcr", SecretString='{"username": "u"}')["ARN"]
    octets = manager.create_secret(Name="quay", SecretBinary="u:pä".encode())["ARN"]
    assert read(aws, SecretLocation.of_arn(text)) == '{"username": "u"}'
    assert read(aws, SecretLocation.of_arn(octets)) == "u:pä"


@pytest.mark.parametrize("kind", ["SecureString", "String"])
def test_a_parameter_is_read_by_arn_and_by_name_whether_it_is_secure_or_not(aws: Any, kind: str) -> None:
    aws.client("ssm", region_name=REGION).put_parameter(Name="/registries/ghcr", Value="u:p", Type=kind)
    arn = f"arn:aws:ssm:{REGION}:123456789012:parameter/registries/ghcr"
    assert read(aws, SecretLocation.of_arn(arn)) == "u:p"
    assert read(aws, SecretLocation("ssm", "/registries/ghcr"), region=REGION) == "u:p"


@pytest.mark.parametrize(
    ("place", "region", "asked"),
    [
        (SECRET, "us-east-1", REGION),
        (PARAMETER, "us-east-1", REGION),
        (SecretLocation("ssm", "/ghcr"), "us-east-1", "us-east-1"),
        (SecretLocation("ssm", "/ghcr"), "", None),
    ],
)
def test_the_region_is_that_of_the_arn_or_else_the_one_that_was_given(
    place: SecretLocation, region: str, asked: str | None
) -> None:
    services = Services({"SecretString": "u:p", "Parameter": {"Value": "u:p"}})
    assert read(services, place, region=region) == "u:p"
    assert [(service, of) for service, of, _ in services.asked] == [(place.service, asked)]


def test_the_requests_are_those_that_the_services_know() -> None:
    """botocore checks the parameters of a stubbed call, and their names."""
    manager = boto3.client("secretsmanager", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(manager) as stubber:
        stubber.add_response("get_secret_value", {"SecretString": "u:p"}, {"SecretId": SECRET_ARN})
        assert read(OneClient(manager), SECRET) == "u:p"
    store = boto3.client("ssm", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(store) as stubber:
        stubber.add_response(
            "get_parameter", {"Parameter": {"Value": "u:p"}}, {"Name": PARAMETER_ARN, "WithDecryption": True}
        )
        assert read(OneClient(store), PARAMETER) == "u:p"


def test_boto3_is_not_loaded_before_a_secret_is_needed() -> None:
    modules = ("aws.secrets", "credentials.configured")
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
