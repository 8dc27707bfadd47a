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
IMAGE_ARN = "arn:aws:imagebuilder:us-east-1"
BAD_DIGEST = "is not a valid image reference: a digest is 'sha256:' and 64 lower-case hexadecimal digits (at character"
NO_CONDITION = "cannot resolve the condition of Fn::If: the template has no condition 'Open'"
NO_STACK_NAME = "AWS::StackName is unknown: CloudFormation does not pass it to transforms"
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
    ssm_names=True,
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
            ("!PinDigest", "no image after the marker"),
            ({"Fn::Sub": "!PinDigest ${Empty}"}, "no image after the marker"),
            ("!PinDigestnginx", "'!PinDigestnginx' is not a valid marker"),
            (
                "!PinDigest Nginx:1",
                "'Nginx:1' is not a valid image reference: a repository must be lower case (at character 1)",
            ),
            (
                "!PinDigest !PinDigest nginx",
                "'!PinDigest nginx' is not a valid image reference: it contains white space (at character 11)",
            ),
            ("!PinDigest Lock=x nginx:1", "option Lock cannot be set for a single image"),
            (
                {"Fn::Sub": "!PinDigest nginx:${Nope}"},
                "cannot resolve image: the template has no parameter and no resource 'Nope'",
            ),
            ({"Fn::PinDigest": {}}, "Fn::PinDigest has no Image"),
            ({"Fn::PinDigest": None}, "image is empty, not a valid image reference"),
            ({"Fn::PinDigest": 5}, "image is a number, not a valid image reference"),
            ({"Fn::PinDigest": 1.5}, "image is a number, not a valid image reference"),
            ({"Fn::PinDigest": True}, "image is a boolean, not a valid image reference"),
            ({"Fn::PinDigest": ["nginx"]}, "image is a list, not a valid image reference"),
            ({"Fn::PinDigest": {"Image": {"a": "b"}}}, "image is a mapping, not a valid image reference"),
            ({"Fn::PinDigest": NO_VALUE}, "image is AWS::NoValue"),
            ({"Fn::PinDigest": {"Ref": "Marked"}}, "duplicate marker on the image"),
            ({"Fn::PinDigest": {"Image": "!PinDigest nginx:1"}}, "duplicate marker on the image"),
            (
                {"Fn::PinDigest": {"Fn::PinDigest": "nginx:1"}},
                "cannot resolve image: Fn::PinDigest cannot be inside another function",
            ),
            ({"Fn::Transform": "ImagePinner"}, "the snippet of ImagePinner has no Image"),
            ("!PinDigest aws/codebuild/standard:7", None),
        ],
    )
    def test_a_selected_image_that_cannot_be_resolved_is_a_problem(self, value: Any, cause: str | None) -> None:
        if cause is None:
            codebuild = image_locations()["AWS::CodeBuild::Project"][0]
            cause = "cannot pin 'aws/codebuild/standard:7' here: it is an image of the service itself"
            assert problem(value, location=codebuild).cause == cause
        else:
            assert problem(value).cause == cause

    @pytest.mark.parametrize("name", ["NoDefault", "AWS::Region", "AWS::AccountId", "Nope"])
    def test_a_problem_is_that_a_value_was_not_set(self, name: str) -> None:
        scope = Scope(parameters={"NoDefault": {"Type": "String"}})
        found = problem({"Fn::Sub": f"!PinDigest nginx:${{{name}}}"}, scope=scope)
        assert found.missing is (name != "Nope")
        assert "--" not in found.cause + found.help

    def test_a_problem_is_that_the_platform_was_not_set(self) -> None:
        scope = Scope(parameters={"Arch": {"Type": "String"}})
        context = ResourceContext(Options(), properties={"Architectures": [{"Ref": "Arch"}]})
        found = problem("!PinDigest nginx:1", location=LAMBDA, context=context, scope=scope)
        assert found.cause.startswith("cannot infer the platform: ")
        assert found.missing

    def test_the_reason_for_an_unknown_index_over_marked_texts_is_kept(self) -> None:
        value = {"Fn::Select": [{"Ref": "Nope"}, ["!PinDigest a:1", {"Fn::Sub": "!PinDigest b:${AWS::StackId}"}]]}
        expected = "cannot resolve image: the template has no parameter and no resource 'Nope'"
        assert problem(value).cause == expected

    def test_marked_texts_that_are_not_deployed_lose_their_markers(self) -> None:
        value = {"Fn::Select": [{"Ref": "Nope"}, ["!PinDigest a:1", {"Fn::Sub": "!PinDigest b:${AWS::StackId}"}]]}
        found = skipped(value, guards=(ConditionGuard("No", expected=True),))
        assert found.replacement == {"Fn::Select": [{"Ref": "Nope"}, ["a:1", {"Fn::Sub": "b:${AWS::StackId}"}]]}

    @pytest.mark.parametrize("texts", [["!PinDigest a:1", "!PinDigest b:1"], ["!PinDigest a:1", "b:1"]])
    def test_an_index_that_decides_between_marked_texts_is_looked_up(self, texts: list[str]) -> None:
        value = {"Fn::Select": [{"Fn::ImportValue": "stage"}, texts]}
        assert read(value).external_values == frozenset({StackExport("stage")})
        assert site(value, scope=SCOPE.with_answers({StackExport("stage"): Known("0")})).reference.written == "a:1"

    @pytest.mark.parametrize(
        ("value", "cause"),
        [
            ("nginx:1 !PinDigest", "the marker is not at the beginning of the image"),
            ("\ufeff!PinDigest nginx:1", "the marker is not at the beginning of the image"),
            ("see !PinDigest", "the marker is not at the beginning of the image"),
            (["!PinDigest nginx:1"], "the marker is not at the beginning of the image"),
            ({"a": "!PinDigest nginx:1"}, "the marker is not at the beginning of the image"),
            ({"Fn::Join": ["", ["x", "!PinDigest nginx:1"]]}, "the marker is not at the beginning of the image"),
            (
                {"Fn::Join": ["", [{"Ref": "Nope"}, "!PinDigest nginx:1"]]},
                "cannot resolve image, which has a marker: the template has no parameter and no resource 'Nope'",
            ),
            (
                {"Fn::Select": [{"Ref": "Nope"}, ["nginx:1", "!PinDigest nginx:2"]]},
                "cannot resolve image, which has a marker: the template has no parameter and no resource 'Nope'",
            ),
            (
                {"Fn::Select": [0, [{"Fn::If": ["Open", "!PinDigest a:1", NO_VALUE]}, "!PinDigest b:1"]]},
                f"cannot resolve image, which has a marker: {NO_CONDITION}",
            ),
            (
                {"Fn::Select": [0, ["nginx:1", "!PinDigest nginx:2"]]},
                "the marker is not at the beginning of the image",
            ),
            ({"Fn::PinDigest": "nginx:1", "Other": 1}, "Fn::PinDigest must contain the whole image"),
            (
                {"Fn::Join": ["", [{"Fn::PinDigest": "nginx"}, ":1"]]},
                "Fn::PinDigest must contain the whole image",
            ),
            ([{"Fn::PinDigest": "nginx:1"}], "Fn::PinDigest must contain the whole image"),
            ("!pindigest nginx:1", "'!pindigest' is not a valid marker"),
            ("!Pin nginx:1", "'!Pin' is not a valid marker"),
            (" !Ref Image", "'!Ref' is not a valid marker"),
            ("!", "'!' is not a valid marker"),
            ({"Fn::Sub": "!PinDigset nginx:${Tag}"}, "'!PinDigset' is not a valid marker"),
            (
                {"Fn::FindInMap": ["Images", {"Ref": "AWS::StackName"}, "Web"]},
                f"cannot resolve image, and a value that it refers to has a marker: {NO_STACK_NAME}",
            ),
        ],
    )
    def test_a_marker_that_would_remain_in_an_image_is_a_problem(self, value: Any, cause: str) -> None:
        assert problem(value).cause == cause
        guards = (ConditionGuard("No", expected=True),)
        assert problem(value, guards=guards).cause == cause

    @pytest.mark.parametrize(
        "value", [None, 5, True, [], ["x"], {"a": "b"}, {}, "", "Nginx:1", "a b", {"Ref": "Nope"}, {"Ref": "List"}]
    )
    def test_with_pin_all_a_value_that_is_not_an_image_is_a_problem(self, value: Any) -> None:
        problem(value, context=ALL)

    def test_an_option_less_strict_than_the_configured_one_is_a_policy_problem(self) -> None:
        context = ResourceContext(operator=Options(when_missing=WhenMissing.FAIL))
        found = problem("!PinDigest WhenMissing=KeepTag nginx:1", context=context)
        assert found.kind is ProblemKind.POLICY

    def test_a_location_that_accepts_no_digest_refuses_a_marker_and_is_skipped_by_pin_all(self) -> None:
        location = image_locations()["AWS::CleanRoomsML::ConfiguredModelAlgorithm"][0]
        assert "supports repository:tag only" in problem("!PinDigest nginx:1", location=location).cause
        for context in (ResourceContext(), ALL):
            found = skipped("nginx:1", location=location, context=context)
            assert (found.status, found.reason) == ("unsupported", location.refused)

    def test_a_platform_that_must_be_known_and_is_not_is_a_problem(self) -> None:
        context = ResourceContext(properties={"Architectures": [{"Ref": "AWS::StackName"}]})
        found = problem("!PinDigest 111122223333.dkr.ecr.us-east-1.amazonaws.com/a:1", location=LAMBDA, context=context)
        assert found.cause.startswith("cannot infer the platform")
        assert found.help.startswith("set Platform=os/architecture")


