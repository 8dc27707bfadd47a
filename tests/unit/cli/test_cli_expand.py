"""`image-pinner expand`: what is left behind, and what is printed."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ReadTimeoutError

from support.command import Run
from support.deployment.fake_change_sets import (
    LIVE,
    NO_CHANGES,
    REGION,
    REVIEW,
    FakeCloudFormation,
    expand,
    processed,
)
from support.deployment.fake_clients import ACCOUNT, Refusal, denied
from support.deployment.fake_s3 import FakeBucket
from unit.cli.cli_templates import MARKED, saved


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    # A shell starts programs in the background with SIGINT ignored.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture
def aws() -> FakeCloudFormation:
    return FakeCloudFormation()


def run(aws: FakeCloudFormation, folder: Path, *options: str, text: str = MARKED, stack: str = "shop") -> Run:
    return expand(aws, str(saved(folder, text)), "--stack", stack, *options)


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--check", "-o", "x.json"), "--check cannot be used with --output\nhelp: omit one of them"),
        (("--role-arn", "admin"), "--role-arn 'admin' is not the ARN of a role"),
        (("--parameter", "Tga=1"), "declares no parameter 'Tga' (did you mean 'Tag'?)"),
    ],
)
def test_wrong_options_are_refused_before_a_request(
    options: tuple[str, ...], message: str, aws: FakeCloudFormation, tmp_path: Path
) -> None:
    ended = run(aws, tmp_path, *options)

    assert (ended.code, ended.out, aws.requests) == (2, b"", [])
    assert message in ended.err


def test_the_template_is_not_overwritten(aws: FakeCloudFormation, tmp_path: Path) -> None:
    path = saved(tmp_path, MARKED)
    ended = run(aws, tmp_path, "--output", str(path))

    assert (ended.code, aws.requests, path.read_text("utf-8")) == (2, [], MARKED)
    assert ended.err == f"error: --output would overwrite {path}\nhelp: write to another file\n"


def test_a_stack_name_that_is_not_valid_is_refused(aws: FakeCloudFormation, tmp_path: Path) -> None:
    ended = run(aws, tmp_path, stack="shop/prod")

    assert (ended.code, aws.requests) == (2, [])
    assert "--stack 'shop/prod' is not a valid stack name" in ended.err


def test_a_parameter_without_a_value_is_reported_with_the_option_that_sets_it(
    aws: FakeCloudFormation, tmp_path: Path
) -> None:
    ended = run(aws, tmp_path, text=MARKED.replace(', Default: "1.0"', ""))

    assert (ended.code, aws.change_sets) == (2, [])
    assert ended.err == "error: no value for parameter Tag\nhelp: pass --parameter Tag=VALUE\n"


def test_a_template_that_is_too_long_for_a_request_needs_a_bucket(aws: FakeCloudFormation, tmp_path: Path) -> None:
    ended = run(aws, tmp_path, text=MARKED + "# " + "x" * 51_200)

    assert (ended.code, aws.requests) == (2, [])
    assert "CloudFormation" not in ended.err
    assert "a request has at most 51,200\nhelp: pass --s3-bucket with a bucket" in ended.err


def test_a_template_of_more_than_a_megabyte_is_refused(aws: FakeCloudFormation, tmp_path: Path) -> None:
    ended = run(aws, tmp_path, "--s3-bucket", "builds", text=MARKED + "# " + "x" * 1_048_576)

    assert (ended.code, aws.s3.requests) == (2, [])
    assert "help: split the template" in ended.err


def test_a_denied_request_names_its_action_and_leaves_nothing_to_remove(
    aws: FakeCloudFormation, tmp_path: Path
) -> None:
    aws.before["CreateChangeSet"] = raising(denied("cloudformation:CreateChangeSet"))

    ended = run(aws, tmp_path)

    assert (ended.code, ended.out) == (3, b"")
    assert "help: allow cloudformation:CreateChangeSet for " in ended.err
    assert aws.called("DeleteChangeSet") == []


@pytest.mark.parametrize(
    ("operation", "refusal", "message"),
    [
        ("DescribeStacks", denied("cloudformation:DescribeStacks"), "allow cloudformation:DescribeStacks for "),
        ("DescribeChangeSet", Refusal("Throttling", "Rate exceeded"), "CloudFormation in eu-central-1 throttled"),
        ("GetTemplate", denied("cloudformation:GetTemplate"), "allow cloudformation:GetTemplate for "),
    ],
)
def test_a_failure_is_a_failed_lookup_and_everything_is_removed(
    operation: str, refusal: Refusal, message: str, aws: FakeCloudFormation, tmp_path: Path
) -> None:
    aws.before[operation] = raising(refusal)

    ended = run(aws, tmp_path)

    assert (ended.code, ended.out) == (3, b"")
    assert message in ended.err
    assert (aws.change_sets, aws.stacks) == ([], {})


def test_a_template_that_cloudformation_refuses_is_reported_and_everything_is_removed(
    aws: FakeCloudFormation, tmp_path: Path
) -> None:
    aws.ends = [("CREATE_IN_PROGRESS", ""), ("FAILED", "Transform 1::ImagePinner failed with: no such image.")]

    ended = run(aws, tmp_path)

    assert (ended.code, ended.out) == (3, b"")
    assert "error: CloudFormation cannot process the template for stack shop in eu-central-1: Transform" in ended.err
    assert (aws.change_sets, aws.stacks) == ([], {})
    assert len(aws.called("CreateChangeSet")) == 1


def test_an_early_validation_is_repeated_twice(aws: FakeCloudFormation, tmp_path: Path) -> None:
    failed = ("FAILED", "The following hook(s) failed: [AWS::EarlyValidation::ResourceExistenceCheck]")
    aws.ends = [failed, failed, ("CREATE_COMPLETE", "")]
    assert run(aws, tmp_path).code == 0
    aws.ends = [failed]
    assert run(aws, tmp_path).code == 3
    assert (len(aws.called("CreateChangeSet")), aws.change_sets, aws.stacks) == (6, [], {})


def test_a_change_set_that_takes_too_long_is_removed(aws: FakeCloudFormation, tmp_path: Path) -> None:
    aws.ends = [("CREATE_IN_PROGRESS", "")]

    ended = run(aws, tmp_path, "--timeout", "30")

    assert ended.code == 3
    assert "did not compute the changes within 30 seconds" in ended.err
    assert (aws.change_sets, aws.stacks) == ([], {})
    assert aws.seconds == pytest.approx(30, abs=3)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interruption_during_the_wait_removes_everything(
    stop: signal.Signals, aws: FakeCloudFormation, tmp_path: Path
) -> None:
    aws.ends = [("CREATE_IN_PROGRESS", "")]
    aws.before["sleep"] = lambda: os.kill(os.getpid(), stop)
    # A second one, while the change set is removed, is ignored.
    aws.before["DeleteChangeSet"] = lambda: os.kill(os.getpid(), stop)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    ended = run(aws, tmp_path)

    assert (ended.code, ended.out) == (130, b"")
    assert ended.err.endswith("error: interrupted\n")
    assert (aws.change_sets, aws.stacks) == ([], {})
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_an_interruption_of_the_creation_itself_removes_everything(aws: FakeCloudFormation, tmp_path: Path) -> None:
    aws.before["created"] = lambda: os.kill(os.getpid(), signal.SIGINT)

    ended = run(aws, tmp_path)

    assert (ended.code, aws.change_sets, aws.stacks) == (130, [], {})


def test_a_creation_without_a_response_is_removed(aws: FakeCloudFormation, tmp_path: Path) -> None:
    aws.before["created"] = raising(ReadTimeoutError(endpoint_url="https://cloudformation"))

    ended = run(aws, tmp_path)

    assert (ended.code, aws.change_sets, aws.stacks) == (3, [], {})


def test_a_change_set_is_removed_once_its_changes_are_computed(aws: FakeCloudFormation, tmp_path: Path) -> None:
    tries = itertools.count()

    def refuse() -> None:
        if next(tries) < 3:
            raise Refusal("InvalidChangeSetStatus", "An operation on this ChangeSet is currently in progress.")

    aws.before["DeleteChangeSet"] = refuse
    ended = run(aws, tmp_path)

    assert (ended.code, aws.change_sets, aws.stacks) == (0, [], {})


@pytest.mark.parametrize(
    "refusal",
    [denied("cloudformation:DeleteChangeSet"), Refusal("InvalidChangeSetStatus", "in progress")],
    ids=["denied", "in progress"],
)
def test_a_change_set_that_cannot_be_removed_is_named_with_the_command_that_does(
    refusal: Refusal, aws: FakeCloudFormation, tmp_path: Path
) -> None:
    aws.before["DeleteChangeSet"] = raising(refusal)

    ended = run(aws, tmp_path)

    ((_, name),) = aws.change_sets
    assert (ended.code, ended.out) == (3, b"")
    assert f"error: cannot delete change set {name} of stack shop in eu-central-1: " in ended.err
    command = f"aws cloudformation delete-change-set --stack-name shop --change-set-name {name} --region {REGION}"
    assert ended.err.endswith(f"\nhelp: delete it: {command}\n")


def test_the_first_failure_is_raised_and_that_of_the_cleanup_is_a_warning(
    aws: FakeCloudFormation, tmp_path: Path
) -> None:
    aws.before["GetTemplate"] = raising(denied("cloudformation:GetTemplate"))
    aws.before["DeleteChangeSet"] = raising(denied("cloudformation:DeleteChangeSet"))

    ended = run(aws, tmp_path)

    ((_, name),) = aws.change_sets
    warning, help_, error, _ = ended.err.splitlines()
    assert ended.code == 3
    assert warning.startswith(f"warning: cannot delete change set {name} of stack shop in {REGION}: ")
    assert help_.startswith("help: delete it: aws cloudformation delete-change-set ")
    assert error.startswith("error: ")
    assert "is not allowed to call cloudformation:GetTemplate" in error


@pytest.mark.parametrize("stack", [(LIVE, {}), (REVIEW, {})], ids=["live", "in review"])
def test_a_stack_that_existed_stays(stack: tuple[str, dict[str, str]], aws: FakeCloudFormation, tmp_path: Path) -> None:
    aws.stacks["shop"] = stack

    ended = run(aws, tmp_path)

    assert (ended.code, aws.change_sets, aws.stacks) == (0, [], {"shop": stack})
    assert {name for name, _ in aws.requests if not name.startswith(("Describe", "Get", "List"))} == {
        "CreateChangeSet",
        "DeleteChangeSet",
    }


@pytest.mark.parametrize("other", ["change set", "deployment"])
def test_a_stack_that_another_operation_uses_meanwhile_stays(
    other: str, aws: FakeCloudFormation, tmp_path: Path
) -> None:
    def happen() -> None:
        if other == "change set":
            aws.change_sets.append(("shop", "theirs"))
        else:
            aws.stacks["shop"] = ("CREATE_IN_PROGRESS", {})

    aws.before["GetTemplate"] = happen

    assert run(aws, tmp_path).code == 0
    assert "shop" in aws.stacks
    assert aws.called("DeleteStack") == []


@pytest.mark.parametrize("resources", [0, 1])
def test_a_stack_that_failed_is_removed_if_it_has_no_resources(
    resources: int, aws: FakeCloudFormation, tmp_path: Path
) -> None:
    def fail() -> None:
        aws.stacks["shop"] = ("CREATE_FAILED", {})

    aws.before["DescribeChangeSet"], aws.resources = fail, resources
    aws.ends = [("FAILED", "Transform 1::ImagePinner failed with: no such image.")]

    assert run(aws, tmp_path).code == 3
    assert len(aws.stacks) == resources


def test_the_processed_template_is_printed(aws: FakeCloudFormation, tmp_path: Path) -> None:
    ended = run(aws, tmp_path)

    assert (ended.code, ended.err) == (0, "The template passes.\n")
    assert json.loads(ended.out) == processed()
    created = aws.called("CreateChangeSet")[0]
    assert (created["TemplateBody"], created["Parameters"]) == (MARKED, [])
    assert set(created["Capabilities"]) == {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"}
    assert "RoleARN" not in created
    assert "Tags" not in created
    assert aws.called("GetTemplate")[0]["ChangeSetName"].startswith("arn:")
    assert (aws.change_sets, aws.stacks, aws.called("ExecuteChangeSet")) == ([], {}, [])


def test_parameters_keep_the_values_of_the_stack(aws: FakeCloudFormation, tmp_path: Path) -> None:
    aws.stacks["shop"] = (LIVE, {"Tag": "2", "Gone": "x"})
    parameters = '{Tag: {Type: String}, Ports: {Type: CommaDelimitedList}, Level: {Type: String, Default: "1"}}'
    text = MARKED.replace('{Type: String, Default: "1.0"}', "0").replace("\n  Tag: 0", f" {parameters}")
    role = f"arn:aws:iam::{ACCOUNT}:role/deploy"
    (tmp_path / "values.json").write_text('{"Ports": ["80", "443"]}')

    ended = run(aws, tmp_path, "--parameters", str(tmp_path / "values.json"), "--role-arn", role, text=text)

    created = aws.called("CreateChangeSet")[0]
    assert ended.code == 0
    assert created["RoleARN"] == role
    assert created["Parameters"] == [
        {"ParameterKey": "Tag", "UsePreviousValue": True},
        {"ParameterKey": "Ports", "ParameterValue": "80,443"},
    ]


def test_a_template_that_would_change_nothing_is_printed_too(aws: FakeCloudFormation, tmp_path: Path) -> None:
    aws.stacks["shop"] = (LIVE, {})
    aws.ends = [("FAILED", NO_CHANGES)]
    assert json.loads(run(aws, tmp_path).out) == processed()

    def refuse() -> None:
        if "ChangeSetName" in aws.requests[-1][1]:
            raise Refusal("ChangeSetNotFound", "no such change set", 404)

    aws.before["GetTemplate"] = refuse
    ended = run(aws, tmp_path)
    assert (ended.code, json.loads(ended.out), aws.change_sets) == (0, processed(), [])


def test_a_processed_template_with_an_unpinned_image_has_findings(aws: FakeCloudFormation, tmp_path: Path) -> None:
    aws.body = processed("shop/web:1.0")

    ended = run(aws, tmp_path)

    assert (ended.code, json.loads(ended.out)) == (1, processed("shop/web:1.0"))
    assert ended.err.startswith("processed template of stack shop:")
    assert "image 'shop/web:1.0' is not pinned" in ended.err


def test_check_prints_findings_and_no_template(aws: FakeCloudFormation, tmp_path: Path) -> None:
    aws.body = processed("!PinDigest shop/web:1.0")

    ended = run(aws, tmp_path, "--check", "--format", "json")

    (found,) = json.loads(ended.out)["findings"]
    assert (ended.code, ended.err) == (1, "")
    assert "Transform does not include ImagePinner" in found["cause"]
    aws.body = processed()
    assert run(aws, tmp_path, "--check").out == b"The template passes.\n"


def test_findings_have_their_position_in_the_file_that_is_written(aws: FakeCloudFormation, tmp_path: Path) -> None:
    aws.body = "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: {Code: {ImageUri: shop/web:1}}\n"
    output = tmp_path / "processed.yaml"

    ended = run(aws, tmp_path, "-o", str(output))

    assert (ended.code, ended.out, output.read_text()) == (1, b"", aws.body)
    assert ended.err.startswith(f"{output}:4:35: ")


def test_a_long_template_is_uploaded_until_it_is_processed(aws: FakeCloudFormation, tmp_path: Path) -> None:
    bucket = aws.s3.buckets["builds"] = FakeBucket(REGION)
    text = MARKED + "# " + "x" * 51_200
    aws.before["CreateChangeSet"] = lambda: stored.extend(bucket.objects)
    stored: list[str] = []

    ended = run(aws, tmp_path, "--s3-bucket", "builds", text=text)

    created = aws.called("CreateChangeSet")[0]
    assert ended.code == 0, ended.err
    assert "TemplateBody" not in created
    assert created["TemplateURL"] == f"https://builds.s3.{REGION}.amazonaws.com/{stored[0]}"
    assert bucket.objects == {}


def test_an_upload_that_is_denied_names_its_action(aws: FakeCloudFormation, tmp_path: Path) -> None:
    aws.s3.buckets["builds"] = FakeBucket(REGION)
    aws.s3.refusals["PutObject"] = denied("s3:PutObject")

    ended = run(aws, tmp_path, "--s3-bucket", "builds", text=MARKED + "# " + "x" * 51_200)

    assert (ended.code, aws.change_sets) == (3, [])
    assert "s3:PutObject" in ended.err
    assert "DeleteObject" not in aws.s3.requests
