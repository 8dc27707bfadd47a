"""Service revisions and deployments for an ECS server that lacks them.

ECS resolves the tags of a service's containers when a deployment starts, and records the digests in a service revision:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-revision.html.
"""

from __future__ import annotations

import copy
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

JsonObject = dict[str, Any]
_OK = 200
_BAD_REQUEST = 400
_MAX_REVISIONS = 20
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")
_SERVICE_OPERATIONS = frozenset({"CreateService", "UpdateService", "DeleteService"})
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html: the other parameters only change
# what runs when the next deployment starts.
_DEPLOYED_PARAMETERS = frozenset(
    {
        "capacityProviderStrategy",
        "loadBalancers",
        "networkConfiguration",
        "platformVersion",
        "serviceConnectConfiguration",
        "serviceRegistries",
        "volumeConfigurations",
        "vpcLatticeConfigurations",
    }
)


class RolloutState(Enum):
    """The state of a deployment in DescribeServices; the value is its status in ListServiceDeployments."""

    COMPLETED = "SUCCESSFUL"
    IN_PROGRESS = "IN_PROGRESS"
    # The circuit breaker stopped a deployment, and the service does not roll back.
    FAILED = "STOPPED"


class Reply(NamedTuple):
    """A response of ECS: the HTTP status and the JSON body."""

    status: int
    body: JsonObject


@dataclass(slots=True, eq=False)
class _Deployment:
    """A deployment of a service with its target revision."""

    identifier: str
    service: JsonObject
    task_definition: str
    container_images: list[JsonObject]
    created_at: float
    state: RolloutState = RolloutState.COMPLETED

    def arn(self, kind: str) -> str:
        """Return the ARN of the deployment (`service-deployment`) or of its revision (`service-revision`)."""
        prefix = self.service["serviceArn"].partition(":service/")[0]
        cluster = self.service["clusterArn"].rpartition("/")[2]
        return f"{prefix}:{kind}/{cluster}/{self.service['serviceName']}/{self.identifier}"

    def to_revision(self) -> JsonObject:
        """See https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceRevision.html."""
        optional = ("launchType", "platformVersion", "networkConfiguration")
        return {
            "serviceRevisionArn": self.arn("service-revision"),
            "serviceArn": self.service["serviceArn"],
            "clusterArn": self.service["clusterArn"],
            "taskDefinition": self.task_definition,
            "containerImages": copy.deepcopy(self.container_images),
            "guardDutyEnabled": False,
            "createdAt": self.created_at,
            **{name: self.service[name] for name in optional if self.service.get(name)},
        }

    def to_deployment(self) -> JsonObject:
        """See https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeploymentBrief.html."""
        finished = {} if self.state is RolloutState.IN_PROGRESS else {"finishedAt": self.created_at}
        return {
            "serviceDeploymentArn": self.arn("service-deployment"),
            "serviceArn": self.service["serviceArn"],
            "clusterArn": self.service["clusterArn"],
            "startedAt": self.created_at,
            "createdAt": self.created_at,
            "targetServiceRevisionArn": self.arn("service-revision"),
            "status": self.state.value,
            **finished,
        }


