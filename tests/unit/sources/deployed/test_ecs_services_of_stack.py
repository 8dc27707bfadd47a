"""Which services of a stack run a task definition: by references in the template, and by what they run (`Never`)."""

from __future__ import annotations

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
    read_deployed,
    read_one,
    service_arn,
    task_definition_arn,
)

TASK, SERVICE = "AWS::ECS::TaskDefinition", "AWS::ECS::Service"
RUNS = (f"{REPOSITORY}@{SECOND}", f"{REPOSITORY}:2", "service main/web")
OF_STACK = (f"{REPOSITORY}@{FIRST}", "", "task definition shop:1")


@pytest.fixture
def switch(aws: FakeAws) -> FakeAws:
    """Return a stack with a second task definition, which its service runs."""
    aws.stacks["shop"]["Other"] = (TASK, aws.task_definition("other:1", container(f"nginx@{THIRD}")), "CREATE_COMPLETE")
    aws.running("main/web", "other:1")
    return aws


class TestWithoutReference:
    """The template names the family, imports it, or has the service under another logical ID."""

    def test_service_that_runs_the_family_counts(self, aws: FakeAws) -> None:
        assert kept(read_one(aws, deployed_lookup())) == RUNS

    def test_service_that_runs_another_family_does_not_count(self, switch: FakeAws) -> None:
        assert kept(read_one(switch, deployed_lookup())) == OF_STACK

    def test_family_that_starts_with_the_same_name_is_another(self, aws: FakeAws) -> None:
        aws.task_definition("shop-2:1", container(f"nginx@{THIRD}"))
        aws.running("main/web", "shop-2:1")
        assert kept(read_one(aws, deployed_lookup())) == OF_STACK

    @pytest.mark.parametrize("controller", ["CODE_DEPLOY", "EXTERNAL"])
    def test_service_with_a_task_set_of_the_family_counts(self, aws: FakeAws, controller: str) -> None:
        aws.task_definition("shop:2", container(f"{REPOSITORY}@{SECOND}", label=f"{REPOSITORY}:2"))
        sets = [{"status": "PRIMARY", "taskDefinition": task_definition_arn("shop:2")}]
        aws.service("main/web", deploymentController={"type": controller}, taskSets=sets)
        assert kept(read_one(aws, deployed_lookup())) == RUNS

    def test_last_successful_deployment_of_the_family_counts(self, switch: FakeAws) -> None:
        switch.deployments.clear()
        switch.deployed("main/web", switch.revision("main/web", 1, "shop:2", web=SECOND))
        switch.service("main/web", ("other:1", "IN_PROGRESS"), ("shop:2", "COMPLETED"))
        assert kept(read_one(switch, deployed_lookup())) == RUNS

    def test_deployment_of_the_family_that_did_not_succeed_does_not_count(self, switch: FakeAws) -> None:
        switch.service("main/web", ("shop:2", "FAILED"), ("other:1", "COMPLETED"))
        assert kept(read_one(switch, deployed_lookup())) == OF_STACK

    def test_first_deployment_that_has_not_succeeded_is_not_deployed(self, aws: FakeAws) -> None:
        aws.deployments.clear()
        aws.service("main/web", ("shop:2", "IN_PROGRESS"))
        assert isinstance(read_one(aws, deployed_lookup()), NotDeployed)

    def test_services_with_and_without_a_reference_must_agree(self, aws: FakeAws) -> None:
        aws.stacks["shop"]["Canary"] = (SERVICE, service_arn("main", "canary"), "CREATE_COMPLETE")
        aws.running("main/canary", "shop:1")
        cause = not_known(read_one(aws, deployed_lookup(services=("Web",)))).cause
        assert cause.startswith("services run different images of 'web': service main/canary runs ")

    def test_service_that_refers_to_one_of_two_task_definitions_of_a_family_counts_for_that_one(
        self, aws: FakeAws
    ) -> None:
        aws.stacks["shop"]["Jobs"] = (
            TASK,
            aws.task_definition("shop:0", container(f"nginx@{THIRD}")),
            "CREATE_COMPLETE",
        )
        web, jobs = deployed_lookup(services=("Web",)), deployed_lookup(resource="Jobs")
        states = read_deployed(aws, web, jobs)
        assert (kept(states[web]), kept(states[jobs])[0]) == (RUNS, f"nginx@{THIRD}")
        assert not_known(read_one(aws, jobs)).cause == "service main/web runs shop:2, which can be 'Jobs' or 'Task'"

    def test_deleted_service_does_not_count(self, aws: FakeAws) -> None:
        aws.services["main/other"] = aws.services.pop("main/web")
        assert kept(read_one(aws, deployed_lookup())) == OF_STACK

    def test_service_that_is_not_known_can_run_it(self, aws: FakeAws) -> None:
        aws.fails["DescribeServices"] = error("AccessDeniedException")
        assert not_known(read_one(aws, deployed_lookup())).cause == "ecs:DescribeServices is denied in eu-west-1"

    def test_service_without_its_cluster_in_the_physical_id_can_run_it(self, aws: FakeAws) -> None:
        aws.stacks["shop"]["Web"] = (SERVICE, "arn:aws:ecs:eu-west-1:111122223333:service/web", "CREATE_COMPLETE")
        state = not_known(read_one(aws, deployed_lookup()))
        assert state.cause == "the ARN of service web does not contain its cluster"
        assert state.help == "set Service: cluster/service or Family in the Metadata of the resource"

    def test_services_that_are_not_known_do_not_matter_next_to_one_with_a_reference(self, aws: FakeAws) -> None:
        aws.stacks["shop"]["Short"] = (SERVICE, "arn:aws:ecs:eu-west-1:111122223333:service/x", "CREATE_COMPLETE")
        aws.stacks["shop"]["Denied"] = (SERVICE, service_arn("other", "x"), "CREATE_COMPLETE")
        assert kept(read_one(aws, deployed_lookup(services=("Web",)))) == RUNS

    @pytest.mark.parametrize("arn", ["arn:aws:ecs:eu-west-1:111122223333:service/web", service_arn("main", "web")])
    def test_service_that_is_not_known_does_not_matter_if_it_refers_to_another_task_definition(
        self, aws: FakeAws, arn: str
    ) -> None:
        aws.stacks["shop"]["Web"] = (SERVICE, arn, "CREATE_COMPLETE")
        aws.fails["DescribeServices"] = error("AccessDeniedException")
        assert kept(read_one(aws, deployed_lookup(referring=frozenset({"Web"})))) == OF_STACK
        not_known(read_one(aws, deployed_lookup(services=("Web",), referring=frozenset({"Web"}))))

    def test_services_do_not_matter_on_change(self, aws: FakeAws) -> None:
        assert kept(read_one(aws, deployed_lookup(refresh=Refresh.ON_CHANGE))) == OF_STACK
        assert aws.count("DescribeServices") == 0


