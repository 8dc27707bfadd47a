"""Explain errors of AWS services: cause, help and which action is missing.

Codes that all services share: https://docs.aws.amazon.com/IAM/latest/UserGuide/CommonErrors.html. botocore's own
exceptions: https://github.com/boto/botocore/blob/develop/botocore/exceptions.py.

They are told apart by name, so that botocore is loaded only by who asks AWS.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import urlsplit

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})
"""A policy forbids it."""
THROTTLED = frozenset(
    {
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""The caller asks too often, for the account or for itself."""
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
"""The credentials were good and are so no longer."""
NOT_ACCEPTED = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""The credentials are none for this service and region."""
NO_CREDENTIALS = frozenset({"NoCredentialsError", "NoAuthTokenError"})
"""botocore found no credentials."""
BAD_CREDENTIALS = frozenset(
    {
        "ConfigParseError",
        "CredentialRetrievalError",
        "InfiniteLoopConfigError",
        "InvalidConfigError",
        "LoginError",
        "MetadataRetrievalError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "RefreshWithMFAUnsupportedError",
        "SSOError",
        "TokenRetrievalError",
        "UnknownCredentialError",
    }
)
"""botocore found credentials that it cannot use."""
NO_ENDPOINT = frozenset({"BaseEndpointResolverError", "EndpointProviderError", "InvalidRegionError", "NoRegionError"})
"""botocore knows no endpoint."""
NO_ANSWER = frozenset({"ConnectTimeoutError", "ReadTimeoutError"})
"""The endpoint did not answer in time."""
ASSUMING = frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
"""The operations of STS that give the credentials of a role, for calls to come."""


_SHOWN = 300  # characters of somebody else's text in a message of ours
_SEARCHED = 4000  # characters of a denial: several ARNs of up to 2,048 each are not to be expected
_USER_IN_URL = re.compile(r"//[^/\s@]+@")
_CALLER = re.compile(r"arn:[\w-]+:(?:sts|iam)::([0-9]{12}):", re.ASCII)
_ACTION = re.compile(r"to perform: ([a-z0-9-]{1,40}:[A-Za-z]{1,80})\b", re.ASCII)
_RESOURCE = re.compile(r"on resource: (arn:\S+)")
_BECAUSE = re.compile(r"(because no .*|with an explicit deny.*)")

_SERVER_FAULT = 500
_WHOLE_SECONDS = 10

_SIGN_IN = "Sign in again, with aws sso login for example, or set AWS_PROFILE to a profile that works"
_CHECK_NETWORK = (
    "Check that the region exists and that this network reaches it: "
    "a function in a VPC needs a NAT gateway or an interface endpoint for the service"
)


class AwsFailure(NamedTuple):
    """A failure in words.

    Args:
        cause: Who was asked and what came instead of an answer, as a clause.
        help: What to do now, as a sentence without a full stop.
    """

    cause: str
    help: str


def aws_faults() -> tuple[type[Exception], ...]:
    """Give the exceptions that mean a fault of the world when AWS is asked, for an `except` clause."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded by who asks AWS

    return (BotoCoreError, ClientError)


def aws_client_faults() -> tuple[type[Exception], ...]:
    """Give the exceptions that mean that no client could be made, `ValueError` for an endpoint that is no URL."""
    return (*aws_faults(), ValueError)


def error_code(error: Exception) -> str:
    """Give the code of a service's refusal, or empty where the service did not answer at all."""
    return str(_described(error).get("Code") or "")


def error_text(error: Exception) -> str:
    """Give a service's own words, on one line, bounded and without credentials in URLs."""
    return cleaned(str(_described(error).get("Message") or error))


