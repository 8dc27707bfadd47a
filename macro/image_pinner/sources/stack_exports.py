"""Values that stacks export, read from the list of all exports of an account and region.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListExports.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from image_pinner.core.template.values import Answer, Known, Lookup, StackExport, Unknown
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.failures import (
    AwsFailure,
    aws_client_faults,
    aws_faults,
    denial_reason,
    explain,
    is_denied,
    late,
)
from image_pinner.sources.interface import Deadline
from image_pinner.sources.parallel import run_all

_ACTION = "cloudformation:ListExports"


class ExportLookups:
    """Looks exports up: the list is read once a call, page by page, until all are found.

    Args:
        clients: Gives the client; it is made on the thread that calls `look_up`.
        region: The template's region.
    """

    def __init__(self, clients: AwsClients, region: str) -> None:
        self._clients = clients
        self._region = region

    def look_up(self, lookups: Collection[Lookup], deadline: Deadline) -> Mapping[Lookup, Answer]:
        """Answer the look-ups of exports, as `LookupResolver` says; look-ups of other kinds are left out."""
        wanted = {lookup.name: lookup for lookup in lookups if isinstance(lookup, StackExport)}
        if not wanted:
            return {}
        unread = _told(late(self._service, deadline.remaining()))
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

    def _answers(self, client: Any, wanted: Mapping[str, StackExport], deadline: Deadline) -> dict[Lookup, Answer]:
        """Read pages until all is found; what the deadline leaves unread has no answer."""
        answers: dict[Lookup, Answer] = {}
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
                f"{_ACTION} is denied in {self._region}" + (f", {reason}" if reason else ""),
                f"Allow {_ACTION} in the policy of the role that asks, on the resource '*'",
            )
        return _told(explain(error, self._service))


def _told(failure: AwsFailure) -> Unknown:
    return Unknown(failure.cause, failure.remedy)
