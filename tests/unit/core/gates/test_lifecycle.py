"""The gate `lifecycle`, and the keep-tags that it requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.core.gates.configuration import parse_gates
from image_pinner.core.gates.enabled import GateResult
from image_pinner.core.gates.interface import Facts, Need, Seen, Subject, UnknownFact
from image_pinner.core.gates.lifecycle import (
    LIFECYCLE,
    Evaluation,
    ImageLifecycle,
    Lifecycle,
    Preview,
    find_missing_keep_tags,
    keep_tag_of,
    note_missing_keep_tags,
)
from image_pinner.core.images.lifecycle import LifecycleAction, LifecyclePolicy, RepositoryImage
from image_pinner.core.images.references import ImageReference
from support.gates import SOURCE, TIME, fact_of, judged

DAY = 86_400
NOW = 100.0 * DAY
DIGEST, PARENT = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
KEEP_TAG = f"image-pinner-keep-{'1' * 12}"
KEPT = "kept by the lifecycle policy"
EXPIRING, ARCHIVING = LifecycleAction("expire", 2), LifecycleAction("transition", 3)

KEEP = {
    "rulePriority": 1,
    "selection": {
        "tagStatus": "tagged",
        "tagPatternList": ["image-pinner-keep-*"],
        "countType": "imageCountMoreThan",
        "countNumber": 9999,
    },
    "action": {"type": "expire"},
}
UNTAGGED = {
    "rulePriority": 2,
    "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
    "action": {"type": "expire"},
}
ARCHIVE = {
    "rulePriority": 3,
    "selection": {
        "tagStatus": "any",
        "storageClass": "standard",
        "countType": "sinceImagePulled",
        "countUnit": "days",
        "countNumber": 60,
    },
    "action": {"type": "transition", "targetStorageClass": "archive"},
}


def image(digest: str = DIGEST, *tags: str, age: float = 1) -> RepositoryImage:
    return RepositoryImage(digest, tags, NOW - age * DAY)


NEW = image()


def evaluated(
    *rules: dict[str, Any], image: RepositoryImage = NEW, parent: RepositoryImage | None = None
) -> ImageLifecycle:
    images = [image, parent] if parent else [image]
    policy = LifecyclePolicy.of(json.dumps({"rules": rules}), images)
    return ImageLifecycle(None, Evaluation(policy, image, parent, NOW))


def result_of(known: ImageLifecycle | UnknownFact, *entries: str) -> GateResult:
    (enabled,) = parse_gates([*(entries or ("lifecycle.mode=deny",))]).enabled
    return enabled.judge(judged(lifecycle=known if isinstance(known, UnknownFact) else fact_of(known)))


def verdict_of(known: ImageLifecycle | UnknownFact, *entries: str) -> tuple[str, str]:
    result = result_of(known, *entries)
    return result.verdict, result.cause or result.seen.fact


def test_an_image_that_a_rule_removes_is_denied() -> None:
    result = result_of(evaluated(UNTAGGED, image=image(age=15)))
    cause = "rule 2 of the lifecycle policy removes the image"
    assert (result.verdict, result.cause) == ("deny", cause)
    assert result.help == "deploy a newer image, or add a rule with a lower rulePriority that keeps it"
    assert result.seen == Seen(cause, SOURCE, TIME)


def test_the_mode_warn_only_warns() -> None:
    assert verdict_of(evaluated(UNTAGGED, image=image(age=15)), "lifecycle.mode=warn")[0] == "warn"


def test_without_a_policy_the_image_is_allowed() -> None:
    assert verdict_of(ImageLifecycle()) == ("allow", "no lifecycle policy")


def test_an_image_that_the_policy_keeps_is_allowed() -> None:
    assert verdict_of(evaluated(UNTAGGED, image=image(age=13))) == ("allow", KEPT)
    assert verdict_of(evaluated(UNTAGGED, image=image(DIGEST, "v1", age=15))) == ("allow", KEPT)


@pytest.mark.parametrize(("unknown", "verdict"), [("deny", "deny"), ("warn", "warn")])
def test_an_unknown_lifecycle_is_unknown(unknown: str, verdict: str) -> None:
    fact = UnknownFact("ecr:GetLifecyclePolicy is denied", "allow it")
    assert verdict_of(fact, f"lifecycle.unknown={unknown}") == (verdict, f"unknown: {fact.cause}")


class TestWithin:
    def test_rules_by_age_are_evaluated_at_the_end(self) -> None:
        known = evaluated(UNTAGGED, image=image(age=1))
        assert verdict_of(known, "lifecycle.within=14d") == (
            "deny",
            "rule 2 of the lifecycle policy removes the image within 14d",
        )
        assert verdict_of(known, "lifecycle.within=13d") == ("allow", f"{KEPT} within 13d")

    def test_rules_by_count_have_no_future(self) -> None:
        count = {"countType": "imageCountMoreThan", "countNumber": 1, "tagStatus": "any"}
        rule = {"rulePriority": 1, "selection": count, "action": {"type": "expire"}}
        assert verdict_of(evaluated(rule), "lifecycle.within=999d")[0] == "allow"


class TestAsUntagged:
    def test_the_image_is_judged_without_its_tags(self) -> None:
        known = evaluated(UNTAGGED, image=image(DIGEST, "v1", age=15))
        assert verdict_of(known, "lifecycle.as-untagged=true") == (
            "deny",
            "rule 2 of the lifecycle policy removes the image once its tag has moved",
        )
        assert verdict_of(known, "lifecycle.as-untagged=false")[0] == "allow"

    def test_the_image_is_judged_with_its_tags_too(self) -> None:
        selection = UNTAGGED["selection"] | {"tagStatus": "tagged", "tagPatternList": ["v*"]}
        known = evaluated(UNTAGGED | {"selection": selection}, image=image(DIGEST, "v1", age=15))
        assert verdict_of(known, "lifecycle.as-untagged=true") == (
            "deny",
            "rule 2 of the lifecycle policy removes the image",
        )

    def test_a_keep_tag_stays(self) -> None:
        known = evaluated(KEEP, UNTAGGED, image=image(DIGEST, "v1", KEEP_TAG, age=15))
        assert verdict_of(known, "lifecycle.as-untagged=true")[0] == "allow"


class TestArchive:
    def test_archiving_is_allowed_unless_it_counts(self) -> None:
        known = evaluated(ARCHIVE, image=image(age=61))
        assert verdict_of(known) == ("allow", KEPT)
        assert verdict_of(known, "lifecycle.archive=true") == (
            "deny",
            "rule 3 of the lifecycle policy archives the image",
        )


class TestIndex:
    def test_a_manifest_is_protected_by_its_index(self) -> None:
        kept = evaluated(UNTAGGED, image=image(age=15), parent=image(PARENT, "v1", age=15))
        removed = evaluated(UNTAGGED, image=image(age=15), parent=image(PARENT, age=15))
        assert verdict_of(kept)[0] == "allow"
        assert verdict_of(removed)[0] == "deny"


class TestPreview:
    @pytest.mark.parametrize(
        ("action", "entries", "verdict"),
        [
            (EXPIRING, (), ("deny", "rule 2 of the lifecycle policy removes the image now")),
            (ARCHIVING, (), ("allow", KEPT)),
            (ARCHIVING, ("lifecycle.archive=true",), ("deny", "rule 3 of the lifecycle policy archives the image now")),
            (None, (), ("allow", KEPT)),
        ],
    )
    def test_what_ecr_reports_decides(
        self, action: LifecycleAction | None, entries: tuple[str, ...], verdict: tuple[str, str]
    ) -> None:
        assert verdict_of(ImageLifecycle(Preview(action)), "lifecycle.preview=true", *entries) == verdict

    def test_an_unknown_action_denies(self) -> None:
        assert verdict_of(ImageLifecycle(Preview(LifecycleAction("shred", 1))))[0] == "deny"

    def test_the_rules_decide_about_the_future(self) -> None:
        known = evaluated(UNTAGGED, image=image(age=1))._replace(preview=Preview(None))
        assert verdict_of(known, "lifecycle.preview=true", "lifecycle.within=14d")[0] == "deny"
        assert verdict_of(known, "lifecycle.preview=true", "lifecycle.within=1d")[0] == "allow"


@pytest.mark.parametrize(
    ("gate", "how"),
    [
        (Lifecycle(), {"rules"}),
        (Lifecycle(within=DAY, as_untagged="true"), {"rules"}),
        (Lifecycle(preview="true"), {"preview"}),
        (Lifecycle(preview="true", archive="true"), {"preview"}),
        (Lifecycle(preview="true", within=DAY), {"preview", "rules"}),
        (Lifecycle(preview="true", as_untagged="true"), {"preview", "rules"}),
        # A preview does not know the tag that is put later.
        (Lifecycle(preview="true", keep_tag="true"), {"rules"}),
    ],
)
def test_only_what_the_options_need_is_gathered(gate: Lifecycle, how: set[str]) -> None:
    assert gate.needs == {Need(LIFECYCLE, frozenset(how))}


class TestKeepTag:
    ENTRIES = ("lifecycle.keep-tag=true", "lifecycle.as-untagged=true")
    SUBJECT = Subject(ImageReference.parse(f"nginx@{DIGEST}").canonical())

    def test_the_tag_has_twelve_digits_of_the_digest(self) -> None:
        assert keep_tag_of(DIGEST) == KEEP_TAG

    def test_the_image_is_judged_with_its_keep_tag(self) -> None:
        old = image(DIGEST, "v1", age=15)
        assert verdict_of(evaluated(KEEP, UNTAGGED, image=old), *self.ENTRIES)[0] == "allow"

    def test_a_policy_that_does_not_keep_the_tag_is_reported(self) -> None:
        by_age = {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}
        rule = {"rulePriority": 2, "selection": by_age, "action": {"type": "expire"}}
        assert verdict_of(evaluated(rule, image=image(age=15)), *self.ENTRIES)[0] == "deny"

    def test_a_manifest_with_a_keep_tag_outlives_its_index(self) -> None:
        known = evaluated(KEEP, UNTAGGED, image=image(age=15), parent=image(PARENT, age=15))
        assert verdict_of(known, *self.ENTRIES)[0] == "allow"

    def test_images_without_the_tag_are_found(self) -> None:
        gate = Lifecycle(keep_tag="true")
        facts: dict[Subject, Facts] = {self.SUBJECT: {LIFECYCLE: fact_of(evaluated(UNTAGGED))}}
        assert find_missing_keep_tags(gate, facts) == (self.SUBJECT,)
        assert find_missing_keep_tags(Lifecycle(), facts) == ()
        assert find_missing_keep_tags(gate, {self.SUBJECT: {LIFECYCLE: fact_of(ImageLifecycle())}}) == (self.SUBJECT,)

    def test_images_with_the_tag_or_of_an_unknown_lifecycle_get_none(self) -> None:
        gate = Lifecycle(keep_tag="true")
        tagged = evaluated(UNTAGGED, image=image(DIGEST, KEEP_TAG))
        assert find_missing_keep_tags(gate, {self.SUBJECT: {LIFECYCLE: fact_of(tagged)}}) == ()
        assert find_missing_keep_tags(gate, {self.SUBJECT: {LIFECYCLE: UnknownFact("it is denied", "allow it")}}) == ()

    @pytest.mark.parametrize("mode", ["deny", "warn"])
    def test_a_failed_tag_has_the_result_of_the_mode(self, mode: str) -> None:
        facts: dict[Subject, Facts] = {self.SUBJECT: {LIFECYCLE: fact_of(evaluated(KEEP))}}
        failure = UnknownFact("ecr:PutImage is denied", "allow it")
        noted = note_missing_keep_tags(facts, {self.SUBJECT: failure})
        known = noted[self.SUBJECT][LIFECYCLE]
        assert not isinstance(known, UnknownFact)
        # `unknown` is for facts, not for the tag.
        result = result_of(known.value, *self.ENTRIES, f"lifecycle.mode={mode}", "lifecycle.unknown=warn")
        assert (result.verdict, result.cause, result.help) == (mode, failure.cause, failure.help)
        assert result.seen.fact == "no keep-tag"
