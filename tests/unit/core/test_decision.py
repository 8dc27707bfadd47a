from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from image_pinner.core.decision import Decision, KeptTag, Pinned, decide, make_plan
from image_pinner.core.images.lookups import OCI_INDEX, NotFound, Origin, Resolution, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.references import Digest
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.policies.explicit_tag import ExplicitTag
from image_pinner.core.policies.interface import Allowed, Denied, JudgedImage, Policy, Verdict
from image_pinner.core.template.find import find_images
from image_pinner.core.template.problems import ProblemKind
from image_pinner.core.template.sites import ScanSettings
from support.images import HEX
from support.templates import ABSENT, DOWN, UNFIT, template_of

FOUND = Resolved(Digest(f"sha256:{HEX}"), OCI_INDEX, Origin("fake", "x"), warnings=("it is old",))


class Deny:
    id = "deny"
    needs: frozenset[str] = frozenset()

    def judge(self, image: JudgedImage) -> Verdict:
        return Denied(f"{image.reference} is forbidden", "Ask the operator")


class Warn:
    id = "warn"
    needs: frozenset[str] = frozenset()

    def judge(self, image: JudgedImage) -> Verdict:
        return Allowed(f"digest {'known' if image.resolved else 'unknown'}")


def decided(image: Any, resolution: Resolution | None, *policies: Policy, params: Any = None) -> Decision:
    template = template_of(image)
    scope = Scope.of_template(template, {}, region="", account_id="")
    plan = make_plan(find_images(template, params or {}, scope, ScanSettings()).pinned)
    answers = {lookup: resolution for lookup in plan.lookups if resolution}
    return decide(plan, answers, policies, {})


@pytest.mark.parametrize("resolution", [ABSENT, UNFIT, DOWN])
def test_without_a_digest_there_is_a_problem_with_the_words_of_the_source(
    resolution: NotFound | Unsuitable | Unavailable,
) -> None:
    ((problem,), ()) = (
        decided("!PinDigest nginx:1", resolution).problems,
        decided("!PinDigest nginx:1", resolution).outcomes,
    )
    assert (problem.kind, problem.cause, problem.help) == (ProblemKind.LOOKUP, resolution.cause, resolution.help)
    assert problem.image == "nginx:1"


def test_without_an_answer_there_is_a_problem() -> None:
    assert [problem.cause for problem in decided("!PinDigest nginx:1", None).problems] == [
        "internal error: the lookup has no result"
    ]


def test_a_policy_that_denies_beats_a_digest() -> None:
    decision = decided("!PinDigest nginx:1", FOUND, Deny())
    assert decision.outcomes == ()
    assert [(problem.kind, problem.cause) for problem in decision.problems] == [
        (ProblemKind.POLICY, "nginx:1 is forbidden")
    ]


def test_what_every_policy_denies_and_what_no_source_knows_is_told_together() -> None:
    decision = decided("!PinDigest nginx", ABSENT, Deny(), ExplicitTag())
    assert [problem.cause for problem in decision.problems] == [
        "nginx is forbidden",
        "image 'nginx' has no tag or digest",
        "there is no such tag",
    ]


def test_a_denied_image_does_not_keep_its_tag() -> None:
    decision = decided("!PinDigest WhenMissing=KeepTag nginx:1", ABSENT, Deny())
    assert decision.outcomes == ()
    assert len(decision.problems) == 1


@pytest.mark.parametrize(("resolution", "kept"), [(ABSENT, True), (UNFIT, False), (DOWN, False)])
def test_only_what_does_not_exist_keeps_its_tag(resolution: NotFound | Unsuitable | Unavailable, kept: bool) -> None:  # noqa: FBT001
    decision = decided("!PinDigest WhenMissing=KeepTag nginx:1", resolution)
    assert [isinstance(outcome, KeptTag) for outcome in decision.outcomes] == ([True] if kept else [])
    assert bool(decision.problems) is not kept


