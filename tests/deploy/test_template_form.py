"""deploy/macro.yaml works in stack sets, several times in a region, and in every partition and region."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from deploy.installed import ALL_SWITCHES, TEXT, Installed, template
from image_pinner.core.images.ecr import partition_of
from image_pinner.lambda_macro import handler

REGIONS = ("us-east-1", "eu-central-1", "ap-southeast-2", "cn-north-1", "us-gov-west-1")
# Properties that set a physical name, which a second stack could not use.
NAMES_OF_RESOURCES = {
    "AlarmName", "DashboardName", "FunctionName", "LogGroupName", "ManagedPolicyName", "RoleName",
}  # fmt: skip


def _findings(text: str, regions: Sequence[str]) -> list[str]:
    """Return the findings of cfn-lint in a template, including informational ones."""
    from cfnlint import lint  # noqa: PLC0415 - its import takes seconds
    from cfnlint.config import ManualArgs  # noqa: PLC0415

    config = ManualArgs(regions=list(regions), include_checks=["I", "W", "E"])
    return sorted(f"{match.rule.id} line {match.linenumber}: {match.message}" for match in lint(text, config=config))


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, part in value.items() for text in (key, *_texts(part))]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(
    ("line", "instead", "rule"),
    [
        ("    DeletionPolicy: RetainExceptOnCreate\n", "", "I3011"),
        ("arn:${AWS::Partition}:ecr", "arn:aws:ecr", "I3042"),
        ('!Ref AlarmTopicArn, ""', '!Ref Nothing, ""', "E1020"),
        ("    Condition: HasDashboard\n", "", "W8001"),
    ],
)  # fmt: skip
def test_cfn_lint_reports_a_mistake(line: str, instead: str, rule: str) -> None:
    assert line in TEXT
    assert [found for found in _findings(TEXT.replace(line, instead), REGIONS[:1]) if found.startswith(rule)]


def test_cfn_lint_has_no_findings_in_any_region() -> None:
    assert _findings(TEXT, REGIONS) == []
    assert "cfn-lint:" not in TEXT


def test_service_managed_stack_sets_can_deploy_it() -> None:
    assert "Transform" not in template()
    assert [text for text in _texts(template()["Resources"]) if text == "Fn::Transform"] == []
    assert len(TEXT.encode()) < 51_200
    kinds = {resource["Type"] for resource in template()["Resources"].values()}
    assert [
        kind for kind in kinds if not kind.startswith("AWS::") or kind == "AWS::CloudFormation::CustomResource"
    ] == []
    assert "{{resolve:" not in TEXT


def test_no_resource_has_a_name_that_a_second_stack_could_not_use() -> None:
    # Other names refer to a resource of the stack, except those of the macro and of the alias.
    named = {
        name: resource["Properties"][key]
        for name, resource in template()["Resources"].items()
        for key in sorted({*NAMES_OF_RESOURCES, "Name"} & resource["Properties"].keys())
        if resource["Properties"][key] not in ({"Ref": "Function"}, {"Ref": "Alias"})
    }
    assert named == {"Macro": {"Ref": "MacroName"}, "Alias": "live"}
    assert not any("Export" in output for output in template()["Outputs"].values())


def test_two_macros_differ_only_in_their_names() -> None:
    one, other = (Installed({**ALL_SWITCHES, "MacroName": name}) for name in ("FirstMacro", "OtherMacro"))
    assert [macro.properties("Macro")["Name"] for macro in (one, other)] == ["FirstMacro", "OtherMacro"]
    assert json.dumps(one.resources()).replace("FirstMacro", "OtherMacro") == json.dumps(other.resources())


@pytest.mark.parametrize("region", [*REGIONS, "us-iso-east-1"])
def test_its_arns_are_of_its_own_partition(region: str) -> None:
    partition = partition_of(region)
    assert partition is not None
    switches = {name: text for name, text in ALL_SWITCHES.items() if not text.startswith("arn:")}
    installed = Installed(switches, partition=partition.name, region=region)
    arns = [text for text in _texts(installed.resources()) if "arn:" in text]
    assert len(arns) == 15
    assert [arn for arn in arns if not arn.startswith(f"arn:{partition.name}:")] == []


def test_it_contains_no_account_and_no_region() -> None:
    text = json.dumps({"Resources": template()["Resources"], "Outputs": template()["Outputs"]})
    assert re.findall(r"\b[0-9]{12}\b|\b[a-z]{2}(?:-gov)?-[a-z]+-[0-9]\b", text) == []


def test_the_function_is_the_one_that_was_built() -> None:
    function = Installed().properties("Function")
    module, _, name = function["Handler"].rpartition(".")
    assert module == handler.__name__
    assert getattr(handler, name) is handler.handler
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])


def test_the_code_is_loaded_from_the_given_object_only() -> None:
    assert list(template()["Resources"]["Function"]["Properties"]["Code"]) == ["S3Bucket", "S3Key", "S3ObjectVersion"]


def test_every_parameter_is_once_in_the_form_of_the_console() -> None:
    groups = template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(template()["Parameters"])
    assert len(shown) == len(set(shown))


@pytest.mark.parametrize(
    ("parameter", "text", "fits"),
    [
        ("MacroName", "111122223333::ImagePinner", False),
        ("MacroName", "Image Pinner", False),
        ("MacroName", "ImagePinner-v1_0", True),
        ("CodeBucket", "s3://code", False),
        ("Revision", "1.0.0 (again)", False),
        ("Revision", "2026-11-25_1.0.0", True),
        ("RolePath", "team", False),
        ("RolePath", "/", True),
        ("RolePath", "/team/macros/", True),
        ("ReservedConcurrency", "many", False),
        ("ReservedConcurrency", "0", True),
        ("EventBusName", "arn:aws:events:eu-central-1:111122223333:event-bus/ledger", False),
        ("EventBusName", "aws.partner/example.com/ledger", True),
        ("MetricsNamespace", "AWS/ImagePinner", False),
        ("MetricsNamespace", "Team/ImagePinner", True),
        ("AlarmTopicArn", "on-call", False),
        ("AlarmTopicArn", "arn:aws-cn:sns:cn-north-1:111122223333:on-call", True),
        ("PermissionsBoundaryArn", "boundary", False),
        ("PermissionsBoundaryArn", "arn:aws-us-gov:iam::111122223333:policy/team/boundary", True),
        ("LogKmsKeyArn", "alias/log", False),
    ],
)
def test_cloudformation_accepts_a_parameter_value(parameter: str, text: str, fits: bool) -> None:  # noqa: FBT001
    # CloudFormation matches the whole value: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    assert (re.fullmatch(template()["Parameters"][parameter]["AllowedPattern"], text, re.ASCII) is not None) is fits
