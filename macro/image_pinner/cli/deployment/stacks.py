"""Stacks as CloudFormation describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from image_pinner.cli.deployment.aws_access import Asker, AskFailed

MACRO_TYPE = "AWS::CloudFormation::Macro"


class Stack(NamedTuple):
    """A stack.

    Args:
        identifier: Its ARN, which is its own for ever; another stack may get its name.
        name: Its name.
        status: Its status.
        reason: What CloudFormation says of the status, or empty.
        parameters: The values of its parameters.
        outputs: Its outputs.
        tags: Its tags.
        protected: Whether it has termination protection.
    """

    identifier: str
    name: str
    status: str
    reason: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    tags: Mapping[str, str]
    protected: bool


def find_stack(asker: Asker, region: str, name: str) -> Stack | None:
    """Look for a stack.

    Args:
        asker: Asks AWS.
        region: The region.
        name: The stack's name or ARN; deleted ones have only the latter.

    Returns:
        The stack, or None where there is none.

    Raises:
        AskFailed: CloudFormation could not be asked.
    """
    try:
        told = asker.ask("cloudformation", region, "describe_stacks", StackName=name)
    except AskFailed as failure:
        if is_absence(failure):
            return None
        raise
    return read_stack(told["Stacks"][0]) if told["Stacks"] else None


def is_absence(failure: AskFailed) -> bool:
    """Tell whether CloudFormation says that a stack does not exist, for which it has no code of its own."""
    return failure.code == "ValidationError" and "does not exist" in failure.text


def read_stack(told: Mapping[str, Any]) -> Stack:
    """Read a stack from an answer of DescribeStacks."""
    return Stack(
        told["StackId"],
        told["StackName"],
        told["StackStatus"],
        told.get("StackStatusReason", ""),
        {one["ParameterKey"]: one.get("ParameterValue", "") for one in told.get("Parameters", ())},
        {one["OutputKey"]: one["OutputValue"] for one in told.get("Outputs", ())},
        {one["Key"]: one["Value"] for one in told.get("Tags", ())},
        bool(told.get("EnableTerminationProtection")),
    )


def stack_with_macro(asker: Asker, region: str, macro: str) -> str:
    """Look for the stack that has a macro: CloudFormation lists no macros, but it knows whose a resource is.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html

    Args:
        asker: Asks AWS.
        region: The region.
        macro: The macro's name, which is its physical id.

    Returns:
        The stack's ARN, or empty.

    Raises:
        AskFailed: CloudFormation could not be asked.
    """
    try:
        told = asker.ask("cloudformation", region, "describe_stack_resources", PhysicalResourceId=macro)
    except AskFailed as failure:
        if is_absence(failure):
            return ""
        raise
    for resource in told["StackResources"]:
        gone = resource["ResourceStatus"].startswith("DELETE")
        if resource["ResourceType"] == MACRO_TYPE and resource.get("PhysicalResourceId") == macro and not gone:
            return str(resource["StackId"])
    return ""
