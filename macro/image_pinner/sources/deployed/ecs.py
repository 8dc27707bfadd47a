"""Which images ECS task definitions have deployed: in the services that run them, or as they are registered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from image_pinner.core.deployed import DeployedLookup, NotDeployed, NotKnown
from image_pinner.core.images.registries import is_ecr
from image_pinner.core.template.options import Refresh
from image_pinner.core.template.records import RECORD_KEY
from image_pinner.sources.deployed import ecs_services
from image_pinner.sources.deployed.calls import AwsCalls, NotKnownError, Operation
from image_pinner.sources.deployed.ecs_services import (
    RunningService,
    RunningState,
    ServiceName,
    describe_services,
    read_former,
    read_running,
    read_task_digests,
)
from image_pinner.sources.deployed.ecs_targets import Stacks, Target, find_targets, refuse_if_created
from image_pinner.sources.deployed.found import FoundImage, ServiceState, found_image, parse_deployed
from image_pinner.sources.deployed.stacks import find_in_stack

DESCRIBE_TASK_DEFINITION = Operation(
    "ecs:DescribeTaskDefinition", "ECS", absent="^ClientException: .*(Unable to (describe|find)|does not exist)"
)
OPERATIONS = (*ecs_services.OPERATIONS, DESCRIBE_TASK_DEFINITION)


_Targets = Mapping[DeployedLookup, Target]
_Definitions = Mapping[str, Mapping[str, Any] | NotKnown | None]


def read_task_definitions(
    calls: AwsCalls, lookups: Collection[DeployedLookup], stacks: Stacks
) -> dict[DeployedLookup, ServiceState]:
    """Read the images of containers in task definitions; `stacks` has the stacks of the lookups that have one."""
    targets, running = find_targets(calls, lookups, stacks)
    states: dict[DeployedLookup, ServiceState] = {}
    registered: dict[DeployedLookup, Target] = {}
    runs: dict[DeployedLookup, list[RunningState]] = {}
    for lookup, target in targets.items():
        if not isinstance(target, Target):
            states[lookup] = target
        elif target.task_definition:
            registered[lookup] = target
        else:
            runs[lookup] = [running[service] for service in target.services]
    found = _read_registered(calls, registered) | _images(calls, runs)
    sources = {lookup: {target.task_definition} for lookup, target in registered.items()} | {
        lookup: {run.task_definition for run in states if isinstance(run, RunningService)}
        for lookup, states in runs.items()
    }
    own = {lookup: find_in_stack(lookup, stacks) for lookup in found}
    elsewhere = {
        lookup: state
        for lookup, state in found.items()
        if sources[lookup] - {own[lookup]}
        and (_is_absent(lookup, state) or (isinstance(state, FoundImage) and state.is_labelled))
    }
    definitions = _describe(calls, [name for lookup in elsewhere if isinstance(name := own[lookup], str)])
    for lookup, state in elsewhere.items():
        name = own[lookup]
        definition = definitions[name] if isinstance(name, str) else None
        container = _container(lookup, str(name), definition) if definition else None
        if isinstance(state, FoundImage):
            states[lookup] = _without_copied_label(state, container)
        elif isinstance(state, NotDeployed) and not isinstance(container, NotDeployed):
            # One that is not in the task definition of the stack either is new.
            states[lookup] = refuse_if_created(lookup, stacks, state)
    return found | states


def _is_absent(lookup: DeployedLookup, state: ServiceState) -> bool:
    """Return whether what an option names does not have the container."""
    is_named = lookup.refresh is Refresh.NEVER and bool(lookup.named_services or lookup.family)
    return is_named and isinstance(state, NotDeployed)


def _without_copied_label(found: FoundImage, in_stack: _Container | NotDeployed | NotKnown | None) -> FoundImage:
    """Return an image without the label that a script has copied from the stack's image, which has another digest."""
    state = _state(in_stack) if isinstance(in_stack, _Container) else None
    is_copied = isinstance(state, FoundImage) and state.written == found.written and state.image != found.image
    return found._replace(written="") if is_copied else found


def _describe(calls: AwsCalls, names: Iterable[str]) -> _Definitions:
    return calls.run({name: partial(_describe_one, calls, name) for name in dict.fromkeys(names)})


def _describe_one(calls: AwsCalls, name: str) -> Mapping[str, Any] | None:
    response = calls.call(DESCRIBE_TASK_DEFINITION, taskDefinition=name)
    return response["taskDefinition"] if response else None


