"""The sources of deployed images under test: one function each, and one line in `SOURCES`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from moto import mock_aws

from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.deployed.source import AwsDeployedImages
from image_pinner.sources.in_memory import InMemoryDeployments
from image_pinner.sources.interface import DeployedImageSource
from support.deployed_images import REGION, FakeAws, container, error, service_arn


class Image(NamedTuple):
    """An image with a digest, and the recorded reference."""

    image: str
    written: str


Images = Mapping[str, Image]
"""Images by container."""


class OpenSource(NamedTuple):
    """A source for a stack `shop` whose service `Web` runs the task definition `Task`.

    Args:
        source: The source.
        update: Makes a script register other images and update the service.
        deny: Makes AWS deny the requests.
    """

    source: DeployedImageSource
    update: Callable[[Images], None]
    deny: Callable[[], None]


@contextmanager
def in_memory(images: Images) -> Iterator[OpenSource]:
    source = InMemoryDeployments()
    for name, image in images.items():
        source.deploy("Task", name, *image)

    def update(changed: Images) -> None:
        for name, image in changed.items():
            source.update("Task", name, *image)

    yield OpenSource(source, update, lambda: source.break_service("access is denied"))


@contextmanager
def aws(images: Images) -> Iterator[OpenSource]:
    fake = FakeAws()

    def register(revision: int, changed: Images) -> str:
        containers = [container(image.image, name, image.written) for name, image in changed.items()]
        arn = fake.task_definition(f"shop:{revision}", *containers)
        fake.running("main/web", f"shop:{revision}", revision)
        return arn

    def deny() -> None:
        fake.fails["ListStackResources"] = error("AccessDenied")

    fake.stack(
        Task=("AWS::ECS::TaskDefinition", register(1, images)),
        Web=("AWS::ECS::Service", service_arn("main", "web")),
    )
    yield OpenSource(
        AwsDeployedImages(AwsClients(lambda: fake), REGION), lambda changed: void(register(2, changed)), deny
    )


def void(_result: object) -> None:
    pass


@contextmanager
def aws_on_moto(images: Images) -> Iterator[OpenSource]:
    # moto has no service revisions: its services are like those from before them.
    with mock_aws(), patch.dict("os.environ", {"MOTO_ECS_SERVICE_RUNNING": "1"}):
        clients = AwsClients()
        ecs, cloudformation = (clients.client(name, REGION) for name in ("ecs", "cloudformation"))
        cloudformation.create_stack(StackName="shop", TemplateBody=json.dumps(template(images)))

        def update(changed: Images) -> None:
            containers = [container(image.image, name, image.written) for name, image in changed.items()]
            ecs.register_task_definition(
                family="shop", containerDefinitions=[one | {"memory": 128} for one in containers]
            )
            # UpdateService of moto does not change the deployments of the service.
            ecs.delete_service(cluster="main", service="web", force=True)
            ecs.create_service(cluster="main", serviceName="web", taskDefinition="shop:2", desiredCount=1)

        def deny() -> None:
            cloudformation.meta.events.register("before-call.cloudformation.ListStackResources", raise_denial)

        yield OpenSource(AwsDeployedImages(clients, REGION), update, deny)


def raise_denial(**_: Any) -> None:
    raise error("AccessDenied")


def template(images: Images) -> dict[str, Any]:
    containers = [
        {"Name": name, "Image": image, "Memory": 128, "DockerLabels": {"image-pinner.source": written}}
        for name, (image, written) in images.items()
    ]
    service = {
        "Cluster": {"Ref": "Cluster"},
        "ServiceName": "web",
        "TaskDefinition": {"Ref": "Task"},
        "DesiredCount": 1,
    }
    return {
        "Resources": {
            "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "main"}},
            "Task": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {"Family": "shop", "ContainerDefinitions": containers},
            },
            "Web": {"Type": "AWS::ECS::Service", "Properties": service},
        }
    }


SOURCES = {"in memory": in_memory, "AWS": aws, "AWS on moto": aws_on_moto}
