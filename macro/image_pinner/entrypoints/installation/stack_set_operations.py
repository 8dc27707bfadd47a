"""Operations of stack sets: begun, waited for, and told by account and region."""

from __future__ import annotations

from typing import Any, NamedTuple

from image_pinner.core.errors import SourceError
from image_pinner.entrypoints.installation.aws_access import AskFailed
from image_pinner.entrypoints.installation.stack_set_targets import ResultLine, read_results
from image_pinner.entrypoints.installation.surroundings import Surroundings

_INTERVAL = 5.0
_MOST_SECONDS = 6 * 3600
_UNDER_WAY = {"RUNNING", "QUEUED", "STOPPING"}
# All regions at once, and one account that fails does not stop the others:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html
PREFERENCES = {
    "RegionConcurrencyType": "PARALLEL",
    "FailureTolerancePercentage": 100,
    "MaxConcurrentPercentage": 100,
    "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
}


class StackSet(NamedTuple):
    """A stack set.

    Args:
        region: The region that it is kept in.
        name: Its name.
        call_as: As what it is asked for.
    """

    region: str
    name: str
    call_as: str


def ask(surroundings: Surroundings, stack_set: StackSet, operation: str, **parameters: Any) -> dict[str, Any]:
    """Ask for something about a stack set.

    Raises:
        SourceError: CloudFormation could not be asked, or another operation is under way.
    """
    try:
        return surroundings.asker.ask(
            "cloudformation",
            stack_set.region,
            operation,
            StackSetName=stack_set.name,
            CallAs=stack_set.call_as,
            **parameters,
        )
    except AskFailed as failure:
        if failure.code != "OperationInProgressException":
            raise
        raise SourceError(
            f"the stack set {stack_set.name} is being changed by somebody else", "Wait for that, then run this again"
        ) from failure


def find_stack_set(surroundings: Surroundings, stack_set: StackSet) -> dict[str, Any] | None:
    """Look for a stack set.

    Returns:
        What CloudFormation says of it, or None where there is none.

    Raises:
        SourceError: CloudFormation could not be asked.
    """
    try:
        told: dict[str, Any] = ask(surroundings, stack_set, "describe_stack_set")["StackSet"]
    except AskFailed as failure:
        if failure.code != "StackSetNotFoundException":
            raise
        return None
    return told


def current_instances(surroundings: Surroundings, stack_set: StackSet) -> set[tuple[str, str]]:
    """Give the accounts and regions in which the stack set has stacks that are as they should be.

    Raises:
        AskFailed: CloudFormation could not be asked.
    """
    pages = surroundings.asker.pages(
        "cloudformation",
        stack_set.region,
        "list_stack_instances",
        StackSetName=stack_set.name,
        CallAs=stack_set.call_as,
    )
    return {
        (one["Account"], one["Region"]) for page in pages for one in page["Summaries"] if one["Status"] == "CURRENT"
    }


def see_through(surroundings: Surroundings, stack_set: StackSet, operation: str) -> list[ResultLine]:
    """Wait for an operation, and tell what it came to.

    Args:
        surroundings: Who is asked and told.
        stack_set: The stack set.
        operation: The operation's id.

    Returns:
        The accounts and regions in which it failed.

    Raises:
        SourceError: CloudFormation could not be asked, or takes too long.
    """
    status = _wait(surroundings, stack_set, operation)
    pages = surroundings.asker.pages(
        "cloudformation",
        stack_set.region,
        "list_stack_set_operation_results",
        StackSetName=stack_set.name,
        OperationId=operation,
        CallAs=stack_set.call_as,
    )
    results = sorted(line for page in pages for line in read_results(page))
    for line in results:
        surroundings.teller.line(str(line), "green" if line.status == "SUCCEEDED" else "red")
    failed = [line for line in results if line.status != "SUCCEEDED"]
    if status != "SUCCEEDED" and not failed:
        return [ResultLine("", stack_set.region, status, f"the operation {operation} says no more")]
    return failed


def _wait(surroundings: Surroundings, stack_set: StackSet, operation: str) -> str:
    ends = surroundings.now() + _MOST_SECONDS
    with surroundings.teller.live(f"stack set {stack_set.name}") as update:
        while surroundings.now() < ends:
            told = ask(surroundings, stack_set, "describe_stack_set_operation", OperationId=operation)
            status = str(told["StackSetOperation"]["Status"])
            if status not in _UNDER_WAY:
                return status
            update(f"stack set {stack_set.name}: {status}")
            surroundings.sleep(_INTERVAL)
    raise SourceError(
        f"the stack set {stack_set.name} has not come to rest within {_MOST_SECONDS // 3600} hours",
        f"CloudFormation goes on: aws cloudformation describe-stack-set-operation --stack-set-name {stack_set.name}"
        f" --operation-id {operation}",
    )
