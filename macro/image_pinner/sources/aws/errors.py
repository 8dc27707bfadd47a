"""Explain errors of AWS services: the cause, the help and the missing action.

Error codes that all services share: https://docs.aws.amazon.com/IAM/latest/UserGuide/CommonErrors.html. Exceptions of
botocore: https://github.com/boto/botocore/blob/develop/botocore/exceptions.py. They are recognized by name, so that
importing this module does not load botocore.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from image_pinner.core.advice import Advice
from image_pinner.core.errors import HIDDEN

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})
"""A policy denies the request."""
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
"""The account or the caller sends too many requests."""
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
"""The credentials have expired."""
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
"""The credentials are not valid for this service and region."""
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
        "OSError",
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
INVALID_ENDPOINT = frozenset({"InvalidEndpointError", "ValueError"})
"""The configured endpoint is not a URL that can be used. It can contain a password, so no message repeats it."""
INVALID_PROXY = frozenset({"LocationValueError"})
"""urllib3 cannot parse the URL of the proxy, which botocore does not check. It can contain a password too."""
NOT_OF_AWS = frozenset({"ForeignResponseError", "ResponseParserError"})
"""The response is not one of the service; its text is not repeated."""
TIMED_OUT = frozenset({"ConnectTimeoutError", "ReadTimeoutError"})
"""The endpoint did not respond in time."""
ASSUMING = frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
"""The operations of STS that return the credentials of a role."""

_MAX_QUOTED = 300  # characters of a service's text in a message
_MAX_SEARCHED = 4000  # characters of a denial, which can contain several ARNs
_USER_IN_URL = re.compile(r"//[^/\s@]+@")
# Services quote a request whose signature they reject, with the session token in its headers.
_QUOTED_REQUEST = re.compile(r"AWS4-HMAC|x-amz-security-token|\bExternalId=", re.IGNORECASE)
_CALLER = re.compile(r"arn:[\w-]+:(?:sts|iam)::([0-9]{12}):", re.ASCII)
_ACTION = re.compile(r"to perform: ([a-z0-9-]{1,40}:[A-Za-z]{1,80})\b", re.ASCII)
_RESOURCE = re.compile(r"on resource: (arn:\S+)")
_REASON = re.compile(r"(because no .*|with an explicit deny.*)")

_SERVER_ERROR = 500
_WHOLE_SECONDS = 10

RETRY = "retry in a minute"


class AwsFailure(NamedTuple):
    """A failed request, explained."""

    cause: str
    help: str


def aws_faults() -> tuple[type[Exception], ...]:
    """Return the exceptions of a failed request to AWS, for an `except` clause.

    `OSError` is that of a file or a program that renews credentials.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded with the first client
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - the same

    return (BotoCoreError, ClientError, ResponseParserError, OSError)


class UnknownRegionError(ValueError):
    """botocore does not know a region, and the configuration does not allow it."""

    def __init__(self, region: str) -> None:
        super().__init__(f"{cleaned(region)!r} is not a region that the installed botocore knows")


def aws_client_faults() -> tuple[type[Exception], ...]:
    """Return `aws_faults` and `ValueError`, which creating a client raises for an endpoint that is not a URL."""
    return (*aws_faults(), ValueError)


def error_code(error: Exception) -> str:
    """Return the error code of the service, or an empty string if there was no response."""
    return error_code_of(_response_of(error))


def error_code_of(response: Mapping[str, Any]) -> str:
    """Return the error code in a parsed response, or an empty string."""
    return str((response.get("Error") or {}).get("Code") or "")


def error_text(error: Exception) -> str:
    """Return the message of the service, as `cleaned` returns it."""
    return cleaned(str(_error_of(error).get("Message") or error))


def cleaned(text: str) -> str:
    """Return untrusted `text` for a message: one line of limited length, without credentials in URLs or requests."""
    if _QUOTED_REQUEST.search(text):
        return HIDDEN
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * _MAX_QUOTED]).split())
    line = _USER_IN_URL.sub("//***@", line).rstrip(". ")
    return line if len(line) <= _MAX_QUOTED else line[:_MAX_QUOTED] + "…"


