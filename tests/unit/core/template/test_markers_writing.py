from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known
from image_pinner.core.template.markers import is_marked, parse_marker, with_marker

SCOPE = Scope(
    parameters={"Image": {"Type": "String", "Default": "nginx:1"}, "Tag": {"Type": "String", "Default": "1"}},
    conditions={"Yes": {"Fn::Equals": ["a", "a"]}},
    resources={"Repo": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "team/app"}}},
    region="us-east-1",
    account_id="111122223333",
)
NO_VALUE = {"Ref": "AWS::NoValue"}


@pytest.mark.parametrize(
    ("expression", "marked"),
    [
        ("nginx:1", "!PinDigest nginx:1"),
        ({"Ref": "Image"}, {"Fn::Sub": "!PinDigest ${Image}"}),
        ({"Fn::Sub": "nginx:${Tag}"}, {"Fn::Sub": "!PinDigest nginx:${Tag}"}),
        ({"Fn::Sub": ["nginx:${T}", {"T": "1"}]}, {"Fn::Sub": ["!PinDigest nginx:${T}", {"T": "1"}]}),
        ({"Fn::Join": ["", ["nginx:", {"Ref": "Tag"}]]}, {"Fn::Join": ["", ["!PinDigest nginx:", {"Ref": "Tag"}]]}),
        ({"Fn::Join": [":", ["nginx", "1"]]}, {"Fn::Join": [":", ["!PinDigest nginx", "1"]]}),
        (
            {"Fn::Join": ["", [{"Ref": "Image"}, ":1"]]},
            {"Fn::Join": ["", ["!PinDigest ", {"Ref": "Image"}, ":1"]]},
        ),
        (
            {"Fn::Join": [":", [{"Ref": "Image"}, {"Ref": "Tag"}]]},
            {"Fn::Join": [":", [{"Fn::Sub": "!PinDigest ${Image}"}, {"Ref": "Tag"}]]},
        ),
        (
            {"Fn::Join": ["/", [{"Fn::Sub": "host.${Tag}"}, "web:1"]]},
            {"Fn::Join": ["/", [{"Fn::Sub": "!PinDigest host.${Tag}"}, "web:1"]]},
        ),
        (
            {"Fn::Select": [0, ["nginx:1", "redis:2"]]},
            {"Fn::Join": ["", ["!PinDigest ", {"Fn::Select": [0, ["nginx:1", "redis:2"]]}]]},
        ),
        (
            {"Fn::If": ["Yes", "nginx:1", {"Fn::If": ["No", {"Ref": "Image"}, NO_VALUE]}]},
            {
                "Fn::If": [
                    "Yes",
                    "!PinDigest nginx:1",
                    {"Fn::If": ["No", {"Fn::Sub": "!PinDigest ${Image}"}, NO_VALUE]},
                ]
            },
        ),
        ({"Fn::GetAtt": ["Repo", "RepositoryUri"]}, {"Fn::Sub": "!PinDigest ${Repo.RepositoryUri}"}),
        (NO_VALUE, NO_VALUE),
    ],
)
def test_the_marker_is_written_as_leading_text(expression: Any, marked: Any) -> None:
    assert with_marker(expression) == marked


@pytest.mark.parametrize(
    "expression",
    [
        {"Fn::Sub": "nginx:1", "Other": 1},
        {"Fn::Sub": ["nginx:1", {}], "Other": 1},
        {"Fn::Join": ["", ["nginx:1"]], "Other": 1},
        {"Fn::If": ["Yes", "a", "b"], "Other": 1},
        {"Fn::GetAtt": ["Repo", "Arn"], "Other": 1},
        {"Ref": "Image", "Other": 1},
        {"Fn::Join": ["/", [NO_VALUE, "web:1"]]},
        {"Fn::Join": ["/", [{"Fn::If": ["Yes", NO_VALUE, "shop"]}, "web:1"]]},
        {"Fn::Join": ["", []]},
        {"Fn::If": ["Yes", "a"]},
        {"Ref": 5},
    ],
)
def test_any_other_expression_is_joined_to_the_marker(expression: Any) -> None:
    assert with_marker(expression) == {"Fn::Join": ["", ["!PinDigest ", expression]]}


def test_options_are_written_behind_the_marker() -> None:
    assert with_marker("nginx:1", "Platform=linux/arm64") == "!PinDigest Platform=linux/arm64 nginx:1"
    assert with_marker({"Ref": "Image"}, "Record=None") == {"Fn::Sub": "!PinDigest Record=None ${Image}"}


@pytest.mark.parametrize(
    "expression",
    [
        "nginx:1",
        {"Ref": "Image"},
        {"Fn::Sub": "nginx:${Tag}"},
        {"Fn::Join": [":", ["nginx", {"Ref": "Tag"}]]},
        {"Fn::Join": ["", [{"Ref": "Image"}, {"Fn::Join": [":", ["", {"Ref": "Tag"}]]}]]},
        {"Fn::Join": [".", [{"Ref": "Image"}, {"Ref": "Tag"}]]},
        {"Fn::Select": [0, ["nginx:1", "redis:2"]]},
        {"Fn::GetAtt": ["Repo", "RepositoryUri"]},
        {"Fn::GetAtt": "Repo.RepositoryUri"},
    ],
)
def test_a_marked_expression_evaluates_to_the_same_reference(expression: Any) -> None:
    plain, marked = evaluate(expression, SCOPE), evaluate(with_marker(expression), SCOPE)
    assert isinstance(plain, Known)
    assert isinstance(marked, Known)
    assert is_marked(marked.value)
    assert parse_marker(marked.value).expression == plain.value