class _Container(NamedTuple):
    """A container of a task definition."""

    container: Mapping[str, Any]
    task_definition: str

    def found(self, digest: str, origin: str) -> FoundImage:
        """Return the image with a digest; the one in the task definition takes precedence."""
        reference = parse_deployed(self.container["image"], origin)
        record = (self.container.get("dockerLabels") or {}).get(RECORD_KEY)
        return found_image(reference, str(reference.digest or digest), origin, record)

    @property
    def origin(self) -> str:
        """The task definition, as `family:revision`, for messages."""
        return f"task definition {self.task_definition.rpartition('/')[2]}"


def _container(
    lookup: DeployedLookup, task_definition: str, definition: Mapping[str, Any] | NotKnown | None
) -> _Container | NotDeployed | NotKnown:
    if isinstance(definition, NotKnown):
        return definition
    if definition is None:
        return NotDeployed(f"task definition {task_definition.rpartition('/')[2]} does not exist")
    name, arn = lookup.identity.container, definition["taskDefinitionArn"]
    if not name:
        # Not even the only container: the template may add another one.
        return NotKnown(
            f"the container has no known name, by which task definition {arn.rpartition('/')[2]} has its image",
            "write the Name of the container without functions, or set Refresh=Always",
        )
    container = next((found for found in definition["containerDefinitions"] if found["name"] == name), None)
    if container is None:
        return NotDeployed(f"task definition {arn.rpartition('/')[2]} has no container {name!r}")
    return _Container(container, arn)


def _read_registered(calls: AwsCalls, targets: _Targets) -> dict[DeployedLookup, ServiceState]:
    """Read the images of task definitions; services only know the digest of one that a tag names."""
    definitions = _describe(calls, [target.task_definition for target in targets.values()])
    states: dict[DeployedLookup, ServiceState] = {}
    by_tag: dict[DeployedLookup, _Container] = {}
    for lookup, target in targets.items():
        definition = definitions[target.task_definition]
        container = _container(lookup, target.task_definition, definition)
        if definition is None and target.task_definition.startswith("arn:"):
            name = target.task_definition.rpartition("/")[2]
            container = NotKnown(
                f"task definition {name}, which the stack deployed, does not exist",
                "set Refresh=Always for one deployment, which registers a revision",
            )
        if isinstance(container, _Container) and lookup.refresh is Refresh.NEVER and _is_replaced(definition):
            container = NotKnown(
                f"{container.origin} is deregistered, and no service of the stack runs another",
                "set Family or Service in the Metadata of the resource, or set Refresh=Always",
            )
        if not isinstance(container, _Container):
            states[lookup] = container
            continue
        state = _state(container)
        if state is not None:
            states[lookup] = state
        elif target.services:
            by_tag[lookup] = container
        else:
            states[lookup] = _without_service(container)
    tagged = {lookup: (targets[lookup], container) for lookup, container in by_tag.items()}
    return states | _read_tags(calls, tagged, definitions)


def _is_replaced(definition: Mapping[str, Any] | NotKnown | None) -> bool:
    return isinstance(definition, Mapping) and definition.get("status", "ACTIVE") != "ACTIVE"


def _state(container: _Container) -> ServiceState | None:
    """Return the image of a container, or `None` if it has no digest."""
    try:
        reference = parse_deployed(container.container["image"], container.origin)
        return container.found("", container.origin) if reference.digest else None
    except NotKnownError as error:
        return error.state


def _without_service(container: _Container) -> NotKnown:
    return NotKnown(
        f"image {container.container['image']!r} of {container.origin} has no digest, and ECS records digests for "
        "services only",
        "set Refresh=Always for one deployment, which pins it; if a service runs it, set Service: cluster/service",
    )


def _read_tags(
    calls: AwsCalls, targets: Mapping[DeployedLookup, tuple[Target, _Container]], definitions: _Definitions
) -> dict[DeployedLookup, ServiceState]:
    """Read the digests that services resolved for the tags of the task definitions in the stack."""
    services = [service for target, _ in targets.values() for service in target.services]
    running = read_running(calls, describe_services(calls, services))
    changed = [
        service
        for target, container in targets.values()
        for service in target.services
        if not _ran(running[service], container.task_definition)
    ]
    former = read_former(calls, changed)
    return _images(
        calls,
        {
            lookup: [
                running[service]
                if _ran(running[service], container.task_definition)
                else _former(container, running[service], former[service])
                for service in target.services
            ]
            for lookup, (target, container) in targets.items()
        },
        definitions,
    )


def _ran(run: RunningState, task_definition: str) -> bool:
    """Return whether a service ran a task definition, or nothing, or it is not known."""
    return not isinstance(run, RunningService) or run.task_definition == task_definition