class TestSkippedImages:
    @pytest.mark.parametrize(
        ("value", "status", "reason", "written"),
        [
            ("nginx:1", "unmarked", "it has no marker, and no Pin option selects it", "nginx:1"),
            (f"nginx@sha256:{HEX}", "pinned", "it already has a digest", f"nginx@sha256:{HEX}"),
            (f"nginx:1@sha256:{HEX}", "pinned", "it already has a digest", f"nginx:1@sha256:{HEX}"),
            ("nginx@sha256:0", "invalid", f"'nginx@sha256:0' {BAD_DIGEST} 7)", "nginx@sha256:0"),
            ("nginx@latest", "invalid", f"'nginx@latest' {BAD_DIGEST} 7)", "nginx@latest"),
            ("", "empty", "it is empty; another tool sets it", ""),
            (None, "empty", "it is empty; another tool sets it", ""),
            (5, "invalid", "it is a number, not a valid image reference", ""),
            (["nginx"], "invalid", "it is a list, not a valid image reference", ""),
            ({"Image": "nginx"}, "invalid", "it is a mapping, not a valid image reference", ""),
            ({"Ref": "Nope"}, "unmarked", "the template has no parameter and no resource 'Nope'", ""),
            ({"Fn::ImportValue": "image"}, "unmarked", "it has no marker, and no Pin option selects it", ""),
        ],
    )
    def test_an_image_that_is_not_selected_is_skipped_with_a_reason(
        self, value: Any, status: str, reason: str, written: str
    ) -> None:
        found = skipped(value)
        assert (found.status, found.reason, found.written) == (status, reason, written)
        assert found.replacement is None
        assert not found.marked
        assert read(value).external_values == frozenset()

    @pytest.mark.parametrize("value", [f"nginx@sha256:{HEX}", f"nginx:1@sha256:{HEX}"])
    def test_pin_all_skips_an_image_with_a_digest(self, value: str) -> None:
        assert skipped(value, context=ALL).status == "pinned"

    def test_skip_is_reported(self) -> None:
        assert skipped("nginx:1", context=ResourceContext(Options(pin=Pin.SKIP))).status == "skipped"

    def test_images_of_the_service_itself_are_skipped(self) -> None:
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
    def test_images_of_the_service_itself_are_recognized_by_their_certain_beginning(self, value: Any) -> None:
        location = image_locations()["AWS::CodeBuild::Project"][0]
        found = read(value, location=location, context=ALL)
        assert isinstance(found.result, SkippedImage)
        assert (found.result.status, found.external_values) == ("managed", frozenset())
        marked = {"Fn::Sub": "!PinDigest aws/codebuild/${Nope}"}
        assert "cannot resolve image: " in problem(marked, location=location).cause

    @pytest.mark.parametrize("value", [{"Ref": "Nope"}, {"Fn::ImportValue": "image"}, "Nginx:1", 5])
    def test_a_location_that_accepts_no_digest_makes_no_lookup(self, value: Any) -> None:
        location = image_locations()["AWS::CleanRoomsML::ConfiguredModelAlgorithm"][0]
        found = read(value, location=location, context=ALL)
        assert isinstance(found.result, SkippedImage)
        assert (found.result.status, found.external_values) == ("unsupported", frozenset())

    @pytest.mark.parametrize(
        ("kind", "value", "status"),
        [
            ("AWS::Lightsail::Container", ":shop.web.1", "other form"),
            ("AWS::ImageBuilder::ContainerRecipe", f"{IMAGE_ARN}:aws:image/amazon-linux-2023/x.x.x", "managed"),
            ("AWS::ImageBuilder::ContainerRecipe", f"{IMAGE_ARN}:111122223333:image/base/1.0.0", "other form"),
            ("AWS::ImageBuilder::ContainerRecipe", f"{IMAGE_ARN}:1:aws:image/base/1.0.0", "other form"),
            ("AWS::ImageBuilder::ContainerRecipe", {"Fn::Sub": f"{IMAGE_ARN}:${{Nope}}:image/base/1"}, "other form"),
        ],
    )
    def test_an_image_in_another_form_is_skipped(self, kind: str, value: Any, status: str) -> None:
        (location,) = image_locations()[kind]
        for context in (ResourceContext(), ALL):
            assert skipped(value, location=location, context=context).status == status

    @pytest.mark.parametrize("context", [ResourceContext(), ALL])
    def test_a_snippet_that_only_cloudformation_can_call_is_skipped(self, context: ResourceContext) -> None:
        calls = [{"Name": "ImagePinner", "Parameters": {"Image": "nginx:1"}}, {"Name": "Other"}]
        found = skipped({"Fn::Transform": calls}, context=context)
        assert (found.status, found.reason) == (
            "snippet",
            "CloudFormation calls the macro for it before those of the template's Transform",
        )

    def test_no_value_is_not_an_image(self) -> None:
        assert read({"Fn::If": ["No", "x", NO_VALUE]}).result is None
        assert read(NO_VALUE, context=ALL).result is None

    def test_an_image_that_is_not_deployed_only_loses_its_marker(self) -> None:
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
    def test_every_marker_form_is_read(self, value: Any, written: str) -> None:
        found = site(value)
        assert found.reference.written == written
        assert (found.marked, found.form, found.platform) == (True, "marker", None)

    def test_an_image_selected_by_pin_has_the_form_pin(self) -> None:
        found = site({"Fn::Sub": "nginx:${Tag}"}, context=ALL)
        assert (found.reference.written, found.form, found.marked) == ("nginx:1", "Pin", False)

    def test_names_select_the_containers_that_have_them(self) -> None:
        context = ResourceContext(Options(pin=("web",)), by_name=True)
        found = read("nginx:1", context=context, owner={"Name": "web"})
        assert isinstance(found.result, PinSite)
        assert found.name == "web"
        for owner in ({"Name": "db"}, {"Name": 5}, {}, None, []):
            assert isinstance(read("nginx:1", context=context, owner=owner).result, SkippedImage)

    def test_a_container_whose_name_is_unknown_is_a_problem_if_containers_are_selected_by_name(self) -> None:
        context = ResourceContext(Options(pin=("web",)), by_name=True)
        owner = {"Name": {"Ref": "AWS::StackName"}}
        found = read("nginx:1", context=context, owner=owner).result
        assert isinstance(found, Problem)
        assert "the name of this one cannot be resolved" in found.cause
        assert isinstance(read("!PinDigest nginx:1", context=context, owner=owner).result, PinSite)

    def test_the_name_of_a_container_can_be_an_expression(self) -> None:
        context = ResourceContext(Options(pin=("web-1",)), by_name=True)
        assert read("nginx:1", context=context, owner={"Name": {"Fn::Sub": "web-${Tag}"}}).name == "web-1"

    def test_a_location_without_container_names_is_not_selected_by_name(self) -> None:
        context = ResourceContext(Options(pin=("",)), by_name=True)
        assert read("nginx:1", context=context, location=LAMBDA, owner={"Name": "web"}).name == ""

    def test_the_marker_takes_precedence_over_skip(self) -> None:
        assert site("!PinDigest nginx:1", context=ResourceContext(Options(pin=Pin.SKIP))).reference.tag == "1"

    def test_the_options_of_the_image_take_precedence(self) -> None:
        context = ResourceContext(Options(Pin.ALL, AnyPlatform.ANY, WhenMissing.KEEP_TAG, Record.NONE))
        options = site("!PinDigest Platform=linux/arm64 Record=Label nginx:1", context=context).options
        assert options == Options(Pin.ALL, Platform("linux", "arm64"), WhenMissing.KEEP_TAG, Record.LABEL)
        assert (
            site({"Fn::PinDigest": {"Image": "a:1", "Record": "Label"}}, context=context).options.record is Record.LABEL
        )

    def test_the_platform_is_set_or_inferred_or_any(self) -> None:
        properties = {"RuntimePlatform": {"CpuArchitecture": "ARM64"}}
        arm64 = Platform("linux", "arm64")
        assert site("!PinDigest nginx:1", context=ResourceContext(properties=properties)).platform == arm64
        assert site("!PinDigest Platform=Any nginx:1", context=ResourceContext(properties=properties)).platform is None
        explicit = site(
            "!PinDigest Platform=linux/amd64 nginx:1", context=ResourceContext(properties=properties)
        ).platform
        assert explicit == Platform("linux", "amd64")

    def test_the_platform_of_a_resource_is_inferred_once(self) -> None:
        context = ResourceContext(properties={"RuntimePlatform": {"CpuArchitecture": "ARM64"}})
        assert site("!PinDigest nginx:1", context=context).platform == Platform("linux", "arm64")
        assert context.platforms == {(ECS.platform, False): Platform("linux", "arm64")}

    def test_an_unknown_platform_does_not_matter_where_an_index_is_accepted(self) -> None:
        properties = {"RuntimePlatform": {"Ref": "Nope"}}
        assert site("!PinDigest nginx:1", context=ResourceContext(properties=properties)).platform is None