@dataclass(slots=True)
class ServiceRevisions:
    """Adds service revisions to an ECS server, between it and its clients.

    A client's request goes to `answer` first. Without a reply from there, it goes to the server, and the server's
    response to `complete`. Deployments succeed at once; `set_state` changes the state of the last one.

    Args:
        call: Calls an operation of the server itself: its name and the request.
        resolve: Returns the digest of an image with a tag, or `None` if ECS would not know it.
        clock: The time in seconds since the epoch.
    """

    call: Callable[[str, JsonObject], Reply]
    resolve: Callable[[str], str | None]
    clock: Callable[[], float] = time.time
    _deployments: dict[str, list[_Deployment]] = field(default_factory=dict, init=False)
    _count: int = field(default=0, init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)

    def answer(self, operation: str, request: Mapping[str, Any]) -> Reply | None:
        """Return the reply to an operation that the server lacks, or `None` for the server's own."""
        with self._lock:
            if operation == "DescribeServiceRevisions":
                return self._describe_revisions(request)
            return self._list_deployments(request) if operation == "ListServiceDeployments" else None

    def complete(self, operation: str, request: Mapping[str, Any], response: JsonObject) -> JsonObject:
        """Return the server's response to a successful request with what it lacks, and record deployments.

        A service that was deployed in another way, such as by the server's CloudFormation, is recorded when
        DescribeServices returns it.
        """
        if operation in _SERVICE_OPERATIONS:
            with self._lock:
                return {**response, "service": self._complete(response["service"], operation, request)}
        if operation == "DescribeServices":
            with self._lock:
                found = [self._complete(service, operation, request) for service in response.get("services", [])]
                return {**response, "services": found}
        return response

    def set_state(self, service_arn: str, state: RolloutState) -> None:
        """Change the state of the last deployment of a service."""
        with self._lock:
            self._deployments[service_arn][-1].state = state

    def _complete(self, service: JsonObject, operation: str, request: Mapping[str, Any]) -> JsonObject:
        """Record the deployment that a service shows, if it is new, and return the service with its revisions."""
        arn = service["serviceArn"]
        if operation == "CreateService":
            self._deployments.pop(arn, None)
        if service.get("status") == "INACTIVE" or not service.get("taskDefinition"):
            return service
        made = self._deployments.setdefault(arn, [])
        reply = self.call("DescribeTaskDefinition", {"taskDefinition": service["taskDefinition"]})
        if reply.status != _OK:
            return service
        definition = reply.body["taskDefinition"]
        is_new = not made or made[-1].task_definition != definition["taskDefinitionArn"]
        if is_new or (operation == "UpdateService" and _starts_deployment(request)):
            self._count += 1
            made.append(
                _Deployment(
                    f"{self._count:019}",
                    service,
                    definition["taskDefinitionArn"],
                    [self._container_image(container) for container in definition["containerDefinitions"]],
                    self.clock(),
                )
            )
        return service | _current_state(service, made)

    def _container_image(self, container: Mapping[str, Any]) -> JsonObject:
        """See https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerImage.html."""
        image = container["image"]
        found = {"containerName": container["name"], "image": image}
        if container.get("versionConsistency") == "disabled":
            return found
        written = _DIGEST.search(image)
        digest = written[1] if written else self.resolve(image)
        return found | ({"imageDigest": digest} if digest else {})

    def _describe_revisions(self, request: Mapping[str, Any]) -> Reply:
        arns = request.get("serviceRevisionArns") or []
        if not 1 <= len(arns) <= _MAX_REVISIONS:
            return _error("InvalidParameterException", f"specify 1 to {_MAX_REVISIONS} service revisions")
        known = {
            deployment.arn("service-revision"): deployment for made in self._deployments.values() for deployment in made
        }
        return Reply(
            _OK,
            {
                "serviceRevisions": [known[arn].to_revision() for arn in arns if arn in known],
                "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known],
            },
        )

    def _list_deployments(self, request: Mapping[str, Any]) -> Reply:
        cluster, service = request.get("cluster") or "default", request.get("service", "")
        if service.startswith("arn:") and service.count("/") > 1:
            cluster = service.split("/")[1]
        reply = self.call("DescribeServices", {"cluster": cluster, "services": [service]})
        if reply.status != _OK:
            return reply
        # This also records a service that no client has described yet.
        found = self.complete("DescribeServices", {}, reply.body)["services"]
        if not found:
            return _error("ServiceNotFoundException", "Service not found.")
        statuses = request.get("status") or [state.value for state in RolloutState]
        made = reversed(self._deployments.get(found[0]["serviceArn"], []))
        shown = [deployment.to_deployment() for deployment in made if deployment.state.value in statuses]
        limit = request.get("maxResults") or len(shown)
        return Reply(_OK, {"serviceDeployments": shown[:limit]})


def _starts_deployment(request: Mapping[str, Any]) -> bool:
    return bool(request.get("forceNewDeployment")) or not _DEPLOYED_PARAMETERS.isdisjoint(request)


def _current_state(service: Mapping[str, Any], made: list[_Deployment]) -> JsonObject:
    """Return the fields of a service for its last deployment and, unless that succeeded, the last successful one."""
    last = made[-1]
    succeeded = [one for one in made if one.state is RolloutState.COMPLETED][-1:]
    running = [last] if last in succeeded else [last, *succeeded]
    return {
        "taskDefinition": last.task_definition,
        "deployments": [_in_service(service, one, is_primary=one is last) for one in running],
        "currentServiceDeployment": last.arn("service-deployment"),
        "currentServiceRevisions": [
            {"arn": one.arn("service-revision"), **_task_counts(service, one, "TaskCount")} for one in running
        ],
    }


def _in_service(service: Mapping[str, Any], deployment: _Deployment, *, is_primary: bool) -> JsonObject:
    """See https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html."""
    return {
        "id": f"ecs-svc/{deployment.identifier}",
        "status": "PRIMARY" if is_primary else "ACTIVE",
        "taskDefinition": deployment.task_definition,
        "createdAt": deployment.created_at,
        "updatedAt": deployment.created_at,
        "rolloutState": deployment.state.name,
        **_task_counts(service, deployment, "Count"),
    }


def _task_counts(service: Mapping[str, Any], deployment: _Deployment, suffix: str) -> JsonObject:
    desired = service.get("desiredCount") or 0
    running = desired if deployment.state is RolloutState.COMPLETED else 0
    first = "requested" if suffix == "TaskCount" else "desired"
    return {f"{first}{suffix}": desired, f"running{suffix}": running, f"pending{suffix}": desired - running}


def _error(name: str, message: str) -> Reply:
    return Reply(_BAD_REQUEST, {"__type": name, "message": message})
