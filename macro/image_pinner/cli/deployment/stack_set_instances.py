"""The stacks of a stack set by account and region, and what was last done to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from image_pinner.cli.deployment.stack_set_operations import UNDER_WAY, StackSet, ask_all
from image_pinner.cli.deployment.stack_set_targets import ResultLine, read_results
from image_pinner.cli.deployment.surroundings import Surroundings

_CURRENT = "CURRENT"
_DRIFTED = "DRIFTED"
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationResultSummary.html
_FAILED = {"FAILED", "CANCELLED"}


class Instance(NamedTuple):
    """A stack of a stack set.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceSummary.html

    Args:
        account: The account.
        region: The region.
        unit: The organizational unit that was named for it, or empty.
        status: Whether it is as the stack set wants it: CURRENT, OUTDATED or INOPERABLE.
        detailed_status: How the last operation ended for it, or empty.
        reason: Why, or empty.
        drift: Whether somebody changed its resources, as far as somebody has had that checked.
    """

    account: str
    region: str
    unit: str
    status: str
    detailed_status: str
    reason: str
    drift: str

    @property
    def is_current(self) -> bool:
        """Whether it is as the stack set wants it."""
        return self.status == _CURRENT

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {name: value or None for name, value in self._asdict().items()}

    def __str__(self) -> str:
        detailed = f" ({self.detailed_status})" if self.detailed_status else ""
        drifted = ", changed by somebody" if self.drift == _DRIFTED else ""
        return (
            f"{self.account} {self.region}: {self.status}{detailed}{drifted}{f': {self.reason}' if self.reason else ''}"
        )


class Operation(NamedTuple):
    """What was last done to a stack set.

    Args:
        identifier: Its id.
        action: What was done: CREATE, UPDATE, DELETE or DETECT_DRIFT.
        status: What it came to.
        reason: Why, or empty.
        begun: When it was begun.
        failed: Where it failed.
    """

    identifier: str
    action: str
    status: str
    reason: str
    begun: str
    failed: tuple[ResultLine, ...] = ()

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended yet."""
        return self.status in UNDER_WAY

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        told = {name: value or None for name, value in self._asdict().items()}
        return told | {"failed": [one._asdict() for one in self.failed]}

    def __str__(self) -> str:
        return f"{self.action} of {self.begun}: {self.status}{f': {self.reason}' if self.reason else ''}"


def instances_of(surroundings: Surroundings, stack_set: StackSet) -> tuple[Instance, ...]:
    """Give the stacks of a stack set, by account and region.

    Raises:
        ImagePinnerError: CloudFormation could not be asked.
    """
    found = ask_all(surroundings, stack_set, "list_stack_instances")
    return tuple(sorted(_instance(one) for page in found for one in page.get("Summaries", ())))


def last_operation(surroundings: Surroundings, stack_set: StackSet) -> Operation | None:
    """Give what was last done to a stack set, with the places where it failed.

    Raises:
        ImagePinnerError: CloudFormation could not be asked.
    """
    pages = ask_all(surroundings, stack_set, "list_stack_set_operations")
    told = [one for page in pages for one in page.get("Summaries", ())]
    if not told:
        return None
    # The reference promises no order.
    last = max(told, key=lambda one: one["CreationTimestamp"])
    results = ask_all(surroundings, stack_set, "list_stack_set_operation_results", OperationId=last["OperationId"])
    failed = sorted(line for page in results for line in read_results(page) if line.status in _FAILED)
    return Operation(
        last["OperationId"],
        last["Action"],
        last["Status"],
        last.get("StatusReason", ""),
        last["CreationTimestamp"].isoformat(timespec="seconds"),
        tuple(failed),
    )


def _instance(told: Mapping[str, Any]) -> Instance:
    return Instance(
        told["Account"],
        told["Region"],
        told.get("OrganizationalUnitId", ""),
        told.get("Status", ""),
        told.get("StackInstanceStatus", {}).get("DetailedStatus", ""),
        told.get("StatusReason", ""),
        told.get("DriftStatus", ""),
    )
