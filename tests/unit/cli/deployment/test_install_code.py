"""The code that runs is the package: its object has a version, its hash is bound, and Lambda's report is compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from image_pinner.cli.deployment.install import install
from image_pinner.cli.deployment.session import DeploymentOutcome
from image_pinner.core.errors import SourceError
from support.deployment.fake_clients import denied
from support.deployment.fake_s3 import FakeBucket
from support.deployment.scene import BUCKET, REGION, Scene, code, request


def test_an_object_with_other_content_under_our_key_is_refused(aws: Scene) -> None:
    install(aws.session, REGION, request())
    aws.s3.buckets[BUCKET].put(code().key, b"replaced", code(b"replaced").checksum)
    aws.cloud.requests.clear()

    with pytest.raises(SourceError, match="does not contain this package"):
        install(aws.session, REGION, request(parameters={"Pin": "All"}))
    assert aws.cloud.operations() == []


def test_a_stack_that_changed_after_the_confirmation_is_not_changed(aws: Scene) -> None:
    install(aws.session, REGION, request())
    changed_meanwhile = aws.console.confirm

    def confirm(prompt: str) -> bool:
        aws.cloud.more_changes = 1
        return changed_meanwhile(prompt)

    aws.console.confirm = confirm  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="was changed by another operation"):
        install(aws.session, REGION, request(code=code(b"new")))
    assert "ExecuteChangeSet" not in aws.cloud.operations()[-4:]
    assert aws.cloud.change_sets == {}


def test_the_stack_names_the_version_and_the_hash_of_the_uploaded_object(aws: Scene) -> None:
    install(aws.session, REGION, request())

    parameters = aws.cloud.live("image-pinner").parameters
    (version, _, checksum) = aws.s3.buckets[BUCKET].objects[code().key][-1]
    assert parameters["CodeObjectVersion"] == version != "null"
    assert parameters["CodeSha256"] == checksum == code().checksum


def test_the_executed_change_set_is_the_only_one_left_and_prompts_once(aws: Scene) -> None:
    install(aws.session, REGION, request())
    assert aws.cloud.change_sets == {}
    assert len(aws.console.prompts) == 1
    assert [stack.status for stack in aws.cloud.stacks] == ["CREATE_COMPLETE"]


def test_an_object_that_is_uploaded_already_needs_no_second_change_set(aws: Scene) -> None:
    install(aws.session, REGION, request())
    aws.cloud.requests.clear()

    assert install(aws.session, REGION, request(parameters={"Pin": "All"})) is DeploymentOutcome.DONE

    assert aws.cloud.operations() == ["CreateChangeSet", "ExecuteChangeSet"]


def test_a_bucket_of_the_user_without_versions_is_bound_by_the_hash_alone(aws: Scene) -> None:
    aws.s3.buckets["mine"] = FakeBucket(REGION)
    install(aws.session, REGION, request(bucket="mine"))
    parameters = aws.cloud.live("image-pinner").parameters
    assert (parameters["CodeObjectVersion"], parameters["CodeSha256"]) == ("", code().checksum)


def test_a_caller_who_may_not_read_the_function_is_warned(aws: Scene) -> None:
    def refuse(_operation: str, _given: Mapping[str, Any]) -> dict[str, Any]:
        raise denied("lambda:GetFunctionConfiguration")

    aws.answers["lambda"] = refuse
    assert install(aws.session, REGION, request()) is DeploymentOutcome.DONE
    assert "cannot check the code of version 1: " in aws.console.text
