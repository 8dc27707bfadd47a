"""The `sam` command with templates that use the macro: `validate`, `build` without Docker, and `deploy`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from build_package.build import Package
from e2e.engine.access import HOST, REGION
from e2e.engine.cloudformation import Engine
from e2e.engine.environment import ROOT
from e2e.engine.ministack import Ministack
from e2e.installed_macro import installed
from e2e.macro_stack import BUCKET
from e2e.programs import Ran, run
from e2e.service_facts import refusal
from e2e.stacks import Stacks

pytestmark = pytest.mark.e2e

QUICK_WAITS = ROOT / "tests" / "e2e" / "quick_waits"
SAM_NAME = "AWS::Serverless-2016-10-31"
ORDERS = pytest.mark.parametrize(
    "order", [["ImagePinner", SAM_NAME], [SAM_NAME, "ImagePinner"]], ids=["before", "after"]
)
MARKED = '"!PinDigest HOST/built/web:1"'
TEMPLATE = """# not kept by sam
Transform: ORDER
Metadata:
  ImagePinner: {Pin: Marked}
Parameters:
  Tag: {Type: String, Default: "1"}
Resources:
  Zipped:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: app.handler, CodeUri: source}
  Reports:
    Type: AWS::Serverless::Function
    Metadata: {ImagePinner: {Platform: linux/amd64}}
    Properties:
      PackageType: Image
      ImageUri: !Sub "!PinDigest ${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/built/reports:${Tag}"
  Task:
    Type: AWS::ECS::TaskDefinition
    Metadata: {ImagePinner: {Pin: [sidecar]}}
    Properties:
      Family: built
      ContainerDefinitions:
        - {Name: web, Memory: 128, Image: MARKED, DockerLabels: {team: shop}}
        - {Name: sidecar, Memory: 128, Image: HOST/built/sidecar:1}
