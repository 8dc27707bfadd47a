"""Change sets: create, show, execute and delete them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from image_pinner.cli.deployment.parameters import Template
from image_pinner.cli.deployment.session import DeploymentSession
from image_pinner.core.errors import SourceError
from image_pinner.sources.aws.errors import cleaned

_POLL_SECONDS = 2.0
_TIMEOUT_SECONDS = 600.0
_IN_PROGRESS = {"CREATE_PENDING", "CREATE_IN_PROGRESS"}
_SIGNS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "<", "Dynamic": "?"}
_STYLES = {"+": "green", "-": "red", "±": "red"}
# A change set that would change nothing fails, with one of these two texts.
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class ChangeSetRequest:
    """A change set to create.

    `parameters` are as a request has them; without `tags` the stack keeps its own. `name` distinguishes the change sets
    of one install. `template_url` is where the template was uploaded, if it is too long for the request.
    """

    region: str
    stack_name: str
    is_new: bool
    template: Template
    parameters: list[dict[str, Any]] = field(default_factory=list)
    tags: Mapping[str, str] = field(default_factory=dict)
    role_arn: str = ""
    name: str = "shown"
    template_url: str = ""


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """A resource that would change: `+` added, `~` modified, `±` replaced, `-` removed."""

    sign: str
    name: str
    kind: str
    note: str

    @property
    def style(self) -> str:
        """The color of its line, or empty."""
        return _STYLES.get(self.sign, "")

    def __str__(self) -> str:
        return f"  {self.sign} {self.name} ({self.kind}){f': {self.note}' if self.note else ''}"


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set that can be executed; `identifier` and `stack` are ARNs."""

    request: ChangeSetRequest
    identifier: str
    stack: str
    changes: tuple[ResourceChange, ...] = ()


def create_change_set(session: DeploymentSession, request: ChangeSetRequest) -> ChangeSet | None:
    """Create a change set and read its changes; return `None` if nothing would change.

    A new stack is in review until the change set is executed or deleted. Nothing is left behind on a failure.

    Raises:
        SourceError: CloudFormation cannot make the change.
    """
    response = session.api.call("cloudformation", request.region, "create_change_set", **to_api(session, request))
    created = ChangeSet(request, response["Id"], response["StackId"])
    try:
        status, reason = wait_for_changes(session, created)
        if status != "FAILED":
            pages = session.api.pages(
                "cloudformation", request.region, "describe_change_set", ChangeSetName=created.identifier
            )
            return replace(created, changes=read_changes(pages))
    except BaseException:
        delete_change_set(session, created)
        raise
    delete_change_set(session, created)
    if has_no_changes(reason):
        return None
    raise SourceError(
        f"cannot change stack {request.stack_name} in {request.region}: {cleaned(reason)}",
        "fix what CloudFormation names, then run this again",
    )


def execute_change_set(session: DeploymentSession, change_set: ChangeSet) -> None:
    """Start the execution of a change set."""
    session.api.call(
        "cloudformation", change_set.request.region, "execute_change_set", ChangeSetName=change_set.identifier
    )


def delete_change_set(session: DeploymentSession, change_set: ChangeSet) -> None:
    """Delete a change set, and with it a stack that was created for nothing else."""
    call, region = session.api.call, change_set.request.region
    if change_set.request.is_new:
        call("cloudformation", region, "delete_stack", StackName=change_set.stack)
    else:
        call("cloudformation", region, "delete_change_set", ChangeSetName=change_set.identifier)


def read_changes(pages: Iterable[Mapping[str, Any]]) -> tuple[ResourceChange, ...]:
    """Read the changes from responses of DescribeChangeSet.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
    """
    found = [one["ResourceChange"] for page in pages for one in page.get("Changes", ()) if "ResourceChange" in one]
    return tuple(_read_change(one) for one in found)


def summarize(changes: Iterable[ResourceChange]) -> str:
    """Count the changes: `1 added, 2 modified`."""
    signs = [change.sign for change in changes]
    words = {"+": "added", "~": "modified", "±": "replaced", "-": "removed"}
    counted = [f"{signs.count(sign)} {word}" for sign, word in words.items() if sign in signs]
    return ", ".join(counted) or "no resource changes"


def has_no_changes(reason: str) -> bool:
    """Return whether a change set failed only because it would change nothing."""
    return any(text in reason for text in _NO_CHANGES)


def to_api(session: DeploymentSession, request: ChangeSetRequest) -> dict[str, Any]:
    """Return the parameters of the request that creates a change set."""
    optional: dict[str, Any] = {}
    if request.tags:
        optional["Tags"] = [{"Key": key, "Value": value} for key, value in request.tags.items()]
    if request.role_arn:
        optional["RoleARN"] = request.role_arn
    return {
        "StackName": request.stack_name,
        "ChangeSetName": f"image-pinner-{request.name}-{int(session.now())}",
        "ChangeSetType": "CREATE" if request.is_new else "UPDATE",
        "Description": "Created by image-pinner",
        **({"TemplateURL": request.template_url} if request.template_url else {"TemplateBody": request.template.text}),
        "Capabilities": request.template.capabilities,
        "Parameters": request.parameters,
        **optional,
    }


def wait_for_changes(
    session: DeploymentSession, change_set: ChangeSet, timeout: float = _TIMEOUT_SECONDS
) -> tuple[str, str]:
    """Wait until CloudFormation has computed the changes, and return the status and its reason."""
    region, name = change_set.request.region, change_set.request.stack_name

    def check() -> tuple[str, str] | None:
        response = session.api.call(
            "cloudformation", region, "describe_change_set", ChangeSetName=change_set.identifier
        )
        status = response["Status"]
        return None if status in _IN_PROGRESS else (status, response.get("StatusReason", ""))

    error = SourceError(
        f"CloudFormation in {region} did not compute the changes within {_minutes(timeout)}",
        "run this again",
    )
    with session.console.progress(f"{name} in {region}: computing changes"):
        return session.poll_until(check, interval=_POLL_SECONDS, timeout=timeout, timeout_error=error)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 2 * 60 else f"{seconds:.0f} seconds"


def _read_change(response: Mapping[str, Any]) -> ResourceChange:
    replacement = response.get("Replacement", "")
    sign = "±" if replacement == "True" else _SIGNS.get(response["Action"], "?")
    names = {_target_name(detail.get("Target", {})) for detail in response.get("Details", ())} - {""}
    notes = [", ".join(sorted(names))] if names else []
    if replacement == "Conditional":
        notes.append("may be replaced")
    if response.get("PolicyAction", "").endswith("Retain"):
        notes.append("the old resource is retained" if sign == "±" else "retained outside of the stack")
    return ResourceChange(sign, response["LogicalResourceId"], response["ResourceType"], "; ".join(notes))


def _target_name(target: Mapping[str, Any]) -> str:
    return str(target.get("Name") or ("" if target.get("Attribute") == "Properties" else target.get("Attribute") or ""))
