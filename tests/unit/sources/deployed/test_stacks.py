"""The resources of a stack."""

from __future__ import annotations

import pytest

from image_pinner.core.deployed import Deployed, DeployedLookup, DeployedState, NotDeployed, NotKnown
from support.deployed_images import (
    FIRST,
    REPOSITORY,
    FakeAws,
    container,
    deployed_lookup,
    error,
    read_deployed,
    read_one,
)

LOOKUP = deployed_lookup()


def reason(state: DeployedState) -> str:
    assert isinstance(state, NotDeployed), state
    return state.reason


def shop(status: str = "CREATE_COMPLETE") -> FakeAws:
    aws = FakeAws()
    arn = aws.task_definition("shop:1", container(f"{REPOSITORY}@{FIRST}", label=f"{REPOSITORY}:1"))
    aws.stack(Task=("AWS::ECS::TaskDefinition", arn, status))
    return aws


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (error("AccessDenied"), "cloudformation:ListStackResources is denied in eu-west-1"),
        (error("Throttling", "Rate exceeded"), "CloudFormation in eu-west-1 throttled the request in 1 of 1 attempts"),
        (error("ValidationError", "stackName failed to satisfy constraint"), "CloudFormation in eu-west-1 rejected"),
        (error("ExpiredToken"), "CloudFormation in eu-west-1 rejected the AWS credentials"),
    ],
)
def test_stack_that_cannot_be_read_is_not_known(failure: Exception, cause: str) -> None:
    aws = shop()
    aws.fails["ListStackResources"] = failure
    state = read_one(aws, LOOKUP)
    assert isinstance(state, NotKnown)
    assert state.cause.startswith(cause)
    assert state.help


def test_missing_stack_has_deployed_nothing() -> None:
    assert reason(read_one(FakeAws(), LOOKUP)) == "stack shop has no resource Task"


def test_stack_in_review_has_deployed_nothing() -> None:
    aws = shop()
    aws.stack()
    assert reason(read_one(aws, LOOKUP)) == "stack shop has no resource Task"


@pytest.mark.parametrize("status", ["CREATE_FAILED", "DELETE_COMPLETE", "DELETE_SKIPPED"])
def test_resource_that_was_not_created_or_is_deleted_is_not_deployed(status: str) -> None:
    assert reason(read_one(shop(status), LOOKUP)) == f"resource Task of stack shop is not created ({status})"


def test_resource_without_a_physical_id_is_not_deployed() -> None:
    aws = shop()
    aws.stacks["shop"]["Task"] = ("AWS::ECS::TaskDefinition", "", "CREATE_IN_PROGRESS")
    assert "is not created" in reason(read_one(aws, LOOKUP))


def test_resource_of_another_type_is_not_deployed() -> None:
    aws = shop()
    aws.stacks["shop"]["Task"] = ("AWS::SNS::Topic", "x", "CREATE_COMPLETE")
    assert reason(read_one(aws, LOOKUP)) == "resource Task of stack shop is an AWS::SNS::Topic"


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_FAILED", "UPDATE_COMPLETE", "DELETE_FAILED"])
def test_resource_that_exists_is_deployed(status: str) -> None:
    assert isinstance(read_one(shop(status), LOOKUP), Deployed)


def test_resources_on_later_pages_are_found_with_one_list_for_each_stack() -> None:
    aws = FakeAws(page_size=100)
    arn = aws.task_definition("shop:1", container(f"{REPOSITORY}@{FIRST}", label=f"{REPOSITORY}:1"))
    names = [f"Task{number}" for number in range(250)]
    aws.stack(**dict.fromkeys(names, ("AWS::ECS::TaskDefinition", arn)))
    lookups: list[DeployedLookup] = [deployed_lookup(resource=name) for name in names]
    assert all(isinstance(state, Deployed) for state in read_deployed(aws, *lookups).values())
    assert [operation for operation, _ in aws.calls] == ["ListStackResources"] * 3 + ["DescribeTaskDefinition"]
