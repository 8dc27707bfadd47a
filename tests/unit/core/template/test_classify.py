from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.images.platforms import Platform
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, SsmParameter, StackExport
from image_pinner.core.template.classify import classify_image
from image_pinner.core.template.locations import ImageLocation, image_locations
from image_pinner.core.template.options import AnyPlatform, Options, Pin, Record, WhenMissing
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.sites import Classification, PinSite, ResourceContext, ScanSettings, SkippedImage
from image_pinner.core.template.traversal import ConditionGuard, TemplateNode
from support.images import HEX

ECS = image_locations()["AWS::ECS::TaskDefinition"][0]
LAMBDA = image_locations()["AWS::Lambda::Function"][0]
ALL = ResourceContext(Options(pin=Pin.ALL))
NO_VALUE = {"Ref": "AWS::NoValue"}
TAG = SsmParameter("/tag")
SCOPE = Scope(
    parameters={
        "Tag": {"Type": "String", "Default": "1"},
        "Empty": {"Type": "String", "Default": ""},
        "Marked": {"Type": "String", "Default": "!PinDigest nginx:1"},
        "MarkAlone": {"Type": "String", "Default": "!PinDigest"},
        "List": {"Type": "CommaDelimitedList", "Default": "nginx:1,redis:2"},
    },
    mappings={"Images": {"prod": {"Web": "!PinDigest nginx:1"}}},
    conditions={"No": {"Fn::Equals": ["a", "b"]}, "Asked": {"Fn::Equals": [{"Fn::ImportValue": "stage"}, "prod"]}},
    region="us-east-1",
    account_id="111122223333",
)


def read(
    value: Any,
    *,
    context: ResourceContext = ResourceContext(),  # noqa: B008 - frozen
    location: ImageLocation = ECS,
    guards: tuple[ConditionGuard, ...] = (),
    owner: Any = None,
    scope: Scope = SCOPE,
) -> Classification:
    return classify_image(TemplateNode(("here",), value, scope, guards, owner), location, context, ScanSettings())


def site(value: Any, **given: Any) -> PinSite:
    found = read(value, **given).result
    assert isinstance(found, PinSite), found
    return found


def skipped(value: Any, **given: Any) -> SkippedImage:
    found = read(value, **given).result
    assert isinstance(found, SkippedImage), found
    return found


def problem(value: Any, **given: Any) -> Problem:
    found = read(value, **given).result
    assert isinstance(found, Problem), found
    assert found.help
    assert str(found.path) == "here"
    return found


