"""The permissions of the macro's role: few by default, and one more for each parameter of deploy/macro.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from deploy.installed import ALL_SWITCHES, TEXT, Installed, template
from image_pinner.sources.deployed.source import required_actions
from image_pinner.sources.ecr.facts.source import FACTS
from support.project import text_of

ALWAYS = {
    "Repositories": {"ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
    "Log": {"logs:CreateLogStream", "logs:PutLogEvents"},
}
# Each parameter with the name of its policy and the allowed actions.
SWITCHES = {
    "PullThroughRepositoryArns": ("PullThrough", {"ecr:BatchImportUpstreamImage", "ecr:CreateRepository"}),
    "EcrRoleArns": ("EcrRoles", {"sts:AssumeRole"}),
    "SsmParameterArns": ("SsmParameters", {"ssm:GetParameters"}),
    "Exports": ("Exports", {"cloudformation:ListExports"}),
    "SecretArns": ("Secrets", {"secretsmanager:GetSecretValue"}),
    "SecretParameterArns": ("SecretParameters", {"ssm:GetParameter"}),
    "KmsKeyArns": ("KmsKeys", {"kms:Decrypt"}),
    "KeepDeployed": ("KeepDeployed", set(required_actions())),
    "GatesParameter": ("GatesParameter", {"ssm:GetParameter"}),
    "KeepTagRepositoryArns": ("KeepTags", {"ecr:PutImage"}),
    "LockParameterArns": ("LockParameters", {"ssm:GetParameter"}),
    "LockObjectArns": ("LockObjects", {"s3:GetObject"}),
    "EventBusName": ("EventBus", {"events:PutEvents"}),
    "VpcSubnetIds": (
        "Vpc",
        {
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        },
    ),
}
# Each parameter that adds actions on the repositories, for facts that gates need.
FACT_SWITCHES = {
    "ReadTagMutability": {"ecr:DescribeRepositories"},
    "ReadScans": {"ecr:DescribeImageScanFindings"},
    "StartScans": {"ecr:StartImageScan"},
    "ReadLifecyclePolicies": {
        "ecr:GetLifecyclePolicy",
        "ecr:StartLifecyclePolicyPreview",
        "ecr:GetLifecyclePolicyPreview",
    },
    "ReadSignatures": {"ecr:DescribeImageSigningStatus", "ecr:ListImageReferrers"},
}
# ECR reads the findings of enhanced scanning from Inspector, whose actions have no resources:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoninspector2.html
INSPECTOR = {"inspector2:ListCoverage", "inspector2:ListFindings"}
# Actions that AWS allows on all resources or on none:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html and, for the network
# interfaces, https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions. The
# resource of ecs:ListTasks is a container instance, which Fargate does not have.
ON_ALL_RESOURCES = {
    *SWITCHES["Exports"][1],
    *SWITCHES["VpcSubnetIds"][1],
    *INSPECTOR,
    "batch:DescribeJobDefinitions",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTasks",
    "lightsail:GetContainerServices",
}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _actions(statements: list[dict[str, Any]], effect: str = "Allow") -> set[str]:
    return {action for one in statements if one["Effect"] == effect for action in _listed(one["Action"])}


def _statements(installed: Installed) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, statements in installed.policies().items():
        for statement in statements:
            yield name, statement
    for statement in installed.properties("AuthorsPolicy")["PolicyDocument"]["Statement"]:
        yield "AuthorsPolicy", statement


def test_by_default_it_may_read_images_and_write_its_log() -> None:
    assert {name: _actions(statements) for name, statements in Installed().policies().items()} == ALWAYS


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_parameter_adds_one_policy_and_changes_no_other(switch: str) -> None:
    name, actions = SWITCHES[switch]
    before, after = Installed().policies(), Installed({switch: ALL_SWITCHES[switch]}).policies()
    assert {key: after[key] for key in before} == before
    assert after.keys() - before.keys() == {name}
    assert _actions(after[name]) == actions


@pytest.mark.parametrize("switch", FACT_SWITCHES)
def test_a_parameter_for_a_gate_adds_its_actions_on_the_repositories(switch: str) -> None:
    before, after = Installed().policies(), Installed({switch: "true"}).policies()
    added = {"Scans": INSPECTOR} if switch == "ReadScans" else {}
    assert _actions(after["Repositories"]) - _actions(before["Repositories"]) == FACT_SWITCHES[switch]
    assert {name: _actions(after[name]) for name in after.keys() - before.keys()} == added
    assert after["Repositories"][0]["Resource"] == before["Repositories"][0]["Resource"]


def test_the_parameters_allow_what_facts_need_and_nothing_else() -> None:
    needed = {action for reader in FACTS.values() for actions in reader.actions.values() for action in actions}
    granted = INSPECTOR.union(*FACT_SWITCHES.values())
    assert needed - ALWAYS["Repositories"] == granted
    assert FACT_SWITCHES.keys() <= template()["Parameters"].keys()


def _table_of_gates() -> dict[str, set[str]]:
    """Return the actions by parameter, `always allowed` for the others, as docs/gates.md lists them."""
    block = re.search(r"<!-- generated: gate-facts -->(.*?)<!-- end -->", text_of("docs/gates.md"), re.DOTALL)
    assert block
    found: dict[str, set[str]] = {}
    for row in block[1].strip().splitlines()[2:]:
        _, _, _, actions, parameter = (cell.strip() for cell in row.strip("|").split("|"))
        if actions:
            found.setdefault(parameter.strip("`"), set()).update(re.findall(r"`([^`]+)`", actions))
    return found


def test_the_table_of_gates_lists_what_each_parameter_allows_and_nothing_else() -> None:
    table = _table_of_gates()
    before = _granted(Installed())
    assert table.pop("always allowed") <= before
    assert table.keys() == FACT_SWITCHES.keys() | {"KeepTagRepositoryArns"}
    for parameter, actions in table.items():
        assert _granted(Installed({parameter: ALL_SWITCHES[parameter]})) - before == actions, parameter
        others = {name: text for name, text in ALL_SWITCHES.items() if name != parameter}
        assert not _granted(Installed(others)) & actions, parameter


def _granted(installed: Installed) -> set[str]:
    return {action for statements in installed.policies().values() for action in _actions(statements)}


def test_a_parameter_of_gates_is_that_of_the_function() -> None:
    (statement,) = Installed({"GatesParameter": "/pins/gates"}).policies()["GatesParameter"]
    assert statement["Resource"] == "arn:aws:ssm:eu-central-1:111122223333:parameter/pins/gates"


@pytest.mark.parametrize("switch", [name for name in SWITCHES if name.endswith("Arns")])
def test_a_parameter_allows_only_the_resources_that_it_lists(switch: str) -> None:
    arns = [ALL_SWITCHES[switch], "arn:aws:a:b:c:d"]
    (statement,) = Installed({switch: ",".join(arns)}).policies()[SWITCHES[switch][0]]
    assert statement["Resource"] == arns


def test_every_policy_is_tested() -> None:
    named = {name for name, _ in SWITCHES.values()} | set(ALWAYS) | {"Scans"}
    assert set(re.findall(r"PolicyName: (\w+)", TEXT)) == named == set(Installed(ALL_SWITCHES).policies())


def test_repositories_are_those_of_its_account_and_region_unless_a_parameter_lists_others() -> None:
    (own,) = Installed().policies()["Repositories"]
    assert own["Resource"] == ["arn:aws:ecr:eu-central-1:111122223333:repository/*"]
    for arn in ("arn:aws:ecr:eu-central-1:111122223333:repository/shop/*", "arn:aws:ecr:*:111122223333:repository/*"):
        (listed,) = Installed({"RepositoryArns": arn}).policies()["Repositories"]
        assert listed["Resource"] == [arn]
    others = [ALL_SWITCHES["OtherRepositoryArns"], "arn:aws:ecr:eu-west-1:444455556666:repository/b"]
    (both,) = Installed({"OtherRepositoryArns": ",".join(others)}).policies()["Repositories"]
    assert both["Resource"] == [*own["Resource"], *others]


def test_no_statement_has_wildcards_beyond_the_known_ones() -> None:
    for name, statement in _statements(Installed(ALL_SWITCHES)):
        assert {"Effect", "Action", "Resource"} <= set(statement) <= {"Effect", "Action", "Resource", "Condition"}, name
        assert [action for action in _listed(statement["Action"]) if "*" in action] == []
        if "*" in _listed(statement["Resource"]):
            assert _actions([statement], statement["Effect"]) <= ON_ALL_RESOURCES, name


def test_keys_can_decrypt_only_secrets_and_lock_files() -> None:
    (statement,) = Installed(ALL_SWITCHES).policies()["KmsKeys"]
    assert statement["Condition"] == {"StringLike": {"kms:ViaService": ["secretsmanager.*", "ssm.*", "s3.*"]}}


def test_network_permissions_of_lambda_are_denied_to_the_code() -> None:
    policy = Installed(ALL_SWITCHES).policies()["Vpc"]
    assert _actions(policy, "Deny") == _actions(policy)
    (denied,) = [statement for statement in policy if statement["Effect"] == "Deny"]
    assert list(denied["Condition"]["ArnLike"]) == ["lambda:SourceFunctionArn"]


def test_events_can_be_sent_to_one_bus_only() -> None:
    installed = Installed({"EventBusName": "deployments"}, partition="aws-cn", region="cn-north-1")
    (statement,) = installed.policies()["EventBus"]
    assert statement["Resource"] == "arn:aws-cn:events:cn-north-1:111122223333:event-bus/deployments"


def test_only_lambda_can_assume_the_role_and_a_boundary_can_be_set() -> None:
    role = Installed().properties("Role")
    assert "PermissionsBoundary" not in role
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Principal"], trust["Action"]) == ({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole")
    bounded = Installed({"PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/b", "RolePath": "/team/"})
    assert bounded.properties("Role")["PermissionsBoundary"] == "arn:aws:iam::111122223333:policy/b"
    assert bounded.properties("Role")["Path"] == bounded.properties("AuthorsPolicy")["Path"] == "/team/"


def test_the_policies_are_part_of_the_role() -> None:
    # Separate policies could be created after the function that needs them.
    kinds = [resource["Type"] for resource in template()["Resources"].values()]
    assert [kind for kind in kinds if kind.startswith("AWS::IAM::")] == ["AWS::IAM::Role", "AWS::IAM::ManagedPolicy"]
    properties = Installed(ALL_SWITCHES).properties
    assert properties("Function")["Role"] == "Role.Arn"
    assert properties("Alias")["FunctionName"] == "Function"
    assert properties("Macro")["FunctionName"] == "Alias"


def test_authors_may_call_the_alias_and_use_the_transform_by_its_name() -> None:
    invoke, use = Installed({"MacroName": "Pins"}).properties("AuthorsPolicy")["PolicyDocument"]["Statement"]
    assert (invoke["Action"], invoke["Resource"]) == ("lambda:InvokeFunction", "Alias")
    assert use["Action"] == "cloudformation:CreateChangeSet"
    assert use["Resource"] == "arn:aws:cloudformation:eu-central-1:111122223333:transform/Pins"


def test_authors_can_be_restricted_to_invocations_by_cloudformation() -> None:
    def invoke(**parameters: str) -> dict[str, Any]:
        statement: dict[str, Any] = Installed(parameters).properties("AuthorsPolicy")["PolicyDocument"]["Statement"][0]
        return statement

    # Off by default: AWS does not document that invocations of macros have the key, and without it nothing is deployed.
    assert "Condition" not in invoke()
    assert invoke(InvokeThroughCloudFormation="true")["Condition"] == {
        "ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}
    }


def test_all_policies_fit_into_a_role() -> None:
    # 10,240 characters without white space: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    policies = Installed(ALL_SWITCHES).policies()
    assert sum(len(json.dumps(statements, separators=(",", ":"))) for statements in policies.values()) < 5_000


def test_moto_accepts_every_policy_document() -> None:
    moto = pytest.importorskip("moto", reason="moto, whose IAM reads the documents, is not installed")
    with moto.mock_aws():
        iam = boto3.client("iam", aws_access_key_id="x", aws_secret_access_key="y", region_name="us-east-1")
        for number, (_, statement) in enumerate(_statements(Installed(ALL_SWITCHES))):
            resources = [
                arn if ":" in arn or arn == "*" else "arn:aws:a:b:c:d" for arn in _listed(statement["Resource"])
            ]
            document = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": resources}]}
            iam.create_policy(PolicyName=f"Policy{number}", PolicyDocument=json.dumps(document))
        with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
            iam.create_policy(PolicyName="Wrong", PolicyDocument=json.dumps({"Statement": [{"Action": "a"}]}))
        iam.close()
