"""What the state of a stack means for who wants to install into it."""

from __future__ import annotations

from typing import NamedTuple

from image_pinner.cli.deployment.stacks import Stack


class Absent(NamedTuple):
    """There is no stack: one can be created."""


class Ready(NamedTuple):
    """The stack can be updated."""

    stack: Stack


class Failed(NamedTuple):
    """The stack never came to be, and can only be deleted."""

    stack: Stack
    cause: str
    help: str


class Blocked(NamedTuple):
    """Somebody has to do something else first."""

    cause: str
    help: str


Standing = Absent | Ready | Failed | Blocked

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#cfn-console-view-stack-data-resources-status-codes
_READY = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
}
_NEVER_CAME_TO_BE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
REVIEW = "REVIEW_IN_PROGRESS"


def standing(stack: Stack | None, region: str) -> Standing:
    """Say what can be done with a stack.

    Args:
        stack: The stack, or None where there is none.
        region: Its region, for messages.

    Returns:
        What it is fit for.
    """
    if stack is None or stack.status == "DELETE_COMPLETE":
        return Absent()
    what = f"the stack {stack.name} in {region} is in {stack.status}"
    command = f"aws cloudformation {{}} --stack-name {stack.name} --region {region}"
    if stack.status == REVIEW:
        return Failed(
            stack,
            f"{what}: an earlier install was not finished, or its change set waits for somebody",
            f"Delete it ({command.format('delete-stack')}), or run this with --replace-failed, which does that",
        )
    if stack.status.endswith("_IN_PROGRESS"):
        return Blocked(f"{what}: somebody else changes it just now", "Wait until that has ended, then run this again")
    if stack.status in _NEVER_CAME_TO_BE:
        why = f" ({stack.reason})" if stack.reason else ""
        return Failed(
            stack,
            f"{what}{why}, and can only be deleted",
            f"Delete it ({command.format('delete-stack')}), or run this with --replace-failed, which does that",
        )
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        return Blocked(
            f"{what}: it could not go back to what it was",
            f"Correct what its events name, then run {command.format('continue-update-rollback')}",
        )
    if stack.status not in _READY:
        return Blocked(what, f"Take it back first: {command.format('rollback-stack')}")
    if not {"MacroName", "CodeKey"} <= set(stack.parameters):
        return Blocked(
            f"the stack {stack.name} in {region} was not made from ImagePinner's template",
            "Choose another name by --stack-name",
        )
    return Ready(stack)
