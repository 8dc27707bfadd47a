"""A fake of CloudFormation, ECS and other services with deployed images, and lookups of them.

Requests and responses are checked against the models of the services in botocore.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from image_pinner.core.deployed import Deployed, DeployedLookup, DeployedState, NotDeployed, NotKnown
from image_pinner.core.template.options import Refresh
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.sites import SiteIdentity
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.deployed.source import AwsDeployedImages
from image_pinner.sources.interface import Deadline

REGION = "eu-west-1"
ACCOUNT = "111122223333"
REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop"
FIRST, SECOND, THIRD = (f"sha256:{character * 64}" for character in "abc")
NOW = datetime.now(UTC)

Response = dict[str, Any]


def error(code: str, message: str = "") -> ClientError:
    """Return the exception of an error response."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


def service_arn(cluster: str, name: str) -> str:
    return f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{cluster}/{name}"


def task_definition_arn(name: str) -> str:
    return f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{name}"


def revision_arn(service: str, number: int) -> str:
    return f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-revision/{service}/{number}"


def container(image: str, name: str = "web", label: str | None = None) -> Response:
    labels = {} if label is None else {"dockerLabels": {"image-pinner.source": label}}
    return {"name": name, "image": image, **labels}


@dataclass
class FakeAws:
    """Stacks, ECS services and task definitions, and the responses of other services.

    `service(...)` and `task_definition(...)` add state; `fails` has the exceptions of operations, `answers` the
    responses of operations of other services.
    """

    page_size: int = 100
    stacks: dict[str, dict[str, tuple[str, str, str]]] = field(default_factory=dict)
    templates: dict[str, Any] = field(default_factory=dict)
    definitions: dict[str, Response] = field(default_factory=dict)
    services: dict[str, Response] = field(default_factory=dict)
    revisions: dict[str, Response] = field(default_factory=dict)
    deployments: dict[str, list[Response]] = field(default_factory=dict)
    tasks: dict[str, list[Response]] = field(default_factory=dict)
    fails: dict[str, Exception] = field(default_factory=dict)
    answers: dict[str, Callable[[Response], Response] | Response] = field(default_factory=dict)
    calls: list[tuple[str, Response]] = field(default_factory=list)
    before: Callable[[str], None] = lambda _operation: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str, **options: Any) -> Any:
        """Return a client of this fake. See `boto3.Session.client`."""
        keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "example"}
        client = boto3.client(service, **keys, **options)
        model = client.meta.service_model

        def answer(operation: str, parameters: Response) -> Response:
            _validate(parameters, model.operation_model(operation).input_shape)
            with self._lock:
                self.calls.append((operation, parameters))
            self.before(operation)
            if failure := self.fails.get(operation):
                raise failure
            response = self._respond(operation, parameters)
            # botocore parses the body of a template if it is JSON.
            body = {"TemplateBody": str(response["TemplateBody"])} if "TemplateBody" in response else {}
            _validate(response | body, model.operation_model(operation).output_shape)
            return response

        client._make_api_call = answer
        return client

    def count(self, operation: str) -> int:
        return sum(called == operation for called, _ in self.calls)

    def stack(self, name: str = "shop", **resources: tuple[str, str] | tuple[str, str, str]) -> None:
        """Add a stack with resources: type, physical ID and status."""
        self.stacks[name] = {
            logical_id: (resource[0], resource[1], resource[2] if len(resource) == 3 else "CREATE_COMPLETE")
            for logical_id, resource in resources.items()
        }

    def task_definition(self, name: str, *containers: Response) -> str:
        """Register a task definition, `family:revision`, and return its ARN."""
        arn = task_definition_arn(name)
        self.definitions[arn] = {"taskDefinitionArn": arn, "containerDefinitions": list(containers)}
        return arn

    def revision(self, service: str, number: int, task_definition: str, **digests: str) -> str:
        """Add a service revision of `cluster/service`, and return its ARN."""
        arn = revision_arn(service, number)
        images = [{"containerName": name, "image": "x", "imageDigest": digest} for name, digest in digests.items()]
        self.revisions[arn] = {
            "serviceRevisionArn": arn,
            "taskDefinition": task_definition_arn(task_definition),
            "containerImages": images,
            "createdAt": NOW - timedelta(days=2) + timedelta(hours=number),
        }
        return arn

    def service(self, service: str, *deployments: tuple[str, str], revisions: Sequence[str] = (), **more: Any) -> None:
        """Add a service with its deployments, the primary one first: task definition and rollout state."""
        cluster, _, name = service.partition("/")
        self.services[service] = {
            "serviceArn": service_arn(cluster, name),
            "serviceName": name,
            "status": "ACTIVE",
            "createdAt": NOW - timedelta(days=3),
            "deployments": [
                {
                    "status": "ACTIVE" if number else "PRIMARY",
                    "taskDefinition": task_definition_arn(task_definition),
                    "rolloutState": state,
                }
                for number, (task_definition, state) in enumerate(deployments)
            ],
            "currentServiceRevisions": [{"arn": arn} for arn in revisions],
            **more,
        }

    def running(self, service: str, task_definition: str, number: int = 1, **digests: str) -> None:
        """Add a service whose only deployment is complete."""
        arn = self.revision(service, number, task_definition, **digests)
        self.service(service, (task_definition, "COMPLETED"), revisions=[arn])
        self.deployed(service, arn)

    def deployed(self, service: str, revision: str, status: str = "SUCCESSFUL") -> None:
        """Add a service deployment, newer than those before it."""
        deployments = self.deployments.setdefault(service, [])
        created = NOW - timedelta(days=1) + timedelta(minutes=len(deployments))
        deployments.append({"targetServiceRevisionArn": revision, "status": status, "createdAt": created})

    def task(self, service: str, task_definition: str, **digests: str) -> None:
        """Add a running task of a service."""
        tasks = self.tasks.setdefault(service, [])
        tasks.append(
            {
                "taskArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{service}/{len(tasks)}",
                "taskDefinitionArn": task_definition_arn(task_definition),
                "containers": [
                    {"name": name} | ({"imageDigest": digest} if digest else {}) for name, digest in digests.items()
                ],
            }
        )

    def _respond(self, operation: str, parameters: Response) -> Response:
        if operation in self.answers:
            answer = self.answers[operation]
            return answer(parameters) if callable(answer) else answer
        respond: Callable[[Response], Response] = {
            "ListStackResources": self._list_stack_resources,
            "GetTemplate": self._get_template,
            "DescribeTaskDefinition": self._describe_task_definition,
            "DescribeServices": self._describe_services,
            "DescribeServiceRevisions": self._describe_revisions,
            "ListServiceDeployments": self._list_deployments,
            "ListTasks": self._list_tasks,
            "DescribeTasks": self._describe_tasks,
        }[operation]
        return respond(parameters)

    def _list_stack_resources(self, parameters: Response) -> Response:
        if (name := parameters["StackName"]) not in self.stacks:
            raise error("ValidationError", f"Stack with id {name} does not exist")
        summaries = [
            {
                "LogicalResourceId": logical_id,
                "ResourceType": resource_type,
                "ResourceStatus": status,
                "LastUpdatedTimestamp": NOW,
            }
            | ({"PhysicalResourceId": physical_id} if physical_id else {})
            for logical_id, (resource_type, physical_id, status) in self.stacks[name].items()
        ]
        return self._page(summaries, "StackResourceSummaries", "NextToken", parameters)

    def _get_template(self, parameters: Response) -> Response:
        assert parameters["TemplateStage"] == "Processed"
        return {"TemplateBody": self.templates.get(parameters["StackName"], {})}

    def _describe_task_definition(self, parameters: Response) -> Response:
        name = parameters["taskDefinition"]
        found = [definition for arn, definition in self.definitions.items() if arn.startswith(f"{_arn(name)}:")]
        definition = self.definitions.get(name) or (found[-1] if found else None)
        if definition is None:
            raise error("ClientException", "Unable to describe task definition.")
        return {"taskDefinition": definition}

    def _describe_services(self, parameters: Response) -> Response:
        cluster, names = parameters["cluster"], parameters["services"]
        if not any(service.startswith(f"{cluster}/") for service in self.services):
            raise error("ClusterNotFoundException", "Cluster not found.")
        assert len(names) <= 10
        keys = {name: f"{cluster}/{name}" for name in names}
        failures = [
            {"arn": service_arn(cluster, name), "reason": "MISSING"}
            for name, key in keys.items()
            if key not in self.services
        ]
        found = [self.services[key] for key in keys.values() if key in self.services]
        return {"services": found, "failures": failures}

    def _describe_revisions(self, parameters: Response) -> Response:
        arns = parameters["serviceRevisionArns"]
        assert 1 <= len(arns) <= 20
        assert len(set(arns)) == len(arns)
        failures = [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in self.revisions]
        return {
            "serviceRevisions": [self.revisions[arn] for arn in arns if arn in self.revisions],
            "failures": failures,
        }

    def _list_deployments(self, parameters: Response) -> Response:
        deployments = self.deployments.get(f"{parameters['cluster']}/{parameters['service']}", [])
        found = [deployment for deployment in deployments if deployment["status"] in parameters["status"]]
        return self._page(found, "serviceDeployments", "nextToken", parameters, parameters.get("maxResults", 20))

    def _list_tasks(self, parameters: Response) -> Response:
        assert parameters["desiredStatus"] == "RUNNING"
        tasks = self.tasks.get(f"{parameters['cluster']}/{parameters['serviceName']}", [])
        return self._page([task["taskArn"] for task in tasks], "taskArns", "nextToken", parameters)

    def _describe_tasks(self, parameters: Response) -> Response:
        assert 1 <= len(parameters["tasks"]) <= 100
        every = {task["taskArn"]: task for tasks in self.tasks.values() for task in tasks}
        return {"tasks": [every[arn] for arn in parameters["tasks"]], "failures": []}

    def _page(self, items: list[Any], key: str, token: str, parameters: Response, size: int = 100) -> Response:
        start = int(parameters.get(token, 0))
        end = start + min(size, self.page_size)
        return {key: items[start:end]} | ({token: str(end)} if end < len(items) else {})


