"""The stacks and services of the demo's mock behave like CloudFormation and ECS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import botocore.exceptions
import pytest

from image_pinner.cli.demo.embedded_aws import ACCOUNT, REGION, EmbeddedAws, embedded_aws

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop/web:1"


@pytest.fixture
def aws() -> Iterator[EmbeddedAws]:
    with embedded_aws() as embedded:
        embedded.ecs.create_cluster(clusterName="shop")
        yield embedded


@pytest.fixture
def cloudformation(aws: EmbeddedAws) -> Any:
    assert aws.environment["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    return boto3.client("cloudformation")


def template(image: str, *, count: int = 1) -> dict[str, Any]:
    container = {"Name": "web", "Memory": 256, "Image": image, "DockerLabels": {"Owner": "Shop"}}
    return {
        "Resources": {
            "Service": {
                "Type": "AWS::ECS::Service",
                "Properties": {
                    "Cluster": "shop",
                    "ServiceName": "web",
                    "DesiredCount": count,
                    "TaskDefinition": {"Ref": "Web"},
                },
            },
            "Web": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {"Family": "web", "ContainerDefinitions": [container]},
            },
        }
    }


def service(aws: EmbeddedAws) -> dict[str, Any]:
    found: dict[str, Any] = aws.ecs.describe_services(cluster="shop", services=["web"])["services"][0]
    return found


def test_a_stack_that_does_not_exist_is_refused(cloudformation: Any) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match=r"ValidationError.* Stack with id other does not exist"):
        cloudformation.list_stack_resources(StackName="other")


def test_an_unknown_service_has_no_deployments(aws: EmbeddedAws) -> None:
    with pytest.raises(aws.ecs.exceptions.ServiceNotFoundException):
        aws.ecs.list_service_deployments(cluster="shop", service="other")


def test_a_stack_has_the_physical_ids_of_ecs(aws: EmbeddedAws, cloudformation: Any) -> None:
    aws.stacks.deploy(aws.ecs, "shop", template(IMAGE))
    found = cloudformation.list_stack_resources(StackName="shop")["StackResourceSummaries"]
    assert {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in found} == {
        "Web": service(aws)["taskDefinition"],
        "Service": service(aws)["serviceArn"],
    }


def test_the_processed_template_is_returned(aws: EmbeddedAws, cloudformation: Any) -> None:
    aws.stacks.deploy(aws.ecs, "shop", template(IMAGE))
    assert cloudformation.get_template(StackName="shop")["TemplateBody"] == template(IMAGE)


def test_the_names_of_labels_do_not_change(aws: EmbeddedAws) -> None:
    aws.stacks.deploy(aws.ecs, "shop", template(IMAGE))
    found = aws.ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]
    assert found["containerDefinitions"][0]["dockerLabels"] == {"Owner": "Shop"}


def test_an_unchanged_task_definition_is_not_registered_again(aws: EmbeddedAws) -> None:
    aws.stacks.deploy(aws.ecs, "shop", template(IMAGE))
    before = service(aws)["taskDefinition"]
    aws.stacks.deploy(aws.ecs, "shop", template(IMAGE, count=2))
    assert service(aws)["taskDefinition"] == before
    assert service(aws)["desiredCount"] == 2


def test_a_changed_task_definition_is_deployed_and_rolled_back(aws: EmbeddedAws) -> None:
    digests = [str(aws.push("shop/web", tag, f"build {tag}", ("linux/amd64",))) for tag in ("1", "2")]
    aws.stacks.deploy(aws.ecs, "shop", template(IMAGE))
    aws.stacks.deploy(aws.ecs, "shop", template(IMAGE.replace(":1", ":2")))
    aws.stacks.roll_back(aws.ecs, "shop")
    deployments = aws.ecs.list_service_deployments(cluster="shop", service="web")["serviceDeployments"]
    arns = [deployment["targetServiceRevisionArn"] for deployment in deployments]
    revisions = aws.ecs.describe_service_revisions(serviceRevisionArns=arns)["serviceRevisions"]
    deployed = [revision["containerImages"][0]["imageDigest"] for revision in revisions]
    assert deployed == [digests[0], digests[1], digests[0]]
