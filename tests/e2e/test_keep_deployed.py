"""A stack keeps the images that it runs: deployment scripts and the template deploy the same service.

The engine creates the cluster, the task definition and the service in the ECS of the tests. `ecs_facts` and
`image_pinner_ecs_resources` state what that ECS and the engine lack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from build_package.build import Package
from e2e.engine.access import HOST
from e2e.engine.cloudformation import Engine
from e2e.engine.environment import ROOT
from e2e.engine.ministack import Ministack
from e2e.installed_macro import installed
from e2e.roles import Allowed, policies
from e2e.stacks import StackFailedError, Stacks
from image_pinner.cli.demo.service_revisions import RolloutState

pytestmark = pytest.mark.e2e

TEMPLATE = (ROOT / "templates" / "ecs-keep-deployed.yaml").read_text("utf-8")
VALUES = {
    "Tag": "1",
    "SubnetIds": "subnet-1,subnet-2",
    "ExecutionRoleArn": "arn:aws:iam::000000000000:role/of-the-task",
}
CONTAINER_END = """              Value: !Ref LogLevel
"""
PROXY = f"""        - Name: proxy
          Image: !Sub "!PinDigest {HOST}/NAME/proxy:1"
"""
FAILING = """
  Later:
    Type: AWS::Lambda::Function
    DependsOn: Service
    Properties:
      Runtime: python3.13
      Handler: module.handler
      Role: !Ref ExecutionRoleArn
      Code: {S3Bucket: nobody-has-this-bucket, S3Key: nothing.zip}
"""
# What a service that the stack created runs, and whether the image that is kept still exists.
CALLS = {
    "cloudformation:ListStackResources",
    "ecs:DescribeServices",
    "ecs:DescribeServiceRevisions",
    "ecs:DescribeTaskDefinition",
    "ecr:DescribeImages",
}


class App(NamedTuple):
    """A stack with a service, the repository of its image, and the scripts that deploy it."""

    name: str
    stacks: Stacks
    ministack: Ministack

    @property
    def template(self) -> str:
        return TEMPLATE.replace("shop/web", f"{self.name}/web")

    @property
    def repository(self) -> str:
        return f"{HOST}/{self.name}/web"

    @property
    def ecs(self) -> Any:
        return self.ministack.client("ecs")

    def push(self, tag: str, content: str) -> str:
        """Push an image, and return its digest."""
        return self.ministack.push(f"{self.name}/web", tag, content)

    def delete(self, digest: str) -> None:
        """Delete an image from the registry."""
        identifier = {"imageDigest": digest}
        self.ministack.client("ecr").batch_delete_image(repositoryName=f"{self.name}/web", imageIds=[identifier])

    def create(self, refresh: str, *, template: str = "") -> None:
        """Create the stack from its template or another one."""
        self.stacks.create(self.name, template or self.template, {**VALUES, "ImageRefresh": refresh})

    def update(self, refresh: str, *, template: str = "", **values: str) -> None:
        """Update the stack with its template or another one."""
        self.stacks.update(self.name, template or self.template, {**VALUES, "ImageRefresh": refresh, **values})

    def deploy_by_script(self, tag: str) -> None:
        """Deploy a tag outside of CloudFormation: a revision of the task definition with another image."""
        running = self.task_definition()
        running["containerDefinitions"][0]["image"] = f"{self.repository}:{tag}"
        copied = {name: running[name] for name in ("family", "containerDefinitions", "cpu", "memory", "networkMode")}
        registered = self.ecs.register_task_definition(**copied)["taskDefinition"]
        cluster, service = self._service_name()
        self.ecs.update_service(cluster=cluster, service=service, taskDefinition=registered["taskDefinitionArn"])

    def task_definition(self) -> Any:
        """Return the task definition that the service runs."""
        return self.ecs.describe_task_definition(taskDefinition=self.service()["taskDefinition"])["taskDefinition"]

    def running(self) -> dict[str, str]:
        """Return the digest that each container of the service runs, as ECS resolved it."""
        arns = [revision["arn"] for revision in self.service()["currentServiceRevisions"]]
        (revision,) = self.ecs.describe_service_revisions(serviceRevisionArns=arns)["serviceRevisions"]
        return {image["containerName"]: image["imageDigest"] for image in revision["containerImages"]}

    def revisions(self) -> list[int]:
        """Return the active revisions of the task definition, the oldest first."""
        arns = self.ecs.list_task_definitions(familyPrefix=f"{self.name}-web")["taskDefinitionArns"]
        return [int(arn.rpartition(":")[2]) for arn in arns]

    def deployed_digests(self) -> list[str]:
        """Return the digest of each deployment of the service, the oldest first."""
        cluster, service = self._service_name()
        deployments = self.ecs.list_service_deployments(cluster=cluster, service=service)["serviceDeployments"]
        arns = [deployment["targetServiceRevisionArn"] for deployment in reversed(deployments)]
        described = self.ecs.describe_service_revisions(serviceRevisionArns=arns)["serviceRevisions"]
        return [revision["containerImages"][0]["imageDigest"] for revision in described]

    def service(self) -> Any:
        """Return the service of the stack."""
        cluster, service = self._service_name()
        return self.ecs.describe_services(cluster=cluster, services=[service])["services"][0]

    def _service_name(self) -> tuple[str, str]:
        """Return the cluster and the name in the ARN of the stack's service."""
        found = self.stacks.engine.client("cloudformation").describe_stack_resources(StackName=self.name)
        (arn,) = [one["PhysicalResourceId"] for one in found["StackResources"] if one["LogicalResourceId"] == "Service"]
        _, cluster, service = arn.rpartition(":")[2].split("/")
        return cluster, service


