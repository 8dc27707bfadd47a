"""Create, update and read stacks, with shorter polling intervals than the 30 s of boto3's waiters."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from e2e.engine.cloudformation import Engine

_TIMEOUT = 90.0  # seconds
_CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


class StackFailedError(Exception):
    """A stack or a change set failed; the message is that of the engine."""


class Stacks(NamedTuple):
    """Deploys to the engine.

    Args:
        engine: The engine.
    """

    engine: Engine

    def create(self, name: str, template: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Create a stack. Return its description.

        Raises:
            StackFailedError: The stack is not created.
        """
        self._cloudformation.create_stack(**_arguments(name, template, parameters))
        return self.wait(name, "CREATE_COMPLETE")

    def update(self, name: str, template: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Update a stack. Return its description.

        Raises:
            StackFailedError: The update fails.
        """
        self._cloudformation.update_stack(**_arguments(name, template, parameters))
        return self.wait(name, "UPDATE_COMPLETE")

    def change_set(self, name: str, template: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Create a change set named `shown` for an existing stack, with the values before and after. Return it.

        Raises:
            StackFailedError: It cannot be created.
        """
        arguments = _arguments(name, template, parameters)
        made = self._cloudformation.create_change_set(ChangeSetName="shown", **arguments)
        begun = time.monotonic()
        while time.monotonic() - begun < _TIMEOUT:
            shown = self._cloudformation.describe_change_set(ChangeSetName=made["Id"], IncludePropertyValues=True)
            if shown["Status"] == "FAILED":
                raise StackFailedError(shown.get("StatusReason", ""))
            if shown["Status"] == "CREATE_COMPLETE":
                return dict(shown)
            time.sleep(0.05)
        raise StackFailedError(f"change set of {name}: nothing within {_TIMEOUT} s")

    def execute(self, name: str) -> dict[str, Any]:
        """Execute the change set that `change_set` created, and return the stack's description.

        Raises:
            StackFailedError: The update fails.
        """
        self._cloudformation.execute_change_set(StackName=name, ChangeSetName="shown")
        return self.wait(name, "UPDATE_COMPLETE")

    def delete(self, name: str) -> None:
        """Delete a stack, and wait until it is gone.

        Raises:
            StackFailedError: The stack is not deleted.
        """
        # A deleted stack can be described only by its stack ID.
        identifier = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self._cloudformation.delete_stack(StackName=identifier)
        self.wait(identifier, "DELETE_COMPLETE")

    def remove(self, name: str) -> None:
        """Delete a stack if it is there, in whatever state, and wait until it is gone.

        Raises:
            StackFailedError: The stack is not deleted.
        """
        try:
            self._cloudformation.describe_stacks(StackName=name)
        except self._cloudformation.exceptions.ClientError:
            return
        self.delete(name)

    def clear(self) -> None:
        """Delete all stacks, nested ones with their parents."""
        for page in self._cloudformation.get_paginator("list_stacks").paginate():
            for one in page["StackSummaries"]:
                if one["StackStatus"] != "DELETE_COMPLETE" and "ParentId" not in one:
                    self.remove(one["StackName"])

    def processed(self, name: str, change_set: str = "") -> dict[str, Any]:
        """Return the processed template that is deployed, or that a change set would deploy."""
        named = {"ChangeSetName": change_set} if change_set else {}
        answer = self._cloudformation.get_template(StackName=name, TemplateStage="Processed", **named)
        body = answer["TemplateBody"]
        return body if isinstance(body, dict) else json.loads(body)

    def processed_text(self, name: str) -> str:
        """Return the processed template that is deployed, with its keys in their order."""
        return json.dumps(self.processed(name))

    def reasons(self, name: str) -> list[str]:
        """Return the reasons in the events of a stack, newest first."""
        events = self._cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return [event["ResourceStatusReason"] for event in events if event.get("ResourceStatusReason")]

    def wait(self, name: str, wanted: str) -> dict[str, Any]:
        """Wait until a stack has a status.

        Raises:
            StackFailedError: It reaches another final status, or none in time.
        """
        begun = time.monotonic()
        while time.monotonic() - begun < _TIMEOUT:
            found = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            status = found["StackStatus"]
            if status == wanted:
                return dict(found)
            if status.endswith(("_FAILED", "_COMPLETE")) and "CLEANUP" not in status:
                raise StackFailedError(f"{status}: {found.get('StackStatusReason', '')} {self.reasons(name)}")
            time.sleep(0.05)
        raise StackFailedError(f"{name} is not {wanted} within {_TIMEOUT} s")

    @property
    def _cloudformation(self) -> Any:
        return self.engine.client("cloudformation")


def _arguments(name: str, template: str, parameters: Mapping[str, str] | None) -> dict[str, Any]:
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()]
    return {"StackName": name, "TemplateBody": template, "Parameters": given, "Capabilities": _CAPABILITIES}
