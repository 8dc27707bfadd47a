from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.decision import Decision, KeptTag, Pinned, decide
from image_pinner.core.images.digests import Digest
from image_pinner.core.images.resolutions import OCI_INDEX, Missing, Origin, Resolution, Resolved, Unavailable
from image_pinner.core.plan import make_plan
from image_pinner.core.policies.explicit_tag import ExplicitTag
from image_pinner.core.policies.interface import Allowed, Denied, JudgedImage, Policy, Verdict
from image_pinner.core.template.image_sites import Rules
from image_pinner.core.template.problems import ProblemKind
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.sites import find_sites
from unit.small_worlds import ABSENT, DOWN, UNFIT, template_of

HEX = "0" * 64
FOUND = Resolved(Digest(f"sha256:{HEX}"), OCI_INDEX, Origin("fake", "x"), warnings=("it is old",))


class Deny:
    def judge(self, image: JudgedImage) -> Verdict:
        return Denied(f"{image.reference} is forbidden", "Ask the operator")


class Warn:
    def judge(self, image: JudgedImage) -> Verdict:
        return Allowed(f"digest {'known' if image.resolved else 'unknown'}")


def decided(image: Any, resolution: Resolution | None, *policies: Policy, params: Any = None) -> Decision:
    template = template_of(image)
    scope = Scope.of_template(template, {}, region="", account_id="")
    plan = make_plan(find_sites(template, params or {}, scope, Rules()).pinned)
    answers = {question: resolution for question in plan.questions if resolution}
    return decide(plan, answers, policies)


@pytest.mark.parametrize("resolution", [ABSENT, UNFIT, DOWN])
def test_without_a_digest_there_is_a_problem_with_the_words_of_the_source(resolution: Missing | Unavailable) -> None:
    ((problem,), ()) = (
        decided("!PinDigest nginx:1", resolution).problems,
        decided("!PinDigest nginx:1", resolution).outcomes,
    )
    assert (problem.kind, problem.cause, problem.remedy) == (ProblemKind.LOOKUP, resolution.cause, resolution.remedy)
    assert problem.image == "nginx:1"


def test_without_an_answer_there_is_a_problem() -> None:
    assert [problem.cause for problem in decided("!PinDigest nginx:1", None).problems] == [
        "nobody gave an answer for it"
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
        "'nginx' names neither tag nor digest",
        "there is no such tag",
    ]


def test_a_denied_image_does_not_keep_its_tag() -> None:
    decision = decided("!PinDigest WhenMissing=KeepTag nginx:1", ABSENT, Deny())
    assert decision.outcomes == ()
    assert len(decision.problems) == 1


@pytest.mark.parametrize(("resolution", "kept"), [(ABSENT, True), (UNFIT, False), (DOWN, False)])
def test_only_what_does_not_exist_keeps_its_tag(resolution: Missing | Unavailable, kept: bool) -> None:  # noqa: FBT001
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
    assert problem.cause == "it has 262 characters before the @, and AWS::ECS::TaskDefinition takes 255"
    assert problem.kind is ProblemKind.TEMPLATE
