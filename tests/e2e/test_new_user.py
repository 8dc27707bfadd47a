"""Run all commands of deploy/README.md in order, as written."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from e2e.engine.access import HOST
from e2e.engine.cloudformation import Engine
from e2e.engine.environment import ROOT
from e2e.engine.ministack import Ministack
from e2e.programs import Ran, run_shell
from e2e.readme_blocks import Block, blocks
from e2e.stacks import Stacks
from image_pinner import __version__

pytestmark = pytest.mark.e2e

README = ROOT / "deploy" / "README.md"
SECTIONS = ["Install", "Let people use it", "Protect and keep", "Upgrade", "Roll back", "Uninstall"]
NEXT = "99.0.0"
# Placeholders: the built version, the next one, and the account.
PLACEHOLDERS = {"0.1.0": __version__, "0.2.0": NEXT, "111122223333": "000000000000"}


class Walk:
    """Runs the blocks in a checkout.

    Args:
        engine: The engine.
        checkout: The folder of the checkout.
    """

    def __init__(self, engine: Engine, checkout: Path) -> None:
        self._engine = engine
        self._checkout = checkout
        self.texts = dict(PLACEHOLDERS)

    def run(self, block: Block) -> Ran:
        """Run the commands of a block."""
        ran = run_shell(self._engine, self.read(block.script()), self._checkout)
        assert ran.code == 0, (block.section, ran.out, ran.err)
        return ran

    def read(self, text: str) -> str:
        """Return a block with the placeholders replaced."""
        for written, meant in self.texts.items():
            text = text.replace(written, meant)
        return text


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with its own build output."""
    for name in ("Makefile", "deploy", "macro", "requirements", "tools", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def _walked(section: str) -> list[Block]:
    found = [block for block in blocks(README.read_text("utf-8")) if block.section == section and not block.reason]
    assert found, section
    return found


def _outputs(engine: Engine) -> Mapping[str, str]:
    stack = engine.client("cloudformation").describe_stacks(StackName="image-pinner")["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _acting(engine: Engine) -> str:
    function = _outputs(engine)["FunctionName"]
    return str(engine.client("lambda").get_alias(FunctionName=function, Name="live")["FunctionVersion"])


def test_every_command_of_the_document_is_run_or_has_a_reason() -> None:
    found = [block for block in blocks(README.read_text("utf-8")) if block.language == "console"]
    assert {block.section for block in found if not block.reason} == set(SECTIONS)
    assert sorted(block.section for block in found if block.reason) == [
        "All accounts of an organization",
        "All accounts of an organization",
        "Install",
        "Settings",
    ]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not on this machine")
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not on this machine")
def test_the_document_is_run_from_the_package_to_the_end(engine: Engine, ministack: Ministack, checkout: Path) -> None:
    walk, stacks = Walk(engine, checkout), Stacks(engine)
    _have_what_the_reader_has(engine)
    *commands, template = _walked("Install")
    for block in commands:
        walk.run(block)
    assert (checkout / "dist" / f"image-pinner-{__version__}.zip").is_file()
    assert _acting(engine) == "1"

    digest = ministack.push("shop/web", "1.4.2", "for a new user")
    assert template.language == "yaml"
    stacks.create("first", walk.read(template.text))
    containers = stacks.processed("first")["Resources"]["Web"]["Properties"]["ContainerDefinitions"]
    assert containers[0]["Image"] == f"{HOST}/shop/web@{digest}"

    for section in ("Let people use it", "Protect and keep"):
        for block in _walked(section):
            walk.run(block)
    attached = engine.client("iam").list_attached_role_policies(RoleName="deployer")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [_outputs(engine)["AuthorsPolicyArn"]]

    # The next version has been built.
    shutil.copy(checkout / "dist" / f"image-pinner-{__version__}.zip", checkout / "dist" / f"image-pinner-{NEXT}.zip")
    for block in _walked("Upgrade"):
        walk.run(block)
    assert _acting(engine) == "2"
    walk.texts["FUNCTION"] = _outputs(engine)["FunctionName"]
    for block in _walked("Roll back"):
        walk.run(block)
    assert _acting(engine) == "1"

    _take_the_macro_out(engine, stacks)
    log = walk.texts["LOG_GROUP"] = _outputs(engine)["LogGroupName"]
    for block in _walked("Uninstall"):
        walk.run(block)
    left = engine.client("cloudformation").list_stacks()["StackSummaries"]
    assert [one for one in left if one["StackName"] == "image-pinner" and one["StackStatus"] != "DELETE_COMPLETE"] == []
    assert engine.client("logs").describe_log_groups(logGroupNamePrefix=log)["logGroups"] == []


def _have_what_the_reader_has(engine: Engine) -> None:
    """Create what the document requires: a bucket, and a deploying principal."""
    s3 = engine.client("s3")
    s3.create_bucket(Bucket="my-code", CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    engine.client("iam").create_role(RoleName="deployer", AssumeRolePolicyDocument="{}")


def _take_the_macro_out(engine: Engine, stacks: Stacks) -> None:
    """Follow the section about uninstalling."""
    stacks.delete("first")
    policy = _outputs(engine)["AuthorsPolicyArn"]
    engine.client("iam").detach_role_policy(RoleName="deployer", PolicyArn=policy)
