"""Installing into a region: what is shown, asked, done and told."""

from __future__ import annotations

import pytest

from image_pinner.cli.deployment.installing import install
from image_pinner.cli.deployment.requests import Outcome
from image_pinner.core.errors import SourceError
from unit.cli.deployment.answering_clients import ACCOUNT, Refusal
from unit.cli.deployment.installations import BUCKET, REGION, Scene, code, request


def test_who_does_not_agree_has_nothing_afterwards(aws: Scene) -> None:
    aws.told.agreeing = False

    assert install(aws.surroundings, REGION, request()) is Outcome.DECLINED

    assert aws.told.questions == [f"Change the stack image-pinner in {REGION}?"]
    assert [stack.status for stack in aws.cloud.stacks] == ["DELETE_COMPLETE"]
    assert aws.s3.buckets == {}


def test_a_dry_run_shows_all_and_leaves_nothing(aws: Scene) -> None:
    assert install(aws.surroundings, REGION, request(dry_run=True)) is Outcome.SHOWN

    assert aws.told.questions == []
    for shown in (
        f"Bucket {BUCKET} (will be made)",
        f"Code {code().key} (3 bytes",
        "+ Macro (AWS::CloudFormation::Macro)",
    ):
        assert shown in aws.told.text
    assert [stack.status for stack in aws.cloud.stacks] == ["DELETE_COMPLETE"]
    assert aws.s3.buckets == {}


def test_a_dry_run_of_an_update_throws_its_change_set_away(aws: Scene) -> None:
    install(aws.surroundings, REGION, request())

    assert install(aws.surroundings, REGION, request(dry_run=True, parameters={"Pin": "All"})) is Outcome.SHOWN

    assert aws.cloud.change_sets == {}
    assert aws.cloud.live("image-pinner").parameters["Pin"] == ""


