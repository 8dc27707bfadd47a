"""Versions, alarms, dashboard and outputs of deploy/macro.yaml."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from deploy.installed import ALL_SWITCHES, ORGANIZATION, README, Installed, template
from image_pinner.lambda_macro import log_record


def _widgets(parameters: dict[str, str], region: str = "eu-central-1") -> list[dict[str, Any]]:
    installed = Installed({**parameters, "Dashboard": "true"}, region=region)
    widgets: list[dict[str, Any]] = json.loads(installed.properties("MacroDashboard")["DashboardBody"])["widgets"]
    return widgets


def test_without_a_revision_the_alias_follows_the_function() -> None:
    installed = Installed()
    assert "Version" not in installed.resources()
    assert installed.properties("Alias")["FunctionVersion"] == installed.outputs()["Version"] == "$LATEST"


def test_a_revision_publishes_a_version_that_the_alias_uses() -> None:
    installed = Installed({"Revision": "1.0.0"})
    assert installed.properties("Alias")["FunctionVersion"] == installed.outputs()["Version"] == "Version.Version"
    assert installed.properties("Version") == {"FunctionName": "Function", "Description": "1.0.0"}


def test_the_function_loads_the_given_version_of_the_object() -> None:
    code = Installed(ALL_SWITCHES).properties("Function")["Code"]
    assert code["S3ObjectVersion"] == ALL_SWITCHES["CodeObjectVersion"]
    assert "S3ObjectVersion" not in Installed().properties("Function")["Code"]


def test_no_version_is_published_of_other_code() -> None:
    assert Installed(ALL_SWITCHES).properties("Version")["CodeSha256"] == ALL_SWITCHES["CodeSha256"]
    assert "CodeSha256" not in Installed({"Revision": "1.0.0"}).properties("Version")


def test_a_new_revision_changes_the_function_so_that_lambda_publishes_it() -> None:
    one, other = (Installed({"Revision": text}).properties("Function") for text in ("1.0.0", "1.0.1"))
    assert {key for key in one if one[key] != other[key]} == {"Description"}
    longest = Installed({"Revision": "r" * 64, "MacroName": "M" * 64}).properties("Function")["Description"]
    # https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    assert len(longest) <= 256


def test_earlier_versions_and_the_log_are_kept() -> None:
    kept = {
        name: (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
        for name, resource in template()["Resources"].items()
    }
    assert {name: policies for name, policies in kept.items() if policies != (None, None)} == {
        "Version": ("Retain", "Retain"),
        "LogGroup": ("RetainExceptOnCreate", "Retain"),
    }


def test_the_function_writes_to_the_log_group_that_its_role_may_write_to() -> None:
    installed = Installed(ALL_SWITCHES)
    assert installed.properties("Function")["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "LogGroup"}
    (statement,) = installed.policies()["Log"]
    assert statement["Resource"] == "LogGroup.Arn"
    assert installed.properties("LogGroup")["KmsKeyId"] == ALL_SWITCHES["LogKmsKeyArn"]
    assert Installed().properties("LogGroup") == {"RetentionInDays": 365}


def test_optional_properties_have_the_defaults_of_lambda() -> None:
    settled = {"ReservedConcurrentExecutions", "Layers", "VpcConfig"}
    assert settled.isdisjoint(Installed().properties("Function"))
    function = Installed(ALL_SWITCHES).properties("Function")
    assert function["VpcConfig"] == {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert (function["ReservedConcurrentExecutions"], function["Layers"]) == ("5", [ALL_SWITCHES["LayerArns"]])


@pytest.mark.parametrize(("per_region", "bucket"), [("false", "code"), ("true", "code-cn-north-1")])
def test_the_code_can_come_from_a_bucket_in_each_region(per_region: str, bucket: str) -> None:
    installed = Installed({"CodeBucketPerRegion": per_region}, partition="aws-cn", region="cn-north-1")
    assert installed.properties("Function")["Code"] == {"S3Bucket": bucket, "S3Key": "image-pinner.zip"}


def _alias() -> str:
    """Return the name of the alias."""
    name: str = Installed().properties("Alias")["Name"]
    return name


def test_the_dashboard_is_off_by_default() -> None:
    assert "MacroDashboard" not in Installed().resources()


def test_the_dashboard_shows_its_region_and_the_metrics_of_the_macro() -> None:
    widgets = _widgets({"MacroName": "Pins", "MetricsNamespace": "Team/Pins"}, region="us-gov-west-1")
    # An alarm is shown by its ARN, which contains its region.
    regions = {widget["properties"].get("region") for widget in widgets if widget["type"] != "alarm"}
    assert regions == {"us-gov-west-1"}
    shown = json.dumps(widgets)
    for name in log_record.METRIC_UNITS:
        assert f'"{name}"' in shown.replace('\\"', '"'), name
    (search,) = re.findall(r"SEARCH\(.*?\)", shown)
    assert '{\\"Team/Pins\\",Kind,Macro}' in search
    assert '["Team/Pins", "Latency", "Macro", "Pins"' in shown
    assert f"Function:{_alias()}" in shown


def test_widgets_do_not_overlap() -> None:
    taken = [
        (x, y)
        for widget in _widgets({})
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


def test_outputs() -> None:
    assert Installed().outputs() == {
        "MacroName": "Macro",
        "FunctionName": "Function",
        "AliasArn": "Alias",
        "Version": "$LATEST",
        "RoleArn": "Role.Arn",
        "LogGroupName": "LogGroup",
        "AuthorsPolicyArn": "AuthorsPolicy",
    }


def test_the_readme_uses_existing_parameters_and_outputs() -> None:
    parameters = set(re.findall(r"ParameterKey=(\w+)", README))
    for overrides in re.findall(r"--parameter-overrides((?:[^\n]*\\\n)*[^\n]*)", README):
        parameters |= set(re.findall(r"\s(\w+)=", overrides))
    declared = set(template()["Parameters"]) | set(ORGANIZATION["Parameters"])
    assert {"CodeBucket", "CodeKey", "Revision"} < parameters <= declared
    outputs = set(re.findall(r"OutputKey=='(\w+)'", README)) | set(re.findall(r"output\s+`(\w+)`", README))
    assert outputs
    assert outputs <= set(template()["Outputs"])