class TestProblems:
    @pytest.mark.parametrize(
        ("value", "cause"),
        [
            ("!PinDigest", "nothing stands behind the mark"),
            ({"Fn::Sub": "!PinDigest ${Empty}"}, "nothing stands behind the mark"),
            ("!PinDigestnginx", "'!PinDigestnginx' is not the mark"),
            (
                "!PinDigest Nginx:1",
                "'Nginx:1' is no image reference: a repository must be lower case (at character 1)",
            ),
            (
                "!PinDigest !PinDigest nginx",
                "'!PinDigest nginx' is no image reference: it contains white space (at character 11)",
            ),
            ("!PinDigest Lock=x nginx:1", "the option Lock is not available yet"),
            (
                {"Fn::Sub": "!PinDigest nginx:${Nope}"},
                "the image cannot be told: the template has no parameter and no resource 'Nope'",
            ),
            ({"Fn::PinDigest": {}}, "Fn::PinDigest has no Image"),
            ({"Fn::PinDigest": None}, "the image is empty"),
            ({"Fn::PinDigest": 5}, "the image is a number"),
            ({"Fn::PinDigest": 1.5}, "the image is a number"),
            ({"Fn::PinDigest": True}, "the image is a truth value"),
            ({"Fn::PinDigest": ["nginx"]}, "the image is a list"),
            ({"Fn::PinDigest": {"Image": {"a": "b"}}}, "the image is a map"),
            ({"Fn::PinDigest": NO_VALUE}, "the image is AWS::NoValue"),
            ({"Fn::PinDigest": {"Ref": "Marked"}}, "the image is marked twice"),
            ({"Fn::PinDigest": {"Image": "!PinDigest nginx:1"}}, "the image is marked twice"),
            (
                {"Fn::PinDigest": {"Fn::PinDigest": "nginx:1"}},
                "the image cannot be told: Fn::PinDigest cannot be inside another function",
            ),
            ({"Fn::Transform": "ImagePinner"}, "the snippet of ImagePinner has no Image"),
            ("!PinDigest aws/codebuild/standard:7", None),
        ],
    )
    def test_what_is_asked_for_and_cannot_be_read_is_a_problem(self, value: Any, cause: str | None) -> None:
        if cause is None:
            codebuild = image_locations()["AWS::CodeBuild::Project"][0]
            cause = "'aws/codebuild/standard:7' cannot be pinned here: it is an image of the service itself"
            assert problem(value, location=codebuild).cause == cause
        else:
            assert problem(value).cause == cause

    @pytest.mark.parametrize(
        ("value", "cause"),
        [
            ("nginx:1 !PinDigest", "the mark does not stand at the beginning of the image"),
            ("\ufeff!PinDigest nginx:1", "the mark does not stand at the beginning of the image"),
            ("see !PinDigest", "the mark does not stand at the beginning of the image"),
            (["!PinDigest nginx:1"], "the mark does not stand at the beginning of the image"),
            ({"a": "!PinDigest nginx:1"}, "the mark does not stand at the beginning of the image"),
            ({"Fn::Join": ["", ["x", "!PinDigest nginx:1"]]}, "the mark does not stand at the beginning of the image"),
            (
                {"Fn::Join": ["", [{"Ref": "Nope"}, "!PinDigest nginx:1"]]},
                "the mark does not stand at the beginning of the image",
            ),
            (
                {"Fn::Select": [0, ["nginx:1", "!PinDigest nginx:2"]]},
                "the mark does not stand at the beginning of the image",
            ),
            ({"Fn::PinDigest": "nginx:1", "Other": 1}, "Fn::PinDigest does not stand around the whole image"),
            (
                {"Fn::Join": ["", [{"Fn::PinDigest": "nginx"}, ":1"]]},
                "Fn::PinDigest does not stand around the whole image",
            ),
            ([{"Fn::PinDigest": "nginx:1"}], "Fn::PinDigest does not stand around the whole image"),
            ("!pindigest nginx:1", "'!pindigest' is not the mark"),
            ("!Pin nginx:1", "'!Pin' is not the mark"),
            (" !Ref Image", "'!Ref' is not the mark"),
            ("!", "'!' is not the mark"),
            ({"Fn::Sub": "!PinDigset nginx:${Tag}"}, "'!PinDigset' is not the mark"),
            (
                {"Fn::FindInMap": ["Images", {"Ref": "AWS::StackName"}, "Web"]},
                "the image cannot be told, and one of the values that it may come to is marked",
            ),
        ],
    )
    def test_a_mark_that_would_stay_with_an_image_is_a_problem(self, value: Any, cause: str) -> None:
        assert problem(value).cause == cause
        guards = (ConditionGuard("No", expected=True),)
        assert problem(value, guards=guards).cause == cause

    @pytest.mark.parametrize(
        "value", [None, 5, True, [], ["x"], {"a": "b"}, {}, "", "Nginx:1", "a b", {"Ref": "Nope"}, {"Ref": "List"}]
    )
    def test_with_pin_all_whatever_is_no_image_is_a_problem(self, value: Any) -> None:
        problem(value, context=ALL)

    def test_an_option_looser_than_the_operators_is_a_problem_of_policy(self) -> None:
        context = ResourceContext(operator=Options(when_missing=WhenMissing.FAIL))
        found = problem("!PinDigest WhenMissing=KeepTag nginx:1", context=context)
        assert found.kind is ProblemKind.POLICY

    def test_a_place_that_takes_no_digest_refuses_a_mark_and_is_left_by_pin_all(self) -> None:
        location = image_locations()["AWS::CleanRoomsML::ConfiguredModelAlgorithm"][0]
        assert "supports repository:tag only" in problem("!PinDigest nginx:1", location=location).cause
        for context in (ResourceContext(), ALL):
            found = skipped("nginx:1", location=location, context=context)
            assert (found.status, found.reason) == ("managed", location.refused)

    def test_a_platform_that_must_be_known_and_is_not_is_a_problem(self) -> None:
        context = ResourceContext(properties={"Architectures": [{"Ref": "AWS::StackName"}]})
        found = problem("!PinDigest 111122223333.dkr.ecr.us-east-1.amazonaws.com/a:1", location=LAMBDA, context=context)
        assert found.cause.startswith("the platform cannot be told")
        assert found.help == "Say Platform=os/architecture"


