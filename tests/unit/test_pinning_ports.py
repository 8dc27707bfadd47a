"""The four steps of pinning and the ports that they use."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from image_pinner.core.decision import Decision
from image_pinner.core.errors import TooManyLookupsError
from image_pinner.core.gates.age import PUSHED, Pushed
from image_pinner.core.gates.interface import Need
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import SsmParameter
from image_pinner.core.template.fragments import read_fragment
from image_pinner.core.template.options import Record
from image_pinner.core.template.scan import ImageScan
from image_pinner.core.template.sites import PinSite
from image_pinner.pinning import PinResult, Resolvers, find, judge, pin_template, resolve, rewrite
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline, NothingKnown
from support.gates import FakeFacts, fact_of, with_gates
from support.templates import (
    ABSENT,
    EveryDigest,
    ExpectedLookups,
    digest_of,
    image_in,
    pin,
    pinned,
    problems_of,
    task,
    template_of,
)

IMAGE = "Resources.Web.Properties.ContainerDefinitions[0].Image"


def pin_with(connect: Callable[[ImageScan], Resolvers], template: dict[str, Any]) -> PinResult:
    scope = Scope.of_template(template, {}, region="", account_id="")
    return pin_template(read_fragment(template, {}), scope, Settings(), connect, Deadline.after(60))


class TestPorts:
    def test_default_resolvers_fail_even_with_keep_tag(self) -> None:
        digests = pin_with(lambda _: Resolvers(), template_of("!PinDigest WhenMissing=KeepTag nginx:1"))
        values = pin_with(lambda _: Resolvers(), template_of("!PinDigest nginx:{{resolve:ssm:/tag}}"))
        assert problems_of(digests) == [(IMAGE, "no registries are configured")]
        assert "AWS lookups are not configured" in problems_of(values)[0][1]

    def test_resolvers_are_made_once_from_an_offline_scan(self) -> None:
        scans: list[ImageScan] = []

        def connect(scan: ImageScan) -> Resolvers:
            scans.append(copy.deepcopy(scan))
            return Resolvers(EveryDigest(), ExpectedLookups({SsmParameter("/tag"): "7"}))

        template = template_of("!PinDigest redis:{{resolve:ssm:/tag}}", Metadata={"ImagePinner": {"Record": "None"}})
        template["Resources"]["Db"] = task("!PinDigest nginx:1")
        result = pin_with(connect, template)
        assert image_in(result.answer) == pinned("redis", "7")
        (scan,) = scans
        assert [(str(site.reference), site.options.record) for site in scan.pinned] == [("nginx:1", Record.NONE)]
        assert scan.external_values == {SsmParameter("/tag")}

    def test_each_step_can_be_called_alone(self) -> None:
        template = template_of("!PinDigest nginx:1")
        fragment = read_fragment(template, {})
        found = find(fragment, Scope.of_template(template, {}, region="", account_id=""), Settings())
        resolved = resolve(fragment, found, Settings(), Resolvers(EveryDigest()), Deadline.after(60))
        decision = judge(resolved, Settings(), NothingKnown(), Deadline.after(60))
        assert [str(lookup) for lookup in resolved.plan.lookups] == ["docker.io/library/nginx:1"]
        assert image_in(rewrite(fragment, resolved, decision).answer) == pinned("nginx", "1")


class TestLimits:
    def test_images_are_counted_before_values_are_looked_up(self) -> None:
        template = template_of("!PinDigest redis:{{resolve:ssm:/tag}}")
        template["Resources"] |= {f"Db{number}": task(f"!PinDigest nginx:{number}") for number in range(3)}
        digests = EveryDigest()
        with pytest.raises(TooManyLookupsError) as caught:
            pin(template, settings=Settings(max_images=2), digests=digests, external_values=ExpectedLookups())
        assert caught.value.cause == "the template needs lookups of 3 images, and the configuration allows 2"
        assert caught.value.help == "split the template, or raise IMAGE_PINNER_MAX_IMAGES in the configuration"

    def test_as_many_lookups_as_allowed_are_made(self) -> None:
        template = template_of("!PinDigest redis:{{resolve:ssm:/tag}}")
        template["Resources"]["Db"] = task("!PinDigest quay.io/shop/db:1")
        settings = Settings(max_images=2, max_repositories=2, max_registries=2, max_values=1)
        values = ExpectedLookups({SsmParameter("/tag"): "7"})
        assert pin(template, settings=settings, external_values=values).report.succeeded

    @pytest.mark.parametrize("limit", ["max_images", "max_repositories", "max_registries"])
    def test_each_limit_is_one_error(self, limit: str) -> None:
        template = template_of("!PinDigest redis:1")
        template["Resources"]["Db"] = task("!PinDigest quay.io/shop/db:1")
        with pytest.raises(TooManyLookupsError, match=r"lookups of 2 \w+, and the configuration allows 1"):
            pin(template, settings=Settings()._replace(**{limit: 1}))


PUSHED_TODAY = fact_of(Pushed("2026-11-30T11:00:00Z", 3600))
PUSHED_LAST_WEEK = fact_of(Pushed("2026-11-23T12:00:00Z", 7 * 86400))


class TestFacts:
    WEB, DB = (f"docker.io/library/{name}@{digest_of(f'docker.io/library/{name}:1')}" for name in ("nginx", "redis"))

    def judged(self, facts: FakeFacts, *images: str, settings: Settings) -> Decision:
        template = {"Resources": {"Web": task(*images)}}
        fragment = read_fragment(template, {})
        found = find(fragment, Scope.of_template(template, {}, region="", account_id=""), settings)
        digests = EveryDigest({"docker.io/library/gone:1": ABSENT})
        resolved = resolve(fragment, found, settings, Resolvers(digests), Deadline.after(60))
        return judge(resolved, settings, facts, Deadline.after(60))

    @pytest.mark.parametrize("settings", [Settings(), with_gates("repositories.allow=docker.io/*", "tags.deny=latest")])
    def test_no_facts_are_gathered_when_no_gate_needs_any(self, settings: Settings) -> None:
        facts = FakeFacts()
        assert self.judged(facts, "!PinDigest nginx:1", settings=settings).problems == ()
        assert facts.gathered == []

    def test_no_facts_are_gathered_for_a_gate_that_is_off(self) -> None:
        facts = FakeFacts()
        assert (
            self.judged(facts, "!PinDigest nginx:1", settings=with_gates("age.mode=off", "age.minimum=3d")).problems
            == ()
        )
        assert facts.gathered == []

    @pytest.mark.parametrize("entries", [(), ("repositories.allow=quay.io/*",)])
    def test_no_facts_are_gathered_about_images_that_do_not_exist_or_are_refused(
        self, entries: tuple[str, ...]
    ) -> None:
        facts = FakeFacts()
        self.judged(facts, "!PinDigest gone:1", settings=with_gates("age.minimum=3d", *entries))
        assert facts.gathered == []

    def test_no_facts_are_gathered_about_an_image_that_the_template_writes_and_a_gate_denies(self) -> None:
        facts = FakeFacts()
        settings = with_gates("age.minimum=3d", "repositories.allow=docker.io/library/nginx")
        decision = self.judged(facts, self.WEB, self.DB, settings=settings)
        assert facts.gathered == [([self.WEB], frozenset({Need(PUSHED)}))]
        assert [(problem.image, problem.cause.split()[1]) for problem in decision.problems] == [
            (self.WEB, "age"),
            (self.DB, "repositories"),
        ]

    @pytest.mark.parametrize("limit", ["max_images", "max_repositories"])
    def test_images_that_the_template_writes_are_counted_before_facts_about_them_are_gathered(self, limit: str) -> None:
        facts = FakeFacts()
        settings = with_gates("age.minimum=3d", **{limit: 1})
        with pytest.raises(TooManyLookupsError, match=r"lookups of 2 \w+, and the configuration allows 1"):
            self.judged(facts, self.WEB, self.DB, settings=settings)
        assert facts.gathered == []

    def test_missing_fact_denies(self) -> None:
        decision = self.judged(FakeFacts(), "!PinDigest nginx:1", settings=with_gates("age.minimum=3d"))
        assert [problem.cause for problem in decision.problems] == [
            "gate age denies the image: unknown: the registry does not report it"
        ]
        assert [str(site.reference) for site in decision.failed] == ["nginx:1"]

    def test_facts_about_each_digest_reach_the_gates(self) -> None:
        facts = FakeFacts({self.WEB: {PUSHED: PUSHED_LAST_WEEK}, self.DB: {PUSHED: PUSHED_TODAY}})
        images = ("!PinDigest nginx:1", f"!PinDigest {self.WEB}", "!PinDigest redis:1", self.DB)
        decision = self.judged(facts, *images, settings=with_gates("age.minimum=3d"))
        assert [str(outcome.site.reference) for outcome in decision.outcomes] == ["nginx:1", self.WEB]
        cause = "gate age denies the image: pushed 1h ago (2026-11-30T11:00:00Z), the minimum is 3d"
        assert [(problem.image, problem.cause) for problem in decision.problems] == [
            ("redis:1", cause),
            (self.DB, cause),
        ]
        assert facts.gathered == [([self.WEB, self.DB], frozenset({Need(PUSHED)}))]


class TestSiteIdentity:
    def test_identity_does_not_depend_on_other_images(self) -> None:
        one, other = (
            {"Resources": {"Api": task(), "Web": task("!PinDigest a:1", "!PinDigest b:1")}},
            {"Resources": {"Web": task("!PinDigest a:1", "!PinDigest b:1", "c:1")}},
        )
        identities = [site.identity for site in self.sites(one)]
        assert identities == [site.identity for site in self.sites(other)]
        assert [(found.resource, found.container, str(found.property_path)) for found in identities] == [
            ("Web", "web", "Properties.ContainerDefinitions[0].Image"),
            ("Web", "web2", "Properties.ContainerDefinitions[1].Image"),
        ]

    def test_branches_of_one_image_have_different_identities(self) -> None:
        template = template_of({"Fn::If": ["Open", "!PinDigest a:1", "!PinDigest b:1"]})
        template["Conditions"] = {"Open": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}}
        assert len({site.identity for site in self.sites(template)}) == 2

    def sites(self, template: Mapping[str, Any]) -> list[PinSite]:
        scope = Scope.of_template(dict(template), {}, region="", account_id="")
        return find(read_fragment(dict(template), {}), scope, Settings()).scan.pinned
