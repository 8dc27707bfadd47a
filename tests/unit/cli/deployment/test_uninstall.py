"""Uninstall: not while templates use the macro, and without deleting objects of others."""

from __future__ import annotations

import pytest

from image_pinner.cli.deployment.install import install
from image_pinner.cli.deployment.session import DeploymentOutcome
from image_pinner.cli.deployment.uninstall import MacroInUseError, uninstall
from image_pinner.core.errors import ConfigurationError, SourceError
from support.deployment.fake_clients import Refusal, denied
from support.deployment.scene import BUCKET, REGION, Scene, removal, request

USES_IT = "Transform: ImagePinner\nResources: {A: {Type: X}}"


@pytest.fixture
def installed(aws: Scene) -> Scene:
    install(aws.session, REGION, request())
    aws.cloud.requests.clear()
    aws.console.prompts.clear()
    return aws


def test_a_macro_that_templates_use_is_kept(installed: Scene) -> None:
    for name in ("web-3", "web-1", "web-2"):
        installed.cloud.stack(name, template=USES_IT)
    installed.cloud.stack("other", template="Resources: {}")
    installed.cloud.stack("gone", "DELETE_COMPLETE", template=USES_IT)
    installed.cloud.stack("looked-at", "REVIEW_IN_PROGRESS", template=USES_IT)

    with pytest.raises(MacroInUseError) as caught:
        uninstall(installed.session, REGION, removal())

    assert caught.value.cause == (
        f"macro ImagePinner in {REGION} is used by the templates of 3 stacks: web-1, web-2, web-3"
    )
    assert "--even-if-used" in caught.value.help
    assert installed.cloud.operations() == []
    assert installed.cloud.live("image-pinner").protected


def test_a_template_that_cannot_be_read_may_use_it(installed: Scene) -> None:
    installed.cloud.stack("secret")
    installed.cloud.refusals["GetTemplate"] = denied("cloudformation:GetTemplate")

    with pytest.raises(
        MacroInUseError, match="is possibly used by the templates of 1 stack that could not be inspected: secret"
    ):
        uninstall(installed.session, REGION, removal())

    assert "is not allowed to call cloudformation:GetTemplate" in installed.console.text


def test_a_stack_without_template_may_use_it(installed: Scene) -> None:
    installed.cloud.stack("half-made", template=None)
    with pytest.raises(MacroInUseError, match="1 stack that could not be inspected: half-made"):
        uninstall(installed.session, REGION, removal())
    assert "CloudFormation returned no template" in installed.console.text


def test_a_stack_that_was_deleted_meanwhile_does_not_count(installed: Scene) -> None:
    installed.cloud.stack("hasty")
    installed.cloud.refusals["GetTemplate"] = Refusal("ValidationError", "Stack with id hasty does not exist")
    assert uninstall(installed.session, REGION, removal(dry_run=True)) is DeploymentOutcome.DRY_RUN


def test_a_long_list_is_printed_and_shortened_in_the_message(installed: Scene) -> None:
    for number in range(25):
        installed.cloud.stack(f"web-{number:02}", template=USES_IT)
    with pytest.raises(MacroInUseError, match="web-19 and 5 more"):
        uninstall(installed.session, REGION, removal())
    assert "  web-24" in installed.console.lines


def test_nothing_is_changed_without_confirmation_or_in_a_dry_run(installed: Scene) -> None:
    assert uninstall(installed.session, REGION, removal(dry_run=True)) is DeploymentOutcome.DRY_RUN
    installed.console.confirms = False
    assert uninstall(installed.session, REGION, removal()) is DeploymentOutcome.DECLINED
    assert installed.cloud.operations() == []


def test_a_missing_stack_or_one_from_another_template_is_refused(aws: Scene) -> None:
    with pytest.raises(ConfigurationError, match="there is no stack image-pinner"):
        uninstall(aws.session, REGION, removal())
    aws.cloud.stack("image-pinner", parameters={"Vpc": "x"})
    with pytest.raises(ConfigurationError, match="was not created from ImagePinner's template"):
        uninstall(aws.session, REGION, removal(even_if_used=True))
    assert aws.cloud.operations() == []


def test_a_stack_with_an_operation_in_progress_is_not_changed(installed: Scene) -> None:
    installed.cloud.live("image-pinner").status = "UPDATE_IN_PROGRESS"
    with pytest.raises(ConfigurationError, match="another operation is in progress"):
        uninstall(installed.session, REGION, removal())


def test_a_failed_deletion_is_reported_with_the_cause_and_keeps_the_code(installed: Scene) -> None:
    installed.cloud.failures = [("AuthorsPolicy", "AWS::IAM::ManagedPolicy", "DELETE_FAILED", "Cannot delete a policy")]
    installed.cloud.ends_as = "DELETE_FAILED"
    with pytest.raises(SourceError, match=r"AuthorsPolicy .*: Cannot delete a policy"):
        uninstall(installed.session, REGION, removal(delete_bucket=True))
    assert BUCKET in installed.s3.buckets


def test_the_stack_is_deleted_and_the_bucket_is_kept(installed: Scene) -> None:
    assert uninstall(installed.session, REGION, removal()) is DeploymentOutcome.DONE
    assert installed.cloud.stacks[0].status == "DELETE_COMPLETE"
    assert installed.console.prompts == [f"Delete stack image-pinner with macro ImagePinner in {REGION}?"]
    assert installed.console.lines[-1] == f"{REGION}: uninstalled macro ImagePinner; its log group is kept"
    assert BUCKET in installed.s3.buckets


def test_a_macro_in_use_is_uninstalled_on_request(installed: Scene) -> None:
    installed.cloud.stack("web", template=USES_IT)
    assert uninstall(installed.session, REGION, removal(even_if_used=True)) is DeploymentOutcome.DONE
    assert "  web" in installed.console.lines


def test_the_bucket_is_deleted_with_all_versions_of_the_code(installed: Scene) -> None:
    installed.s3.buckets[BUCKET].put("image-pinner/0.1/old.zip", b"1")
    installed.s3.buckets[BUCKET].put("image-pinner/0.1/old.zip", b"2")
    uninstall(installed.session, REGION, removal(delete_bucket=True))
    assert installed.s3.buckets == {}
    assert installed.console.lines[-1] == f"{REGION}: deleted bucket {BUCKET}"


def test_a_bucket_with_other_objects_is_kept(installed: Scene) -> None:
    installed.s3.buckets[BUCKET].put("theirs", b"1")
    uninstall(installed.session, REGION, removal(delete_bucket=True))
    assert list(installed.s3.buckets[BUCKET].objects) == ["theirs"]
    assert f"kept bucket {BUCKET}: it has 1 other objects" in installed.console.lines[-1]


def test_a_missing_bucket_is_not_an_error(installed: Scene) -> None:
    installed.s3.buckets.clear()
    assert uninstall(installed.session, REGION, removal(delete_bucket=True)) is DeploymentOutcome.DONE
    assert installed.console.lines[-1].endswith(f"bucket {BUCKET} does not exist")
