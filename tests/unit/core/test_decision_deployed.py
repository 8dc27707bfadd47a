"""Keep deployed images: the lookups that check them, and what happens to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from image_pinner.core.decision import Decision, PinPlan, decide, make_plan, subjects_to_judge
from image_pinner.core.deployed import Deployed, DeployedState, NotDeployed, NotKnown
from image_pinner.core.gates.enabled import EnabledGate
from image_pinner.core.gates.interface import Subject
from image_pinner.core.images.lookups import Resolution
from image_pinner.core.images.references import ImageReference
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.judging import Rules
from image_pinner.core.outcomes import KeptTag, Pinned
from image_pinner.core.template.find import find_images
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import ProblemKind
from image_pinner.core.template.sites import PinSite, ScanSettings
from support.gates import fact_of, requiring
from support.images import HEX
from support.templates import ABSENT, DOWN, ECR, UNFIT, deployed, resolution_of, task

RUNS = deployed(f"nginx@sha256:{HEX}", "nginx:1")
NEVER, ON_CHANGE = "!PinDigest Refresh=Never ", "!PinDigest Refresh=OnChange "


SIGNED = requiring("signer", "us")


def sites_of(*images: str) -> list[PinSite]:
    template = {"Resources": {f"R{number}": task(image) for number, image in enumerate(images)}}
    return find_images(template, {}, Scope.of_template(template, {}, region="", account_id=""), ScanSettings()).pinned


def plan_of(*images: str, state: DeployedState | None = None) -> PinPlan:
    sites = sites_of(*images)
    states: Mapping[TemplatePath, DeployedState] = {site.path: state for site in sites} if state else {}
    return make_plan(sites, states)


def decide_image(
    image: str, state: DeployedState, *gates: EnabledGate, resolution: Resolution | None = None, facts: Any = None
) -> Decision:
    plan = plan_of(image, state=state)
    return decide(
        plan, {lookup: resolution or resolution_of(lookup) for lookup in plan.lookups}, Rules(gates), facts or {}
    )


def outcome_of(image: str, state: DeployedState, *gates: EnabledGate) -> Pinned:
    decision = decide_image(image, state, *gates)
    assert decision.problems == decision.failed == ()
    (outcome,) = decision.outcomes
    assert isinstance(outcome, Pinned)
    return outcome


class TestRefusals:
    @pytest.mark.parametrize("image", [f"{NEVER}nginx:1", f"{ON_CHANGE}nginx:1", f"{NEVER}WhenMissing=KeepTag nginx:1"])
    def test_not_knowing_what_is_deployed_is_a_problem_without_a_lookup(self, image: str) -> None:
        state = NotKnown("ecs:DescribeServices is denied", "allow it")
        plan = plan_of(image, state=state)
        assert (plan.sites, plan.lookups) == ((), ())
        decision = decide(plan, {}, Rules())
        assert [(problem.kind, problem.cause, problem.help, problem.image) for problem in decision.problems] == [
            (ProblemKind.LOOKUP, "ecs:DescribeServices is denied", "allow it", "nginx:1")
        ]
        assert [str(site.reference) for site in decision.failed] == ["nginx:1"]
        assert decision.outcomes == ()

    @pytest.mark.parametrize("words", ["", "WhenMissing=KeepTag "])
    def test_a_deployed_digest_that_no_longer_exists_is_a_problem_and_no_tag_is_kept(self, words: str) -> None:
        decision = decide_image(f"{NEVER}{words}nginx:1", RUNS, resolution=ABSENT)
        assert decision.outcomes == ()
        ((problem),) = decision.problems
        assert problem.cause == (
            f"the deployed image nginx@sha256:{HEX} (service shop/web) no longer exists: there is no such tag"
        )
        assert "set Refresh=Always for one deployment" in problem.help
        assert [str(site.reference) for site in decision.failed] == ["nginx:1"]

    @pytest.mark.parametrize("resolution", [DOWN, UNFIT])
    def test_a_deployed_digest_that_cannot_be_checked_is_a_problem(self, resolution: Any) -> None:
        ((problem),) = decide_image(f"{NEVER}WhenMissing=KeepTag nginx:1", RUNS, resolution=resolution).problems
        assert problem.cause == (
            f"cannot check that the deployed image nginx@sha256:{HEX} still exists: {resolution.cause}"
        )
        assert problem.help == resolution.help

    def test_a_missing_result_of_the_check_is_a_problem(self) -> None:
        ((problem),) = decide(plan_of(f"{NEVER}nginx:1", state=RUNS), {}, Rules()).problems
        assert problem.cause == "internal error: the lookup has no result"

    def test_a_kept_image_is_judged_as_written(self) -> None:
        ((problem),) = decide_image(f"{NEVER}nginx", RUNS).problems
        assert (problem.kind, problem.cause) == (ProblemKind.TEMPLATE, "image 'nginx' has no tag or digest")

    def test_facts_are_about_the_deployed_image(self) -> None:
        runs = deployed(f"{ECR}/other@sha256:{HEX}", f"{ECR}/other:7")
        plan = plan_of(f"{NEVER}nginx:1", state=runs)
        (judged,) = subjects_to_judge(plan, {lookup: resolution_of(lookup) for lookup in plan.lookups}, ())
        assert str(judged.image) == f"{ECR}/other@sha256:{HEX}"
        about_the_written = {
            Subject(ImageReference.parse(f"nginx@sha256:{HEX}").canonical()): {"signer": fact_of("us")}
        }
        denied = decide_image(f"{NEVER}nginx:1", runs, SIGNED, facts=about_the_written)
        assert [problem.cause for problem in denied.problems] == [
            "gate fake denies the image: unknown: the fact 'signer' was not gathered"
        ]
        assert decide_image(f"{NEVER}nginx:1", runs, SIGNED, facts={judged: {"signer": fact_of("us")}}).problems == ()

    def test_a_kept_image_that_is_too_long_is_a_problem(self) -> None:
        runs = deployed(f"example.com/{'a' * 250}@sha256:{HEX}")
        ((problem),) = decide_image(f"{NEVER}nginx:1", runs).problems
        assert "262 characters long before the @" in problem.cause


class TestKept:
    @pytest.mark.parametrize("written", ["nginx:1", "nginx:2", "docker.io/library/nginx:1", f"{ECR}/web:1"])
    @pytest.mark.parametrize("recorded", ["nginx:1", "redis:9", ""])
    def test_never_keeps_what_runs_whatever_is_written(self, written: str, recorded: str) -> None:
        runs = deployed(f"docker.io/library/nginx@sha256:{HEX}", recorded)
        outcome = outcome_of(f"{NEVER}{written}", runs)
        assert outcome.text == f"docker.io/library/nginx@sha256:{HEX}"
        assert (outcome.kept, outcome.recorded) == (runs, recorded)

    def test_on_change_keeps_what_was_deployed_from_the_same_reference(self) -> None:
        outcome = outcome_of(f"{ON_CHANGE}nginx:1", RUNS)
        assert (outcome.text, outcome.kept, outcome.recorded) == (f"nginx@sha256:{HEX}", RUNS, "nginx:1")

    @pytest.mark.parametrize("recorded", ["nginx:2", "docker.io/library/nginx:1", "nginx", ""])
    def test_on_change_resolves_another_reference(self, recorded: str) -> None:
        outcome = outcome_of(f"{ON_CHANGE}nginx:1", deployed(f"nginx@sha256:{HEX}", recorded))
        assert outcome.text != f"nginx@sha256:{HEX}"
        assert (outcome.kept, outcome.recorded) == (None, "nginx:1")

    def test_on_change_without_a_record_is_a_warning_unless_the_image_is_kept(self) -> None:
        unrecorded = deployed(f"nginx@sha256:{HEX}")
        option = f"{ON_CHANGE}Record=None "
        warning = "Refresh=OnChange has no effect with Record=None, because the reference is not recorded"
        assert outcome_of(f"{option}nginx:1", unrecorded).warnings == (warning,)
        assert outcome_of(f"{option}nginx:1", RUNS).warnings == ()
        assert outcome_of(f"{ON_CHANGE}nginx:1", unrecorded).warnings == ()
        assert outcome_of(f"{NEVER}Record=None nginx:1", unrecorded).warnings == ()
        assert outcome_of(f"{option}nginx@sha256:{HEX}", None).warnings == ()

    @pytest.mark.parametrize("option", [NEVER, ON_CHANGE])
    def test_without_a_deployed_image_the_tag_is_resolved(self, option: str) -> None:
        plan = plan_of(f"{option}nginx:1", state=NotDeployed("the stack is new"))
        assert [str(lookup) for lookup in plan.lookups] == ["docker.io/library/nginx:1"]
        assert outcome_of(f"{option}nginx:1", NotDeployed("the stack is new")).kept is None

    def test_without_a_deployed_image_a_missing_one_can_keep_its_tag(self) -> None:
        state = NotDeployed("the stack is new")
        (outcome,) = decide_image(f"{NEVER}WhenMissing=KeepTag nginx:1", state, resolution=ABSENT).outcomes
        assert isinstance(outcome, KeptTag)

    def test_only_the_existence_of_the_digest_is_looked_up_for_any_platform(self) -> None:
        plan = plan_of(f"{NEVER}Platform=linux/arm64 nginx:1", f"{NEVER}nginx:2", state=RUNS)
        ((lookup),) = plan.lookups
        assert str(lookup.reference) == f"docker.io/library/nginx@sha256:{HEX}"
        assert (lookup.platform, lookup.index_allowed) == (None, True)
        assert set(plan.kept.values()) == {RUNS}

    def test_the_text_of_a_kept_image_has_the_bytes_of_the_deployed_one(self) -> None:
        for name in (
            "nginx",
            "library/nginx",
            "docker.io/nginx",
            "index.docker.io/library/nginx",
            f"{ECR}/Web".lower(),
        ):
            runs = Deployed(ImageReference.parse(f"{name}@sha256:{HEX}"), "", "function web")
            assert outcome_of(f"{NEVER}nginx:1", runs).text == f"{name}@sha256:{HEX}"

    def test_other_images_are_resolved(self) -> None:
        kept, other = sites_of(f"{NEVER}nginx:1", "!PinDigest nginx:1")
        plan = make_plan([kept, other], {kept.path: RUNS})
        decision = decide(plan, {lookup: resolution_of(lookup) for lookup in plan.lookups}, Rules())
        assert [outcome.kept for outcome in decision.outcomes if isinstance(outcome, Pinned)] == [RUNS, None]


@pytest.mark.parametrize(
    ("image", "recorded"),
    [("nginx:1", "nginx:1"), (f"nginx:1@sha256:{HEX}", f"nginx:1@sha256:{HEX}"), (f"nginx@sha256:{HEX}", "")],
)
def test_a_resolved_image_records_its_written_reference(image: str, recorded: str) -> None:
    plan = plan_of(f"!PinDigest {image}")
    (outcome,) = decide(plan, {lookup: resolution_of(lookup) for lookup in plan.lookups}, Rules()).outcomes
    assert isinstance(outcome, Pinned)
    assert outcome.recorded == recorded


@pytest.mark.parametrize(("runs", "credentials"), [("nginx", "arn:x"), ("evil.example.com/nginx", "")])
def test_credentials_of_the_template_are_not_for_another_registry(runs: str, credentials: str) -> None:
    (site,) = sites_of(f"{NEVER}nginx:1")
    plan = make_plan([site._replace(credentials="arn:x")], {site.path: deployed(f"{runs}@sha256:{HEX}")})
    assert [lookup.credentials for lookup in plan.lookups] == [credentials]