def test_a_stack_that_fails_is_told_by_the_event_that_caused_it(aws: Scene) -> None:
    denied = "Resource handler returned message: iam:CreateRole is denied"
    aws.cloud.failures = [
        ("LogGroup", "AWS::Logs::LogGroup", "CREATE_IN_PROGRESS", ""),
        ("Role", "AWS::IAM::Role", "CREATE_FAILED", denied),
        ("LogGroup", "AWS::Logs::LogGroup", "CREATE_FAILED", "Resource creation cancelled"),
        ("image-pinner", "AWS::CloudFormation::Stack", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed"),
    ]
    aws.cloud.ends_as = "ROLLBACK_COMPLETE"

    with pytest.raises(SourceError) as caught:
        install(aws.surroundings, REGION, request())

    assert caught.value.cause == (
        f"the stack image-pinner in {REGION} failed and is in ROLLBACK_COMPLETE: Role (AWS::IAM::Role): {denied}"
    )
    assert "--replace-failed" in caught.value.help
    assert "ROLLBACK_IN_PROGRESS" in aws.told.text


def test_an_upload_that_fails_leaves_no_change_set_and_no_stack(aws: Scene) -> None:
    aws.s3.refusals["PutObject"] = Refusal("AccessDenied", "Access Denied", 403)

    with pytest.raises(SourceError, match="may not s3:PutObject"):
        install(aws.surroundings, REGION, request())

    assert [stack.status for stack in aws.cloud.stacks] == ["DELETE_COMPLETE"]


def test_a_change_set_that_cannot_be_made_leaves_nothing(aws: Scene) -> None:
    aws.cloud.change_set_failure = "Template error: something"

    with pytest.raises(SourceError, match=r"cannot change the stack image-pinner .*: Template error: something"):
        install(aws.surroundings, REGION, request())

    assert [stack.status for stack in aws.cloud.stacks] == ["DELETE_COMPLETE"]


def test_a_stack_that_never_comes_to_rest_is_given_up(aws: Scene) -> None:
    aws.cloud.failures = [("Function", "AWS::Lambda::Function", "CREATE_IN_PROGRESS", "")]
    aws.cloud.ends_as = "CREATE_IN_PROGRESS"

    with pytest.raises(SourceError, match="within 60 minutes"):
        install(aws.surroundings, REGION, request())


def test_who_interrupts_the_waiting_is_told_that_it_goes_on(aws: Scene) -> None:
    def interrupted(_: float) -> None:
        if aws.cloud.live("image-pinner").status == "CREATE_IN_PROGRESS":
            raise KeyboardInterrupt
        aws.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        install(aws.surroundings._replace(sleep=interrupted), REGION, request())

    assert aws.told.lines[-1].startswith("CloudFormation goes on; image-pinner status")
    assert aws.cloud.live("image-pinner").status == "CREATE_IN_PROGRESS"


def test_who_interrupts_before_agreeing_leaves_nothing(aws: Scene) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install(aws.surroundings._replace(sleep=interrupted), REGION, request())

    assert [stack.status for stack in aws.cloud.stacks] == ["DELETE_COMPLETE"]


def test_a_first_install_makes_bucket_code_and_protected_stack(aws: Scene) -> None:
    assert install(aws.surroundings, REGION, request()) is Outcome.DONE

    stack = aws.cloud.live("image-pinner")
    assert (stack.status, stack.protected) == ("CREATE_COMPLETE", True)
    assert (stack.parameters["CodeBucket"], stack.parameters["CodeKey"]) == (BUCKET, code().key)
    assert len(stack.parameters["Revision"]) == 12
    bucket = aws.s3.buckets[BUCKET]
    assert [version[1] for version in bucket.objects[code().key]] == [b"zip"]
    assert aws.told.lines[0] == f"{REGION}: account {ACCOUNT}, stack image-pinner"
    assert aws.told.lines[-1] == f"{REGION}: the macro ImagePinner is ImagePinner 1.2.3, version 1 of its function"
    assert [line for line in aws.told.lines if "CREATE_COMPLETE" in line]


def test_only_what_is_needed_is_acknowledged(aws: Scene) -> None:
    install(aws.surroundings, REGION, request())
    made = next(given for name, given in aws.cloud.asked if name == "CreateChangeSet")
    assert made["Capabilities"] == ["CAPABILITY_IAM"]


def test_a_second_install_of_the_same_has_nothing_to_change(aws: Scene) -> None:
    install(aws.surroundings, REGION, request(parameters={"Pin": "All"}))
    before = len(aws.cloud.operations("CreateChangeSet", "DeleteChangeSet"))

    assert install(aws.surroundings, REGION, request()) is Outcome.UNCHANGED

    assert aws.told.lines[-1] == f"{REGION}: nothing to change"
    assert len(aws.cloud.operations("CreateChangeSet", "DeleteChangeSet")) == before
    assert aws.cloud.change_sets == {}


def test_an_update_keeps_what_was_given_before_and_moves_the_revision(aws: Scene) -> None:
    install(aws.surroundings, REGION, request(parameters={"Pin": "All"}, tags={"Team": "A"}))
    first = dict(aws.cloud.live("image-pinner").parameters)

    done = install(aws.surroundings, REGION, request(code=code(b"new"), tags={"Cost": "1"}, must_exist=True))

    stack = aws.cloud.live("image-pinner")
    assert done is Outcome.DONE
    assert (stack.parameters["Pin"], stack.tags) == ("All", {"Team": "A", "Cost": "1"})
    assert stack.parameters["Revision"] != first["Revision"]
    assert "± Version (AWS::Lambda::Version): Description" in aws.told.text


@pytest.mark.parametrize(("asked", "protected"), [(None, True), (False, False), (True, True)])
def test_protection_of_a_new_stack_is_on_unless_told(aws: Scene, asked: bool | None, protected: bool) -> None:  # noqa: FBT001
    install(aws.surroundings, REGION, request(protected=asked))
    assert aws.cloud.live("image-pinner").protected is protected


def test_protection_that_somebody_turned_off_stays_off(aws: Scene) -> None:
    install(aws.surroundings, REGION, request())
    aws.cloud.live("image-pinner").protected = False

    install(aws.surroundings, REGION, request(parameters={"Pin": "All"}))
    assert not aws.cloud.live("image-pinner").protected

    assert install(aws.surroundings, REGION, request(protected=True)) is Outcome.UNCHANGED
    assert aws.cloud.live("image-pinner").protected


def test_cloudformation_works_as_the_role_that_was_named(aws: Scene) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/Deployer"
    install(aws.surroundings, REGION, request(role_arn=role))
    assert next(given for name, given in aws.cloud.asked if name == "CreateChangeSet")["RoleARN"] == role
