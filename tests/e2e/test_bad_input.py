"""Errors of an installation have one message with help, and leave nothing incomplete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from build_package.build import Package
from e2e.engine.access import REGION
from e2e.engine.cloudformation import Engine
from e2e.installed_macro import TEMPLATE
from e2e.programs import Ran, aws, image_pinner, run_without_credentials
from e2e.stacks import StackFailedError, Stacks

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def nothing_left(engine: Engine) -> Iterator[None]:
    Stacks(engine).clear()
    engine.requests.forget()
    yield
    Stacks(engine).clear()


def _install(engine: Engine, package: Package, *more: str | Path) -> Ran:
    return image_pinner(engine, "install", "--yes", "--package", package.path, *more)


def _error(run: Ran) -> str:
    """Return the one error and its help, as a line each."""
    assert "Traceback" not in run.err
    lines = [line for line in run.err.splitlines() if line.startswith(("error: ", "help: "))]
    assert sum(line.startswith("error: ") for line in lines) == 1, run.err
    return "\n".join(lines)


def _status(engine: Engine) -> str:
    stacks = engine.client("cloudformation").list_stacks()["StackSummaries"]
    found = [one["StackStatus"] for one in stacks if one["StackName"] == "image-pinner"]
    return next((status for status in found if status != "DELETE_COMPLETE"), "")


def _fail_in_a_change_set(engine: Engine, *, execute: bool) -> None:
    """Create what an interrupted installation leaves."""
    cloudformation = engine.client("cloudformation")
    code = {"CodeBucket": "nobody-has-this-bucket", "CodeKey": "nothing.zip"}
    made = cloudformation.create_change_set(
        StackName="image-pinner",
        ChangeSetName="by-hand",
        ChangeSetType="CREATE",
        TemplateBody=TEMPLATE.read_text("utf-8"),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in code.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    waiter = cloudformation.get_waiter("change_set_create_complete")
    waiter.wait(ChangeSetName=made["Id"], WaiterConfig={"Delay": 0.05, "MaxAttempts": 600})
    if execute:
        cloudformation.execute_change_set(ChangeSetName=made["Id"])
        Stacks(engine).wait("image-pinner", "ROLLBACK_COMPLETE")


@pytest.mark.parametrize("subcommand", ["install", "status", "uninstall"])
def test_missing_credentials_are_reported(engine: Engine, package: Package, subcommand: str) -> None:
    more = {"install": ["--yes", "--package", package.path], "status": [], "uninstall": ["--yes"]}[subcommand]
    run = run_without_credentials(engine, subcommand, *more)
    assert run.code in {2, 3}
    error = _error(run)
    assert "AWS credentials" in error
    assert "configure AWS credentials" in error
    assert engine.requests.all() == []


def test_an_unknown_profile_is_reported(engine: Engine) -> None:
    run = image_pinner(engine, "status", "--profile", "nobody")
    assert run.code == 2
    assert "nobody" in _error(run)


def test_a_bucket_of_another_region_is_refused_before_anything_is_created(engine: Engine, package: Package) -> None:
    far = "eu-west-1"
    made = aws(engine, "s3", "mb", "s3://far-away", "--region", far)
    assert made.code == 0, made.err
    run = _install(engine, package, "--bucket", "far-away")
    assert run.code == 2
    assert f"bucket far-away is in {far}" in _error(run)
    assert f"help: pass --bucket with a bucket in {REGION}, or omit --bucket to have one created" in _error(run)
    assert _status(engine) == ""


def test_an_unknown_bucket_is_refused_before_anything_is_created(engine: Engine, package: Package) -> None:
    run = _install(engine, package, "--bucket", "nobody-has-this-bucket")
    assert run.code == 2
    assert "bucket nobody-has-this-bucket does not exist\nhelp: create it, or omit --bucket" in _error(run)
    assert _status(engine) == ""


def test_an_invalid_package_is_refused_before_aws_is_called(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "wrong.zip").write_bytes(b"no zip")
    run = image_pinner(engine, "install", "--yes", "--package", tmp_path / "wrong.zip")
    assert run.code == 2
    assert "wrong.zip" in _error(run)
    assert engine.requests.all() == []


def test_an_invalid_parameter_value_is_refused_before_anything_is_created(engine: Engine, package: Package) -> None:
    run = _install(engine, package, "--parameter", "WhenMissing=Perhaps")
    assert run.code == 2
    assert "WhenMissing" in _error(run)
    assert _status(engine) == ""


def test_a_stack_in_rollback_complete_is_reported_and_replaced_on_request(engine: Engine, package: Package) -> None:
    _fail_in_a_change_set(engine, execute=True)
    run = _install(engine, package)
    assert run.code == 2
    error = _error(run)
    assert f"stack image-pinner in {REGION} is in ROLLBACK_COMPLETE" in error
    assert f"aws cloudformation delete-stack --stack-name image-pinner --region {REGION}" in error
    assert _status(engine) == "ROLLBACK_COMPLETE"
    replaced = _install(engine, package, "--replace-failed")
    assert replaced.code == 0, replaced.err
    assert _status(engine) == "CREATE_COMPLETE"


def test_an_interrupted_install_is_reported_and_replaced_on_request(engine: Engine, package: Package) -> None:
    _fail_in_a_change_set(engine, execute=False)
    run = _install(engine, package)
    assert run.code == 2
    error = _error(run)
    assert "is in REVIEW_IN_PROGRESS: an install was interrupted" in error
    assert "or pass --replace-failed" in error
    replaced = _install(engine, package, "--replace-failed")
    assert replaced.code == 0, replaced.err
    assert _status(engine) == "CREATE_COMPLETE"


def test_a_missing_macro_fails_a_template_and_status_shows_how_to_install_it(engine: Engine) -> None:
    template = {"Transform": "ImagePinner", "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    with pytest.raises((StackFailedError, engine.client("cloudformation").exceptions.ClientError)):
        Stacks(engine).create("lonely", json.dumps(template))
    run = image_pinner(engine, "status")
    assert run.code == 1
    assert "image-pinner install" in run.out + run.err
