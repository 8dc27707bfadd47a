"""Which task definitions and digests ECS services run.

ECS resolves the tags of a deployment once and records the digests in the service revision:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-revision.html. There are no revisions from before
25 October 2024, and no service deployments from more than 90 days ago:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, TypeVar

from image_pinner.core.deployed import NotDeployed, NotKnown
from image_pinner.sources.deployed.calls import AwsCalls, Operation

_NO_CLUSTER = "^ClusterNotFoundException:"
_NO_SERVICE = "^(ClusterNotFound|ServiceNotFound|ServiceNotActive)Exception:"
DESCRIBE_SERVICES = Operation("ecs:DescribeServices", "ECS", absent=_NO_CLUSTER)
DESCRIBE_REVISIONS = Operation("ecs:DescribeServiceRevisions", "ECS")
LIST_DEPLOYMENTS = Operation("ecs:ListServiceDeployments", "ECS")
LIST_TASKS = Operation("ecs:ListTasks", "ECS", absent=_NO_SERVICE)
DESCRIBE_TASKS = Operation("ecs:DescribeTasks", "ECS", absent=_NO_CLUSTER)
OPERATIONS = (DESCRIBE_SERVICES, DESCRIBE_REVISIONS, LIST_DEPLOYMENTS, LIST_TASKS, DESCRIBE_TASKS)

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html, API_DescribeServiceRevisions.html
# and API_DescribeTasks.html. API_ListServiceDeployments.html returns 20 unless the number is set.
_SERVICES_PER_CALL = 10
_REVISIONS_PER_CALL = 20
_DEPLOYMENTS_PER_CALL = 100
_TASKS_PER_CALL = 100
_DEPLOYMENTS_KEPT = timedelta(days=90)

T = TypeVar("T")


class ServiceName(NamedTuple):
    """A service and its cluster, each by its name."""

    cluster: str
    name: str

    def __str__(self) -> str:
        return f"{self.cluster}/{self.name}"


class RunningService(NamedTuple):
    """What a service runs since its last successful deployment.

    Args:
        service: The service.
        task_definition: The ARN of the task definition.
        digests: The digests that ECS resolved, by the names of the containers; not of all containers.
    """

    service: ServiceName
    task_definition: str
    digests: Mapping[str, str]


RunningState = RunningService | NotDeployed | NotKnown
DescribedService = Mapping[str, Any] | NotDeployed | NotKnown
"""A service as ECS describes it; not deployed if it does not exist."""


class _Choice(NamedTuple):
    """The task definition of a deployment, empty if only its revision is known, and revisions that can be its own."""

    task_definition: str
    revisions: Sequence[str]


def read_running(calls: AwsCalls, described: Mapping[ServiceName, DescribedService]) -> dict[ServiceName, RunningState]:
    """Read what services run: the last successful deployment of each."""
    choices = calls.run({name: partial(_choose, calls, name, state) for name, state in described.items()})
    revisions = _describe_revisions(
        calls, [arn for choice in choices.values() if isinstance(choice, _Choice) for arn in choice.revisions]
    )
    return {
        name: _running(name, choice, revisions) if isinstance(choice, _Choice) else choice
        for name, choice in choices.items()
    }


def read_former(calls: AwsCalls, services: Iterable[ServiceName]) -> dict[ServiceName, list[RunningState] | NotKnown]:
    """Read what the latest 20 successful deployments of services ran, the newest first."""
    found = calls.run({name: partial(_successful, calls, name) for name in dict.fromkeys(services)})
    latest = {name: arns if isinstance(arns, NotKnown) else arns[:_REVISIONS_PER_CALL] for name, arns in found.items()}
    revisions = _describe_revisions(
        calls, [arn for arns in latest.values() if not isinstance(arns, NotKnown) for arn in arns]
    )
    return {
        name: arns if isinstance(arns, NotKnown) else [_running(name, _Choice("", (arn,)), revisions) for arn in arns]
        for name, arns in latest.items()
    }


def read_task_digests(calls: AwsCalls, running: RunningService) -> dict[str, set[str]]:
    """Return the digests of the running tasks of a service's task definition by container.

    They are documented for images in private ECR only:
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Container.html

    Raises:
        NotKnownError: A request failed.
    """
    cluster, name = running.service
    pages = calls.pages(LIST_TASKS, "nextToken", cluster=cluster, serviceName=name, desiredStatus="RUNNING")
    arns = [arn for page in pages for arn in page["taskArns"]]
    digests: dict[str, set[str]] = {}
    for group in _groups(arns, _TASKS_PER_CALL):
        for task in (calls.call(DESCRIBE_TASKS, cluster=cluster, tasks=group) or {}).get("tasks", ()):
            if task.get("taskDefinitionArn") == running.task_definition:
                for container in task.get("containers", ()):
                    digests.setdefault(container["name"], set()).add(container.get("imageDigest") or "")
    return digests


def _groups(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def describe_services(calls: AwsCalls, services: Iterable[ServiceName]) -> dict[ServiceName, DescribedService]:
    """Describe services, each once."""
    by_cluster: dict[str, list[ServiceName]] = {}
    for service in dict.fromkeys(services):
        by_cluster.setdefault(service.cluster, []).append(service)
    groups = [tuple(group) for names in by_cluster.values() for group in _groups(names, _SERVICES_PER_CALL)]
    states: dict[ServiceName, DescribedService] = {}
    for group, response in calls.run({group: partial(_describe_group, calls, group) for group in groups}).items():
        states |= dict.fromkeys(group, response) if isinstance(response, NotKnown) else response
    return states


def _describe_group(calls: AwsCalls, group: Sequence[ServiceName]) -> dict[ServiceName, DescribedService]:
    cluster, names = group[0].cluster, [service.name for service in group]
    response = calls.call(DESCRIBE_SERVICES, cluster=cluster, services=names)
    if response is None:
        return {service: NotDeployed(f"cluster {cluster} does not exist") for service in group}
    found = {service["serviceName"]: service for service in response["services"]}
    reasons = {failure.get("arn", "").rpartition("/")[2]: failure.get("reason") for failure in response["failures"]}
    return {service: _described(service, found.get(service.name), reasons) for service in group}


def _described(
    name: ServiceName, service: Mapping[str, Any] | None, reasons: Mapping[str, str | None]
) -> DescribedService:
    if service is None and reasons.get(name.name) != "MISSING":
        return NotKnown(
            f"ECS did not describe service {name} ({reasons.get(name.name) or 'no reason'})",
            "check the service, or set Refresh=Always",
        )
    if service is None or service.get("status") == "INACTIVE":
        return NotDeployed(f"service {name} does not exist")
    return service


def _choose(calls: AwsCalls, name: ServiceName, service: DescribedService) -> _Choice | NotDeployed | NotKnown:
    """Choose the last successful deployment of a service."""
    if isinstance(service, NotDeployed | NotKnown):
        return service
    if (service.get("deploymentController") or {}).get("type", "ECS") != "ECS":
        return _choose_task_set(name, service.get("taskSets", ()))
    deployments = service.get("deployments", ())
    current = [revision["arn"] for revision in service.get("currentServiceRevisions", ())]
    completed = [deployment for deployment in deployments if _is_completed(deployment, deployments)]
    primary = next((deployment for deployment in completed if deployment.get("status") == "PRIMARY"), None)
    if primary and len(current) <= 1:
        return _Choice(primary["taskDefinition"], current)
    if successful := _successful(calls, name):
        return _Choice("", successful[:1])
    if completed:
        # Deployed before ECS recorded deployments, or too long ago.
        return _Choice((primary or completed[0])["taskDefinition"], current)
    created = service.get("createdAt")
    if created is None or datetime.now(UTC) - created > _DEPLOYMENTS_KEPT:
        return NotKnown(
            f"no deployment of service {name} is complete, and ECS lists no successful one of the last 90 days",
            "wait for the deployment to complete, or set Refresh=Always",
        )
    return NotDeployed(f"no deployment of service {name} has succeeded yet")


def _choose_task_set(name: ServiceName, task_sets: Sequence[Mapping[str, Any]]) -> _Choice | NotDeployed | NotKnown:
    primary = next((found for found in task_sets if found.get("status") == "PRIMARY"), None)
    if primary:
        return _Choice(primary["taskDefinition"], ())
    if not task_sets:
        return NotDeployed(f"service {name} has no task set")
    return NotKnown(
        f"none of the task sets of service {name} is primary",
        "wait for the deployment to complete, or set Refresh=Always",
    )


def _is_completed(deployment: Mapping[str, Any], deployments: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a deployment succeeded; behind a Classic Load Balancer, its counts show it."""
    if state := deployment.get("rolloutState"):
        return bool(state == "COMPLETED")
    return len(deployments) == 1 and 0 < deployment["desiredCount"] <= deployment["runningCount"]


