"""Which services and task definitions have the images of lookups."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from image_pinner.core.deployed import MAX_NAME, TASK_DEFINITION, DeployedLookup, NotDeployed, NotKnown
from image_pinner.core.errors import cut
from image_pinner.core.template.options import Refresh
from image_pinner.sources.deployed.calls import AwsCalls
from image_pinner.sources.deployed.ecs_services import (
    DescribedService,
    RunningService,
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


class _Created(NamedTuple):
    """The services and task definitions that a stack has created.

    Args:
        stack: The stack.
        services: The services by logical ID.
        unnamed: The ARNs of the services whose clusters are not known, by logical ID.
        owners: The logical IDs of the task definitions by family.
    """

    stack: Stack
    services: Mapping[str, ServiceName]
    unnamed: Mapping[str, str]
    owners: Mapping[str, frozenset[str]]

    @classmethod
    def by(cls, stack: Stack) -> _Created:
        """Return what a stack has created."""
        services: dict[str, ServiceName] = {}
        unnamed: dict[str, str] = {}
        owners: dict[str, frozenset[str]] = {}
        for name, resource in stack.resources.items():
            arn = stack.find(name, resource.type)
            if isinstance(arn, str) and resource.type == _SERVICE:
                if service := _service_name(arn):
                    services[name] = service
                else:
                    unnamed[name] = arn
            elif isinstance(arn, str) and resource.type == TASK_DEFINITION:
                owners[_family_of(arn)] = owners.get(_family_of(arn), frozenset()) | {name}
        return cls(stack, services, unnamed, owners)

    def referenced(self, lookup: DeployedLookup) -> tuple[ServiceName, ...]:
        """Return the services that refer to the task definition in the template."""
        return tuple(self.services[name] for name in lookup.services if name in self.services)

    def owners_of_another(self, lookup: DeployedLookup, run: RunningService, *, created: bool) -> frozenset[str]:
        """Return the task definitions of which a service runs a revision, if that of the lookup is not one of them."""
        owners = self.owners.get(_family_of(run.task_definition), frozenset())
        is_other = lookup.identity.resource not in owners and (created or any(map(lookup.may_declare, owners)))
        return owners if is_other else frozenset()

    def runs(self, lookup: DeployedLookup, run: RunningService, *, created: bool) -> bool | NotKnown:
        """Return whether a service runs a revision of the task definition of a lookup.

        Args:
            lookup: The lookup. A reference of the template alone does not show it: the service can have run another
                task definition before.
            run: What the service runs. A task definition outside of the stack is one that a script registered.
            created: Whether the stack has created the task definition; else it can have another logical ID there.
        """
        resource, owners = lookup.identity.resource, self.owners.get(_family_of(run.task_definition), frozenset())
        is_referenced = run.service in self.referenced(lookup)
        if self.owners_of_another(lookup, run, created=created) or (resource not in owners and not is_referenced):
            return False
        others = owners - {resource}
        other = lookup.alternative or ("" if is_referenced else min(others, default=""))
        if other and (others or not owners):
            return NotKnown(
                f"service {run.service} runs {run.task_definition.rpartition('/')[2]}, which can be "
                f"{cut(resource, MAX_NAME)!r} or {cut(other, MAX_NAME)!r}",
                "set Family or Service in the Metadata of each of them, or set Refresh=OnChange",
            )
        return True


def find_targets(
    calls: AwsCalls, lookups: Collection[DeployedLookup], stacks: Stacks
) -> tuple[Targets, dict[ServiceName, RunningState]]:
    """Return where to look for each image, and what services run.

    `Service` and `Family` take precedence over the stack, but only what a stack deployed can be unchanged.
    """
    created = {name: _Created.by(stack) for name, stack in stacks.items() if isinstance(stack, Stack)}
    named = {lookup: _named(lookup) for lookup in lookups if lookup.refresh is Refresh.NEVER and lookup.named_services}
    in_stack = [
        lookup
        for lookup in lookups
        if lookup.refresh is Refresh.NEVER and not lookup.named_services and not lookup.family
    ]
    names = [service for services in named.values() for service in services]
    for stack in dict.fromkeys(lookup.stack_name for lookup in in_stack):
        names += created[stack].services.values() if stack in created else ()
    described = describe_services(calls, names)
    by_family = _by_family(described)
    in_stack = [lookup for lookup in in_stack if lookup.stack_name in created]
    referenced = {name for lookup in in_stack for name in created[lookup.stack_name].referenced(lookup)}
    candidates = named | {
        lookup: _candidates(lookup, created[lookup.stack_name], by_family, referenced) for lookup in in_stack
    }
    running = read_running(calls, {name: described[name] for names in candidates.values() for name in names})
    targets: Targets = {}
    for lookup in lookups:
        runs = {name: running[name] for name in candidates.get(lookup, ())}
        targets[lookup] = _target(lookup, stacks, created.get(lookup.stack_name), runs, described)
    return targets, running


def _target(
    lookup: DeployedLookup,
    stacks: Stacks,
    created: _Created | None,
    runs: Mapping[ServiceName, RunningState],
    described: Mapping[ServiceName, DescribedService],
) -> Target | NotDeployed | NotKnown:
    own = find_in_stack(lookup, stacks)
    if lookup.refresh is Refresh.ON_CHANGE:
        services = _named(lookup) or (created.referenced(lookup) if created else ())
        return Target(services, own) if isinstance(own, str) else own
    if lookup.named_services:
        absent = next((state for name in runs if isinstance(state := described[name], NotDeployed)), None)
        refused = refuse_if_created(lookup, stacks, absent) if absent else None
        if isinstance(refused, NotKnown):
            return refused
        return _in_named(lookup, own, created, runs) if created and not isinstance(own, NotKnown) else Target((*runs,))
    if lookup.family:
        return Target((), lookup.family)
    if created is None or isinstance(own, NotKnown):
        return own if isinstance(own, NotKnown) else STACK_NOT_KNOWN
    return _in_stack(lookup, own, created, runs, described)


def _named(lookup: DeployedLookup) -> tuple[ServiceName, ...]:
    """Return the services that the option `Service` sets."""
    split_names = (service.partition("/") for service in lookup.named_services)
    return tuple(ServiceName(cluster, name) for cluster, _, name in split_names)


def _by_family(described: Mapping[ServiceName, DescribedService]) -> dict[str, list[ServiceName]]:
    """Return the services by the families of which they have a deployment or task set, complete or not."""
    found: dict[str, list[ServiceName]] = {}
    for name, service in described.items():
        if not isinstance(service, NotDeployed | NotKnown):
            runs = (*service.get("deployments", ()), *service.get("taskSets", ()))
            for family in {_family_of(run["taskDefinition"]) for run in runs if run.get("taskDefinition")}:
                found.setdefault(family, []).append(name)
    return found


def _candidates(
    lookup: DeployedLookup,
    created: _Created,
    by_family: Mapping[str, Sequence[ServiceName]],
    referenced: AbstractSet[ServiceName],
) -> tuple[ServiceName, ...]:
    """Return the services of a stack that can run a task definition: by references in the template, or by its family.

    A template can also have the family as a text, or another resource in between. Where several task definitions have
    one family, the references decide.
    """
    own = created.stack.find(lookup.identity.resource, lookup.resource_type)
    family = _family_of(own) if isinstance(own, str) else ""
    same_family = by_family.get(family, ())
    in_stack = frozenset(created.services.values() if same_family else ())
    if len(created.owners.get(family, ())) > 1:
        in_stack -= referenced
    return tuple(dict.fromkeys((*created.referenced(lookup), *(name for name in same_family if name in in_stack))))


def _in_named(
    lookup: DeployedLookup, own: str | NotDeployed, created: _Created, runs: Mapping[ServiceName, RunningState]
) -> Target | NotDeployed | NotKnown:
    """Return those of the named services that do not run another task definition of the stack.

    An option of the template names the services of all its task definitions.
    """
    others = {
        name: (run, owners)
        for name, run in runs.items()
        if isinstance(run, RunningService)
        and (owners := created.owners_of_another(lookup, run, created=isinstance(own, str)))
    }
    if services := tuple(name for name in runs if name not in others):
        return Target(services)
    if isinstance(own, NotDeployed):
        return own
    run, owners = next(iter(others.values()))
    return NotKnown(
        f"service {run.service} runs {run.task_definition.rpartition('/')[2]}, a revision of {min(owners)} and not of "
        f"{lookup.identity.resource}",
        f"set Service in the Metadata of {min(owners)} only, or set Refresh=Always",
    )


def _in_stack(
    lookup: DeployedLookup,
    own: str | NotDeployed,
    created: _Created,
    runs: Mapping[ServiceName, RunningState],
    described: Mapping[ServiceName, DescribedService],
) -> Target | NotDeployed | NotKnown:
    """Return the services of the stack that run a task definition, or the task definition itself."""
    if unnamed := [created.unnamed[name] for name in lookup.services if name in created.unnamed]:
        return _without_cluster(unnamed[0])
    services: list[ServiceName] = []
    for name, run in runs.items():
        is_run = created.runs(lookup, run, created=isinstance(own, str)) if isinstance(run, RunningService) else True
        if isinstance(is_run, NotKnown):
            return is_run
        services += [name] if is_run else ()
    if services:
        return Target(tuple(services))
    # One that the template adds now does not run anything yet.
    found = [created.stack.find(name, _SERVICE) for name in lookup.services if name in created.stack.resources]
    if absent := next((state for state in found if isinstance(state, NotDeployed)), None):
        return absent
    if not isinstance(own, str):
        return own
    # A service that refers to another task definition of the template does not run this one.
    unknown = (
        *(_without_cluster(arn) for name, arn in created.unnamed.items() if name not in lookup.referring),
        *(described[service] for name, service in created.services.items() if name not in lookup.referring),
    )
    others = (state for state in unknown if isinstance(state, NotKnown) and not runs)
    return next(others, Target((), own))


def _without_cluster(arn: str) -> NotKnown:
    return NotKnown(
        f"the ARN of service {arn.rpartition('/')[2]} does not contain its cluster",
        "set Service: cluster/service or Family in the Metadata of the resource",
    )


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


def _family_of(arn: str) -> str:
    return arn.rpartition("/")[2].partition(":")[0]