"""


class Sam(NamedTuple):
    """The `sam` command in a folder of its own, which can reach only the engine.

    Args:
        command: The command.
        folder: Where the template is, as `template.yaml`, with the source of its function.
    """

    command: Path
    folder: Path

    def write(self, order: list[str], image: str = MARKED) -> None:
        """Write the template, with the given image in its task."""
        text = TEMPLATE.replace("MARKED", image).replace("HOST", HOST)
        (self.folder / "template.yaml").write_text(text.replace("ORDER", str(order)), "utf-8")

    def run(self, *arguments: str | Path, variables: dict[str, str] | None = None) -> Ran:
        """Run it as on a machine that has neither Docker nor a network."""
        own = {
            # Its Python interpreter has the version of the function, and builds it.
            "PATH": f"{self.command.parent}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "SAM_CLI_TELEMETRY": "0",
            "DOCKER_HOST": "tcp://127.0.0.1:9",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # It looks for newer versions, and no option turns that off; nothing listens here.
            "HTTP_PROXY": "http://127.0.0.1:9",
            "HTTPS_PROXY": "http://127.0.0.1:9",
        }
        return run([self.command, *arguments], {**own, **(variables or {})}, self.folder)

    def build(self) -> dict[str, Any]:
        """Build, and return the resulting template."""
        ran = self.run("build")
        assert ran.code == 0, ran.err
        made: dict[str, Any] = yaml.safe_load(self.built.read_text("utf-8"))
        return made

    @property
    def built(self) -> Path:
        """The template from `sam build`."""
        return self.folder / ".aws-sam" / "build" / "template.yaml"

    def deploy(self, engine: Engine, stack: str, template: Path) -> Ran:
        """Deploy a template to the engine, without pauses between polls."""
        # It requires a repository for a function with an image, although it pushes only local images.
        return self.run("deploy", "--template-file", template, "--stack-name", stack, "--s3-bucket", BUCKET,
                        "--image-repository", f"{HOST}/built/reports", "--no-progressbar",
                        "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND",
                        variables={**engine.environment, "PYTHONPATH": str(QUICK_WAITS)})  # fmt: skip


@pytest.fixture
def sam(sam_command: Path, tmp_path: Path) -> Sam:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "app.py").write_text("def handler(event, context):\n    return 1\n", "utf-8")
    # The Python builder requires this file, which is empty, so that pip downloads nothing.
    (tmp_path / "source" / "requirements.txt").touch()
    return Sam(sam_command, tmp_path)


@pytest.fixture(scope="module")
def macro(running_engine: Engine, package: Package) -> Iterator[None]:
    with installed(running_engine, package, "macro-beside-sam"):
        yield


def _images(template: dict[str, Any]) -> list[Any]:
    return [one["Image"] for one in template["Resources"]["Task"]["Properties"]["ContainerDefinitions"]]


def test_validate_accepts_a_yaml_tag_and_its_lint_rejects_it(sam: Sam) -> None:
    sam.write(["ImagePinner", SAM_NAME], MARKED.replace('"', ""))
    ran = sam.run("validate")
    assert ran.code == 0, ran.err
    assert "is a valid SAM Template" in ran.out
    linted = sam.run("validate", "--lint")
    assert linted.code == 1
    assert "E3012" in linted.out
    assert f"{{'Fn::PinDigest': '{HOST}/built/web:1'}} is not of type 'string'" in linted.out


@ORDERS
def test_validate_and_its_lint_accept_the_quoted_marker(sam: Sam, order: list[str]) -> None:
    sam.write(order)
    for ran in (sam.run("validate"), sam.run("validate", "--lint")):
        assert ran.code == 0, ran.out + ran.err
        assert ran.out.startswith(f"{sam.folder / 'template.yaml'} is a valid SAM Template")
        assert ran.err == ""


@pytest.mark.usefixtures("macro")
def test_a_yaml_tag_becomes_a_function_that_the_service_rejects(sam: Sam, engine: Engine) -> None:
    sam.write(["ImagePinner", SAM_NAME], MARKED.replace('"', ""))
    assert _images(sam.build())[0] == {"Fn::PinDigest": f"{HOST}/built/web:1"}
    assert "Encountered unsupported function: Fn::PinDigest" in refusal(sam.built.read_text("utf-8"))
    # SAM converts the tag of a template that was not built, too.
    deployed = sam.deploy(engine, "tag-of-sam", sam.folder / "template.yaml")
    assert deployed.code != 0
    assert "Encountered unsupported function: Fn::PinDigest" in deployed.err
    Stacks(engine).remove("tag-of-sam")


@pytest.mark.usefixtures("macro")
@ORDERS
def test_what_sam_builds_keeps_what_the_macro_reads_and_is_deployed_with_digests(
    sam: Sam, engine: Engine, ministack: Ministack, order: list[str]
) -> None:
    sam.write(order)
    built = sam.build()
    assert built["Transform"] == order
    assert built["Metadata"] == {"ImagePinner": {"Pin": "Marked"}}
    resources = built["Resources"]
    assert resources["Reports"]["Metadata"]["ImagePinner"] == {"Platform": "linux/amd64"}
    assert resources["Reports"]["Properties"]["ImageUri"]["Fn::Sub"].startswith("!PinDigest ${AWS::AccountId}.dkr")
    assert resources["Task"]["Metadata"]["ImagePinner"] == {"Pin": ["sidecar"]}
    assert _images(built) == [f"!PinDigest {HOST}/built/web:1", f"{HOST}/built/sidecar:1"]
    assert resources["Task"]["Properties"]["ContainerDefinitions"][0]["DockerLabels"] == {"team": "shop"}

    reports, web, sidecar = (ministack.push(f"built/{name}", "1", name) for name in ("reports", "web", "sidecar"))
    deployed = sam.deploy(engine, "built-by-sam", sam.built)
    assert deployed.code == 0, deployed.err
    stacks = Stacks(engine)
    processed = stacks.processed("built-by-sam")
    assert processed["Resources"]["Reports"]["Type"] == "AWS::Lambda::Function"
    assert processed["Resources"]["Reports"]["Properties"]["Code"]["ImageUri"] == f"{HOST}/built/reports@{reports}"
    assert _images(processed) == [f"{HOST}/built/web@{web}", f"{HOST}/built/sidecar@{sidecar}"]
    stacks.delete("built-by-sam")
