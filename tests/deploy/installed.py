"""deploy/macro.yaml as CloudFormation evaluates it for given parameters."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cfn_flip import to_json

_FOLDER = Path(__file__).parents[2] / "deploy"
TEXT = (_FOLDER / "macro.yaml").read_text("utf-8")
ORGANIZATION_TEXT = (_FOLDER / "organization.yaml").read_text("utf-8")
ORGANIZATION: dict[str, Any] = json.loads(to_json(ORGANIZATION_TEXT))
README = (_FOLDER / "README.md").read_text("utf-8")
CODE = {"CodeBucket": "code", "CodeKey": "image-pinner.zip"}
"""The parameters that have no default."""
ALL_SWITCHES = {
    "Revision": "1.0.0",
    "CodeObjectVersion": "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
    "CodeSha256": "YFgDgEKG3ugvF1+pX64gV6tu9qNuIYNUdgJm8nCxsm4=",
    "CodeBucketPerRegion": "true",
    "OtherRepositoryArns": "arn:aws:ecr:*:444455556666:repository/shop/*",
    "PullThroughRepositoryArns": "arn:aws:ecr:*:111122223333:repository/hub/*",
    "EcrRoleArns": "arn:aws:iam::444455556666:role/pin-reader",
    "SsmParameterArns": "arn:aws:ssm:*::parameter/aws/service/*",
    "Exports": "true",
    "SecretArns": "arn:aws:secretsmanager:*:111122223333:secret:hub-??????",
    "SecretParameterArns": "arn:aws:ssm:*:111122223333:parameter/hub",
    "KmsKeyArns": "arn:aws:kms:*:111122223333:key/1",
    "KeepDeployed": "true",
    "ReadTagMutability": "true",
    "ReadScans": "true",
    "StartScans": "true",
    "ReadLifecyclePolicies": "true",
    "ReadSignatures": "true",
    "GatesParameter": "/image-pinner/gates",
    "KeepTagRepositoryArns": "arn:aws:ecr:*:111122223333:repository/shop/*",
    "LockParameterArns": "arn:aws:ssm:eu-central-1:111122223333:parameter/shop/images",
    "LockObjectArns": "arn:aws:s3:::shop-releases/images.lock.json",
    "EventBusName": "default",
    "VpcSubnetIds": "subnet-1,subnet-2",
    "VpcSecurityGroupIds": "sg-1",
    "LayerArns": "arn:aws:lambda:eu-central-1:111122223333:layer:authorities:1",
    "ReservedConcurrency": "5",
    "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/boundary",
    "LogKmsKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/2",
    "AlarmTopicArn": "arn:aws:sns:eu-central-1:111122223333:on-call",
    "ChangeAlarm": "true",
    "Dashboard": "true",
    "InvokeThroughCloudFormation": "true",
}
"""Parameters that turn on everything that is optional."""
ABSENT = object()
"""The value of `AWS::NoValue`."""
_VARIABLE = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")


@cache
def template() -> dict[str, Any]:
    """Return the content of the template."""
    content: dict[str, Any] = json.loads(to_json(TEXT))
    return content


@dataclass(frozen=True)
class Installed:
    """The template with parameters, for an account and region.

    A reference to a resource evaluates to `Name`, one to an attribute to `Name.Attribute`. A function that is not
    supported here is an error.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    partition: str = "aws"
    region: str = "eu-central-1"
    account: str = "111122223333"

    def resources(self) -> dict[str, dict[str, Any]]:
        """Return the resources whose condition is true."""
        return {
            name: self.value({key: part for key, part in resource.items() if key != "Condition"})
            for name, resource in template()["Resources"].items()
            if self.holds(resource.get("Condition"))
        }

    def properties(self, name: str) -> dict[str, Any]:
        """Return the properties of a resource."""
        properties: dict[str, Any] = self.resources()[name]["Properties"]
        return properties

    def outputs(self) -> dict[str, Any]:
        """Return the values of the outputs."""
        return {name: self.value(output["Value"]) for name, output in template()["Outputs"].items()}

    def policies(self) -> dict[str, list[dict[str, Any]]]:
        """Return the statements of the role's policies by policy name."""
        policies = self.properties("Role")["Policies"]
        return {policy["PolicyName"]: policy["PolicyDocument"]["Statement"] for policy in policies}

    def holds(self, condition: str | None) -> bool:
        """Return whether a condition is true, or there is none."""
        return condition is None or bool(self.value(template()["Conditions"][condition]))

    def value(self, expression: Any) -> Any:
        """Evaluate an expression."""
        match expression:
            case {"Ref": str(name)}:
                return self._reference(name)
            case {"Fn::If": [condition, then, otherwise]}:
                return self.value(then if self.holds(condition) else otherwise)
            case dict() if len(expression) == 1 and next(iter(expression)).startswith("Fn::"):
                return self._call(expression)
            case dict():
                pairs = {key: self.value(part) for key, part in expression.items()}
                return {key: part for key, part in pairs.items() if part is not ABSENT}
            case list():
                return [found for part in expression if (found := self.value(part)) is not ABSENT]
            case _:
                return expression

    def _call(self, expression: dict[str, Any]) -> Any:
        match expression:
            case {"Fn::GetAtt": [name, attribute]}:
                return self._existing(f"{name}.{attribute}")
            case {"Fn::Sub": str(text)}:
                return self._substitute(text, {})
            case {"Fn::Sub": [str(text), dict(own)]}:
                return self._substitute(text, self.value(own))
            case {"Fn::Split": [between, text]}:
                return self.value(text).split(between)
            case {"Fn::Equals": [one, other]}:
                return self.value(one) == self.value(other)
            case {"Fn::Not": [one]}:
                return not self.value(one)
            case _:
                raise NotImplementedError(f"{expression} is not supported here")

    def _substitute(self, text: str, own: dict[str, str]) -> str:
        return _VARIABLE.sub(lambda found: str(own[found[1]] if found[1] in own else self._reference(found[1])), text)

    def _reference(self, name: str) -> Any:
        pseudo = {"AWS::Partition": self.partition, "AWS::Region": self.region, "AWS::AccountId": self.account}
        if name == "AWS::NoValue":
            return ABSENT
        if name in pseudo:
            return pseudo[name]
        if name not in template()["Parameters"]:
            return self._existing(name)
        declared = template()["Parameters"][name]
        text = str({**CODE, **_defaults(), **self.parameters}[name])
        return int(text) if declared["Type"] == "Number" else text

    def _existing(self, name: str) -> str:
        resource = template()["Resources"][name.partition(".")[0]]
        assert self.holds(resource.get("Condition")), f"{name} is used but does not exist"
        return name


def _defaults() -> dict[str, Any]:
    return {name: one["Default"] for name, one in template()["Parameters"].items() if "Default" in one}
