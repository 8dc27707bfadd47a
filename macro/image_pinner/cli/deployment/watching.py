"""Waiting for a stack, and telling what happens meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from image_pinner.cli.deployment.aws_access import Asker
from image_pinner.cli.deployment.stack_events import StackEvent, cause_of, read_event, since
from image_pinner.cli.deployment.stacks import Stack, find_stack
from image_pinner.cli.deployment.surroundings import Surroundings, Teller
from image_pinner.core.errors import SourceError

INTERVAL = 3.0
"""Seconds between two questions."""
_MOST_SECONDS = 3600
_QUIET_ROUNDS = 4  # how often an old state is not believed: DescribeStacks may lag behind


class Rest(NamedTuple):
    """What a stack came to.

    Args:
        status: Its status.
        cause: The event that a failure began with, or None.
    """

    status: str
    cause: StackEvent | None


def newest_event(asker: Asker, region: str, identifier: str) -> str:
    """Give the id of the newest event of a stack, before something is begun."""
    return next((event.identifier for event in _events(asker, region, identifier)), "")


def watch(surroundings: Surroundings, region: str, stack: Stack, last: str) -> Rest:
    """Wait until a stack has come to rest.

    Args:
        surroundings: Who is asked and told.
        region: The region.
        stack: The stack.
        last: The id of the newest event before it was begun.

    Returns:
        What it came to.

    Raises:
        SourceError: CloudFormation could not be asked, or takes too long.
    """
    asker, teller = surroundings.asker, surroundings.teller
    ends = surroundings.now() + _MOST_SECONDS
    seen: list[StackEvent] = []
    quiet = 0
    with _going_on(teller, region), teller.live(f"{stack.name} in {region}") as update:
        while surroundings.now() < ends:
            new = since(_events(asker, region, stack.identifier), last)
            for event in new:
                teller.line(str(event), event.style)
                update(f"{stack.name} in {region}: {event.status} {event.name}")
            last = new[-1].identifier if new else last
            seen += new
            quiet = 0 if new else quiet + 1
            now = find_stack(asker, region, stack.identifier)
            status = now.status if now else "DELETE_COMPLETE"
            at_rest = not status.endswith("_IN_PROGRESS")
            if at_rest and (any(event.ends for event in seen) or quiet >= _QUIET_ROUNDS or now is None):
                return Rest(status, cause_of(seen))
            surroundings.sleep(INTERVAL)
    raise SourceError(
        f"the stack {stack.name} in {region} has not come to rest within {_MOST_SECONDS // 60} minutes",
        "CloudFormation goes on; image-pinner status tells how far it is",
    )


@contextmanager
def _going_on(teller: Teller, region: str) -> Iterator[None]:
    """Tell whoever interrupts the waiting that it is the waiting alone that ends."""
    try:
        yield
    except KeyboardInterrupt:
        teller.line(f"CloudFormation goes on; image-pinner status --region {region} tells how far it is", "yellow")
        raise


def _events(asker: Asker, region: str, identifier: str) -> Iterator[StackEvent]:
    for page in asker.pages("cloudformation", region, "describe_stack_events", StackName=identifier):
        yield from map(read_event, page["StackEvents"])
