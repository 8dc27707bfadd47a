"""Services and families that options set (`Service`, `Family`): a wrong name is not a first deployment."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.deployed import NotKnown
from support.deployed_images import (
    FIRST,
    REPOSITORY,
    SECOND,
    FakeAws,
    container,
    deployed_lookup,
    error,
    kept,
    not_deployed,
    not_known,
    read_one,
    service_arn,
)


@pytest.fixture
def aws() -> FakeAws:
    """Return a stack with two task definitions, whose service runs another revision of the first."""
    aws = FakeAws()
    web, side = container(f"{REPOSITORY}@{FIRST}"), container(f"{REPOSITORY}@{FIRST}", "side")
    aws.stack(
        Task=("AWS::ECS::TaskDefinition", aws.task_definition("shop:1", web)),
        Jobs=("AWS::ECS::TaskDefinition", aws.task_definition("jobs:1", side)),
        Web=("AWS::ECS::Service", service_arn("main", "web")),
    )
    aws.task_definition("shop:2", container(f"{REPOSITORY}@{SECOND}"))
    aws.task_definition("scripts:1", container(f"{REPOSITORY}@{SECOND}"))
    aws.running("main/web", "shop:2")
    aws.running("main/scripts", "scripts:1")
    return aws


WRONG = [
    ({"named_services": ("main/wbe",)}, "service main/wbe does not exist"),
    ({"named_services": ("mian/web",)}, "cluster mian does not exist"),
    ({"named_services": ("main/web", "main/wbe")}, "service main/wbe does not exist"),
    ({"family": "shpo"}, "task definition shpo does not exist"),
]


@pytest.mark.parametrize(("options", "reason"), WRONG)
def test_wrong_name_is_not_known_if_the_stack_has_created_the_resource(
    aws: FakeAws, options: dict[str, Any], reason: str
) -> None:
    state = not_known(read_one(aws, deployed_lookup(**options)))
    assert state.cause == f"{reason}, and stack shop has created Task"
    assert state.help == "correct Service or Family in the Metadata of the resource, or set Refresh=Always"


@pytest.mark.parametrize(("options", "reason"), WRONG)
def test_wrong_name_is_not_known_without_the_stack(aws: FakeAws, options: dict[str, Any], reason: str) -> None:
    state = not_known(read_one(aws, deployed_lookup(stack_name="", **options)))
    assert state.cause == f"{reason}, and the stack, which shows whether this is its first deployment, is not known"


@pytest.mark.parametrize(("options", "reason"), WRONG)
def test_stack_that_cannot_be_read_is_not_known(aws: FakeAws, options: dict[str, Any], reason: str) -> None:
    aws.fails["ListStackResources"] = error("AccessDenied")
    state = not_known(read_one(aws, deployed_lookup(**options)))
    assert state.cause.startswith("cloudformation:ListStackResources is denied"), reason


@pytest.mark.parametrize("options", [WRONG[0][0], WRONG[1][0], WRONG[3][0]])
@pytest.mark.parametrize("lookup", [{"resource": "New"}, {"stack_name": "new"}])
def test_first_deployment_is_not_deployed(aws: FakeAws, options: dict[str, Any], lookup: dict[str, Any]) -> None:
    assert not_deployed(read_one(aws, deployed_lookup(**lookup, **options))).endswith("does not exist")


def test_service_of_a_first_deployment_that_exists_counts(aws: FakeAws) -> None:
    state = read_one(aws, deployed_lookup(resource="New", named_services=("main/web", "main/new")))
    assert kept(state)[0] == f"{REPOSITORY}@{SECOND}"


def test_service_that_is_not_deployed_yet_is_not_wrong(aws: FakeAws) -> None:
    aws.service("main/new", ("shop:1", "IN_PROGRESS"))
    assert "has succeeded yet" in not_deployed(read_one(aws, deployed_lookup(named_services=("main/new",))))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"named_services": ("main/scripts",)}, "task definition scripts:1 has no container 'side'"),
        ({"family": "shop"}, "task definition shop:2 has no container 'side'"),
    ],
)
def test_container_that_only_the_task_definition_of_the_stack_has_is_not_known(
    aws: FakeAws, options: dict[str, Any], reason: str
) -> None:
    state = not_known(read_one(aws, deployed_lookup("side", resource="Jobs", **options)))
    assert state.cause == f"{reason}, and stack shop has created Jobs"


@pytest.mark.parametrize("options", [{"named_services": ("main/web",)}, {"family": "shop"}])
@pytest.mark.parametrize("resource", ["Task", "New"])
def test_new_container_is_not_deployed(aws: FakeAws, options: dict[str, Any], resource: str) -> None:
    state = read_one(aws, deployed_lookup("new", resource=resource, **options))
    assert not_deployed(state) == "task definition shop:2 has no container 'new'"


def test_new_container_is_not_known_without_the_task_definition_of_the_stack(aws: FakeAws) -> None:
    lookup = deployed_lookup("side", resource="Jobs", family="shop")
    del aws.definitions[aws.stacks["shop"]["Jobs"][1]]
    assert isinstance(read_one(aws, lookup), NotKnown)
    assert isinstance(read_one(aws, lookup._replace(stack_name="")), NotKnown)


def test_named_service_that_runs_another_task_definition_of_the_stack_is_wrong(aws: FakeAws) -> None:
    lookup = deployed_lookup(resource="Jobs", named_services=("main/web",))
    state = not_known(read_one(aws, lookup))
    assert state.cause == "service main/web runs shop:2, a revision of Task and not of Jobs"
    assert state.help == "set Service in the Metadata of Task only, or set Refresh=Always"
    new = lookup._replace(identity=lookup.identity._replace(resource="New"), declared=frozenset({"Task", "New"}))
    assert not_deployed(read_one(aws, new)) == "stack shop has no resource New"


def test_named_services_are_each_for_the_task_definition_that_they_run(aws: FakeAws) -> None:
    aws.task_definition("jobs:2", container(f"nginx@{SECOND}"))
    aws.running("main/jobs", "jobs:2")
    for resource, image in (("Task", f"{REPOSITORY}@{SECOND}"), ("Jobs", f"nginx@{SECOND}")):
        lookup = deployed_lookup(resource=resource, named_services=("main/web", "main/jobs"))
        assert kept(read_one(aws, lookup))[0] == image