def is_denied(error: Exception) -> bool:
    """Return whether a policy denies the request itself, as opposed to assuming the role for it."""
    return error_code(error) in DENIED and not _is_assuming_a_role(error)


def is_denied_a_role(error: Exception) -> bool:
    """Return whether a policy denies assuming the role, so that the request itself was not sent."""
    return error_code(error) in DENIED and _is_assuming_a_role(error)


def denial_reason(error: Exception) -> str:
    """Return the part of a denial that names the kind of policy that denies or is missing, or an empty string."""
    return _find_in_denial(error, _REASON)


def denied_action(error: Exception) -> str:
    """Return the action that a denial names, such as `ecr:DescribeImages`, or an empty string."""
    return _find_in_denial(error, _ACTION)


def denied_resource(error: Exception) -> str:
    """Return the ARN that a denial names, or an empty string."""
    return _find_in_denial(error, _RESOURCE)


def caller_account(error: Exception) -> str:
    """Return the account of the denied principal, or an empty string if the denial does not name it."""
    return _find_in_denial(error, _CALLER)


def describe_denial(error: Exception, where: str, *actions: str) -> str:
    """Return the cause of a denial of `actions`; `where` is a resource or region with its preposition."""
    reason = denial_reason(error)
    subject = " and ".join(actions) + (" is" if len(actions) == 1 else " are")
    return f"{subject} denied {where}" + (f", {reason}" if reason else "")


def explain_timeout(service: str, seconds: float) -> AwsFailure:
    """Explain that `service`, named with its region, did not respond within `seconds`."""
    limit = f"{seconds:.0f}" if seconds >= _WHOLE_SECONDS else f"{seconds:.1f}"
    return AwsFailure(
        f"{service} did not respond within {limit} s",
        "retry; if this repeats, check that this network reaches the service in that region",
    )


def explain(error: Exception, service: str) -> AwsFailure:
    """Explain an exception of boto3 from a request to `service`, named with its region: `ECR in us-east-1`.

    The failed request can be the one that assumes the role for it.
    """
    if is_denied_a_role(error):
        return AwsFailure(
            f"STS denied the role for {service}: {error_text(error)}",
            "allow sts:AssumeRole on the role in the caller's policy, and allow the caller in the role's trust policy",
        )
    if _is_assuming_a_role(error):
        service = f"STS, assuming the role for {service},"
    return explain_request(error, service)


def explain_request(error: Exception, service: str) -> AwsFailure:
    """Explain an exception like `explain`, but as one from a request to `service` itself."""
    return _explain_response(error, service) if error_code(error) else _explain_no_response(error, service)


def _explain_response(error: Exception, service: str) -> AwsFailure:
    code, text = error_code(error), error_text(error)
    if code in THROTTLED:
        attempts = int(_metadata_of(error).get("RetryAttempts") or 0) + 1
        return AwsFailure(
            f"{service} throttled the request in {attempts} of {attempts} attempts ({code})",
            f"{RETRY}; if this repeats, request a higher quota for the action",
        )
    if code in EXPIRED:
        return AwsFailure(f"{service} rejected the AWS credentials: they have expired", Advice.AWS_SIGN_IN)
    if code in NOT_ACCEPTED:
        return AwsFailure(
            f"{service} rejected the AWS credentials ({code})",
            f"{Advice.AWS_SIGN_IN}; check that the account has this region enabled and that the clock is correct",
        )
    if code in DENIED:
        action = denied_action(error) or "the action"
        return AwsFailure(f"{service} denied the request: {text}", f"allow {action} in the policy of the caller's role")
    if int(_metadata_of(error).get("HTTPStatusCode") or 0) >= _SERVER_ERROR or code == "ServerException":
        return AwsFailure(f"{service} failed with an internal error ({code}: {text})", RETRY)
    return AwsFailure(f"{service} rejected the request ({code}: {text})", "correct the value that the service names")


