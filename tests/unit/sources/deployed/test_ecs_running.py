"""What ECS services run: the last successful deployment of each (`Refresh=Never`)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from image_pinner.core.deployed import Deployed, NotDeployed, NotKnown
from support.deployed_images import (
    ACCOUNT,
    FIRST,
    NOW,
    REGION,
    REPOSITORY,
    SECOND,
    FakeAws,
    container,
    deployed_lookup,
    error,
    kept,
    not_deployed,
    not_known,
    read_deployed,
    read_one,
    service_arn,
    task_definition_arn,
)

LOOKUP = deployed_lookup(services=("Web",))


RUNS_SECOND = (f"{REPOSITORY}@{SECOND}", f"{REPOSITORY}:2", "service main/web")


@pytest.mark.parametrize("operation", ["DescribeServices", "DescribeServiceRevisions", "DescribeTaskDefinition"])
def test_denial_names_the_missing_action(aws: FakeAws, operation: str) -> None:
    message = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/macro/x is not authorized to perform: ecs:{operation} "
        "because no identity-based policy allows it"
    )
    aws.fails[operation] = error("AccessDeniedException", message)
    state = read_one(aws, LOOKUP)
    expected = f"ecs:{operation} is denied in {REGION}, because no identity-based policy allows it"
    assert not_known(state).cause == expected
    assert isinstance(state, NotKnown)
    assert f"allow ecs:{operation}" in state.help


@pytest.mark.parametrize("operation", ["DescribeServices", "DescribeServiceRevisions", "DescribeTaskDefinition"])
def test_throttled_request_is_not_known(aws: FakeAws, operation: str) -> None:
    aws.fails[operation] = error("ThrottlingException", "Rate exceeded")
    assert "ECS in eu-west-1 throttled the request" in not_known(read_one(aws, LOOKUP)).cause


def test_denied_list_of_deployments_is_not_known(aws: FakeAws) -> None:
    aws.service("main/web", ("shop:3", "IN_PROGRESS"), ("shop:2", "COMPLETED"))
    aws.fails["ListServiceDeployments"] = error("AccessDeniedException")
    assert not_known(read_one(aws, LOOKUP)).cause == f"ecs:ListServiceDeployments is denied in {REGION}"


@pytest.mark.parametrize("short", ["arn:aws:ecs:eu-west-1:111122223333:service/web", "web"])
def test_service_without_its_cluster_in_the_physical_id_is_not_known(aws: FakeAws, short: str) -> None:
    aws.stacks["shop"]["Web"] = ("AWS::ECS::Service", short, "CREATE_COMPLETE")
    state = read_one(aws, LOOKUP)
    assert not_known(state).cause == "the ARN of service web does not contain its cluster"
    assert isinstance(state, NotKnown)
    assert "set Service: cluster/service" in state.help


def test_service_that_ecs_fails_to_describe_is_not_known(aws: FakeAws) -> None:
    failure = {"arn": service_arn("main", "web"), "reason": "ACCESS_DENIED"}
    aws.answers["DescribeServices"] = {"services": [], "failures": [failure]}
    assert not_known(read_one(aws, LOOKUP)).cause == "ECS did not describe service main/web (ACCESS_DENIED)"


def test_missing_service_is_not_deployed(aws: FakeAws) -> None:
    aws.services["main/other"] = aws.services.pop("main/web")
    assert not_deployed(read_one(aws, LOOKUP)) == "service main/web does not exist"


def test_inactive_service_is_not_deployed(aws: FakeAws) -> None:
    aws.services["main/web"]["status"] = "INACTIVE"
    assert not_deployed(read_one(aws, LOOKUP)) == "service main/web does not exist"


def test_service_of_a_missing_cluster_is_not_deployed(aws: FakeAws) -> None:
    aws.services.clear()
    assert not_deployed(read_one(aws, LOOKUP)) == "cluster main does not exist"


@pytest.mark.parametrize("status", ["CREATE_FAILED", "DELETE_COMPLETE"])
def test_service_that_the_stack_did_not_create_is_not_deployed(aws: FakeAws, status: str) -> None:
    aws.stacks["shop"]["Web"] = ("AWS::ECS::Service", "", status)
    assert status in not_deployed(read_one(aws, LOOKUP))


def test_failed_first_deployment_is_not_deployed(aws: FakeAws) -> None:
    arn = aws.revision("main/web", 9, "shop:3", web=SECOND)
    aws.deployments.clear()
    for state in ("IN_PROGRESS", "FAILED"):
        aws.service("main/web", ("shop:3", state), revisions=[arn])
        aws.deployed("main/web", arn, "ROLLBACK_FAILED")
        assert not_deployed(read_one(aws, LOOKUP)) == "no deployment of service main/web has succeeded yet"


def test_service_without_deployments_that_ecs_still_lists_is_not_known(aws: FakeAws) -> None:
    aws.deployments.clear()
    aws.service("main/web", ("shop:3", "IN_PROGRESS"), createdAt=NOW - timedelta(days=91))
    assert "no successful one of the last 90 days" in not_known(read_one(aws, LOOKUP)).cause


def test_revision_that_ecs_does_not_describe_is_not_known(aws: FakeAws) -> None:
    aws.service("main/web", ("shop:3", "IN_PROGRESS"))
    aws.revisions.clear()
    assert not_known(read_one(aws, LOOKUP)).cause == "ECS did not describe the revision that service main/web runs"


def test_task_definition_that_ecs_does_not_describe_is_not_known(aws: FakeAws) -> None:
    del aws.definitions[task_definition_arn("shop:2")]
    assert "which ECS does not describe" in not_known(read_one(aws, LOOKUP)).cause


def test_completed_deployment_is_what_runs(aws: FakeAws) -> None:
    assert kept(read_one(aws, LOOKUP)) == RUNS_SECOND
    assert aws.count("ListServiceDeployments") == 0


@pytest.mark.parametrize("state", ["IN_PROGRESS", "FAILED"])
@pytest.mark.parametrize("page_size", [1, 100])
def test_last_successful_deployment_counts_while_another_is_not_complete(
    aws: FakeAws, state: str, page_size: int
) -> None:
    aws.page_size = page_size
    before = aws.deployments["main/web"][0]["targetServiceRevisionArn"]
    aws.deployments["main/web"] = []
    aws.deployed("main/web", aws.revision("main/web", 4, "shop:1", web=FIRST))
    aws.deployed("main/web", before)
    arn = aws.revision("main/web", 9, "shop:3", web=FIRST)
    aws.deployed("main/web", arn, "IN_PROGRESS")
    aws.service("main/web", ("shop:3", state), ("shop:2", "COMPLETED"), revisions=[before, arn])
    assert kept(read_one(aws, LOOKUP)) == RUNS_SECOND


def test_several_current_revisions_are_not_chosen_among(aws: FakeAws) -> None:
    former = aws.deployments["main/web"][0]["targetServiceRevisionArn"]
    other = aws.revision("main/web", 9, "shop:2", web=FIRST)
    aws.service("main/web", ("shop:2", "COMPLETED"), revisions=[other, former])
    for _ in range(90):
        aws.deployed("main/web", former)
    assert kept(read_one(aws, LOOKUP)) == RUNS_SECOND
    assert aws.count("ListServiceDeployments") == 1


def test_deployment_that_ecs_no_longer_lists_counts_while_its_tasks_run(aws: FakeAws) -> None:
    before = aws.deployments.pop("main/web")[0]["targetServiceRevisionArn"]
    forced = aws.revision("main/web", 9, "shop:2", web=FIRST)
    aws.service("main/web", ("shop:2", "IN_PROGRESS"), ("shop:2", "COMPLETED"), revisions=[forced, before])
    assert kept(read_one(aws, LOOKUP)) == RUNS_SECOND


def test_service_from_before_revisions_runs_the_task_definition_of_its_deployment(aws: FakeAws) -> None:
    aws.deployments.clear()
    aws.task_definition("shop:2", container(f"{REPOSITORY}@{SECOND}", label=f"{REPOSITORY}:2"))
    aws.service("main/web", ("shop:2", "COMPLETED"))
    assert kept(read_one(aws, LOOKUP)) == RUNS_SECOND
    aws.service("main/web", ("shop:3", "IN_PROGRESS"), ("shop:2", "COMPLETED"))
    assert kept(read_one(aws, LOOKUP)) == RUNS_SECOND


@pytest.mark.parametrize(("running", "is_complete"), [(2, True), (1, False)])
def test_counts_show_whether_a_deployment_without_a_state_is_complete(
    aws: FakeAws, running: int, *, is_complete: bool
) -> None:
    aws.deployments.clear()
    (deployment,) = aws.services["main/web"]["deployments"]
    del deployment["rolloutState"]
    deployment |= {"desiredCount": 2, "runningCount": running}
    assert isinstance(read_one(aws, LOOKUP), Deployed if is_complete else NotDeployed)


@pytest.mark.parametrize("controller", ["CODE_DEPLOY", "EXTERNAL"])
def test_primary_task_set_counts_with_other_deployment_controllers(aws: FakeAws, controller: str) -> None:
    aws.task_definition("shop:2", container(f"{REPOSITORY}@{SECOND}", label=f"{REPOSITORY}:2"))
    sets = [
        {"status": "ACTIVE", "taskDefinition": task_definition_arn("shop:3")},
        {"status": "PRIMARY", "taskDefinition": task_definition_arn("shop:2")},
    ]
    aws.service("main/web", deploymentController={"type": controller}, taskSets=sets)
    assert kept(read_one(aws, LOOKUP)) == RUNS_SECOND
    aws.service("main/web", deploymentController={"type": controller}, taskSets=[])
    assert not_deployed(read_one(aws, LOOKUP)) == "service main/web has no task set"
    aws.service("main/web", deploymentController={"type": controller}, taskSets=sets[:1])
    state = not_known(read_one(aws, LOOKUP))
    assert state.cause == "none of the task sets of service main/web is primary"


def test_named_service_replaces_those_in_the_stack(aws: FakeAws) -> None:
    aws.running("other/api", "shop:1", web=FIRST)
    state = read_one(aws, deployed_lookup(services=("Web",), named_services=("other/api",), stack_name=""))
    assert kept(state) == (f"{REPOSITORY}@{FIRST}", "", "service other/api")
    assert aws.count("ListStackResources") == 0


def test_service_that_the_template_adds_does_not_count(aws: FakeAws) -> None:
    assert kept(read_one(aws, deployed_lookup(services=("Web", "New")))) == RUNS_SECOND
    del aws.stacks["shop"]["Web"]
    assert kept(read_one(aws, LOOKUP))[::2] == (f"{REPOSITORY}@{FIRST}", "task definition shop:1")


def test_services_with_different_images_are_listed(aws: FakeAws) -> None:
    aws.running("main/api", "shop:1")
    lookup = deployed_lookup(services=("Web",), named_services=("main/web", "main/api"))
    assert not_known(read_one(aws, lookup)).cause == (
        f"services run different images of 'web': service main/api runs {REPOSITORY}@{FIRST}; "
        f"service main/web runs {REPOSITORY}@{SECOND}"
    )


def test_services_with_the_same_image_agree(aws: FakeAws) -> None:
    aws.running("main/api", "shop:2", 2, web=SECOND)
    aws.stacks["shop"]["Api"] = ("AWS::ECS::Service", service_arn("main", "api"), "CREATE_COMPLETE")
    assert kept(read_one(aws, deployed_lookup(services=("Web", "Api")))) == RUNS_SECOND


def test_service_that_runs_nothing_does_not_disagree(aws: FakeAws) -> None:
    aws.service("main/new", ("shop:3", "IN_PROGRESS"))
    assert kept(read_one(aws, deployed_lookup(named_services=("main/new", "main/web")))) == RUNS_SECOND


def test_unknown_service_is_not_outvoted(aws: FakeAws) -> None:
    aws.service("main/api", ("shop:3", "IN_PROGRESS"), createdAt=NOW - timedelta(days=91))
    lookup = deployed_lookup(named_services=("main/web", "main/api"))
    assert "service main/api" in not_known(read_one(aws, lookup)).cause


def test_many_services_cost_few_requests() -> None:
    aws = FakeAws()
    resources: dict[str, Any] = {}
    lookups = []
    for number in range(45):
        lookups += [
            deployed_lookup(name, resource=f"Task{number}", services=(f"Web{number}",)) for name in ("web", "side")
        ]
        arn = aws.task_definition(f"t{number}:1", container(f"{REPOSITORY}:1"), container(f"{REPOSITORY}:2", "side"))
        resources[f"Task{number}"] = ("AWS::ECS::TaskDefinition", arn)
        resources[f"Web{number}"] = ("AWS::ECS::Service", service_arn("main", f"web{number}"))
        aws.running(f"main/web{number}", f"t{number}:1", web=FIRST, side=SECOND)
    aws.stack(**resources)
    states = read_deployed(aws, *lookups)
    assert {str(state.image) for state in states.values() if isinstance(state, Deployed)} == {
        f"{REPOSITORY}@{FIRST}",
        f"{REPOSITORY}@{SECOND}",
    }
    assert {operation: aws.count(operation) for operation, _ in aws.calls} == {
        "ListStackResources": 1,
        "DescribeServices": 5,
        "DescribeServiceRevisions": 3,
        "DescribeTaskDefinition": 45,
    }
