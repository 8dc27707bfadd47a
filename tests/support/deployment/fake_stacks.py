"""A stack of the fake CloudFormation and its events."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ROLE = "arn:aws:iam::111122223333:role/image-pinner-Role-1"
_NUMBERS = itertools.count(1)
Step = tuple[str, str, str, str]
"""Name, type, status and reason of an event."""


@dataclass
class FakeStack:
    """A stack; `coming` are its next events, of which one happens whenever time passes."""

    name: str
    identifier: str
    status: str
    template: str | None = "{}"
    reason: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    protected: bool = False
    events: list[dict[str, Any]] = field(default_factory=list)
    coming: deque[Step] = field(default_factory=deque)
    resources: list[tuple[str, str, str]] = field(default_factory=list)
    instances: list[dict[str, Any]] | None = None

    @property
    def for_organization(self) -> bool:
        return "OrganizationalUnitIds" in self.parameters

    def happen(self, step: Step) -> None:
        """Add an event; one about the stack itself changes its status."""
        name, kind, status, reason = step
        of_stack = name == self.name
        event = {
            "StackId": self.identifier,
            "StackName": self.name,
            "EventId": f"event-{next(_NUMBERS)}",
            "LogicalResourceId": name,
            "PhysicalResourceId": self.identifier if of_stack else f"{name}-1",
            "ResourceType": kind,
            "ResourceStatus": status,
            "Timestamp": NOW,
        }
        self.events.insert(0, event | ({"ResourceStatusReason": reason} if reason else {}))
        if of_stack:
            self.status, self.reason = status, reason

    def about_itself(self, status: str, reason: str = "") -> Step:
        """Return the event that changes its status."""
        return (self.name, "AWS::CloudFormation::Stack", status, reason)

    def described(self) -> dict[str, Any]:
        """Return it as DescribeStacks does."""
        done = self.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
        outputs = {"MacroName": self.parameters.get("MacroName", "")}
        if not self.for_organization:
            function = {"FunctionName": f"{self.name}-Function-1", "LogGroupName": f"{self.name}-LogGroup-1"}
            outputs |= function | {"Version": "1" if self.parameters.get("Revision") else "$LATEST", "RoleArn": ROLE}
        return {
            "StackName": self.name,
            "StackId": self.identifier,
            "CreationTime": NOW,
            "StackStatus": self.status,
            "StackStatusReason": self.reason,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()],
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()] if done else [],
            "EnableTerminationProtection": self.protected,
        }
