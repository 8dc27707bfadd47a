"""Pin whole templates with fake resolvers."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from image_pinner.core.intrinsics.values import SsmParameter, StackExport, Unknown
from image_pinner.core.template.problems import ProblemKind
from image_pinner.settings import Settings
from support.images import HEX
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
    image_in,
    pin,
    pinned,
    problems_of,
    statuses_of,
    task,
    template_of,
)

IMAGE = "Resources.Web.Properties.ContainerDefinitions[0].Image"
NO_DIGESTS = ExpectedDigests()
URI = {"Fn::GetAtt": ["Repo", "RepositoryUri"]}


class TestAllOrNothing:
    def test_one_problem_changes_nothing_and_every_problem_is_reported(self) -> None:
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
            "Down",
            "Gone",
            "Bad",
            "Open",
            "Stray",
            "Untagged",
        ]
        assert all(problem.help for problem in result.report.problems)
        assert "nginx:1" in str(digests.lookups)

    def test_images_are_looked_up_even_if_the_template_has_problems(self) -> None:
        template = template_of("!PinDigest nginx:1", Outputs={"X": {"Value": "!PinDigest nginx:2"}})
        digests = EveryDigest({"docker.io/library/nginx:1": ABSENT})
        assert [path for path, _ in problems_of(pin(template, digests=digests))] == [IMAGE, "Outputs.X.Value"]

    def test_resolver_that_omits_a_result_is_an_internal_error(self) -> None:
        class Forgetful(EveryDigest):
            def resolve_all(self, *_: Any) -> dict[Any, Any]:
                return {}

        result = pin(template_of("!PinDigest nginx:1"), digests=Forgetful())
        assert problems_of(result) == [(IMAGE, "internal error: the lookup has no result")]


class TestPinning:
    def test_marked_image_is_pinned_and_nothing_else_changes(self) -> None:
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
        twice = pin(once, digests=NO_DIGESTS)
        assert twice.answer == once
        assert twice.edits == ()
        assert pin(once, {"Pin": "All"}, digests=NO_DIGESTS).edits == ()

    def test_output_does_not_depend_on_the_order_of_keys(self) -> None:
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

    def test_repeated_image_is_looked_up_once(self) -> None:
        digests = EveryDigest()
        template = {"Resources": {"A": task("!PinDigest nginx:1"), "B": task("!PinDigest docker.io/library/nginx:1")}}
        result = pin(template, digests=digests)
        assert digests.lookups == ["docker.io/library/nginx:1"]
        assert image_in(result.answer, "A") == pinned("nginx", "1")
        assert image_in(result.answer, "B") == pinned("docker.io/library/nginx", "1")

    def test_template_without_requested_pins_makes_no_lookups(self) -> None:
        template = template_of("nginx:1")
        result = pin(template, digests=NO_DIGESTS)
        assert result.answer == template
        assert result.edits == ()
        assert statuses_of(result) == {IMAGE: "unmarked"}

    def test_one_tag_is_resolved_once_for_each_platform(self) -> None:
        digests = EveryDigest()
        template = template_of("!PinDigest Platform=linux/arm64 nginx:1")
        template["Resources"]["Other"] = task("!PinDigest Platform=linux/amd64 nginx:1")
        result = pin(template, digests=digests)
        assert digests.lookups == [
            "docker.io/library/nginx:1 for linux/amd64",
            "docker.io/library/nginx:1 for linux/arm64",
        ]
        assert image_in(result.answer) == pinned("nginx", "1", "linux/arm64")

    @pytest.mark.parametrize(
        "template", [{}, {"Resources": {}}, {"Resources": None}, {"AWSTemplateFormatVersion": "x"}]
    )
    def test_template_without_sections_is_accepted(self, template: dict[str, Any]) -> None:
        result = pin({**template, "AWSTemplateFormatVersion": "2010-09-09"}, digests=NO_DIGESTS)
        assert result.report.succeeded


class TestPin:
    def test_skipped_image_makes_no_lookups(self) -> None:
        template = template_of({"Ref": "Stored"})
        template["Parameters"] = {"Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image"}}
        template["Resources"]["Web"]["Metadata"] = {"ImagePinner": {"Pin": "Skip"}}
        result = pin(template, {"Pin": "All"}, digests=NO_DIGESTS, external_values=ExpectedLookups())
        assert result.report.succeeded
        assert statuses_of(result) == {IMAGE: "skipped"}

    def test_unmarked_image_makes_no_lookups(self) -> None:
        template = template_of({"Fn::ImportValue": "image"})
        assert pin(template, digests=NO_DIGESTS, external_values=ExpectedLookups()).report.succeeded

    @pytest.mark.parametrize(
        ("params", "metadata"), [({"Pin": "All"}, None), ({}, {"Pin": "All"}), ({"Pin": "All"}, {"Pin": "All"})]
    )
    def test_pin_all_pins_unmarked_images(self, params: dict[str, Any], metadata: Any) -> None:
        template = template_of("nginx:1")
        if metadata:
            template["Metadata"] = {"ImagePinner": metadata}
        assert image_in(pin(template, params).answer) == pinned("nginx", "1")

    def test_list_of_names_pins_these_containers_only(self) -> None:
        template = template_of("nginx:1")
        template["Resources"]["Web"]["Properties"]["ContainerDefinitions"].append({"Name": "db", "Image": "redis:1"})
        result = pin(template, {"Pin": ["db"]}, digests=ExpectedDigests(["docker.io/library/redis:1"]))
        assert image_in(result.answer) == "nginx:1"
        assert image_in(result.answer, container=1) == pinned("redis", "1")

    def test_unknown_container_name_is_a_problem(self) -> None:
        result = pin(template_of("nginx:1"), {"Pin": ["web", "wbe"]})
        assert problems_of(result) == [("Transform", "no container is named 'wbe'")]
        assert result.report.problems[0].help == "use one of web"

    def test_configured_pin_all_cannot_be_loosened(self) -> None:
        settings = Settings.from_environment({"IMAGE_PINNER_PIN": "All"})
        template = template_of("nginx:1")
        template["Resources"]["Web"]["Metadata"] = {"ImagePinner": {"Pin": "Skip"}}
        result = pin(template, settings=settings)
        assert problems_of(result) == [
            ("Resources.Web.Metadata.ImagePinner", "Pin selects fewer images than the configured Pin=All")
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

    def test_both_branches_of_an_undecided_condition_are_pinned(self) -> None:
        template = template_of({"Fn::If": ["Open", "!PinDigest nginx:1", "!PinDigest nginx:2"]}, **self.SECTIONS)
        result = pin(template)
        assert image_in(result.answer) == {"Fn::If": ["Open", pinned("nginx", "1"), pinned("nginx", "2")]}

    def test_branch_that_is_not_deployed_is_not_looked_up_and_loses_its_marker(self) -> None:
        image = {"Fn::If": ["Dev", "!PinDigest nginx:1", {"Fn::Sub": "!PinDigest Platform=linux/arm64 nginx:${Env}"}]}
        result = pin(template_of(image, **self.SECTIONS), digests=ExpectedDigests(["docker.io/library/nginx:1"]))
        assert image_in(result.answer) == {"Fn::If": ["Dev", pinned("nginx", "1"), {"Fn::Sub": "nginx:${Env}"}]}
        (warning,) = result.report.warnings
        assert warning.startswith(f"{IMAGE}.Fn::If[2]: marker removed: its condition is false")

    def test_resource_whose_condition_is_false_is_not_looked_up(self) -> None:
        template = template_of("!PinDigest nginx:1", **self.SECTIONS)
        template["Resources"]["Web"]["Condition"] = "Dev"
        template["Resources"]["Other"] = {**task("!PinDigest nginx:2"), "Condition": "Prod"}
        template["Conditions"]["Prod"] = {"Fn::Not": [{"Condition": "Dev"}]}
        result = pin(template, digests=ExpectedDigests(["docker.io/library/nginx:1"]))
        assert image_in(result.answer, "Other") == "nginx:2"

    def test_empty_parameter_in_a_branch_that_is_not_deployed_is_accepted(self) -> None:
        template = template_of(
            {"Fn::If": ["Dev", "!PinDigest nginx:1", {"Fn::Sub": "!PinDigest ${Prod}"}]}, **self.SECTIONS
        )
        template["Parameters"] = {**template["Parameters"], "Prod": {"Type": "String", "Default": ""}}
        assert image_in(pin(template).answer)["Fn::If"][2] == {"Fn::Sub": "${Prod}"}

    def test_marker_from_a_parameter_is_removed_from_a_branch_that_is_not_deployed(self) -> None:
        template = template_of({"Fn::If": ["Dev", "nginx:1", {"Ref": "Prod"}]}, **self.SECTIONS)
        template["Parameters"] = {**template["Parameters"], "Prod": {"Type": "String", "Default": "!PinDigest nginx:9"}}
        result = pin(template, digests=NO_DIGESTS)
        assert image_in(result.answer) == {"Fn::If": ["Dev", "nginx:1", "nginx:9"]}

    def test_marker_that_cannot_be_removed_from_a_branch_is_a_problem(self) -> None:
        image = {"Fn::If": ["Dev", "nginx:1", {"Fn::Sub": "${Mark} nginx:${AWS::StackName}"}]}
        template = template_of(image, **self.SECTIONS)
        template["Parameters"] = {**template["Parameters"], "Mark": {"Type": "String", "Default": "!PinDigest"}}
        ((path, cause),) = problems_of(pin(template, digests=NO_DIGESTS))
        assert path == f"{IMAGE}.Fn::If[2]"
        assert "cannot remove the marker" in cause

    def test_no_value_is_not_an_image(self) -> None:
        template = template_of({"Fn::If": ["Open", "!PinDigest nginx:1", NO_VALUE]}, **self.SECTIONS)
        assert image_in(pin(template).answer) == {"Fn::If": ["Open", pinned("nginx", "1"), NO_VALUE]}

    def test_marker_around_no_value_is_a_problem(self) -> None:
        image = {"Fn::PinDigest": {"Fn::If": ["Dev", NO_VALUE, "nginx:1"]}}
        result = pin(template_of(image, **self.SECTIONS), digests=NO_DIGESTS)
        assert problems_of(result) == [(IMAGE, "image is AWS::NoValue")]


class TestMarkersInValues:
    def test_marker_in_a_parameter_or_mapping_requests_a_pin(self) -> None:
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

    def test_marker_from_a_parameter_outside_of_images_is_a_problem(self) -> None:
        template = template_of("nginx:1", Parameters={"Image": {"Type": "String", "Default": "!PinDigest nginx:1"}})
        template["Outputs"] = {"Image": {"Value": {"Ref": "Image"}}}
        ((path, cause),) = problems_of(pin(template))
        assert path == "Outputs.Image.Value"
        assert "returns a value marked with !PinDigest" in cause

    def test_parameter_value_can_be_marked(self) -> None:
        template = template_of({"Ref": "Image"}, Parameters={"Image": {"Type": "String"}})
        assert image_in(pin(template, values={"Image": "!PinDigest nginx:1"}).answer) == pinned("nginx", "1")

    def test_unknown_value_that_may_be_marked_is_a_problem(self) -> None:
        template = template_of({"Fn::FindInMap": ["Images", {"Ref": "AWS::StackName"}, "Web"]})
        template["Mappings"] = {"Images": {"prod": {"Web": "!PinDigest nginx:1"}}}
        ((path, cause),) = problems_of(pin(template))
        assert path == IMAGE
        assert "a value that it refers to has a marker" in cause

    def test_marked_noecho_parameter_is_a_problem_without_its_value(self) -> None:
        template = template_of({"Ref": "Image"}, Parameters={"Image": {"Type": "String", "NoEcho": True}})
        result = pin(template, values={"Image": "!PinDigest hidden:1"})
        assert "hidden" not in json.dumps(result.report.to_json())
        assert len(problems_of(result)) == 1

    def test_export_that_a_marked_value_depends_on_is_looked_up(self) -> None:
        template = template_of({"Fn::FindInMap": ["Images", {"Fn::ImportValue": "stage"}, "Web"]})
        template["Mappings"] = {"Images": {"prod": {"Web": "!PinDigest nginx:1"}, "dev": {"Web": "nginx:2"}}}
        result = pin(template, external_values=ExpectedLookups({StackExport("stage"): "prod"}))
        assert image_in(result.answer) == pinned("nginx", "1")


class TestLookups:
    def test_external_values_are_looked_up_in_one_call(self) -> None:
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

    @pytest.mark.parametrize("image", ["{{resolve:ssm:/image}}", {"Fn::ImportValue": "image"}])
    def test_a_looked_up_image_with_a_digest_is_written_as_text(self, image: Any) -> None:
        text = f"nginx@sha256:{HEX}"
        found = ExpectedLookups({SsmParameter("/image"): text, StackExport("image"): text})
        result = pin(template_of(image), {"Pin": "All"}, external_values=found)
        assert image_in(result.answer) == text
        assert statuses_of(result) == {IMAGE: "pinned"}

    @pytest.mark.parametrize(("beginning", "value"), [("nginx:", "7"), ("nginx@", f"sha256:{HEX}")])
    def test_an_unmarked_image_stays_unknown_if_its_value_is_looked_up(self, beginning: str, value: str) -> None:
        image = f"{beginning}{{{{resolve:ssm:/value}}}}"
        template = {"Resources": {"Web": task(image), "Db": task(f"!PinDigest {image}")}}
        result = pin(template, external_values=ExpectedLookups({SsmParameter("/value"): value}))
        assert image_in(result.answer) == image
        (unmarked,) = result.report.skipped
        assert (unmarked.status, unmarked.written) == ("unmarked", "")

    def test_failed_lookup_of_a_value_is_a_problem_of_its_image(self) -> None:
        external_values = ExpectedLookups({SsmParameter("/tag"): Unknown("there is no parameter '/tag'", "Create it")})
        result = pin(template_of("!PinDigest nginx:{{resolve:ssm:/tag}}"), external_values=external_values)
        assert problems_of(result) == [(IMAGE, "cannot resolve image: there is no parameter '/tag'")]

    @pytest.mark.parametrize(
        ("unknown", "kind"),
        [
            (Unknown("it does not exist", "create it"), ProblemKind.TEMPLATE),
            (Unknown("AWS did not respond", "retry", failed_lookup=True), ProblemKind.LOOKUP),
        ],
    )
    def test_kind_of_a_problem_is_whether_a_request_for_a_value_failed(
        self, unknown: Unknown, kind: ProblemKind
    ) -> None:
        result = pin(
            template_of("!PinDigest nginx:{{resolve:ssm:/tag}}"),
            external_values=ExpectedLookups({SsmParameter("/tag"): unknown}),
        )
        assert [problem.kind for problem in result.report.problems] == [kind]

    def test_value_that_is_never_resolved_is_a_problem(self) -> None:
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

    @pytest.mark.parametrize(("value", "second"), [("/stage", pinned("nginx", "2")), ("prod", "nginx:2")])
    def test_only_a_value_that_cannot_be_a_name_decides_a_condition(self, value: str, second: str) -> None:
        template = template_of({"Fn::If": ["Prod", "!PinDigest nginx:1", "!PinDigest nginx:2"]})
        template["Conditions"] = {"Prod": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}}
        template["Parameters"] = {"Stage": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/stage"}}
        image = image_in(pin(template, values={"Stage": value}).answer)
        assert image == {"Fn::If": ["Prod", pinned("nginx", "1"), second]}


class TestWhenMissing:
    def absent(self) -> EveryDigest:
        return EveryDigest(
            {"docker.io/library/nginx:1": ABSENT, f"{ECR}/app:1": ABSENT, f"{ACCOUNT}.example.com/app:1": ABSENT}
        )

    def test_missing_image_is_a_problem_by_default(self) -> None:
        result = pin(template_of("!PinDigest nginx:1"), digests=self.absent())
        assert problems_of(result) == [(IMAGE, "there is no such tag")]

    def test_unsuitable_image_is_a_problem_even_with_keep_tag(self) -> None:
        digests = EveryDigest({"docker.io/library/nginx:1": UNFIT})
        result = pin(template_of("!PinDigest WhenMissing=KeepTag nginx:1"), digests=digests)
        assert problems_of(result) == [(IMAGE, "no image for the platform")]

    def test_configured_when_missing_fail_cannot_be_loosened(self) -> None:
        settings = Settings.from_environment({"IMAGE_PINNER_WHEN_MISSING": "Fail"})
        result = pin(template_of("!PinDigest WhenMissing=KeepTag nginx:1"), settings=settings, digests=self.absent())
        assert problems_of(result) == [
            (IMAGE, "WhenMissing=KeepTag is less strict than the configured WhenMissing=Fail")
        ]

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
    def test_keep_tag_removes_the_marker_and_keeps_references(self, image: Any, kept: Any) -> None:
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

    def test_unmarked_image_that_keeps_its_tag_is_not_changed(self) -> None:
        template = template_of("nginx:1")
        result = pin(template, {"Pin": "All", "WhenMissing": "KeepTag"}, digests=self.absent())
        assert result.edits == ()
        assert statuses_of(result) == {IMAGE: "tag kept"}


class TestLimits:
    @pytest.mark.parametrize(("length", "good"), [(255, True), (256, False)])
    def test_ecs_limits_the_length_before_the_digest(self, length: int, good: bool) -> None:  # noqa: FBT001
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
    def test_other_services_limit_the_whole_length(self, resource: dict[str, Any], limit: int, over: int) -> None:
        digest = len("@sha256:") + 64
        host = ".".join(["h" * 60] * 13)
        size = limit - digest - len("example.com/") + over
        name = "example.com/" + "a" * size if size < 250 else f"{host}/{'a' * (limit - digest - len(host) - 1 + over)}"
        text = json.dumps(resource).replace("IMAGE", f"!PinDigest {name}:1")
        result = pin({"Resources": {"R": json.loads(text)}})
        assert result.report.succeeded is (over == 0)
        if over:
            assert f"the image is {limit + 1} characters long with its digest" in problems_of(result)[0][1]
