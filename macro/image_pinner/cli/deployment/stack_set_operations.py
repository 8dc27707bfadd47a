"""Operations of stack sets: begun, waited for, and told by account and region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from image_pinner.cli.deployment.aws_access import AskFailed
from image_pinner.cli.deployment.stack_set_refusals import in_words
from image_pinner.cli.deployment.stack_set_targets import ResultLine, read_results
from image_pinner.cli.deployment.surroundings import Surroundings
from image_pinner.core.errors import ConfigurationError, SourceError

_INTERVAL = 5.0
_MOST_SECONDS = 6 * 3600
UNDER_WAY = {"RUNNING", "QUEUED", "STOPPING"}
"""The states of an operation that has not ended yet."""
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
        ConfigurationError: The caller does not administer stack sets.
        SourceError: CloudFormation could not be asked, or another operation is under way.
    """
    asker = surroundings.asker
    try:
        return asker.ask(
            "cloudformation",
            stack_set.region,
            operation,
            StackSetName=stack_set.name,
            CallAs=stack_set.call_as,
            **parameters,
        )
    except AskFailed as failure:
        raise in_words(stack_set.name, asker.caller, failure) from failure


def ask_all(
    surroundings: Surroundings, stack_set: StackSet, operation: str, **parameters: Any
) -> Iterator[Mapping[str, Any]]:
    """Ask for something about a stack set that comes in pages.

    Yields:
        The answers.

    Raises:
        ConfigurationError: The caller does not administer stack sets.
        SourceError: CloudFormation could not be asked.
    """
    asker = surroundings.asker
    whose = {"StackSetName": stack_set.name, "CallAs": stack_set.call_as}
    try:
        yield from asker.pages("cloudformation", stack_set.region, operation, **whose, **parameters)
    except AskFailed as failure:
        raise in_words(stack_set.name, asker.caller, failure) from failure


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


def parameters_of(stack_set: StackSet, told: Mapping[str, Any]) -> dict[str, str]:
    """Give the values that a stack set of ours was given; those that are the template's defaults it does not name.

    Args:
        stack_set: The stack set.
        told: What CloudFormation says of it.

    Returns:
        The values by name.

    Raises:
        ConfigurationError: It is somebody else's.
    """
    values = {one["ParameterKey"]: one.get("ParameterValue", "") for one in told.get("Parameters", ())}
    if "CodeKey" not in values:
        raise ConfigurationError(
            f"the stack set {stack_set.name} in {stack_set.region} was not made from ImagePinner's template",
            "Name another one",
        )
    return values


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
    pages = ask_all(surroundings, stack_set, "list_stack_set_operation_results", OperationId=operation)
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
            if status not in UNDER_WAY:
                return status
            update(f"stack set {stack_set.name}: {status}")
            surroundings.sleep(_INTERVAL)
    raise SourceError(
        f"the stack set {stack_set.name} has not come to rest within {_MOST_SECONDS // 3600} hours",
        f"CloudFormation goes on: aws cloudformation describe-stack-set-operation --stack-set-name {stack_set.name}"
        f" --operation-id {operation}",
    )
