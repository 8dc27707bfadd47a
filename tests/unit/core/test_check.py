"""What `check` finds in a template, offline."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.check import Finding, check_template
from image_pinner.core.images.platforms import Platform
from image_pinner.core.rules import RULES, Severity
from image_pinner.core.template.edits import Replace, apply_edits
from image_pinner.core.template.fragments import Fragment, Shape
from image_pinner.core.template.options import Options, Pin
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.core.template.scan import ImageScan
from image_pinner.core.template.sites import ScanSettings
from support.templates import task

IMAGE = "Resources.Web.Properties.ContainerDefinitions[0].Image"


def check(
    resources: dict[str, Any],
    *,
    params: dict[str, Any] | None = None,
    names_macro: bool = True,
    scan_settings: ScanSettings | None = None,
    values: dict[str, Any] | None = None,
    **sections: Any,
) -> list[Finding]:
    template = {**sections, "Resources": resources}
    fragment = Fragment(Shape.TEMPLATE, template, params or {}, template)
    found = check_template(fragment, values or {}, scan_settings or ScanSettings(), names_macro=names_macro)
    return [finding for finding in found if finding.rule.severity is not Severity.INFO]


def check_image(image: Any, **more: Any) -> list[Finding]:
    return check({"Web": task(image)}, **more)


def rules_and_paths(findings: list[Finding]) -> list[tuple[str, str]]:
    for finding in findings:
        assert finding.rule.code in RULES
        assert finding.cause
        assert not finding.cause.endswith(".")
        assert not finding.help.endswith(".")
    return [(finding.rule.slug, str(finding.path)) for finding in findings]


UNPINNED = [
    "nginx:1",
    {"Ref": "Image"},
    {"Fn::Sub": "shop/web:${Tag}"},
    {"Fn::Sub": ["shop/web:${T}", {"T": "1"}]},
    {"Fn::Join": ["", ["shop/web:", {"Ref": "Tag"}]]},
    {"Fn::Join": [":", ["shop/web", {"Ref": "Tag"}]]},
    {"Fn::ImportValue": "web-image"},
    {"Fn::Select": [0, ["nginx:1"]]},
    "{{resolve:ssm:/web/image}}",
]
PARAMETERS = {"Image": {"Type": "String"}, "Tag": {"Type": "String", "Default": "1"}}


@pytest.mark.parametrize("image", UNPINNED, ids=str)
def test_unpinned_image_is_a_finding_and_its_fix_resolves_it(image: Any) -> None:
    resources = {"Web": task(image), "Build": {"Type": "Custom::Build"}}

    (finding,) = check(resources, Parameters=PARAMETERS)

    assert rules_and_paths([finding]) == [("unpinned-image", IMAGE)]
    assert finding.fix is not None
    fixed = apply_edits({"Parameters": PARAMETERS, "Resources": resources}, [finding.fix])
    assert check(fixed["Resources"], Parameters=PARAMETERS) == []


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        ("nginx:1", "'nginx:1'"),
        ({"Fn::Sub": "nginx:${AWS::Region}"}, "Fn::Sub 'nginx:${AWS::Region}'"),
        ({"Fn::Join": ["", ["web:", {"Ref": "AWS::Region"}]]}, 'Fn::Join ["", ["web:", {"Ref": "AWS::Region"}]]'),
        ({"Fn::ImportValue": "web\n"}, "Fn::ImportValue 'web\\n'"),
        ("{{resolve:ssm:/web}}", "'{{resolve:ssm:/web}}'"),
        ({"Fn::GetAtt": ["x" * 400, ["y" * 400]]}, f'Fn::GetAtt ["{"x" * 400}", ["{"y" * 82}…'),
        ({"Fn::ImportValue": "x" * 501}, f"Fn::ImportValue '{'x' * 483}…"),
    ],
    ids=range(7),
)
def test_cause_names_the_image_also_if_it_is_not_known_and_is_not_long(image: Any, shown: str) -> None:
    (finding,) = check_image(image)
    assert finding.cause == f"image {shown} is not pinned"


@pytest.mark.parametrize(
    "image",
    [
        {"Fn::FindInMap": ["Images", {"Ref": "AWS::Region"}, "Web"]},
        {"Fn::GetAtt": ["Build", "Image"]},
        f"registry.example/{'a' * 250}:1",
    ],
)
def test_image_that_cannot_be_pinned_has_no_fix(image: Any) -> None:
    (finding,) = check({"Web": task(image), "Build": {"Type": "Custom::Build"}})

    assert rules_and_paths([finding]) == [("unpinned-image", IMAGE)]
    assert finding.fix is None
    assert finding.help.startswith("set Pin: Skip in the Metadata of the resource: ")


@pytest.mark.parametrize("metadata", [{}, {"Metadata": {"Note": "x"}}])
def test_resource_with_an_image_that_cannot_be_pinned_has_no_fix(metadata: dict[str, Any]) -> None:
    properties = {"PrimaryContainer": {"Image": "shop/web:1"}, "Containers": [{"Image": {"Ref": "AWS::StackName"}}]}

    found = check({"Model": {"Type": "AWS::SageMaker::Model", **metadata, "Properties": properties}})

    assert [finding.rule.slug for finding in found] == ["unpinned-image"] * 2
    assert [finding.fix for finding in found] == [None, None]


def test_both_branches_of_a_condition_are_findings() -> None:
    found = check_image({"Fn::If": ["C", "a:1", {"Fn::If": ["D", "b:1", {"Ref": "AWS::NoValue"}]}]})

    assert rules_and_paths(found) == [
        ("unpinned-image", f"{IMAGE}.Fn::If[1]"),
        ("unpinned-image", f"{IMAGE}.Fn::If[2].Fn::If[1]"),
    ]


VALID = {
    "a digest": f"shop/web@sha256:{'a' * 64}",
    "tag and digest": f"shop/web:1@sha256:{'a' * 64}",
    "a marker": "!PinDigest shop/web:1",
    "a marker with options": "!PinDigest Platform=linux/arm64 Record=None shop/web:1",
    "a marker in Fn::Sub": {"Fn::Sub": "!PinDigest shop/web:${Tag}"},
    "a marker in Fn::Join": {"Fn::Join": ["", ["!PinDigest ", {"Ref": "Image"}]]},
    "a marker in both branches": {"Fn::If": ["C", "!PinDigest a:1", "!PinDigest b:1"]},
    "a parameter whose value is not known yet": {"Fn::Sub": "!PinDigest ${Image}"},
    "the account and the region of a deployment": {
        "Fn::Sub": "!PinDigest ${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/shop/web:${Tag}"
    },
    "an SSM parameter": "!PinDigest shop/web:{{resolve:ssm:/tag}}",
    "an export": {"Fn::Join": ["", ["!PinDigest ", {"Fn::ImportValue": "repository"}, ":1"]]},
    "no value": {"Ref": "AWS::NoValue"},
}


@pytest.mark.parametrize("image", VALID.values(), ids=VALID)
def test_image_with_a_digest_or_a_marker_is_valid(image: Any) -> None:
    assert (
        rules_and_paths(check_image(image, Parameters=PARAMETERS, Conditions={"C": {"Fn::Equals": ["a", "a"]}})) == []
    )


@pytest.mark.parametrize("image", ["", None])
def test_image_that_is_written_empty_is_a_finding_unless_it_is_skipped(image: Any) -> None:
    web = task(image)
    (finding,) = check({"Web": web})
    assert rules_and_paths([finding]) == [("invalid-reference", IMAGE)]
    assert (finding.cause, finding.fix) == ("image is empty", None)
    assert check({"Web": {**web, "Metadata": {"ImagePinner": {"Pin": "Skip"}}}}) == []


def test_parameter_that_is_empty_is_not_a_finding_where_nothing_is_pinned() -> None:
    assert check_image({"Ref": "Empty"}, Parameters={"Empty": {"Type": "String", "Default": ""}}) == []


@pytest.mark.parametrize("pin", ["All", "Skip", ["web"]])
def test_image_that_metadata_or_parameters_pin_or_skip_is_valid(pin: Any) -> None:
    web = task("shop/web:1")

    assert rules_and_paths(check({"Web": {**web, "Metadata": {"ImagePinner": {"Pin": pin}}}})) == []
    assert rules_and_paths(check({"Web": web}, params={"Pin": pin})) == []
    assert rules_and_paths(check({"Web": web}, Metadata={"ImagePinner": {"Pin": pin}})) == []


def test_container_missing_from_a_list_of_names_is_a_finding() -> None:
    web = {**task("shop/web:1", "shop/new:1"), "Metadata": {"ImagePinner": {"Pin": ["web"]}}}

    assert rules_and_paths(check({"Web": web})) == [
        ("unpinned-image", "Resources.Web.Properties.ContainerDefinitions[1].Image")
    ]


def test_image_that_the_configuration_pins_is_valid() -> None:
    assert rules_and_paths(check_image("shop/web:1", scan_settings=ScanSettings(operator=Options(pin=Pin.ALL)))) == []


def test_image_at_a_configured_path_is_found() -> None:
    job = {"Type": "Custom::Job", "Properties": {"Image": "shop/job:1"}}
    scan_settings = ScanSettings(image_paths=("$.Resources[?(@.Type=='Custom::Job')].Properties.Image",))

    assert rules_and_paths(check({"Job": job})) == []
    assert rules_and_paths(check({"Job": job}, scan_settings=scan_settings)) == [
        ("unpinned-image", "Resources.Job.Properties.Image")
    ]


UNSUPPORTED = [
    ("nginx:1", "!PinDigest nginx:1"),
    ({"Image": "nginx:1"}, "!PinDigest nginx:1"),
    ({"Image": "nginx:1", "Platform": "linux/arm64"}, "!PinDigest Platform=linux/arm64 nginx:1"),
    ({"Platform": "linux/arm64", "Record": "None", "Image": "a:1"}, "!PinDigest Platform=linux/arm64 Record=None a:1"),
    ({"Fn::Sub": "x:${Tag}"}, {"Fn::Sub": "!PinDigest x:${Tag}"}),
    ({"Image": {"Fn::Sub": "x:${Tag}"}, "Record": "None"}, {"Fn::Sub": "!PinDigest Record=None x:${Tag}"}),
    ({"Ref": "Image"}, {"Fn::Sub": "!PinDigest ${Image}"}),
    ({"Fn::If": ["C", "a:1", "b:1"]}, {"Fn::If": ["C", "!PinDigest a:1", "!PinDigest b:1"]}),
    (
        {"Image": "x:1", "Platform": {"Ref": "Platform"}},
        {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": "x:1", "Platform": {"Ref": "Platform"}}}},
    ),
]


@pytest.mark.parametrize(("content", "fixed"), UNSUPPORTED, ids=str)
def test_unsupported_syntax_is_fixed_to_what_cloudformation_accepts(content: Any, fixed: Any) -> None:
    parameters = {**PARAMETERS, "Platform": {"Type": "String", "Default": "linux/arm64"}}

    (finding,) = check_image(
        {"Fn::PinDigest": content}, Parameters=parameters, Conditions={"C": {"Fn::Equals": ["a", "a"]}}
    )

    assert rules_and_paths([finding]) == [("unsupported-marker-syntax", IMAGE)]
    assert "CloudFormation rejects" in finding.cause
    assert isinstance(finding.fix, Replace)
    assert finding.fix.value == fixed


def test_fix_calls_the_macro_by_its_installed_name() -> None:
    content = {"Image": "x:1", "Platform": {"Ref": "Platform"}}
    parameters = {"Platform": {"Type": "String", "Default": "linux/arm64"}}

    (finding,) = check_image(
        {"Fn::PinDigest": content}, Parameters=parameters, scan_settings=ScanSettings(macro="Pinner-v2")
    )

    assert isinstance(finding.fix, Replace)
    assert finding.fix.value == {
        "Fn::Transform": {"Name": "Pinner-v2", "Parameters": {"Image": "x:1", "Platform": {"Ref": "Platform"}}}
    }


def test_unsupported_syntax_with_an_invalid_option_is_two_findings() -> None:
    found = check_image({"Fn::PinDigest": {"Image": "nginx:1", "Plattform": "linux/arm64"}})

    assert rules_and_paths(found) == [("unsupported-marker-syntax", IMAGE), ("invalid-option", IMAGE)]


def test_unsupported_syntax_outside_of_images_has_no_fix() -> None:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::PinDigest": "nginx:1"}}}

    (finding,) = check({"Topic": topic})

    assert rules_and_paths([finding]) == [("misplaced-marker", "Resources.Topic.Properties.DisplayName")]
    assert finding.fix is None
    assert "outside of the known image properties" in finding.cause


def test_unsupported_syntax_in_a_mapping_is_a_finding() -> None:
    found = check({"Topic": {"Type": "AWS::SNS::Topic"}}, Mappings={"Images": {"a": {"b": {"Fn::PinDigest": "x:1"}}}})

    assert rules_and_paths(found) == [("unsupported-marker-syntax", "Mappings.Images.a.b")]


INVALID = {
    "an unknown option": ("!PinDigest Plattform=linux/arm64 nginx:1", "invalid-option"),
    "an option of the template at an image": ("!PinDigest Lock=ssm:/lock nginx:1", "invalid-option"),
    "nothing after the marker": ("!PinDigest ", "invalid-marker"),
    "no space after the marker": ("!PinDigestnginx:1", "invalid-marker"),
    "a marker in the middle": ("nginx !PinDigest:1", "invalid-marker"),
    "an invalid reference": ("!PinDigest Nginx:1", "invalid-reference"),
    "a value that only the stack has": ({"Fn::Sub": "!PinDigest nginx:${AWS::StackName}"}, "unresolved-image"),
    "a resource that does not exist": ({"Fn::Sub": "!PinDigest ${Nowhere}"}, "unresolved-image"),
    "a secret": ("!PinDigest nginx:{{resolve:secretsmanager:tag}}", "unresolved-image"),
    "a parameter with an empty default": ({"Fn::Sub": "!PinDigest ${Empty}"}, "invalid-marker"),
    "a name that is too long with a digest": (f"!PinDigest registry.example/{'a' * 250}:1", "unresolved-image"),
}


@pytest.mark.parametrize(("image", "rule"), INVALID.values(), ids=INVALID)
def test_marker_that_the_macro_rejects_is_a_finding(image: Any, rule: str) -> None:
    found = check_image(image, Parameters={"Empty": {"Type": "String", "Default": ""}})

    assert rules_and_paths(found) == [(rule, IMAGE)]


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({"Outputs": {"Image": {"Value": "!PinDigest x:1"}}}, "Outputs.Image.Value"),
        ({"Metadata": {"Image": "!PinDigest x:1"}}, "Metadata.Image"),
    ],
)
def test_marker_outside_of_images_is_a_finding(section: dict[str, Any], path: str) -> None:
    assert rules_and_paths(check({"Topic": {"Type": "AWS::SNS::Topic"}}, **section)) == [("misplaced-marker", path)]


def test_invalid_options_in_metadata_and_parameters_are_findings() -> None:
    web = {**task("shop/web:1"), "Metadata": {"ImagePinner": {"Pin": "Everything"}}}

    assert ("invalid-option", "Resources.Web.Metadata.ImagePinner") in rules_and_paths(check({"Web": web}))
    assert ("invalid-option", "Transform") in rules_and_paths(check_image("!PinDigest a:1", params={"Pinn": "All"}))


def test_parameter_without_a_default_is_not_a_finding() -> None:
    assert rules_and_paths(check_image({"Ref": "Image"}, Parameters=PARAMETERS, params={"Pin": "All"})) == []


def test_parameter_value_is_checked() -> None:
    found = check_image({"Ref": "Image"}, Parameters=PARAMETERS, params={"Pin": "All"}, values={"Image": "Nginx:1"})

    assert rules_and_paths(found) == [("invalid-reference", IMAGE)]


def test_missing_transform_is_a_finding_at_the_first_requested_pin() -> None:
    (finding,) = check_image("!PinDigest nginx:1", names_macro=False)

    assert rules_and_paths([finding]) == [("missing-transform", IMAGE)]
    assert finding.help == "write Transform: ImagePinner at the top of the template"


@pytest.mark.parametrize("transform", ["AWS::Serverless-2016-10-31", ["AWS::Serverless-2016-10-31"]])
def test_macro_is_added_before_transforms_of_aws(transform: Any) -> None:
    (finding,) = check_image("!PinDigest nginx:1", names_macro=False, Transform=transform)

    assert rules_and_paths([finding]) == [("missing-transform", "Transform")]
    assert finding.fix == Replace(TemplatePath(("Transform",)), ["ImagePinner", "AWS::Serverless-2016-10-31"])


def test_help_uses_the_installed_name_of_the_macro() -> None:
    (finding,) = check_image("!PinDigest nginx:1", names_macro=False, scan_settings=ScanSettings(macro="Pinner-v2"))

    assert "Pinner-v2" in finding.help


def test_problem_at_a_missing_list_element_does_not_crash() -> None:
    template = {"Resources": {"Web": task("nginx:1")}}
    missing = TemplatePath(("Resources", "Web", "Properties", "ContainerDefinitions", 1, "Image"))

    class FragmentWithAProblem(Fragment):
        def find_images(self, *_: Any) -> ImageScan:
            return ImageScan(problems=[Problem(missing, ProblemKind.TEMPLATE, "it is missing")])

    fragment = FragmentWithAProblem(Shape.TEMPLATE, template, {}, template)
    findings = check_template(fragment, {}, ScanSettings(), names_macro=False)

    assert rules_and_paths(findings) == [("missing-transform", str(missing)), ("unresolved-image", str(missing))]


def test_only_an_unpinned_image_is_a_warning() -> None:
    found = check({"Web": task("a:1", "!PinDigest B:1"), "Api": task({"Fn::PinDigest": "a:1"})}, names_macro=False)

    assert {finding.rule.slug: finding.rule.severity for finding in found} == {
        "unpinned-image": Severity.WARNING,
        "unsupported-marker-syntax": Severity.ERROR,
        "invalid-reference": Severity.ERROR,
        "missing-transform": Severity.ERROR,
    }


SNIPPETS = {
    "as the image": {"Name": "a", "Image": {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": "a:1"}}}},
    "as a list": {"Name": "a", "Image": {"Fn::Transform": [{"Name": "ImagePinner", "Parameters": {"Image": "a:1"}}]}},
    "next to a marked image": {"Name": "a", "Image": "!PinDigest a:1", "Fn::Transform": "ImagePinner"},
}


@pytest.mark.parametrize("container", SNIPPETS.values(), ids=SNIPPETS)
def test_snippet_needs_no_transform(container: dict[str, Any]) -> None:
    web = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [container]}}

    assert rules_and_paths(check({"Web": web}, names_macro=False)) == []


def test_marker_next_to_a_snippet_of_another_macro_needs_a_transform() -> None:
    container = {"Name": "a", "Image": "!PinDigest a:1", "Fn::Transform": {"Name": "AWS::Include", "Parameters": {}}}
    web = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [container]}}

    found = check({"Web": web}, names_macro=False)
    assert [rule for rule, _ in rules_and_paths(found)] == ["included-image", "missing-transform"]


def test_invalid_snippet_is_a_finding_and_needs_no_transform() -> None:
    snippet = {"Fn::Transform": {"Name": "ImagePinner", "Parameters": ["a:1"]}}

    assert rules_and_paths(check_image(snippet, names_macro=False)) == [("invalid-marker", IMAGE)]


def test_pin_in_metadata_needs_a_transform() -> None:
    found = check_image("a:1", names_macro=False, Metadata={"ImagePinner": {"Pin": ["web2"]}})

    assert ("missing-transform", "Metadata.ImagePinner.Pin") in rules_and_paths(found)


def test_template_without_images_needs_no_transform() -> None:
    assert rules_and_paths(check({"Topic": {"Type": "AWS::SNS::Topic"}}, names_macro=False)) == []


def test_findings_are_sorted_by_path() -> None:
    resources = {name: task("b:1", "a:1") for name in ("Web", "Api")}

    found = check(resources)

    assert found == check(dict(reversed(resources.items())))
    assert [str(finding.path) for finding in found] == sorted(str(finding.path) for finding in found)


def test_template_is_not_changed() -> None:
    resources = {"Web": task({"Fn::PinDigest": {"Image": "a:1", "Platform": "linux/amd64"}}, "b:1")}

    check(resources, names_macro=False)

    assert resources == {"Web": task({"Fn::PinDigest": {"Image": "a:1", "Platform": "linux/amd64"}}, "b:1")}


def test_platform_other_than_the_configured_one_is_a_finding() -> None:
    scan_settings = ScanSettings(operator=Options(platform=Platform("linux", "arm64")))

    assert rules_and_paths(check_image("!PinDigest Platform=linux/amd64 a:1", scan_settings=scan_settings)) == [
        ("invalid-option", IMAGE)
    ]


class TestDeploymentOptions:
    PARAMS = {"StackName": {"Ref": "AWS::StackName"}, "Refresh": {"Ref": "Mode"}}  # noqa: RUF012 - read only

    @pytest.mark.parametrize("values", [{"Default": "Sometimes"}, {"AllowedValues": ["Sometimes"]}])
    def test_a_parameter_that_is_not_a_refresh_mode_is_a_finding(self, values: dict[str, Any]) -> None:
        found = check(
            {"Web": task("!PinDigest nginx:1")}, params=self.PARAMS, Parameters={"Mode": {"Type": "String", **values}}
        )
        assert rules_and_paths(found) == [("invalid-option", "Transform")]

    @pytest.mark.parametrize(
        "values",
        [{"Default": "OnChange"}, {"AllowedValues": ["Never", "Always"]}, {"Default": "Never", "AllowedValues": ["x"]}],
    )
    def test_options_that_only_a_deployment_knows_are_accepted(self, values: dict[str, Any]) -> None:
        parameters = {"Mode": {"Type": "String", **values}}
        assert check({"Web": task("!PinDigest nginx:1")}, params=self.PARAMS, Parameters=parameters) == []

    def test_an_image_with_a_stack_name_that_no_option_sets_is_a_finding(self) -> None:
        found = check_image({"Fn::Sub": "!PinDigest shop/${AWS::StackName}:1"}, params={"Refresh": "Never"})
        assert rules_and_paths(found) == [("unresolved-image", IMAGE)]

    def test_an_image_with_the_stack_name_is_accepted(self) -> None:
        image = {"Fn::Sub": "!PinDigest shop/${AWS::StackName}:1"}
        metadata = {"ImagePinner": {"StackName": {"Ref": "AWS::StackName"}}}
        assert check_image(image, Metadata=metadata) == []
        assert check_image(image, params={"StackName": {"Ref": "AWS::StackName"}}) == []
        assert check_image(image, params={"StackName": "shop"}) == []