class TestSwitch:
    """The template lets a service run another task definition than before."""

    DECLARED = frozenset({"Task", "Other", "New"})

    @pytest.mark.parametrize("alternative", ["", "Other"])
    def test_image_of_another_task_definition_is_not_kept(self, switch: FakeAws, alternative: str) -> None:
        lookup = deployed_lookup(services=("Web",), alternative=alternative, declared=self.DECLARED)
        assert kept(read_one(switch, lookup)) == OF_STACK

    @pytest.mark.parametrize("alternative", ["", "Other"])
    @pytest.mark.parametrize("declared", [DECLARED, {"New", "Oth${Id}"}])
    def test_new_task_definition_is_not_deployed(
        self, switch: FakeAws, alternative: str, declared: frozenset[str]
    ) -> None:
        lookup = deployed_lookup(
            resource="New", services=("Web",), alternative=alternative, declared=frozenset(declared)
        )
        assert read_one(switch, lookup) == NotDeployed("stack shop has no resource New")

    def test_task_definition_with_another_logical_id_keeps_what_runs(self, aws: FakeAws) -> None:
        lookup = deployed_lookup(resource="Renamed", services=("Web",), declared=frozenset({"Renamed"}))
        assert kept(read_one(aws, lookup)) == RUNS

    def test_task_definition_that_runs_is_known_among_alternatives(self, switch: FakeAws) -> None:
        lookup = deployed_lookup(resource="Other", services=("Web",), alternative="Task", declared=self.DECLARED)
        assert kept(read_one(switch, lookup))[0] == f"nginx@{THIRD}"

    def test_family_outside_of_the_stack_counts_for_the_only_task_definition_of_the_service(self, aws: FakeAws) -> None:
        aws.task_definition("scripts:1", container(f"{REPOSITORY}:2"))
        aws.running("main/web", "scripts:1", web=SECOND)
        assert kept(read_one(aws, deployed_lookup(services=("Web",)))) == RUNS

    @pytest.mark.parametrize("resource", ["Task", "Renamed"])
    def test_family_of_no_alternative_or_of_several_is_not_known(self, aws: FakeAws, resource: str) -> None:
        lookup = deployed_lookup(
            resource=resource, services=("Web",), alternative="Other", declared=frozenset({resource, "Other"})
        )
        aws.task_definition("scripts:1", container(f"{REPOSITORY}:2"))
        aws.running("main/web", "scripts:1", web=SECOND)
        state = not_known(read_one(aws, lookup))
        assert state.cause == f"service main/web runs scripts:1, which can be '{resource}' or 'Other'"
        assert state.help == "set Family or Service in the Metadata of each of them, or set Refresh=OnChange"
        aws.running("main/web", "shop:2", web=SECOND)
        aws.stacks["shop"]["Other"] = (TASK, aws.task_definition("shop:3", container("x")), "CREATE_COMPLETE")
        state = not_known(read_one(aws, lookup._replace(declared=frozenset({resource}))))
        assert "runs shop:2, which can be" in state.cause
