"""The policies of a function's role, to compare them with its calls."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

from e2e.engine.cloudformation import Engine
from e2e.engine.recording import Call


class Allowed(NamedTuple):
    """What one statement of a policy allows."""

    action: str
    resources: tuple[str, ...]

    def allows(self, call: Call) -> bool:
        matching = all(any(fnmatchcase(one, mine) for mine in self.resources) for one in call.resources)
        return self.action == call.action and matching


def policies(engine: Engine, stack: str) -> list[Allowed]:
    """Return what the role in the stack of a macro allows."""
    iam, cloudformation = engine.client("iam"), engine.client("cloudformation")
    outputs = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    role = next(one["OutputValue"] for one in outputs if one["OutputKey"] == "RoleArn").rpartition("/")[2]
    allowed = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow"
            resources = tuple(_listed(statement["Resource"]))
            allowed += [Allowed(action, resources) for action in _listed(statement["Action"])]
    return allowed


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
