"""What a stack has deployed: its resources, and the records in its template.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html (DescribeStackResources
returns at most 100) and https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from image_pinner.core.advice import Advice
from image_pinner.core.deployed import TASK_DEFINITION, Deployed, DeployedLookup, DeployedState, NotDeployed, NotKnown
from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.images.references import ImageReference
from image_pinner.core.intrinsics.values import JsonValue
from image_pinner.core.template.options import Refresh
from image_pinner.core.template.records import RECORD_KEY, record_for
from image_pinner.sources.deployed.calls import AwsCalls, Operation
from image_pinner.sources.deployed.found import FoundImage

_ABSENT = "^ValidationError: .*does not exist"
LIST_RESOURCES = Operation("cloudformation:ListStackResources", "CloudFormation", absent=_ABSENT)
GET_TEMPLATE = Operation("cloudformation:GetTemplate", "CloudFormation", absent=_ABSENT)
OPERATIONS = (LIST_RESOURCES, GET_TEMPLATE)

# Of a resource that was never created, or is no longer in the stack.
_NOT_DEPLOYED = frozenset({"CREATE_FAILED", "DELETE_COMPLETE", "DELETE_SKIPPED"})
# SAM replaces the type of a function and moves its image, and keeps its logical ID and Metadata.
_TYPES_IN_STACK = {"AWS::Serverless::Function": "AWS::Lambda::Function"}
_PATHS_IN_STACK = {"AWS::Serverless::Function": "Properties.Code.ImageUri"}


class StackResource(NamedTuple):
    """A resource of a stack."""

    type: str
    physical_id: str
    status: str


class Stack(NamedTuple):
    """A stack and its resources by logical ID; none if there is no such stack."""

    name: str
    resources: Mapping[str, StackResource]

    def find(self, logical_id: str, resource_type: str) -> str | NotDeployed:
        """Return the physical ID of a resource, unless it is not deployed."""
        resource = self.resources.get(logical_id)
        if resource is None:
            return NotDeployed(f"stack {self.name} has no resource {logical_id}")
        if resource.type != _TYPES_IN_STACK.get(resource_type, resource_type):
            return NotDeployed(f"resource {logical_id} of stack {self.name} is an {resource.type}")
        if resource.status in _NOT_DEPLOYED or not resource.physical_id:
            return NotDeployed(f"resource {logical_id} of stack {self.name} is not created ({resource.status})")
        return resource.physical_id


def read_stacks(calls: AwsCalls, names: Iterable[str]) -> dict[str, Stack | NotKnown]:
    """Read the resources of stacks.

    A stack in REVIEW_IN_PROGRESS has none, and in ROLLBACK_COMPLETE they are deleted.
    """
    return calls.run({name: partial(_read_stack, calls, name) for name in dict.fromkeys(names)})


def _read_stack(calls: AwsCalls, name: str) -> Stack:
    pages = calls.pages(LIST_RESOURCES, "NextToken", StackName=name)
    return Stack(
        name,
        {
            item["LogicalResourceId"]: StackResource(
                item["ResourceType"], item.get("PhysicalResourceId") or "", item["ResourceStatus"]
            )
            for page in pages
            for item in page["StackResourceSummaries"]
        },
    )


STACK_NOT_KNOWN = NotKnown(
    "the stack is not known",
    Advice.STACK_NAME,
    missing="AWS::StackName",
)


def find_in_stack(lookup: DeployedLookup, stacks: Mapping[str, Stack | NotKnown]) -> str | NotDeployed | NotKnown:
    """Return the physical ID of the resource of a lookup."""
    stack = stacks.get(lookup.stack_name, STACK_NOT_KNOWN)
    return stack if isinstance(stack, NotKnown) else stack.find(lookup.identity.resource, lookup.resource_type)


def complete(
    calls: AwsCalls, found: Mapping[DeployedLookup, FoundImage | NotDeployed | NotKnown]
) -> dict[DeployedLookup, DeployedState]:
    """Complete images with the records in the templates of their stacks, which are read only if one is missing."""
    unrecorded = {
        lookup.stack_name: partial(_read_resources, calls, lookup.stack_name)
        for lookup, state in found.items()
        if isinstance(state, FoundImage) and _needs_template(lookup, state) and lookup.stack_name
    }
    templates = calls.run(unrecorded)
    return {
        lookup: _completed(lookup, state, templates.get(lookup.stack_name, {}))
        if isinstance(state, FoundImage)
        else state
        for lookup, state in found.items()
    }


def _needs_template(lookup: DeployedLookup, found: FoundImage) -> bool:
    """Return whether the template has the record, or shows whether the stack deployed what runs."""
    is_revision = lookup.resource_type == TASK_DEFINITION  # which never changes
    return found.written is None or (lookup.refresh is Refresh.ON_CHANGE and not is_revision)


def _read_resources(calls: AwsCalls, name: str) -> Mapping[str, Any] | None:
    """Return the resources of a stack's processed template, which is JSON after a macro; `None` if they are not read.

    One that was pinned before it was deployed can have records in YAML.
    """
    response = calls.call(GET_TEMPLATE, StackName=name, TemplateStage="Processed") or {}
    body = response.get("TemplateBody", {})
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            if RECORD_KEY in body:
                return None
            body = {}
    resources = body.get("Resources") if isinstance(body, dict) else None
    return resources if isinstance(resources, dict) else {}


def _completed(
    lookup: DeployedLookup, found: FoundImage, template: Mapping[str, Any] | NotKnown | None
) -> DeployedState:
    if not _needs_template(lookup, found):
        return Deployed(found.image, found.written or "", found.origin)
    if isinstance(template, NotKnown):
        return template
    if template is None and lookup.refresh is Refresh.ON_CHANGE:
        return NotKnown(
            f"the records in the template of stack {lookup.stack_name} are not read, because it is YAML",
            "deploy the pinned template as JSON, set Refresh=Never to keep what runs, or set Refresh=Always",
        )
    resource = (template or {}).get(lookup.identity.resource)
    metadata = resource.get("Metadata") if isinstance(resource, dict) else None
    records = metadata.get(RECORD_KEY) if isinstance(metadata, dict) else None
    path = _path_in_stack(lookup, resource)
    record = records.get(path) if isinstance(records, dict) else None
    image = _at(resource, _PATHS_IN_STACK.get(lookup.resource_type, path))
    if lookup.refresh is Refresh.ON_CHANGE and isinstance(image, str) and (declared := _parse(image)):
        # Something else than the stack may have deployed another image since.
        found = found._replace(image=declared)
    elif found.written is not None:
        # An expression has been evaluated with other parameters, so that only what is written now can be compared.
        in_stack = image if isinstance(image, str) else lookup.written
        if lookup.refresh is Refresh.ON_CHANGE and in_stack != found.written:
            deployed = f"{image}, whose digest is not known" if isinstance(image, str) else "an unknown image"
            return NotKnown(
                f"{found.origin} runs {found.written}, and the stack deployed {deployed}",
                "set Refresh=Never to keep what runs, or Refresh=Always",
            )
        return Deployed(found.image, found.written, found.origin)
    written = _recorded(found.image, image, record)
    if written is None and lookup.refresh is Refresh.ON_CHANGE:
        return NotKnown(
            f"the record of {found.origin} in the Metadata is an expression, and no branch of it is for {found.image}",
            "set Refresh=Never to keep what runs, or Refresh=Always",
        )
    return Deployed(found.image, written or "", found.origin)


def _path_in_stack(lookup: DeployedLookup, resource: JsonValue) -> str:
    """Return the path of an image in the stack's template, where its container can be at another index."""
    found = _ELEMENT.fullmatch(lookup.record_path)
    containers = _at(resource, found[1]) if found else None
    if not found or not lookup.identity.container or not isinstance(containers, list):
        return lookup.record_path
    names = [_name(container) for container in containers]
    if lookup.identity.container in names:
        return f"{found[1]}[{names.index(lookup.identity.container)}]{found[3]}"
    is_other = int(found[2]) < len(names) and names[int(found[2])]
    return "" if is_other else lookup.record_path


