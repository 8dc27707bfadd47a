"""Send requests about deployed images to AWS services, and explain failures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

from image_pinner.core.deployed import NotKnown
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.errors import (
    aws_client_faults,
    denied_resource,
    describe_denial,
    error_code,
    error_text,
    explain,
    explain_timeout,
    is_denied,
)
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.interface import Deadline

K = TypeVar("K")
V = TypeVar("V")


class Operation(NamedTuple):
    """An operation of a service.

    Args:
        action: The IAM action, `ecs:DescribeServices`; the part after the colon is the operation.
        service: The name of the service in messages.
        client: The name of the service in botocore, if it is not that of the IAM action.
        absent: A regular expression for `code: message` of the errors that mean that the resource does not exist.
    """

    action: str
    service: str
    client: str = ""
    absent: str = ""

    @property
    def client_name(self) -> str:
        """The name of the service in botocore."""
        return self.client or self.action.partition(":")[0]

    @property
    def name(self) -> str:
        """The name of the operation in the service's API."""
        return self.action.partition(":")[2]


class NotKnownError(Exception):
    """It is not known what is deployed."""

    def __init__(self, cause: str, help: str) -> None:
        super().__init__(cause)
        self.state = NotKnown(cause, help)


class AwsCalls:
    """Sends requests until a deadline, concurrently.

    Args:
        clients: Creates the clients.
        region: The region of the template.
        workers: The maximum number of concurrent requests.
        deadline: When to stop.
    """

    def __init__(self, clients: AwsClients, region: str, *, workers: int, deadline: Deadline) -> None:
        self._clients = clients
        self._region = region
        self._workers = workers
        self._deadline = deadline
        self._seconds = deadline.remaining()

    def call(self, operation: Operation, **parameters: Any) -> Mapping[str, Any] | None:
        """Return the response, or `None` if the resource does not exist.

        Raises:
            NotKnownError: The request failed; the help names the missing action of a denied one.
        """
        from botocore import xform_name  # noqa: PLC0415 - loaded with the first client

        if self._deadline.remaining() <= 0:
            raise NotKnownError(*explain_timeout(f"{operation.service} in {self._region}", self._seconds))
        try:
            client = self._clients.client(operation.client_name, self._region)
            response: Mapping[str, Any] = getattr(client, xform_name(operation.name))(**parameters)
        except aws_client_faults() as error:
            if operation.absent and re.search(operation.absent, f"{error_code(error)}: {error_text(error)}"):
                return None
            raise self._failure(error, operation) from error
        return response

    def pages(self, operation: Operation, token: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        """Yield the responses of an operation with pages; none if the resource does not exist.

        `token` is the name of the page's token in requests and responses. Raises `NotKnownError` like `call`.
        """
        following: dict[str, str] = {}
        while (page := self.call(operation, **parameters, **following)) is not None:
            yield page
            if not page.get(token):
                return
            following = {token: page[token]}

    def run(self, jobs: Mapping[K, Callable[[], V]]) -> dict[K, V | NotKnown]:
        """Run jobs concurrently; the result of one that fails or is too late is `NotKnown`."""
        results = run_all(
            [partial(_caught, job) for job in jobs.values()], workers=self._workers, deadline=self._deadline
        )
        late = NotKnown(*explain_timeout(f"AWS in {self._region}", self._seconds))
        return {key: late if result is None else result[0] for key, result in zip(jobs, results, strict=True)}

    def _failure(self, error: Exception, operation: Operation) -> NotKnownError:
        if is_denied(error):
            resource = denied_resource(error)
            where = f"on {resource}" if resource else f"in {self._region}"
            return NotKnownError(
                describe_denial(error, where, operation.action),
                f"allow {operation.action} in the policy of the caller's role, or set Refresh=Always",
            )
        return NotKnownError(*explain(error, f"{operation.service} in {self._region}"))


def _caught(job: Callable[[], V]) -> tuple[V | NotKnown]:
    try:
        return (job(),)
    except NotKnownError as error:
        return (error.state,)
