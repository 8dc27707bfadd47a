"""Fixes for bugs of the engine in nested stacks, applied when it starts.

localstack-core 2026.3.0 never updates a nested stack, and reports no reason if it cannot create one.
"""

from __future__ import annotations

import time
from functools import wraps
from typing import Any

from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
from localstack.services.cloudformation.resource_providers.aws_cloudformation_stack import CloudFormationStackProvider

_WITHIN = 60.0  # seconds
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def correct_nested_stacks() -> None:
    """Update nested stacks with their parent, and report why one cannot be created."""
    create = CloudFormationStackProvider.create

    @wraps(create)
    def with_reason(self: Any, request: Any) -> ProgressEvent:
        event = create(self, request)
        if event.status == OperationStatus.FAILED:
            stack = _described(request, event.resource_model["Id"])
            event.message = _failure(stack, "created")
        return event

    CloudFormationStackProvider.create = with_reason
    CloudFormationStackProvider.update = _update


def _update(_: Any, request: Any) -> ProgressEvent:
    wanted, identifier = request.desired_state, request.previous_state["Id"]
    cloudformation = request.aws_client_factory.cloudformation
    given = [{"ParameterKey": name, "ParameterValue": str(value)} for name, value in _parameters(wanted)]
    try:
        cloudformation.update_stack(
            StackName=identifier, TemplateURL=wanted["TemplateURL"], Parameters=given, Capabilities=_CAPABILITIES
        )
    except cloudformation.exceptions.ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise
    stack = _rested(request, identifier)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    model = {**wanted, "Id": identifier, "StackName": stack["StackName"], "Outputs": outputs}
    if stack["StackStatus"] in {"UPDATE_COMPLETE", "CREATE_COMPLETE"}:
        return ProgressEvent(OperationStatus.SUCCESS, resource_model=model)
    return ProgressEvent(
        OperationStatus.FAILED, resource_model=request.previous_state, message=_failure(stack, "updated")
    )


def _parameters(wanted: Any) -> Any:
    return (wanted.get("Parameters") or {}).items()


def _rested(request: Any, identifier: str) -> Any:
    ends = time.monotonic() + _WITHIN
    while (stack := _described(request, identifier))["StackStatus"].endswith("_IN_PROGRESS"):
        if time.monotonic() > ends:
            break
        time.sleep(0.05)
    return stack


def _described(request: Any, identifier: str) -> Any:
    return request.aws_client_factory.cloudformation.describe_stacks(StackName=identifier)["Stacks"][0]


def _failure(stack: Any, done: str) -> str:
    return f"Embedded stack {stack['StackId']} was not successfully {done}: {stack.get('StackStatusReason', '')}"