def _successful(calls: AwsCalls, name: ServiceName) -> list[str]:
    """Return the revisions of the successful deployments that ECS still lists, the newest first."""
    cluster, service = name
    pages = calls.pages(
        LIST_DEPLOYMENTS,
        "nextToken",
        cluster=cluster,
        service=service,
        status=["SUCCESSFUL"],
        maxResults=_DEPLOYMENTS_PER_CALL,
    )
    found = [deployment for page in pages for deployment in page["serviceDeployments"]]
    found.sort(key=lambda deployment: deployment["createdAt"], reverse=True)
    return list(dict.fromkeys(deployment["targetServiceRevisionArn"] for deployment in found))


def _describe_revisions(calls: AwsCalls, arns: Iterable[str]) -> dict[str, Mapping[str, Any] | NotKnown]:
    groups = [tuple(group) for group in _groups(list(dict.fromkeys(arns)), _REVISIONS_PER_CALL)]
    jobs = {group: partial(calls.call, DESCRIBE_REVISIONS, serviceRevisionArns=list(group)) for group in groups}
    revisions: dict[str, Mapping[str, Any] | NotKnown] = {}
    for group, response in calls.run(jobs).items():
        if isinstance(response, NotKnown):
            revisions |= dict.fromkeys(group, response)
        else:
            found = (response or {}).get("serviceRevisions", ())
            revisions |= {revision["serviceRevisionArn"]: revision for revision in found}
    return revisions


def _running(name: ServiceName, choice: _Choice, revisions: Mapping[str, Mapping[str, Any] | NotKnown]) -> RunningState:
    described: list[Mapping[str, Any]] = []
    for arn in choice.revisions:
        revision = revisions.get(arn)
        if isinstance(revision, NotKnown):
            return revision
        if revision and choice.task_definition in {"", revision["taskDefinition"]}:
            described.append(revision)
    # A forced deployment makes another revision with the same task definition; the earlier one was complete before.
    described.sort(key=lambda revision: revision["createdAt"])
    if described:
        images = described[0].get("containerImages", ())
        digests = {image["containerName"]: image["imageDigest"] for image in images if image.get("imageDigest")}
        return RunningService(name, described[0]["taskDefinition"], digests)
    if choice.task_definition:
        return RunningService(name, choice.task_definition, {})
    return NotKnown(
        f"ECS did not describe the revision that service {name} runs", "deploy the service again, or set Refresh=Always"
    )