class TestLeft:
    @pytest.mark.parametrize(
        ("value", "status", "reason", "written"),
        [
            ("nginx:1", "unmarked", "nothing asks for a pin", "nginx:1"),
            (f"nginx@sha256:{HEX}", "pinned", "it names a digest already", f"nginx@sha256:{HEX}"),
            (f"nginx:1@sha256:{HEX}", "pinned", "it names a digest already", f"nginx:1@sha256:{HEX}"),
            ("nginx@sha256:0", "unmarked", "nothing asks for a pin", "nginx@sha256:0"),
            ("nginx@latest", "unmarked", "nothing asks for a pin", "nginx@latest"),
            ("", "empty", "there is no image yet; another tool fills it in", ""),
            (None, "empty", "there is no image yet; another tool fills it in", ""),
            (5, "unmarked", "it is a number and no reference", ""),
            (["nginx"], "unmarked", "it is a list and no reference", ""),
            ({"Image": "nginx"}, "unmarked", "it is a map and no reference", ""),
            ({"Ref": "Nope"}, "unmarked", "the template has no parameter and no resource 'Nope'", ""),
            ({"Fn::ImportValue": "image"}, "unmarked", "nothing asks for a pin", ""),
        ],
    )
    def test_what_nothing_asks_for_stays_with_its_reason(
        self, value: Any, status: str, reason: str, written: str
    ) -> None:
        found = skipped(value)
        assert (found.status, found.reason, found.written) == (status, reason, written)
        assert found.replacement is None
        assert not found.marked
        assert read(value).external_values == frozenset()

    @pytest.mark.parametrize("value", [f"nginx@sha256:{HEX}", f"nginx:1@sha256:{HEX}"])
    def test_what_names_a_digest_is_left_by_pin_all(self, value: str) -> None:
        assert skipped(value, context=ALL).status == "pinned"

    def test_skip_is_told(self) -> None:
        assert skipped("nginx:1", context=ResourceContext(Options(pin=Pin.SKIP))).status == "skipped"

    def test_images_of_the_service_itself_are_left(self) -> None:
        location = image_locations()["AWS::CodeBuild::Project"][0]
        for context in (ResourceContext(), ALL):
            assert skipped("aws/codebuild/standard:7", location=location, context=context).status == "managed"

    @pytest.mark.parametrize(
        "value",
        [
            {"Fn::Sub": "aws/codebuild/${Nope}"},
            {"Fn::Join": ["", ["aws/codebuild/standard:", {"Fn::ImportValue": "version"}]]},
        ],
    )
    def test_images_of_the_service_itself_are_known_by_what_is_certain_of_them(self, value: Any) -> None:
        location = image_locations()["AWS::CodeBuild::Project"][0]
        found = read(value, location=location, context=ALL)
        assert isinstance(found.result, SkippedImage)
        assert (found.result.status, found.external_values) == ("managed", frozenset())
        marked = {"Fn::Sub": "!PinDigest aws/codebuild/${Nope}"}
        assert "the image cannot be told" in problem(marked, location=location).cause

    @pytest.mark.parametrize("value", [{"Ref": "Nope"}, {"Fn::ImportValue": "image"}, "Nginx:1", 5])
    def test_where_no_digest_is_taken_nothing_is_asked_about_an_image(self, value: Any) -> None:
        location = image_locations()["AWS::CleanRoomsML::ConfiguredModelAlgorithm"][0]
        found = read(value, location=location, context=ALL)
        assert isinstance(found.result, SkippedImage)
        assert (found.result.status, found.external_values) == ("managed", frozenset())

    @pytest.mark.parametrize("context", [ResourceContext(), ALL])
    def test_what_only_cloudformation_can_call_is_left_to_it(self, context: ResourceContext) -> None:
        calls = [{"Name": "ImagePinner", "Parameters": {"Image": "nginx:1"}}, {"Name": "Other"}]
        found = skipped({"Fn::Transform": calls}, context=context)
        assert (found.status, found.reason) == (
            "snippet",
            "CloudFormation calls the macro for it before those of the template's Transform",
        )

    def test_no_value_is_no_image(self) -> None:
        assert read({"Fn::If": ["No", "x", NO_VALUE]}).result is None
        assert read(NO_VALUE, context=ALL).result is None

    def test_an_image_that_is_not_deployed_loses_its_mark_and_no_more(self) -> None:
        guards = (ConditionGuard("No", expected=True),)
        found = skipped({"Fn::Sub": "!PinDigest Platform=${Nope} nginx:${Tag}"}, guards=guards)
        assert (found.status, found.replacement, found.marked) == ("not deployed", {"Fn::Sub": "nginx:${Tag}"}, True)
        found = skipped({"Fn::PinDigest": {"Image": {"Ref": "Tag"}}}, guards=guards)
        assert (found.replacement, found.marked) == ({"Ref": "Tag"}, True)
        found = skipped({"Ref": "Marked"}, guards=guards)
        assert (found.replacement, found.written, found.marked) == ("nginx:1", "nginx:1", True)
        found = skipped("nginx:1", guards=guards, context=ALL)
        assert (found.status, found.replacement, found.marked) == ("not deployed", None, False)


