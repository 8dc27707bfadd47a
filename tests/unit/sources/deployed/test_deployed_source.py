"""The source of deployed images as a whole: its deadline, its clients and its requests."""

from __future__ import annotations

import time
from typing import Any

import pytest

from image_pinner.core.deployed import Deployed, NotKnown
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.deployed.source import AwsDeployedImages
from image_pinner.sources.interface import Deadline
from support.deployed_images import (
    FIRST,
    REGION,
    REPOSITORY,
    FakeAws,
    container,
    deployed_lookup,
    read_deployed,
    service_arn,
)

TASK = deployed_lookup(services=("Web",))
FUNCTION = deployed_lookup("", resource="Api", resource_type="AWS::Lambda::Function", path="Properties.Code.ImageUri")


@pytest.fixture
def aws() -> FakeAws:
    aws = FakeAws()
    aws.stack(
        Task=("AWS::ECS::TaskDefinition", aws.task_definition("shop:1", container(f"{REPOSITORY}:1"))),
        Web=("AWS::ECS::Service", service_arn("main", "web")),
        Api=("AWS::Lambda::Function", "shop-api"),
    )
    aws.running("main/web", "shop:1", web=FIRST)
    aws.answers["GetFunction"] = {"Code": {"ImageUri": f"{REPOSITORY}:1", "ResolvedImageUri": f"{REPOSITORY}@{FIRST}"}}
    return aws


def test_nothing_is_requested_after_the_deadline(aws: FakeAws) -> None:
    states = read_deployed(aws, TASK, FUNCTION, seconds=0)
    assert all(isinstance(state, NotKnown) and "did not respond within" in state.cause for state in states.values())
    assert aws.calls == []


@pytest.mark.parametrize("slow", ["ListStackResources", "DescribeServices", "DescribeTaskDefinition"])
def test_deadline_ends_a_request_that_hangs(aws: FakeAws, slow: str) -> None:
    aws.before = lambda operation: time.sleep(5) if operation == slow else None
    began = time.monotonic()
    state = read_deployed(aws, TASK, seconds=0.6)[TASK]
    assert isinstance(state, NotKnown)
    assert state.cause == "AWS in eu-west-1 did not respond within 0.6 s"
    assert time.monotonic() - began < 3


def test_clients_that_cannot_be_created_are_not_known() -> None:
    class NoEndpoints:
        def client(self, *_: Any, **__: Any) -> Any:
            raise ValueError("Invalid endpoint: x")

    states = read_deployed(NoEndpoints(), TASK)
    state = states[TASK]
    assert isinstance(state, NotKnown)
    assert state.cause.startswith("there is no endpoint for CloudFormation in eu-west-1")


def test_failure_of_one_service_does_not_affect_another(aws: FakeAws) -> None:
    aws.fails["DescribeServices"] = ValueError("x")
    states = read_deployed(aws, TASK, FUNCTION)
    assert isinstance(states[TASK], NotKnown)
    assert isinstance(states[FUNCTION], Deployed)


def test_no_lookups_cost_no_requests(aws: FakeAws) -> None:
    source = AwsDeployedImages(AwsClients(lambda: aws), REGION)
    assert source.read_deployed([], Deadline.after(5)) == {}
    assert aws.calls == []


def test_equal_states_come_from_one_request_of_each_kind(aws: FakeAws) -> None:
    read_deployed(aws, TASK, TASK._replace(record_path="Other"), FUNCTION, FUNCTION._replace(record_path="Other"))
    assert sorted(operation for operation, _ in aws.calls) == [
        "DescribeServiceRevisions",
        "DescribeServices",
        "DescribeTaskDefinition",
        "GetFunction",
        "ListStackResources",
    ]
