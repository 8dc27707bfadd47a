from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.marker_search import MarkerCount, count_markers, find_misplaced_markers, walked_sections

MARKED = {"Type": "String", "Default": "!PinDigest nginx:1"}


def misplaced_markers(
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
def test_a_marker_outside_of_an_image_is_a_problem(section: str, content: Any, path: str, cause: str) -> None:
    template = {"Resources": {}, section: content}
    assert misplaced_markers(template) == [(path, cause)]
    assert misplaced_markers(template, marker_count=count_markers(walked_sections(template))) == [(path, cause)]


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
def test_texts_that_are_not_markers_are_not_problems(template: dict[str, Any]) -> None:
    assert misplaced_markers(template) == []


def test_images_and_their_contents_are_not_problems() -> None:
    image = {"Fn::Join": ["", ["!PinDigest ", "nginx:1"]]}
    template = {"Resources": {"Web": {"Image": image, "Other": "!PinDigest x"}}}
    read = {("Resources", "Web", "Image"): image}
    assert [path for path, _ in misplaced_markers(template, read)] == ["Resources.Web.Other"]
    del template["Resources"]["Web"]["Other"]
    assert misplaced_markers(template, read) == []


def test_a_part_of_a_template_has_no_sections_that_are_left_out() -> None:
    fragment = {"TemplateURL": "x", "Parameters": {"Image": "!PinDigest nginx:1"}}
    assert [path for path, _ in misplaced_markers(fragment)] == ["Parameters.Image"]


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
def test_a_marked_value_outside_of_an_image_is_a_problem(value: Any, path: str, function: str) -> None:
    template = {
        "Resources": {},
        "Parameters": {"Image": MARKED, "List": {"Type": "CommaDelimitedList", "Default": "x,!PinDigest nginx:1"}},
        "Mappings": {"Images": {"prod": {"Web": "!PinDigest nginx:1", "List": ["!PinDigest nginx:1"]}}},
        "Outputs": {"X": value},
    }
    cause = f"{function} returns a value marked with !PinDigest outside of the known image properties"
    assert (path, cause) in misplaced_markers(template)


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
def test_an_unmarked_value_outside_of_an_image_is_not_a_problem(value: Any) -> None:
    template = {
        "Resources": {},
        "Parameters": {"Image": MARKED, "Tag": {"Type": "String", "Default": "1"}},
        "Mappings": {"Images": {"prod": {"Web": "!PinDigest nginx:1", "Cpu": 256}}},
        "Outputs": {"X": value},
    }
    assert misplaced_markers(template) == []


def test_markers_are_counted_at_any_depth() -> None:
    deep: Any = "!PinDigest x"
    for level in range(2_000):
        deep = {"k": deep} if level % 2 else [deep]
    ((path, _),) = misplaced_markers({"Resources": {"Deep": deep}})
    assert path.startswith("Resources.Deep.k[0].k[0]")


def test_an_image_in_another_section_does_not_hide_a_misplaced_marker() -> None:
    template = {"Resources": {}, "Rules": {"Image": "!PinDigest nginx:1"}, "Outputs": {"X": {"Value": "!PinDigest x"}}}
    read = {("Rules", "Image"): "!PinDigest nginx:1"}
    assert [path for path, _ in misplaced_markers(template, read)] == ["Outputs.X.Value"]
