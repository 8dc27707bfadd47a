"""Deleting a stack, to the end."""

from __future__ import annotations

from image_pinner.cli.deployment.stacks import Stack
from image_pinner.cli.deployment.surroundings import Surroundings
from image_pinner.cli.deployment.watching import newest_event, watch
from image_pinner.core.errors import SourceError


def delete(surroundings: Surroundings, region: str, stack: Stack) -> None:
    """Delete a stack and wait until it is gone.

    Args:
        surroundings: Who is asked and told.
        region: The region.
        stack: The stack, without termination protection.

    Raises:
        SourceError: CloudFormation could not be asked, or could not delete it.
    """
    asker = surroundings.asker
    last = newest_event(asker, region, stack.identifier)
    asker.ask("cloudformation", region, "delete_stack", StackName=stack.identifier)
    rest = watch(surroundings, region, stack, last)
    if rest.status != "DELETE_COMPLETE":
        because = f": {rest.cause.name} ({rest.cause.kind}): {rest.cause.reason}" if rest.cause else ""
        raise SourceError(
            f"the stack {stack.name} in {region} could not be deleted and is in {rest.status}{because}",
            "Correct that, then run this again",
        )
