"""A fake CloudFormation with the change sets, events, states and stack instances that moto lacks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from image_pinner.cli.deployment.parameters import Template, macro_template, read_template
from support.deployment.fake_clients import ACCOUNT, Refusal
from support.deployment.fake_stacks import NOW, FakeStack, Step

_NUMBERS = itertools.count(1)
_PAGE = 2
MACRO = "AWS::CloudFormation::Macro"
STACK_SET = "AWS::CloudFormation::StackSet"


class FakeCloudFormation:
    """The CloudFormation of a region.

    `failures` are the events of the next execution, which otherwise succeeds. `accounts` are those of the organization;
    in the accounts and regions of `broken`, stack instances fail with the reason given. `more_changes` of a change set
    are those of another operation. `stack_set_template` is what a stack set has instead of the uploaded template.
    """

    def __init__(self, region: str) -> None:
        self.region = region
        self.stacks: list[FakeStack] = []
        self.change_sets: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.refusals: dict[str, Refusal] = {}
        self.failures: list[Step] = []
        self.ends_as = ""
        self.change_set_failure = ""
        self.more_changes = 0
        self.stack_set_template = ""
        self.access = "ENABLED"
        self.accounts: tuple[str, ...] = ()
        self.broken: dict[tuple[str, str], str] = {}

    def stack(self, name: str, status: str = "CREATE_COMPLETE", **more: Any) -> FakeStack:
        """Add a stack."""
        stack = FakeStack(name, self.arn("stack", name), status, **more)
        stack.happen(stack.about_itself(status))
        self.stacks.append(stack)
        return stack

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:cloudformation:{self.region}:{ACCOUNT}:{kind}/{name}/{next(_NUMBERS):08}"

    def advance(self) -> None:
        """Let time pass: one event in every stack."""
        for stack in self.stacks:
            if stack.coming:
                stack.happen(stack.coming.popleft())

    def operations(self, *but: str) -> list[str]:
        """Return the operations that were called and change something."""
        reading = ("Describe", "List", "Get")
        return [name for name, _ in self.requests if not name.startswith(reading) and name not in but]

    def request(self, operation: str) -> dict[str, Any]:
        """Return the parameters of the last call of an operation."""
        return [given for name, given in self.requests if name == operation][-1]

    def answer(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        self.requests.append((operation, dict(given)))
        if operation in self.refusals:
            raise self.refusals[operation]
        does: Callable[[Mapping[str, Any]], dict[str, Any]] = getattr(self, f"_{operation}")
        return does(given)

    def live(self, name: str) -> FakeStack:
        """Return the stack of a name or ARN; a deleted one has only the latter."""
        for stack in self.stacks:
            if name == stack.identifier or (name == stack.name and stack.status != "DELETE_COMPLETE"):
                return stack
        raise Refusal("ValidationError", f"Stack with id {name} does not exist")

    def _DescribeStacks(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the operation's name
        return {"Stacks": [self.live(given["StackName"]).described()]}

    def _DescribeStackEvents(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return _page(self.live(given["StackName"]).events, given, "StackEvents")

    def _DescribeStackResources(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        physical = given.get("PhysicalResourceId")
        if not physical:
            found = [self.live(given["StackName"])]
        else:
            found = [one for one in self.stacks if physical in [resource[2] for resource in one.resources]]
        if not found:
            raise Refusal("ValidationError", f"Stack for {physical} does not exist")
        return {"StackResources": [_resource(found[0], *one) for one in found[0].resources]}

    def _ListStacks(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        listed = [
            {"StackId": one.identifier, "StackName": one.name, "CreationTime": NOW, "StackStatus": one.status}
            for one in self.stacks
        ]
        return _page(listed, given, "StackSummaries")

    def _GetTemplate(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert given["TemplateStage"] == "Original"
        template = self.live(given["StackName"]).template
        return {"TemplateBody": template} if template is not None else {}

    def _UpdateTerminationProtection(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stack = self.live(given["StackName"])
        stack.protected = given["EnableTerminationProtection"]
        return {"StackId": stack.identifier}

    def _CreateChangeSet(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        names = [one for one in self.change_sets if f"/{given['ChangeSetName']}/" in one]
        assert names == [], "AlreadyExistsException"
        if given["ChangeSetType"] == "CREATE":
            review = [
                one for one in self.stacks if (one.name, one.status) == (given["StackName"], "REVIEW_IN_PROGRESS")
            ]
            stack = review[0] if review else self.stack(given["StackName"], "REVIEW_IN_PROGRESS")
        else:
            stack = self.live(given["StackName"])
        template = _read(given["TemplateBody"])
        values = {name: rule["Default"] for name, rule in template.parameters.items() if "Default" in rule}
        for one in given["Parameters"]:
            key = one["ParameterKey"]
            values[key] = stack.parameters[key] if one.get("UsePreviousValue") else one["ParameterValue"]
        identifier = self.arn("changeSet", given["ChangeSetName"])
        tags = {one["Key"]: one["Value"] for one in given.get("Tags", ())} or stack.tags
        self.change_sets[identifier] = {
            "stack": stack,
            "values": {key: str(value) for key, value in values.items()},
            "tags": tags,
            "new": given["ChangeSetType"] == "CREATE",
            "template": given["TemplateBody"],
            "resources": template.tree["Resources"],
            "described": 0,
        }
        return {"Id": identifier, "StackId": stack.identifier}

    def _DescribeChangeSet(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        made = self.change_sets[given["ChangeSetName"]]
        made["described"] += 1
        if made["described"] == 1:
            return {"Status": "CREATE_IN_PROGRESS"}
        stack: FakeStack = made["stack"]
        same = (stack.parameters, stack.tags) == (made["values"], made["tags"])
        reason = self.change_set_failure or ("The submitted information didn't contain changes." if same else "")
        if reason:
            return {"Status": "FAILED", "StatusReason": reason}
        changes = _changes(made)
        return _page([*changes, *changes[: self.more_changes]], given, "Changes") | {"Status": "CREATE_COMPLETE"}

    def _DeleteChangeSet(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        del self.change_sets[given["ChangeSetName"]]
        return {}

    def _ExecuteChangeSet(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        made = self.change_sets.pop(given["ChangeSetName"])
        stack: FakeStack = made["stack"]
        self.change_sets = {key: one for key, one in self.change_sets.items() if one["stack"] is not stack}
        word = "CREATE" if made["new"] else "UPDATE"
        stack.coming.append(stack.about_itself(f"{word}_IN_PROGRESS", "User Initiated"))
        if self.failures:
            stack.coming.extend([*self.failures, stack.about_itself(self.ends_as)])
            return {}
        stack.parameters, stack.tags, stack.template = made["values"], made["tags"], made["template"]
        if stack.for_organization:
            stack.instances = self._instances(stack)
            stack.coming.append(("StackSet", STACK_SET, f"{word}_COMPLETE", ""))
            stack.coming.append(stack.about_itself(f"{word}_COMPLETE"))
            return {}
        stack.resources = [("Macro", MACRO, stack.parameters["MacroName"]), ("Function", "AWS::Lambda::Function", "f")]
        stack.resources.append(("ErrorsAlarm", "AWS::CloudWatch::Alarm", f"{stack.name}-ErrorsAlarm-1"))
        stack.coming.append(("Function", "AWS::Lambda::Function", f"{word}_COMPLETE", ""))
        stack.coming.append(stack.about_itself(f"{word}_COMPLETE"))
        return {}

    def _DescribeOrganizationsAccess(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert given["CallAs"] in {"SELF", "DELEGATED_ADMIN"}
        return {"Status": self.access}

    def _ListStackInstances(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stack = self.live(given["StackSetName"])
        if stack.instances is None:
            raise Refusal("StackSetNotFoundException", f"StackSet {stack.name} not found", 404)
        assert given["CallAs"] == stack.parameters["CallAs"]
        return _page(stack.instances, given, "Summaries")

    def _DescribeStackSet(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert given["CallAs"] == self.live(given["StackSetName"]).parameters["CallAs"]
        return {"StackSet": {"TemplateBody": self.stack_set_template or macro_template().text}}

    def _instances(self, stack: FakeStack) -> list[dict[str, Any]]:
        unit = stack.parameters["OrganizationalUnitIds"].split(",")[0]
        return [
            _instance(account, region, unit, self.broken.get((account, region), ""))
            for account in self.accounts
            for region in stack.parameters["Regions"].split(",")
        ]

    def _DeleteStack(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stack = self.live(given["StackName"])
        if stack.protected:
            raise Refusal(
                "ValidationError", f"Stack [{stack.name}] cannot be deleted while TerminationProtection is on"
            )
        if stack.status == "REVIEW_IN_PROGRESS":
            stack.happen(stack.about_itself("DELETE_COMPLETE"))
            return {}
        stack.coming.append(stack.about_itself("DELETE_IN_PROGRESS", "User Initiated"))
        ends = [*self.failures, stack.about_itself(self.ends_as)] if self.failures else []
        stack.coming.extend(ends or [stack.about_itself("DELETE_COMPLETE")])
        return {}


@cache
def _read(text: str) -> Template:
    return read_template(text, "template", ())


def _instance(account: str, region: str, unit: str, reason: str) -> dict[str, Any]:
    status = {"Status": "OUTDATED", "StatusReason": reason} if reason else {"Status": "CURRENT"}
    detailed = {"StackInstanceStatus": {"DetailedStatus": "FAILED" if reason else "SUCCEEDED"}}
    return {"Account": account, "Region": region, "OrganizationalUnitId": unit, **status, **detailed}


def _page(items: list[dict[str, Any]], given: Mapping[str, Any], key: str) -> dict[str, Any]:
    start = int(given.get("NextToken") or 0)
    remaining = {"NextToken": str(start + _PAGE)} if len(items) > start + _PAGE else {}
    return {key: items[start : start + _PAGE], **remaining}


def _resource(stack: FakeStack, name: str, kind: str, physical: str) -> dict[str, Any]:
    return {
        "StackName": stack.name,
        "StackId": stack.identifier,
        "LogicalResourceId": name,
        "PhysicalResourceId": physical,
        "ResourceType": kind,
        "Timestamp": NOW,
        "ResourceStatus": "CREATE_COMPLETE",
    }


def _changes(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    if made["new"]:
        changes: list[dict[str, Any]] = [
            {"Action": "Add", "LogicalResourceId": name, "ResourceType": one["Type"]}
            for name, one in made["resources"].items()
        ]
    elif made["stack"].for_organization:
        changes = [{"Action": "Modify", "LogicalResourceId": "StackSet", "ResourceType": STACK_SET}]
    else:
        detail = [{"Target": {"Attribute": "Properties", "Name": "Description"}}]
        changes = [
            {
                "Action": "Modify",
                "LogicalResourceId": name,
                "ResourceType": f"AWS::Lambda::{name}",
                "Replacement": replacement,
                "Details": detail,
            }
            for name, replacement in (("Function", "False"), ("Version", "True"))
        ]
    return [{"Type": "Resource", "ResourceChange": change} for change in changes]