def cleaned(text: str) -> str:
    """Give somebody else's text as it may stand in a message: one line, bounded, without credentials in URLs."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * _SHOWN]).split())
    line = _USER_IN_URL.sub("//***@", line).rstrip(". ")
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"


def is_denied(error: Exception) -> bool:
    """Tell whether a policy forbids what was asked; that of a role forbids to assume it, which is something else."""
    return error_code(error) in DENIED and not concerns_a_role(error)


def is_denied_a_role(error: Exception) -> bool:
    """Tell whether a policy forbids to assume a role, so that nothing else could be asked."""
    return error_code(error) in DENIED and concerns_a_role(error)


def concerns_a_role(error: Exception) -> bool:
    """Tell whether it is STS that failed, when the credentials of a role were to be had."""
    return getattr(error, "operation_name", "") in ASSUMING


def denial_reason(error: Exception) -> str:
    """Give the part of a denial that says which policy is missing or denies, or empty where it does not say."""
    return _told_by_denial(error, _BECAUSE)


def denied_action(error: Exception) -> str:
    """Give the action that a denial names, `ecr:DescribeImages` for example, or empty."""
    return _told_by_denial(error, _ACTION)


def denied_resource(error: Exception) -> str:
    """Give the ARN that a denial names, or empty."""
    return _told_by_denial(error, _RESOURCE)


def caller_account(error: Exception) -> str:
    """Give the account of who was denied, or empty where the denial does not say."""
    return _told_by_denial(error, _CALLER)


def late(service: str, seconds: float) -> AwsFailure:
    """Put into words that the deadline came before the answer.

    Args:
        service: Who was asked, with the region.
        seconds: How long was waited.

    Returns:
        Cause and remedy.
    """
    waited = f"{seconds:.0f}" if seconds >= _WHOLE_SECONDS else f"{seconds:.1f}"
    return AwsFailure(
        f"{service} did not answer within {waited} s",
        "Deploy again; if this repeats, check that this network reaches the service in that region",
    )


def explain(error: Exception, service: str) -> AwsFailure:
    """Put a failure into words.

    Args:
        error: What boto3 raised.
        service: Who was asked, with the region: `ECR in us-east-1`.

    Returns:
        Cause and remedy.
    """
    if is_denied_a_role(error):
        return AwsFailure(
            f"STS denies the role that is to ask {service}: {error_text(error)}",
            "Allow sts:AssumeRole on that role in the caller's policy, and the caller in that role's trust policy",
        )
    if concerns_a_role(error):
        service = f"STS, asked for the role that is to ask {service},"
    return explain_of(error, service)


def explain_of(error: Exception, service: str) -> AwsFailure:
    """Put a failure of the very service that was asked into words, where `explain` looks for one of STS behind it.

    Args:
        error: What boto3 raised.
        service: Who was asked, with the region.

    Returns:
        Cause and remedy.
    """
    return _explain_refusal(error, service) if error_code(error) else _explain_silence(error, service)


def _explain_refusal(error: Exception, service: str) -> AwsFailure:
    code, text = error_code(error), error_text(error)
    if code in THROTTLED:
        attempts = int(_metadata(error).get("RetryAttempts") or 0) + 1
        return AwsFailure(
            f"{service} is throttling and refused the request in {attempts} of {attempts} attempts ({code})",
            "Deploy again in a minute; if this repeats, ask AWS for a higher quota for the action",
        )
    if code in EXPIRED:
        return AwsFailure(f"the AWS credentials have expired, says {service}", _SIGN_IN)
    if code in NOT_ACCEPTED:
        return AwsFailure(
            f"{service} does not accept the AWS credentials ({code})",
            f"{_SIGN_IN}, and check that the account has this region enabled and that the clock is right",
        )
    if code in DENIED:
        return AwsFailure(
            f"{service} denied the request: {text}", "Allow the action in the policy of the caller's role"
        )
    if int(_metadata(error).get("HTTPStatusCode") or 0) >= _SERVER_FAULT or code == "ServerException":
        return AwsFailure(f"{service} failed on its own side ({code}: {text})", "Deploy again in a minute")
    return AwsFailure(f"{service} refused the request ({code}: {text})", "Correct what it names")


def _explain_silence(error: Exception, service: str) -> AwsFailure:
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & NO_CREDENTIALS:
        return AwsFailure(
            f"there are no AWS credentials to ask {service} with",
            "Sign in, with aws sso login for example, or set AWS_PROFILE; a function has those of its role",
        )
    if names & BAD_CREDENTIALS:
        return AwsFailure(f"the AWS credentials for {service} could not be loaded: {cleaned(str(error))}", _SIGN_IN)
    if names & NO_ENDPOINT or type(error) is ValueError:
        return AwsFailure(
            f"there is no endpoint for {service}: {cleaned(str(error))}",
            "Check the region, and the settings AWS_ENDPOINT_URL, AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT",
        )
    return _explain_connection(error, names, service)


def _explain_connection(error: Exception, names: set[str], service: str) -> AwsFailure:
    where = _host(error)
    if names & NO_ANSWER:
        return AwsFailure(f"{service} did not answer in time{where}", _CHECK_NETWORK)
    if "SSLError" in names:
        return AwsFailure(
            f"the certificate of {service} could not be verified{where}",
            "If a proxy of yours signs it, set AWS_CA_BUNDLE to the file with its certificate",
        )
    if "ProxyConnectionError" in names:
        return AwsFailure(f"the proxy on the way to {service} could not be reached", "Check HTTPS_PROXY and NO_PROXY")
    if names & {"ConnectionError", "HTTPClientError"}:
        return AwsFailure(f"{service} could not be reached{where}", _CHECK_NETWORK)
    return AwsFailure(
        f"{service} could not be asked ({type(error).__name__}: {cleaned(str(error))})",
        "Check the AWS settings of the environment, then try again",
    )


def _host(error: Exception) -> str:
    url = getattr(error, "kwargs", {}).get("endpoint_url")
    host = urlsplit(url).hostname if isinstance(url, str) else None
    return f" at {host}" if host else ""


def _told_by_denial(error: Exception, form: re.Pattern[str]) -> str:
    # Its ARNs can be longer than what a message shows of it, so the whole of it is searched.
    found = form.search(" ".join(str(_described(error).get("Message") or "")[:_SEARCHED].split()))
    return cleaned(found[1]) if found else ""


def _described(error: Exception) -> dict[str, Any]:
    return _response(error).get("Error") or {}


def _metadata(error: Exception) -> dict[str, Any]:
    return _response(error).get("ResponseMetadata") or {}


def _response(error: Exception) -> dict[str, Any]:
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}
