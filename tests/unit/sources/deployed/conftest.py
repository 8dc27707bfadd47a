"""A stack with a task definition and a service."""

from __future__ import annotations

import pytest

from support.deployed_images import FIRST, REPOSITORY, SECOND, FakeAws, container, service_arn


@pytest.fixture
def aws() -> FakeAws:
    """Return a stack whose service runs revision 2 of the task definition; the stack deployed revision 1."""
    aws = FakeAws()
    aws.stack(
        Task=("AWS::ECS::TaskDefinition", aws.task_definition("shop:1", container(f"{REPOSITORY}@{FIRST}"))),
        Web=("AWS::ECS::Service", service_arn("main", "web")),
    )
    aws.task_definition("shop:2", container(f"{REPOSITORY}:2"))
    aws.task_definition("shop:3", container(f"{REPOSITORY}:3"))
    aws.running("main/web", "shop:2", web=SECOND)
    return aws
