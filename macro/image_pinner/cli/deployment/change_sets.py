"""Change sets: made to be looked at, then executed or thrown away."""

from __future__ import annotations

from typing import Any, NamedTuple

from image_pinner.cli.deployment.changes import Change, is_nothing_to_change, read_changes
from image_pinner.cli.deployment.macro_template import MacroTemplate
from image_pinner.cli.deployment.surroundings import Surroundings
from image_pinner.core.errors import SourceError
from image_pinner.sources.aws.errors import cleaned

_INTERVAL = 2.0
_MOST_SECONDS = 600
_UNDER_WAY = {"CREATE_PENDING", "CREATE_IN_PROGRESS"}


class Order(NamedTuple):
    """What a change set is to do.

    Args:
        region: The region.
        stack_name: The stack.
        is_new: Whether the stack is to be created.
        template: The template.
        parameters: The parameters, as a request has them.
        tags: All tags of the stack; empty leaves those that it has.
        role_arn: The role that CloudFormation works as, or empty for the caller.
    """

    region: str
    stack_name: str
    is_new: bool
    template: MacroTemplate
    parameters: list[dict[str, Any]]
    tags: dict[str, str]
    role_arn: str


class Planned(NamedTuple):
    """A change set that can be executed.

    Args:
        order: What it is to do.
        identifier: Its ARN.
        stack: The stack's ARN.
        changes: What it would do.
    """

    order: Order
    identifier: str
    stack: str
    changes: tuple[Change, ...]


class NothingToChange(NamedTuple):
    """The stack is already what it would become."""


def plan(surroundings: Surroundings, order: Order) -> Planned | NothingToChange:
    """Have CloudFormation work out what would happen. A stack that is not there yet waits for it in review.

    Args:
        surroundings: Who is asked and told.
        order: What is to be done.

    Returns:
        The change set, or that there is nothing to change.

    Raises:
        SourceError: CloudFormation could not be asked, or cannot do it; nothing is left behind.
    """
    told = surroundings.asker.ask("cloudformation", order.region, "create_change_set", **_request(surroundings, order))
    planned = Planned(order, told["Id"], told["StackId"], ())
    try:
        status, reason = _wait(surroundings, planned)
        if status != "FAILED":
            pages = surroundings.asker.pages(
                "cloudformation", order.region, "describe_change_set", ChangeSetName=planned.identifier
            )
            return planned._replace(changes=read_changes(pages))
    except BaseException:
        throw_away(surroundings, planned)
        raise
    throw_away(surroundings, planned)
    if is_nothing_to_change(reason):
        return NothingToChange()
    raise SourceError(
        f"CloudFormation cannot change the stack {order.stack_name} in {order.region}: {cleaned(reason)}",
        "Correct what it names, then run this again",
    )


def execute(surroundings: Surroundings, planned: Planned) -> None:
    """Begin what a change set would do.

    Raises:
        AskFailed: CloudFormation refused.
    """
    surroundings.asker.ask(
        "cloudformation", planned.order.region, "execute_change_set", ChangeSetName=planned.identifier
    )


def throw_away(surroundings: Surroundings, planned: Planned) -> None:
    """Delete a change set, and the stack with it that is there for nothing else.

    Raises:
        AskFailed: CloudFormation refused.
    """
    ask, region = surroundings.asker.ask, planned.order.region
    if planned.order.is_new:
        ask("cloudformation", region, "delete_stack", StackName=planned.stack)
    else:
        ask("cloudformation", region, "delete_change_set", ChangeSetName=planned.identifier)


def _request(surroundings: Surroundings, order: Order) -> dict[str, Any]:
    optional: dict[str, Any] = {}
    if order.tags:
        optional["Tags"] = [{"Key": key, "Value": value} for key, value in order.tags.items()]
    if order.role_arn:
        optional["RoleARN"] = order.role_arn
    return {
        "StackName": order.stack_name,
        "ChangeSetName": f"image-pinner-{int(surroundings.now())}",
        "ChangeSetType": "CREATE" if order.is_new else "UPDATE",
        "Description": "Made by image-pinner",
        "TemplateBody": order.template.text,
        "Capabilities": order.template.capabilities,
        "Parameters": order.parameters,
        **optional,
    }


def _wait(surroundings: Surroundings, planned: Planned) -> tuple[str, str]:
    ends = surroundings.now() + _MOST_SECONDS
    region, name = planned.order.region, planned.order.stack_name
    with surroundings.teller.live(f"{name} in {region}: working out the changes"):
        while surroundings.now() < ends:
            told = surroundings.asker.ask(
                "cloudformation", region, "describe_change_set", ChangeSetName=planned.identifier
            )
            if told["Status"] not in _UNDER_WAY:
                return told["Status"], told.get("StatusReason", "")
            surroundings.sleep(_INTERVAL)
    raise SourceError(
        f"CloudFormation in {region} has not worked out the changes within {_MOST_SECONDS // 60} minutes",
        "Run this again",
    )
