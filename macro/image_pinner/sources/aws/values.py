"""Values of SSM parameters and CloudFormation exports.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListExports.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from image_pinner.core.images.ecr import partition_of
from image_pinner.core.intrinsics.values import Answer, ExternalValue, Known, SsmParameter, StackExport, Unknown
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.errors import (
    AwsFailure,
    aws_client_faults,
    aws_faults,
    denial_reason,
    denied_resource,
    error_code,
    error_text,
    explain,
    is_denied,
    late,
)
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.interface import Deadline

_NAMES_PER_CALL = 10
_GET_PARAMETERS = "ssm:GetParameters"
# One name of these kinds fails a call for ten.
_ABOUT_ONE = frozenset({"ValidationException", "ParameterNotFound", "ParameterVersionNotFound"})
_CORRECT_THE_NAME = "Create it in this account and region, or correct its name"


class SsmValueResolver:
    """Looks SSM parameters up, those that AWS publishes under `/aws/service` too.

    Args:
        clients: Gives the client; it is made on the thread that calls `resolve_values`.
        region: The template's region.
        workers: How many calls run at once.
    """

    def __init__(self, clients: AwsClients, region: str, *, workers: int = 8) -> None:
        self._clients = clients
        self._region = region
        self._workers = workers

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        """Answer the look-ups of SSM parameters, as `ValueResolver` says; look-ups of other kinds are left out."""
        wanted = sorted({lookup for lookup in external_values if isinstance(lookup, SsmParameter)}, key=_asked_as)
        if not wanted:
            return {}
        seconds = deadline.remaining()
        try:
            client = self._clients.client("ssm", self._region)
        except aws_client_faults() as error:
            return dict.fromkeys(wanted, self._failure(error))
        groups = [wanted[start : start + _NAMES_PER_CALL] for start in range(0, len(wanted), _NAMES_PER_CALL)]
        jobs = [partial(self._answers, client, group, deadline) for group in groups]
        answers: dict[ExternalValue, Answer] = dict.fromkeys(wanted, _told(late(self._service, seconds)))
        for result in run_all(jobs, workers=self._workers, deadline=deadline):
            answers.update(result or {})
        return answers

    @property
    def _service(self) -> str:
        return f"the Parameter Store in {self._region}"

    def _answers(self, client: Any, group: Sequence[SsmParameter], deadline: Deadline) -> dict[ExternalValue, Answer]:
        if deadline.remaining() <= 0:
            return {}
        try:
            response = client.get_parameters(Names=[_asked_as(lookup) for lookup in group])
        except aws_faults() as error:
            if not (is_denied(error) or error_code(error) in _ABOUT_ONE):
                return dict.fromkeys(group, self._failure(error))
            if len(group) == 1:
                return {group[0]: self._refusal(group[0], error)}
            half = len(group) // 2
            return self._answers(client, group[:half], deadline) | self._answers(client, group[half:], deadline)
        given = response.get("Parameters", ())
        return {lookup: self._answer(lookup, _given_for(lookup, given)) for lookup in group}

    def _answer(self, lookup: SsmParameter, parameter: Mapping[str, Any] | None) -> Answer:
        if parameter is None:
            return Unknown(f"{self._service} has not {lookup}", _CORRECT_THE_NAME)
        if parameter.get("Type") == "SecureString":
            return Unknown(
                f"{lookup} is a SecureString, and a secret must not be written into a template",
                "Keep the image's name in a parameter of type String",
            )
        return Known(str(parameter.get("Value", "")))

    def _refusal(self, lookup: SsmParameter, error: Exception) -> Unknown:
        if is_denied(error):
            reason = denial_reason(error)
            return Unknown(
                f"{_GET_PARAMETERS} is denied on {denied_resource(error) or self._arn(lookup)}"
                + (f", {reason}" if reason else ""),
                f"Allow {_GET_PARAMETERS} on it in the policy of the role that asks",
            )
        return Unknown(
            f"{self._service} does not take {lookup} ({error_code(error)}: {error_text(error)})", _CORRECT_THE_NAME
        )

    def _failure(self, error: Exception) -> Unknown:
        return _told(explain(error, self._service))

    def _arn(self, lookup: SsmParameter) -> str:
        if lookup.name.startswith("arn:"):
            return lookup.name
        partition = partition_of(self._region)
        name = partition.name if partition else "aws"
        return f"arn:{name}:ssm:{self._region}:*:parameter/{lookup.name.removeprefix('/')}"


def _told(failure: AwsFailure) -> Unknown:
    return Unknown(failure.cause, failure.help)


def _asked_as(lookup: SsmParameter) -> str:
    return lookup.name if lookup.version is None else f"{lookup.name}:{lookup.version}"


def _given_for(lookup: SsmParameter, parameters: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Give the parameter that answers a look-up; the same one can be there in several versions."""
    named = [item for item in parameters if lookup.name in (item.get("Name"), item.get("ARN"))]
    if lookup.version is not None:
        return next((item for item in named if item.get("Version") == lookup.version), None)
    return max(named, key=lambda item: (not item.get("Selector"), item.get("Version", 0)), default=None)


