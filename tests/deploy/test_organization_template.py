"""deploy/organization.yaml: one stack set that passes every parameter on to deploy/macro.yaml."""

from __future__ import annotations

import pytest

from deploy.installed import ORGANIZATION, ORGANIZATION_TEXT
from deploy.installed import TEXT as MACRO_TEXT
from deploy.installed import template as macro_template

STACK_SET = ORGANIZATION["Resources"]["StackSet"]["Properties"]
SET_HERE = {"CodeBucketPerRegion": "true", "CodeObjectVersion": ""}
"""Parameters of macro.yaml that have the same value in every organization."""
DESCRIBED_HERE = {"CodeBucket", "CodeKey"}
"""Parameters that have the name of one of macro.yaml, and a description of their own."""


def _findings(text: str) -> list[str]:
    from cfnlint import lint  # noqa: PLC0415 - the import takes seconds, which only these tests need
    from cfnlint.config import ManualArgs  # noqa: PLC0415

    config = ManualArgs(regions=["us-east-1", "eu-central-1"], include_checks=["I", "W", "E"])
    return sorted(f"{match.rule.id} line {match.linenumber}: {match.message}" for match in lint(text, config=config))


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("PermissionModel: SERVICE_MANAGED", "PermissionModel: MANAGED"),
        ("RegionConcurrencyType: PARALLEL", "RegionConcurrency: PARALLEL"),
        ("      TemplateURL: !Sub", "      TemplateUrl: !Sub"),
    ],
)
def test_cfn_lint_checks_the_properties_of_a_stack_set(line: str, instead: str) -> None:
    assert line in ORGANIZATION_TEXT
    assert _findings(ORGANIZATION_TEXT.replace(line, instead)) != []


def test_cfn_lint_has_no_findings() -> None:
    assert _findings(ORGANIZATION_TEXT) == []
    assert "cfn-lint:" not in ORGANIZATION_TEXT


def test_it_has_one_resource_and_fits_into_a_request() -> None:
    assert [one["Type"] for one in ORGANIZATION["Resources"].values()] == ["AWS::CloudFormation::StackSet"]
    assert len(ORGANIZATION_TEXT.encode()) < 51_200


def test_every_parameter_of_the_macro_is_passed_on() -> None:
    passed = {one["ParameterKey"]: one["ParameterValue"] for one in STACK_SET["Parameters"]}
    assert passed == {name: SET_HERE.get(name, {"Ref": name}) for name in macro_template()["Parameters"]}
    assert len(passed) == len(STACK_SET["Parameters"])


def test_parameters_that_are_passed_on_are_declared_as_in_the_macro_template() -> None:
    for name, declared in macro_template()["Parameters"].items():
        if name not in {*SET_HERE, *DESCRIBED_HERE}:
            assert ORGANIZATION["Parameters"][name] == declared, name


def test_the_copied_comments_and_declarations_have_the_same_text() -> None:
    copied = MACRO_TEXT[MACRO_TEXT.index("  # The platform configuration") : MACRO_TEXT.index("\nConditions:")]
    assert copied in ORGANIZATION_TEXT


def test_permissions_are_managed_by_the_service_for_every_unit_and_region() -> None:
    assert STACK_SET["PermissionModel"] == "SERVICE_MANAGED"
    assert STACK_SET["CallAs"] == {"Ref": "CallAs"}
    assert STACK_SET["AutoDeployment"]["Enabled"] == {"Ref": "AutoDeployment"}
    assert STACK_SET["Capabilities"] == ["CAPABILITY_IAM"]
    assert STACK_SET["StackInstancesGroup"] == [
        {
            "DeploymentTargets": {"OrganizationalUnitIds": {"Ref": "OrganizationalUnitIds"}},
            "Regions": {"Ref": "Regions"},
        }
    ]


def test_a_failure_in_one_account_does_not_stop_the_others() -> None:
    assert STACK_SET["OperationPreferences"] == {
        "RegionConcurrencyType": "PARALLEL",
        "FailureTolerancePercentage": 100,
        "MaxConcurrentPercentage": 100,
        "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
    }
    # Another value of Retry is a change of the stack set, which deploys to all accounts again.
    assert "${Retry}" in STACK_SET["Description"]["Fn::Sub"]


def test_the_template_is_read_from_the_bucket_in_the_region_of_the_stack() -> None:
    assert STACK_SET["TemplateURL"] == {
        "Fn::Sub": "https://${CodeBucket}-${AWS::Region}.s3.${AWS::Region}.${AWS::URLSuffix}/${TemplateKey}"
    }
