"""The macro is installed, upgraded, inspected and uninstalled by our command, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from build_package.build import Package
from e2e.engine.cloudformation import Engine
from e2e.engine.environment import ROOT
from e2e.engine.ministack import Ministack
from e2e.installed_macro import installed
from e2e.programs import Ran, image_pinner
from e2e.stacks import Stacks
from image_pinner import __version__

pytestmark = pytest.mark.e2e

APP = (ROOT / "templates" / "ecs-pin-all.yaml").read_text("utf-8")
REGION = "eu-central-1"
BUCKET = f"image-pinner-000000000000-{REGION}"


@pytest.fixture(autouse=True)
def stacks(engine: Engine) -> Iterator[Stacks]:
    """Stacks; there are none before and after a test, because the command inspects the templates of all."""
    given = Stacks(engine)
    given.clear()
    engine.requests.forget()
    yield given
    given.clear()


def _install(engine: Engine, package: Package, *more: str, subcommand: str = "install") -> Ran:
    return image_pinner(engine, subcommand, "--yes", "--package", package.path, *more)


def _status(engine: Engine) -> dict:
    reported = image_pinner(engine, "status", "--format", "json")
    return json.loads(reported.out)["regions"][0]


def test_an_upgrade_is_rejected_if_nothing_is_installed(engine: Engine, package: Package) -> None:
    reported = _install(engine, package, subcommand="upgrade")
    assert reported.code == 2
    assert (
        f"error: {REGION}: there is no stack image-pinner in {REGION} to upgrade\nhelp: install the macro first"
        in reported.err
    )
    assert image_pinner(engine, "status").code == 1
    assert image_pinner(engine, "uninstall", "--yes").code == 2


def test_a_pipe_cannot_confirm(engine: Engine, package: Package) -> None:
    reported = image_pinner(engine, "install", "--package", package.path)
    assert reported.code == 2
    assert "pass --yes to continue or --dry-run to preview" in reported.err
    assert engine.requests.all() == []


def test_a_dry_run_leaves_nothing_behind(engine: Engine, package: Package) -> None:
    reported = image_pinner(engine, "install", "--dry-run", "--package", package.path)
    assert reported.code == 0, reported.err
    assert "+ Macro (AWS::CloudFormation::Macro)" in reported.err
    assert f"Bucket {BUCKET} (" in reported.err
    assert image_pinner(engine, "status").code == 1
    assert "s3:CreateBucket" not in engine.requests.actions()


def test_the_macro_is_installed_upgraded_and_uninstalled(
    engine: Engine, ministack: Ministack, package: Package, stacks: Stacks
) -> None:
    first = _install(engine, package)
    assert first.code == 0, first.err
    assert f"{REGION}: installed macro ImagePinner: ImagePinner {__version__}, function version 1" in first.err
    again = _install(engine, package)
    assert again.code == 0, again.err
    assert again.err.endswith(f"{REGION}: no changes\n")

    for repository in ("web", "migration"):
        ministack.push(f"commanded/{repository}", "1.4.2", "first")
    stacks.create("app", APP.replace("shop/", "commanded/"))
    assert "@sha256:" in json.dumps(stacks.processed("app")["Resources"]["Web"])

    changed = _install(engine, package, "--parameter", "WhenMissing=Fail", subcommand="upgrade")
    assert changed.code == 0, changed.err
    assert "WhenMissing = Fail (from the command line)" in changed.err
    assert "function version 2" in changed.err
    status = _status(engine)
    assert status["stack_status"] == "UPDATE_COMPLETE", status
    assert (status["drift"], status["configuration_error"], status["tampered"]) == ([], None, False), status
    function = engine.invocations()[-1]["function"]
    stacks.update("app", APP.replace("shop/", "commanded/").replace("Memory: 256", "Memory: 512"))
    assert [run["qualifier"] for run in engine.invocations() if run["function"] == function] == ["1", "2"]
    probed = image_pinner(engine, "status", "--probe")
    assert "probe with a template without images: success" in probed.out, probed.out
    assert "probe with an invalid image: failure: Resources.Probe." in probed.out
    assert "WARNING" not in probed.out

    refused = image_pinner(engine, "uninstall", "--yes")
    assert refused.code == 1
    assert f"macro ImagePinner in {REGION} is used by the templates of 1 stack: app\n" in refused.err
    stacks.delete("app")
    gone = image_pinner(engine, "uninstall", "--yes", "--delete-bucket")
    assert gone.code == 0, gone.err
    assert "uninstalled macro ImagePinner; its log group is kept" in gone.err
    assert BUCKET not in [bucket["Name"] for bucket in engine.client("s3").list_buckets()["Buckets"]]


def test_a_macro_name_in_use_is_reported_with_its_stack(engine: Engine, package: Package) -> None:
    with installed(engine, package):
        reported = _install(engine, package, "--stack-name", "another")
        assert reported.code == 2
        assert "macro name ImagePinner is in use in eu-central-1 by stack image-pinner" in reported.err
        other = _install(engine, package, "--stack-name", "another", "--macro-name", "ImagePinner-v2")
        assert other.code == 0, other.err
        assert image_pinner(engine, "uninstall", "--yes", "--stack-name", "another", "--delete-bucket").code == 0
