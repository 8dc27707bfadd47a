"""The story from one end to the other, against worlds of a few lines."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from image_pinner.core.decision import Decision
from image_pinner.core.images.references import ImageReference
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, SsmParameter, StackExport, Unknown
from image_pinner.core.policies.explicit_tag import ExplicitTag
from image_pinner.core.policies.interface import Allowed, Denied, Facts, JudgedImage, Policy, Verdict
from image_pinner.core.template.find import ImageScan
from image_pinner.core.template.fragments import read_fragment
from image_pinner.core.template.options import Record
from image_pinner.core.template.sites import PinSite
from image_pinner.pinning import PinResult, Resolvers, find, judge, pin_template, resolve, rewrite
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline, NothingKnown
from support.templates import (
    ABSENT,
    ACCOUNT,
    DOWN,
    ECR,
    NO_VALUE,
    UNFIT,
    EveryDigest,
    ExpectedDigests,
    ExpectedLookups,
    digest_of,
    image_in,
    pin,
    pinned,
    problems_of,
    statuses_of,
    task,
    template_of,
)

IMAGE = "Resources.Web.Properties.ContainerDefinitions[0].Image"
NOBODY = ExpectedDigests()
URI = {"Fn::GetAtt": ["Repo", "RepositoryUri"]}


class TestAllOrNothing:
    def test_one_bad_image_among_many_changes_nothing_and_every_bad_one_is_listed(self) -> None:
        template = {
            "Resources": {
                "Good": task("!PinDigest nginx:1"),
                "Gone": task("!PinDigest nginx:2"),
                "Down": task("!PinDigest nginx:3"),
                "Bad": task("!PinDigest Nginx:4"),
                "Untagged": task("!PinDigest nginx"),
                "Open": task({"Fn::Sub": "!PinDigest nginx:${Nope}"}),
                "Stray": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "!PinDigest nginx:1"}},
            }
        }
        before = copy.deepcopy(template)
        digests = EveryDigest({"docker.io/library/nginx:2": ABSENT, "docker.io/library/nginx:3": DOWN})
        result = pin(template, digests=digests)
        assert result.answer is not None
        assert result.answer == template == before
        assert [path.split(".")[1] for path, _ in problems_of(result)] == [
            "Untagged",
            "Down",
            "Gone",
            "Bad",
            "Open",
            "Stray",
        ]
        assert all(problem.help for problem in result.report.problems)
        assert "nginx:1" in str(digests.asked)

    def test_images_are_asked_for_even_where_the_template_has_problems(self) -> None:
        template = template_of("!PinDigest nginx:1", Outputs={"X": {"Value": "!PinDigest nginx:2"}})
        digests = EveryDigest({"docker.io/library/nginx:1": ABSENT})
        assert [path for path, _ in problems_of(pin(template, digests=digests))] == [IMAGE, "Outputs.X.Value"]

    def test_a_resolver_that_forgets_an_answer_is_told_and_nothing_is_pinned(self) -> None:
        class Forgetful(EveryDigest):
            def resolve_all(self, *_: Any) -> dict[Any, Any]:
                return {}

        result = pin(template_of("!PinDigest nginx:1"), digests=Forgetful())
        assert problems_of(result) == [(IMAGE, "internal error: the lookup has no result")]


class TestPinning:
    def test_a_marked_image_becomes_its_digest_and_nothing_else_changes(self) -> None:
        template = {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Parameters": {"Tag": {"Type": "String", "Default": "!PinDigest"}},
            "Unheard": [1, None, 1.5, True],
            "Resources": {"Z": {"Type": "X::Y::Z", "Odd": {"b": 1, "a": [{}]}}, "Web": task("!PinDigest nginx:1")},
        }
        before = json.dumps(template)
        result = pin(template)
        assert json.dumps(template) == before
        expected = json.loads(before)
        web = expected["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]
        web["Image"] = pinned("nginx", "1")
        web["DockerLabels"] = {"image-pinner.source": "nginx:1"}
        assert json.dumps(result.answer) == json.dumps(expected)
        assert result.report.succeeded

    def test_pinning_twice_changes_nothing(self) -> None:
        template = template_of({"Fn::If": ["Open", "!PinDigest nginx:1", "!PinDigest nginx:2"]})
        template["Conditions"] = {"Open": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}}
        once = pin(template).answer
        twice = pin(once, digests=NOBODY)
        assert twice.answer == once
        assert twice.edits == ()
        assert pin(once, {"Pin": "All"}, digests=NOBODY).edits == ()

    def test_the_order_of_keys_and_repeated_runs_give_the_same_images(self) -> None:
        template = {
            "Resources": {
                name: {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {"Code": {"ImageUri": f"!PinDigest {ECR}/{name.lower()}:1"}},
                }
                for name in "DACB"
            }
        }
        shuffled = {"Resources": dict(sorted(template["Resources"].items()))}
        first, second = pin(template), pin(shuffled)
        assert first.answer == second.answer
        assert json.dumps(first.answer) == json.dumps(pin(template).answer)
        assert json.dumps(first.report.to_json()) == json.dumps(second.report.to_json())

    def test_an_image_that_stands_twice_is_asked_for_once(self) -> None:
        digests = EveryDigest()
        template = {"Resources": {"A": task("!PinDigest nginx:1"), "B": task("!PinDigest docker.io/library/nginx:1")}}
        result = pin(template, digests=digests)
        assert digests.asked == ["docker.io/library/nginx:1"]
        assert image_in(result.answer, "A") == pinned("nginx", "1")
        assert image_in(result.answer, "B") == pinned("docker.io/library/nginx", "1")

    def test_without_anything_to_ask_nobody_is_asked(self) -> None:
        template = template_of("nginx:1")
        result = pin(template, digests=NOBODY)
        assert result.answer == template
        assert result.edits == ()
        assert statuses_of(result) == {IMAGE: "unmarked"}

    def test_one_tag_has_two_right_answers_where_platforms_differ(self) -> None:
        digests = EveryDigest()
        template = template_of("!PinDigest Platform=linux/arm64 nginx:1")
        template["Resources"]["Other"] = task("!PinDigest Platform=linux/amd64 nginx:1")
        result = pin(template, digests=digests)
        assert digests.asked == [
            "docker.io/library/nginx:1 for linux/amd64",
            "docker.io/library/nginx:1 for linux/arm64",
        ]
        assert image_in(result.answer) == pinned("nginx", "1", "linux/arm64")

    @pytest.mark.parametrize(
        "template", [{}, {"Resources": {}}, {"Resources": None}, {"AWSTemplateFormatVersion": "x"}]
    )
    def test_a_template_without_sections_is_no_crash(self, template: dict[str, Any]) -> None:
        result = pin({**template, "AWSTemplateFormatVersion": "2010-09-09"}, digests=NOBODY)
        assert result.report.succeeded


class TestPin:
    def test_skip_makes_no_call_at_all(self) -> None:
        template = template_of({"Ref": "Stored"})
        template["Parameters"] = {"Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image"}}
        template["Resources"]["Web"]["Metadata"] = {"ImagePinner": {"Pin": "Skip"}}
        result = pin(template, {"Pin": "All"}, digests=NOBODY, external_values=ExpectedLookups())
        assert result.report.succeeded
        assert statuses_of(result) == {IMAGE: "skipped"}

    def test_an_image_that_nothing_asks_for_makes_no_call(self) -> None:
        template = template_of({"Fn::ImportValue": "image"})
        assert pin(template, digests=NOBODY, external_values=ExpectedLookups()).report.succeeded

    @pytest.mark.parametrize(
        ("params", "metadata"), [({"Pin": "All"}, None), ({}, {"Pin": "All"}), ({"Pin": "All"}, {"Pin": "All"})]
    )
    def test_all_for_the_template_pins_what_is_unmarked(self, params: dict[str, Any], metadata: Any) -> None:
        template = template_of("nginx:1")
        if metadata:
            template["Metadata"] = {"ImagePinner": metadata}
        assert image_in(pin(template, params).answer) == pinned("nginx", "1")

    def test_a_list_of_names_pins_these_containers_only(self) -> None:
        template = template_of("nginx:1")
        template["Resources"]["Web"]["Properties"]["ContainerDefinitions"].append({"Name": "db", "Image": "redis:1"})
        result = pin(template, {"Pin": ["db"]}, digests=ExpectedDigests(["docker.io/library/redis:1"]))
        assert image_in(result.answer) == "nginx:1"
        assert image_in(result.answer, container=1) == pinned("redis", "1")

    def test_a_name_that_no_container_has_is_a_problem_with_the_names_there_are(self) -> None:
        result = pin(template_of("nginx:1"), {"Pin": ["web", "wbe"]})
        assert problems_of(result) == [("Transform", "no container is named wbe")]
        assert result.report.problems[0].help == "The containers here are: web"

    def test_the_operators_all_cannot_be_loosened(self) -> None:
        settings = Settings.from_environment({"IMAGE_PINNER_PIN": "All"})
        template = template_of("nginx:1")
        template["Resources"]["Web"]["Metadata"] = {"ImagePinner": {"Pin": "Skip"}}
        result = pin(template, settings=settings)
        assert problems_of(result) == [
            ("Resources.Web.Metadata.ImagePinner", "Pin is narrower than the operator's Pin=All")
        ]
        assert image_in(pin(template_of("nginx:1"), settings=settings).answer) == pinned("nginx", "1")


class TestConditions:
    SECTIONS = {  # noqa: RUF012 - read only
        "Parameters": {"Env": {"Type": "String", "Default": "dev"}},
        "Conditions": {
            "Dev": {"Fn::Equals": [{"Ref": "Env"}, "dev"]},
            "Open": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]},
        },
    }

    def test_both_arms_of_an_undecided_condition_are_pinned(self) -> None:
        template = template_of({"Fn::If": ["Open", "!PinDigest nginx:1", "!PinDigest nginx:2"]}, **self.SECTIONS)
        result = pin(template)
        assert image_in(result.answer) == {"Fn::If": ["Open", pinned("nginx", "1"), pinned("nginx", "2")]}

    def test_of_a_decided_condition_the_deployed_arm_is_asked_for_and_the_other_loses_its_mark(self) -> None:
        image = {"Fn::If": ["Dev", "!PinDigest nginx:1", {"Fn::Sub": "!PinDigest Platform=linux/arm64 nginx:${Env}"}]}
        result = pin(template_of(image, **self.SECTIONS), digests=ExpectedDigests(["docker.io/library/nginx:1"]))
        assert image_in(result.answer) == {"Fn::If": ["Dev", pinned("nginx", "1"), {"Fn::Sub": "nginx:${Env}"}]}
        assert result.report.warnings == (
            f"{IMAGE}.Fn::If[2]: marker removed: a condition excludes it with the parameters of this deployment",
        )

    def test_a_resource_whose_condition_is_false_is_not_asked_for(self) -> None:
        template = template_of("!PinDigest nginx:1", **self.SECTIONS)
        template["Resources"]["Web"]["Condition"] = "Dev"
        template["Resources"]["Other"] = {**task("!PinDigest nginx:2"), "Condition": "Prod"}
        template["Conditions"]["Prod"] = {"Fn::Not": [{"Condition": "Dev"}]}
        result = pin(template, digests=ExpectedDigests(["docker.io/library/nginx:1"]))
        assert image_in(result.answer, "Other") == "nginx:2"

    def test_an_empty_parameter_in_an_arm_that_is_not_deployed_is_no_problem(self) -> None:
        template = template_of(
            {"Fn::If": ["Dev", "!PinDigest nginx:1", {"Fn::Sub": "!PinDigest ${Prod}"}]}, **self.SECTIONS
        )
        template["Parameters"] = {**template["Parameters"], "Prod": {"Type": "String", "Default": ""}}
        assert image_in(pin(template).answer)["Fn::If"][2] == {"Fn::Sub": "${Prod}"}

    def test_a_mark_that_a_parameter_brings_to_an_arm_that_is_not_deployed_goes_too(self) -> None:
        template = template_of({"Fn::If": ["Dev", "nginx:1", {"Ref": "Prod"}]}, **self.SECTIONS)
        template["Parameters"] = {**template["Parameters"], "Prod": {"Type": "String", "Default": "!PinDigest nginx:9"}}
        result = pin(template, digests=NOBODY)
        assert image_in(result.answer) == {"Fn::If": ["Dev", "nginx:1", "nginx:9"]}

    def test_a_mark_in_an_arm_that_is_not_deployed_and_cannot_be_taken_out_is_a_problem(self) -> None:
        image = {"Fn::If": ["Dev", "nginx:1", {"Fn::Sub": "${Mark} nginx:${AWS::StackName}"}]}
        template = template_of(image, **self.SECTIONS)
        template["Parameters"] = {**template["Parameters"], "Mark": {"Type": "String", "Default": "!PinDigest"}}
        ((path, cause),) = problems_of(pin(template, digests=NOBODY))
        assert path == f"{IMAGE}.Fn::If[2]"
        assert "cannot be taken out" in cause

    def test_no_value_is_no_image(self) -> None:
        template = template_of({"Fn::If": ["Open", "!PinDigest nginx:1", NO_VALUE]}, **self.SECTIONS)
        assert image_in(pin(template).answer) == {"Fn::If": ["Open", pinned("nginx", "1"), NO_VALUE]}

    def test_a_mark_around_no_value_is_a_problem(self) -> None:
        image = {"Fn::PinDigest": {"Fn::If": ["Dev", NO_VALUE, "nginx:1"]}}
        result = pin(template_of(image, **self.SECTIONS), digests=NOBODY)
        assert problems_of(result) == [(IMAGE, "the image is AWS::NoValue")]


class TestCarriedMarks:
    def test_a_mark_that_comes_with_a_parameter_or_a_mapping_asks_for_a_pin(self) -> None:
        template = {
            "Parameters": {"Image": {"Type": "String", "Default": "!PinDigest nginx:1"}},
            "Mappings": {"Images": {"us-east-1": {"Db": "!PinDigest Platform=linux/arm64 redis:1"}}},
            "Resources": {
                "Web": task({"Ref": "Image"}),
                "Db": task({"Fn::FindInMap": ["Images", {"Ref": "AWS::Region"}, "Db"]}),
            },
        }
        result = pin(template)
        assert image_in(result.answer) == pinned("nginx", "1")
        assert image_in(result.answer, "Db") == pinned("redis", "1", "linux/arm64")
        assert result.answer["Parameters"] is template["Parameters"]
        assert result.answer["Mappings"] == template["Mappings"]

    def test_a_mark_that_a_parameter_brings_to_a_place_that_is_no_image_is_a_problem(self) -> None:
        template = template_of("nginx:1", Parameters={"Image": {"Type": "String", "Default": "!PinDigest nginx:1"}})
        template["Outputs"] = {"Image": {"Value": {"Ref": "Image"}}}
        ((path, cause),) = problems_of(pin(template))
        assert path == "Outputs.Image.Value"
        assert "brings a value that is marked" in cause

    def test_a_value_of_an_event_can_be_marked_as_well_as_a_default(self) -> None:
        template = template_of({"Ref": "Image"}, Parameters={"Image": {"Type": "String"}})
        assert image_in(pin(template, values={"Image": "!PinDigest nginx:1"}).answer) == pinned("nginx", "1")

    def test_a_marked_value_that_may_come_to_an_image_and_is_not_known_is_a_problem(self) -> None:
        template = template_of({"Fn::FindInMap": ["Images", {"Ref": "AWS::StackName"}, "Web"]})
        template["Mappings"] = {"Images": {"prod": {"Web": "!PinDigest nginx:1"}}}
        ((path, cause),) = problems_of(pin(template))
        assert path == IMAGE
        assert "one of the values that it may come to is marked" in cause

    def test_a_secret_parameter_with_a_mark_is_a_problem_and_its_value_is_not_told(self) -> None:
        template = template_of({"Ref": "Image"}, Parameters={"Image": {"Type": "String", "NoEcho": True}})
        result = pin(template, values={"Image": "!PinDigest hidden:1"})
        assert "hidden" not in json.dumps(result.report.to_json())
        assert len(problems_of(result)) == 1

    def test_what_a_marked_value_depends_on_is_looked_up(self) -> None:
        template = template_of({"Fn::FindInMap": ["Images", {"Fn::ImportValue": "stage"}, "Web"]})
        template["Mappings"] = {"Images": {"prod": {"Web": "!PinDigest nginx:1"}, "dev": {"Web": "nginx:2"}}}
        result = pin(template, external_values=ExpectedLookups({StackExport("stage"): "prod"}))
        assert image_in(result.answer) == pinned("nginx", "1")


class TestLookups:
    def test_what_only_aws_knows_is_looked_up_once_and_then_found_again(self) -> None:
        external_values = ExpectedLookups({SsmParameter("/tag"): "7", StackExport("repository"): "team/app"})
        template = {
            "Resources": {
                "Web": task("!PinDigest nginx:{{resolve:ssm:/tag}}"),
                "App": task(
                    {"Fn::Join": [":", [{"Fn::Sub": "!PinDigest ${AWS::Region}.example.com"}, "{{resolve:ssm:/tag}}"]]}
                ),
                "Db": task({"Fn::PinDigest": {"Fn::Join": [":", [{"Fn::ImportValue": "repository"}, "1"]]}}),
            }
        }
        result = pin(template, external_values=external_values)
        assert external_values.calls == 1
        assert image_in(result.answer) == pinned("nginx", "7")
        assert image_in(result.answer, "Db") == pinned("team/app", "1")

    def test_a_look_up_without_an_answer_is_a_problem_of_its_image(self) -> None:
        external_values = ExpectedLookups({SsmParameter("/tag"): Unknown("there is no parameter '/tag'", "Create it")})
        result = pin(template_of("!PinDigest nginx:{{resolve:ssm:/tag}}"), external_values=external_values)
        assert problems_of(result) == [(IMAGE, "the image cannot be told: there is no parameter '/tag'")]

    def test_an_image_that_is_never_told_does_not_keep_its_mark(self) -> None:
        class Silent:
            calls = 0

            def resolve_values(self, *_: Any) -> dict[Any, Any]:
                self.calls += 1
                return {}

        silent = Silent()
        result = pin(template_of("!PinDigest nginx:{{resolve:ssm:/tag}}"), external_values=silent)
        ((path, cause),) = problems_of(result)
        assert path == IMAGE
        assert "the SSM parameter '/tag' was not resolved in 4 rounds of lookups" in cause
        assert 1 <= silent.calls < 10

    def test_a_condition_that_must_be_looked_up_decides_what_is_asked_for(self) -> None:
        template = template_of({"Fn::If": ["Prod", "!PinDigest nginx:1", "!PinDigest nginx:2"]})
        template["Conditions"] = {"Prod": {"Fn::Equals": ["{{resolve:ssm:/stage}}", "prod"]}}
        template["Conditions"]["Prod"] = {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}
        template["Parameters"] = {"Stage": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/stage"}}
        result = pin(
            template,
            external_values=ExpectedLookups({SsmParameter("/stage"): Known("prod")}),
            digests=ExpectedDigests(["docker.io/library/nginx:1"]),
        )
        assert image_in(result.answer) == {"Fn::If": ["Prod", pinned("nginx", "1"), "nginx:2"]}


class TestWhenMissing:
    def absent(self) -> EveryDigest:
        return EveryDigest(
            {"docker.io/library/nginx:1": ABSENT, f"{ECR}/app:1": ABSENT, f"{ACCOUNT}.example.com/app:1": ABSENT}
        )

    def test_by_default_a_missing_image_fails(self) -> None:
        result = pin(template_of("!PinDigest nginx:1"), digests=self.absent())
        assert problems_of(result) == [(IMAGE, "there is no such tag")]

    def test_an_image_that_does_not_fit_fails_whatever_is_wished(self) -> None:
        digests = EveryDigest({"docker.io/library/nginx:1": UNFIT})
        result = pin(template_of("!PinDigest WhenMissing=KeepTag nginx:1"), digests=digests)
        assert problems_of(result) == [(IMAGE, "no image for the platform")]

    def test_an_operator_who_says_fail_cannot_be_overruled(self) -> None:
        settings = Settings.from_environment({"IMAGE_PINNER_WHEN_MISSING": "Fail"})
        result = pin(template_of("!PinDigest WhenMissing=KeepTag nginx:1"), settings=settings, digests=self.absent())
        assert problems_of(result) == [(IMAGE, "WhenMissing=KeepTag is looser than the operator's WhenMissing=Fail")]

    @pytest.mark.parametrize(
        ("image", "kept"),
        [
            ("!PinDigest nginx:1", "nginx:1"),
            ("!PinDigest Platform=Any  nginx:1 ", "nginx:1"),
            (
                {"Fn::Sub": "!PinDigest ${AWS::AccountId}.example.com/${Repo}:1"},
                {"Fn::Sub": "${AWS::AccountId}.example.com/${Repo}:1"},
            ),
            ({"Fn::Sub": ["!PinDigest ${U}:1", {"U": URI}]}, {"Fn::Sub": ["${U}:1", {"U": URI}]}),
            ({"Fn::Join": ["", ["!PinDigest ", URI, ":1"]]}, {"Fn::Join": ["", [URI, ":1"]]}),
            ({"Fn::Join": [" ", ["!PinDigest", "nginx:1"]]}, {"Fn::Join": [" ", ["nginx:1"]]}),
            ({"Fn::Join": [" ", ["!PinDigest", "Platform=Any", "nginx:1"]]}, "nginx:1"),
            ({"Fn::Sub": "!PinDigest ${Words} nginx:1"}, "nginx:1"),
            ({"Ref": "Marked"}, "nginx:1"),
            ({"Fn::PinDigest": {"Fn::Sub": "${Repo.RepositoryUri}:1"}}, {"Fn::Sub": "${Repo.RepositoryUri}:1"}),
            ({"Fn::PinDigest": {"Image": {"Ref": "Plain"}}}, {"Ref": "Plain"}),
            ({"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": {"Ref": "Plain"}}}}, {"Ref": "Plain"}),
        ],
    )  # fmt: skip
    def test_with_keep_tag_the_mark_goes_and_what_the_expression_refers_to_stays(self, image: Any, kept: Any) -> None:
        template = template_of(image)
        template["Parameters"] = {
            "Words": {"Type": "String", "Default": "Platform=Any"},
            "Marked": {"Type": "String", "Default": "!PinDigest nginx:1"},
            "Plain": {"Type": "String", "Default": "nginx:1"},
        }
        template["Resources"]["Repo"] = {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "app"}}
        result = pin(template, {"WhenMissing": "KeepTag"}, digests=self.absent())
        assert result.report.succeeded, result.report.problems
        assert image_in(result.answer) == kept
        assert "DockerLabels" not in json.dumps(result.answer)
        assert statuses_of(result) == {IMAGE: "tag kept"}
        assert result.report.warnings == (f"{IMAGE}: tag kept: there is no such tag",)

    def test_an_unmarked_image_that_keeps_its_tag_is_not_touched(self) -> None:
        template = template_of("nginx:1")
        result = pin(template, {"Pin": "All", "WhenMissing": "KeepTag"}, digests=self.absent())
        assert result.edits == ()
        assert statuses_of(result) == {IMAGE: "tag kept"}


def pin_with(connect: Callable[[ImageScan], Resolvers], template: dict[str, Any]) -> PinResult:
    scope = Scope.of_template(template, {}, region="", account_id="")
    return pin_template(read_fragment(template, {}), scope, Settings(), connect, Deadline.after(60))


class TestPorts:
    def test_by_default_nothing_can_be_looked_up_so_that_not_even_keep_tag_succeeds(self) -> None:
        digests = pin_with(lambda _: Resolvers(), template_of("!PinDigest WhenMissing=KeepTag nginx:1"))
        values = pin_with(lambda _: Resolvers(), template_of("!PinDigest nginx:{{resolve:ssm:/tag}}"))
        assert problems_of(digests) == [(IMAGE, "no registries are configured")]
        assert "AWS lookups are not configured" in problems_of(values)[0][1]

    def test_resolvers_are_made_once_from_a_scan_that_needed_none(self) -> None:
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

    def test_every_step_can_be_called_alone(self) -> None:
        template = template_of("!PinDigest nginx:1")
        fragment = read_fragment(template, {})
        found = find(fragment, Scope.of_template(template, {}, region="", account_id=""), Settings())
        resolved = resolve(fragment, found, Settings(), Resolvers(EveryDigest()), Deadline.after(60))
        decision = judge(resolved, (), NothingKnown(), Deadline.after(60))
        assert [str(lookup) for lookup in resolved.plan.lookups] == ["docker.io/library/nginx:1"]
        assert image_in(rewrite(fragment, resolved, decision).answer) == pinned("nginx", "1")


class SignedFacts:
    """Knows who signed images, and remembers what was requested."""

    def __init__(self, signers: Mapping[str, str]) -> None:
        self.signers = signers
        self.requests: list[tuple[list[str], frozenset[str]]] = []

    def gather(
        self, digests: Collection[ImageReference], needs: frozenset[str], deadline: Deadline
    ) -> dict[ImageReference, Facts]:
        assert deadline.remaining() > 0
        self.requests.append(([str(digest) for digest in digests], needs))
        return {digest: {"signer": self.signers[str(digest)]} for digest in digests if str(digest) in self.signers}


@dataclass(frozen=True)
class Signed:
    """Requires a signer."""

    signer: str
    id = "signed"
    needs = frozenset({"signer"})

    def judge(self, image: JudgedImage) -> Verdict:
        signer = image.facts.get("signer")
        return Allowed() if signer == self.signer else Denied(f"signed by {signer}", "sign it")


class TestFacts:
    WEB, DB = (f"docker.io/library/{name}@{digest_of(f'docker.io/library/{name}:1')}" for name in ("nginx", "redis"))

    def judged(self, facts: SignedFacts, *images: str, policies: Sequence[Policy]) -> Decision:
        template = {"Resources": {"Web": task(*images)}}
        fragment = read_fragment(template, {})
        found = find(fragment, Scope.of_template(template, {}, region="", account_id=""), Settings())
        digests = EveryDigest({"docker.io/library/gone:1": ABSENT})
        resolved = resolve(fragment, found, Settings(), Resolvers(digests), Deadline.after(60))
        return judge(resolved, policies, facts, Deadline.after(60))

    def test_no_facts_are_gathered_when_no_policy_needs_any(self) -> None:
        facts = SignedFacts({})
        assert self.judged(facts, "!PinDigest nginx:1", policies=[ExplicitTag()]).problems == ()
        assert pin_with(
            lambda _: Resolvers(EveryDigest(), facts=facts), template_of("!PinDigest nginx:1")
        ).report.succeeded
        assert facts.requests == []

    def test_no_facts_are_gathered_about_images_that_do_not_exist(self) -> None:
        facts = SignedFacts({})
        self.judged(facts, "!PinDigest gone:1", policies=[Signed("us")])
        assert facts.requests == []

    def test_a_fact_that_is_missing_denies(self) -> None:
        decision = self.judged(SignedFacts({}), "!PinDigest nginx:1", policies=[Signed("us")])
        assert [problem.cause for problem in decision.problems] == ["signed by None"]
        assert [str(site.reference) for site in decision.failed] == ["nginx:1"]

    def test_the_facts_about_each_digest_reach_the_policies(self) -> None:
        facts = SignedFacts({self.WEB: "us", self.DB: "them"})
        images = ("!PinDigest nginx:1", f"!PinDigest {self.WEB}", "!PinDigest redis:1")
        decision = self.judged(facts, *images, policies=[Signed("us"), ExplicitTag()])
        assert [str(outcome.site.reference) for outcome in decision.outcomes] == ["nginx:1", self.WEB]
        assert [(problem.image, problem.cause) for problem in decision.problems] == [("redis:1", "signed by them")]
        assert facts.requests == [([self.WEB, self.DB], frozenset({"signer"}))]


class TestSiteIdentity:
    def test_it_names_resource_container_and_property_and_survives_other_images(self) -> None:
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

    def test_branches_of_one_image_are_told_apart(self) -> None:
        template = template_of({"Fn::If": ["Open", "!PinDigest a:1", "!PinDigest b:1"]})
        template["Conditions"] = {"Open": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}}
        assert len({site.identity for site in self.sites(template)}) == 2

    def sites(self, template: Mapping[str, Any]) -> list[PinSite]:
        scope = Scope.of_template(dict(template), {}, region="", account_id="")
        return find(read_fragment(dict(template), {}), scope, Settings()).scan.pinned


class TestLimits:
    @pytest.mark.parametrize(("length", "good"), [(255, True), (256, False)])
    def test_ecs_counts_what_stands_before_the_digest(self, length: int, good: bool) -> None:  # noqa: FBT001
        name = "example.com/" + "a" * (length - len("example.com/"))
        result = pin(template_of(f"!PinDigest {name}:1"))
        assert result.report.succeeded is good
        if not good:
            assert problems_of(result) == [
                (IMAGE, "the image is 256 characters long before the @; AWS::ECS::TaskDefinition allows 255")
            ]

    @pytest.mark.parametrize(
        ("resource", "limit"),
        [
            ({"Type": "AWS::SageMaker::Model", "Properties": {"PrimaryContainer": {"Image": "IMAGE"}}}, 255),
            ({"Type": "AWS::Batch::JobDefinition", "Properties": {"ContainerProperties": {"Image": "IMAGE"}}}, 255),
            (
                {
                    "Type": "AWS::AppRunner::Service",
                    "Properties": {"SourceConfiguration": {"ImageRepository": {"ImageIdentifier": "IMAGE"}}},
                },
                1024,
            ),
        ],
    )
    @pytest.mark.parametrize("over", [0, 1])
    def test_elsewhere_the_whole_value_counts(self, resource: dict[str, Any], limit: int, over: int) -> None:
        digest = len("@sha256:") + 64
        host = ".".join(["h" * 60] * 13)
        rest = limit - digest - len("example.com/") + over
        name = "example.com/" + "a" * rest if rest < 250 else f"{host}/{'a' * (limit - digest - len(host) - 1 + over)}"
        text = json.dumps(resource).replace("IMAGE", f"!PinDigest {name}:1")
        result = pin({"Resources": {"R": json.loads(text)}})
        assert result.report.succeeded is (over == 0)
        if over:
            assert f"the image is {limit + 1} characters long with its digest" in problems_of(result)[0][1]
