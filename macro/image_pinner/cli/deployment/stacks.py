"""Stacks: find them, interpret their state, follow their events, and delete them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from image_pinner.cli.deployment.aws import AwsApi, AwsApiError
from image_pinner.cli.deployment.session import DeploymentSession
from image_pinner.core.errors import SourceError
from image_pinner.sources.aws.errors import cleaned

MACRO_TYPE = "AWS::CloudFormation::Macro"
IN_REVIEW = "REVIEW_IN_PROGRESS"
POLL_SECONDS = 3.0
_TIMEOUT_SECONDS = 3600.0
_ORGANIZATION_TIMEOUT_SECONDS = 6 * 3600.0
_ROUNDS_WITHOUT_EVENTS = 4  # DescribeStacks may lag behind, so a final status without its event is not trusted at once

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#cfn-console-view-stack-data-resources-status-codes
_UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
}
_ONLY_DELETABLE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
# The beginnings of CloudFormation's reasons for a resource that failed because of another one.
_CANCELED = ("resource creation cancelled", "resource update cancelled", "resource deletion cancelled")


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack. `identifier` is its ARN, which no later stack of the same name has."""

    identifier: str
    name: str
    status: str
    reason: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    tags: Mapping[str, str]
    protected: bool

    @property
    def installs_macro(self) -> bool:
        """Whether it was created from one of our templates."""
        return {"MacroName", "CodeKey"} <= set(self.parameters)

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions of an organization's stack set; empty for the macro of one account."""
        return tuple(one.strip() for one in self.parameters.get("Regions", "").split(",") if one.strip())

    @property
    def for_organization(self) -> bool:
        """Whether it installs the macro in the accounts of an organization."""
        return "OrganizationalUnitIds" in self.parameters


def find_stack(api: AwsApi, region: str, name: str) -> Stack | None:
    """Return the stack of a name or ARN; a deleted stack is found by its ARN only."""
    try:
        response = api.call("cloudformation", region, "describe_stacks", StackName=name)
    except AwsApiError as error:
        if is_not_found(error):
            return None
        raise
    return _read_stack(response["Stacks"][0]) if response["Stacks"] else None


def is_not_found(error: AwsApiError) -> bool:
    """Return whether CloudFormation reports that a stack does not exist, for which it has no error code."""
    return error.code == "ValidationError" and "does not exist" in error.text


def find_macro_owner(api: AwsApi, region: str, macro: str) -> str:
    """Return the ARN of the stack that owns a macro, or an empty string.

    CloudFormation has no API that lists macros, but finds the stack of a resource by its physical ID:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
    """
    try:
        response = api.call("cloudformation", region, "describe_stack_resources", PhysicalResourceId=macro)
    except AwsApiError as error:
        if is_not_found(error):
            return ""
        raise
    for resource in response["StackResources"]:
        deleted = resource["ResourceStatus"].startswith("DELETE")
        if resource["ResourceType"] == MACRO_TYPE and resource.get("PhysicalResourceId") == macro and not deleted:
            return str(resource["StackId"])
    return ""


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no stack: one can be created."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The stack can be updated."""

    stack: Stack


@dataclass(frozen=True, slots=True)
class Failed:
    """The stack was never created completely, and can only be deleted."""

    stack: Stack
    cause: str
    help: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """The stack cannot be changed before something else is done."""

    cause: str
    help: str


def stack_state(stack: Stack | None, region: str, *, organization: bool = False) -> Absent | Ready | Failed | Blocked:
    """Return what can be done with a stack. `organization` selects which of our two templates it must have."""
    if stack is None or stack.status == "DELETE_COMPLETE":
        return Absent()
    cause = f"stack {stack.name} in {region} is in {stack.status}"
    command = f"aws cloudformation {{}} --stack-name {stack.name} --region {region}"
    delete = f"delete it ({command.format('delete-stack')}), or pass --replace-failed"
    if stack.status == IN_REVIEW:
        return Failed(stack, f"{cause}: an install was interrupted, or its change set has not been executed", delete)
    if stack.status.endswith("_IN_PROGRESS"):
        return Blocked(f"{cause}: another operation is in progress", "wait until it has ended, then run this again")
    if stack.status in _ONLY_DELETABLE:
        reason = f" ({stack.reason})" if stack.reason else ""
        return Failed(stack, f"{cause}{reason}, and can only be deleted", delete)
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        return Blocked(
            f"{cause}: its rollback failed",
            f"fix what its events name, then run {command.format('continue-update-rollback')}",
        )
    if stack.status not in _UPDATABLE:
        return Blocked(cause, f"roll it back first: {command.format('rollback-stack')}")
    problem = find_mismatch(stack, region, organization=organization)
    return Blocked(*problem) if problem else Ready(stack)


def find_mismatch(stack: Stack, region: str, *, organization: bool) -> tuple[str, str] | None:
    """Return cause and help if a stack was not created from the expected template."""
    if not stack.installs_macro:
        return (
            f"stack {stack.name} in {region} was not created from ImagePinner's template",
            "pass --stack-name with another name",
        )
    if stack.for_organization != organization:
        target = "accounts of an organization" if stack.for_organization else "this account only"
        help = "pass" if stack.for_organization else "omit"
        return f"stack {stack.name} in {region} installs the macro in {target}", f"{help} --organization"
    return None


@dataclass(frozen=True, slots=True)
class StackEvent:
    """An event of a stack; `of_stack` means that it is about the stack itself."""

    identifier: str
    name: str
    kind: str
    status: str
    reason: str
    of_stack: bool

    @property
    def is_final(self) -> bool:
        """Whether the operation on the stack ended with it."""
        return self.of_stack and not self.status.endswith("_IN_PROGRESS")

    @property
    def style(self) -> str:
        """The color of its line, or empty."""
        return "red" if self.status.endswith("_FAILED") else "green" if self.status.endswith("_COMPLETE") else ""

    def __str__(self) -> str:
        return f"  {self.status:<28} {self.name} ({self.kind}){f': {self.reason}' if self.reason else ''}"