class TestSites:
    @pytest.mark.parametrize(
        ("value", "written"),
        [
            ("!PinDigest nginx:1", "nginx:1"),
            (" !PinDigest\n nginx:1\t", "nginx:1"),
            ({"Fn::Sub": "!PinDigest nginx:${Tag}"}, "nginx:1"),
            ({"Fn::Sub": ["!PinDigest nginx:${T}", {"T": {"Ref": "Tag"}}]}, "nginx:1"),
            ({"Fn::Join": [":", ["!PinDigest nginx", {"Ref": "Tag"}]]}, "nginx:1"),
            ({"Fn::Join": ["", ["!PinDigest ", "nginx:", {"Ref": "Tag"}]]}, "nginx:1"),
            ({"Ref": "Marked"}, "nginx:1"),
            ({"Fn::Sub": "${Marked}"}, "nginx:1"),
            ({"Fn::Sub": "${MarkAlone} nginx:${Tag}"}, "nginx:1"),
            ({"Fn::FindInMap": ["Images", "prod", "Web"]}, "nginx:1"),
            ({"Fn::Select": [0, ["!PinDigest nginx:1", "redis:1"]]}, "nginx:1"),
            ({"Fn::PinDigest": "nginx:1"}, "nginx:1"),
            ({"Fn::PinDigest": {"Fn::Sub": "nginx:${Tag}"}}, "nginx:1"),
            ({"Fn::PinDigest": {"Fn::Select": [0, {"Ref": "List"}]}}, "nginx:1"),
            ({"Fn::PinDigest": {"Image": {"Fn::Sub": "nginx:${Tag}"}}}, "nginx:1"),
            ({"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": "nginx:1"}}}, "nginx:1"),
            ({"Fn::Transform": [{"Name": "ImagePinner", "Parameters": {"Image": "nginx:1"}}]}, "nginx:1"),
            (f"!PinDigest nginx:1@sha256:{HEX}", f"nginx:1@sha256:{HEX}"),
            ("!PinDigest nginx", "nginx"),
        ],
    )
    def test_every_way_to_ask_at_the_image_is_read(self, value: Any, written: str) -> None:
        found = site(value)
        assert found.reference.written == written
        assert (found.marked, found.form, found.platform) == (True, "mark", None)

    def test_asked_for_around_it_the_form_says_so(self) -> None:
        found = site({"Fn::Sub": "nginx:${Tag}"}, context=ALL)
        assert (found.reference.written, found.form, found.marked) == ("nginx:1", "Pin", False)

    def test_names_ask_for_the_containers_that_have_them(self) -> None:
        context = ResourceContext(Options(pin=("web",)), by_name=True)
        found = read("nginx:1", context=context, owner={"Name": "web"})
        assert isinstance(found.result, PinSite)
        assert found.name == "web"
        for owner in ({"Name": "db"}, {"Name": {"Ref": "AWS::StackName"}}, {"Name": 5}, {}, None, []):
            assert isinstance(read("nginx:1", context=context, owner=owner).result, SkippedImage)

    def test_the_name_of_a_container_can_be_an_expression(self) -> None:
        context = ResourceContext(Options(pin=("web-1",)), by_name=True)
        assert read("nginx:1", context=context, owner={"Name": {"Fn::Sub": "web-${Tag}"}}).name == "web-1"

    def test_a_place_whose_containers_have_no_names_is_asked_for_by_none(self) -> None:
        context = ResourceContext(Options(pin=("",)), by_name=True)
        assert read("nginx:1", context=context, location=LAMBDA, owner={"Name": "web"}).name == ""

    def test_the_mark_wins_over_skip_around_it(self) -> None:
        assert site("!PinDigest nginx:1", context=ResourceContext(Options(pin=Pin.SKIP))).reference.tag == "1"

    def test_the_options_at_the_image_win_over_those_around_it(self) -> None:
        context = ResourceContext(Options(Pin.ALL, AnyPlatform.ANY, WhenMissing.KEEP_TAG, Record.NONE))
        options = site("!PinDigest Platform=linux/arm64 Record=Label nginx:1", context=context).options
        assert options == Options(Pin.ALL, Platform("linux", "arm64"), WhenMissing.KEEP_TAG, Record.LABEL)
        assert (
            site({"Fn::PinDigest": {"Image": "a:1", "Record": "Label"}}, context=context).options.record is Record.LABEL
        )

    def test_the_platform_is_said_or_derived_or_any(self) -> None:
        properties = {"RuntimePlatform": {"CpuArchitecture": "ARM64"}}
        arm = Platform("linux", "arm64")
        assert site("!PinDigest nginx:1", context=ResourceContext(properties=properties)).platform == arm
        assert site("!PinDigest Platform=Any nginx:1", context=ResourceContext(properties=properties)).platform is None
        said = site("!PinDigest Platform=linux/amd64 nginx:1", context=ResourceContext(properties=properties)).platform
        assert said == Platform("linux", "amd64")

    def test_the_platform_of_a_resource_is_derived_once(self) -> None:
        context = ResourceContext(properties={"RuntimePlatform": {"CpuArchitecture": "ARM64"}})
        assert site("!PinDigest nginx:1", context=context).platform == Platform("linux", "arm64")
        assert context.platforms == {ECS.platform: Platform("linux", "arm64")}

    def test_a_platform_that_cannot_be_told_does_not_matter_where_an_index_is_taken(self) -> None:
        properties = {"RuntimePlatform": {"Ref": "Nope"}}
        assert site("!PinDigest nginx:1", context=ResourceContext(properties=properties)).platform is None


