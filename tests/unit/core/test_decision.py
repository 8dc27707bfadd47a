"""Plan lookups, and decide what happens to each image."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.decision import Decision, decide, keep_tags, make_plan, subjects_to_judge
from image_pinner.core.deployed import Deployed
from image_pinner.core.gates.enabled import EnabledGate
from image_pinner.core.gates.interface import JudgedImage, Need, Passed, Seen
from image_pinner.core.images.lookups import (
    LOCK_SOURCE,
    OCI_INDEX,
    NotFound,
    Origin,
    Resolution,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.judging import Rules
from image_pinner.core.outcomes import KeptTag, Pinned
from image_pinner.core.template.find import find_images
from image_pinner.core.template.options import Options
from image_pinner.core.template.problems import ProblemKind
from image_pinner.core.template.sites import PinSite, ScanSettings
from support.gates import FakeGate, denying, requiring
from support.images import HEX
from support.templates import ABSENT, DOWN, ECR, UNFIT, task, template_of

FOUND = Resolved(Digest(f"sha256:{HEX}"), OCI_INDEX, Origin("fake", "x"), warnings=("it is old",))


def decide_image(image: Any, resolution: Resolution | None, *gates: EnabledGate, **others: Any) -> Decision:
    template = template_of(image)
    scope = Scope.of_template(template, {}, region="", account_id="")
    plan = make_plan(find_images(template, {}, scope, ScanSettings()).pinned, gates=gates)
    answers = {lookup: resolution for lookup in plan.lookups if resolution}
    return decide(plan, answers, Rules(gates, **others))


@pytest.mark.parametrize("resolution", [ABSENT, UNFIT, DOWN])
def test_failed_lookup_is_a_problem_with_its_cause_and_help(
    resolution: NotFound | Unsuitable | Unavailable,
) -> None:
    ((problem,), ()) = (
        decide_image("!PinDigest nginx:1", resolution).problems,
        decide_image("!PinDigest nginx:1", resolution).outcomes,
    )
    assert (problem.kind, problem.cause, problem.help) == (ProblemKind.LOOKUP, resolution.cause, resolution.help)
    assert problem.image == "nginx:1"


def test_missing_result_is_a_problem() -> None:
    assert [problem.cause for problem in decide_image("!PinDigest nginx:1", None).problems] == [
        "internal error: the lookup has no result"
    ]


def test_denied_image_is_not_pinned() -> None:
    decision = decide_image("!PinDigest nginx:1", FOUND, denying())
    assert decision.outcomes == ()
    assert [(problem.kind, problem.cause) for problem in decision.problems] == [
        (ProblemKind.POLICY, "gate fake denies the image: nginx:1 is forbidden")
    ]


@pytest.mark.parametrize("refresh", ["", "Refresh=Never "])
@pytest.mark.parametrize(
    ("architecture", "option", "operator", "platform"),
    [
        ("ARM64", "", "", "linux/arm64"),
        ("ARM64", "Platform=linux/amd64 ", "", "linux/arm64"),
        ("ARM64", "Platform=Any ", "", "linux/arm64"),
        ("", "Platform=linux/amd64 ", "", ""),
        ("", "", "", ""),
        ("", "", "linux/amd64", "linux/amd64"),
        ("", "Platform=linux/amd64 ", "linux/amd64", "linux/amd64"),
    ],
)
def test_facts_are_about_the_platform_that_the_image_runs_on(
    refresh: str, architecture: str, option: str, operator: str, platform: str
) -> None:
    template = template_of(f"!PinDigest {refresh}{option}nginx:1")
    if architecture:
        template["Resources"]["Web"]["Properties"]["RuntimePlatform"] = {"CpuArchitecture": architecture}
    scope = Scope.of_template(template, {}, region="", account_id="")
    configured = Options(platform=Platform.parse(operator) if operator else None)
    sites = find_images(template, {}, scope, ScanSettings(operator=configured)).pinned
    kept = Deployed(ImageReference.parse(f"nginx@sha256:{OTHER}"), "nginx:1", "service web")
    plan = make_plan(sites, {site.path: kept for site in sites} if refresh else {})
    (subject,) = subjects_to_judge(plan, dict.fromkeys(plan.lookups, FOUND), ())
    assert subject.platform == (Platform.parse(platform) if platform else None)


@pytest.mark.parametrize(("source", "is_known"), [("registry", True), ("lock", False)])
def test_facts_of_an_index_count_only_if_a_registry_has_named_it(source: str, is_known: bool) -> None:  # noqa: FBT001
    index = Digest(f"sha256:{OTHER}")
    found = FOUND._replace(origin=Origin(source, "x", index))
    template = template_of("!PinDigest nginx:1")
    scope = Scope.of_template(template, {}, region="", account_id="")
    plan = make_plan(find_images(template, {}, scope, ScanSettings()).pinned)
    (subject,) = subjects_to_judge(plan, dict.fromkeys(plan.lookups, found), ())
    assert subject.parent == (index if is_known else None)


def test_image_that_is_denied_by_its_reference_is_not_looked_up() -> None:
    assert make_plan(sites_of(A="!PinDigest nginx:1"), gates=[denying()]).lookups == ()
    assert make_plan(sites_of(A="!PinDigest nginx:1"), gates=[denying(frozenset({Need("x")}))]).lookups != ()


def test_message_of_a_denial_ends_with_the_exception_process() -> None:
    decision = decide_image("!PinDigest nginx:1", FOUND, denying(), exception_process="ask at https://wiki.example")
    assert [problem.help for problem in decision.problems] == ["use another image; ask at https://wiki.example"]


def test_gates_that_need_facts_do_not_judge_an_image_that_was_not_resolved() -> None:
    decision = decide_image("!PinDigest nginx:1", DOWN, requiring("signer", "us"))
    assert [problem.cause for problem in decision.problems] == [DOWN.cause]
    assert list(decision.gates.values()) == [()]


@pytest.mark.parametrize(("mode", "denied"), [("deny", True), ("warn", False)])
def test_image_that_keeps_its_tag_has_no_facts(mode: str, denied: bool) -> None:  # noqa: FBT001
    decision = decide_image("!PinDigest WhenMissing=KeepTag nginx:1", ABSENT, requiring("signer", "us", mode))
    ((result,),) = decision.gates.values()
    assert (result.verdict, result.cause) == (mode, "unknown: the image does not exist yet: there is no such tag")
    assert bool(decision.problems) is denied


def test_without_a_tag_the_failed_lookup_of_latest_is_not_reported() -> None:
    decision = decide_image("!PinDigest nginx", ABSENT)
    assert [(problem.kind, problem.cause) for problem in decision.problems] == [
        (ProblemKind.TEMPLATE, "image 'nginx' has no tag or digest")
    ]


def test_implicit_latest_is_a_warning_if_it_is_allowed() -> None:
    (outcome,) = decide_image("!PinDigest nginx", FOUND, implicit_latest=True).outcomes
    assert isinstance(outcome, Pinned)
    assert "no tag, resolved as latest (unsafe-implicit-latest)" in outcome.warnings


def test_denied_image_does_not_keep_its_tag() -> None:
    decision = decide_image("!PinDigest WhenMissing=KeepTag nginx:1", ABSENT, denying())
    assert decision.outcomes == ()
    assert len(decision.problems) == 1


@pytest.mark.parametrize(("resolution", "kept"), [(ABSENT, True), (UNFIT, False), (DOWN, False)])
def test_only_a_missing_image_keeps_its_tag(resolution: NotFound | Unsuitable | Unavailable, kept: bool) -> None:  # noqa: FBT001
    decision = decide_image("!PinDigest WhenMissing=KeepTag nginx:1", resolution)
    assert [isinstance(outcome, KeptTag) for outcome in decision.outcomes] == ([True] if kept else [])
    assert bool(decision.problems) is not kept


def test_resolved_image_is_pinned_with_all_warnings() -> None:
    (outcome,) = decide_image("!PinDigest nginx:1", FOUND).outcomes
    assert isinstance(outcome, Pinned)
    assert outcome.text == f"nginx@sha256:{HEX}"
    assert outcome.warnings == ("it is old",)


def resolutions_seen(image: str, resolution: Resolution | None) -> list[Resolved | None]:
    """Return what gates see of the resolution of an image."""
    seen: list[Resolved | None] = []

    def judge(judged: JudgedImage) -> Passed:
        seen.append(judged.resolved)
        return Passed(Seen("anything"))

    decide_image(image, resolution, EnabledGate(FakeGate(judge, frozenset({Need("x")})), "deny", "deny"))
    return seen


@pytest.mark.parametrize(
    ("resolution", "verdict", "fact"),
    [
        (FOUND, "allow", "supports linux/arm64"),
        (UNFIT, "deny", "not suitable for linux/arm64"),
    ],
)
def test_the_check_of_the_platform_has_the_form_of_a_gate(resolution: Resolution, verdict: str, fact: str) -> None:
    gate = requiring("signer", "us", "warn")
    time = "2026-11-30T12:00:00Z"
    decision = decide_image("!PinDigest Platform=linux/arm64 nginx:1", resolution, gate, looked_up_at=time)
    ((result, *_),) = decision.gates.values()
    assert (result.gate, result.verdict, result.seen.fact, result.seen.time) == ("architecture", verdict, fact, time)
    assert len(decision.problems) == (verdict == "deny")


@pytest.mark.parametrize("image", ["!PinDigest nginx:1", f"!PinDigest Platform=linux/arm64 nginx@sha256:{HEX}"])
def test_without_a_check_of_the_platform_it_has_no_result(image: str) -> None:
    decision = decide_image(image, FOUND, requiring("signer", "us", "warn"))
    assert [[result.gate for result in results] for results in decision.gates.values()] == [["fake"]]


def test_the_digest_of_a_lock_file_has_no_result_of_the_platform_because_it_is_not_inspected() -> None:
    locked = FOUND._replace(origin=Origin(LOCK_SOURCE, "ssm:/lock"))
    decision = decide_image("!PinDigest Platform=linux/arm64 nginx:1", locked, requiring("signer", "us", "warn"))
    assert [[result.gate for result in results] for results in decision.gates.values()] == [["fake"]]


@pytest.mark.parametrize("resolution", [FOUND, UNFIT])
@pytest.mark.parametrize("when_moved", ["Warn", "Fail"])
def test_the_check_of_a_tag_does_not_apply_to_another_digest(resolution: Resolution, when_moved: str) -> None:
    image = f"!PinDigest Platform=linux/arm64 WhenMoved={when_moved} nginx:1@sha256:{'d' * 64}"
    decision = decide_image(image, resolution, requiring("signer", "us", "warn"))
    gates = {result.gate for results in decision.gates.values() for result in results}
    is_about_the_tag = when_moved == "Fail" and resolution is UNFIT
    assert ("architecture" in gates) is is_about_the_tag


def test_gates_see_what_the_tag_resolves_to() -> None:
    assert resolutions_seen("!PinDigest nginx:1", FOUND) == [FOUND]


def test_image_with_a_digest_is_judged_and_pinned_to_it() -> None:
    (outcome,) = decide_image(f"!PinDigest nginx:1@sha256:{HEX}", None).outcomes
    assert isinstance(outcome, Pinned)
    assert (outcome.text, outcome.resolved) == (f"nginx@sha256:{HEX}", None)
    assert resolutions_seen(f"!PinDigest nginx:1@sha256:{HEX}", None) == [None]


def test_image_longer_than_its_property_allows_is_a_problem() -> None:
    (problem,) = decide_image(f"!PinDigest example.com/{'a' * 250}:1", FOUND).problems
    assert problem.cause == "the image is 262 characters long before the @; AWS::ECS::TaskDefinition allows 255"
    assert problem.kind is ProblemKind.TEMPLATE


OTHER = "1" * 64
TAGGED = f"nginx:1@sha256:{HEX}"
MOVED = FOUND._replace(digest=Digest(f"sha256:{OTHER}"))
CHILD = MOVED._replace(warnings=(), origin=Origin("fake", "x", index=Digest(f"sha256:{HEX}")))


def test_moved_tag_is_a_problem_with_when_moved_fail() -> None:
    decision = decide_image(f"!PinDigest WhenMoved=Fail {TAGGED}", MOVED)
    assert decision.outcomes == ()
    ((problem),) = decision.problems
    assert problem.kind is ProblemKind.POLICY
    assert f"tag '1' now points to sha256:{OTHER}, not to the digest after it" in problem.cause


@pytest.mark.parametrize("resolution", [ABSENT, UNFIT, DOWN])
def test_tag_that_cannot_be_resolved_is_a_problem_with_when_moved_fail(
    resolution: NotFound | Unsuitable | Unavailable,
) -> None:
    (problem,) = decide_image(f"!PinDigest WhenMoved=Fail {TAGGED}", resolution).problems
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
def test_written_digest_is_kept_with_a_warning_about_the_tag(resolution: Resolution, warning: str) -> None:
    (outcome,) = decide_image(f"!PinDigest {TAGGED}", resolution).outcomes
    assert isinstance(outcome, Pinned)
    assert outcome.text == f"nginx@sha256:{HEX}"
    assert outcome.resolved is None
    assert [warning in text for text in outcome.warnings] == [True]


@pytest.mark.parametrize("resolution", [FOUND._replace(warnings=()), CHILD])
@pytest.mark.parametrize("option", ["", "WhenMoved=Fail "])
def test_digest_that_its_tag_points_to_is_kept_without_a_warning(resolution: Resolved, option: str) -> None:
    decision = decide_image(f"!PinDigest {option}{TAGGED}", resolution)
    assert decision.problems == ()
    assert [(type(outcome), getattr(outcome, "warnings", None)) for outcome in decision.outcomes] == [(Pinned, ())]


def test_result_of_a_moved_tag_is_not_judged_for_the_written_digest() -> None:
    (outcome,) = decide_image(f"!PinDigest {TAGGED}", MOVED).outcomes
    assert isinstance(outcome, Pinned)
    assert "it is old" not in outcome.warnings
    assert resolutions_seen(f"!PinDigest {TAGGED}", MOVED) == [None]


def sites_of(**images: str) -> list[PinSite]:
    template = {"Resources": {name: task(image) for name, image in images.items()}}
    return find_images(template, {}, Scope.of_template(template, {}, region="", account_id=""), ScanSettings()).pinned


def function(image: str) -> list[PinSite]:
    template = {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ImageUri": image}}}}}
    return find_images(template, {}, Scope.of_template(template, {}, region="", account_id=""), ScanSettings()).pinned


def test_no_sites_need_no_lookups() -> None:
    assert make_plan([]).lookups == ()


def test_reference_with_a_digest_alone_needs_no_lookup() -> None:
    plan = make_plan(sites_of(A=f"!PinDigest nginx@sha256:{HEX}"))
    assert plan.lookups == ()
    assert [lookup for _, lookup in plan.sites] == [None]


def test_tag_of_a_reference_with_a_digest_is_looked_up() -> None:
    plan = make_plan(sites_of(A=f"!PinDigest nginx:1@sha256:{HEX}", B="!PinDigest nginx:1"))
    assert [str(lookup) for lookup in plan.lookups] == ["docker.io/library/nginx:1"]
    assert [lookup for _, lookup in plan.sites] == [*plan.lookups, *plan.lookups]
    assert plan.lookups[0].reference.digest is None


def test_credentials_of_the_template_make_another_lookup() -> None:
    secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:registry"
    plain, own = sites_of(A="!PinDigest nginx:1", B="!PinDigest nginx:1")
    plan = make_plan([plain, own._replace(credentials=secret)])
    assert [lookup.credentials for lookup in plan.lookups] == ["", secret]


def test_equal_lookups_are_made_once() -> None:
    found = sites_of(A="!PinDigest nginx:1", B="!PinDigest docker.io/library/nginx:1", C="!PinDigest nginx:2")
    plan = make_plan(found)
    assert [str(lookup) for lookup in plan.lookups] == ["docker.io/library/nginx:1", "docker.io/library/nginx:2"]
    assert [site for site, _ in plan.sites] == found
    assert plan.sites[0][1] == plan.sites[1][1] == plan.lookups[0]


def test_platform_and_accepted_form_make_other_lookups() -> None:
    found = sites_of(A=f"!PinDigest {ECR}/a:1", B=f"!PinDigest Platform=linux/amd64 {ECR}/a:1")
    plan = make_plan([*found, *function(f"!PinDigest {ECR}/a:1")])
    assert {(lookup.platform, lookup.index_allowed) for lookup in plan.lookups} == {
        (None, True),
        (Platform("linux", "amd64"), True),
        (Platform("linux", "amd64"), False),
    }


def test_order_of_lookups_does_not_depend_on_the_template() -> None:
    images = {"A": "!PinDigest b:1", "B": "!PinDigest Platform=linux/arm64 a:1", "C": "!PinDigest a:1"}
    lookups = make_plan(sites_of(**images)).lookups
    assert lookups == make_plan(sites_of(**dict(reversed(images.items())))).lookups
    assert [str(lookup) for lookup in lookups] == [
        "docker.io/library/a:1",
        "docker.io/library/a:1 for linux/arm64",
        "docker.io/library/b:1",
    ]


def kept_tags(
    image: Any, deployed: Deployed | None = None, resource_type: str = "AWS::ECS::TaskDefinition"
) -> Decision:
    template = template_of(image)
    template["Resources"]["Web"]["Type"] = resource_type
    if resource_type != "AWS::ECS::TaskDefinition":
        template["Resources"]["Web"]["Properties"] = {"Environment": {"Image": image}}
    scope = Scope.of_template(template, {}, region="", account_id="")
    sites = find_images(template, {"Refresh": "Never"} if deployed else {}, scope, ScanSettings()).pinned
    plan = make_plan(sites, {site.path: deployed for site in sites} if deployed else {})
    return keep_tags(decide(plan, dict.fromkeys(plan.lookups, FOUND), Rules(implicit_latest=True)))


class TestKeepTags:
    def test_a_service_that_does_not_accept_both_is_a_problem_by_name(self) -> None:
        decision = kept_tags("!PinDigest shop/build:1", resource_type="AWS::CodeBuild::Project")
        assert decision.outcomes == ()
        assert [(problem.kind, problem.cause) for problem in decision.problems] == [
            (
                ProblemKind.TEMPLATE,
                "cannot keep tag '1': AWS::CodeBuild::Project is not known to accept a tag together with a digest",
            )
        ]
        assert [site.reference.tag for site in decision.failed] == ["1"]

    def test_the_limit_counts_the_tag(self) -> None:
        name = f"example.com/{'a' * 236}"
        (problem,) = kept_tags(f"!PinDigest {name}:1234567").problems
        assert problem.cause == "the image is 256 characters long before the @; AWS::ECS::TaskDefinition allows 255"
        assert len(kept_tags(f"!PinDigest {name}:123456").outcomes) == 1

    @pytest.mark.parametrize(
        ("image", "text"),
        [
            ("nginx:1", f"nginx:1@sha256:{HEX}"),
            ("localhost:5000/nginx:1", f"localhost:5000/nginx:1@sha256:{HEX}"),
            ("localhost:5000/nginx", f"localhost:5000/nginx@sha256:{HEX}"),
            (f"nginx:1@sha256:{'1' * 64}", f"nginx:1@sha256:{'1' * 64}"),
            (f"nginx@sha256:{'1' * 64}", f"nginx@sha256:{'1' * 64}"),
        ],
    )
    def test_the_written_tag_is_before_the_digest(self, image: str, text: str) -> None:
        (outcome,) = kept_tags(f"!PinDigest {image}").outcomes
        assert isinstance(outcome, Pinned)
        assert outcome.text == text

    def test_a_digest_that_can_be_updated_in_the_image_is_not_recorded(self) -> None:
        image = f"nginx:1@sha256:{'1' * 64}"
        (kept,) = kept_tags(f"!PinDigest {image}").outcomes
        (pinned,) = decide_image(f"!PinDigest {image}", FOUND).outcomes
        assert isinstance(kept, Pinned)
        assert isinstance(pinned, Pinned)
        assert (kept.recorded, pinned.recorded) == ("nginx:1", image)

    @pytest.mark.parametrize(("recorded", "tag"), [("nginx:0", ":0"), ("", ""), ("not a reference", "")])
    def test_a_deployed_image_gets_the_tag_that_its_digest_comes_from(self, recorded: str, tag: str) -> None:
        image = ImageReference.parse(f"nginx@sha256:{OTHER}")
        (outcome,) = kept_tags("!PinDigest nginx:1", Deployed(image, recorded, "service web")).outcomes
        assert isinstance(outcome, Pinned)
        assert outcome.text == f"nginx{tag}@sha256:{OTHER}"

    def test_an_image_that_does_not_exist_keeps_its_tag_alone(self) -> None:
        decision = keep_tags(decide_image("!PinDigest WhenMissing=KeepTag nginx:1", ABSENT))
        assert [type(outcome) for outcome in decision.outcomes] == [KeptTag]


@pytest.mark.parametrize(
    ("source", "refresh", "warnings"),
    [
        ("lock", "Never", ("Refresh=Never has no effect with Lock",)),
        ("lock", "OnChange", ("Refresh=OnChange has no effect with Lock",)),
        ("lock", "Always", ()),
        ("registry", "Never", ()),
    ],
)
def test_refresh_has_no_effect_with_a_lock_file(source: str, refresh: str, warnings: tuple[str, ...]) -> None:
    found = FOUND._replace(origin=Origin(source, "x"), warnings=())
    (outcome,) = decide_image(f"!PinDigest Refresh={refresh} nginx:1", found).outcomes
    assert isinstance(outcome, Pinned)
    assert outcome.warnings == warnings