_ELEMENT = re.compile(r"(.*)\[(\d+)\](\.[^.\[\]]+)")


def _name(container: JsonValue) -> str:
    """Return the name of a container, or an empty text if it is not written as a text."""
    name = container.get("Name", container.get("ContainerName")) if isinstance(container, dict) else None
    return name if isinstance(name, str) else ""


def _recorded(deployed: ImageReference, image: JsonValue, record: JsonValue) -> str | None:
    """Return the record of a deployed image, empty if there is none, or `None` if it is one of several."""
    written = {
        text
        for reference, text in _pairs(image, record)
        if _parse(reference) == deployed and record_for(deployed, text)
    }
    if len(written) == 1:
        return written.pop()
    return None if isinstance(record, dict) else ""


def _pairs(image: JsonValue, record: JsonValue) -> Iterator[tuple[str, str]]:
    """Yield the images in the branches of an expression with their records, which have the same conditions."""
    if isinstance(image, str) and isinstance(record, str):
        yield image, record
    elif isinstance(image, dict) and isinstance(record, dict):
        for key in image.keys() & record.keys():
            yield from _pairs(image[key], record[key])
    elif isinstance(image, list) and isinstance(record, list):
        for one, other in zip(image, record, strict=False):
            yield from _pairs(one, other)


def _parse(text: str) -> ImageReference | None:
    """Parse an image with a digest, without its tag; `None` if it is not one."""
    try:
        reference = ImageReference.parse(text)
        return ImageReference.parse(reference.pinned(reference.digest)) if reference.digest else None
    except InvalidReferenceError:
        return None


_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def _at(resource: JsonValue, path: str) -> JsonValue:
    """Return the value at a path as it is recorded, or `None`."""
    for index, key in _STEP.findall(path):
        if isinstance(resource, dict) and key:
            resource = resource.get(key)
        elif isinstance(resource, list) and index and int(index) < len(resource):
            resource = resource[int(index)]
        else:
            return None
    return resource
