"""Our command installs, upgrades, shows and uninstalls the macro, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from e2e.engine.cloudformation import Engine
from e2e.engine.environment import ROOT
from e2e.engine.ministack import Ministack
from e2e.installed_macro import installed
from e2e.programs import Ran, image_pinner
from e2e.stacks import Stacks
from image_pinner.cli.packaging.build import Package

pytestmark = pytest.mark.e2e

APP = (ROOT / "templates" / "ecs-pin-all.yaml").read_text("utf-8")
REGION = "eu-central-1"
BUCKET = f"image-pinner-000000000000-{REGION}"


@pytest.fixture(autouse=True)
def stacks(engine: Engine) -> Iterator[Stacks]:
    """Stacks, of which there are none before and after a test: the command inspects the templates of all."""
    given = Stacks(engine)
    given.clear()
    engine.requests.forget()
    yield given
    given.clear()


def _install(engine: Engine, package: Package, *more: str, verb: str = "install") -> Ran:
    return image_pinner(engine, verb, "--yes", "--package", package.path, *more)


def _status(engine: Engine) -> dict:
    told = image_pinner(engine, "status", "--format", "json")
    return json.loads(told.out)["regions"][0]


def test_an_upgrade_is_rejected_if_nothing_is_installed(engine: Engine, package: Package) -> None:
    told = _install(engine, package, verb="upgrade")
    assert told.code == 2
    assert (
        f"there is no stack image-pinner in {REGION} to upgrade. Install it first by image-pinner install" in told.err
    )
    assert image_pinner(engine, "status").code == 1
    assert image_pinner(engine, "uninstall", "--yes").code == 2


def test_without_a_terminal_there_is_no_prompt(engine: Engine, package: Package) -> None:
    told = image_pinner(engine, "install", "--package", package.path)
    assert told.code == 2
    assert "Give --yes to go on without a question, or --dry-run to look only" in told.err
    assert engine.requests.all() == []


def test_a_dry_run_leaves_nothing_behind(engine: Engine, package: Package) -> None:
    told = image_pinner(engine, "install", "--dry-run", "--package", package.path)
    assert told.code == 0, told.err
    assert "+ Macro (AWS::CloudFormation::Macro)" in told.err
    assert f"Bucket {BUCKET} (" in told.err
    assert image_pinner(engine, "status").code == 1
    assert "s3:CreateBucket" not in engine.requests.actions()


def test_the_macro_is_installed_upgraded_and_uninstalled(
    engine: Engine, ministack: Ministack, package: Package, stacks: Stacks
) -> None:
    first = _install(engine, package)
    assert first.code == 0, first.err
    assert f"{REGION}: the macro ImagePinner is ImagePinner {package.version}, version 1 of its function" in first.err
    again = _install(engine, package)
    assert again.code == 0, again.err
    assert again.err.endswith(f"{REGION}: nothing to change\n")

    for repository in ("web", "migration"):
        ministack.push(f"commanded/{repository}", "1.4.2", "first")
    stacks.create("app", APP.replace("shop/", "commanded/"))
    assert "@sha256:" in json.dumps(stacks.processed("app")["Resources"]["Web"])

    changed = _install(engine, package, "--parameter", "WhenMissing=Fail", verb="upgrade")
    assert changed.code == 0, changed.err
    assert "WhenMissing = Fail (given)" in changed.err
    assert "version 2 of its function" in changed.err
    status = _status(engine)
    assert status["stack_status"] == "UPDATE_COMPLETE", status
    function = engine.invocations()[-1]["function"]
    stacks.update("app", APP.replace("shop/", "commanded/").replace("Memory: 256", "Memory: 512"))
    assert [run["qualifier"] for run in engine.invocations() if run["function"] == function] == ["1", "2"]

    refused = image_pinner(engine, "uninstall", "--yes")
    assert refused.code == 1
    assert f"the macro ImagePinner in {REGION} is named by the templates of 1 stack: app." in refused.err
    stacks.delete("app")
    gone = image_pinner(engine, "uninstall", "--yes", "--delete-bucket")
    assert gone.code == 0, gone.err
    assert "the macro ImagePinner is gone; its log stays" in gone.err
    assert BUCKET not in [bucket["Name"] for bucket in engine.client("s3").list_buckets()["Buckets"]]


def test_a_macro_name_in_use_is_reported_with_its_stack(engine: Engine, package: Package) -> None:
    with installed(engine, package):
        told = _install(engine, package, "--stack-name", "another")
        assert told.code == 2
        assert "the name ImagePinner is taken in eu-central-1 by the macro of the stack image-pinner" in told.err
        other = _install(engine, package, "--stack-name", "another", "--macro-name", "ImagePinner-v2")
        assert other.code == 0, other.err
        assert image_pinner(engine, "uninstall", "--yes", "--stack-name", "another", "--delete-bucket").code == 0
