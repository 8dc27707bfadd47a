"""What `check` finds in a template without asking anybody."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.check import RULES, Finding, check_template
from image_pinner.core.images.platforms import Platform
from image_pinner.core.template.edits import Replace, apply_edits
from image_pinner.core.template.fragments import Fragment, Shape
from image_pinner.core.template.options import Options, Pin
from image_pinner.core.template.paths import TemplatePath
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
    return check_template(fragment, values or {}, scan_settings or ScanSettings(), names_macro=names_macro)


def check_image(image: Any, **more: Any) -> list[Finding]:
    return check({"Web": task(image)}, **more)


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    for finding in findings:
        assert finding.rule in RULES
        assert finding.cause
        assert not finding.cause.endswith(".")
        assert not finding.help.endswith(".")
    return [(finding.rule, str(finding.path)) for finding in findings]


UNMARKED = [
    "nginx:1",
    {"Ref": "Image"},
    {"Fn::Sub": "shop/web:${Tag}"},
    {"Fn::Sub": ["shop/web:${T}", {"T": "1"}]},
    {"Fn::Join": ["", ["shop/web:", {"Ref": "Tag"}]]},
    {"Fn::Join": [":", ["shop/web", {"Ref": "Tag"}]]},
    {"Fn::FindInMap": ["Images", {"Ref": "AWS::Region"}, "Web"]},
    {"Fn::ImportValue": "web-image"},
    {"Fn::GetAtt": ["Build", "Image"]},
    {"Fn::Select": [0, ["nginx:1"]]},
    "{{resolve:ssm:/web/image}}",
]
PARAMETERS = {"Image": {"Type": "String"}, "Tag": {"Type": "String", "Default": "1"}}


@pytest.mark.parametrize("image", UNMARKED, ids=str)
def test_an_image_that_nothing_asks_to_pin_is_a_finding_and_its_correction_is_none_any_more(image: Any) -> None:
    resources = {"Web": task(image), "Build": {"Type": "Custom::Build"}}

    (finding,) = check(resources, Parameters=PARAMETERS)

    assert told([finding]) == [("unpinned-image", IMAGE)]
    assert finding.fix is not None
    corrected = apply_edits({"Parameters": PARAMETERS, "Resources": resources}, [finding.fix])
    assert [rule for rule, _ in told(check(corrected["Resources"], Parameters=PARAMETERS))] in ([], ["invalid-marker"])


def test_both_arms_of_a_condition_are_findings() -> None:
    found = check_image({"Fn::If": ["C", "a:1", {"Fn::If": ["D", "b:1", {"Ref": "AWS::NoValue"}]}]})

    assert told(found) == [
        ("unpinned-image", f"{IMAGE}.Fn::If[1]"),
        ("unpinned-image", f"{IMAGE}.Fn::If[2].Fn::If[1]"),
    ]


FINE = {
    "a digest": f"shop/web@sha256:{'a' * 64}",
    "tag and digest": f"shop/web:1@sha256:{'a' * 64}",
    "a mark": "!PinDigest shop/web:1",
    "a mark with options": "!PinDigest Platform=linux/arm64 Record=None shop/web:1",
    "a mark in a sub": {"Fn::Sub": "!PinDigest shop/web:${Tag}"},
    "a mark in a join": {"Fn::Join": ["", ["!PinDigest ", {"Ref": "Image"}]]},
    "a mark in both arms": {"Fn::If": ["C", "!PinDigest a:1", "!PinDigest b:1"]},
    "a parameter whose value is not known yet": {"Fn::Sub": "!PinDigest ${Image}"},
    "the account and the region of a deployment": {
        "Fn::Sub": "!PinDigest ${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/shop/web:${Tag}"
    },
    "the parameter store": "!PinDigest shop/web:{{resolve:ssm:/tag}}",
    "an export": {"Fn::Join": ["", ["!PinDigest ", {"Fn::ImportValue": "repository"}, ":1"]]},
    "no value": {"Ref": "AWS::NoValue"},
    "an image that another tool fills in": "",
}


@pytest.mark.parametrize("image", FINE.values(), ids=FINE)
def test_an_image_with_a_digest_or_a_mark_is_fine(image: Any) -> None:
    assert told(check_image(image, Parameters=PARAMETERS, Conditions={"C": {"Fn::Equals": ["a", "a"]}})) == []


@pytest.mark.parametrize("pin", ["All", "Skip", ["web"]])
def test_an_image_that_its_surroundings_decide_about_is_fine(pin: Any) -> None:
    web = task("shop/web:1")

    assert told(check({"Web": {**web, "Metadata": {"ImagePinner": {"Pin": pin}}}})) == []
    assert told(check({"Web": web}, params={"Pin": pin})) == []
    assert told(check({"Web": web}, Metadata={"ImagePinner": {"Pin": pin}})) == []


def test_a_container_that_a_list_leaves_out_is_a_finding_so_that_new_ones_are_not_forgotten() -> None:
    web = {**task("shop/web:1", "shop/new:1"), "Metadata": {"ImagePinner": {"Pin": ["web"]}}}

    assert told(check({"Web": web})) == [("unpinned-image", "Resources.Web.Properties.ContainerDefinitions[1].Image")]


def test_what_the_operator_pins_anyway_is_fine() -> None:
    assert told(check_image("shop/web:1", scan_settings=ScanSettings(operator=Options(pin=Pin.ALL)))) == []


def test_an_image_in_a_place_of_the_operators_own_is_found() -> None:
    job = {"Type": "Custom::Job", "Properties": {"Image": "shop/job:1"}}
    scan_settings = ScanSettings(image_paths=("$.Resources[?(@.Type=='Custom::Job')].Properties.Image",))

    assert told(check({"Job": job})) == []
    assert told(check({"Job": job}, scan_settings=scan_settings)) == [
        ("unpinned-image", "Resources.Job.Properties.Image")
    ]


REFUSED_FORMS = [
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


@pytest.mark.parametrize(("content", "corrected"), REFUSED_FORMS, ids=str)
def test_a_real_tag_is_refused_by_the_service_and_corrected_to_what_it_takes(content: Any, corrected: Any) -> None:
    parameters = {**PARAMETERS, "Platform": {"Type": "String", "Default": "linux/arm64"}}

    (finding,) = check_image(
        {"Fn::PinDigest": content}, Parameters=parameters, Conditions={"C": {"Fn::Equals": ["a", "a"]}}
    )

    assert told([finding]) == [("unsupported-marker-syntax", IMAGE)]
    assert "CloudFormation rejects" in finding.cause
    assert isinstance(finding.fix, Replace)
    assert finding.fix.value == corrected


def test_the_fix_calls_the_macro_by_the_name_under_which_it_is_installed() -> None:
    content = {"Image": "x:1", "Platform": {"Ref": "Platform"}}
    parameters = {"Platform": {"Type": "String", "Default": "linux/arm64"}}

    (finding,) = check_image(
        {"Fn::PinDigest": content}, Parameters=parameters, scan_settings=ScanSettings(macro="Pinner-v2")
    )

    assert isinstance(finding.fix, Replace)
    assert finding.fix.value == {
        "Fn::Transform": {"Name": "Pinner-v2", "Parameters": {"Image": "x:1", "Platform": {"Ref": "Platform"}}}
    }


def test_a_real_tag_with_a_wrong_option_is_told_for_both() -> None:
    found = check_image({"Fn::PinDigest": {"Image": "nginx:1", "Plattform": "linux/arm64"}})

    assert told(found) == [("invalid-marker", IMAGE), ("unsupported-marker-syntax", IMAGE)]


def test_a_real_tag_in_a_place_that_is_no_image_is_not_corrected_to_another_wrong_one() -> None:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::PinDigest": "nginx:1"}}}

    (finding,) = check({"Topic": topic})

    assert told([finding]) == [("invalid-marker", "Resources.Topic.Properties.DisplayName")]
    assert finding.fix is None
    assert "no image" in finding.cause


def test_a_real_tag_in_a_mapping_is_refused_by_the_service_too() -> None:
    found = check({"Topic": {"Type": "AWS::SNS::Topic"}}, Mappings={"Images": {"a": {"b": {"Fn::PinDigest": "x:1"}}}})

    assert told(found) == [("unsupported-marker-syntax", "Mappings.Images.a.b")]


WRONG = {
    "an unknown option": "!PinDigest Plattform=linux/arm64 nginx:1",
    "an option that is not available yet": "!PinDigest Lock=ssm:/lock nginx:1",
    "nothing behind the mark": "!PinDigest ",
    "no space behind the mark": "!PinDigestnginx:1",
    "a bad reference": "!PinDigest Nginx:1",
    "a name that only the stack knows": {"Fn::Sub": "!PinDigest nginx:${AWS::StackName}"},
    "a resource that does not exist": {"Fn::Sub": "!PinDigest ${Nowhere}"},
    "a secret": "!PinDigest nginx:{{resolve:secretsmanager:tag}}",
    "a parameter with an empty default": {"Fn::Sub": "!PinDigest ${Empty}"},
}


@pytest.mark.parametrize("image", WRONG.values(), ids=WRONG)
def test_a_mark_that_the_macro_will_refuse_is_a_finding(image: Any) -> None:
    found = check_image(image, Parameters={"Empty": {"Type": "String", "Default": ""}})

    assert told(found) == [("invalid-marker", IMAGE)]


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({"Outputs": {"Image": {"Value": "!PinDigest x:1"}}}, "Outputs.Image.Value"),
        ({"Metadata": {"Image": "!PinDigest x:1"}}, "Metadata.Image"),
    ],
)
def test_a_mark_in_a_place_that_is_no_image_is_a_finding(section: dict[str, Any], path: str) -> None:
    assert told(check({"Topic": {"Type": "AWS::SNS::Topic"}}, **section)) == [("invalid-marker", path)]


def test_wrong_options_around_images_are_findings() -> None:
    web = {**task("shop/web:1"), "Metadata": {"ImagePinner": {"Pin": "Everything"}}}

    assert ("invalid-marker", "Resources.Web.Metadata.ImagePinner") in told(check({"Web": web}))
    assert ("invalid-marker", "Transform") in told(check_image("!PinDigest a:1", params={"Pinn": "All"}))


def test_an_unknown_value_of_a_parameter_without_default_is_nobodys_fault() -> None:
    assert told(check_image({"Ref": "Image"}, Parameters=PARAMETERS, params={"Pin": "All"})) == []


def test_a_given_value_is_looked_at() -> None:
    found = check_image({"Ref": "Image"}, Parameters=PARAMETERS, params={"Pin": "All"}, values={"Image": "Nginx:1"})

    assert told(found) == [("invalid-marker", IMAGE)]


def test_wishes_without_the_macro_in_transform_are_a_finding_at_the_first_of_them() -> None:
    (finding,) = check_image("!PinDigest nginx:1", names_macro=False)

    assert told([finding]) == [("missing-transform", IMAGE)]
    assert finding.help == "write Transform: ImagePinner at the top of the template"


@pytest.mark.parametrize("transform", ["AWS::Serverless-2016-10-31", ["AWS::Serverless-2016-10-31"]])
def test_the_macro_goes_before_the_transforms_of_aws(transform: Any) -> None:
    (finding,) = check_image("!PinDigest nginx:1", names_macro=False, Transform=transform)

    assert told([finding]) == [("missing-transform", "Transform")]
    assert finding.fix == Replace(TemplatePath(("Transform",)), ["ImagePinner", "AWS::Serverless-2016-10-31"])


def test_the_macro_is_called_by_the_name_under_which_it_is_installed() -> None:
    (finding,) = check_image("!PinDigest nginx:1", names_macro=False, scan_settings=ScanSettings(macro="Pinner-v2"))

    assert "Pinner-v2" in finding.help


SNIPPETS = {
    "as the image": {"Name": "a", "Image": {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": "a:1"}}}},
    "as a list": {"Name": "a", "Image": {"Fn::Transform": [{"Name": "ImagePinner", "Parameters": {"Image": "a:1"}}]}},
    "beside a marked image": {"Name": "a", "Image": "!PinDigest a:1", "Fn::Transform": "ImagePinner"},
}


@pytest.mark.parametrize("container", SNIPPETS.values(), ids=SNIPPETS)
def test_a_snippet_needs_no_transform_of_the_template(container: dict[str, Any]) -> None:
    web = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [container]}}

    assert told(check({"Web": web}, names_macro=False)) == []


def test_a_mark_beside_a_snippet_of_another_macro_needs_it() -> None:
    container = {"Name": "a", "Image": "!PinDigest a:1", "Fn::Transform": {"Name": "AWS::Include", "Parameters": {}}}
    web = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [container]}}

    assert [rule for rule, _ in told(check({"Web": web}, names_macro=False))] == ["missing-transform"]


def test_a_snippet_that_is_wrong_is_told_and_needs_no_transform_either() -> None:
    snippet = {"Fn::Transform": {"Name": "ImagePinner", "Parameters": ["a:1"]}}

    assert told(check_image(snippet, names_macro=False)) == [("invalid-marker", IMAGE)]


def test_a_wish_around_images_needs_the_macro_in_transform() -> None:
    found = check_image("a:1", names_macro=False, Metadata={"ImagePinner": {"Pin": ["web2"]}})

    assert ("missing-transform", "Metadata.ImagePinner.Pin") in told(found)


def test_a_template_without_images_and_wishes_is_fine_without_the_macro() -> None:
    assert told(check({"Topic": {"Type": "AWS::SNS::Topic"}}, names_macro=False)) == []


def test_findings_come_in_the_order_of_their_paths_whatever_the_order_of_the_template() -> None:
    resources = {name: task("b:1", "a:1") for name in ("Web", "Api")}

    found = check(resources)

    assert found == check(dict(reversed(resources.items())))
    assert [str(finding.path) for finding in found] == sorted(str(finding.path) for finding in found)


def test_the_template_is_not_changed() -> None:
    resources = {"Web": task({"Fn::PinDigest": {"Image": "a:1", "Platform": "linux/amd64"}}, "b:1")}

    check(resources, names_macro=False)

    assert resources == {"Web": task({"Fn::PinDigest": {"Image": "a:1", "Platform": "linux/amd64"}}, "b:1")}


def test_a_platform_of_the_operator_that_a_template_cannot_choose_is_a_finding() -> None:
    scan_settings = ScanSettings(operator=Options(platform=Platform("linux", "arm64")))

    assert told(check_image("!PinDigest Platform=linux/amd64 a:1", scan_settings=scan_settings)) == [
        ("invalid-marker", IMAGE)
    ]