def test_a_resolved_image_is_pinned_with_all_warnings() -> None:
    (outcome,) = decided("!PinDigest nginx:1", FOUND, Warn()).outcomes
    assert isinstance(outcome, Pinned)
    assert outcome.text == f"nginx@sha256:{HEX}"
    assert outcome.warnings == ("it is old", "digest known")


def test_an_image_that_names_its_digest_is_judged_and_pinned_to_it() -> None:
    (outcome,) = decided(f"!PinDigest nginx:1@sha256:{HEX}", None, Warn()).outcomes
    assert isinstance(outcome, Pinned)
    assert (outcome.text, outcome.resolved) == (f"nginx@sha256:{HEX}", None)
    assert outcome.warnings == ("digest unknown",)


def test_a_text_longer_than_its_place_takes_is_a_problem() -> None:
    (problem,) = decided(f"!PinDigest example.com/{'a' * 250}:1", FOUND).problems
    assert problem.cause == "the image is 262 characters long before the @; AWS::ECS::TaskDefinition allows 255"
    assert problem.kind is ProblemKind.TEMPLATE


OTHER = "1" * 64
TAGGED = f"nginx:1@sha256:{HEX}"
MOVED = replace(FOUND, digest=Digest(f"sha256:{OTHER}"))
CHILD = replace(MOVED, warnings=(), origin=Origin("fake", "x", index=Digest(f"sha256:{HEX}")))


def test_a_tag_that_has_moved_away_from_its_digest_is_an_error_where_that_is_asked_for() -> None:
    decision = decided(f"!PinDigest WhenMoved=Fail {TAGGED}", MOVED)
    assert decision.outcomes == ()
    ((problem),) = decision.problems
    assert problem.kind is ProblemKind.LOOKUP
    assert f"tag '1' now points to sha256:{OTHER}, not to the digest after it" in problem.cause


@pytest.mark.parametrize("resolution", [ABSENT, UNFIT, DOWN])
def test_a_tag_that_nobody_can_tell_about_is_an_error_where_that_is_asked_for(
    resolution: NotFound | Unsuitable | Unavailable,
) -> None:
    (problem,) = decided(f"!PinDigest WhenMoved=Fail {TAGGED}", resolution).problems
    assert problem.cause == f"cannot check whether the tag still points to the digest: {resolution.cause}"
    assert problem.help == resolution.help


@pytest.mark.parametrize(
    ("resolution", "warning"),
    [
        (MOVED, f"now points to sha256:{OTHER}, not"),
        (ABSENT, "cannot check whether"),
        (DOWN, "cannot check whether"),
    ],
)
def test_a_digest_beside_a_tag_is_kept_and_a_tag_that_does_not_agree_is_told(
    resolution: Resolution, warning: str
) -> None:
    (outcome,) = decided(f"!PinDigest {TAGGED}", resolution).outcomes
    assert isinstance(outcome, Pinned)
    assert outcome.text == f"nginx@sha256:{HEX}"
    assert outcome.resolved is None
    assert [warning in text for text in outcome.warnings] == [True]


@pytest.mark.parametrize("resolution", [replace(FOUND, warnings=()), CHILD])
@pytest.mark.parametrize("option", ["", "WhenMoved=Fail "])
def test_a_digest_that_its_tag_still_points_to_is_kept_without_a_word(resolution: Resolved, option: str) -> None:
    decision = decided(f"!PinDigest {option}{TAGGED}", resolution)
    assert decision.problems == ()
    assert [(type(outcome), getattr(outcome, "warnings", None)) for outcome in decision.outcomes] == [(Pinned, ())]


def test_what_is_known_of_a_moved_tag_is_not_judged_for_the_digest_that_stays() -> None:
    (outcome,) = decided(f"!PinDigest {TAGGED}", MOVED, Warn()).outcomes
    assert isinstance(outcome, Pinned)
    assert outcome.warnings[0] == "digest unknown"
    assert "it is old" not in outcome.warnings
