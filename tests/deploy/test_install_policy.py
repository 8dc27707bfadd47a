"""deploy/install-policy.json allows what the deployment subcommands and the stack need, and nothing else."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest

from deploy.installed import template
from image_pinner.cli.deployment.bucket import PROTECTIONS
from image_pinner.cli.documents import read_source
from support.project import PACKAGE, ROOT

POLICY: dict[str, Any] = json.loads((ROOT / "deploy" / "install-policy.json").read_text("utf-8"))
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
ACTIONS_OF_S3 = {
    "delete_objects": {"DeleteObject", "DeleteObjectVersion"},
    "get_bucket_encryption": {"GetEncryptionConfiguration"},
    "get_public_access_block": {"GetBucketPublicAccessBlock"},
    "head_bucket": {"ListBucket"},
    "head_object": {"GetObject"},
    "list_object_versions": {"ListBucketVersions"},
    "put_bucket_encryption": {"PutEncryptionConfiguration"},
    "put_public_access_block": {"PutBucketPublicAccessBlock"},
}
_TAGS = {"TagResource", "UntagResource"}
# What CloudFormation calls for a resource with the caller's credentials, by resource type and service:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-template.html
ACTIONS_OF_RESOURCES: dict[str, dict[str, set[str]]] = {
    "AWS::CloudFormation::Macro": {},
    "AWS::CloudFormation::StackSet": {
        "cloudformation": _TAGS
        | {f"{verb}StackSet" for verb in ("Create", "Delete", "Describe", "Update")}
        | {f"{verb}StackInstances" for verb in ("Create", "Delete", "List", "Update")}
        | {"DescribeStackSetOperation"},
    },
    "AWS::CloudWatch::Alarm": {
        "cloudwatch": _TAGS | {"DeleteAlarms", "DescribeAlarms", "ListTagsForResource", "PutMetricAlarm"}
    },
    "AWS::CloudWatch::Dashboard": {"cloudwatch": {"DeleteDashboards", "GetDashboard", "PutDashboard"}},
    "AWS::Events::Rule": {
        "events": _TAGS
        | {f"{verb}Rule" for verb in ("Delete", "Describe", "Put")}
        | {"ListTargetsByRule", "PutTargets", "RemoveTargets"}
    },
    "AWS::IAM::ManagedPolicy": {
        "iam": {f"{verb}Policy" for verb in ("Create", "Delete", "Get", "Tag", "Untag")}
        | {f"{verb}PolicyVersion" for verb in ("Create", "Delete", "Get")}
        | {"ListPolicyVersions"}
    },
    "AWS::IAM::Role": {
        "iam": {f"{verb}Role" for verb in ("Create", "Delete", "Get", "Tag", "Untag", "Update")}
        | {f"{verb}RolePolicy" for verb in ("Delete", "Get", "Put")}
        | {"DeleteRolePermissionsBoundary", "PutRolePermissionsBoundary", "UpdateAssumeRolePolicy"}
    },
    "AWS::Lambda::Alias": {"lambda": {f"{verb}Alias" for verb in ("Create", "Delete", "Get", "Update")}},
    "AWS::Lambda::Function": {
        "iam": {"PassRole"},
        "lambda": _TAGS
        | {f"{verb}Function" for verb in ("Create", "Delete", "Get")}
        | {"UpdateFunctionCode", "UpdateFunctionConfiguration"}
        | {"DeleteFunctionConcurrency", "PutFunctionConcurrency"},
        "s3": {"GetObject", "GetObjectVersion"},
    },
    "AWS::Lambda::Version": {"lambda": {"DeleteFunction", "ListVersionsByFunction", "PublishVersion"}},
    "AWS::Logs::LogGroup": {
        "logs": _TAGS
        | {"AssociateKmsKey", "CreateLogGroup", "DeleteLogGroup", "DeleteRetentionPolicy", "DescribeLogGroups"}
        | {"DisassociateKmsKey", "ListTagsForResource", "PutRetentionPolicy"}
    },
}
# A change set with tags tags the stack.
ACTIONS_OF_STACKS = {f"cloudformation:{action}" for action in _TAGS}


def allowed() -> list[str]:
    return [action for statement in POLICY["Statement"] for action in statement["Action"]]


def calls() -> Iterator[tuple[str, str]]:
    """Yield the service and the operation of every call in the modules of the deployment subcommands."""
    modules = set((PACKAGE / "cli" / "deployment").glob("*.py"))
    # docs/compare.md has what `expand` needs.
    for module in modules - {PACKAGE / "cli" / "deployment" / "expansion.py"}:
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            match node:
                case ast.Call(
                    ast.Attribute(attr="call" | "pages") | ast.Name(id="call"),
                    [ast.Constant(str() as service), _, operation, *_],
                ):
                    if isinstance(operation, ast.Constant):
                        yield service, str(operation.value)
    for protection in PROTECTIONS:
        yield from (("s3", protection.read), ("s3", protection.write))


def actions_of_calls() -> set[str]:
    found: set[str] = set()
    for service, operation in calls():
        title = {"".join(word.title() for word in operation.split("_"))}
        found |= {f"{service}:{name}" for name in (ACTIONS_OF_S3.get(operation, title) if service == "s3" else title)}
    if "lambda:Invoke" in found:
        found = found - {"lambda:Invoke"} | {"lambda:InvokeFunction"}
    # No policy can deny it: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    return found - {"sts:GetCallerIdentity"}


def resource_types() -> set[str]:
    organization = read_source((ROOT / "deploy" / "organization.yaml").read_bytes(), "organization.yaml").tree
    return {one["Type"] for tree in (template(), organization) for one in tree["Resources"].values()}


def test_the_calls_of_the_modules_are_found() -> None:
    assert {("cloudformation", "create_change_set"), ("s3", "put_object"), ("s3", "head_bucket")} <= set(calls())


def test_the_policy_allows_the_calls_and_the_resources_and_nothing_else() -> None:
    assert resource_types() == set(ACTIONS_OF_RESOURCES)
    for_resources = {
        f"{service}:{action}"
        for services in ACTIONS_OF_RESOURCES.values()
        for service, actions in services.items()
        for action in actions
    }
    assert set(allowed()) == actions_of_calls() | for_resources | ACTIONS_OF_STACKS


def test_every_action_exists() -> None:
    pytest.importorskip("cfnlint")
    known = json.loads(resources.files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text("utf-8"))
    assert [
        one for one in allowed() if one.partition(":")[2].lower() not in known[one.partition(":")[0]]["Actions"]
    ] == []


def test_what_changes_something_is_limited_to_our_names() -> None:
    by_name = {statement["Sid"]: statement for statement in POLICY["Statement"]}
    assert {sid for sid, one in by_name.items() if one["Resource"] == "*"} == {"Read", "Organization"}
    assert all(action.split(":")[1].startswith(("Describe", "Get", "List")) for action in by_name["Read"]["Action"])
