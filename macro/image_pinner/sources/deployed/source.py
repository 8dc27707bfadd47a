"""Look up deployed images in AWS: dispatch by resource type."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from image_pinner.core.deployed import TASK_DEFINITION, DeployedLookup, DeployedState, NotKnown
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.deployed import ecs, stacks
from image_pinner.sources.deployed.calls import AwsCalls
from image_pinner.sources.deployed.ecs import read_task_definitions
from image_pinner.sources.deployed.found import ServiceState
from image_pinner.sources.deployed.others import deployed_types, read_others
from image_pinner.sources.deployed.stacks import complete, find_in_stack, read_stacks
from image_pinner.sources.interface import Deadline


def required_actions() -> tuple[str, ...]:
    """Return the IAM actions that looking up deployed images requires, sorted."""
    operations = (*stacks.OPERATIONS, *ecs.OPERATIONS, *(row.operation for row in deployed_types().values()))
    return tuple(sorted({operation.action for operation in operations}))


class AwsDeployedImages:
    """Look up deployed images in AWS. See `DeployedImageSource`.

    Args:
        clients: Creates the clients.
        region: The region of the stacks and services.
        workers: The maximum number of concurrent requests.
    """

    def __init__(self, clients: AwsClients, region: str, *, workers: int = 8) -> None:
        self._clients = clients
        self._region = region
        self._workers = workers

    def read_deployed(
        self, lookups: Collection[DeployedLookup], deadline: Deadline
    ) -> Mapping[DeployedLookup, DeployedState]:
        """See `DeployedImageSource.read_deployed`."""
        calls = AwsCalls(self._clients, self._region, workers=self._workers, deadline=deadline)
        found: dict[DeployedLookup, ServiceState] = {
            lookup: _not_reported(lookup)
            for lookup in lookups
            if lookup.resource_type != TASK_DEFINITION and lookup.resource_type not in deployed_types()
        }
        wanted = [lookup for lookup in lookups if lookup not in found]
        in_stacks = read_stacks(calls, [lookup.stack_name for lookup in wanted if lookup.stack_name])
        task_definitions = [lookup for lookup in wanted if lookup.resource_type == TASK_DEFINITION]
        found |= read_task_definitions(calls, task_definitions, in_stacks)
        physical_ids: dict[DeployedLookup, str] = {}
        for lookup in wanted:
            if lookup.resource_type != TASK_DEFINITION:
                physical_id = find_in_stack(lookup, in_stacks)
                if isinstance(physical_id, str):
                    physical_ids[lookup] = physical_id
                else:
                    found[lookup] = physical_id
        found |= read_others(calls, physical_ids)
        states = complete(calls, found)
        return {lookup: states[lookup] for lookup in lookups}


def _not_reported(lookup: DeployedLookup) -> NotKnown:
    return NotKnown(
        f"{lookup.resource_type or 'the service'} does not report deployed images",
        "set Refresh=Always in the Metadata of the resource",
    )
