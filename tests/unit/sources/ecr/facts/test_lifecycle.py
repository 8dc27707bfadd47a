"""The fact `lifecycle`: policies, images by pages, previews by ECR, and their failures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from image_pinner.core.gates.interface import Fact, Need, UnknownFact
from image_pinner.core.gates.lifecycle import LIFECYCLE, PREVIEW, RULES, ImageLifecycle, Preview
from image_pinner.core.images.lifecycle import LifecycleAction, RepositoryImage
from image_pinner.core.images.references import Digest
from image_pinner.sources.ecr.facts import lifecycle
from support.ecr_api import ACCOUNT, NOW, ApiError, EcrApi, denied, digest, subject
from support.ecr_facts import SimulatedTime, child, facts_of, values_of

BY_RULES, BY_PREVIEW = Need(LIFECYCLE, frozenset({RULES})), Need(LIFECYCLE, frozenset({PREVIEW}))
BY_BOTH = Need(LIFECYCLE, frozenset({PREVIEW, RULES}))
POLICY = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "description": "Remove untagged images",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": 14,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)
NO_POLICY = ApiError("LifecyclePolicyNotFoundException")
IN_PROGRESS = ApiError("LifecyclePolicyPreviewInProgressException")


def get_policy(_: Mapping[str, Any]) -> dict[str, Any]:
    return {"registryId": ACCOUNT, "lifecyclePolicyText": POLICY, "lastEvaluatedAt": NOW}


def detail(number: int, age: int = 1, **others: Any) -> dict[str, Any]:
    return {"imageDigest": digest(number), "imagePushedAt": NOW - timedelta(days=age), **others}


def repository(**answers: Any) -> EcrApi:
    """Return an ECR with a repository that has a policy and four images."""
    details = [detail(number, age=number, imageTags=[f"v{number}"]) for number in range(4)]
    known = {"GetLifecyclePolicy": get_policy, "DescribeImages": lambda _: {"imageDetails": details}}
    return EcrApi(known | answers)


def start_preview(_: Mapping[str, Any]) -> dict[str, Any]:
    return {"registryId": ACCOUNT, "lifecyclePolicyText": POLICY, "status": "IN_PROGRESS"}


def previewing(*statuses: str, action: str = "EXPIRE", policy: str = POLICY, **answers: Any) -> EcrApi:
    """Return an ECR whose preview has these statuses in turn, and acts on the image 1."""
    remaining = list(statuses)

    def get_preview(request: Mapping[str, Any]) -> dict[str, Any]:
        status = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        acts = status == "COMPLETE" and {"imageDigest": digest(1)} in request["imageIds"]
        result = {"imageDigest": digest(1), "action": {"type": action}, "appliedRulePriority": 7}
        return {"lifecyclePolicyText": policy, "status": status, "previewResults": [result] if acts else []}

    answers = {"StartLifecyclePolicyPreview": start_preview, "GetLifecyclePolicyPreview": get_preview} | answers
    return repository(**answers)


class TestRules:
    def test_a_denied_request_names_its_action(self) -> None:
        for operation, action in (
            ("GetLifecyclePolicy", "ecr:GetLifecyclePolicy"),
            ("DescribeImages", "ecr:DescribeImages"),
        ):
            (unknown,) = facts_of(repository(**{operation: denied(action)}), BY_RULES, subject())
            assert isinstance(unknown, UnknownFact)
            assert unknown.cause.startswith(
                f"{action} is denied on arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
            )
            assert f"allow {action}" in unknown.help
            assert unknown.source == action

    def test_a_repository_without_a_policy_needs_no_images(self) -> None:
        api = repository(GetLifecyclePolicy=NO_POLICY)
        for need in (BY_RULES, BY_PREVIEW, BY_BOTH):
            assert facts_of(api, need, subject()) == [
                Fact(ImageLifecycle(), "ecr:GetLifecyclePolicy in us-east-1", "2026-11-30T12:00:00Z")
            ]
        assert api.operations() == ["GetLifecyclePolicy"] * 3

    def test_the_rules_and_the_images_are_read(self) -> None:
        (fact,) = facts_of(repository(), BY_RULES, subject(2))
        assert isinstance(fact, Fact)
        assert fact.source == "ecr:GetLifecyclePolicy and ecr:DescribeImages in us-east-1"
        evaluation = fact.value.evaluation
        assert evaluation.image == RepositoryImage(digest(2), ("v2",), (NOW - timedelta(days=2)).timestamp())
        assert (evaluation.parent, evaluation.now) == (None, NOW.timestamp())
        untagged = evaluation.image._replace(tags=())
        assert evaluation.policy.find_action(untagged, NOW.timestamp() + 13 * 86400) == LifecycleAction("expire", 1)
        assert fact.value.preview is None

    def test_the_times_of_pulls_and_restorations_are_read(self) -> None:
        pulled, restored = NOW - timedelta(days=3), NOW - timedelta(days=2)
        details = [detail(1, lastRecordedPullTime=pulled, lastActivatedAt=restored, imageStatus="ACTIVE")]
        api = repository(DescribeImages=lambda _: {"imageDetails": details})
        (fact,) = facts_of(api, BY_RULES, subject(1))
        assert isinstance(fact, Fact)
        image = fact.value.evaluation.image
        assert (image.tags, image.pulled_at, image.restored_at) == ((), pulled.timestamp(), restored.timestamp())

    def test_the_index_of_a_manifest_is_found(self) -> None:
        (fact,) = facts_of(repository(), BY_RULES, child(Digest(digest(3))))
        assert isinstance(fact, Fact)
        assert fact.value.evaluation.parent.digest == digest(3)

    def test_an_image_that_does_not_exist_is_unknown_and_others_are_not(self) -> None:
        known, unknown = facts_of(repository(), BY_RULES, subject(1), subject(9))
        assert isinstance(known, Fact)
        assert isinstance(unknown, UnknownFact)
        assert "has no image with the digest" in unknown.cause

    def test_a_policy_with_unknown_rules_is_unknown(self) -> None:
        policy = POLICY.replace("sinceImagePushed", "sinceFullMoon")
        api = repository(GetLifecyclePolicy=lambda _: {"lifecyclePolicyText": policy})
        (unknown,) = facts_of(api, BY_RULES, subject())
        assert isinstance(unknown, UnknownFact)
        assert unknown.cause == "the lifecycle policy has a rule that this version does not know"

    def test_a_repository_is_read_once_for_all_its_images_in_pages_of_a_thousand(self) -> None:
        def pages(request: Mapping[str, Any]) -> dict[str, Any]:
            number = int(request.get("nextToken", "0"))
            page = {"imageDetails": [detail(one) for one in range(number * 100, number * 100 + 100)]}
            return page | ({"nextToken": str(number + 1)} if number < 2 else {})

        api = repository(DescribeImages=pages)
        facts = facts_of(api, BY_RULES, *(subject(number) for number in range(200)))
        assert all(isinstance(fact, Fact) for fact in facts)
        assert api.operations() == ["GetLifecyclePolicy", *["DescribeImages"] * 3]
        assert {request.get("maxResults") for name, request in api.requests if name == "DescribeImages"} == {1000}

    def test_a_repository_with_too_many_images_is_unknown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lifecycle, "MAX_IMAGES", 3)
        (unknown,) = facts_of(repository(), BY_RULES, subject())
        assert isinstance(unknown, UnknownFact)
        assert unknown.cause.endswith("has more than 3 images, too many to evaluate its lifecycle policy")
        assert unknown.help == "set lifecycle.preview=true to let ECR evaluate it"


class TestPreview:
    @pytest.mark.parametrize(
        ("operation", "action"),
        [
            ("StartLifecyclePolicyPreview", "ecr:StartLifecyclePolicyPreview"),
            ("GetLifecyclePolicyPreview", "ecr:GetLifecyclePolicyPreview"),
        ],
    )
    def test_a_denied_request_names_its_action(self, operation: str, action: str) -> None:
        (unknown,) = facts_of(previewing("COMPLETE", **{operation: denied(action)}), BY_PREVIEW, subject())
        assert isinstance(unknown, UnknownFact)
        assert unknown.cause.startswith(f"{action} is denied on ")
        assert unknown.source == action

    def test_every_action_is_known(self) -> None:
        for value in values_of("ImageActionType"):
            acting, kept = facts_of(previewing("COMPLETE", action=value), BY_PREVIEW, subject(1), subject(2))
            assert isinstance(acting, Fact)
            assert isinstance(kept, Fact)
            assert acting.value == ImageLifecycle(Preview(LifecycleAction(value.lower(), 7)))
            assert kept.value == ImageLifecycle(Preview(None))
        assert values_of("ImageActionType") == {"EXPIRE", "TRANSITION"}

    def test_every_status_leads_to_a_fact(self) -> None:
        for status in values_of("LifecyclePolicyPreviewStatus") - {"IN_PROGRESS"}:
            api = previewing("IN_PROGRESS", "IN_PROGRESS", status)
            time = SimulatedTime()
            (fact,) = facts_of(api, BY_PREVIEW, subject(1), time=time)
            assert isinstance(fact, Fact)
            assert time.pauses == [2.0, 2.0]
            # A preview that failed or expired is replaced by an evaluation.
            assert (fact.value.preview is None) is (status in {"FAILED", "EXPIRED"})
            assert (fact.value.evaluation is None) is (status == "COMPLETE")
        assert values_of("LifecyclePolicyPreviewStatus") == {"IN_PROGRESS", "COMPLETE", "EXPIRED", "FAILED"}

    def test_a_preview_alone_does_not_list_the_images(self) -> None:
        api = previewing("COMPLETE")
        facts_of(api, BY_PREVIEW, *(subject(number) for number in range(150)))
        assert api.operations() == [
            "GetLifecyclePolicy",
            "StartLifecyclePolicyPreview",
            "GetLifecyclePolicyPreview",
            "GetLifecyclePolicyPreview",
        ]
        assert [len(request["imageIds"]) for _, request in api.requests[2:]] == [100, 50]

    def test_a_preview_that_does_not_end_is_unknown_at_the_deadline(self) -> None:
        time = SimulatedTime()
        (unknown,) = facts_of(previewing("IN_PROGRESS"), BY_PREVIEW, subject(), time=time, limit=20)
        assert isinstance(unknown, UnknownFact)
        assert unknown.cause.startswith("the preview of the lifecycle policy is in progress in the ECR repository")
        assert unknown.help == "retry in a minute"
        assert time.seconds <= 19

    def test_another_preview_must_end_first(self) -> None:
        errors = [IN_PROGRESS, IN_PROGRESS]

        def start(request: Mapping[str, Any]) -> dict[str, Any]:
            if errors:
                raise errors.pop()
            return start_preview(request)

        api, time = previewing("COMPLETE", StartLifecyclePolicyPreview=start), SimulatedTime()
        (fact,) = facts_of(api, BY_PREVIEW, subject(1), time=time)
        assert isinstance(fact, Fact)
        assert fact.value.preview == Preview(LifecycleAction("expire", 7))
        assert time.pauses == [2.0, 2.0]

    def test_another_preview_that_does_not_end_is_unknown_at_the_deadline(self) -> None:
        api = previewing("COMPLETE", StartLifecyclePolicyPreview=IN_PROGRESS)
        (unknown,) = facts_of(api, BY_PREVIEW, subject(), limit=20)
        assert isinstance(unknown, UnknownFact)
        assert unknown.cause.startswith("another preview of the lifecycle policy is in progress in ")

    def test_a_preview_of_another_policy_is_replaced_by_an_evaluation(self) -> None:
        (fact,) = facts_of(previewing("COMPLETE", policy=POLICY.replace("14", "1")), BY_PREVIEW, subject(1))
        assert isinstance(fact, Fact)
        assert fact.value.preview is None
        assert fact.value.evaluation is not None

    def test_a_preview_that_is_gone_is_replaced_by_an_evaluation(self) -> None:
        gone = ApiError("LifecyclePolicyPreviewNotFoundException")
        (fact,) = facts_of(previewing("COMPLETE", GetLifecyclePolicyPreview=gone), BY_PREVIEW, subject(1))
        assert isinstance(fact, Fact)
        assert fact.value.preview is None
        assert fact.value.evaluation is not None

    def test_a_manifest_has_the_preview_of_its_index(self) -> None:
        removed, kept = facts_of(
            previewing("COMPLETE"), BY_PREVIEW, child(Digest(digest(1)), 2), child(Digest(digest(3)), 1)
        )
        assert isinstance(removed, Fact)
        assert isinstance(kept, Fact)
        assert removed.value.preview.action == LifecycleAction("expire", 7)
        assert kept.value.preview.action is None

    def test_the_rules_are_read_after_the_preview_for_the_future(self) -> None:
        (fact,) = facts_of(previewing("COMPLETE"), BY_BOTH, subject(1))
        assert isinstance(fact, Fact)
        assert fact.value.preview == Preview(LifecycleAction("expire", 7))
        assert fact.value.evaluation.image.digest == digest(1)

    def test_without_the_rules_the_preview_does_not_count(self) -> None:
        api = previewing("COMPLETE", DescribeImages=denied("ecr:DescribeImages"))
        (unknown,) = facts_of(api, BY_BOTH, subject(1))
        assert isinstance(unknown, UnknownFact)
        assert unknown.cause.startswith("ecr:DescribeImages is denied on ")
