"""The part of CloudFormation that the demo requires: stacks of ECS task definitions and services.

moto's CloudFormation does not update a service whose task definition is replaced, and loads all services of moto.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_UPDATED = "2026-01-01T00:00:00Z"


class _Resource(NamedTuple):
    """A deployed resource; `properties` are as in the API of ECS."""

    type: str
    properties: dict[str, Any]
    physical_id: str


class _Stack(NamedTuple):
    """A stack: its processed template, its resources by logical ID, and the template before."""

    template: Mapping[str, Any]
    resources: Mapping[str, _Resource]
    previous: Mapping[str, Any]


class StackApplication:
    """Serves stacks as CloudFormation does, and passes all other requests to the WSGI application `inner`."""

    def __init__(self, inner: WSGIApplication) -> None:
        self._inner = inner
        self._stacks: dict[str, _Stack] = {}

    def deploy(self, ecs: Any, name: str, template: Mapping[str, Any]) -> None:
        """Create or update a stack from a processed template. Only resources that change are deployed.

        Args:
            ecs: A client of ECS.
            name: The name of the stack.
            template: The template, in which the only functions are references between resources.
        """
        stack = self._stacks.get(name, _Stack({}, {}, {}))
        deployed: dict[str, _Resource] = {}
        resources = template["Resources"]
        for logical_id in sorted(resources, key=lambda name: list(_DEPLOY).index(resources[name]["Type"])):
            kind = resources[logical_id]["Type"]
            properties = _to_api(resources[logical_id]["Properties"], deployed)
            resource = stack.resources.get(logical_id)
            if resource is None or resource.properties != properties:
                resource = _Resource(kind, properties, _DEPLOY[kind](ecs, properties, resource))
            deployed[logical_id] = resource
        self._stacks[name] = _Stack(template, deployed, stack.template)

    def roll_back(self, ecs: Any, name: str) -> None:
        """Return a stack to its previous processed template, as CloudFormation does if an update fails."""
        self.deploy(ecs, name, self._stacks[name].previous)

    def template(self, name: str) -> Mapping[str, Any]:
        """Return the processed template of a stack."""
        return self._stacks[name].template

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to a request; see https://peps.python.org/pep-3333/."""
        if "/cloudformation/" not in environ.get("HTTP_AUTHORIZATION", ""):
            return self._inner(environ, start_response)
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        request = dict(parse_qsl(content.decode()))
        stack = self._stacks.get(request["StackName"])
        if stack is None:
            message = f"Stack with id {request['StackName']} does not exist"
            status, answer = "400 Bad Request", {"Error": {"Code": "ValidationError", "Message": message}}
            root = "ErrorResponse"
        else:
            status, root = "200 OK", f"{request['Action']}Response"
            answer = {f"{request['Action']}Result": _ANSWERS[request["Action"]](stack)}
        body = ET.tostring(_to_xml(root, answer))
        headers = [("Content-Type", "text/xml"), ("Content-Length", str(len(body))), ("x-amzn-RequestId", "demo")]
        start_response(status, headers)
        return [body]


def _register(ecs: Any, properties: Mapping[str, Any], before: _Resource | None) -> str:
    if before:
        ecs.deregister_task_definition(taskDefinition=before.physical_id)
    return str(ecs.register_task_definition(**properties)["taskDefinition"]["taskDefinitionArn"])


def _create_or_update(ecs: Any, properties: Mapping[str, Any], before: _Resource | None) -> str:
    if before is None:
        return str(ecs.create_service(**properties)["service"]["serviceArn"])
    changed = {key: value for key, value in properties.items() if key != "serviceName"}
    ecs.update_service(service=before.physical_id, **changed)
    return before.physical_id


_DEPLOY: dict[str, Callable[[Any, Mapping[str, Any], _Resource | None], str]] = {
    "AWS::ECS::TaskDefinition": _register,
    "AWS::ECS::Service": _create_or_update,
}
"""What creates or updates a resource and returns its physical ID, in the order of deployment."""


def _to_api(value: Any, deployed: Mapping[str, _Resource]) -> Any:
    """Return properties with the names of the API of ECS and the physical IDs of resources."""
    if isinstance(value, list):
        return [_to_api(element, deployed) for element in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return deployed[value["Ref"]].physical_id
    return {
        key[0].lower() + key[1:]: inside if key == "DockerLabels" else _to_api(inside, deployed)
        for key, inside in value.items()
    }


def _list_resources(stack: _Stack) -> Any:
    """See https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html."""
    return {
        "StackResourceSummaries": [
            {
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": resource.physical_id,
                "ResourceType": resource.type,
                "ResourceStatus": "UPDATE_COMPLETE",
                "LastUpdatedTimestamp": _UPDATED,
            }
            for logical_id, resource in stack.resources.items()
        ]
    }


def _get_template(stack: _Stack) -> Any:
    """See https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html."""
    return {"TemplateBody": json.dumps(stack.template)}


_ANSWERS: dict[str, Callable[[_Stack], Any]] = {"ListStackResources": _list_resources, "GetTemplate": _get_template}


def _to_xml(name: str, value: Any) -> ET.Element:
    element = ET.Element(name)
    if isinstance(value, dict):
        element.extend([_to_xml(key, inside) for key, inside in value.items()])
    elif isinstance(value, list):
        element.extend([_to_xml("member", inside) for inside in value])
    else:
        element.text = str(value)
    return element
