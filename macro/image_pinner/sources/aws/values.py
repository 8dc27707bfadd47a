"""Look up the values of SSM parameters and CloudFormation exports.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html and
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

_GET_PARAMETERS = "ssm:GetParameters"
_LIST_EXPORTS = "cloudformation:ListExports"
_NAMES_PER_REQUEST = 10
# Errors about a single name, which fail the request for all of its names.
_ABOUT_ONE = frozenset({"ValidationException", "ParameterNotFound", "ParameterVersionNotFound"})
_CORRECT_THE_NAME = "create it in this account and region, or correct its name"


class SsmValueResolver:
    """Look up the SSM parameters of one template, including public ones below `/aws/service`. See `ValueResolver`.

    Args:
        clients: Creates the client, on the thread that calls `resolve_values`.
        region: The region of the template.
        workers: The maximum number of concurrent requests.
    """

    def __init__(self, clients: AwsClients, region: str, *, workers: int = 8) -> None:
        self._clients = clients
        self._region = region
        self._workers = workers
        self._service = f"Parameter Store in {region}"
        self._denial: Unknown | None = None

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        """Look up the SSM parameters among `external_values`. See `ValueResolver.resolve_values`."""
        parameters = sorted({value for value in external_values if isinstance(value, SsmParameter)}, key=_request_name)
        if not parameters:
            return {}
        seconds = deadline.remaining()
        try:
            client = self._clients.client("ssm", self._region)
        except aws_client_faults() as error:
            return dict.fromkeys(parameters, _failed(explain(error, self._service)))
        jobs = [
            partial(self._look_up, client, parameters[start : start + _NAMES_PER_REQUEST], deadline)
            for start in range(0, len(parameters), _NAMES_PER_REQUEST)
        ]
        timeout = _failed(explain_timeout(self._service, seconds))
        answers: dict[ExternalValue, Answer] = dict.fromkeys(parameters, timeout)
        for result in run_all(jobs, workers=self._workers, deadline=deadline):
            answers.update(result or {})
        return answers

    def _look_up(self, client: Any, group: Sequence[SsmParameter], deadline: Deadline) -> dict[ExternalValue, Answer]:
        """Look up at most ten parameters; halve the group to find an invalid name, which fails the request for all.

        The first denial is the answer for all parameters that were not looked up before: searching for the denied one
        would take a multiple of the requests, and the template cannot be pinned anyway.
        """
        if self._denial:
            return dict.fromkeys(group, self._denial)
        if deadline.remaining() <= 0:
            return {}
        try:
            response = client.get_parameters(Names=[_request_name(parameter) for parameter in group])
        except aws_faults() as error:
            if is_denied(error):
                self._denial = self._explain_denial(group, error)
                return dict.fromkeys(group, self._denial)
            if error_code(error) not in _ABOUT_ONE:
                return dict.fromkeys(group, _failed(explain(error, self._service)))
            if len(group) == 1:
                text = f"{self._service} rejected {group[0]} ({error_code(error)}: {error_text(error)})"
                return {group[0]: Unknown(text, _CORRECT_THE_NAME)}
            half = len(group) // 2
            return self._look_up(client, group[:half], deadline) | self._look_up(client, group[half:], deadline)
        found = response.get("Parameters", ())
        return {parameter: self._answer(parameter, _select(parameter, found)) for parameter in group}

    def _answer(self, parameter: SsmParameter, found: Mapping[str, Any] | None) -> Answer:
        if found is None:
            return Unknown(f"{parameter} does not exist in {self._service}", _CORRECT_THE_NAME)
        if found.get("Type") == "SecureString":
            return Unknown(
                f"{parameter} is a SecureString, and a template must not contain secrets",
                "use a parameter of type String for the image",
            )
        return Known(str(found.get("Value", "")))

    def _explain_denial(self, group: Sequence[SsmParameter], error: Exception) -> Unknown:
        others = f" or on one of {len(group) - 1} others" if len(group) > 1 else ""
        resource = denied_resource(error) or f"{self._arn(group[0])}{others}"
        return _failed(
            AwsFailure(
                describe_denial(error, f"on {resource}", _GET_PARAMETERS),
                f"allow {_GET_PARAMETERS} on it in the policy of the caller's role",
            )
        )

    def _arn(self, parameter: SsmParameter) -> str:
        if parameter.name.startswith("arn:"):
            return parameter.name
        partition = partition_of(self._region)
        name = partition.name if partition else "aws"
        return f"arn:{name}:ssm:{self._region}:*:parameter/{parameter.name.removeprefix('/')}"


def _failed(failure: AwsFailure) -> Unknown:
    return Unknown(*failure, failed_lookup=True)


def _request_name(parameter: SsmParameter) -> str:
    return parameter.name if parameter.version is None else f"{parameter.name}:{parameter.version}"


def _select(parameter: SsmParameter, found: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the item of a response that belongs to `parameter`; the response can contain several of its versions."""
    versions = [item for item in found if parameter.name in (item.get("Name"), item.get("ARN"))]
    if parameter.version is not None:
        return next((item for item in versions if item.get("Version") == parameter.version), None)
    return max(versions, key=lambda item: (not item.get("Selector"), item.get("Version", 0)), default=None)


class ExportValueResolver:
    """Look up exports: read the list page by page until all are found. See `ValueResolver`.

    Args:
        clients: Creates the client, on the thread that calls `resolve_values`.
        region: The region of the template.
    """

    def __init__(self, clients: AwsClients, region: str) -> None:
        self._clients = clients
        self._region = region
        self._service = f"CloudFormation in {region}"

    def resolve_values(
        self, external_values: Collection[ExternalValue], deadline: Deadline
    ) -> Mapping[ExternalValue, Answer]:
        """Look up the exports among `external_values`. See `ValueResolver.resolve_values`."""
        exports = {value.name: value for value in external_values if isinstance(value, StackExport)}
        if not exports:
            return {}
        timeout = _failed(explain_timeout(self._service, deadline.remaining()))
        try:
            client = self._clients.client("cloudformation", self._region)
        except aws_client_faults() as error:
            return dict.fromkeys(exports.values(), self._failure(error))
        (answers,) = run_all([partial(self._look_up, client, exports, deadline)], workers=1, deadline=deadline)
        return {export: (answers or {}).get(export, timeout) for export in exports.values()}

    def _look_up(
        self, client: Any, exports: Mapping[str, StackExport], deadline: Deadline
    ) -> dict[ExternalValue, Answer]:
        """Read pages until all exports are found; those on pages after the deadline get no answer."""
        answers: dict[ExternalValue, Answer] = {}
        try:
            for page in client.get_paginator("list_exports").paginate():
                for item in page.get("Exports", ()):
                    if export := exports.get(item.get("Name")):
                        answers[export] = Known(str(item.get("Value", "")))
                if len(answers) == len(exports) or deadline.remaining() <= 0:
                    return answers
        except aws_faults() as error:
            return dict.fromkeys(exports.values(), self._failure(error)) | answers
        return {export: self._not_exported(export) for export in exports.values()} | answers

    def _not_exported(self, export: StackExport) -> Unknown:
        return Unknown(
            f"no stack of this account in {self._region} exports {export.name!r}",
            "deploy the stack that exports it first, or correct the name",
        )

    def _failure(self, error: Exception) -> Unknown:
        if is_denied(error):
            return _failed(
                AwsFailure(
                    describe_denial(error, f"in {self._region}", _LIST_EXPORTS),
                    f"allow {_LIST_EXPORTS} on the resource '*' in the policy of the caller's role",
                )
            )
        return _failed(explain(error, self._service))
