"""The shapes that images have in real templates, the odd ones above all, with names of our own."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, Outcome, Pending, SsmParameter, StackExport, Unknown

DIGEST = "sha256:" + "9f" * 32
HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
PUBLIC_PATH = "/aws/service/router/latest"
TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Stage": {"Type": "String", "Default": "test"},
        "Project": {"Type": "String"},
        "Repository": {"Type": "String", "Default": "shop/web"},
        "Tag": {"Type": "String", "Default": "1.2"},
        "Override": {"Type": "String", "Default": ""},
        "AssetImage": {"Type": "String"},
        "RepositoryAndTag": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/shop/web/image"},
        "Router": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": PUBLIC_PATH},
    },
    "Mappings": {
        "Accounts": {"us-east-1": {"id": "840364872350"}, "eu-west-1": {"id": "156387875391"}},
        "Versions": {"1.2": {"Group": "cg-7", "Suffix": "-alpine"}},
        "Constants": {"Images": {"Api": "public.ecr.aws/shop/api:3"}},
        "Stages": {"test": {"Registry": "registry.test.example"}},
    },
    "Conditions": {
        "IsTest": {"Fn::Equals": [{"Ref": "Stage"}, "test"]},
        "HasOverride": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Override"}, ""]}]},
        "IsProject": {"Fn::Equals": [{"Ref": "Project"}, "shop"]},
    },
    "Resources": {
        "Generated": {"Type": "AWS::ECR::Repository"},
        "Named": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": {"Ref": "Repository"}}},
        "Build": {"Type": "AWS::CloudFormation::Stack"},
        "Reader": {"Type": "Custom::DigestReader"},
    },
}


def outcome_of(expression: object, **values: str) -> Outcome:
    scope = Scope.of_template(TEMPLATE, values, region="us-east-1", account_id="123456789012", ssm_names=True)
    return evaluate(expression, scope)


def from_arn(index: int, repository: str) -> dict[str, Any]:
    """Select a part of a repository's ARN, as the CDK does for account and region."""
    return {"Fn::Select": [index, {"Fn::Split": [":", {"Fn::GetAtt": [repository, "Arn"]}]}]}


def cdk_image(repository: str, *rest: object) -> dict[str, Any]:
    host = [from_arn(4, repository), ".dkr.ecr.", from_arn(3, repository), ".", {"Ref": "AWS::URLSuffix"}, "/"]
    return {"Fn::Join": ["", [*host, {"Ref": repository}, *rest]]}


def asset_part(index: int) -> dict[str, Any]:
    return {"Fn::Select": [index, {"Fn::Split": ["@sha256:", {"Ref": "AssetImage"}]}]}


ASSET = {"Fn::Join": ["", [f"{HOST}/", asset_part(0), "@sha256:", asset_part(1)]]}
STORED_NAME = {
    "Fn::Join": ["", [f"{HOST}/", "{{resolve:ssm:/", {"Ref": "Stage"}, "/repository/name}}:", {"Ref": "Tag"}]]
}
RESOLVED_BRANCH = {"Fn::If": ["IsTest", "caddy", {"Fn::If": ["IsProject", {"Fn::Sub": "${Reader.Image}"}, "nginx"]}]}
IMPORTED = {"Fn::ImportValue": {"Fn::Sub": "${Stage}-web-uri"}}


