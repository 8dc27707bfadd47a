"""What a stack deployed from its template (`Refresh=OnChange`), and task definitions that no service runs."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.deployed import NotDeployed
from image_pinner.core.template.options import Refresh
from support.deployed_images import (
    FIRST,
    REPOSITORY,
    SECOND,
    THIRD,
    FakeAws,
    container,
    deployed_lookup,
    error,
    kept,
    not_known,
    read_one,
    service_arn,
)

LOOKUP = deployed_lookup(refresh=Refresh.ON_CHANGE, services=("Web",))
BY_DIGEST, BY_TAG = container(f"{REPOSITORY}@{FIRST}", label=f"{REPOSITORY}:1"), container(f"{REPOSITORY}:1")


def stack(task: dict[str, object]) -> FakeAws:
    """Return a stack that deployed this container; its service runs revision 2, registered by a script."""
    aws = FakeAws()
    aws.stack(
        Task=("AWS::ECS::TaskDefinition", aws.task_definition("shop:1", task)),
        Web=("AWS::ECS::Service", service_arn("main", "web")),
    )
    aws.task_definition("shop:2", container(f"{REPOSITORY}:2"))
    aws.running("main/web", "shop:2", 2, web=SECOND)
    return aws


def standalone_task(task: dict[str, object]) -> FakeAws:
    """Return a stack that deployed this container without a service."""
    aws = stack(task)
    del aws.stacks["shop"]["Web"]
    return aws


def test_tag_that_no_service_ran_is_not_known() -> None:
    state = not_known(read_one(stack(BY_TAG), LOOKUP))
    assert state.cause == (
        f"image '{REPOSITORY}:1' of task definition shop:1 in the stack has no digest, and service main/web runs shop:2"
    )
    assert state.help == "set Refresh=Never to keep what runs, or Refresh=Always"


def test_denied_history_is_not_known() -> None:
    aws = stack(BY_TAG)
    aws.fails["ListServiceDeployments"] = error("AccessDeniedException")
    assert not_known(read_one(aws, LOOKUP)).cause == "ecs:ListServiceDeployments is denied in eu-west-1"


@pytest.mark.parametrize("refresh", [Refresh.NEVER, Refresh.ON_CHANGE])
def test_tag_without_a_service_is_not_known(refresh: Refresh) -> None:
    state = not_known(read_one(standalone_task(BY_TAG), deployed_lookup(refresh=refresh)))
    assert "ECS records digests for services only" in state.cause
    assert "Refresh=Always" in state.help


def test_tag_whose_first_deployment_did_not_succeed_is_not_deployed() -> None:
    aws = stack(BY_TAG)
    aws.deployments.clear()
    aws.service("main/web", ("shop:1", "IN_PROGRESS"))
    assert read_one(aws, LOOKUP) == NotDeployed("no deployment of service main/web has succeeded yet")


@pytest.mark.parametrize("refresh", [Refresh.NEVER, Refresh.ON_CHANGE])
def test_deleted_task_definition_of_the_stack_is_not_known(refresh: Refresh) -> None:
    aws = standalone_task(BY_DIGEST)
    aws.definitions.clear()
    state = not_known(read_one(aws, deployed_lookup(refresh=refresh)))
    assert state.cause == "task definition shop:1, which the stack deployed, does not exist"
    assert state.help == "set Refresh=Always for one deployment, which registers a revision"


def test_task_definition_of_the_stack_counts_and_not_the_one_that_runs() -> None:
    aws = stack(BY_DIGEST)
    assert kept(read_one(aws, LOOKUP)) == (f"{REPOSITORY}@{FIRST}", f"{REPOSITORY}:1", "task definition shop:1")
    assert aws.count("DescribeServices") == 0


def test_digest_of_a_tag_is_the_one_that_its_service_runs() -> None:
    aws = stack(BY_TAG)
    aws.running("main/web", "shop:1", web=THIRD)
    assert kept(read_one(aws, LOOKUP)) == (f"{REPOSITORY}@{THIRD}", f"{REPOSITORY}:1", "service main/web")
    assert aws.count("ListServiceDeployments") == 0


def test_digest_of_a_tag_is_the_one_of_the_newest_deployment_that_ran_it() -> None:
    aws = stack(BY_TAG)
    aws.deployments.clear()
    for number, (name, digest) in enumerate([("shop:1", FIRST), ("shop:1", THIRD), ("shop:2", SECOND)], 10):
        aws.deployed("main/web", aws.revision("main/web", number, name, web=digest))
    assert kept(read_one(aws, LOOKUP))[0] == f"{REPOSITORY}@{THIRD}"


def test_named_service_replaces_the_task_definition() -> None:
    lookup = deployed_lookup(named_services=("main/web",))
    assert kept(read_one(stack(BY_DIGEST), lookup))[:2] == (f"{REPOSITORY}@{SECOND}", f"{REPOSITORY}:2")


@pytest.mark.parametrize("options", [{"named_services": ("main/web",)}, {"family": "shop"}])
def test_task_definition_of_the_stack_counts_on_change_whatever_options_name(options: dict[str, Any]) -> None:
    lookup = deployed_lookup(refresh=Refresh.ON_CHANGE, **options)
    assert kept(read_one(stack(BY_DIGEST), lookup))[:2] == (f"{REPOSITORY}@{FIRST}", f"{REPOSITORY}:1")
    assert isinstance(read_one(stack(BY_DIGEST), deployed_lookup("new", Refresh.ON_CHANGE, **options)), NotDeployed)
    state = not_known(read_one(stack(BY_DIGEST), lookup._replace(stack_name="")))
    assert (state.cause, state.missing) == ("the stack is not known", "AWS::StackName")


def test_named_service_knows_the_digest_of_a_tag_on_change() -> None:
    aws = standalone_task(BY_TAG)
    aws.running("other/web", "shop:1", web=THIRD)
    lookup = deployed_lookup(refresh=Refresh.ON_CHANGE, named_services=("other/web",))
    assert kept(read_one(aws, lookup)) == (f"{REPOSITORY}@{THIRD}", f"{REPOSITORY}:1", "service other/web")


def test_newest_revision_of_a_family_counts() -> None:
    aws = stack(BY_DIGEST)
    aws.task_definition("batch:1", BY_DIGEST)
    aws.task_definition("batch:2", container(f"{REPOSITORY}@{THIRD}", label=f"{REPOSITORY}:3"))
    lookup = deployed_lookup(family="batch", stack_name="")
    assert kept(read_one(aws, lookup)) == (f"{REPOSITORY}@{THIRD}", f"{REPOSITORY}:3", "task definition batch:2")
    assert [parameters for _, parameters in aws.calls] == [{"taskDefinition": "batch"}]


def test_standalone_task_definition_is_the_one_of_the_stack() -> None:
    assert kept(read_one(standalone_task(BY_DIGEST), deployed_lookup()))[0] == f"{REPOSITORY}@{FIRST}"


def test_deregistered_task_definition_is_not_what_runs() -> None:
    aws = standalone_task(BY_DIGEST)
    next(iter(aws.definitions.values()))["status"] = "INACTIVE"
    state = not_known(read_one(aws, deployed_lookup(refresh=Refresh.NEVER)))
    assert state.cause == "task definition shop:1 is deregistered, and no service of the stack runs another"
    assert kept(read_one(aws, LOOKUP))[0] == f"{REPOSITORY}@{FIRST}"