def _former(container: _Container, current: RunningState, former: list[RunningState] | NotKnown) -> RunningState:
    """Return the newest deployment of a service that ran the task definition of a container."""
    if isinstance(former, NotKnown):
        return former
    if (ran := next((run for run in former if _ran(run, container.task_definition)), None)) is not None:
        return ran
    runs = (
        f"service {current.service} runs {current.task_definition.rpartition('/')[2]}"
        if isinstance(current, RunningService)
        else "no service runs it"
    )
    return NotKnown(
        f"image {container.container['image']!r} of {container.origin} in the stack has no digest, and {runs}",
        "set Refresh=Never to keep what runs, or Refresh=Always",
    )


_TaskDigests = dict[tuple[ServiceName, str], dict[str, set[str]] | NotKnown]


def _images(
    calls: AwsCalls,
    runs: Mapping[DeployedLookup, list[RunningState]],
    known: _Definitions = MappingProxyType({}),
) -> dict[DeployedLookup, ServiceState]:
    """Return the image of each lookup, about which all services that run it must agree.

    `known` has the task definitions that were described already.
    """
    running = [run.task_definition for states in runs.values() for run in states if isinstance(run, RunningService)]
    definitions = {**known, **_describe(calls, [name for name in running if name not in known])}
    jobs = {
        (run.service, run.task_definition): partial(read_task_digests, calls, run)
        for lookup, states in runs.items()
        for run in states
        if isinstance(run, RunningService) and _needs_tasks(lookup, run, definitions[run.task_definition])
    }
    tasks = calls.run(jobs)
    return {
        lookup: _agreed(
            lookup,
            [
                (run, _image(lookup, run, definitions[run.task_definition], tasks))
                if isinstance(run, RunningService)
                else (None, run)
                for run in states
            ],
        )
        for lookup, states in runs.items()
    }


def _needs_tasks(lookup: DeployedLookup, run: RunningService, definition: Mapping[str, Any] | NotKnown | None) -> bool:
    container = _container(lookup, run.task_definition, definition)
    if not isinstance(container, _Container) or container.container["name"] in run.digests:
        return False
    try:
        reference = parse_deployed(container.container["image"], "")
    except NotKnownError:
        return False
    return reference.digest is None and is_ecr(reference.registry)


def _image(
    lookup: DeployedLookup,
    run: RunningService,
    definition: Mapping[str, Any] | NotKnown | None,
    tasks: _TaskDigests,
) -> ServiceState:
    container = _container(lookup, run.task_definition, definition)
    if definition is None:
        return NotKnown(f"service {run.service} runs {run.task_definition}, which ECS does not describe", "try again")
    if not isinstance(container, _Container):
        return container
    if (state := _state(container)) is not None:
        # The origin is the service, which decides that this task definition counts.
        return state._replace(origin=f"service {run.service}") if isinstance(state, FoundImage) else state
    name = container.container["name"]
    reported = {} if name in run.digests else tasks.get((run.service, run.task_definition), {})
    if isinstance(reported, NotKnown):
        return reported
    # A task that starts has no digest yet.
    digests = {run.digests[name]} if name in run.digests else reported.get(name, set()) - {""}
    if len(digests) != 1:
        return _without_digest(run, container, digests)
    try:
        return container.found(digests.pop(), f"service {run.service}")
    except NotKnownError as error:
        return error.state


def _without_digest(run: RunningService, container: _Container, digests: set[str]) -> NotKnown:
    image = container.container["image"]
    if digests:
        return NotKnown(
            f"the tasks of service {run.service} run different digests of {image!r}: {', '.join(sorted(digests))}",
            "deploy the service again with one image, or set Refresh=Always",
        )
    if is_ecr(parse_deployed(image, container.origin).registry):
        return NotKnown(
            f"no running task of service {run.service} reports the digest of {image!r}",
            "wait until a task runs, or set Refresh=Always for one deployment, which pins it",
        )
    return NotKnown(
        f"ECS does not know the digest of {image!r} in service {run.service}: its revision is from before 25 October "
        "2024, versionConsistency is disabled for the container, or the deployment controller is not ECS",
        "deploy the service again with version consistency, or set Refresh=Always for one deployment, which pins it",
    )


def _agreed(lookup: DeployedLookup, states: list[tuple[RunningService | None, ServiceState]]) -> ServiceState:
    found: dict[str, FoundImage] = {}
    for run, state in states:
        if isinstance(state, NotKnown):
            return state
        if isinstance(state, FoundImage) and run:
            found[str(run.service)] = state
    if not found:
        return states[0][1]
    if len({state.image for state in found.values()}) > 1:
        who = "; ".join(f"service {service} runs {state.image}" for service, state in sorted(found.items()))
        container = lookup.identity.container or lookup.identity.resource
        return NotKnown(
            f"services run different images of {container!r}: {who}",
            "deploy one image to all of them, set Service to the one that counts, or set Refresh=Always",
        )
    return next(iter(found.values()))