class TestLookups:
    def test_an_image_that_must_be_looked_up_is_neither_site_nor_problem_yet(self) -> None:
        found = read("!PinDigest nginx:{{resolve:ssm:/tag}}")
        assert found == Classification(None, frozenset({TAG}))

    def test_with_the_answer_it_is_a_site(self) -> None:
        found = site("!PinDigest nginx:{{resolve:ssm:/tag}}", scope=SCOPE.with_answers({TAG: Known("7")}))
        assert found.reference.written == "nginx:7"

    def test_a_condition_that_must_be_looked_up_is_asked_for_beside_the_image(self) -> None:
        found = read("!PinDigest nginx:1", guards=(ConditionGuard("Asked", expected=True),))
        assert found.external_values == frozenset({StackExport("stage")})

    def test_skip_asks_for_nothing_and_a_mark_that_may_come_is_a_problem(self) -> None:
        expression = {"Fn::FindInMap": ["Images", {"Fn::ImportValue": "stage"}, "Web"]}
        assert read(expression).external_values == frozenset({StackExport("stage")})
        skipped = read(expression, context=ResourceContext(Options(pin=Pin.SKIP)))
        assert skipped.external_values == frozenset()
        assert isinstance(skipped.result, Problem)


SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:registry-AbCdEf"


@pytest.mark.parametrize(
    "credentials",
    [
        None,
        {"Ref": "AWS::NoValue"},
        {},
        {"CredentialsParameter": "registry"},
        {"CredentialsParameter": {"Ref": "Secret"}},
        {"CredentialsParameter": {"Ref": "AWS::StackName"}},
        {"CredentialsParameter": 5},
    ],
)
def test_a_secret_that_the_template_does_not_name_plainly_is_none(credentials: Any) -> None:
    owner = {"RepositoryCredentials": credentials} if credentials is not None else {}
    assert site("!PinDigest nginx:1", owner=owner).credentials == ""


@pytest.mark.parametrize("written", [SECRET, {"Fn::Sub": SECRET.replace("us-east-1", "${AWS::Region}")}])
def test_the_secret_with_the_login_of_a_registry_is_read_beside_the_image(written: Any) -> None:
    owner = {"RepositoryCredentials": {"CredentialsParameter": written}}
    found = site("!PinDigest nginx:1", owner=owner, scope=Scope(region="us-east-1"))
    assert found.credentials == SECRET