def _arn(name: str) -> str:
    return name if name.startswith("arn:") else task_definition_arn(name)


def _validate(value: Response, shape: Any) -> None:
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()


def deployed_lookup(
    container_name: str = "web",
    refresh: Refresh = Refresh.NEVER,
    *,
    resource: str = "Task",
    resource_type: str = "AWS::ECS::TaskDefinition",
    path: str = "Properties.ContainerDefinitions[0].Image",
    **more: Any,
) -> DeployedLookup:
    """Return the lookup of an image of the stack `shop`."""
    identity = SiteIdentity(resource, container_name, TemplatePath(("Properties",)))
    return DeployedLookup(identity, resource_type, refresh, path, **{"stack_name": "shop", **more})


def read_deployed(aws: Any, *lookups: DeployedLookup, seconds: float = 20) -> Mapping[DeployedLookup, DeployedState]:
    source = AwsDeployedImages(AwsClients(lambda: aws), REGION)
    states = source.read_deployed(lookups, Deadline.after(seconds))
    assert set(states) == set(lookups)
    return states


def read_one(aws: Any, lookup: DeployedLookup, seconds: float = 20) -> DeployedState:
    return read_deployed(aws, lookup, seconds=seconds)[lookup]


def kept(state: DeployedState) -> tuple[str, str, str]:
    """Return the image, the reference that it comes from, and what deployed it."""
    assert isinstance(state, Deployed), state
    return str(state.image), state.written, state.origin


def not_known(state: DeployedState) -> NotKnown:
    """Return why it is not known what is deployed, and check that there is help."""
    assert isinstance(state, NotKnown), state
    assert state.help
    return state


def not_deployed(state: DeployedState) -> str:
    """Return why nothing is deployed."""
    assert isinstance(state, NotDeployed), state
    return state.reason
