from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.template.carriers import carriers, mentions
from image_pinner.core.template.scope import Scope

NAMES = frozenset({"Image", "Images"})


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
def test_what_holds_no_mark_carries_none(scope: Scope) -> None:
    assert carriers(scope) == frozenset()


def test_values_defaults_lists_and_mappings_carry_marks() -> None:
    scope = Scope(
        values={"Value": "!PinDigest a", "List": ["x", "!PinDigest b"]},
        parameters={"Default": {"Default": " !PinDigest c"}, "Commas": {"Default": "x,!PinDigest d"}},
        mappings={"Map": {"a": {"b": "!PinDigest e"}}, "Lists": {"a": {"b": ["!PinDigest f"]}}},
    )
    assert carriers(scope) == {"Value", "List", "Default", "Commas", "Map", "Lists"}


@pytest.mark.parametrize(
    "expression",
    [None, 5, "nginx", "${Imaged}", {"Ref": "Other"}, {"Fn::Sub": "${Tag}"}, {"Fn::FindInMap": ["Others", "a", "b"]}],
)
def test_an_expression_without_the_names_mentions_none(expression: Any) -> None:
    assert not mentions(expression, NAMES)


@pytest.mark.parametrize(
    "expression",
    [
        {"Ref": "Image"},
        {"Fn::Sub": "x${Image}"},
        {"Fn::FindInMap": ["Images", {"Ref": "x"}, "b"]},
        {"Fn::Join": ["", [{"Fn::Select": [0, [{"Ref": "Image"}]]}]]},
    ],
)
def test_an_expression_that_names_one_mentions_it(expression: Any) -> None:
    assert mentions(expression, NAMES)
    assert not mentions(expression, frozenset())
