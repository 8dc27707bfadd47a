"""Stacks: created, updated and looked at, with short waits; boto3's own waiters ask every 30 s."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from e2e.engine.cloudformation import Engine

_WITHIN = 90.0  # seconds
_CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


class StackFailedError(Exception):
    """A stack or a change set ended badly; the message says why, in the engine's words."""


class Stacks(NamedTuple):
    """Deploys to the engine.

    Args:
        engine: The engine.
    """

    engine: Engine

    def create(self, name: str, template: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Create a stack, and give its description when it stands.

        Raises:
            StackFailedError: It does not come to stand.
        """
        self._cloudformation.create_stack(**_arguments(name, template, parameters))
        return self.wait(name, "CREATE_COMPLETE")

    def update(self, name: str, template: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Update a stack, and give its description when that is done.

        Raises:
            StackFailedError: The update fails.
        """
        self._cloudformation.update_stack(**_arguments(name, template, parameters))
        return self.wait(name, "UPDATE_COMPLETE")

    def change_set(self, name: str, template: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Make a change set named `shown` for an existing stack, with the values before and after, and give it.

        Raises:
            StackFailedError: It cannot be made.
        """
        arguments = _arguments(name, template, parameters)
        made = self._cloudformation.create_change_set(ChangeSetName="shown", **arguments)
        begun = time.monotonic()
        while time.monotonic() - begun < _WITHIN:
            shown = self._cloudformation.describe_change_set(ChangeSetName=made["Id"], IncludePropertyValues=True)
            if shown["Status"] == "FAILED":
                raise StackFailedError(shown.get("StatusReason", ""))
            if shown["Status"] == "CREATE_COMPLETE":
                return dict(shown)
            time.sleep(0.05)
        raise StackFailedError(f"change set of {name}: nothing within {_WITHIN} s")

    def execute(self, name: str) -> dict[str, Any]:
        """Execute the change set that `change_set` made, and give the stack's description when that is done.

        Raises:
            StackFailedError: The update fails.
        """
        self._cloudformation.execute_change_set(StackName=name, ChangeSetName="shown")
        return self.wait(name, "UPDATE_COMPLETE")

    def delete(self, name: str) -> None:
        """Delete a stack, and wait until it is gone.

        Raises:
            StackFailedError: It stays.
        """
        # A stack that is gone is known by its identifier alone.
        identifier = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self._cloudformation.delete_stack(StackName=identifier)
        self.wait(identifier, "DELETE_COMPLETE")

    def remove(self, name: str) -> None:
        """Delete a stack if it is there, in whatever state, and wait until it is gone.

        Raises:
            StackFailedError: It stays.
        """
        try:
            self._cloudformation.describe_stacks(StackName=name)
        except self._cloudformation.exceptions.ClientError:
            return
        self.delete(name)

    def clear(self) -> None:
        """Delete all stacks, whoever left them, nested ones with their parents."""
        for page in self._cloudformation.get_paginator("list_stacks").paginate():
            for one in page["StackSummaries"]:
                if one["StackStatus"] != "DELETE_COMPLETE" and "ParentId" not in one:
                    self.remove(one["StackName"])

    def processed(self, name: str, change_set: str = "") -> dict[str, Any]:
        """Give the template after its macros: what is deployed, or what a change set would deploy."""
        named = {"ChangeSetName": change_set} if change_set else {}
        answer = self._cloudformation.get_template(StackName=name, TemplateStage="Processed", **named)
        body = answer["TemplateBody"]
        return body if isinstance(body, dict) else json.loads(body)

    def reasons(self, name: str) -> list[str]:
        """Give what the events of a stack say, newest first."""
        events = self._cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return [event["ResourceStatusReason"] for event in events if event.get("ResourceStatusReason")]

    def wait(self, name: str, wanted: str) -> dict[str, Any]:
        """Wait until a stack has a status.

        Raises:
            StackFailedError: It comes to rest in another one, or does not come to rest.
        """
        begun = time.monotonic()
        while time.monotonic() - begun < _WITHIN:
            found = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            status = found["StackStatus"]
            if status == wanted:
                return dict(found)
            if status.endswith(("_FAILED", "_COMPLETE")) and "CLEANUP" not in status:
                raise StackFailedError(f"{status}: {found.get('StackStatusReason', '')} {self.reasons(name)}")
            time.sleep(0.05)
        raise StackFailedError(f"{name} is not {wanted} within {_WITHIN} s")

    @property
    def _cloudformation(self) -> Any:
        return self.engine.client("cloudformation")


def _arguments(name: str, template: str, parameters: Mapping[str, str] | None) -> dict[str, Any]:
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()]
    return {"StackName": name, "TemplateBody": template, "Parameters": given, "Capabilities": _CAPABILITIES}
