"""Taking the macro away: not while somebody needs it, and nothing of others with it."""

from __future__ import annotations

import pytest

from image_pinner.cli.deployment.installing import install
from image_pinner.cli.deployment.requests import Outcome
from image_pinner.cli.deployment.uninstalling import Removal, StillNeeded, uninstall
from image_pinner.core.errors import ConfigurationError, SourceError
from unit.cli.deployment.answering_clients import Refusal, denied
from unit.cli.deployment.installations import BUCKET, REGION, Scene, request

NAMES_IT = "Transform: ImagePinner\nResources: {A: {Type: X}}"


@pytest.fixture
def installed(aws: Scene) -> Scene:
    install(aws.surroundings, REGION, request())
    aws.cloud.asked.clear()
    aws.told.questions.clear()
    return aws


def test_a_macro_that_templates_name_stays(installed: Scene) -> None:
    for name in ("web-3", "web-1", "web-2"):
        installed.cloud.stack(name, template=NAMES_IT)
    installed.cloud.stack("other", template="Resources: {}")
    installed.cloud.stack("gone", "DELETE_COMPLETE", template=NAMES_IT)
    installed.cloud.stack("looked-at", "REVIEW_IN_PROGRESS", template=NAMES_IT)

    with pytest.raises(StillNeeded) as caught:
        uninstall(installed.surroundings, REGION, Removal())

    assert caught.value.cause == (
        f"the macro ImagePinner in {REGION} is named by the templates of 3 stacks: web-1, web-2, web-3"
    )
    assert "--even-if-used" in caught.value.help
    assert installed.cloud.operations() == []
    assert installed.cloud.live("image-pinner").protected


def test_a_template_that_cannot_be_had_might_name_it(installed: Scene) -> None:
    installed.cloud.stack("secret")
    installed.cloud.refusals["GetTemplate"] = denied("cloudformation:GetTemplate")

    with pytest.raises(
        StillNeeded, match="is perhaps named by the templates of 1 stack that could not be read: secret"
    ):
        uninstall(installed.surroundings, REGION, Removal())

    assert "may not cloudformation:GetTemplate" in installed.told.text


def test_a_stack_of_which_the_service_gives_no_template_might_name_it(installed: Scene) -> None:
    installed.cloud.stack("half-made", template=None)
    with pytest.raises(StillNeeded, match="1 stack that could not be read: half-made"):
        uninstall(installed.surroundings, REGION, Removal())
    assert "its template could not be had" in installed.told.text


def test_a_stack_that_went_in_the_meantime_does_not_count(installed: Scene) -> None:
    installed.cloud.stack("hasty")
    installed.cloud.refusals["GetTemplate"] = Refusal("ValidationError", "Stack with id hasty does not exist")
    assert uninstall(installed.surroundings, REGION, Removal(dry_run=True)) is Outcome.SHOWN


def test_a_long_list_is_told_in_lines_and_cut_in_the_message(installed: Scene) -> None:
    for number in range(25):
        installed.cloud.stack(f"web-{number:02}", template=NAMES_IT)
    with pytest.raises(StillNeeded, match="web-19 and 5 more"):
        uninstall(installed.surroundings, REGION, Removal())
    assert "  web-24" in installed.told.lines


def test_who_does_not_agree_or_only_looks_keeps_it(installed: Scene) -> None:
    assert uninstall(installed.surroundings, REGION, Removal(dry_run=True)) is Outcome.SHOWN
    installed.told.agreeing = False
    assert uninstall(installed.surroundings, REGION, Removal()) is Outcome.DECLINED
    assert installed.cloud.operations() == []


def test_a_stack_that_is_not_ours_or_not_there_is_told(aws: Scene) -> None:
    with pytest.raises(ConfigurationError, match="there is no stack image-pinner"):
        uninstall(aws.surroundings, REGION, Removal())
    aws.cloud.stack("image-pinner", parameters={"Vpc": "x"})
    with pytest.raises(ConfigurationError, match="was not made from ImagePinner's template"):
        uninstall(aws.surroundings, REGION, Removal(even_if_used=True))
    assert aws.cloud.operations() == []


def test_a_stack_that_somebody_changes_is_left(installed: Scene) -> None:
    installed.cloud.live("image-pinner").status = "UPDATE_IN_PROGRESS"
    with pytest.raises(ConfigurationError, match="somebody else changes it"):
        uninstall(installed.surroundings, REGION, Removal())


def test_a_deletion_that_fails_says_why_and_keeps_the_code(installed: Scene) -> None:
    installed.cloud.failures = [("AuthorsPolicy", "AWS::IAM::ManagedPolicy", "DELETE_FAILED", "Cannot delete a policy")]
    installed.cloud.ends_as = "DELETE_FAILED"
    with pytest.raises(SourceError, match=r"AuthorsPolicy .*: Cannot delete a policy"):
        uninstall(installed.surroundings, REGION, Removal(delete_bucket=True))
    assert BUCKET in installed.s3.buckets


def test_the_stack_goes_and_the_bucket_stays(installed: Scene) -> None:
    assert uninstall(installed.surroundings, REGION, Removal()) is Outcome.DONE
    assert installed.cloud.stacks[0].status == "DELETE_COMPLETE"
    assert installed.told.questions == [f"Delete the stack image-pinner with the macro ImagePinner in {REGION}?"]
    assert installed.told.lines[-1] == f"{REGION}: the macro ImagePinner is gone; its log stays"
    assert BUCKET in installed.s3.buckets


def test_a_macro_in_use_goes_when_told_to(installed: Scene) -> None:
    installed.cloud.stack("web", template=NAMES_IT)
    assert uninstall(installed.surroundings, REGION, Removal(even_if_used=True)) is Outcome.DONE
    assert "  web" in installed.told.lines


def test_the_bucket_goes_with_all_versions_of_the_code(installed: Scene) -> None:
    installed.s3.buckets[BUCKET].put("image-pinner/0.1/old.zip", b"1")
    installed.s3.buckets[BUCKET].put("image-pinner/0.1/old.zip", b"2")
    uninstall(installed.surroundings, REGION, Removal(delete_bucket=True))
    assert installed.s3.buckets == {}
    assert installed.told.lines[-1] == f"{REGION}: the bucket {BUCKET} is deleted"


def test_what_others_keep_in_the_bucket_stays_and_the_bucket_with_it(installed: Scene) -> None:
    installed.s3.buckets[BUCKET].put("theirs", b"1")
    uninstall(installed.surroundings, REGION, Removal(delete_bucket=True))
    assert list(installed.s3.buckets[BUCKET].objects) == ["theirs"]
    assert "is kept, since 1 objects of others are in it" in installed.told.lines[-1]


def test_a_bucket_that_is_gone_already_is_no_failure(installed: Scene) -> None:
    installed.s3.buckets.clear()
    assert uninstall(installed.surroundings, REGION, Removal(delete_bucket=True)) is Outcome.DONE
    assert installed.told.lines[-1].endswith("is gone already")