@pytest.fixture(scope="module")
def allowed(running_engine: Engine, package: Package) -> Iterator[list[Allowed]]:
    """What the role of the installed macro allows; the macro may look up the stacks of this module."""
    switches = {"KeepDeployed": "true", "StateScope": "stack:kept-*"}
    with installed(running_engine, package, "macro-that-keeps", **switches) as stack:
        yield policies(running_engine, stack)


@pytest.fixture
def app(engine: Engine, ministack: Ministack, allowed: list[Allowed], request: pytest.FixtureRequest) -> Iterator[App]:
    del allowed
    found = App(request.param, Stacks(engine), ministack)
    yield found
    found.stacks.remove(found.name)


@pytest.mark.parametrize("app", ["kept-by-scope"], indirect=True)
def test_the_stack_of_another_team_is_refused_without_a_request(app: App) -> None:
    app.push("1", "first")
    template = app.template.replace("StackName: !Ref AWS::StackName", "StackName: payments")
    with pytest.raises(StackFailedError, match="does not allow templates to look up what stack 'payments' runs"):
        app.create("Never", template=template)
    assert app.stacks.engine.calls.all() == []


@pytest.mark.parametrize("app", ["kept-by-existence"], indirect=True)
def test_a_kept_image_that_was_deleted_fails_the_update_until_the_tag_is_resolved(app: App) -> None:
    first, scripted = app.push("1", "first"), app.push("2", "scripted")
    app.create("Never")
    app.deploy_by_script("2")
    app.delete(scripted)
    with pytest.raises(StackFailedError) as failed:
        app.update("Never", LogLevel="debug")
    image = f"{app.repository}@{scripted}"
    assert re.search(rf"the deployed image {image} \(service [^ ]+\) no longer exists", str(failed.value))
    assert "help: push the image again, or set Refresh=Always for one deployment" in str(failed.value)
    assert app.running() == {"web": scripted}
    app.update("Always", LogLevel="debug")
    assert app.running() == {"web": first}


@pytest.mark.parametrize("app", ["kept-by-progress"], indirect=True)
@pytest.mark.parametrize("state", [RolloutState.IN_PROGRESS, RolloutState.FAILED])
def test_a_deployment_that_has_not_succeeded_does_not_count(app: App, state: RolloutState) -> None:
    app.push("1", "first")
    scripted, broken = app.push("2", "scripted"), app.push("3", "broken")
    app.create("Never")
    app.deploy_by_script("2")
    app.deploy_by_script("3")
    assert app.running() == {"web": broken}
    app.ministack.ecs.set_state(app.service()["serviceArn"], state)
    app.update("Never", LogLevel="debug")
    assert app.running() == {"web": scripted}


@pytest.mark.parametrize("app", ["kept-by-story"], indirect=True)
def test_an_update_keeps_what_runs_or_what_the_template_deployed_or_takes_the_tag(app: App) -> None:
    first, scripted = app.push("1", "first"), app.push("2", "scripted")
    app.create("OnChange")
    assert app.running() == {"web": first}
    moved = app.push("1", "moved")

    app.deploy_by_script("2")
    assert app.running() == {"web": scripted}
    app.update("OnChange", LogLevel="debug")
    assert app.running() == {"web": first}

    app.deploy_by_script("2")
    app.update("Never", LogLevel="warning")
    assert app.running() == {"web": scripted}
    (container,) = app.task_definition()["containerDefinitions"]
    assert container["image"] == f"{app.repository}@{scripted}"
    assert container["environment"] == [{"name": "LOG_LEVEL", "value": "warning"}]
    assert container["dockerLabels"] == {"image-pinner.source": f"{app.repository}:2"}

    app.update("Always", LogLevel="warning")
    assert app.running() == {"web": moved}
    assert app.deployed_digests() == [first, scripted, first, scripted, scripted, moved]
    # Those of the scripts stay; CloudFormation deregisters each one that it replaced.
    assert app.revisions() == [2, 4, 6]


