"""Errors of an installation have one message with help, and leave nothing incomplete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.engine.access import REGION
from e2e.engine.cloudformation import Engine
from e2e.installed_macro import TEMPLATE
from e2e.programs import Ran, aws, image_pinner, run_without_credentials
from e2e.stacks import StackFailedError, Stacks
from image_pinner.cli.packaging.build import Package

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def nothing_left(engine: Engine) -> Iterator[None]:
    Stacks(engine).clear()
    engine.requests.forget()
    yield
    Stacks(engine).clear()


def _install(engine: Engine, package: Package, *more: str | Path) -> Ran:
    return image_pinner(engine, "install", "--yes", "--package", package.path, *more)


def _sentence(told: Ran) -> str:
    """Return the one line with the error."""
    assert "Traceback" not in told.err
    lines = [line for line in told.err.splitlines() if line.startswith("image-pinner: ")]
    assert len(lines) == 1, told.err
    return lines[0]


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


@pytest.mark.parametrize("verb", ["install", "status", "uninstall"])
def test_without_credentials_the_help_is_to_sign_in(engine: Engine, package: Package, verb: str) -> None:
    more = {"install": ["--yes", "--package", package.path], "status": [], "uninstall": ["--yes"]}[verb]
    told = run_without_credentials(engine, verb, *more)
    assert told.code in {2, 3}
    sentence = _sentence(told)
    assert "there are no AWS credentials to ask" in sentence
    assert "Sign in, with aws sso login for example, or set AWS_PROFILE" in sentence
    assert engine.requests.all() == []


def test_a_profile_that_is_not_there_is_named(engine: Engine) -> None:
    told = image_pinner(engine, "status", "--profile", "nobody")
    assert told.code == 2
    assert "nobody" in _sentence(told)


def test_a_bucket_of_another_region_is_rejected_before_anything_is_created(engine: Engine, package: Package) -> None:
    far = "eu-west-1"
    made = aws(engine, "s3", "mb", "s3://far-away", "--region", far)
    assert made.code == 0, made.err
    told = _install(engine, package, "--bucket", "far-away")
    assert told.code == 2
    assert f"the bucket far-away is in {far}" in _sentence(told)
    assert f"Name a bucket in {REGION} by --bucket, or leave --bucket out, which makes one" in _sentence(told)
    assert _status(engine) == ""


def test_a_bucket_that_is_not_there_is_rejected_before_anything_is_created(engine: Engine, package: Package) -> None:
    told = _install(engine, package, "--bucket", "nobody-has-this-bucket")
    assert told.code == 2
    assert "there is no bucket nobody-has-this-bucket. Create it, or leave --bucket out" in _sentence(told)
    assert _status(engine) == ""


def test_an_invalid_package_is_rejected_without_network_requests(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "wrong.zip").write_bytes(b"no zip")
    told = image_pinner(engine, "install", "--yes", "--package", tmp_path / "wrong.zip")
    assert told.code == 2
    assert "wrong.zip" in _sentence(told)
    assert engine.requests.all() == []


def test_a_value_that_the_template_rejects_is_reported_before_anything_is_created(
    engine: Engine, package: Package
) -> None:
    told = _install(engine, package, "--parameter", "WhenMissing=Perhaps")
    assert told.code == 2
    assert "WhenMissing" in _sentence(told)
    assert _status(engine) == ""


def test_a_stack_in_rollback_complete_is_reported_and_replaced_on_request(engine: Engine, package: Package) -> None:
    _fail_in_a_change_set(engine, execute=True)
    told = _install(engine, package)
    assert told.code == 2
    sentence = _sentence(told)
    assert f"the stack image-pinner in {REGION} is in ROLLBACK_COMPLETE" in sentence
    assert f"aws cloudformation delete-stack --stack-name image-pinner --region {REGION}" in sentence
    assert _status(engine) == "ROLLBACK_COMPLETE"
    replaced = _install(engine, package, "--replace-failed")
    assert replaced.code == 0, replaced.err
    assert _status(engine) == "CREATE_COMPLETE"


def test_an_interrupted_installation_is_reported_and_replaced_on_request(engine: Engine, package: Package) -> None:
    _fail_in_a_change_set(engine, execute=False)
    told = _install(engine, package)
    assert told.code == 2
    sentence = _sentence(told)
    assert "is in REVIEW_IN_PROGRESS: an earlier install was not finished" in sentence
    assert "or run this with --replace-failed, which does that" in sentence
    replaced = _install(engine, package, "--replace-failed")
    assert replaced.code == 0, replaced.err
    assert _status(engine) == "CREATE_COMPLETE"


def test_a_template_with_a_missing_macro_is_rejected_and_status_has_help(engine: Engine) -> None:
    template = {"Transform": "ImagePinner", "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    with pytest.raises((StackFailedError, engine.client("cloudformation").exceptions.ClientError)):
        Stacks(engine).create("lonely", json.dumps(template))
    told = image_pinner(engine, "status")
    assert told.code == 1
    assert "image-pinner install" in told.out + told.err