_LIST_EXPORTS = "cloudformation:ListExports"


class ExportValueResolver:
    """Looks exports up: the list is read once a call, page by page, until all are found.

    Args:
        clients: Gives the client; it is made on the thread that calls `resolve_values`.
        region: The template's region.
    """

    def __init__(self, clients: AwsClients, region: str) -> None:
        self._clients = clients
        self._region = region

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        """Answer the look-ups of exports, as `ValueResolver` says; look-ups of other kinds are left out."""
        wanted = {lookup.name: lookup for lookup in external_values if isinstance(lookup, StackExport)}
        if not wanted:
            return {}
        unread = _explain_exports(late(self._service, deadline.remaining()))
        try:
            client = self._clients.client("cloudformation", self._region)
        except aws_client_faults() as error:
            return dict.fromkeys(wanted.values(), self._failure(error))
        jobs = [partial(self._answers, client, wanted, deadline)]
        (answers,) = run_all(jobs, workers=1, deadline=deadline)
        return {lookup: (answers or {}).get(lookup, unread) for lookup in wanted.values()}

    @property
    def _service(self) -> str:
        return f"CloudFormation in {self._region}"

    def _answers(
        self, client: Any, wanted: Mapping[str, StackExport], deadline: Deadline
    ) -> dict[ExternalValue, Answer]:
        """Read pages until all is found; what the deadline leaves unread has no answer."""
        answers: dict[ExternalValue, Answer] = {}
        try:
            for page in client.get_paginator("list_exports").paginate():
                for export in page.get("Exports", ()):
                    if lookup := wanted.get(export.get("Name")):
                        answers[lookup] = Known(str(export.get("Value", "")))
                if len(answers) == len(wanted) or deadline.remaining() <= 0:
                    return answers
        except aws_faults() as error:
            return dict.fromkeys(wanted.values(), self._failure(error)) | answers
        return {lookup: self._not_exported(lookup) for lookup in wanted.values()} | answers

    def _not_exported(self, lookup: StackExport) -> Unknown:
        return Unknown(
            f"no stack of this account in {self._region} exports {lookup.name!r}",
            "Deploy the stack that exports it first, or correct the name",
        )

    def _failure(self, error: Exception) -> Unknown:
        if is_denied(error):
            reason = denial_reason(error)
            return Unknown(
                f"{_LIST_EXPORTS} is denied in {self._region}" + (f", {reason}" if reason else ""),
                f"Allow {_LIST_EXPORTS} in the policy of the role that asks, on the resource '*'",
            )
        return _explain_exports(explain(error, self._service))


def _explain_exports(failure: AwsFailure) -> Unknown:
    return Unknown(failure.cause, failure.help)
