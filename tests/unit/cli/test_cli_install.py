"""`install`, `upgrade`, `uninstall` and `status` as users run them: invalid input, exit codes and output streams."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from image_pinner import __version__
from support.deployment.command import package, run
from support.deployment.fake_clients import Refusal, denied
from support.deployment.fake_organization import FakeOrganization
from support.deployment.scene import REGION, Scene

OTHER = "us-east-1"
UNIT = "ou-abcd-12345678"


@pytest.fixture
def aws() -> Scene:
    return Scene()


@pytest.fixture
def zipped(tmp_path: Path) -> str:
    return package(tmp_path)


@pytest.mark.parametrize("subcommand", ["install", "upgrade", "uninstall"])
def test_nothing_is_done_without_a_terminal_to_confirm(aws: Scene, subcommand: str) -> None:
    ended = run(aws, subcommand)
    assert (ended.code, ended.out) == (2, b"")
    assert "not a terminal" in ended.err
    assert "pass --yes to continue or --dry-run to preview" in ended.err
    assert aws.regions == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--parameter", "Pni=All"), "the template declares no parameter 'Pni' (did you mean 'Pin'?)"),
        (("--parameter", "Pin"), "--parameter 'Pin' is not NAME=VALUE"),
        (("--macro-name", "1x"), "invalid value '1x' for parameter 'MacroName'"),
        (("--permissions-boundary", "x"), "invalid value 'x' for parameter 'PermissionsBoundaryArn'"),
        (("--tag", "x"), "--tag 'x' is not KEY=VALUE"),
        (("--package", "missing.zip"), "cannot read missing.zip"),
        (("--organizational-unit", UNIT), "--organizational-unit requires --organization"),
        (("--target-region", OTHER), "--target-region requires --organization"),
        (("--organization", "--organizational-unit", "production"), "IDs of organizational units (ou-…)"),
        (("--organization", "--target-region", "europe"), "invalid value 'europe' for parameter 'Regions'"),
        (("--no-such-option",), "unknown option '--no-such-option'"),
    ],
)
def test_invalid_input_is_reported_before_aws_is_called(
    aws: Scene, zipped: str, arguments: tuple[str, ...], words: str
) -> None:
    own = () if "--package" in arguments else ("--package", zipped)
    ended = run(aws, "install", "--yes", *own, *arguments)
    assert ended.code == 2
    assert words in ended.err
    assert aws.regions == {}


def test_an_unknown_region_is_reported(aws: Scene) -> None:
    ended = run(aws, "status", region="")
    assert ended.code == 2
    assert "AWS region is unknown" in ended.err
    assert "pass --region or set AWS_REGION" in ended.err


def test_missing_credentials_are_reported_once_for_all_regions() -> None:
    ended = run(None, "status", "--region", REGION, "--region", OTHER)
    assert ended.code == 3
    assert REGION in ended.err
    assert OTHER not in ended.err
    assert "AWS credentials" in ended.err
    assert "AWS_PROFILE" in ended.err


def test_an_unknown_profile_is_reported() -> None:
    ended = run(None, "status", "--profile", "nobody", "--region", REGION)
    assert ended.code == 2
    assert "The config profile (nobody) could not be found" in ended.err


def test_a_region_that_fails_does_not_stop_the_others(aws: Scene, zipped: str) -> None:
    aws.cloud_in(REGION).refusals["CreateChangeSet"] = denied("cloudformation:CreateChangeSet")

    ended = run(aws, "install", "--yes", "--package", zipped, "--region", REGION, "--region", OTHER)

    assert ended.code == 3
    assert f"error: {REGION}: arn:aws:sts::111122223333:assumed-role/Dev/me is not allowed to call" in ended.err
    assert ended.err.splitlines()[-2:] == [f"{REGION}: failed", f"{OTHER}: done"]
    assert aws.cloud_in(OTHER).live("image-pinner").protected


def test_install_upgrade_status_and_uninstall_follow_each_other(aws: Scene, zipped: str) -> None:
    for arguments, code, words in (
        (("upgrade", "--yes", "--package", zipped), 2, "there is no stack image-pinner"),
        (("install", "--yes", "--package", zipped, "--dry-run"), 0, "nothing was changed"),
        (("install", "--yes", "--package", zipped), 0, f"installed macro ImagePinner: ImagePinner {__version__}"),
        (("install", "--yes", "--package", zipped), 0, "no changes"),
        (("upgrade", "--yes", "--package", zipped, "--parameter", "Pin=All"), 0, "Pin = All (from the command line)"),
        (("uninstall", "--yes", "--dry-run"), 0, "would be deleted"),
        (("uninstall", "--yes", "--delete-bucket"), 0, "deleted bucket"),
        (("uninstall", "--yes"), 2, "there is no stack image-pinner"),
    ):
        ended = run(aws, *arguments)
        assert (ended.code, ended.out) == (code, b""), ended.err
        assert words in ended.err
    assert aws.s3.buckets == {}


def test_templates_that_use_the_macro_are_findings(aws: Scene, zipped: str) -> None:
    run(aws, "install", "--yes", "--package", zipped)
    aws.cloud.stack("web", template="Transform: ImagePinner\nResources: {}")
    ended = run(aws, "uninstall", "--yes")
    assert ended.code == 1
    assert (
        f"error: {REGION}: macro ImagePinner in {REGION} is used by the templates of 1 stack: web\nhelp: " in ended.err
    )
    assert run(aws, "uninstall", "--yes", "--even-if-used").code == 0


def test_a_package_of_another_version_is_installed_with_a_warning(aws: Scene, tmp_path: Path) -> None:
    ended = run(aws, "install", "--yes", "--package", package(tmp_path, "0.0.1"))
    assert ended.code == 0
    assert ended.err.splitlines()[0] == f"warning: the package is ImagePinner 0.0.1, the template is {__version__}"


def test_the_macro_gets_the_given_name(aws: Scene, zipped: str) -> None:
    ended = run(aws, "install", "--yes", "--package", zipped, "--macro-name", "Mine")
    assert ended.code == 0
    stack = aws.cloud.live("image-pinner")
    assert stack.parameters["CodeKey"].startswith(f"image-pinner/{__version__}/")
    assert stack.parameters["MacroName"] == "Mine"


def test_an_organization_is_installed_shown_upgraded_and_uninstalled(aws: Scene, zipped: str) -> None:
    aws.answers["organizations"] = FakeOrganization().answer
    aws.cloud.accounts = ("222233334444",)
    units = ("--organizational-unit", UNIT, "--organizational-unit", "r-abcd")
    targets = ("--target-region", REGION, "--target-region", OTHER)
    organization = ("--organization", "--yes")
    package = ("--package", zipped)

    ended = run(aws, "install", *organization, *package, *units, *targets)
    assert ended.code == 0, ended.err
    stack = aws.cloud.live("image-pinner-organization")
    assert (stack.parameters["OrganizationalUnitIds"], stack.parameters["Regions"]) == (
        f"{UNIT},r-abcd",
        f"{REGION},{OTHER}",
    )

    ended = run(aws, "status", "--organization", "--format", "json")
    assert (ended.code, ended.err) == (0, "")
    (region,) = json.loads(ended.out)["regions"]
    assert [(one["account"], one["region"], one["status"]) for one in region["instances"]] == [
        ("222233334444", REGION, "CURRENT"),
        ("222233334444", OTHER, "CURRENT"),
    ]
    assert run(aws, "upgrade", *organization, *package, "--parameter", "AutoDeployment=false").code == 0
    ended = run(aws, "uninstall", *organization)
    assert ended.code == 1
    assert "--even-if-used" in ended.err
    ended = run(aws, "uninstall", *organization, "--even-if-used", "--delete-bucket")
    assert (ended.code, ended.out, aws.s3.buckets) == (0, b"", {}), ended.err
    assert run(aws, "status", "--organization").code == 1


@pytest.mark.parametrize("subcommand", ["install", "uninstall", "status"])
def test_the_stack_of_an_organization_is_in_one_region(aws: Scene, zipped: str, subcommand: str) -> None:
    more = {"install": ("--yes", "--package", zipped), "uninstall": ("--yes",), "status": ()}[subcommand]
    ended = run(aws, subcommand, *more, "--organization", "--region", REGION, "--region", OTHER)
    assert (ended.code, ended.out) == (2, b"")
    assert "the stack of an organization is in one region" in ended.err
    assert "--target-region" in ended.err
    assert aws.regions == {}


def test_status_is_json_on_the_standard_output(aws: Scene, zipped: str) -> None:
    run(aws, "install", "--yes", "--package", zipped)

    def refuse(operation: str, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - a fake's signature
        raise Refusal("ThrottlingException", "Rate exceeded")

    aws.answers |= dict.fromkeys(("lambda", "logs", "cloudwatch"), refuse)

    ended = run(aws, "status", "--format", "json", "--region", REGION, "--region", OTHER)

    content = json.loads(ended.out)
    assert (content["version"], content["image_pinner"]) == (2, __version__)
    assert [one["stack_status"] for one in content["regions"]] == ["CREATE_COMPLETE", None]
    assert len(content["regions"][0]["unknown"]) == 3
    assert (ended.code, ended.err) == (1, "")


def test_status_of_a_region_that_cannot_be_read_is_a_failed_lookup(aws: Scene) -> None:
    aws.cloud.refusals["DescribeStacks"] = denied("cloudformation:DescribeStacks")
    ended = run(aws, "status")
    assert ended.code == 3
    assert "is not allowed to call cloudformation:DescribeStacks" in ended.err
