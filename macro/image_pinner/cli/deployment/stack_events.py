"""Events of a stack: a line for each, and which of them caused a failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from image_pinner.sources.aws.errors import cleaned

# How CloudFormation words what it gives up because of another resource.
_CASCADE = ("resource creation cancelled", "resource update cancelled", "resource deletion cancelled")


class StackEvent(NamedTuple):
    """An event.

    Args:
        identifier: Its id.
        name: The resource's name in the template.
        kind: The resource's type.
        status: The resource's new status.
        reason: Why, or empty.
        of_stack: Whether it is about the stack itself.
    """

    identifier: str
    name: str
    kind: str
    status: str
    reason: str
    of_stack: bool

    @property
    def ends(self) -> bool:
        """Whether the stack has come to rest with it."""
        return self.of_stack and not self.status.endswith("_IN_PROGRESS")

    @property
    def style(self) -> str:
        """The colour of its line, or empty."""
        return "red" if self.status.endswith("_FAILED") else "green" if self.status.endswith("_COMPLETE") else ""

    def __str__(self) -> str:
        return f"  {self.status:<28} {self.name} ({self.kind}){f': {self.reason}' if self.reason else ''}"


def read_event(told: Mapping[str, Any]) -> StackEvent:
    """Read an event from an answer of DescribeStackEvents."""
    return StackEvent(
        told["EventId"],
        told.get("LogicalResourceId", ""),
        told.get("ResourceType", ""),
        told.get("ResourceStatus", ""),
        cleaned(told.get("ResourceStatusReason", "")),
        told.get("PhysicalResourceId") == told["StackId"],
    )


def since(newest_first: Iterable[StackEvent], last: str) -> list[StackEvent]:
    """Give the events after a known one, the oldest first; no more is read of the rest than needed.

    Args:
        newest_first: The events as CloudFormation tells them.
        last: The id of the newest one that is known, or empty.

    Returns:
        The events.
    """
    found: list[StackEvent] = []
    for event in newest_first:
        if event.identifier == last:
            break
        found.append(event)
    return found[::-1]


def cause_of(oldest_first: Sequence[StackEvent]) -> StackEvent | None:
    """Find the event that a failure began with: others only follow from it.

    Args:
        oldest_first: The events of the operation.

    Returns:
        The first resource that failed by itself, else what the stack says first of its own failure, or None.
    """
    failed = [event for event in oldest_first if event.status.endswith("_FAILED")]
    own = [event for event in failed if not event.of_stack and not _is_cascade(event)]
    turned = [
        event
        for event in oldest_first
        if event.of_stack and event.reason and ("ROLLBACK" in event.status or event.status.endswith("_FAILED"))
    ]
    return next(iter([*own, *turned, *failed]), None)


def _is_cascade(event: StackEvent) -> bool:
    return event.reason.lower().startswith(_CASCADE)