class TestLookups:
    def test_an_image_that_needs_a_lookup_is_neither_site_nor_problem_yet(self) -> None:
        found = read("!PinDigest nginx:{{resolve:ssm:/tag}}")
        assert found == Classification(None, frozenset({TAG}))

    def test_with_the_value_it_is_a_site(self) -> None:
        found = site("!PinDigest nginx:{{resolve:ssm:/tag}}", scope=SCOPE.with_answers({TAG: Known("7")}))
        assert found.reference.written == "nginx:7"

    def test_a_condition_that_needs_a_lookup_is_looked_up_with_the_image(self) -> None:
        found = read("!PinDigest nginx:1", guards=(ConditionGuard("Asked", expected=True),))
        assert found.external_values == frozenset({StackExport("stage")})

    def test_skip_looks_up_nothing_and_a_possible_marker_is_a_problem(self) -> None:
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
def test_a_secret_that_is_not_a_known_arn_is_ignored(credentials: Any) -> None:
    owner = {"RepositoryCredentials": credentials} if credentials is not None else {}
    assert site("!PinDigest nginx:1", owner=owner).credentials == ""


@pytest.mark.parametrize("written", [SECRET, {"Fn::Sub": SECRET.replace("us-east-1", "${AWS::Region}")}])
def test_the_secret_with_the_registry_credentials_is_read(written: Any) -> None:
    owner = {"RepositoryCredentials": {"CredentialsParameter": written}}
    found = site("!PinDigest nginx:1", owner=owner, scope=Scope(region="us-east-1"))
    assert found.credentials == SECRET
