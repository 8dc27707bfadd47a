"""The engine creates ECS resources like CloudFormation, and the ECS of the tests resolves their images."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.engine.access import HOST
from e2e.engine.cloudformation import Engine
from e2e.engine.ministack import Ministack
from e2e.stacks import StackFailedError, Stacks

pytestmark = pytest.mark.e2e


def _template(*, level: str = "info", **container: Any) -> str:
    web = {
        "Name": "web",
        "Image": f"{HOST}/deployed/web:1",
        "DockerLabels": {"Owner.Team": "shop"},
        "Environment": [{"Name": "LOG_LEVEL", "Value": level}],
        **container,
    }
    volume = {"Name": "files", "EFSVolumeConfiguration": {"FilesystemId": "fs-1"}}
    task = {"ContainerDefinitions": [web], "Volumes": [volume]}
    service = {"Cluster": {"Ref": "Cluster"}, "TaskDefinition": {"Ref": "Task"}, "DesiredCount": "1"}
    resources = {
        "Cluster": {"Type": "AWS::ECS::Cluster"},
        "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": task},
        "Service": {"Type": "AWS::ECS::Service", "Properties": service},
    }
    outputs = {name: {"Value": {"Ref": name}} for name in resources}
    return json.dumps({"Resources": resources, "Outputs": outputs})


def _outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _listed(engine: Engine, stack: str) -> dict[str, str]:
    found = engine.client("cloudformation").list_stack_resources(StackName=stack)["StackResourceSummaries"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


def test_an_unknown_property_is_rejected_and_leaves_nothing(engine: Engine, ministack: Ministack) -> None:
    stacks = Stacks(engine)
    with pytest.raises(StackFailedError, match="extraneous key 'Imagee' is not permitted"):
        stacks.create("ecs-rejected", _template(Imagee="x"))
    families = ministack.client("ecs").list_task_definition_families(familyPrefix="ecs-rejected")
    assert families["families"] == []
    stacks.delete("ecs-rejected")


def test_a_changed_task_definition_is_replaced_and_the_service_updated(engine: Engine, ministack: Ministack) -> None:
    stacks, ecs = Stacks(engine), ministack.client("ecs")
    first = ministack.push("deployed/web", "1", "first")
    created = _outputs(stacks.create("ecs-deployed", _template()))
    assert created == _listed(engine, "ecs-deployed")
    registered = ecs.describe_task_definition(taskDefinition=created["Task"])["taskDefinition"]
    assert registered["containerDefinitions"][0]["dockerLabels"] == {"Owner.Team": "shop"}
    assert registered["volumes"] == [{"name": "files", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]

    ministack.push("deployed/web", "1", "moved")
    updated = _outputs(stacks.update("ecs-deployed", _template(level="debug")))
    family = created["Task"].rpartition(":")[0]
    assert updated == {**created, "Task": f"{family}:2"} == _listed(engine, "ecs-deployed")
    statuses = [
        ecs.describe_task_definition(taskDefinition=f"{family}:{revision}")["taskDefinition"]["status"]
        for revision in (1, 2)
    ]
    assert statuses == ["INACTIVE", "ACTIVE"]
    # Each deployment has the digest that its tag had then, as in the service.
    cluster, service = created["Cluster"], created["Service"]
    listed = ecs.list_service_deployments(cluster=cluster, service=service)["serviceDeployments"]
    arns = [deployment["targetServiceRevisionArn"] for deployment in listed]
    moved, kept = ecs.describe_service_revisions(serviceRevisionArns=arns)["serviceRevisions"]
    assert kept["containerImages"][0]["imageDigest"] == first != moved["containerImages"][0]["imageDigest"]
    assert (kept["taskDefinition"], moved["taskDefinition"]) == (created["Task"], updated["Task"])

    stacks.delete("ecs-deployed")
    assert ecs.describe_clusters(clusters=[cluster])["clusters"] == []
    assert ecs.list_task_definitions(familyPrefix=family.rpartition("/")[2])["taskDefinitionArns"] == []
