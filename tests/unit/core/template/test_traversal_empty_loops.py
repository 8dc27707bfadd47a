"""A loop over an empty list creates nothing: its images are not deployed, and the others are pinned."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, SsmParameter
from image_pinner.core.template.find import find_images
from image_pinner.core.template.sites import ScanSettings
from support.templates import NO_VALUE, ExpectedLookups, pin, pinned, problems_of, statuses_of, task

IMAGE = {"Fn::Sub": "!PinDigest shop/${N}:1"}
IMAGE_PATH = "Resources.Fn::ForEach::X[2]['Task${N}'].Properties.ContainerDefinitions[0].Image"
SECTIONS: dict[str, Any] = {
    "Parameters": {
        "None": {"Type": "CommaDelimitedList"},
        "Empty": {"Type": "CommaDelimitedList", "Default": ""},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/names"},
    },
    "Conditions": {"No": {"Fn::Equals": ["a", "b"]}},
    "Mappings": {"M": {"a": {"n": []}}},
}
NOTHING: dict[str, Any] = {
    "a literal": [],
    "a mapping": {"Fn::FindInMap": ["M", "a", "n"]},
    "a parameter": {"Ref": "None"},
    "a false condition": {"Fn::If": ["No", {"Ref": "Empty"}, []]},
    "no value": [NO_VALUE],
    "values that are excluded": [{"Fn::If": ["No", "a", NO_VALUE]}, {"Fn::If": ["No", "b", NO_VALUE]}],
}


def looped(collection: Any, resource: Any, **sections: Any) -> dict[str, Any]:
    resources = {"Fn::ForEach::X": ["N", collection, {"Task${N}": resource}], "Web": task("!PinDigest shop/web:1")}
    return {**SECTIONS, "Resources": resources, **sections}


def body_of(template: Any) -> Any:
    return template["Resources"]["Fn::ForEach::X"][2]["Task${N}"]


@pytest.mark.parametrize("collection", NOTHING.values(), ids=NOTHING)
def test_images_in_it_are_not_deployed_and_lose_their_marker(collection: Any) -> None:
    result = pin(looped(collection, task(IMAGE)), values={"None": []})

    assert result.report.succeeded
    assert statuses_of(result)[IMAGE_PATH] == "not deployed"
    assert body_of(result.answer) == task({"Fn::Sub": "shop/${N}:1"})
    assert result.answer["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]["Image"] == pinned(
        "shop/web", "1"
    )
    assert result.report.warnings == (
        f"{IMAGE_PATH}: marker removed: its loop has no values with the parameters of this deployment",
    )


@pytest.mark.parametrize(
    "image",
    [
        "!PinDigest shop/${N}:1",
        "!PinDigest shop/web:1",
        {"Fn::Join": ["", ["!PinDigest shop/", {"Ref": "N"}, ":1"]]},
        {"Fn::Join": ["", ["!PinDigest ", {"Ref": "N"}]]},
        {"Fn::PinDigest": {"Fn::Sub": "shop/${N}:1"}},
        {"Ref": "N"},
        {"Fn::If": ["No", "!PinDigest shop/${N}:1", IMAGE]},
    ],
    ids=str,
)
def test_every_form_of_an_image_loses_its_marker(image: Any) -> None:
    result = pin(looped([], task(image)))

    assert result.report.succeeded
    assert "PinDigest" not in str(body_of(result.answer))


def test_pin_all_and_the_names_of_containers_make_no_difference() -> None:
    resource = task({"Fn::Sub": "shop/${N}:1"})
    resource["Properties"]["ContainerDefinitions"][0]["Name"] = {"Ref": "N"}
    resource["Metadata"] = {"ImagePinner": {"Pin": ["web"], "Platform": {"Fn::Sub": "${N}"}}}

    result = pin(looped([], resource), {"Pin": "All"})

    assert statuses_of(result)[IMAGE_PATH] == "not deployed"
    assert body_of(result.answer) == resource


def test_what_hides_images_in_it_hides_nothing() -> None:
    resource = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": {"Ref": "N"}}}

    assert pin(looped([], resource), {"Pin": "All"}).report.succeeded


@pytest.mark.parametrize("inner", [["a"], ["a", "b"], [], {"Ref": "Stored"}])
@pytest.mark.parametrize("variable", ["N", "Other"])
def test_loops_inside_it_create_nothing_either(inner: Any, variable: str) -> None:
    body = {"Fn::ForEach::Y": [variable, inner, {"Task": task({"Fn::Sub": f"!PinDigest shop/${{{variable}}}:1"})}]}
    template = {**SECTIONS, "Resources": {"Fn::ForEach::X": ["N", [], body], "Topic": {"Type": "AWS::SNS::Topic"}}}

    result = pin(template)

    assert set(statuses_of(result).values()) == {"not deployed"}


def test_a_collection_is_looked_up() -> None:
    values = ExpectedLookups({SsmParameter("/names"): Known(["web"])})

    assert statuses_of(pin(looped({"Ref": "Stored"}, task(IMAGE)), external_values=values))[IMAGE_PATH] == "pinned"


@pytest.mark.parametrize("ssm_names", [True, False])
def test_in_an_event_a_collection_that_a_lookup_makes_empty_excludes_nothing(ssm_names: bool) -> None:  # noqa: FBT001
    template = looped({"Ref": "Stored"}, task("!PinDigest shop/web:1"))
    scope = Scope.of_template(template, {}, region="", account_id="", ssm_names=ssm_names)
    found = find_images(template, {}, scope.with_answers({SsmParameter("/names"): Known([])}), ScanSettings())
    assert [str(image.path) for image in found.skipped] == ([IMAGE_PATH] if ssm_names else [])


@pytest.mark.parametrize("collection", [{"Ref": "Empty"}, [""], {"Fn::Split": [",", ""]}], ids=str)
def test_an_empty_list_parameter_is_one_empty_text_and_refused_with_the_reason(collection: Any) -> None:
    result = pin(looped(collection, task(IMAGE)))

    ((path, cause),) = problems_of(result)
    assert path == IMAGE_PATH
    assert cause.endswith("only value is empty: CloudFormation passes an empty list parameter as one empty text")
    assert "Fn::If" in result.report.problems[0].help


def test_an_image_that_does_not_depend_on_an_empty_value_is_pinned() -> None:
    assert statuses_of(pin(looped({"Ref": "Empty"}, task("!PinDigest shop/web:1"))))[IMAGE_PATH] == "pinned"


VALUES = st.sampled_from(["a", "b", NO_VALUE, {"Fn::If": ["No", "x", NO_VALUE]}, {"Fn::If": ["No", NO_VALUE, "y"]}])


@given(st.lists(VALUES, max_size=4))
def test_no_value_leaves_a_collection_before_its_values_count(values: list[Any]) -> None:
    present = [value if isinstance(value, str) else "y" for value in values if value in ("a", "b") or "y" in str(value)]
    result = pin(looped(values, task(IMAGE)))

    if len(present) > 1:
        assert "which has several values" in problems_of(result)[0][1]
    else:
        assert statuses_of(result)[IMAGE_PATH] == ("pinned" if present else "not deployed")