def events_since(newest_first: Iterable[StackEvent], last: str) -> list[StackEvent]:
    """Return the events after the one with the ID `last`, the oldest first. Reads no further back than needed."""
    found: list[StackEvent] = []
    for event in newest_first:
        if event.identifier == last:
            break
        found.append(event)
    return found[::-1]


def find_failure_cause(oldest_first: Sequence[StackEvent]) -> StackEvent | None:
    """Return the event that a failure began with.

    This is the first resource that failed by itself, else the first reason that the stack reports for its own failure.
    """
    failed = [event for event in oldest_first if event.status.endswith("_FAILED")]
    by_itself = [one for one in failed if not one.of_stack and not one.reason.lower().startswith(_CANCELED)]
    of_stack = [
        event
        for event in oldest_first
        if event.of_stack and event.reason and ("ROLLBACK" in event.status or event.status.endswith("_FAILED"))
    ]
    return next(iter([*by_itself, *of_stack, *failed]), None)


@dataclass(frozen=True, slots=True)
class StackResult:
    """The final status of a stack, and the event that a failure began with."""

    status: str
    failure: StackEvent | None

    @property
    def because(self) -> str:
        """The reason of a failure, as it continues a sentence."""
        event = self.failure
        return f": {event.name} ({event.kind}): {event.reason}" if event else ""


def newest_event(api: AwsApi, region: str, identifier: str) -> str:
    """Return the ID of the newest event of a stack, to be known before an operation begins."""
    return next((event.identifier for event in _read_events(api, region, identifier)), "")


def wait_for_stack(session: DeploymentSession, region: str, stack: Stack, last: str) -> StackResult:
    """Print the events after `last` until the operation on a stack has ended."""
    api, console = session.api, session.console
    seen: list[StackEvent] = []
    rounds_without_events = 0
    newest = last

    def check() -> StackResult | None:
        nonlocal newest, rounds_without_events
        new = events_since(_read_events(api, region, stack.identifier), newest)
        for event in new:
            console.print(str(event), event.style)
            update(f"{stack.name} in {region}: {event.status} {event.name}")
        newest = new[-1].identifier if new else newest
        seen.extend(new)
        rounds_without_events = 0 if new else rounds_without_events + 1
        current = find_stack(api, region, stack.identifier)
        status = current.status if current else "DELETE_COMPLETE"
        settled = any(event.is_final for event in seen) or rounds_without_events >= _ROUNDS_WITHOUT_EVENTS
        if not status.endswith("_IN_PROGRESS") and (settled or current is None):
            return StackResult(status, find_failure_cause(seen))
        return None

    timeout = _ORGANIZATION_TIMEOUT_SECONDS if stack.for_organization else _TIMEOUT_SECONDS
    error = SourceError(
        f"stack {stack.name} in {region} is still in progress after {timeout / 60:.0f} minutes",
        f"CloudFormation continues; check it with image-pinner status --region {region}",
    )
    with _note_if_interrupted(session, region), console.progress(f"{stack.name} in {region}") as update:
        return session.poll_until(check, interval=POLL_SECONDS, timeout=timeout, timeout_error=error)


def delete_stack(session: DeploymentSession, region: str, stack: Stack) -> None:
    """Delete a stack and wait until it is deleted. It must not have termination protection.

    Raises:
        SourceError: CloudFormation does not delete the stack.
    """
    last = newest_event(session.api, region, stack.identifier)
    session.api.call("cloudformation", region, "delete_stack", StackName=stack.identifier)
    result = wait_for_stack(session, region, stack, last)
    if result.status != "DELETE_COMPLETE":
        raise SourceError(
            f"cannot delete stack {stack.name} in {region}: it is in {result.status}{result.because}",
            "fix the cause, then run this again",
        )


def set_termination_protection(api: AwsApi, region: str, stack: str, *, enabled: bool) -> None:
    """Turn the termination protection of a stack on or off."""
    api.call(
        "cloudformation",
        region,
        "update_termination_protection",
        StackName=stack,
        EnableTerminationProtection=enabled,
    )


def _read_stack(response: Mapping[str, Any]) -> Stack:
    return Stack(
        response["StackId"],
        response["StackName"],
        response["StackStatus"],
        response.get("StackStatusReason", ""),
        {one["ParameterKey"]: one.get("ParameterValue", "") for one in response.get("Parameters", ())},
        {one["OutputKey"]: one["OutputValue"] for one in response.get("Outputs", ())},
        {one["Key"]: one["Value"] for one in response.get("Tags", ())},
        bool(response.get("EnableTerminationProtection")),
    )


def _read_events(api: AwsApi, region: str, identifier: str) -> Iterator[StackEvent]:
    for page in api.pages("cloudformation", region, "describe_stack_events", StackName=identifier):
        for one in page["StackEvents"]:
            yield StackEvent(
                one["EventId"],
                one.get("LogicalResourceId", ""),
                one.get("ResourceType", ""),
                one.get("ResourceStatus", ""),
                cleaned(one.get("ResourceStatusReason", "")),
                one.get("PhysicalResourceId") == one["StackId"],
            )


@contextmanager
def _note_if_interrupted(session: DeploymentSession, region: str) -> Iterator[None]:
    """Inform a user who interrupts that only the waiting ends."""
    try:
        yield
    except KeyboardInterrupt:
        session.console.print(
            f"CloudFormation continues; check it with image-pinner status --region {region}", "yellow"
        )
        raise
