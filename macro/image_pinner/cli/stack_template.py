"""The template that a stack deployed, as CloudFormation processed it, with the values of its parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from image_pinner.cli.deployment.aws import AwsApi, AwsApiError
from image_pinner.cli.deployment.stacks import IN_REVIEW, is_not_found
from image_pinner.cli.documents import read_source
from image_pinner.core.errors import SourceError
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject

_HIDDEN = "****"
"""What CloudFormation returns in place of the value of a NoEcho parameter."""


@dataclass(frozen=True, slots=True)
class StackTemplate:
    """The processed template of a stack.

    Args:
        name: The name of the stack.
        region: The region of the stack.
        account: The account of the stack.
        tree: The template in long form; without resources if nothing is deployed yet.
        given: The values of its parameters as they were passed, without those of NoEcho parameters.
        resolved: The same values, with those of parameters of an SSM type.
    """

    name: str
    region: str
    account: str
    tree: JsonObject
    given: Mapping[str, str]
    resolved: Mapping[str, str]

    def scope(self) -> Scope:
        """Return the scope of the template's expressions."""
        return Scope.of_template(
            self.tree, self.resolved, region=self.region, account_id=self.account, stack_name=self.name
        )


def read_stack_template(api: AwsApi, region: str, name: str) -> StackTemplate:
    """Read the processed template of a stack.

    Raises:
        SourceError: The stack does not exist, or it cannot be read.
    """
    try:
        (stack,) = api.call("cloudformation", region, "describe_stacks", StackName=name)["Stacks"]
    except AwsApiError as error:
        if is_not_found(error):
            raise SourceError(f"stack {name} does not exist in {region}", "correct --stack or --region") from error
        raise
    tree: JsonObject = {"Resources": {}}
    if stack["StackStatus"] != IN_REVIEW:
        body = api.call("cloudformation", region, "get_template", StackName=name, TemplateStage="Processed")
        tree = parse_processed(body["TemplateBody"], f"the template of stack {name}")
    declared = {one["ParameterKey"]: one for one in stack.get("Parameters", ()) if one.get("ParameterValue") != _HIDDEN}
    return StackTemplate(
        stack["StackName"],
        region,
        stack["StackId"].split(":")[4],
        tree,
        {key: one.get("ParameterValue", "") for key, one in declared.items()},
        {key: one.get("ResolvedValue", one.get("ParameterValue", "")) for key, one in declared.items()},
    )


def parse_processed(body: Any, name: str) -> JsonObject:
    """Return a template from a response of GetTemplate, where it is an object if it is JSON, or else a text.

    Raises:
        UnreadableTemplateError: It is not a template.
    """
    # botocore returns an ordered dictionary.
    text = body if isinstance(body, str) else json.dumps(body)
    return read_source(text.encode(), name).tree