# The kinds of exceptions by name, with cause and help; the first that fits counts. `text` is that of the exception.
_NO_RESPONSE = (
    (
        NO_CREDENTIALS,
        "there are no AWS credentials for {service}",
        Advice.AWS_CREDENTIALS,
    ),
    (BAD_CREDENTIALS, "cannot load the AWS credentials for {service}: {text}", Advice.AWS_SIGN_IN),
    (
        frozenset({"UnknownRegionError"}),
        "there is no endpoint for {service}: {text}",
        "correct the region, or allow it with IMAGE_PINNER_EXTRA_REGIONS",
    ),
    (
        NO_ENDPOINT,
        "there is no endpoint for {service}: {text}",
        "check the region, AWS_ENDPOINT_URL, AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT",
    ),
    (
        INVALID_ENDPOINT,
        "there is no endpoint for {service}: the configured URL is not valid",
        "set AWS_ENDPOINT_URL and the variables that begin with it to URLs with a host, and without a password",
    ),
    (
        NOT_OF_AWS,
        "the response to the request to {service} is not one of AWS",
        "check AWS_ENDPOINT_URL and HTTPS_PROXY, and whether this network needs a sign-in",
    ),
    (TIMED_OUT, "{service} did not respond in time{where}", Advice.AWS_NETWORK),
    (
        frozenset({"SSLError"}),
        "cannot verify the TLS certificate of {service}{where}",
        "if a proxy replaces the certificate, set AWS_CA_BUNDLE to the file with the CA of the proxy",
    ),
    (
        frozenset({"ProxyConnectionError"}),
        "cannot connect to the proxy for {service}",
        "check HTTPS_PROXY and NO_PROXY",
    ),
    (
        INVALID_PROXY,
        "the proxy for {service} is not a valid URL",
        "set HTTPS_PROXY to http://host:port, with special characters of a password encoded, such as %40 for @",
    ),
    (frozenset({"ConnectionError", "HTTPClientError"}), "cannot connect to {service}{where}", Advice.AWS_NETWORK),
    (
        frozenset({"Exception"}),
        "the request to {service} failed ({kind}: {text})",
        "check the AWS configuration of the environment, then retry",
    ),
)


def _explain_no_response(error: Exception, service: str) -> AwsFailure:
    names = _kinds_of(error)
    cause, help = next((cause, help) for kinds, cause, help in _NO_RESPONSE if names & kinds)
    text = cleaned(str(error))
    return AwsFailure(cause.format(service=service, text=text, where=_host_of(error), kind=type(error).__name__), help)


def lacks_credentials(error: Exception) -> bool:
    """Return whether there are no usable credentials, so that all other requests would fail too."""
    return bool(_kinds_of(error) & (NO_CREDENTIALS | BAD_CREDENTIALS))


def _kinds_of(error: Exception) -> set[str]:
    names = {kind.__name__ for kind in type(error).__mro__}
    if "BotoCoreError" not in names:
        return names
    # botocore wraps an exception of urllib3 that it does not expect.
    wrapped = {kind.__name__ for kind in type(getattr(error, "kwargs", {}).get("error")).__mro__}
    # botocore derives exceptions of connections from `OSError`, which otherwise is that of a file or a program.
    return names - {"OSError"} | wrapped & INVALID_PROXY


def _is_assuming_a_role(error: Exception) -> bool:
    return getattr(error, "operation_name", "") in ASSUMING


def _host_of(error: Exception) -> str:
    url = getattr(error, "kwargs", {}).get("endpoint_url")
    host = urlsplit(url).hostname if isinstance(url, str) else None
    return f" at {host}" if host else ""


def _find_in_denial(error: Exception, pattern: re.Pattern[str]) -> str:
    # The ARNs can be longer than a message may quote, so the search covers more than `error_text`.
    found = pattern.search(" ".join(str(_error_of(error).get("Message") or "")[:_MAX_SEARCHED].split()))
    return cleaned(found[1]) if found else ""


def _error_of(error: Exception) -> dict[str, Any]:
    return _response_of(error).get("Error") or {}


def _metadata_of(error: Exception) -> dict[str, Any]:
    return _response_of(error).get("ResponseMetadata") or {}


def _response_of(error: Exception) -> dict[str, Any]:
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}
