"""Every failure of a request to AWS has its own message, and no message contains a secret."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions
from urllib3.exceptions import LocationParseError

from image_pinner.sources.aws.errors import (
    aws_client_faults,
    aws_faults,
    caller_account,
    cleaned,
    denial_reason,
    denied_action,
    denied_resource,
    error_code,
    error_text,
    explain,
    explain_timeout,
    is_denied,
    is_denied_a_role,
)

ECR = "ECR in us-east-1"
ENDPOINT = "https://api.ecr.us-east-1.amazonaws.com/"


def refusal(code: str, message: str = "words of the service", **metadata: Any) -> exceptions.ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return exceptions.ClientError(response, "DescribeImages")


@pytest.mark.parametrize(
    ("error", "cause", "help"),
    [
        (refusal("ThrottlingException", RetryAttempts=3), "throttled the request in 4 of 4", "quota"),
        (refusal("TooManyRequestsException"), "throttled the request in 1 of 1", "in a minute"),
        (refusal("ExpiredTokenException"), "have expired", "sign in to AWS again"),
        (refusal("ExpiredToken"), "have expired", "sign in to AWS again"),
        (refusal("RequestExpired"), "have expired", "sign in to AWS again"),
        (refusal("UnrecognizedClientException"), "rejected the AWS credentials", "has this region enabled"),
        (refusal("InvalidClientTokenId"), "rejected the AWS credentials", "sign in to AWS again"),
        (refusal("InvalidSignatureException"), "rejected the AWS credentials", "the clock"),
        (refusal("OptInRequired"), "rejected the AWS credentials", "has this region enabled"),
        (refusal("AccessDeniedException"), "denied the request: words of the service", "allow the action"),
        (
            refusal("AccessDenied", "you are not authorized to perform: ecr:DescribeImages"),
            "denied the request: you are not",
            "allow ecr:DescribeImages in the policy of the caller's role",
        ),
        (refusal("ServerException"), "failed with an internal error (ServerException: words", "in a minute"),
        (refusal("Odd", HTTPStatusCode=503), "failed with an internal error (Odd: words", "in a minute"),
        (refusal("InvalidParameterException"), "rejected the request (InvalidParameterException: words", "correct"),
        (exceptions.NoCredentialsError(), "there are no AWS credentials for ECR in us-east-1", "AWS_PROFILE"),
        (
            exceptions.PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"),
            "cannot load the AWS credentials for ECR in us-east-1: Partial credentials found in env",
            "sign in to AWS again",
        ),
        (
            exceptions.ProfileNotFound(profile="prod"),
            "cannot load the AWS credentials for ECR in us-east-1: The config profile (prod)",
            "AWS_PROFILE",
        ),
        (
            exceptions.CredentialRetrievalError(provider="x", error_msg="y"),
            "cannot load the AWS credentials for ECR in us-east-1: Error when retrieving credentials from x: y",
            "sign in",
        ),
        (
            exceptions.UnauthorizedSSOTokenError(),
            "cannot load the AWS credentials for ECR in us-east-1: The SSO session",
            "sign in",
        ),
        (
            exceptions.TokenRetrievalError(provider="sso", error_msg="gone"),
            "cannot load the AWS credentials",
            "sign in",
        ),
        (exceptions.LoginRefreshRequired(), "cannot load the AWS credentials", "sign in"),
        (exceptions.EndpointConnectionError(endpoint_url=ENDPOINT), "at api.ecr.us-east-1.amazonaws.com", "region"),
        (exceptions.ConnectTimeoutError(endpoint_url=ENDPOINT), "did not respond in time at api.ecr.us", "network"),
        (exceptions.ReadTimeoutError(endpoint_url=ENDPOINT), "did not respond in time at api.ecr.us", "network"),
        (
            exceptions.ConnectionClosedError(endpoint_url=ENDPOINT),
            "cannot connect to ECR in us-east-1 at api.ecr.us",
            "network",
        ),
        (
            exceptions.SSLError(endpoint_url=ENDPOINT, error="self-signed"),
            "cannot verify the TLS certificate of ECR",
            "AWS_CA_BUNDLE",
        ),
        (
            exceptions.ProxyConnectionError(proxy_url="http://proxy:3128"),
            "cannot connect to the proxy for ECR",
            "HTTPS_PROXY",
        ),
        (
            exceptions.HTTPClientError(error=LocationParseError("'user:hunter2' is not a valid host or port")),
            "the proxy for ECR in us-east-1 is not a valid URL",
            "special characters of a password encoded",
        ),
        (
            exceptions.HTTPClientError(error=ValueError("Invalid header value")),
            "cannot connect to ECR",
            "network",
        ),
        (exceptions.InvalidRegionError(region_name="us east"), "there is no endpoint for ECR", "check the region"),
        (exceptions.NoRegionError(), "there is no endpoint for ECR", "check the region"),
        (
            exceptions.EndpointResolutionError(msg="FIPS and custom endpoint"),
            "FIPS and custom endpoint",
            "AWS_USE_FIPS",
        ),
        (ValueError("Invalid endpoint: nowhere"), "the configured URL is not valid", "AWS_ENDPOINT_URL"),
        (
            exceptions.PaginationError(message="again"),
            "the request to ECR in us-east-1 failed (PaginationError: ",
            "retry",
        ),
    ],
    ids=lambda value: error_code(value) or type(value).__name__ if isinstance(value, Exception) else "",
)
def test_every_failure_names_the_service_and_has_help(error: Exception, cause: str, help: str) -> None:
    failure = explain(error, ECR)
    assert cause in failure.cause
    assert ECR in failure.cause
    assert help in failure.help
    assert not failure.cause.endswith(".")
    assert not failure.help.endswith(".")


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ProxyConnectionError(proxy_url="http://user:hunter2@proxy:3128"),
        exceptions.HTTPClientError(error=LocationParseError("'user:hunter2' is not a valid host or port")),
        exceptions.EndpointConnectionError(endpoint_url="http://user:hunter2@127.0.0.1:5000/?token=hunter2"),
        exceptions.HTTPClientError(error="cannot connect to http://user:hunter2@proxy"),
        exceptions.InvalidConfigError(error_msg="bad proxy http://user:hunter2@proxy"),
        refusal("Odd", "see https://user:hunter2@example.com"),
        refusal("SignatureDoesNotMatch", "The canonical string was hunter2"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_failure_contains_a_password(error: Exception) -> None:
    failure = explain(error, ECR)
    assert "hunter2" not in failure.cause + failure.help


def test_untrusted_text_is_one_line_of_limited_length() -> None:
    assert cleaned("one\r\ntwo\t three\x1b[31m\x00.\n") == "one two three [31m"
    assert len(cleaned("x" * 5000)) == 301
    assert error_text(refusal("Odd", "a\nb")) == "a b"


DENIAL = refusal(
    "AccessDeniedException",
    "User: arn:aws-us-gov:sts::444455556666:assumed-role/macro/session is not authorized to perform: "
    "ecr:DescribeImages on resource: arn:aws-us-gov:ecr:us-gov-west-1:111122223333:repository/app "
    "because no resource-based policy allows the ecr:DescribeImages action",
)


def test_a_denial_names_the_caller_the_action_the_resource_and_the_reason() -> None:
    assert is_denied(DENIAL)
    assert caller_account(DENIAL) == "444455556666"
    assert denied_resource(DENIAL) == "arn:aws-us-gov:ecr:us-gov-west-1:111122223333:repository/app"
    assert denied_action(DENIAL) == "ecr:DescribeImages"
    assert denial_reason(DENIAL) == "because no resource-based policy allows the ecr:DescribeImages action"


def test_a_denial_without_a_message_names_nothing() -> None:
    denial = refusal("AccessDeniedException", "")
    assert is_denied(denial)
    parts = [read(denial) for read in (caller_account, denied_action, denied_resource, denial_reason)]
    assert parts == [""] * 4
    assert not is_denied(exceptions.NoCredentialsError())


def test_the_reason_of_a_denial_with_long_names_is_not_cut_off() -> None:
    long = str(DENIAL).replace("assumed-role/macro", f"assumed-role/{'m' * 64}").replace("/app", f"/{'a' * 250}")
    denial = refusal("AccessDeniedException", long)
    assert denial_reason(denial) == "because no resource-based policy allows the ecr:DescribeImages action"


@pytest.mark.parametrize("operation", ["AssumeRole", "AssumeRoleWithWebIdentity"])
def test_a_denied_role_is_not_a_denial_of_the_request(operation: str) -> None:
    message = "User: arn:aws:iam::111122223333:user/me is not authorized to perform: sts:AssumeRole"
    denial = exceptions.ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, operation)
    assert is_denied_a_role(denial)
    assert not is_denied(denial)
    failure = explain(denial, ECR)
    assert failure.cause == f"STS denied the role for ECR in us-east-1: {message}"
    assert "the role's trust policy" in failure.help


def test_other_failures_of_sts_name_sts() -> None:
    throttled = exceptions.ClientError({"Error": {"Code": "Throttling", "Message": "slow down"}}, "AssumeRole")
    assert not is_denied_a_role(throttled)
    assert explain(throttled, ECR).cause.startswith(
        "STS, assuming the role for ECR in us-east-1, throttled the request"
    )


@pytest.mark.parametrize(("seconds", "expected"), [(0, "0.0"), (0.44, "0.4"), (9.96, "10.0"), (57.4, "57")])
def test_a_timeout_is_reported_in_seconds(seconds: float, expected: str) -> None:
    assert explain_timeout(ECR, seconds).cause == f"ECR in us-east-1 did not respond within {expected} s"


def test_a_bug_is_not_a_failed_request() -> None:
    assert not issubclass(KeyError, aws_faults())
    assert not issubclass(ValueError, aws_faults())
    assert issubclass(ValueError, aws_client_faults())
