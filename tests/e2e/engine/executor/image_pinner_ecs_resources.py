"""ECS resources of stacks, created in the ECS of the tests; localstack-core 2026.3.0 creates none.

Without this module, the engine deploys a resource of these types as a name without anything behind it. With it, the
physical IDs and the updates are those of the service:

- `Ref` of a task definition is its ARN with the revision. Every change except of tags replaces it: a new revision is
  registered, and the old one is deregistered in the cleanup or, after a failure, the new one in the rollback.
  https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-taskdefinition.html
- `Ref` of a service is its ARN. A changed task definition is deployed with UpdateService.
  https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html

Unlike the service, it does not wait until a service is stable, because the ECS of the tests completes each deployment
at once, and it does not check that roles, subnets and target groups exist.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar

import boto3
from image_pinner_executor import SETTINGS
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceProviderExecutor,
)


def create_ecs_resources() -> None:
    """Let the engine create, update and delete the resources of the types below."""
    load = ResourceProviderExecutor.try_load_resource_provider

    @wraps(load)
    def with_ecs(resource_type: str) -> Any:
        provider = _PROVIDERS.get(resource_type)
        return provider() if provider else load(resource_type)

    ResourceProviderExecutor.try_load_resource_provider = staticmethod(with_ecs)


class ClusterProvider(ResourceProvider):
    """`AWS::ECS::Cluster`."""

    SCHEMA: ClassVar = {
        "primaryIdentifier": ["/properties/ClusterName"],
        "createOnlyProperties": ["/properties/ClusterName"],
    }

    def create(self, request: Any) -> ProgressEvent:
        model = {"ClusterName": _generated_name(request), **request.desired_state}
        settings = {"Settings": model["ClusterSettings"]} if "ClusterSettings" in model else {}
        known = {name: value for name, value in model.items() if name != "ClusterSettings"}
        created = _call("CreateCluster", {**known, **settings})["cluster"]
        return _succeeded({**model, "Arn": created["clusterArn"]})

    def update(self, request: Any) -> ProgressEvent:
        settings = request.desired_state.get("ClusterSettings", [])
        _call("UpdateClusterSettings", {"Cluster": request.previous_state["ClusterName"], "Settings": settings})
        return _succeeded({**request.previous_state, **request.desired_state})

    def delete(self, request: Any) -> ProgressEvent:
        _call("DeleteCluster", {"Cluster": request.desired_state["ClusterName"]})
        return _succeeded({})


class TaskDefinitionProvider(ResourceProvider):
    """`AWS::ECS::TaskDefinition`."""

    _PROPERTIES = (
        "ContainerDefinitions", "Cpu", "EnableFaultInjection", "EphemeralStorage", "ExecutionRoleArn", "Family",
        "InferenceAccelerators", "IpcMode", "Memory", "NetworkMode", "PidMode", "PlacementConstraints",
        "ProxyConfiguration", "RequiresCompatibilities", "RuntimePlatform", "TaskRoleArn", "Volumes",
    )  # fmt: skip
    SCHEMA: ClassVar = {
        "primaryIdentifier": ["/properties/TaskDefinitionArn"],
        "createOnlyProperties": [f"/properties/{name}" for name in _PROPERTIES],
    }

    def create(self, request: Any) -> ProgressEvent:
        model = {"Family": _generated_name(request), **request.desired_state}
        registered = _call("RegisterTaskDefinition", model)["taskDefinition"]
        return _succeeded({**model, "TaskDefinitionArn": registered["taskDefinitionArn"]})

    def update(self, request: Any) -> ProgressEvent:
        arn, tags = request.previous_state["TaskDefinitionArn"], request.desired_state.get("Tags", [])
        _call("TagResource", {"ResourceArn": arn, "Tags": tags})
        return _succeeded({**request.desired_state, "TaskDefinitionArn": arn})

    def delete(self, request: Any) -> ProgressEvent:
        _call("DeregisterTaskDefinition", {"TaskDefinition": request.desired_state["TaskDefinitionArn"]})
        return _succeeded({})


class ServiceProvider(ResourceProvider):
    """`AWS::ECS::Service`."""

    SCHEMA: ClassVar = {
        "primaryIdentifier": ["/properties/ServiceArn", "/properties/Cluster"],
        "createOnlyProperties": [
            f"/properties/{name}" for name in ("Cluster", "LaunchType", "Role", "SchedulingStrategy", "ServiceName")
        ],
    }

    def create(self, request: Any) -> ProgressEvent:
        model = {"ServiceName": _generated_name(request), **request.desired_state}
        created = _call("CreateService", model)["service"]
        return _succeeded({**model, "ServiceArn": created["serviceArn"], "Name": created["serviceName"]})

    def update(self, request: Any) -> ProgressEvent:
        before, wanted = request.previous_state, request.desired_state
        # The engine also updates resources with a list parameter that is unchanged: it compares the list with its text.
        changed = {name: value for name, value in wanted.items() if value != before.get(name)}
        _call("UpdateService", {**changed, **_located(before)})
        return _succeeded({**wanted, **{name: before[name] for name in ("ServiceArn", "ServiceName", "Name")}})

    def delete(self, request: Any) -> ProgressEvent:
        _call("DeleteService", {**_located(request.desired_state), "Force": True})
        return _succeeded({})


_PROVIDERS: dict[str, type[ResourceProvider]] = {
    "AWS::ECS::Cluster": ClusterProvider,
    "AWS::ECS::Service": ServiceProvider,
    "AWS::ECS::TaskDefinition": TaskDefinitionProvider,
}


def _located(service: Mapping[str, Any]) -> dict[str, str]:
    cluster = {"Cluster": service["Cluster"]} if "Cluster" in service else {}
    return {"Service": service["ServiceArn"], **cluster}


def _succeeded(model: Mapping[str, Any]) -> ProgressEvent:
    return ProgressEvent(OperationStatus.SUCCESS, resource_model=dict(model))


def _generated_name(request: Any) -> str:
    """Return the name for a resource without one, which stays when a change replaces the resource."""
    unique = hashlib.sha256(f"{request.stack_id} {request.logical_resource_id}".encode()).hexdigest()[:12]
    return f"{request.stack_name}-{request.logical_resource_id}-{unique}"


def _call(operation: str, properties: Mapping[str, Any]) -> Any:
    """Call an operation of ECS with properties of a template."""
    settings = json.loads(Path(os.environ[SETTINGS]).read_text("utf-8"))
    ecs = boto3.client(
        "ecs", endpoint_url=settings["ecs"], aws_access_key_id="cloudformation", aws_secret_access_key="of-the-tests"
    )
    model = ecs.meta.service_model.operation_model(operation)
    return ecs._make_api_call(operation, _in_terms_of_the_api(model.input_shape, properties))


def _in_terms_of_the_api(shape: Any, value: Any) -> Any:
    """Return the value of a property with the names and types of the API; keys of mappings, such as labels, stay.

    The names differ only in their case: `Image` and `image`, `EFSVolumeConfiguration` and `efsVolumeConfiguration`.

    Raises:
        ValueError: The API has no such property.
    """
    if shape.type_name == "structure":
        members = {name.lower(): name for name in shape.members}
        if unknown := [name for name in value if name.lower() not in members]:
            raise ValueError(f"extraneous key {unknown[0]!r} is not permitted")
        found = {members[name.lower()]: child for name, child in value.items()}
        return {name: _in_terms_of_the_api(shape.members[name], child) for name, child in found.items()}
    if shape.type_name == "list":
        return [_in_terms_of_the_api(shape.member, child) for child in value]
    if shape.type_name == "map":
        return {key: _in_terms_of_the_api(shape.value, child) for key, child in value.items()}
    if shape.type_name == "boolean":
        return str(value).lower() == "true"
    return int(value) if shape.type_name in {"integer", "long"} else str(value)
