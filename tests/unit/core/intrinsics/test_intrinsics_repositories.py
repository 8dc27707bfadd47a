"""ECR repositories of the same template."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, Outcome, Pending, StackExport, Unknown

ARN = {"Fn::GetAtt": ["Repo", "Arn"]}
URI = {"Fn::GetAtt": "Repo.RepositoryUri"}
HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def of(expression: object, *, resource: object = None, **more: Any) -> Outcome:
    repository = {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "team/app"}}
    resources = {"Repo": repository if resource is None else resource}
    known: dict[str, Any] = {"region": "us-east-1", "account_id": "123456789012", **more}
    return evaluate(expression, Scope(resources=resources, **known))


@pytest.mark.parametrize(
    "resource",
    [
        {"Type": "AWS::ECR::Repository"},
        {"Type": "AWS::ECR::Repository", "Properties": {}},
        {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": {"Ref": "AWS::NoValue"}}},
    ],
)
@pytest.mark.parametrize(
    ("expression", "prefix"), [({"Ref": "Repo"}, ""), (ARN, "arn:aws:ecr:us-east-1:123456789012:repository/")]
)
def test_a_generated_name_is_unknown_and_what_stands_before_it_is_not(
    expression: object, prefix: str, resource: object
) -> None:
    assert of(expression, resource=resource) == Unknown(
        "the name of the ECR repository 'Repo' is made up by CloudFormation when it creates the repository",
        "Give the repository a RepositoryName",
        prefix,
    )


@pytest.mark.parametrize(
    "resource",
    [
        "no map",
        ["Fn::ForEach"],
        {"Properties": {"RepositoryName": "app"}},
        {"Type": ["AWS::ECR::Repository"]},
        {"Type": "AWS::S3::Bucket", "Properties": {"RepositoryName": "app"}},
        {"Type": "Custom::Thing"},
    ],
)
@pytest.mark.parametrize("expression", [{"Ref": "Repo"}, ARN, URI, {"Fn::Sub": "${Repo.Image}"}])
def test_other_resources_are_known_to_cloudformation_only(expression: object, resource: object) -> None:
    outcome = of(expression, resource=resource)
    assert isinstance(outcome, Unknown)
    assert "'Repo' is known only when CloudFormation has created the resource" in outcome.reason


@pytest.mark.parametrize("properties", [None, [], "text", {"RepositoryName": None}, {"RepositoryName": ["a"]}])
def test_malformed_properties_are_refused(properties: object) -> None:
    outcome = of({"Ref": "Repo"}, resource={"Type": "AWS::ECR::Repository", "Properties": properties})
    assert isinstance(outcome, Unknown)
    assert outcome.reason.startswith("the name of the ECR repository 'Repo' ")


def test_an_attribute_that_repositories_do_not_have_is_unknown() -> None:
    assert isinstance(of({"Fn::GetAtt": ["Repo", "Digest"]}), Unknown)


@pytest.mark.parametrize("expression", [{"Fn::GetAtt": ["Gone", "Arn"]}, {"Fn::Sub": "${Gone.Arn}"}])
def test_a_resource_that_is_not_there_is_named(expression: object) -> None:
    outcome = of(expression)
    assert isinstance(outcome, Unknown)
    assert outcome.reason == "the template has no resource 'Gone'"


def test_a_repository_that_is_named_after_itself_is_unknown() -> None:
    resource = {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": {"Fn::Sub": "${Repo}-2"}}}
    assert of({"Ref": "Repo"}, resource=resource) == Unknown(
        "the name of the ECR repository 'Repo' refers to itself", "Break the circle"
    )


def test_names_that_double_with_each_repository_come_to_an_end() -> None:
    resources: dict[str, Any] = {
        f"R{n}": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": {"Fn::Sub": f"${{R{n + 1}}}" * 2}}}
        for n in range(40)
    }
    resources["R40"] = {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "x"}}
    outcome = evaluate({"Ref": "R0"}, Scope(resources=resources))
    assert outcome == Unknown("the expression makes a text of more than 1,000,000 characters", "Make it shorter")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "Repo"}, "team/app"),
        ({"Fn::Sub": "${Repo}:1"}, "team/app:1"),
        (ARN, "arn:aws:ecr:us-east-1:123456789012:repository/team/app"),
        (URI, f"{HOST}/team/app"),
        ({"Fn::Sub": "${Repo.RepositoryUri}:1"}, f"{HOST}/team/app:1"),
    ],
)
def test_a_repository_with_a_name_is_known(expression: object, value: str) -> None:
    assert of(expression) == Known(value)


def test_the_condition_of_a_repository_does_not_matter() -> None:
    resource = {
        "Type": "AWS::ECR::Repository",
        "Condition": "Never",
        "Properties": {"RepositoryName": {"Fn::Join": ["/", ["team", {"Ref": "AWS::Region"}]]}},
    }
    conditions = {"Never": {"Fn::Equals": ["a", "b"]}}
    assert of({"Ref": "Repo"}, resource=resource, conditions=conditions) == Known("team/us-east-1")


def test_the_partition_of_the_region_decides_arn_and_host() -> None:
    expression = {"Fn::Join": [" ", [ARN, URI]]}
    assert of(expression, region="cn-north-1") == Known(
        "arn:aws-cn:ecr:cn-north-1:123456789012:repository/team/app "
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/app"
    )


def test_without_the_account_the_remedy_asks_for_it() -> None:
    assert of(ARN, account_id="") == Unknown("the account is not known", "Give --account", "arn:aws:ecr:us-east-1:")


def test_a_name_from_an_export_is_pending() -> None:
    resource = {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": {"Fn::ImportValue": "Name"}}}
    assert of(URI, resource=resource) == Pending(frozenset({StackExport("Name")}), f"{HOST}/")
