from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.marker_search import contains_marker, may_contain_marker


@pytest.mark.parametrize(
    "scope",
    [
        Scope(),
        Scope(values={"A": "nginx", "B": 5, "C": None, "D": ["x"], "E": {"a": "!PinDigest x"}}),
        Scope(parameters={"A": "!PinDigest x", "B": {"Default": "nginx"}, "C": {"Description": "!PinDigest x"}}),
        Scope(values={"A": "write !PinDigest before it"}),
        Scope(mappings={"M": {"a": {"b": "nginx"}}}),
    ],
)
def test_values_without_a_marker_contain_none(scope: Scope) -> None:
    assert not contains_marker(scope)


MARKED = Scope(
    values={"Value": "!PinDigest a", "List": ["x", "!PinDigest b"], "Plain": "nginx"},
    parameters={
        "Default": {"Default": " !PinDigest c"},
        "Commas": {"Default": "x,!PinDigest d"},
        "Odd": "!PinDigest e",
    },
    mappings={
        "Map": {"a": {"b": "!PinDigest e"}},
        "Lists": {"a": {"b": ["!PinDigest f"]}},
        "Plains": {"a": {"b": "x"}},
    },
)


@pytest.mark.parametrize(
    "scope",
    [
        Scope(values={"A": "!PinDigest a"}),
        Scope(values={"A": ["x", "!PinDigest b"]}),
        Scope(parameters={"A": {"Default": " !PinDigest c"}}),
        Scope(mappings={"M": {"a": {"b": ["!PinDigest f"]}}}),
    ],
)
def test_values_defaults_lists_and_mappings_can_contain_markers(scope: Scope) -> None:
    assert contains_marker(scope)


@pytest.mark.parametrize(
    "expression",
    [
        None,
        5,
        "nginx",
        "${Values}",
        {"Ref": "Plain"},
        {"Ref": "Odd"},
        {"Ref": "AWS::Region"},
        {"Fn::Sub": "${Plain}"},
        {"Fn::FindInMap": ["Plains", "a", "b"]},
        {"Value": 1},
    ],
)
def test_an_expression_that_refers_to_no_marked_value_contains_no_marker(expression: Any) -> None:
    assert not may_contain_marker(expression, MARKED)


@pytest.mark.parametrize(
    "expression",
    [
        {"Ref": "Value"},
        {"Ref": "Default"},
        {"Fn::Select": [0, {"Ref": "List"}]},
        {"Fn::Select": [0, {"Ref": "Commas"}]},
        {"Fn::Sub": "x${Value}"},
        {"Fn::Sub": "x${ Value\t}"},
        {"Fn::FindInMap": ["Map", {"Ref": "x"}, "b"]},
        {"Fn::FindInMap": ["Lists", "a", {"Ref": "x"}]},
        {"Fn::Join": ["", [{"Fn::Select": [0, [{"Ref": "Value"}]]}]]},
    ],
)
def test_an_expression_that_refers_to_a_marked_value_may_contain_its_marker(expression: Any) -> None:
    assert may_contain_marker(expression, MARKED)
    assert not may_contain_marker(expression, Scope())
