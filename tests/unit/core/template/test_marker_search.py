from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.marker_search import MarkerCount, count_markers, find_misplaced_markers, walked_sections

MARKED = {"Type": "String", "Default": "!PinDigest nginx:1"}


def strays(
    template: dict[str, Any], read: dict[Any, Any] | None = None, marker_count: MarkerCount | None = None
) -> list[tuple[str, str]]:
    scope = Scope.of_template(template, {}, region="us-east-1", account_id="111122223333")
    problems = find_misplaced_markers(template, read or {}, scope, marker_count)
    assert all(problem.help for problem in problems)
    return sorted((str(problem.path), problem.cause) for problem in problems)


@pytest.mark.parametrize(
    ("section", "content", "path", "cause"),
    [
        (
            "Outputs",
            {"X": {"Value": "!PinDigest nginx:1"}},
            "Outputs.X.Value",
            "!PinDigest is outside of the known image properties",
        ),
        (
            "Outputs",
            {"X": {"Value": {"Fn::Sub": " !PinDigest ${A}"}}},
            "Outputs.X.Value.Fn::Sub",
            "!PinDigest is outside of the known image properties",
        ),
        (
            "Outputs",
            {"X": [{"Fn::Join": ["", ["!PinDigest ", "x"]]}]},
            "Outputs.X[0].Fn::Join[1][0]",
            "!PinDigest is outside of the known image properties",
        ),
        ("Outputs", {"X": "!PinDigestnginx"}, "Outputs.X", "!PinDigestnginx is outside of the known image properties"),
        (
            "Metadata",
            {"Note": "!PinDigest nginx:1"},
            "Metadata.Note",
            "!PinDigest is outside of the known image properties",
        ),
        (
            "Hooks",
            {"X": {"Fn::PinDigest": "nginx:1"}},
            "Hooks.X",
            "Fn::PinDigest is outside of the known image properties",
        ),
        (
            "Outputs",
            {"X": {"Fn::PinDigest": "nginx:1", "Other": 1}},
            "Outputs.X",
            "Fn::PinDigest is outside of the known image properties",
        ),
        ("Unheard", ["!PinDigest"], "Unheard[0]", "!PinDigest is outside of the known image properties"),
    ],
)
def test_a_mark_in_a_place_that_is_no_image_is_a_problem(section: str, content: Any, path: str, cause: str) -> None:
    template = {"Resources": {}, section: content}
    assert strays(template) == [(path, cause)]
    assert strays(template, marker_count=count_markers(walked_sections(template))) == [(path, cause)]


@pytest.mark.parametrize(
    "template",
    [
        {},
        {"Resources": None},
        {"Resources": {"A": {"Type": "X", "Properties": {"Text": "write !PinDigest before the image"}}}},
        {"Resources": {}, "Parameters": {"Image": MARKED}},
        {"Resources": {}, "Mappings": {"M": {"a": {"b": "!PinDigest nginx:1"}}}},
        {"Resources": {}, "Description": "!PinDigest is explained elsewhere"},
        {
            "Resources": {},
            "Conditions": {"C": {"Fn::Equals": [{"Ref": "Image"}, "!PinDigest nginx:1"]}},
            "Parameters": {"Image": MARKED},
        },
        {
            "Resources": {},
            "Rules": {"R": {"Assertions": [{"Assert": {"Ref": "Image"}}]}},
            "Parameters": {"Image": MARKED},
        },
        {"Resources": {"!PinDigest": {"Type": "X"}}},
    ],
)
def test_texts_that_are_no_marks_of_images_are_none(template: dict[str, Any]) -> None:
    assert strays(template) == []


def test_what_was_read_as_an_image_is_none_and_all_inside_it() -> None:
    image = {"Fn::Join": ["", ["!PinDigest ", "nginx:1"]]}
    template = {"Resources": {"Web": {"Image": image, "Other": "!PinDigest x"}}}
    read = {("Resources", "Web", "Image"): image}
    assert [path for path, _ in strays(template, read)] == ["Resources.Web.Other"]
    del template["Resources"]["Web"]["Other"]
    assert strays(template, read) == []


