"""Install in a region: what is shown, confirmed, done and reported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from image_pinner.cli.deployment.install import install
from image_pinner.cli.deployment.session import DeploymentOutcome
from image_pinner.core.errors import SourceError
from support.deployment.fake_clients import ACCOUNT, Refusal
from support.deployment.fake_s3 import FakeBucket
from support.deployment.scene import BUCKET, REGION, Scene, code, request


def test_nothing_is_left_if_the_user_declines(aws: Scene) -> None:
    aws.console.confirms = False

    assert install(aws.session, REGION, request()) is DeploymentOutcome.DECLINED

    assert aws.console.prompts == [f"Change stack image-pinner in {REGION}?"]
    assert [stack.status for stack in aws.cloud.stacks] == ["DELETE_COMPLETE"]
    assert aws.s3.buckets == {}


def test_a_dry_run_shows_everything_and_leaves_nothing(aws: Scene) -> None:
    assert install(aws.session, REGION, request(dry_run=True)) is DeploymentOutcome.DRY_RUN

    assert aws.console.prompts == []
    for shown in (
        f"Bucket {BUCKET} (will be created)",
        f"File {code().key} (3 bytes to upload)",
        "+ Macro (AWS::CloudFormation::Macro)",
    ):
        assert shown in aws.console.text
    assert [stack.status for stack in aws.cloud.stacks] == ["DELETE_COMPLETE"]
    assert aws.s3.buckets == {}


def test_a_dry_run_of_an_update_deletes_its_change_set(aws: Scene) -> None:
    install(aws.session, REGION, request())

    assert install(aws.session, REGION, request(dry_run=True, parameters={"Pin": "All"})) is DeploymentOutcome.DRY_RUN

    assert aws.cloud.change_sets == {}
    assert aws.cloud.live("image-pinner").parameters["Pin"] == ""


def test_a_failed_stack_is_reported_with_the_event_that_caused_it(aws: Scene) -> None:
    denied = "Resource handler returned message: iam:CreateRole is denied"
    aws.cloud.failures = [
        ("LogGroup", "AWS::Logs::LogGroup", "CREATE_IN_PROGRESS", ""),
        ("Role", "AWS::IAM::Role", "CREATE_FAILED", denied),
        ("LogGroup", "AWS::Logs::LogGroup", "CREATE_FAILED", "Resource creation cancelled"),
        ("image-pinner", "AWS::CloudFormation::Stack", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed"),
    ]
    aws.cloud.ends_as = "ROLLBACK_COMPLETE"

    with pytest.raises(SourceError) as caught:
        install(aws.session, REGION, request())

    assert caught.value.cause == (
        f"stack image-pinner in {REGION} failed and is in ROLLBACK_COMPLETE: Role (AWS::IAM::Role): {denied}"
    )
    assert "--replace-failed" in caught.value.help
    assert "ROLLBACK_IN_PROGRESS" in aws.console.text


def test_an_upload_that_fails_leaves_no_change_set_and_no_stack(aws: Scene) -> None:
    aws.s3.refusals["PutObject"] = Refusal("AccessDenied", "Access Denied", 403)

    with pytest.raises(SourceError, match="is not allowed to call s3:PutObject"):
        install(aws.session, REGION, request())

    assert [stack.status for stack in aws.cloud.stacks] == ["DELETE_COMPLETE"]


def test_a_failed_change_set_leaves_nothing(aws: Scene) -> None:
    aws.cloud.change_set_failure = "Template error: something"

    with pytest.raises(SourceError, match=r"cannot change stack image-pinner .*: Template error: something"):
        install(aws.session, REGION, request())

    assert [stack.status for stack in aws.cloud.stacks] == ["DELETE_COMPLETE"]


def test_a_stack_that_stays_in_progress_times_out(aws: Scene) -> None:
    aws.cloud.failures = [("Function", "AWS::Lambda::Function", "CREATE_IN_PROGRESS", "")]
    aws.cloud.ends_as = "CREATE_IN_PROGRESS"

    with pytest.raises(SourceError, match="still in progress after 60 minutes"):
        install(aws.session, REGION, request())


def test_an_interrupted_wait_reports_that_cloudformation_continues(aws: Scene) -> None:
    def interrupted(_: float) -> None:
        if aws.cloud.live("image-pinner").status == "CREATE_IN_PROGRESS":
            raise KeyboardInterrupt
        aws.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        install(replace(aws.session, sleep=interrupted), REGION, request())

    assert aws.console.lines[-1].startswith("CloudFormation continues; check it with image-pinner status")
    assert aws.cloud.live("image-pinner").status == "CREATE_IN_PROGRESS"


def test_an_interrupt_before_the_confirmation_leaves_nothing(aws: Scene) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install(replace(aws.session, sleep=interrupted), REGION, request())

    assert [stack.status for stack in aws.cloud.stacks] == ["DELETE_COMPLETE"]


def test_a_first_install_creates_bucket_code_and_protected_stack(aws: Scene) -> None:
    assert install(aws.session, REGION, request()) is DeploymentOutcome.DONE

    stack = aws.cloud.live("image-pinner")
    assert (stack.status, stack.protected) == ("CREATE_COMPLETE", True)
    assert (stack.parameters["CodeBucket"], stack.parameters["CodeKey"]) == (BUCKET, code().key)
    assert len(stack.parameters["Revision"]) == 12
    bucket = aws.s3.buckets[BUCKET]
    assert [version[1] for version in bucket.objects[code().key]] == [b"zip"]
    assert aws.console.lines[0] == f"{REGION}: account {ACCOUNT}, stack image-pinner"
    assert aws.console.lines[-1] == f"{REGION}: installed macro ImagePinner: ImagePinner 1.2.3, function version 1"
    assert [line for line in aws.console.lines if "CREATE_COMPLETE" in line]


def test_only_the_required_capability_is_acknowledged(aws: Scene) -> None:
    install(aws.session, REGION, request())
    made = next(given for name, given in aws.cloud.requests if name == "CreateChangeSet")
    assert made["Capabilities"] == ["CAPABILITY_IAM"]


def test_a_second_identical_install_has_no_changes(aws: Scene) -> None:
    install(aws.session, REGION, request(parameters={"Pin": "All"}))
    before = len(aws.cloud.operations("CreateChangeSet", "DeleteChangeSet"))

    assert install(aws.session, REGION, request()) is DeploymentOutcome.UNCHANGED

    assert aws.console.lines[-1] == f"{REGION}: no changes"
    assert len(aws.cloud.operations("CreateChangeSet", "DeleteChangeSet")) == before
    assert aws.cloud.change_sets == {}


def test_an_update_keeps_parameters_and_tags_and_changes_the_revision(aws: Scene) -> None:
    install(aws.session, REGION, request(parameters={"Pin": "All"}, tags={"Team": "A"}))
    first = dict(aws.cloud.live("image-pinner").parameters)

    done = install(aws.session, REGION, request(code=code(b"new"), tags={"Cost": "1"}, must_exist=True))

    stack = aws.cloud.live("image-pinner")
    assert done is DeploymentOutcome.DONE
    assert (stack.parameters["Pin"], stack.tags) == ("All", {"Team": "A", "Cost": "1"})
    assert stack.parameters["Revision"] != first["Revision"]
    assert "± Version (AWS::Lambda::Version): Description" in aws.console.text


def test_what_a_bucket_lacks_is_shown_before_it_is_applied(aws: Scene) -> None:
    aws.s3.buckets[BUCKET] = FakeBucket(REGION, policy='{"Statement": []}')

    assert install(aws.session, REGION, request(dry_run=True)) is DeploymentOutcome.DRY_RUN

    assert "will be turned on: public access block, encryption, versioning" in aws.console.text
    assert aws.s3.buckets[BUCKET].settings == {}


def test_a_bucket_is_protected_even_if_the_stack_does_not_change(aws: Scene) -> None:
    install(aws.session, REGION, request())
    del aws.s3.buckets[BUCKET].settings["PutBucketVersioning"]
    aws.console.prompts.clear()

    assert install(aws.session, REGION, request()) is DeploymentOutcome.UNCHANGED

    assert aws.console.prompts == [f"Change the settings of bucket {BUCKET}?"]
    assert "PutBucketVersioning" in aws.s3.buckets[BUCKET].settings


def test_what_a_bucket_of_the_user_lacks_is_shown_and_not_changed(aws: Scene) -> None:
    aws.s3.buckets["mine"] = FakeBucket(REGION)

    assert install(aws.session, REGION, request(bucket="mine")) is DeploymentOutcome.DONE

    assert "it lacks: public access block, encryption, versioning; --bucket leaves its settings" in aws.console.text
    assert aws.s3.buckets["mine"].settings == {}


def test_settings_of_a_bucket_of_the_user_that_cannot_be_read_are_reported(aws: Scene) -> None:
    aws.s3.buckets["mine"] = FakeBucket(REGION)
    aws.s3.refusals["GetPublicAccessBlock"] = Refusal("AccessDenied", "Access Denied", 403)

    assert install(aws.session, REGION, request(bucket="mine")) is DeploymentOutcome.DONE

    assert "cannot check how it is protected: " in aws.console.text


@pytest.mark.parametrize(("option", "protected"), [(None, True), (False, False), (True, True)])
def test_a_new_stack_is_protected_by_default(aws: Scene, option: bool | None, protected: bool) -> None:  # noqa: FBT001
    install(aws.session, REGION, request(protected=option))
    assert aws.cloud.live("image-pinner").protected is protected


def test_an_update_leaves_termination_protection_as_it_is(aws: Scene) -> None:
    install(aws.session, REGION, request())
    aws.cloud.live("image-pinner").protected = False

    install(aws.session, REGION, request(parameters={"Pin": "All"}))
    assert not aws.cloud.live("image-pinner").protected

    assert install(aws.session, REGION, request(protected=True)) is DeploymentOutcome.UNCHANGED
    assert aws.cloud.live("image-pinner").protected


def test_cloudformation_uses_the_service_role(aws: Scene) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/Deployer"
    install(aws.session, REGION, request(role_arn=role))
    assert next(given for name, given in aws.cloud.requests if name == "CreateChangeSet")["RoleARN"] == role