@pytest.mark.parametrize(
    ("expression", "image"),
    [
        ("<repository:tag>", "<repository:tag>"),
        ("", ""),
        ("s3://bucket/key", "s3://bucket/key"),
        (None, None),
        ({"Ref": "Override"}, ""),
        (cdk_image("Named", ":latest"), f"{HOST}/shop/web:latest"),
        (
            {"Fn::Sub": ["${Url}:latest", {"Url": {"Fn::GetAtt": ["Named", "RepositoryUri"]}}]},
            f"{HOST}/shop/web:latest",
        ),
        (RESOLVED_BRANCH, "caddy"),
        ({"Fn::If": ["HasOverride", {"Ref": "Override"}, "placeholder"]}, "placeholder"),
        ({"Fn::FindInMap": ["Constants", "Images", "Api"]}, "public.ecr.aws/shop/api:3"),
        (
            {"Fn::Sub": ["${Host}:5000/web", {"Host": {"Fn::FindInMap": ["Stages", {"Ref": "Stage"}, "Registry"]}}]},
            "registry.test.example:5000/web",
        ),
        (
            {
                "Fn::Join": [
                    "",
                    [
                        {"Fn::FindInMap": ["Accounts", {"Ref": "AWS::Region"}, "id"]},
                        ".dkr.ecr.",
                        {"Ref": "AWS::Region"},
                        ".",
                        {"Ref": "AWS::URLSuffix"},
                        "/envoy:v1",
                    ],
                ]
            },
            "840364872350.dkr.ecr.us-east-1.amazonaws.com/envoy:v1",
        ),
        (
            {
                "Fn::Join": [
                    "",
                    [
                        {"Fn::FindInMap": ["Versions", {"Ref": "Tag"}, "Group"]},
                        "/web:",
                        {"Ref": "Tag"},
                        {"Fn::FindInMap": ["Versions", {"Ref": "Tag"}, "Suffix"]},
                    ],
                ]
            },
            "cg-7/web:1.2-alpine",
        ),
        (
            {"Fn::Join": ["", [{"Ref": "AWS::AccountId"}, {"Fn::Sub": ".dkr.ecr.${AWS::Region}.amazonaws.com/web"}]]},
            f"{HOST}/web",
        ),
        ({"Ref": {"Fn::Sub": ["Repo${Rest}", {"Rest": "sitory"}]}}, "shop/web"),
    ],
)
def test_expressions_that_can_be_resolved(expression: object, image: str | None) -> None:
    assert outcome_of(expression) == Known(image)


def test_a_split_asset_is_joined_again() -> None:
    assert outcome_of(ASSET, AssetImage=f"assets@{DIGEST}") == Known(f"{HOST}/assets@{DIGEST}")


@pytest.mark.parametrize(
    ("expression", "lookup", "prefix"),
    [
        (STORED_NAME, SsmParameter("/test/repository/name"), f"{HOST}/"),
        (IMPORTED, StackExport("test-web-uri"), ""),
        ({"Fn::Sub": ["!PinDigest ${Url}:${Tag}", {"Url": IMPORTED}]}, StackExport("test-web-uri"), "!PinDigest "),
        (
            {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/${RepositoryAndTag}"},
            SsmParameter("/shop/web/image"),
            f"{HOST}/",
        ),
        ({"Ref": "Router"}, SsmParameter(PUBLIC_PATH), ""),
    ],
)
def test_external_values_are_looked_up(expression: object, lookup: SsmParameter | StackExport, prefix: str) -> None:
    assert outcome_of(expression) == Pending(frozenset({lookup}), prefix)


@pytest.mark.parametrize(
    ("expression", "reason", "prefix"),
    [
        (cdk_image("Generated", ":latest"), "generated by CloudFormation", f"{HOST}/"),
        ({"Fn::GetAtt": ["Generated", "RepositoryUri"]}, "generated by CloudFormation", f"{HOST}/"),
        (
            cdk_image("Named", "@sha256:", {"Fn::Select": [1, {"Fn::Split": [":", {"Fn::GetAtt": "Reader.Digest"}]}]}),
            "the attribute 'Digest' of the resource 'Reader'",
            f"{HOST}/shop/web@sha256:",
        ),
        ({"Fn::Sub": "${Build.Outputs.Image}"}, "the attribute 'Outputs.Image' of the resource 'Build'", ""),
        (ASSET, "the parameter 'AssetImage' has no value and no default", f"{HOST}/"),
        ({"Ref": "ContainerImage"}, "no parameter and no resource 'ContainerImage'", ""),
        ({"Fn::Sub": "${Project}:${Tag}"}, "the parameter 'Project'", ""),
        (
            {"Fn::If": ["IsProject", "shop/web", "shop/api"]},
            "cannot resolve the condition of Fn::If: the parameter 'Project'",
            "shop/",
        ),
    ],
)
def test_unresolved_expressions_have_a_reason(expression: object, reason: str, prefix: str) -> None:
    outcome = outcome_of(expression)
    assert isinstance(outcome, Unknown)
    assert reason in outcome.reason
    assert outcome.prefix == prefix
    assert outcome.help
