"""`install`, `upgrade`, `uninstall` and `status` as they are typed: bad input, exit codes, and what goes where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from image_pinner import __version__
from unit.cli.deployment.answering_clients import Refusal, denied
from unit.cli.deployment.fake_stack_sets import FakeOrganization, FakeStackSets
from unit.cli.deployment.installations import REGION, Scene
from unit.cli.install_runs import package, run

OTHER = "us-east-1"


@pytest.fixture
def aws() -> Scene:
    return Scene()


@pytest.fixture
def zipped(tmp_path: Path) -> str:
    return package(tmp_path)


@pytest.mark.parametrize("verb", ["install", "upgrade", "uninstall"])
def test_nothing_is_begun_where_nobody_can_answer(aws: Scene, verb: str) -> None:
    ended = run(aws, verb)
    assert (ended.code, ended.out) == (2, b"")
    assert ended.err == (
        "image-pinner: nobody can be asked here whether to go on, since this is no terminal."
        " Give --yes to go on without a question, or --dry-run to look only.\n"
    )
    assert aws.regions == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--parameter", "Pni=All"), "the template has no parameter Pni. Did you mean Pin?"),
        (("--parameter", "Pin"), "--parameter 'Pin' has no name and value"),
        (("--macro-name", "1x"), "the parameter MacroName cannot be '1x'"),
        (("--permissions-boundary", "x"), "the parameter PermissionsBoundaryArn cannot be 'x'"),
        (("--tag", "x"), "--tag 'x' has no key and value. Write --tag KEY=VALUE."),
        (("--package", "missing.zip"), "missing.zip cannot be read"),
        (("--package", "x.zip", "--no-compile"), "--package is built already"),
        (("--python", "no-such-python"), "no-such-python cannot be run"),
        (("--accounts", "111122223333"), "--accounts and --organizational-units are for a stack set"),
        (("--stack-set", "s"), "--stack-set needs to know whom it is for"),
        (("--stack-set", "s", "--accounts", "1"), "'1' is no account"),
        (("--stack-set", "s", "--accounts", "1", "--role-arn", "x"), "--role-arn is for one stack"),
        (("--stack-set", "s", "--accounts", "1", "--stack-name", "x"), "--stack-name is for one stack"),
        (("--stack-set", "s", "--accounts", "1", "--no-termination-protection"), "--termination-protection is for one"),
        (("--stack-set", "s", "--accounts", "1", "--replace-failed"), "--replace-failed is for one stack"),
        (("--no-such-option",), "No such option"),
    ],
)
def test_bad_input_ends_in_a_sentence_before_aws_is_asked(
    aws: Scene, zipped: str, arguments: tuple[str, ...], words: str
) -> None:
    own = () if {"--package", "--python"} & set(arguments) else ("--package", zipped)
    ended = run(aws, "install", "--yes", *own, *arguments)
    assert ended.code == 2
    assert words in ended.err
    assert aws.regions == {}


def test_no_region_is_told(aws: Scene) -> None:
    ended = run(aws, "status", region="")
    assert (ended.code, ended.err) == (2, "image-pinner: no region is known. Give --region, or set AWS_REGION.\n")


def test_no_credentials_end_all_regions_in_one_sentence() -> None:
    ended = run(None, "status", "--region", REGION, "--region", OTHER)
    assert ended.code == 3
    assert ended.err == (
        f"image-pinner: there are no AWS credentials for STS in {REGION}. sign in to AWS, or set AWS_PROFILE; a Lambda"
        " function uses those of its role.\n"
    )


def test_an_unknown_profile_is_told() -> None:
    ended = run(None, "status", "--profile", "nobody", "--region", REGION)
    assert ended.code == 2
    assert "The config profile (nobody) could not be found" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_region_that_fails_does_not_keep_the_others_from_their_turn(aws: Scene, zipped: str) -> None:
    aws.cloud_in(REGION).refusals["CreateChangeSet"] = denied("cloudformation:CreateChangeSet")

    ended = run(aws, "install", "--yes", "--package", zipped, "--region", REGION, "--region", OTHER)

    assert ended.code == 3
    assert f"image-pinner: {REGION}: arn:aws:sts::111122223333:assumed-role/Dev/me may not" in ended.err
    assert ended.err.splitlines()[-2:] == [f"{REGION}: failed", f"{OTHER}: done"]
    assert aws.cloud_in(OTHER).live("image-pinner").protected


def test_install_upgrade_status_and_uninstall_follow_each_other(aws: Scene, zipped: str) -> None:
    for arguments, code, words in (
        (("upgrade", "--yes", "--package", zipped), 2, "there is no stack image-pinner"),
        (("install", "--yes", "--package", zipped, "--dry-run"), 0, "nothing was changed"),
        (("install", "--yes", "--package", zipped), 0, f"the macro ImagePinner is ImagePinner {__version__}"),
        (("install", "--yes", "--package", zipped), 0, "nothing to change"),
        (("upgrade", "--yes", "--package", zipped, "--parameter", "Pin=All"), 0, "Pin = All (given)"),
        (("uninstall", "--yes", "--dry-run"), 0, "would be deleted"),
        (("uninstall", "--yes", "--delete-bucket"), 0, "is deleted"),
        (("uninstall", "--yes"), 2, "there is no stack image-pinner"),
    ):
        ended = run(aws, *arguments)
        assert (ended.code, ended.out) == (code, b""), ended.err
        assert words in ended.err
    assert aws.s3.buckets == {}


def test_templates_that_name_the_macro_are_findings(aws: Scene, zipped: str) -> None:
    run(aws, "install", "--yes", "--package", zipped)
    aws.cloud.stack("web", template="Transform: ImagePinner\nResources: {}")
    ended = run(aws, "uninstall", "--yes")
    assert ended.code == 1
    assert ended.err.splitlines()[-1].startswith(f"image-pinner: {REGION}: the macro ImagePinner in {REGION} is named")
    assert run(aws, "uninstall", "--yes", "--even-if-used").code == 0


def test_a_package_of_another_version_is_installed_with_a_warning(aws: Scene, tmp_path: Path) -> None:
    ended = run(aws, "install", "--yes", "--package", package(tmp_path, "0.0.1"))
    assert ended.code == 0
    assert ended.err.splitlines()[0] == f"The package is ImagePinner 0.0.1, the template is of {__version__}"


def test_without_a_package_one_is_built(aws: Scene) -> None:
    ended = run(aws, "install", "--yes", "--no-compile", "--macro-name", "Mine")
    assert ended.code == 0
    stack = aws.cloud.live("image-pinner")
    assert stack.parameters["CodeKey"].startswith(f"image-pinner/{__version__}/")
    assert stack.parameters["MacroName"] == "Mine"


def test_a_stack_set_takes_accounts_parted_by_commas(aws: Scene, zipped: str) -> None:
    sets = FakeStackSets()
    aws.answers |= {"organizations": FakeOrganization().answer, "cloudformation": sets.answer}
    accounts = ["222233334444", "333344445555"]
    ended = run(aws, "install", "--yes", "--package", zipped, "--stack-set", "pinner", "--accounts", ",".join(accounts))
    assert ended.code == 0
    assert sets.given_to("CreateStackInstances")["DeploymentTargets"]["Accounts"] == accounts


def test_status_is_json_on_the_standard_output(aws: Scene, zipped: str) -> None:
    run(aws, "install", "--yes", "--package", zipped)

    def refuse(operation: str, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - a fake's signature
        raise Refusal("ThrottlingException", "Rate exceeded")

    aws.answers |= dict.fromkeys(("lambda", "logs", "cloudwatch"), refuse)

    ended = run(aws, "status", "--format", "json", "--region", REGION, "--region", OTHER)

    content = json.loads(ended.out)
    assert (content["version"], content["image_pinner"]) == (1, __version__)
    assert [one["stack_status"] for one in content["regions"]] == ["CREATE_COMPLETE", None]
    assert len(content["regions"][0]["unknown"]) == 3
    assert (ended.code, ended.err) == (1, "")


def test_status_of_a_region_that_cannot_be_asked_is_a_failed_look_up(aws: Scene) -> None:
    aws.cloud.refusals["DescribeStacks"] = denied("cloudformation:DescribeStacks")
    ended = run(aws, "status")
    assert ended.code == 3
    assert "may not cloudformation:DescribeStacks" in ended.err
