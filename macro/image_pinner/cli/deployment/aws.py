"""Calls to AWS with the credentials of the user, with failures explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from image_pinner.core.errors import SourceError
from image_pinner.sources.aws.errors import (
    DENIED,
    EXPIRED,
    aws_client_faults,
    denial_reason,
    denied_action,
    denied_resource,
    error_code,
    error_text,
    explain,
    lacks_credentials,
)

_SERVICE_NAMES = {
    "cloudformation": "CloudFormation",
    "cloudwatch": "CloudWatch",
    "lambda": "Lambda",
    "logs": "CloudWatch Logs",
    "organizations": "Organizations",
    "s3": "S3",
    "ssm": "Parameter Store",
    "sts": "STS",
}
_SERVICE_CONTROL_POLICY = "service control policy"
T = TypeVar("T")


class AwsApiError(SourceError):
    """A call to AWS failed.

    `code` is the error code of the service, or empty if it did not answer; `text` is its own message.
    """

    def __init__(self, cause: str, help: str, code: str = "", text: str = "") -> None:
        super().__init__(cause, help)
        self.code = code
        self.text = text


class NotSignedInError(AwsApiError):
    """There are no valid credentials, so every other call would fail too."""


class ClientFactory(Protocol):
    """Creates clients of AWS services. See `sources.aws.clients.AwsClients`."""

    def client(self, service: str, region: str) -> Any:
        """Return the client of a service in a region."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The account, partition and ARN of the caller."""

    account: str
    partition: str
    arn: str


class AwsApi:
    """Calls AWS services by their botocore names, `cloudformation` and `describe_stacks` for example."""

    def __init__(self, clients: ClientFactory) -> None:
        self.caller = "the caller"
        """The ARN of the caller, once `identify` has run."""
        self._clients = clients

    def identify(self, region: str) -> Identity:
        """Return the caller's identity. No policy can deny this call, and it shows that the region is enabled.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
        """
        response = self.call("sts", region, "get_caller_identity")
        self.caller = response["Arn"]
        return Identity(response["Account"], response["Arn"].split(":")[1], response["Arn"])

    def call(self, service: str, region: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation and return its response, or raise `AwsApiError`."""

        def send() -> dict[str, Any]:
            response: dict[str, Any] = getattr(self._clients.client(service, region), operation)(**parameters)
            return response

        return self._explained(send, service, region, operation)

    def pages(self, service: str, region: str, operation: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        """Yield the pages of a paginated operation, each requested when it is needed. Raises `AwsApiError`."""

        def begin() -> Iterator[dict[str, Any]]:
            return iter(self._clients.client(service, region).get_paginator(operation).paginate(**parameters))

        pages = self._explained(begin, service, region, operation)
        end: dict[str, Any] = {}
        while (page := self._explained(lambda: next(pages, end), service, region, operation)) is not end:
            yield page

    def _explained(self, send: Callable[[], T], service: str, region: str, operation: str) -> T:
        try:
            return send()
        except aws_client_faults() as error:
            raise self._explain(error, service, region, operation) from error

    def _explain(self, error: Exception, service: str, region: str, operation: str) -> AwsApiError:
        code = error_code(error)
        if code in DENIED:
            return self._explain_denial(error, service, region, operation)
        cause, help = explain(error, f"{_SERVICE_NAMES[service]} in {region}")
        kind = NotSignedInError if lacks_credentials(error) or code in EXPIRED else AwsApiError
        return kind(cause, help, code, error_text(error))

    def _explain_denial(self, error: Exception, service: str, region: str, operation: str) -> AwsApiError:
        action = denied_action(error) or f"{service}:{''.join(word.title() for word in operation.split('_'))}"
        resource, reason = denied_resource(error), denial_reason(error)
        where = f"on {resource}" if resource else f"in {region}"
        cause = f"{self.caller} is not allowed to call {action} {where}{f', {reason}' if reason else ''}"
        help = (
            f"the organization denies it: request that its administrators allow {action} in {region}"
            if _SERVICE_CONTROL_POLICY in reason
            else f"allow {action} for {self.caller}, or sign in as a principal that has it"
        )
        return AwsApiError(cause, help, error_code(error), error_text(error))
