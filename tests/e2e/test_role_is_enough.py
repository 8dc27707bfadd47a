"""The role in deploy/macro.yaml allows what the function calls, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from build_package.build import Package
from e2e.engine.access import ACCOUNT, HOST, REGION
from e2e.engine.cloudformation import Engine
from e2e.engine.ministack import Ministack
from e2e.engine.recording import Call
from e2e.installed_macro import installed
from e2e.roles import policies
from e2e.stacks import Stacks
from support.certificates import certificate_for
from support.images import oci_image
from support.registries import Answer, ScriptedRegistry, Seen, sent

pytestmark = pytest.mark.e2e

OTHER, THIRD = "111122223333", "222233334444"
_ECR = {"ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
NEVER_CALLED = {
    "logs:CreateLogStream": "Lambda itself writes the log, as the role",
    "logs:PutLogEvents": "Lambda itself writes the log, as the role",
    "ecr:BatchImportUpstreamImage": "ECR asks for it within BatchGetImage",
    "ecr:CreateRepository": "ECR asks for it within BatchGetImage, for the first image of a repository",
    "ecr:StartImageScan": "the engine reports no missing scan",
    "ecr:StartLifecyclePolicyPreview": "a preview does not know keep-tags, which are put here",
    "ecr:GetLifecyclePolicyPreview": "a preview does not know keep-tags, which are put here",
    "inspector2:ListCoverage": "ECR asks for it within DescribeImageScanFindings",
    "inspector2:ListFindings": "ECR asks for it within DescribeImageScanFindings",
    "kms:Decrypt": "Secrets Manager and the Parameter Store ask for it when a secret is read",
}
"""Actions of the policies that no request shows, each with its reason."""
GATES = """age.minimum=1m; age.mode=warn
immutable-tags.mode=warn
vulnerabilities.severity=CRITICAL; vulnerabilities.start=true; vulnerabilities.mode=warn
lifecycle.keep-tag=true; lifecycle.mode=warn
aws-signing-status.require=managed; aws-signing-status.require=notation; aws-signing-status.mode=warn
"""


class StoredCredentials(NamedTuple):
    """Registries that require credentials, and where these are stored."""

    in_secret: ScriptedRegistry
    in_store: ScriptedRegistry
    of_template: ScriptedRegistry
    ca_file: Path

    @property
    def registries(self) -> tuple[ScriptedRegistry, ...]:
        return (self.in_secret, self.in_store, self.of_template)


def _require_credentials(seen: Seen) -> Answer:
    if not seen.authorization:
        return Answer(401, {"WWW-Authenticate": 'Basic realm="of the tests"'})
    return sent(oci_image())


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[StoredCredentials]:
    shown = certificate_for(tmp_path, "127.0.0.1")
    with ExitStack() as stack:
        registries = [
            stack.enter_context(ScriptedRegistry(_require_credentials, certificate=shown.context)) for _ in range(3)
        ]
        yield StoredCredentials(*registries, shown.ca_file)


@contextmanager
def _secret(engine: Engine, name: str) -> Iterator[str]:
    secrets = engine.client("secretsmanager")
    credentials = json.dumps({"username": "reader", "password": "of-the-tests"})
    arn = secrets.create_secret(Name=name, SecretString=credentials)["ARN"]
    yield arn
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def _every_switch(stored: StoredCredentials, secret: str, of_template: str) -> dict[str, str]:
    role = f"arn:aws:iam::{THIRD}:role/reader"
    repository = f"arn:aws:ecr:{REGION}:{{}}:repository/{{}}"
    return {
        "Platform": "Any",
        "WhenMissing": "KeepTag",
        "RepositoryArns": ",".join(repository.format(ACCOUNT, name) for name in ("role/*", "cache/*")),
        "OtherRepositoryArns": repository.format(OTHER, "shared/*"),
        "PullThrough": "true",
        "PullThroughRepositoryArns": repository.format(ACCOUNT, "cache/*"),
        "EcrRoles": f"{THIRD}={role}",
        "EcrRoleArns": role,
        "SsmParameterArns": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/role/tag",
        "Exports": "true",
        "Credentials": f"{stored.in_secret.host}={secret};{stored.in_store.host}=ssm:/role/login",
        "TemplateCredentials": f"{stored.of_template.host}={of_template}",
        "CaBundles": ";".join(f"{registry.host}={stored.ca_file}" for registry in stored.registries),
        "SecretArns": f"{secret},{of_template}",
        "SecretParameterArns": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/role/login",
        "KmsKeyArns": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555",
        "EventBusName": "deployments",
        "GatesParameter": "/role/gates",
        "ReadTagMutability": "true",
        "ReadScans": "true",
        "StartScans": "true",
        "ReadLifecyclePolicies": "true",
        "ReadSignatures": "true",
        "KeepTagRepositoryArns": repository.format(ACCOUNT, "role/*"),
    }


def _application(stored: StoredCredentials, of_template: str) -> str:
    images = {
        "own": f"!PinDigest {HOST}/role/web:1",
        "of-platform": f"!PinDigest Platform=linux/amd64 {HOST}/role/single:1",
        "cached": f"!PinDigest {HOST}/cache/library/nginx:1",
        "other": f"!PinDigest {OTHER}.dkr.ecr.{REGION}.amazonaws.com/shared/web:1",
        "third": f"!PinDigest {THIRD}.dkr.ecr.{REGION}.amazonaws.com/third/web:1",
        "stored": f"!PinDigest {HOST}/role/web:{{{{resolve:ssm:/role/tag}}}}",
        "exported": {"Fn::Join": ["", ["!PinDigest ", {"Fn::ImportValue": "role-repository"}, ":1"]]},
        "secret": f"!PinDigest {stored.in_secret.host}/team/app:1",
        "parameter": f"!PinDigest {stored.in_store.host}/team/app:1",
        "template": f"!PinDigest {stored.of_template.host}/team/app:1",
    }
    containers: list[dict] = [{"Name": name, "Image": image} for name, image in images.items()]
    containers[-1]["RepositoryCredentials"] = {"CredentialsParameter": of_template}
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": containers}}
    return json.dumps({"Transform": "ImagePinner", "Resources": {"Task": task}})


def _of_the_role(calls: list[Call]) -> list[Call]:
    """Remove the requests with the role of another account, which has its own policies."""
    own = next(call.key for call in calls if call.action == "sts:AssumeRole")
    return [call for call in calls if call.key == own]


def test_by_default_the_role_may_read_images_and_write_its_log(engine: Engine, package: Package) -> None:
    with installed(engine, package, "least", MacroName="Least"):
        allowed = policies(engine, "least")
    assert {one.action for one in allowed} == _ECR | {"logs:CreateLogStream", "logs:PutLogEvents"}
    images = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*"
    assert {one.resources for one in allowed if one.action in _ECR} == {(images,)}


def test_the_function_calls_what_its_role_allows_and_nothing_else(
    engine: Engine, ministack: Ministack, package: Package, stored: StoredCredentials
) -> None:
    ministack.push("role/web", "1", "role")
    ministack.push("role/single", "1", "single")
    ssm, stacks = engine.client("ssm"), Stacks(engine)
    ssm.put_parameter(Name="/role/tag", Value="1", Type="String", Overwrite=True)
    ssm.put_parameter(Name="/role/login", Value="reader:of-the-tests", Type="SecureString", Overwrite=True)
    ssm.put_parameter(Name="/role/gates", Value=GATES, Type="String", Overwrite=True)
    engine.client("events").create_event_bus(Name="deployments")
    exported = {"Value": f"{HOST}/role/web", "Export": {"Name": "role-repository"}}
    topic = {"Type": "AWS::SNS::Topic"}
    stacks.create("exporting", json.dumps({"Resources": {"Topic": topic}, "Outputs": {"Repository": exported}}))
    with _secret(engine, "role-login") as secret, _secret(engine, "template-login") as of_template:
        switches = _every_switch(stored, secret, of_template)
        with installed(engine, package, "every-switch", **switches):
            allowed = policies(engine, "every-switch")
            engine.calls.forget()
            stacks.create("of-the-role", _application(stored, of_template))
            calls = engine.calls.all()
            stacks.delete("of-the-role")
    stacks.delete("exporting")
    own = _of_the_role(calls)
    assert [call for call in own if not any(one.allows(call) for one in allowed)] == []
    unused = {one.action for one in allowed if not any(one.allows(call) for call in own)}
    assert unused == set(NEVER_CALLED)
    assert f"arn:aws:ecr:{REGION}:{OTHER}:repository/shared/web" in {one for call in own for one in call.resources}
    # The registry of the third account was requested with the assumed role, not with that of the function.
    third = [call for call in calls if any(f":{THIRD}:repository/" in one for one in call.resources)]
    assert third
    assert not set(third) & set(own)
