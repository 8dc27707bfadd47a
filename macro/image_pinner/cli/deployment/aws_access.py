"""Asking AWS on behalf of whoever installs: one place that asks, and puts every failure into words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from image_pinner.core.errors import SourceError
from image_pinner.sources.aws.errors import (
    BAD_CREDENTIALS,
    DENIED,
    EXPIRED,
    NO_CREDENTIALS,
    aws_client_faults,
    denial_reason,
    denied_action,
    denied_resource,
    error_code,
    error_text,
    explain,
)

_NAMES = {
    "cloudformation": "CloudFormation",
    "cloudwatch": "CloudWatch",
    "lambda": "Lambda",
    "logs": "CloudWatch Logs",
    "organizations": "Organizations",
    "s3": "S3",
    "sts": "STS",
}
T = TypeVar("T")
_ORGANIZATION_DENIES = "service control policy"


class AskFailed(SourceError):  # noqa: N818 - the name says what happened
    """AWS did not do what it was asked for.

    Args:
        cause: What is wrong.
        help: What to do now.
        code: The code of the service's refusal, or empty where it did not answer.
        text: The service's own words.
    """

    def __init__(self, cause: str, help: str, code: str = "", text: str = "") -> None:
        super().__init__(cause, help)
        self.code = code
        self.text = text


class NobodySignedIn(AskFailed):
    """There are no credentials, or none that are still good: the next question would end the same way."""


class ClientFactory(Protocol):
    """Gives clients of AWS services, as `sources.aws.clients.AwsClients` does."""

    def client(self, service: str, region: str) -> Any:
        """Give the client of a service in a region."""


class Asker:
    """Asks AWS.

    Args:
        clients: Gives the clients.
    """

    def __init__(self, clients: ClientFactory) -> None:
        self.caller = "the caller"
        """Who asks, for messages; the ARN as soon as STS has told it."""
        self._clients = clients

    def ask(self, service: str, region: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Ask once.

        Args:
            service: The service by botocore's name.
            region: The region.
            operation: The operation by boto3's name, `describe_stacks` for example.
            parameters: Its parameters.

        Returns:
            The answer.

        Raises:
            AskFailed: There was none, or a refusal.
        """

        def call() -> dict[str, Any]:
            answer: dict[str, Any] = getattr(self._clients.client(service, region), operation)(**parameters)
            return answer

        return self._in_words(call, service, region, operation)

    def pages(self, service: str, region: str, operation: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        """Ask for all pages, each when it is wanted.

        Args:
            service: As in `ask`.
            region: The same.
            operation: The same, one that has pages.
            parameters: The same.

        Yields:
            The answers.

        Raises:
            AskFailed: As in `ask`.
        """

        def begin() -> Iterator[dict[str, Any]]:
            return iter(self._clients.client(service, region).get_paginator(operation).paginate(**parameters))

        pages = self._in_words(begin, service, region, operation)
        ended: dict[str, Any] = {}
        while (page := self._in_words(lambda: next(pages, ended), service, region, operation)) is not ended:
            yield page

    def _in_words(self, call: Callable[[], T], service: str, region: str, operation: str) -> T:
        try:
            return call()
        except aws_client_faults() as error:
            raise self._failure(error, service, region, operation) from error

    def _failure(self, error: Exception, service: str, region: str, operation: str) -> AskFailed:
        code = error_code(error)
        if code in DENIED:
            return self._denial(error, service, region, operation)
        cause, help = explain(error, f"{_NAMES[service]} in {region}")
        kinds = {kind.__name__ for kind in type(error).__mro__}
        unknown = not code and kinds & (NO_CREDENTIALS | BAD_CREDENTIALS)
        kind = NobodySignedIn if unknown or code in EXPIRED else AskFailed
        return kind(cause, help, code, error_text(error))

    def _denial(self, error: Exception, service: str, region: str, operation: str) -> AskFailed:
        action = denied_action(error) or f"{service}:{''.join(word.title() for word in operation.split('_'))}"
        resource, reason = denied_resource(error), denial_reason(error)
        where = f" on {resource}" if resource else f" in {region}"
        cause = f"{self.caller} may not {action}{where}{f', {reason}' if reason else ''}"
        help = (
            f"The organization forbids it: ask who keeps its policies to allow {action} in {region}"
            if _ORGANIZATION_DENIES in reason
            else f"Allow {action} to {self.caller}, or sign in as somebody who may"
        )
        return AskFailed(cause, help, error_code(error), error_text(error))
