"""Which services and task definitions have the images of lookups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from image_pinner.core.deployed import DeployedLookup, NotDeployed, NotKnown
from image_pinner.core.template.options import Refresh
from image_pinner.sources.deployed.calls import AwsCalls
from image_pinner.sources.deployed.ecs_services import (
    DescribedService,
    RunningState,
    ServiceName,
    describe_services,
    read_running,
)
from image_pinner.sources.deployed.stacks import STACK_NOT_KNOWN, Stack, find_in_stack

_SERVICE = "AWS::ECS::Service"
_LONG_ARN_PARTS = 3  # service/cluster/name

Stacks = Mapping[str, Stack | NotKnown]


class Target(NamedTuple):
    """Where the image of a lookup is deployed.

    Args:
        services: The services that run it.
        task_definition: The task definition that has it, an ARN or a family; empty if what the services run counts.
    """

    services: tuple[ServiceName, ...]
    task_definition: str = ""


Targets = dict[DeployedLookup, Target | NotDeployed | NotKnown]


def find_targets(
    calls: AwsCalls, lookups: Collection[DeployedLookup], stacks: Stacks
) -> tuple[Targets, dict[ServiceName, RunningState]]:
    """Return where to look for each image, and what the services without a task definition there run."""
    described = describe_services(calls, [service for lookup in lookups for service in _named(lookup)])
    targets = {lookup: _target(lookup, stacks, described) for lookup in lookups}
    names = [
        service
        for target in targets.values()
        if isinstance(target, Target) and not target.task_definition
        for service in target.services
    ]
    missing = describe_services(calls, [name for name in names if name not in described])
    described |= missing
    return targets, read_running(calls, {name: described[name] for name in names})


def _named(lookup: DeployedLookup) -> tuple[ServiceName, ...]:
    """Return the services that the option `Service` sets."""
    parted = (service.partition("/") for service in lookup.named_services)
    return tuple(ServiceName(cluster, name) for cluster, _, name in parted)


def _target(
    lookup: DeployedLookup, stacks: Stacks, described: Mapping[ServiceName, DescribedService]
) -> Target | NotDeployed | NotKnown:
    """Return where to look: `Service` and `Family` take precedence over the stack."""
    if named := _named(lookup):
        absent = next((state for name in named if isinstance(state := described[name], NotDeployed)), None)
        wrong = refuse_if_created(lookup, stacks, absent) if absent else None
        return wrong if isinstance(wrong, NotKnown) else Target(named)
    if lookup.family:
        return Target((), lookup.family)
    stack = stacks[lookup.stack_name]
    if isinstance(stack, NotKnown):
        return stack
    task_definition = stack.find(lookup.identity.resource, lookup.resource_type)
    # One that the template adds now does not run anything yet.
    services = [stack.find(name, _SERVICE) for name in lookup.services if name in stack.resources]
    arns = [service for service in services if isinstance(service, str)]
    if unnamed := [arn for arn in arns if _service_name(arn) is None]:
        return NotKnown(
            f"the ARN of service {unnamed[0].rpartition('/')[2]} does not contain its cluster",
            "set Service: cluster/service in the Metadata of the resource",
        )
    names = tuple(name for arn in arns if (name := _service_name(arn)))
    if lookup.refresh is Refresh.NEVER and services:
        absent = next((service for service in services if isinstance(service, NotDeployed)), None)
        return Target(names) if names or absent is None else absent
    return Target(names, task_definition) if isinstance(task_definition, str) else task_definition


def refuse_if_created(lookup: DeployedLookup, stacks: Stacks, absent: NotDeployed) -> NotDeployed | NotKnown:
    """Return that nothing is deployed in what an option names, unless the stack has created the resource.

    Then the name can be wrong, and resolving the tag would replace what runs.
    """
    created = find_in_stack(lookup, stacks)
    if created == STACK_NOT_KNOWN:
        return STACK_NOT_KNOWN._replace(
            cause=f"{absent.reason}, and the stack, which shows whether this is its first deployment, is not known"
        )
    if isinstance(created, str):
        return NotKnown(
            f"{absent.reason}, and stack {lookup.stack_name} has created {lookup.identity.resource}",
            "correct Service or Family in the Metadata of the resource, or set Refresh=Always",
        )
    return created if isinstance(created, NotKnown) else absent


def _service_name(arn: str) -> ServiceName | None:
    """Return the names in the long ARN of a service, or `None` if it is a short one."""
    parts = arn.rpartition(":")[2].split("/")
    return ServiceName(parts[1], parts[2]) if len(parts) == _LONG_ARN_PARTS else None