@pytest.mark.parametrize("app", ["kept-by-rollback"], indirect=True)
def test_nothing_new_registers_no_revision_and_a_rollback_returns_to_the_earlier_digest(app: App) -> None:
    first = app.push("1", "first")
    app.create("OnChange")
    before, deployed = app.stacks.processed_text(app.name), app.task_definition()
    moved = app.push("1", "moved")
    app.update("OnChange")
    assert app.stacks.processed_text(app.name) == before
    assert app.task_definition() == deployed

    with pytest.raises(StackFailedError, match="UPDATE_ROLLBACK_COMPLETE"):
        app.update("Always", template=app.template + FAILING)
    assert app.deployed_digests() == [first, moved, first]
    assert app.stacks.processed_text(app.name) == before
    assert app.task_definition() == deployed
    assert app.revisions() == [1]
    app.update("OnChange", LogLevel="debug")
    assert app.running() == {"web": first}


@pytest.mark.parametrize("app", ["kept-by-override"], indirect=True)
def test_a_new_container_is_resolved_and_a_written_digest_overrides_what_runs(app: App) -> None:
    first, scripted = app.push("1", "first"), app.push("2", "scripted")
    proxy = app.ministack.push(f"{app.name}/proxy", "1", "proxy")
    app.create("Never")
    app.deploy_by_script("2")
    app.push("1", "broken")
    with_proxy = app.template.replace(CONTAINER_END, CONTAINER_END + PROXY.replace("NAME", app.name))
    app.update("Never", template=with_proxy)
    assert app.running() == {"web": scripted, "proxy": proxy}

    app.stacks.engine.calls.forget()
    app.update("Never", EmergencyImage=f"{app.repository}@{first}")
    assert app.running() == {"web": first}
    assert app.stacks.engine.calls.all() == []
    # A marked parameter with a digest is taken as written, too.
    marked = re.sub(r"Image: !If\n(?: {12}.*\n){3}", 'Image: !Sub "!PinDigest ${EmergencyImage}"\n', app.template)
    app.update("Never", template=marked, EmergencyImage=f"{app.repository}@{scripted}")
    assert app.running() == {"web": scripted}
    assert app.stacks.engine.calls.all() == []
    # Without the override, the image stays until its tag is wanted.
    app.update("Never")
    assert app.running() == {"web": scripted}


@pytest.mark.parametrize("app", ["kept-by-previous"], indirect=True)
def test_the_processed_template_is_deployed_again_without_the_macro(app: App) -> None:
    """CloudFormation does this with UsePreviousTemplate, which the engine does not implement."""
    first = app.push("1", "first")
    app.create("Always")
    good = app.push("1", "moved")
    processed = app.stacks.processed_text(app.name)
    invocations = len(app.stacks.engine.invocations())

    app.update("Always", template=processed, LogLevel="debug")
    assert app.running() == {"web": first}
    (container,) = app.task_definition()["containerDefinitions"]
    assert container["environment"] == [{"name": "LOG_LEVEL", "value": "debug"}]
    # The override works also while the macro cannot run.
    app.update("Always", template=processed, EmergencyImage=f"{app.repository}@{good}")
    assert app.running() == {"web": good}
    assert len(app.stacks.engine.invocations()) == invocations


@pytest.mark.parametrize("app", ["kept-by-role"], indirect=True)
def test_the_function_calls_what_its_role_allows_and_the_registry_once(app: App, allowed: list[Allowed]) -> None:
    first = app.push("1", "first")
    app.create("Never")
    app.push("1", "moved")
    calls = app.stacks.engine.calls
    for refresh, unneeded in (("Never", set()), ("OnChange", {"ecs:DescribeServices", "ecs:DescribeServiceRevisions"})):
        calls.forget()
        app.update(refresh, LogLevel=refresh)
        assert app.running() == {"web": first}
        assert calls.actions() == CALLS - unneeded
        assert [call for call in calls.all() if not any(one.allows(call) for one in allowed)] == []
        # The registry has one request, for the digest: the tag is that of another image.
        assert [call.action for call in calls.all()].count("ecr:DescribeImages") == 1
        assert calls.downloads() == []
