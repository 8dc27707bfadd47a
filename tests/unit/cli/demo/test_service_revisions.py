"""Service revisions are recorded as ECS does: the digest that a tag has when a deployment starts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import botocore.parsers
import botocore.session
import botocore.validate
import pytest

from image_pinner.cli.demo.service_revisions import Reply, RolloutState, ServiceRevisions

ARN = "arn:aws:ecs:eu-central-1:111122223333"
SERVICE = f"{ARN}:service/shop/web"
IMAGE = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/web:1.4.2"
OLD, NEW = (f"sha256:{character * 64}" for character in "ab")


@dataclass
class EcsWithoutRevisions:
    """An ECS server with one service, behind the class under test."""

    digests: dict[str, str] = field(default_factory=lambda: {IMAGE: OLD})
    task_definitions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    service: dict[str, Any] | None = None
    revisions: ServiceRevisions = field(init=False)

    def __post_init__(self) -> None:
        self.revisions = ServiceRevisions(self.call, self.digests.get, clock=lambda: 1_760_000_000.5)
        self.register(image=IMAGE)

    def call(self, operation: str, request: dict[str, Any]) -> Reply:
        """Respond as the server alone."""
        if operation == "DescribeTaskDefinition":
            arn = request["taskDefinition"]
            arn = arn if arn.startswith("arn:") else f"{ARN}:task-definition/{arn}"
            if arn not in self.task_definitions:
                return Reply(400, {"__type": "ClientException", "message": "Unable to describe task definition."})
            definition = {"taskDefinitionArn": arn, "containerDefinitions": self.task_definitions[arn]}
            return Reply(200, {"taskDefinition": definition})
        if request.get("cluster") != "shop":
            return Reply(400, {"__type": "ClusterNotFoundException", "message": "Cluster not found."})
        if operation == "DescribeServices":
            is_known = self.service and request["services"] in (["web"], [SERVICE])
            return Reply(200, {"services": [self.service] if is_known else [], "failures": []})
        known = {"serviceArn": SERVICE, "serviceName": "web", "clusterArn": f"{ARN}:cluster/shop", "desiredCount": 2}
        changed: dict[str, Any] = {
            name: request[name] for name in ("taskDefinition", "desiredCount") if name in request
        }
        status = "INACTIVE" if operation == "DeleteService" else "ACTIVE"
        self.service = {**known, **(self.service or {}), **changed, "status": status}
        return Reply(200, {"service": self.service})

    def register(self, **container: Any) -> str:
        """Register a task definition with one container, and return its name."""
        name = f"web:{len(self.task_definitions) + 1}"
        self.task_definitions[f"{ARN}:task-definition/{name}"] = [{"name": "web", **container}]
        return name

    def request(self, operation: str, **request: Any) -> dict[str, Any]:
        """Respond through the class under test, and check the response against the model of the service."""
        reply = self.revisions.answer(operation, request) or self.call(operation, request)
        if reply.status != 200:
            return parse(operation, reply)
        body = self.revisions.complete(operation, request, reply.body)
        return parse(operation, Reply(reply.status, body))

    def deploy(self, task_definition: str = "web:1", **request: Any) -> None:
        """Create or update the service."""
        operation = "UpdateService" if self.service else "CreateService"
        name = "service" if self.service else "serviceName"
        self.request(operation, cluster="shop", **{name: "web"}, taskDefinition=task_definition, **request)

    def described(self) -> dict[str, Any]:
        """Return the service."""
        (service,) = self.request("DescribeServices", cluster="shop", services=["web"])["services"]
        assert isinstance(service, dict)
        return service

    def deployments(self, **request: Any) -> list[dict[str, Any]]:
        """Return the deployments of the service."""
        found = self.request("ListServiceDeployments", cluster="shop", service="web", **request)
        return list(found["serviceDeployments"])

    def current_images(self) -> list[dict[str, Any]]:
        """Return the images of the first current revision."""
        arn = self.described()["currentServiceRevisions"][0]["arn"]
        (revision,) = self.request("DescribeServiceRevisions", serviceRevisionArns=[arn])["serviceRevisions"]
        return list(revision["containerImages"])


def parse(operation: str, reply: Reply) -> dict[str, Any]:
    """Parse a response as boto3 does, and validate it with the model of the service, as botocore does requests."""
    shape = botocore.session.get_session().get_service_model("ecs").operation_model(operation).output_shape
    if reply.status == 200:
        errors = botocore.validate.ParamValidator().validate(reply.body, shape)
        assert not errors.has_errors(), errors.generate_report()
    body = json.dumps(reply.body).encode()
    response = {"status_code": reply.status, "headers": {}, "body": body}
    parsed = botocore.parsers.create_parser("json").parse(response, shape)
    assert isinstance(parsed, dict)
    return parsed


def test_more_than_20_revisions_are_refused() -> None:
    found = EcsWithoutRevisions().request("DescribeServiceRevisions", serviceRevisionArns=["x"] * 21)
    assert found["Error"]["Code"] == "InvalidParameterException"


def test_an_unknown_revision_is_a_failure() -> None:
    found = EcsWithoutRevisions().request("DescribeServiceRevisions", serviceRevisionArns=["x"])
    assert found["serviceRevisions"] == []
    assert found["failures"] == [{"arn": "x", "reason": "MISSING"}]


@pytest.mark.parametrize(
    ("cluster", "code"), [("shop", "ServiceNotFoundException"), ("other", "ClusterNotFoundException")]
)
def test_deployments_of_an_unknown_service_are_refused(cluster: str, code: str) -> None:
    found = EcsWithoutRevisions().request("ListServiceDeployments", cluster=cluster, service="web")
    assert found["Error"]["Code"] == code


def test_an_error_of_the_server_is_passed_on() -> None:
    ecs = EcsWithoutRevisions()
    found = ecs.request("CreateService", cluster="other", serviceName="web", taskDefinition="web:1")
    assert found["Error"]["Code"] == "ClusterNotFoundException"
    assert ecs.service is None


def test_the_digest_is_the_one_of_the_tag_when_the_service_was_deployed() -> None:
    ecs = EcsWithoutRevisions()
    ecs.deploy()
    ecs.digests[IMAGE] = NEW
    assert ecs.current_images() == [{"containerName": "web", "image": IMAGE, "imageDigest": OLD}]


def test_a_service_that_was_created_inside_the_server_is_recorded_when_first_described() -> None:
    ecs = EcsWithoutRevisions()
    ecs.call("CreateService", {"cluster": "shop", "taskDefinition": "web:1"})
    ecs.described()
    ecs.digests[IMAGE] = NEW
    assert [image["imageDigest"] for image in ecs.current_images()] == [OLD]


def test_a_service_that_was_created_inside_the_server_has_deployments_without_being_described() -> None:
    ecs = EcsWithoutRevisions()
    ecs.call("CreateService", {"cluster": "shop", "taskDefinition": "web:1"})
    assert len(ecs.deployments()) == 1


def test_a_new_task_definition_is_another_revision() -> None:
    ecs = EcsWithoutRevisions()
    ecs.deploy()
    other = IMAGE.replace("1.4.2", "1.5.0")
    ecs.digests[other] = NEW
    ecs.deploy(ecs.register(image=other))
    assert ecs.current_images() == [{"containerName": "web", "image": other, "imageDigest": NEW}]
    assert len(ecs.deployments()) == 2


def test_a_forced_deployment_resolves_the_tag_again() -> None:
    ecs = EcsWithoutRevisions()
    ecs.deploy()
    ecs.digests[IMAGE] = NEW
    ecs.deploy(forceNewDeployment=True)
    assert [image["imageDigest"] for image in ecs.current_images()] == [NEW]


@pytest.mark.parametrize("request_", [{}, {"desiredCount": 5}])
def test_an_update_without_a_deployment_makes_no_revision(request_: dict[str, Any]) -> None:
    ecs = EcsWithoutRevisions()
    ecs.deploy()
    before = ecs.described()["currentServiceDeployment"]
    ecs.deploy(**request_)
    assert ecs.described()["currentServiceDeployment"] == before


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"image": IMAGE, "versionConsistency": "disabled"}, {}),
        ({"image": IMAGE.replace("1.4.2", "unknown")}, {}),
        ({"image": f"shop/web@{NEW}"}, {"imageDigest": NEW}),
        ({"image": f"{IMAGE}@{NEW}"}, {"imageDigest": NEW}),
        ({"image": IMAGE, "versionConsistency": "enabled"}, {"imageDigest": OLD}),
    ],
)
def test_which_containers_have_a_digest(container: dict[str, Any], expected: dict[str, str]) -> None:
    ecs = EcsWithoutRevisions()
    ecs.deploy(ecs.register(**container))
    assert ecs.current_images() == [{"containerName": "web", "image": container["image"], **expected}]


def test_a_failed_first_deployment_is_the_only_one_and_has_no_running_task() -> None:
    ecs = EcsWithoutRevisions()
    ecs.deploy()
    ecs.revisions.set_state(SERVICE, RolloutState.FAILED)
    service = ecs.described()
    assert [(one["status"], one["rolloutState"]) for one in service["deployments"]] == [("PRIMARY", "FAILED")]
    assert [one["runningTaskCount"] for one in service["currentServiceRevisions"]] == [0]
    assert ecs.deployments(status=["SUCCESSFUL"]) == []
    assert [one["status"] for one in ecs.deployments()] == ["STOPPED"]


def test_the_successful_revision_still_runs_during_a_deployment() -> None:
    ecs = EcsWithoutRevisions()
    ecs.deploy()
    ecs.deploy(ecs.register(image=IMAGE))
    ecs.revisions.set_state(SERVICE, RolloutState.IN_PROGRESS)
    service = ecs.described()
    assert [(one["taskDefinition"][-5:], one["status"], one["rolloutState"]) for one in service["deployments"]] == [
        ("web:2", "PRIMARY", "IN_PROGRESS"),
        ("web:1", "ACTIVE", "COMPLETED"),
    ]
    newest, oldest = ecs.deployments()
    assert [one["arn"] for one in service["currentServiceRevisions"]] == [
        newest["targetServiceRevisionArn"],
        oldest["targetServiceRevisionArn"],
    ]
    assert service["currentServiceDeployment"] == newest["serviceDeploymentArn"]
    assert ecs.deployments(status=["SUCCESSFUL"]) == [oldest]
    assert ecs.deployments(maxResults=1) == [newest]


def test_a_service_that_is_created_again_has_no_earlier_deployments() -> None:
    ecs = EcsWithoutRevisions()
    ecs.deploy()
    ecs.request("DeleteService", cluster="shop", service="web")
    ecs.service = None
    ecs.deploy()
    assert len(ecs.deployments()) == 1


def test_a_service_whose_task_definition_was_deleted_is_described_without_revisions() -> None:
    ecs = EcsWithoutRevisions()
    ecs.call("CreateService", {"cluster": "shop", "taskDefinition": "web:9"})
    assert "currentServiceRevisions" not in ecs.described()
