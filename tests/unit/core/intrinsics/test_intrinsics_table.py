"""The table of intrinsic functions is complete, and what cannot be evaluated has a reason."""

from __future__ import annotations

import pytest

from image_pinner.core.intrinsics import INTRINSICS, evaluate, intrinsic_of
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Unknown

# The list of 23 November 2026, functions for Rules and language extensions included:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
DOCUMENTED = {
    "Condition",
    "Fn::And",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::Contains",
    "Fn::EachMemberEquals",
    "Fn::EachMemberIn",
    "Fn::Equals",
    "Fn::FindInMap",
    "Fn::ForEach",
    "Fn::GetAZs",
    "Fn::GetAtt",
    "Fn::GetStackOutput",
    "Fn::If",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Length",
    "Fn::Not",
    "Fn::Or",
    "Fn::RefAll",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
    "Fn::ToJsonString",
    "Fn::Transform",
    "Fn::ValueOf",
    "Fn::ValueOfAll",
    "Ref",
}
UNKNOWABLE = {
    "Fn::Cidr",
    "Fn::Contains",
    "Fn::EachMemberEquals",
    "Fn::EachMemberIn",
    "Fn::ForEach",
    "Fn::GetAZs",
    "Fn::GetStackOutput",
    "Fn::RefAll",
    "Fn::Transform",
    "Fn::ValueOf",
    "Fn::ValueOfAll",
}


def test_every_documented_intrinsic_is_in_the_table() -> None:
    assert set(INTRINSICS) == DOCUMENTED


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_an_intrinsic_is_evaluated_or_has_reason_and_help(name: str) -> None:
    entry = INTRINSICS[name]
    if isinstance(entry, Unknown):
        assert name in UNKNOWABLE
        assert entry.reason
        assert entry.help
    else:
        assert name not in UNKNOWABLE


@pytest.mark.parametrize("name", sorted(UNKNOWABLE))
def test_an_unsupported_intrinsic_evaluates_to_its_reason(name: str) -> None:
    assert evaluate({name: ["anything"]}, Scope()) == INTRINSICS[name]


def test_a_loop_evaluates_to_the_reason_of_for_each() -> None:
    assert evaluate({"Fn::ForEach::Ports": ["Port", [1], {}]}, Scope()) == INTRINSICS["Fn::ForEach"]


def test_an_unknown_function_is_named() -> None:
    outcome = evaluate({"Fn::Upper": "a"}, Scope())
    assert isinstance(outcome, Unknown)
    assert outcome.reason == "unknown intrinsic function Fn::Upper"


def test_the_marker_in_its_long_form_is_not_a_function() -> None:
    outcome = evaluate({"Fn::Join": ["", [{"Fn::PinDigest": "app:1"}]]}, Scope())
    assert isinstance(outcome, Unknown)
    assert "Fn::PinDigest cannot be inside another function" in outcome.reason


@pytest.mark.parametrize(
    ("node", "name"),
    [
        ({"Ref": "Tag"}, "Ref"),
        ({"Condition": "IsProd"}, "Condition"),
        ({"Fn::Sub": "text"}, "Fn::Sub"),
        ({"Fn::Anything": None}, "Fn::Anything"),
        ({"Fn::ForEach::Ports": []}, "Fn::ForEach::Ports"),
        ({"Ref": "Tag", "Other": 1}, None),
        ({"Image": "app"}, None),
        ({"fn::sub": "text"}, None),
        ({1: "a number as a key"}, None),
        ({}, None),
        ([{"Ref": "Tag"}], None),
        ("Ref", None),
        (None, None),
    ],
)
def test_a_function_is_a_mapping_with_its_name_as_the_only_key(node: object, name: str | None) -> None:
    assert intrinsic_of(node) == name
