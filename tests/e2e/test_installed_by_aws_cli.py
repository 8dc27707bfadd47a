"""The AWS CLI installs deploy/macro.yaml, unchanged, with the zip in a bucket."""

from __future__ import annotations

import json

import pytest

from build_package.build import Package
from e2e.engine.access import HOST
from e2e.engine.cloudformation import Engine
from e2e.engine.environment import ROOT
from e2e.engine.ministack import Ministack
from e2e.installed_macro import TEMPLATE
from e2e.programs import aws
from e2e.stacks import Stacks

pytestmark = pytest.mark.e2e

APP = (ROOT / "templates" / "ecs-pin-all.yaml").read_text("utf-8")


def _outputs(engine: Engine, stack: str) -> dict[str, str]:
    reported = aws(engine, "cloudformation", "describe-stacks", "--stack-name", stack, "--query", "Stacks[0].Outputs")
    assert reported.code == 0, reported.err
    return {output["OutputKey"]: output["OutputValue"] for output in json.loads(reported.out)}


def _expect_that_it_pins(engine: Engine, ministack: Ministack, name: str) -> None:
    digest = ministack.push(f"{name}/web", "1.4.2", name)
    ministack.push(f"{name}/migration", "1.4.2", name)
    stacks = Stacks(engine)
    stacks.create(name, APP.replace("shop/", f"{name}/"))
    properties = stacks.processed(name)["Resources"]["Web"]["Properties"]
    assert properties["ContainerDefinitions"][0]["Image"] == f"{HOST}/{name}/web@{digest}"
    stacks.delete(name)


def test_a_deployment_without_the_capability_is_rejected_with_its_name(engine: Engine) -> None:
    reported = aws(engine, "cloudformation", "deploy", "--stack-name", "unable", "--template-file", TEMPLATE,
               "--parameter-overrides", "CodeBucket=nowhere", "CodeKey=nothing")  # fmt: skip
    assert reported.code != 0
    assert "Requires capabilities : [CAPABILITY_IAM]" in reported.err


def test_the_template_passes_validate_template(engine: Engine) -> None:
    reported = aws(engine, "cloudformation", "validate-template", "--template-body", f"file://{TEMPLATE}")
    assert reported.code == 0, reported.err
    keys = {parameter["ParameterKey"] for parameter in json.loads(reported.out)["Parameters"]}
    assert keys >= {"MacroName", "CodeBucket", "CodeKey", "Revision"}


def test_the_template_is_deployed_with_code_that_was_uploaded(
    engine: Engine, ministack: Ministack, package: Package
) -> None:
    assert aws(engine, "s3", "mb", "s3://delivered").code == 0
    copied = aws(engine, "s3", "cp", package.path, "s3://delivered/image-pinner/1.zip")
    assert copied.code == 0, copied.err
    deployed = aws(engine, "cloudformation", "deploy", "--stack-name", "image-pinner", "--template-file", TEMPLATE,
                   "--capabilities", "CAPABILITY_IAM", "--tags", "team=platform", "--parameter-overrides",
                   "CodeBucket=delivered", "CodeKey=image-pinner/1.zip", "Revision=1")  # fmt: skip
    assert deployed.code == 0, deployed.err
    assert "Successfully created/updated stack - image-pinner" in deployed.out
    outputs = _outputs(engine, "image-pinner")
    assert outputs["MacroName"] == "ImagePinner"
    assert outputs["Version"] == "1"
    assert outputs["AliasArn"].endswith(f":function:{outputs['FunctionName']}:live")
    _expect_that_it_pins(engine, ministack, "by-upload")
    # The macro calls the alias, and the alias the version.
    assert [run["qualifier"] for run in engine.invocations() if run["function"] == outputs["FunctionName"]] == ["1"]
    Stacks(engine).delete("image-pinner")
