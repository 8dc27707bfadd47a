"""The AWS CLI, SAM and the CDK process templates with the macro."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from build_package.build import Package
from e2e.engine.access import HOST
from e2e.engine.cloudformation import Engine
from e2e.engine.environment import ROOT, Environment
from e2e.engine.ministack import Ministack
from e2e.installed_macro import installed
from e2e.macro_stack import BUCKET
from e2e.programs import Ran, aws
from e2e.service_facts import refusal
from e2e.stacks import Stacks

pytestmark = pytest.mark.e2e

APP = """# kept
Transform: ImagePinner
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - {Name: quoted, Image: "!PinDigest HOST/tools/web:1"}
        - {Name: composed, Image: !Sub "!PinDigest ${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/tools/web:1"}
""".replace("HOST", HOST)
# Runs the transform of SAM, like `sam validate`.
SAM = """
import json, sys
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
read = json.load(sys.stdin)
made = Translator({}, Parser()).translate(read, {"AWS::Region": "eu-central-1"})
print(json.dumps(made))
"""


@pytest.fixture(scope="module")
def macro(running_engine: Engine, package: Package) -> Iterator[None]:
    with installed(running_engine, package, "macro-beside-tools"):
        yield


def _packaged(engine: Engine, folder: Path, text: str) -> Ran:
    (folder / "app.yaml").write_text(text, "utf-8")
    return aws(engine, "cloudformation", "package", "--template-file", "app.yaml", "--s3-bucket", BUCKET,
               "--output-template-file", "made.yaml", folder=folder)  # fmt: skip


def _transformed_by_sam(environment: Environment, template: dict[str, Any]) -> dict[str, Any]:
    ran = subprocess.run(
        [environment.engine_python, "-c", SAM],
        input=json.dumps(template),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"AWS_DEFAULT_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true"},
    )
    assert ran.returncode == 0, ran.stderr
    made: dict[str, Any] = json.loads(ran.stdout)
    return made


def _images(template: dict[str, Any]) -> list[str]:
    return [one["Image"] for one in template["Resources"]["Task"]["Properties"]["ContainerDefinitions"]]


@pytest.mark.usefixtures("macro")
def test_a_real_tag_becomes_a_function_that_the_service_refuses(engine: Engine, tmp_path: Path) -> None:
    text = APP.replace('"!PinDigest HOST', '!PinDigest "HOST').replace(
        f'"!PinDigest {HOST}/tools/web:1"', f"!PinDigest {HOST}/tools/web:1"
    )
    assert _packaged(engine, tmp_path, text).code == 0
    made = yaml.safe_load((tmp_path / "made.yaml").read_text("utf-8"))
    assert _images(made)[0] == {"Fn::PinDigest": f"{HOST}/tools/web:1"}
    deployed = aws(engine, "cloudformation", "deploy", "--template-file", tmp_path / "made.yaml", "--stack-name", "tag",
                   "--capabilities", "CAPABILITY_AUTO_EXPAND")  # fmt: skip
    assert deployed.code != 0
    assert "Encountered unsupported function: Fn::PinDigest" in deployed.err
    # A template that was not packaged is sent unchanged, and fails at the tag.
    raw = aws(engine, "cloudformation", "deploy", "--template-file", tmp_path / "app.yaml", "--stack-name", "tag",
              "--capabilities", "CAPABILITY_AUTO_EXPAND")  # fmt: skip
    assert "the tag !PinDigest in line 8" in raw.err


@pytest.mark.usefixtures("macro")
def test_the_quoted_marker_survives_package_and_is_pinned(engine: Engine, ministack: Ministack, tmp_path: Path) -> None:
    digest = ministack.push("tools/web", "1", "tools")
    packaged = _packaged(engine, tmp_path, APP)
    assert packaged.code == 0, packaged.err
    made = yaml.safe_load((tmp_path / "made.yaml").read_text("utf-8"))
    assert made["Transform"] == "ImagePinner"
    assert _images(made)[0] == f"!PinDigest {HOST}/tools/web:1"
    assert _images(made)[1]["Fn::Sub"].startswith("!PinDigest ")
    deployed = aws(engine, "cloudformation", "deploy", "--template-file", tmp_path / "made.yaml", "--stack-name",
                   "quoted", "--capabilities", "CAPABILITY_AUTO_EXPAND")  # fmt: skip
    assert deployed.code == 0, deployed.err
    stacks = Stacks(engine)
    assert _images(stacks.processed("quoted")) == [f"{HOST}/tools/web@{digest}"] * 2
    stacks.delete("quoted")


@pytest.mark.usefixtures("macro")
def test_deploy_sends_the_file_as_it_is_written(engine: Engine, ministack: Ministack, tmp_path: Path) -> None:
    ministack.push("tools/web", "1", "tools")
    (tmp_path / "app.yaml").write_text(APP, "utf-8")
    deployed = aws(engine, "cloudformation", "deploy", "--template-file", tmp_path / "app.yaml", "--stack-name", "raw",
                   "--capabilities", "CAPABILITY_AUTO_EXPAND")  # fmt: skip
    assert deployed.code == 0, deployed.err
    ran = engine.client("cloudformation").get_template(StackName="raw", TemplateStage="Original")
    assert ran["TemplateBody"] == APP
    Stacks(engine).delete("raw")


def test_a_template_with_the_macro_passes_validate_template(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text(APP, "utf-8")
    ran = aws(engine, "cloudformation", "validate-template", "--template-body", f"file://{tmp_path / 'app.yaml'}")
    assert ran.code == 0, ran.err


SAM_NAME = "AWS::Serverless-2016-10-31"


@pytest.mark.parametrize("order", [["ImagePinner", SAM_NAME], [SAM_NAME, "ImagePinner"]], ids=["before", "after"])
def test_sam_keeps_the_marker_in_any_order_of_the_transforms(environment: Environment, order: list[str]) -> None:
    function = {
        "PackageType": "Image",
        "ImageUri": {"Fn::Sub": f"!PinDigest {HOST}/tools/reports:${{Tag}}"},
        "Events": {"Nightly": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}}},
    }
    template = {
        "Transform": order,
        "Parameters": {"Tag": {"Type": "String", "Default": "1"}},
        "Resources": {
            "Reports": {
                "Type": "AWS::Serverless::Function",
                "Metadata": {"ImagePinner": {"Platform": "Any"}},
                "Properties": function,
            }
        },
    }
    made = _transformed_by_sam(environment, template)
    reports = made["Resources"]["Reports"]
    assert reports["Type"] == "AWS::Lambda::Function"
    assert reports["Properties"]["Code"]["ImageUri"] == {"Fn::Sub": f"!PinDigest {HOST}/tools/reports:${{Tag}}"}
    assert reports["Metadata"]["ImagePinner"] == {"Platform": "Any"}


@pytest.mark.usefixtures("macro")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_the_template_for_sam_is_deployed_with_the_macro_on_either_side(
    engine: Engine, ministack: Ministack, *, after: bool
) -> None:
    text = (ROOT / "templates" / "sam-function.yaml").read_text("utf-8")
    order = f'[ImagePinner, "{SAM_NAME}"]'
    assert order in text
    text = text.replace(order, f'["{SAM_NAME}", ImagePinner]') if after else text
    digest = ministack.push("shop/reports", "1.4.2", "for SAM", architectures=("arm64",))
    stacks = Stacks(engine)
    stacks.create("of-sam", text)
    reports = stacks.processed("of-sam")["Resources"]["Reports"]
    assert reports["Type"] == "AWS::Lambda::Function"
    assert reports["Properties"]["Code"]["ImageUri"] == f"{HOST}/shop/reports@{digest}"
    stacks.delete("of-sam")


CDK = {
    "Transform": ["ImagePinner"],
    "Parameters": {
        "BootstrapVersion": {
            "Type": "AWS::SSM::Parameter::Value<String>",
            "Default": "/cdk-bootstrap/hnb659fds/version",
            "Description": "Version of the CDK Bootstrap resources in this environment. [cdk:skip]",
        }
    },
    "Resources": {
        "Task79114B6B": {
            "Type": "AWS::ECS::TaskDefinition",
            "Metadata": {"aws:cdk:path": "Shop/Task/Resource", "ImagePinner": {"Pin": "All"}},
            "Properties": {
                "Family": "ShopTask",
                "RequiresCompatibilities": ["EC2"],
                "ContainerDefinitions": [
                    # ContainerImage.fromEcrRepository(Repository.fromRepositoryName(…), "1")
                    {
                        "Name": "web",
                        "Memory": 256,
                        "Image": {
                            "Fn::Join": [
                                "",
                                [
                                    {"Ref": "AWS::AccountId"},
                                    ".dkr.ecr.",
                                    {"Ref": "AWS::Region"},
                                    ".",
                                    {"Ref": "AWS::URLSuffix"},
                                    "/tools/web:1",
                                ],
                            ]
                        },
                    },
                    # ContainerImage.fromAsset(…)
                    {
                        "Name": "asset",
                        "Memory": 256,
                        "Image": {
                            "Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/"
                            "cdk-hnb659fds-container-assets-${AWS::AccountId}-${AWS::Region}:" + "5f" * 32
                        },
                    },
                ],
            },
        },
        "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:deflate64:H4sIAAAA"}},
    },
    "Rules": {
        "CheckBootstrapVersion": {
            "Assertions": [
                {
                    "Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2", "3", "4", "5"], {"Ref": "BootstrapVersion"}]}]},
                    "AssertDescription": "CDK bootstrap stack version 6 required.",
                }
            ]
        }
    },
}


@pytest.mark.usefixtures("macro")
def test_what_the_cdk_synthesises_is_pinned_its_assets_too(engine: Engine, ministack: Ministack) -> None:
    template = json.dumps(CDK)
    assert refusal(template) == ""
    assets = "cdk-hnb659fds-container-assets-000000000000-eu-central-1"
    web, asset = ministack.push("tools/web", "1", "of the CDK"), ministack.push(assets, "5f" * 32, "an asset")
    ssm = engine.client("ssm")
    ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="21", Type="String", Overwrite=True)
    stacks = Stacks(engine)
    stacks.create("of-the-cdk", template)
    task = stacks.processed("of-the-cdk")["Resources"]["Task79114B6B"]
    images = [one["Image"] for one in task["Properties"]["ContainerDefinitions"]]
    assert images == [f"{HOST}/tools/web@{web}", f"{HOST}/{assets}@{asset}"]
    assert "ssm:GetParameters" not in engine.calls.actions()
    stacks.delete("of-the-cdk")
