"""Uninstall the macro, unless templates of stacks still use it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from image_pinner.cli.deployment.aws import AwsApiError, Identity
from image_pinner.cli.deployment.bucket import remove_bucket
from image_pinner.cli.deployment.organization import list_stack_instances
from image_pinner.cli.deployment.session import DeploymentOutcome, DeploymentSession
from image_pinner.cli.deployment.stacks import (
    IN_REVIEW,
    Stack,
    delete_stack,
    find_mismatch,
    find_stack,
    is_not_found,
    set_termination_protection,
)
from image_pinner.cli.documents import read_source
from image_pinner.core.errors import ConfigurationError, ImagePinnerError, SourceError
from image_pinner.core.intrinsics.transforms import transform_keys
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.interface import Deadline

_NAMES_IN_MESSAGE = 20  # all names are printed, each on a line
_WORKERS = 8  # GetTemplate is throttled per account, so more workers do not help
_SEARCH_SECONDS = 1800.0
_WITHOUT_TEMPLATE_IN_USE = {"DELETE_COMPLETE", IN_REVIEW}


class MacroInUseError(ConfigurationError):
    """Templates of stacks use the macro, or may use it."""


@dataclass(frozen=True, slots=True)
class UninstallRequest:
    """What to uninstall: `organization` expects the stack of an organization, `even_if_used` skips the usage check."""

    stack_name: str
    organization: bool = False
    even_if_used: bool = False
    delete_bucket: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class MacroUsage:
    """How many stacks were inspected, which use the macro, and which could not be inspected, with the reason."""

    inspected: int
    using: tuple[str, ...]
    unknown: tuple[tuple[str, str], ...]


def uninstall(session: DeploymentSession, region: str, request: UninstallRequest) -> DeploymentOutcome:
    """Delete the macro's stack.

    Raises `MacroInUseError` if templates of stacks use the macro or cannot be inspected, `ConfigurationError`
    if the stack does not exist, and `SourceError` if AWS cannot be called or the stack cannot be deleted.
    """
    console = session.console
    owner = session.api.identify(region)
    stack = _find_installed_stack(session, region, request)
    macro = stack.parameters["MacroName"]
    if stack.for_organization:
        _check_instances(session, region, macro, request, stack)
    else:
        _check_usage(session, region, macro, request, stack)
    buckets = _buckets(stack, region) if request.delete_bucket else {}
    also = f" and ImagePinner's files in {', '.join(buckets.values())}" if buckets else ""
    if request.dry_run:
        console.print(f"{region}: stack {stack.name} with macro {macro}{also} would be deleted")
        return DeploymentOutcome.DRY_RUN
    if not console.confirm(f"Delete stack {stack.name} with macro {macro}{also} in {region}?"):
        console.print(f"{region}: nothing was changed")
        return DeploymentOutcome.DECLINED
    if stack.protected:
        set_termination_protection(session.api, region, stack.identifier, enabled=False)
    delete_stack(session, region, stack)
    console.print(f"{region}: uninstalled macro {macro}; its log group is kept", "green")
    _remove_buckets(session, owner, buckets)
    return DeploymentOutcome.DONE


def find_usage(session: DeploymentSession, region: str, macro: str, own: str) -> MacroUsage:
    """Inspect the templates of all stacks of a region, nested ones included, except the stack with the ARN `own`."""
    pages = session.api.pages("cloudformation", region, "list_stacks")
    stacks = [
        (one["StackName"], one["StackId"])
        for page in pages
        for one in page["StackSummaries"]
        if one["StackStatus"] not in _WITHOUT_TEMPLATE_IN_USE and one["StackId"] != own
    ]
    with session.console.progress(f"{region}: inspecting the templates of {len(stacks)} stacks") as update:
        done: list[str] = []

        def inspect(name: str, identifier: str) -> tuple[bool, str]:
            found = _inspect(session, region, macro, identifier)
            done.append(name)
            update(f"{region}: inspected the templates of {len(done)} of {len(stacks)} stacks")
            return found

        jobs: list[Callable[[], tuple[bool, str]]] = [partial(inspect, *stack) for stack in stacks]
        results = run_all(jobs, workers=_WORKERS, deadline=Deadline.after(_SEARCH_SECONDS))
    found = {
        name: result or (False, "not inspected in time") for (name, _), result in zip(stacks, results, strict=True)
    }
    return MacroUsage(
        len(stacks),
        tuple(sorted(name for name, (uses, _) in found.items() if uses)),
        tuple(sorted((name, problem) for name, (_, problem) in found.items() if problem)),
    )


def uses_macro(body: str | Mapping[str, Any], macro: str) -> bool:
    """Return whether a template names a macro in `Transform` or `Fn::Transform`, wherever that is.

    `body` is what GetTemplate returns: a text, or an object if the template was JSON. A template that contains the name
    and cannot be parsed counts as one that uses it.
    """
    if isinstance(body, str):
        # Parsing YAML is slow, and most templates do not contain the name at all.
        if not re.search(rf"(?<![\w-]){re.escape(macro)}(?![\w-])", body, re.ASCII):
            return False
        try:
            body = json.loads(body) if body.lstrip().startswith("{") else read_source(body.encode(), "template").tree
        except (ValueError, RecursionError, ImagePinnerError):
            return True
    return isinstance(body, Mapping) and (_names_macro(body.get("Transform"), macro) or _is_nested(body, macro))


def _is_nested(tree: Mapping[str, Any], macro: str) -> bool:
    left: list[Any] = [tree]
    seen: set[int] = set()
    while left:
        node = left.pop()
        # Aliases share values. Without this, a small text could expand exponentially.
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Mapping):
            if any(_names_macro(node[key], macro) for key in transform_keys(node)):
                return True
            left += node.values()
        elif isinstance(node, list):
            left += node
    return False


def _names_macro(transform: Any, macro: str) -> bool:
    calls = transform if isinstance(transform, list) else [transform]
    names = [call.get("Name") if isinstance(call, Mapping) else call for call in calls]
    # A macro may be written with the account ID as a prefix, as in the macro's event.
    return any(isinstance(name, str) and name.rpartition("::")[2] == macro for name in names)


def _inspect(session: DeploymentSession, region: str, macro: str, identifier: str) -> tuple[bool, str]:
    """Return whether the template of a stack uses the macro, and why it could not be inspected."""
    try:
        response = session.api.call(
            "cloudformation", region, "get_template", StackName=identifier, TemplateStage="Original"
        )
    except AwsApiError as error:
        # A stack that was deleted in the meantime is not an error.
        return False, "" if is_not_found(error) else error.cause
    body = response.get("TemplateBody")
    return (False, "CloudFormation returned no template") if body is None else (uses_macro(body, macro), "")


def _find_installed_stack(session: DeploymentSession, region: str, request: UninstallRequest) -> Stack:
    name = request.stack_name
    stack = find_stack(session.api, region, name)
    if stack is None or stack.status == "DELETE_COMPLETE":
        raise ConfigurationError(f"there is no stack {name} in {region}", "pass --stack-name or --region")
    problem = find_mismatch(stack, region, organization=request.organization)
    if problem:
        raise ConfigurationError(*problem)
    if stack.status.endswith("_IN_PROGRESS") and stack.status != IN_REVIEW:
        raise ConfigurationError(
            f"stack {name} in {region} is in {stack.status}: another operation is in progress",
            "wait until it has ended, then run this again",
        )
    return stack


def _check_usage(session: DeploymentSession, region: str, macro: str, request: UninstallRequest, stack: Stack) -> None:
    usage = find_usage(session, region, macro, stack.identifier)
    lines = [*usage.using, *(f"{name} (not inspected: {problem})" for name, problem in usage.unknown)]
    for line in lines:
        session.console.print(f"  {line}", "yellow")
    if not lines:
        session.console.print(f"{region}: none of {usage.inspected} stacks uses macro {macro}")
        return
    if request.even_if_used:
        return
    found = []
    if usage.using:
        found.append(f"used by the templates of {_listed(usage.using)}")
    if usage.unknown:
        not_inspected = tuple(name for name, _ in usage.unknown)
        found.append(f"possibly used by the templates of {_listed(not_inspected, ' that could not be inspected')}")
    raise MacroInUseError(
        f"macro {macro} in {region} is {', and '.join(found)}",
        "their next update would fail without it: remove it from them first, or pass --even-if-used",
    )


def _check_instances(
    session: DeploymentSession, region: str, macro: str, request: UninstallRequest, stack: Stack
) -> None:
    """Print the accounts and regions that would lose the macro; templates of other accounts cannot be inspected."""
    instances = list_stack_instances(session.api, region, stack)
    for instance in instances:
        session.console.print(f"  {instance}")
    if instances and not request.even_if_used:
        raise MacroInUseError(
            f"cannot check whether templates use macro {macro}: it is installed in other accounts, whose templates"
            " cannot be read from here",
            "their next update would fail without it: remove it from them first, then pass --even-if-used",
        )


def _listed(names: tuple[str, ...], which: str = "") -> str:
    more = f" and {len(names) - _NAMES_IN_MESSAGE} more" if len(names) > _NAMES_IN_MESSAGE else ""
    stacks = "1 stack" if len(names) == 1 else f"{len(names)} stacks"
    return f"{stacks}{which}: {', '.join(names[:_NAMES_IN_MESSAGE])}{more}"


def _buckets(stack: Stack, region: str) -> dict[str, str]:
    """Return the buckets of a stack by region; empty if it names none."""
    name = stack.parameters.get("CodeBucket", "")
    if not name:
        return {}
    if stack.for_organization:
        return {one: f"{name}-{one}" for one in (region, *stack.regions)}
    return {region: f"{name}-{region}" if stack.parameters.get("CodeBucketPerRegion") == "true" else name}


def _remove_buckets(session: DeploymentSession, owner: Identity, buckets: Mapping[str, str]) -> None:
    """Remove each bucket; a failure in one region does not stop the others."""
    errors: list[ImagePinnerError] = []
    for region, name in buckets.items():
        try:
            remove_bucket(session, owner, region, name)
        except ImagePinnerError as error:
            if len(buckets) == 1:
                raise
            session.console.print(f"{region}: {error.cause}", "red")
            errors.append(error)
    if errors:
        raise SourceError(
            f"uninstalled the macro, but {len(errors)} of {len(buckets)} buckets were not deleted: {errors[0].cause}",
            "delete them yourself",
        )
