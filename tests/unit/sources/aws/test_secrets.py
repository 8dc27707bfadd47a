"""Secrets from AWS: each failure names the secret and the action, and has help."""

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
    """A session whose clients raise or return `answer`, and record the requests."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.requests: list[tuple[str, str | None, dict[str, Any]]] = []
        self._of: tuple[str, str | None] = ("", None)

    def client(self, service: str, *, region_name: str | None, **_: Any) -> Services:
        self._of = (service, region_name)
        return self

    def get_secret_value(self, **parameters: Any) -> Any:
        return self._answer(parameters)

    get_parameter = get_secret_value

    def _answer(self, parameters: dict[str, Any]) -> Any:
        self.requests.append((*self._of, parameters))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class OneClient:
    """A session with one client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def client(self, *_: Any, **__: Any) -> Any:
        return self._client


def refusal(code: str, message: str = "", status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetSecretValue")


def read(session: Any, location: SecretLocation, *, region: str = "", seconds: float = 20) -> str:
    return Secrets(AwsClients(lambda: session), region).read(location, Deadline.after(seconds))


def fault(session: Any, location: SecretLocation, **more: Any) -> SourceError:
    with pytest.raises(SourceError) as raised:
        read(session, location, **more)
    assert raised.value.help
    return raised.value


@pytest.fixture
def aws() -> Iterator[Any]:
    with mock_aws():
        yield boto3


@pytest.mark.parametrize(
    ("location", "action"), [(SECRET, "secretsmanager:GetSecretValue"), (PARAMETER, "ssm:GetParameter")]
)
def test_a_denial_names_secret_action_and_the_policy_that_lacks_it(location: SecretLocation, action: str) -> None:
    message = (
        f"{CALLER}{action} on resource: {location.name} because no identity-based policy allows the {action} action"
    )
    denied = fault(Services(refusal("AccessDeniedException", message)), location)
    assert denied.cause == (
        f"{action} is denied on {location.name}, because no identity-based policy allows the {action} action"
    )
    assert denied.help.startswith(f"allow {action} on it")


@pytest.mark.parametrize("location", [SECRET, PARAMETER])
def test_a_denial_without_a_resource_is_reported_with_the_secret(location: SecretLocation) -> None:
    assert f"is denied on {location.name}" in fault(Services(refusal("AccessDeniedException")), location).cause


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
@pytest.mark.parametrize("location", [SECRET, PARAMETER])
def test_an_unusable_key_is_distinguished_from_a_denied_secret(location: SecretLocation, error: ClientError) -> None:
    undecrypted = fault(Services(error), location)
    assert f"cannot decrypt {location}" in undecrypted.cause
    assert undecrypted.help.startswith("allow kms:Decrypt on its key")


@pytest.mark.parametrize(
    ("error", "cause", "help"),
    [
        (refusal("ThrottlingException"), "Secrets Manager in eu-west-1 throttled the request", "in a minute"),
        (refusal("InternalServiceError", status=500), "failed with an internal error", "in a minute"),
        (refusal("InvalidRequestException", "marked for deletion"), "marked for deletion", "correct"),
        (refusal("ExpiredTokenException"), "have expired", "sign in to AWS again"),
        (NoCredentialsError(), "there are no AWS credentials", "configure AWS credentials"),
        (
            EndpointConnectionError(endpoint_url="https://x.example/"),
            "cannot connect to Secrets Manager in eu-west-1 at x.example",
            "network",
        ),
    ],
)
def test_every_other_failure_names_the_secret_and_the_action(error: Exception, cause: str, help: str) -> None:
    failed = fault(Services(error), SECRET)
    assert failed.cause.startswith(f"secretsmanager:GetSecretValue failed for the secret {SECRET_ARN}: ")
    assert cause in failed.cause
    assert help in failed.help


def test_without_a_client_the_secret_is_named_too() -> None:
    def no_session() -> None:
        raise ProfileNotFound(profile="prod")

    with pytest.raises(SourceError, match="cannot load the AWS credentials") as failed:
        Secrets(AwsClients(no_session)).read(PARAMETER, Deadline.after(5))
    assert failed.value.cause.startswith(f"ssm:GetParameter failed for the parameter {PARAMETER_ARN}: ")


@pytest.mark.parametrize(
    ("location", "action"), [(SECRET, "secretsmanager:GetSecretValue"), (PARAMETER, "ssm:GetParameter")]
)
def test_after_the_deadline_no_request_is_sent(location: SecretLocation, action: str) -> None:
    services = Services({})
    failed = fault(services, location, seconds=0)
    assert failed.cause == f"no time was left to send {action} for {location}"
    assert services.requests == []


@pytest.mark.parametrize(
    "location",
    [
        SecretLocation.of_arn(f"arn:aws:secretsmanager:{REGION}:123456789012:secret:absent-AbCdEf"),
        SecretLocation.of_arn(f"arn:aws:ssm:{REGION}:123456789012:parameter/absent"),
        SecretLocation("ssm", "/absent", REGION),
    ],
)
def test_a_secret_that_does_not_exist_is_reported(aws: Any, location: SecretLocation) -> None:
    absent = fault(aws, location)
    assert absent.cause.startswith(f"{location} does not exist in ")
    assert absent.cause.endswith(f" in {REGION}")
    assert absent.help == "create it, or correct its name in the configuration"


def test_a_version_that_does_not_exist_is_reported() -> None:
    location = SecretLocation("ssm", "/ghcr:99", REGION)
    assert (
        "the parameter /ghcr:99 does not exist" in fault(Services(refusal("ParameterVersionNotFound")), location).cause
    )


def test_binary_content_is_refused_and_not_shown() -> None:
    refused = fault(Services({"SecretBinary": b"hunter2\xff"}), SECRET)
    assert refused.cause.startswith(f"the secret {SECRET_ARN} is not UTF-8 text")
    assert "hunter2" not in refused.cause + refused.help


def test_a_secret_is_read_as_text_or_binary(aws: Any) -> None:
    manager = aws.client("secretsmanager", region_name=REGION)
    text = manager.create_secret(Name="ghcr", SecretString='{"username": "u"}')["ARN"]
    binary = manager.create_secret(Name="quay", SecretBinary="u:pä".encode())["ARN"]
    assert read(aws, SecretLocation.of_arn(text)) == '{"username": "u"}'
    assert read(aws, SecretLocation.of_arn(binary)) == "u:pä"


@pytest.mark.parametrize("kind", ["SecureString", "String"])
def test_a_parameter_is_read_by_arn_and_by_name_whether_it_is_secure_or_not(aws: Any, kind: str) -> None:
    aws.client("ssm", region_name=REGION).put_parameter(Name="/registries/ghcr", Value="u:p", Type=kind)
    arn = f"arn:aws:ssm:{REGION}:123456789012:parameter/registries/ghcr"
    assert read(aws, SecretLocation.of_arn(arn)) == "u:p"
    assert read(aws, SecretLocation("ssm", "/registries/ghcr"), region=REGION) == "u:p"


@pytest.mark.parametrize(
    ("location", "region", "expected"),
    [
        (SECRET, "us-east-1", REGION),
        (PARAMETER, "us-east-1", REGION),
        (SecretLocation("ssm", "/ghcr"), "us-east-1", "us-east-1"),
        (SecretLocation("ssm", "/ghcr"), "", None),
    ],
)
def test_the_region_of_the_arn_takes_precedence(location: SecretLocation, region: str, expected: str | None) -> None:
    services = Services({"SecretString": "u:p", "Parameter": {"Value": "u:p"}})
    assert read(services, location, region=region) == "u:p"
    assert [(service, of) for service, of, _ in services.requests] == [(location.service, expected)]


def test_the_requests_match_the_model_of_the_service() -> None:
    """botocore checks the parameters of a stubbed request."""
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
    found = subprocess.run(  # noqa: PLW1510 - the output shows it
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
        timeout=60,
    )
    assert found.stdout.strip() == "set()", found.stderr
