"""A CloudFormation that processes templates in change sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from image_pinner.cli.console import Dependencies
from image_pinner.cli.deployment.session import AwsEnvironment
from support.command import Run, run_main
from support.deployment.fake_clients import ACCOUNT, Refusal, fake_client
from support.deployment.fake_s3 import FakeS3
from support.templates import digest_of

REGION = "eu-central-1"
PINNED = f"shop/web@{digest_of('docker.io/shop/web:1.0')}"
REVIEW, LIVE = "REVIEW_IN_PROGRESS", "UPDATE_COMPLETE"
NO_CHANGES = "No updates are to be performed."


def processed(image: str = PINNED) -> dict[str, Any]:
    """Return what CloudFormation makes of MARKED."""
    container = {"Name": "web", "Image": image}
    properties = {"ContainerDefinitions": [container]}
    return {
        "Parameters": {"Tag": {"Type": "String", "Default": "1.0"}},
        "Resources": {"Web": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}},
    }


class FakeCloudFormation:
    """Processes templates: `ends` are the states of its change sets, one after the other."""

    def __init__(self) -> None:
        self.stacks: dict[str, tuple[str, dict[str, str]]] = {}
        self.change_sets: list[tuple[str, str]] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.ends: list[tuple[str, str]] = [("CREATE_COMPLETE", "")]
        self.body: Any = processed()
        self.before: dict[str, Callable[[], None]] = {}
        self.resources = 0
        self.seconds = 0.0
        self.s3 = FakeS3()

    def client(self, service: str, region: str) -> Any:
        if service == "s3":
            return fake_client(service, region, self.s3.in_region(region))
        return fake_client(service, region, self.answer)

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.before.get("sleep", lambda: None)()

    def answer(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        self.requests.append((operation, dict(given)))
        if operation == "GetCallerIdentity":
            return {"Account": ACCOUNT, "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Dev/me", "UserId": "x"}
        self.before.get(operation, lambda: None)()
        found: dict[str, Any] = getattr(self, f"_{operation}")(given)
        return found

    def called(self, operation: str) -> list[dict[str, Any]]:
        return [given for name, given in self.requests if name == operation]

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:{kind}/{name}/1"

    def _DescribeStacks(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - the operation's name
        name = given["StackName"]
        if name not in self.stacks:
            raise Refusal("ValidationError", f"Stack with id {name} does not exist")
        status, parameters = self.stacks[name]
        values = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        stack = {"StackName": name, "StackId": self.arn("stack", name), "StackStatus": status, "Parameters": values}
        return {"Stacks": [stack | {"CreationTime": "2026-11-01T00:00:00Z"}]}

    def _CreateChangeSet(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = given["StackName"]
        is_new = name not in self.stacks or self.stacks[name][0] == REVIEW
        assert given["ChangeSetType"] == ("CREATE" if is_new else "UPDATE")
        self.stacks.setdefault(name, (REVIEW, {}))
        self.change_sets.append((name, given["ChangeSetName"]))
        self.before.pop("created", lambda: None)()
        return {"Id": self.arn("changeSet", given["ChangeSetName"]), "StackId": self.arn("stack", name)}

    def _DescribeChangeSet(self, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        status, reason = self.ends[0] if len(self.ends) == 1 else self.ends.pop(0)
        return {"Status": status, "StatusReason": reason}

    def _GetTemplate(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert given["TemplateStage"] == "Processed"
        return {"TemplateBody": self.body if isinstance(self.body, str) else json.dumps(self.body)}

    def _DeleteChangeSet(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        key = (given["StackName"], given["ChangeSetName"])
        if key not in self.change_sets:
            raise Refusal("ChangeSetNotFound", "ChangeSet does not exist", 404)
        self.change_sets.remove(key)
        return {}

    def _ListChangeSets(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        found = [{"ChangeSetName": name} for stack, name in self.change_sets if stack in given["StackName"]]
        return {"Summaries": found}

    def _DeleteStack(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = given["StackName"].split("/")[1]
        assert self.stacks.pop(name)[0] in {REVIEW, "CREATE_FAILED"}
        return {}

    def _DescribeStackResources(self, _: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        named = {"LogicalResourceId": "Web", "ResourceType": "AWS::ECS::TaskDefinition", "Timestamp": "2026-11-01"}
        return {"StackResources": [named | {"ResourceStatus": "CREATE_COMPLETE"}] * self.resources}


def expand(aws: FakeCloudFormation, path: str, *options: str) -> Run:
    """Run the subcommand on a template file."""
    environment = AwsEnvironment(aws, REGION, aws.now, aws.sleep)
    return run_main(["expand", path, *options], Dependencies(aws=environment))
