"""Reasons to refuse an install: each is reported with what to do, and nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from image_pinner.cli.deployment.aws import AwsApiError, NotSignedInError
from image_pinner.cli.deployment.install import install
from image_pinner.cli.deployment.session import DeploymentOutcome
from image_pinner.core.errors import ConfigurationError, SourceError
from support.deployment.fake_clients import ACCOUNT, Answer, Refusal, denied
from support.deployment.fake_cloudformation import MACRO
from support.deployment.fake_s3 import FakeBucket
from support.deployment.scene import BUCKET, CALLER, REGION, Scene, code, request

OURS = {"MacroName": "ImagePinner", "CodeKey": "image-pinner/1/x.zip", "CodeBucket": "b"}


def refusing(refusal: Refusal) -> Answer:
    def answer(operation: str, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - a fake's signature
        raise refusal

    return answer


@pytest.mark.parametrize(
    ("status", "words", "help"),
    [
        ("REVIEW_IN_PROGRESS", "an install was interrupted", "--replace-failed"),
        ("CREATE_IN_PROGRESS", "another operation is in progress", "wait until it has ended"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "another operation is in progress", "wait"),
        ("ROLLBACK_COMPLETE", "can only be deleted", "--replace-failed"),
        ("DELETE_FAILED", "can only be deleted", "delete-stack --stack-name image-pinner --region eu-central-1"),
        ("UPDATE_ROLLBACK_FAILED", "its rollback failed", "continue-update-rollback --stack-name image-pinner"),
        ("UPDATE_FAILED", "is in UPDATE_FAILED", "rollback-stack"),
    ],
)
def test_a_stack_in_another_state_is_not_changed(aws: Scene, status: str, words: str, help: str) -> None:
    aws.cloud.stack("image-pinner", status, parameters=OURS)

    with pytest.raises(ConfigurationError) as caught:
        install(aws.session, REGION, request())

    assert words in caught.value.cause
    assert help in caught.value.help
    assert aws.cloud.operations() == []


def test_a_stack_from_another_template_is_not_changed(aws: Scene) -> None:
    aws.cloud.stack("image-pinner", parameters={"Vpc": "vpc-1"})
    with pytest.raises(ConfigurationError, match="was not created from ImagePinner's template"):
        install(aws.session, REGION, request())
    assert aws.cloud.operations() == []


def test_an_upgrade_requires_an_existing_stack(aws: Scene) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no stack image-pinner in eu-central-1 to upgrade"):
        install(aws.session, REGION, request(must_exist=True))
    assert aws.cloud.operations() == []


def test_a_macro_name_of_another_stack_is_refused(aws: Scene) -> None:
    aws.cloud.stack("theirs", resources=[("Macro", MACRO, "ImagePinner")])
    with pytest.raises(ConfigurationError) as caught:
        install(aws.session, REGION, request())
    assert caught.value.cause == "macro name ImagePinner is in use in eu-central-1 by stack theirs"
    assert "--macro-name" in caught.value.help
    assert aws.cloud.operations() == []


def test_an_install_continues_if_the_macro_name_cannot_be_checked(aws: Scene) -> None:
    aws.cloud.refusals["DescribeStackResources"] = denied("cloudformation:DescribeStackResources")
    assert install(aws.session, REGION, request()) is DeploymentOutcome.DONE
    assert "cannot check whether macro name ImagePinner is in use" in aws.console.text


def test_two_macros_with_different_names_can_be_installed(aws: Scene) -> None:
    install(aws.session, REGION, request())
    other = request(stack_name="next", parameters={"MacroName": "ImagePinner-v2"})
    assert install(aws.session, REGION, other) is DeploymentOutcome.DONE


@pytest.mark.parametrize(
    ("bucket", "words"),
    [
        (
            FakeBucket("us-east-1"),
            f"bucket {BUCKET} is in us-east-1, and Lambda in {REGION} reads code from its own",
        ),
        (FakeBucket(REGION, owner="999988887777"), f"does not belong to account {ACCOUNT}, or {CALLER} is not allowed"),
    ],
)
@pytest.mark.parametrize("named", ["", BUCKET])
def test_a_bucket_that_is_not_ours_is_not_used(aws: Scene, bucket: FakeBucket, words: str, named: str) -> None:
    aws.s3.buckets[BUCKET] = bucket
    with pytest.raises(ConfigurationError) as caught:
        install(aws.session, REGION, request(bucket=named))
    assert words in caught.value.cause
    assert aws.cloud.operations() == []
    assert (bucket.objects, bucket.settings) == ({}, {})


def test_a_bucket_that_redirects_to_another_region_is_not_used(aws: Scene) -> None:
    aws.s3.refusals["HeadBucket"] = Refusal("301", "Moved Permanently", 301)
    with pytest.raises(ConfigurationError, match="is in another region"):
        install(aws.session, REGION, request(bucket="mine"))


def test_a_bucket_that_the_user_named_is_not_created(aws: Scene) -> None:
    with pytest.raises(ConfigurationError, match="bucket mine does not exist"):
        install(aws.session, REGION, request(bucket="mine"))
    assert aws.s3.buckets == {}


def test_other_content_under_the_key_of_the_code_is_not_installed(aws: Scene) -> None:
    aws.s3.buckets[BUCKET] = FakeBucket(REGION)
    aws.s3.buckets[BUCKET].put(code().key, b"evil", "AAAA")
    with pytest.raises(SourceError, match="does not contain this package"):
        install(aws.session, REGION, request())


@pytest.mark.parametrize("operation", ["CreateChangeSet", "ExecuteChangeSet", "DescribeStacks"])
def test_a_missing_permission_is_reported_with_the_caller(aws: Scene, operation: str) -> None:
    aws.cloud.refusals[operation] = denied(f"cloudformation:{operation}")
    with pytest.raises(AwsApiError) as caught:
        install(aws.session, REGION, request())
    assert caught.value.cause == (
        f"{CALLER} is not allowed to call cloudformation:{operation} on arn:aws:x:::y,"
        " because no identity-based policy allows the action"
    )
    assert caught.value.help.startswith(f"allow cloudformation:{operation} for {CALLER}")
    assert aws.cloud.stacks == [] or aws.cloud.stacks[0].status == "DELETE_COMPLETE"


def test_a_denial_by_the_organization_is_reported_as_such(aws: Scene) -> None:
    because = "with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-1/p-1"
    aws.cloud.refusals["CreateChangeSet"] = denied("cloudformation:CreateChangeSet", because)
    with pytest.raises(AwsApiError) as caught:
        install(aws.session, REGION, request())
    assert "service control policy" in caught.value.cause
    assert caught.value.help.startswith("the organization denies it")


def test_a_missing_capability_is_reported_in_the_words_of_cloudformation(aws: Scene) -> None:
    text = "Requires capabilities : [CAPABILITY_NAMED_IAM]"
    aws.cloud.refusals["CreateChangeSet"] = Refusal("InsufficientCapabilitiesException", text)
    with pytest.raises(AwsApiError, match=r"CAPABILITY_NAMED_IAM"):
        install(aws.session, REGION, request())


def test_expired_credentials_stop_everything(aws: Scene) -> None:
    aws.answers["sts"] = refusing(Refusal("ExpiredToken", "The security token included in the request is expired", 403))
    with pytest.raises(NotSignedInError, match="have expired") as caught:
        install(aws.session, REGION, request())
    assert "sign in to AWS again" in caught.value.help


def test_a_region_that_is_not_enabled_is_reported(aws: Scene) -> None:
    aws.answers["sts"] = refusing(Refusal("InvalidClientTokenId", "The security token is invalid", 403))
    with pytest.raises(AwsApiError) as caught:
        install(aws.session, "ap-east-1", request())
    assert "STS in ap-east-1 rejected the AWS credentials" in caught.value.cause
    assert "region enabled" in caught.value.help
    assert not isinstance(caught.value, NotSignedInError)


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "CREATE_FAILED"])
def test_a_failed_stack_is_replaced_on_request(aws: Scene, status: str) -> None:
    failed = aws.cloud.stack("image-pinner", status, parameters=OURS)

    assert install(aws.session, REGION, request(replace_failed=True)) is DeploymentOutcome.DONE

    assert failed.status == "DELETE_COMPLETE"
    assert aws.cloud.live("image-pinner").status == "CREATE_COMPLETE"
    assert aws.console.prompts[0] == f"Delete stack image-pinner in {REGION}, which is in {status}?"


def test_a_failed_stack_is_not_replaced_without_confirmation_or_in_a_dry_run(aws: Scene) -> None:
    aws.cloud.stack("image-pinner", "ROLLBACK_COMPLETE", parameters=OURS)
    assert install(aws.session, REGION, request(replace_failed=True, dry_run=True)) is DeploymentOutcome.DRY_RUN
    assert "it would be deleted and created again" in aws.console.text

    aws.console.confirms = False
    with pytest.raises(ConfigurationError, match="ROLLBACK_COMPLETE"):
        install(aws.session, REGION, request(replace_failed=True))
    assert aws.cloud.operations() == []


def test_a_failed_stack_that_cannot_be_deleted_is_reported_with_the_cause(aws: Scene) -> None:
    aws.cloud.stack("image-pinner", "ROLLBACK_FAILED", parameters=OURS)
    aws.cloud.failures = [("Role", "AWS::IAM::Role", "DELETE_FAILED", "Cannot delete entity")]
    aws.cloud.ends_as = "DELETE_FAILED"
    with pytest.raises(SourceError, match=r"is in DELETE_FAILED: Role \(AWS::IAM::Role\): Cannot delete entity"):
        install(aws.session, REGION, request(replace_failed=True))