def test_a_part_of_a_template_has_no_sections_that_are_left_out() -> None:
    fragment = {"TemplateURL": "x", "Parameters": {"Image": "!PinDigest nginx:1"}}
    assert [path for path, _ in strays(fragment)] == ["Parameters.Image"]


@pytest.mark.parametrize(
    ("value", "path", "function"),
    [
        ({"Ref": "Image"}, "Outputs.X", "Ref"),
        ({"Fn::Sub": "${Image}"}, "Outputs.X", "Fn::Sub"),
        ({"Fn::Join": ["", [{"Ref": "Image"}, "x"]]}, "Outputs.X", "Fn::Join"),
        ({"Fn::FindInMap": ["Images", "prod", "Web"]}, "Outputs.X", "Fn::FindInMap"),
        ({"Fn::FindInMap": ["Images", "prod", "List"]}, "Outputs.X", "Fn::FindInMap"),
        ({"Ref": "List"}, "Outputs.X", "Ref"),
        ([{"Ref": "Image"}], "Outputs.X[0]", "Ref"),
        ({"Fn::Select": [0, [{"Ref": "Image"}]]}, "Outputs.X.Fn::Select[1][0]", "Ref"),
        ({"Fn::If": ["C", {"Ref": "Image"}, "x"]}, "Outputs.X.Fn::If[1]", "Ref"),
        ({"Fn::Sub": "${Image}${AWS::StackName}"}, "Outputs.X", "Fn::Sub"),
    ],
)
def test_a_mark_that_is_brought_to_a_place_that_is_no_image_is_a_problem(value: Any, path: str, function: str) -> None:
    template = {
        "Resources": {},
        "Parameters": {"Image": MARKED, "List": {"Type": "CommaDelimitedList", "Default": "x,!PinDigest nginx:1"}},
        "Mappings": {"Images": {"prod": {"Web": "!PinDigest nginx:1", "List": ["!PinDigest nginx:1"]}}},
        "Outputs": {"X": value},
    }
    cause = f"{function} returns a value marked with !PinDigest outside of the known image properties"
    assert (path, cause) in strays(template)


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "Tag"},
        {"Ref": "Nope"},
        {"Fn::Sub": "see ${Image}"},
        {"Fn::FindInMap": ["Images", "prod", "Cpu"]},
        {"Fn::FindInMap": ["Images", {"Ref": "AWS::StackName"}, "Cpu"]},
        {"Ref": "Image", "Other": 1},
    ],
)
def test_where_something_else_is_brought_there_is_no_problem(value: Any) -> None:
    template = {
        "Resources": {},
        "Parameters": {"Image": MARKED, "Tag": {"Type": "String", "Default": "1"}},
        "Mappings": {"Images": {"prod": {"Web": "!PinDigest nginx:1", "Cpu": 256}}},
        "Outputs": {"X": value},
    }
    assert strays(template) == []


def test_no_depth_of_nesting_ends_it() -> None:
    deep: Any = "!PinDigest x"
    for level in range(2_000):
        deep = {"k": deep} if level % 2 else [deep]
    ((path, _),) = strays({"Resources": {"Deep": deep}})
    assert path.startswith("Resources.Deep.k[0].k[0]")


def test_an_image_in_a_section_that_is_left_out_does_not_stand_for_a_stray_mark() -> None:
    template = {"Resources": {}, "Rules": {"Image": "!PinDigest nginx:1"}, "Outputs": {"X": {"Value": "!PinDigest x"}}}
    read = {("Rules", "Image"): "!PinDigest nginx:1"}
    assert [path for path, _ in strays(template, read)] == ["Outputs.X.Value"]
