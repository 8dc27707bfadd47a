"""`check` without the values that only a deployment knows: it reports what no values, or only some, can pin."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.check import Finding
from support.templates import NO_VALUE, task
from unit.core.test_check import check as check_sections

IMAGE = "Resources.Web.Properties.ContainerDefinitions[0].Image"
CONDITIONS = {
    "IsProduction": {"Fn::Equals": [{"Ref": "Stage"}, "production"]},
    "IsFrankfurt": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-central-1"]},
}
PARAMETERS = {
    "Stage": {"Type": "String"},
    "Index": {"Type": "String"},
    "Text": {"Type": "String"},
    "Texts": {"Type": "CommaDelimitedList"},
    "Number": {"Type": "Number"},
    "Allowed": {"Type": "String", "AllowedValues": ["", "1.0"]},
}
MAPPINGS = {
    "Stages": {"test": {"Image": "shop/web:1", "Names": ["a", "b"]}},
    "Accounts": {"111122223333": {"Image": "shop/web:1"}},
    "Regions": {"eu-central-1": {"Image": "shop/web:1"}},
}
TEMPLATE = {
    "Transform": "ImagePinner",
    "Parameters": PARAMETERS,
    "Conditions": CONDITIONS,
    "Mappings": MAPPINGS,
}


def check(
    resources: dict[str, Any],
    params: dict[str, Any] | None = None,
    values: dict[str, str] | None = None,
    parameters: dict[str, Any] | None = None,
) -> list[Finding]:
    resources = {"Repository": {"Type": "AWS::ECR::Repository"}, **resources}
    template = {**TEMPLATE, "Parameters": {**PARAMETERS, **(parameters or {})}}
    return check_sections(resources, params=params, values=values, **template)


def slugs(findings: list[Finding]) -> list[str]:
    return [finding.rule.slug for finding in findings]


REFUSED = {
    "!PinDigest a@sha256:abc": "invalid-reference",
    "!PinDigest Foo=1 a/b:1": "invalid-option",
    "x !PinDigest a:1": "invalid-marker",
    "${Nope}": "unresolved-image",
    "${Repository.RepositoryUri}": "unresolved-image",
    "shop/Web:${Text}": "invalid-reference",
}


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize(("image", "slug"), REFUSED.items(), ids=REFUSED)
class TestImageOfSomeDeployments:
    @pytest.fixture
    def expression(self, image: str) -> Any:
        return {"Fn::Sub": f"!PinDigest {image}"} if "!PinDigest" not in image else image

    def test_in_a_branch(self, condition: str, expression: Any, slug: str) -> None:
        for branches, number in ([expression, "!PinDigest a:1"], 1), (["!PinDigest a:1", expression], 2):
            (finding,) = check({"Web": task({"Fn::If": [condition, *branches]})})
            assert (finding.rule.slug, str(finding.path)) == (slug, f"{IMAGE}.Fn::If[{number}]")

    def test_in_a_resource_with_a_condition(self, condition: str, expression: Any, slug: str) -> None:
        (finding,) = check({"Web": {**task(expression), "Condition": condition}})
        assert (finding.rule.slug, str(finding.path)) == (slug, IMAGE)


@pytest.mark.parametrize(
    "image", [5, "", "Bad Ref", {"Fn::GetAtt": ["Repository", "Arn"]}, {"Fn::Transform": {"Name": "Other"}}], ids=str
)
def test_unmarked_image_of_some_deployments_is_reported_if_all_are_pinned(image: Any) -> None:
    found = check({"Web": task({"Fn::If": ["IsProduction", image, "a:1"]})}, {"Pin": "All"})
    assert [str(finding.path).partition(".Fn::Transform")[0] for finding in found] == [f"{IMAGE}.Fn::If[1]"]


def test_image_of_no_deployment_with_the_known_values_is_not_reported() -> None:
    image = {"Fn::If": ["IsProduction", "!PinDigest a@sha256:abc", "!PinDigest a:1"]}
    assert check({"Web": task(image)}, values={"Stage": "test"}) == []
    assert slugs(check({"Web": task(image)}, values={"Stage": "production"})) == ["invalid-reference"]


BY_DEFAULT = {"Stage": {"Type": "String", "Default": "test"}, "Text": {"Type": "String", "Default": ""}}


@pytest.mark.parametrize(
    ("image", "slug"), [*REFUSED.items(), ("!PinDigest shop/web", "missing-tag")], ids=[*REFUSED, "shop/web"]
)
def test_image_that_a_default_excludes_is_reported_if_no_value_can_pin_it(image: str, slug: str) -> None:
    expression: Any = image if "!PinDigest" in image else {"Fn::Sub": f"!PinDigest {image}"}
    found = check({"Web": task({"Fn::If": ["IsProduction", expression, "!PinDigest a:1"]})}, parameters=BY_DEFAULT)
    assert [(each.rule.slug, str(each.path)) for each in found] == [(slug, f"{IMAGE}.Fn::If[1]")]


def test_image_that_a_default_excludes_is_not_reported_if_other_values_can_pin_it() -> None:
    image = {"Fn::If": ["IsProduction", {"Fn::Sub": "!PinDigest shop/web:${Text}"}, "!PinDigest a:1"]}
    assert check({"Web": task(image)}, parameters=BY_DEFAULT) == []


def test_image_that_a_default_excludes_and_no_value_can_pin_is_not_marked() -> None:
    image = {"Fn::If": ["IsProduction", {"Fn::GetAtt": ["Repository", "Arn"]}, "!PinDigest a:1"]}
    (finding,) = check({"Web": task(image)}, parameters=BY_DEFAULT)
    assert (finding.rule.slug, finding.fix) == ("unpinned-image", None)


@pytest.mark.parametrize("image", [{"Fn::Sub": "shop/web:${Text}"}, {"Fn::Sub": "shop/web${Text}"}, {"Ref": "Text"}])
@pytest.mark.parametrize("level", ["branch", "resource"])
def test_unmarked_image_that_a_default_excludes_is_checked_without_the_default(image: Any, level: str) -> None:
    web = task(image if level == "resource" else {"Fn::If": ["IsProduction", image, "!PinDigest a:1"]})
    if level == "resource":
        web["Condition"] = "IsProduction"
    (finding,) = check({"Web": web}, parameters=BY_DEFAULT)
    assert (finding.rule.slug, finding.fix is not None) == ("unpinned-image", True)


VALID: list[Any] = [
    {"Fn::Select": [{"Ref": "Index"}, ["!PinDigest a:1", "!PinDigest b:1"]]},
    {"Fn::Select": [{"Ref": "Number"}, ["!PinDigest a:1"]]},
    *(
        {"Fn::Sub": ["!PinDigest ${Image}", {"Image": {"Fn::FindInMap": [mapping, {"Ref": key}, "Image"]}}]}
        for mapping, key in [("Stages", "Stage"), ("Accounts", "AWS::AccountId"), ("Regions", "AWS::Region")]
    ),
    {"Fn::Sub": ["!PinDigest a:${Tag}", {"Tag": {"Fn::Select": [1, {"Fn::Split": [":", {"Ref": "Text"}]}]}}]},
    {"Fn::Sub": ["!PinDigest a:${Tag}", {"Tag": {"Fn::Select": [1, {"Ref": "Texts"}]}}]},
    {"Fn::Sub": ["!PinDigest a:${Tag}", {"Tag": {"Fn::If": ["IsProduction", "1", "2"]}}]},
    {"Fn::Sub": "!PinDigest shop/web@${Text}"},
    {"Fn::Sub": "!PinDigest shop/web@sha256:${Text}"},
    {"Fn::Sub": "!PinDigest shop/web:${Stage}@${Text}"},
    {"Fn::Sub": "!PinDigest ${Stage}/web:${Index}@${Text}"},
    {"Fn::Sub": "!PinDigest shop/web:${Allowed}"},
    {"Fn::Sub": "!PinDigest registry.example:${Text}/web:${Stage}"},
    {"Fn::Sub": "!PinDigest registry.example:${Number}/web:${Stage}"},
    {"Fn::Sub": "!PinDigest Platform=${Text} shop/web:${Stage}"},
]


@pytest.mark.parametrize("image", VALID, ids=str)
def test_image_that_some_value_can_pin_is_not_reported(image: Any) -> None:
    assert check({"Web": task(image)}) == []


@pytest.mark.parametrize("image", [{"Ref": "Index"}, {"Fn::FindInMap": ["Stages", {"Ref": "Stage"}, "Image"]}], ids=str)
def test_image_that_some_value_can_pin_can_be_marked(image: Any) -> None:
    (finding,) = check({"Web": task(image)})
    assert (finding.rule.slug, finding.fix is not None) == ("unpinned-image", True)


@pytest.mark.parametrize(
    ("option", "level"),
    [
        ("Platform", "image"),
        ("Platform", "resource"),
        ("Pin", "params"),
        ("Record", "params"),
        ("Refresh", "params"),
        ("WhenMissing", "params"),
        ("WhenMoved", "params"),
    ],
)
def test_option_that_some_value_makes_valid_is_not_reported(option: str, level: str) -> None:
    options = {option: {"Ref": "Text"}}
    image: Any = {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": "a:1", **options}}}
    web = task(image if level == "image" else "!PinDigest a:1")
    if level == "resource":
        web["Metadata"] = {"ImagePinner": options}
    assert check({"Web": web}, options if level == "params" else {}) == []


def test_platform_that_depends_on_a_parameter_is_not_reported() -> None:
    def function(architectures: Any) -> dict[str, Any]:
        code = {"Code": {"ImageUri": "!PinDigest a:1"}, "Architectures": architectures}
        return {"Type": "AWS::Lambda::Function", "Properties": code}

    assert check({"Web": function([{"Ref": "Text"}])}) == []
    assert check({"Web": function({"Fn::If": ["IsProduction", ["arm64"], ["x86_64"]]})}) == []


@pytest.mark.parametrize(
    ("image", "slug"),
    [
        ({"Fn::Select": [{"Ref": "Index"}, "a:1"]}, "unresolved-image"),
        ({"Fn::FindInMap": ["Nothing", {"Ref": "Stage"}, "Image"]}, "unresolved-image"),
        ({"Fn::Sub": "${AWS::StackId}:${Text}"}, "unresolved-image"),
        ({"Fn::Sub": "shop/Web:${Text}"}, "invalid-reference"),
    ],
    ids=str,
)
def test_image_that_no_value_can_pin_is_reported(image: Any, slug: str) -> None:
    assert slugs(check({"Web": task(image)}, {"Pin": "All"})) == [slug]


def test_loop_over_values_that_some_key_has_is_not_reported() -> None:
    web = task({"Fn::Sub": "!PinDigest shop/${Name}:1"})
    loop = ["Name", {"Fn::FindInMap": ["Stages", {"Ref": "Stage"}, "Names"]}, {"Web${Name}": web}]
    assert check({"Fn::ForEach::Services": loop}, values={"Stage": "nothing"}) != []
    assert check({"Fn::ForEach::Services": loop}) == []


def test_snippet_in_a_branch_is_reported() -> None:
    properties = {
        "ContainerDefinitions": [{"Name": "web", "Image": {"Fn::If": ["IsProduction", "!PinDigest A:1", NO_VALUE]}}],
        "Fn::Transform": {"Name": "ImagePinner", "Parameters": {}},
    }
    found = check({"Web": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}})
    assert slugs(found) == ["invalid-reference"]


@pytest.mark.parametrize("values", [{}, {"Stage": "test"}, {"Stage": "production"}], ids=str)
@pytest.mark.parametrize("level", ["image", "containers"])
def test_include_in_a_branch_is_reported_whether_or_not_it_is_deployed(level: str, values: dict[str, str]) -> None:
    include = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://bucket/key"}}}
    web = task("!PinDigest a:1")
    owner, key = web["Properties"]["ContainerDefinitions"][0], "Image"
    if level == "containers":
        owner, key = web["Properties"], "ContainerDefinitions"
    owner[key] = {"Fn::If": ["IsProduction", include, owner[key]]}
    assert slugs(check({"Web": web}, values=values)) == ["unpinned-image" if level == "image" else "included-image"]
