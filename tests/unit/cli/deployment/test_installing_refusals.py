"""What keeps an install from beginning: each ends in a sentence with what to do, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from image_pinner.cli.deployment.aws_access import AskFailed, NobodySignedIn
from image_pinner.cli.deployment.installing import install
from image_pinner.cli.deployment.requests import Outcome
from image_pinner.core.errors import ConfigurationError, SourceError
from unit.cli.deployment.answering_clients import ACCOUNT, Answer, Refusal, denied
from unit.cli.deployment.fake_cloudformation import MACRO
from unit.cli.deployment.fake_s3 import FakeBucket
from unit.cli.deployment.installations import BUCKET, CALLER, REGION, Scene, code, request

OURS = {"MacroName": "ImagePinner", "CodeKey": "image-pinner/1/x.zip", "CodeBucket": "b"}


def refusing(refusal: Refusal) -> Answer:
    def answer(operation: str, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - a fake's signature
        raise refusal

    return answer


@pytest.mark.parametrize(
    ("status", "words", "help"),
    [
        ("REVIEW_IN_PROGRESS", "an earlier install was not finished", "--replace-failed"),
        ("CREATE_IN_PROGRESS", "somebody else changes it just now", "Wait until that has ended"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "somebody else changes it just now", "Wait"),
        ("ROLLBACK_COMPLETE", "can only be deleted", "--replace-failed"),
        ("DELETE_FAILED", "can only be deleted", "delete-stack --stack-name image-pinner --region eu-central-1"),
        ("UPDATE_ROLLBACK_FAILED", "could not go back", "continue-update-rollback --stack-name image-pinner"),
        ("UPDATE_FAILED", "is in UPDATE_FAILED", "rollback-stack"),
    ],
)
def test_a_stack_in_a_bad_state_is_left_as_it_is(aws: Scene, status: str, words: str, help: str) -> None:
    aws.cloud.stack("image-pinner", status, parameters=OURS)

    with pytest.raises(ConfigurationError) as caught:
        install(aws.surroundings, REGION, request())

    assert words in caught.value.cause
    assert help in caught.value.help
    assert aws.cloud.operations() == []


def test_a_stack_of_something_else_is_left_as_it_is(aws: Scene) -> None:
    aws.cloud.stack("image-pinner", parameters={"Vpc": "vpc-1"})
    with pytest.raises(ConfigurationError, match="was not made from ImagePinner's template"):
        install(aws.surroundings, REGION, request())
    assert aws.cloud.operations() == []


def test_an_upgrade_needs_something_to_upgrade(aws: Scene) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no stack image-pinner in eu-central-1 to upgrade"):
        install(aws.surroundings, REGION, request(must_exist=True))
    assert aws.cloud.operations() == []


def test_a_name_that_another_stack_has_taken_is_refused(aws: Scene) -> None:
    aws.cloud.stack("theirs", resources=[("Macro", MACRO, "ImagePinner")])
    with pytest.raises(ConfigurationError) as caught:
        install(aws.surroundings, REGION, request())
    assert caught.value.cause == "the name ImagePinner is taken in eu-central-1 by the macro of the stack theirs"
    assert "--macro-name" in caught.value.help
    assert aws.cloud.operations() == []


def test_not_knowing_whether_a_name_is_free_does_not_keep_from_installing(aws: Scene) -> None:
    aws.cloud.refusals["DescribeStackResources"] = denied("cloudformation:DescribeStackResources")
    assert install(aws.surroundings, REGION, request()) is Outcome.DONE
    assert "Whether the name ImagePinner is free is not known" in aws.told.text


def test_two_macros_of_different_names_live_side_by_side(aws: Scene) -> None:
    install(aws.surroundings, REGION, request())
    other = request(stack_name="next", parameters={"MacroName": "ImagePinner-v2"})
    assert install(aws.surroundings, REGION, other) is Outcome.DONE


@pytest.mark.parametrize(
    ("bucket", "words"),
    [
        (
            FakeBucket("us-east-1"),
            f"the bucket {BUCKET} is in us-east-1, and Lambda in {REGION} takes code from its own",
        ),
        (FakeBucket(REGION, owner="999988887777"), f"belongs to another account than {ACCOUNT}, or {CALLER} may not"),
    ],
)
@pytest.mark.parametrize("named", ["", BUCKET])
def test_a_bucket_that_is_not_ours_is_not_used(aws: Scene, bucket: FakeBucket, words: str, named: str) -> None:
    aws.s3.buckets[BUCKET] = bucket
    with pytest.raises(ConfigurationError) as caught:
        install(aws.surroundings, REGION, request(bucket=named))
    assert words in caught.value.cause
    assert aws.cloud.operations() == []
    assert (bucket.objects, bucket.settings) == ({}, {})


def test_a_bucket_elsewhere_that_only_answers_by_a_redirect_is_not_used(aws: Scene) -> None:
    aws.s3.refusals["HeadBucket"] = Refusal("301", "Moved Permanently", 301)
    with pytest.raises(ConfigurationError, match="is in another region"):
        install(aws.surroundings, REGION, request(bucket="mine"))


def test_a_bucket_that_was_named_is_not_made(aws: Scene) -> None:
    with pytest.raises(ConfigurationError, match="there is no bucket mine"):
        install(aws.surroundings, REGION, request(bucket="mine"))
    assert aws.s3.buckets == {}


def test_something_else_under_the_name_of_the_code_is_not_installed(aws: Scene) -> None:
    aws.s3.buckets[BUCKET] = FakeBucket(REGION)
    aws.s3.buckets[BUCKET].put(code().key, b"evil", "AAAA")
    with pytest.raises(SourceError, match="holds something else than this package"):
        install(aws.surroundings, REGION, request())


@pytest.mark.parametrize("operation", ["CreateChangeSet", "ExecuteChangeSet", "DescribeStacks"])
def test_a_missing_permission_is_named_with_whose_it_would_be(aws: Scene, operation: str) -> None:
    aws.cloud.refusals[operation] = denied(f"cloudformation:{operation}")
    with pytest.raises(AskFailed) as caught:
        install(aws.surroundings, REGION, request())
    assert caught.value.cause == (
        f"{CALLER} may not cloudformation:{operation} on arn:aws:x:::y,"
        " because no identity-based policy allows the action"
    )
    assert caught.value.help.startswith(f"Allow cloudformation:{operation} to {CALLER}")
    assert aws.cloud.stacks == [] or aws.cloud.stacks[0].status == "DELETE_COMPLETE"


def test_what_the_organization_forbids_is_told_apart(aws: Scene) -> None:
    because = "with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-1/p-1"
    aws.cloud.refusals["CreateChangeSet"] = denied("cloudformation:CreateChangeSet", because)
    with pytest.raises(AskFailed) as caught:
        install(aws.surroundings, REGION, request())
    assert "service control policy" in caught.value.cause
    assert caught.value.help.startswith("The organization forbids it")


def test_a_missing_capability_is_told_in_cloudformations_words(aws: Scene) -> None:
    text = "Requires capabilities : [CAPABILITY_NAMED_IAM]"
    aws.cloud.refusals["CreateChangeSet"] = Refusal("InsufficientCapabilitiesException", text)
    with pytest.raises(AskFailed, match=r"CAPABILITY_NAMED_IAM"):
        install(aws.surroundings, REGION, request())


def test_expired_credentials_end_everything(aws: Scene) -> None:
    aws.answers["sts"] = refusing(Refusal("ExpiredToken", "The security token included in the request is expired", 403))
    with pytest.raises(NobodySignedIn, match="have expired") as caught:
        install(aws.surroundings, REGION, request())
    assert "sign in to AWS again" in caught.value.help


def test_a_region_that_is_not_enabled_is_told(aws: Scene) -> None:
    aws.answers["sts"] = refusing(Refusal("InvalidClientTokenId", "The security token is invalid", 403))
    with pytest.raises(AskFailed) as caught:
        install(aws.surroundings, "ap-east-1", request())
    assert "STS in ap-east-1 rejected the AWS credentials" in caught.value.cause
    assert "region enabled" in caught.value.help
    assert not isinstance(caught.value, NobodySignedIn)


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "CREATE_FAILED"])
def test_a_failed_stack_is_replaced_when_asked_to(aws: Scene, status: str) -> None:
    failed = aws.cloud.stack("image-pinner", status, parameters=OURS)

    assert install(aws.surroundings, REGION, request(replace_failed=True)) is Outcome.DONE

    assert failed.status == "DELETE_COMPLETE"
    assert aws.cloud.live("image-pinner").status == "CREATE_COMPLETE"
    assert aws.told.questions[0] == f"Delete the stack image-pinner in {REGION}, {status}?"


def test_a_failed_stack_is_not_replaced_by_who_does_not_agree_or_only_looks(aws: Scene) -> None:
    aws.cloud.stack("image-pinner", "ROLLBACK_COMPLETE", parameters=OURS)
    assert install(aws.surroundings, REGION, request(replace_failed=True, dry_run=True)) is Outcome.SHOWN
    assert "It would be deleted first" in aws.told.text

    aws.told.agreeing = False
    with pytest.raises(ConfigurationError, match="ROLLBACK_COMPLETE"):
        install(aws.surroundings, REGION, request(replace_failed=True))
    assert aws.cloud.operations() == []


def test_a_failed_stack_that_cannot_be_deleted_says_why(aws: Scene) -> None:
    aws.cloud.stack("image-pinner", "ROLLBACK_FAILED", parameters=OURS)
    aws.cloud.failures = [("Role", "AWS::IAM::Role", "DELETE_FAILED", "Cannot delete entity")]
    aws.cloud.ends_as = "DELETE_FAILED"
    with pytest.raises(SourceError, match=r"is in DELETE_FAILED: Role \(AWS::IAM::Role\): Cannot delete entity"):
        install(aws.surroundings, REGION, request(replace_failed=True))
