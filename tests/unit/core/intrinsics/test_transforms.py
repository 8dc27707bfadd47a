"""What a call of a transform inside a template is."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.intrinsics import evaluate, intrinsic_of
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.transforms import Call, calls_of, transform_keys
from image_pinner.core.intrinsics.values import Known, Unknown

INCLUDE = {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}


@pytest.mark.parametrize(
    ("mapping", "keys"),
    [
        ({"Fn::Transform": None}, ("Fn::Transform",)),
        ({"Fn::Transform": "Macro", "a": 1}, ("Fn::Transform",)),
        ({"Transform": INCLUDE}, ("Transform",)),
        ({"Transform": {"Name": "Macro"}, "a": 1}, ("Transform",)),
        ({"Transform": [INCLUDE, {"Name": "Macro"}]}, ("Transform",)),
        ({"Transform": INCLUDE, "Fn::Transform": INCLUDE}, ("Fn::Transform", "Transform")),
        ({"Transform": {"Name": {"Ref": "X"}}}, ("Transform",)),
        ({"Transform": {"Type": "AWS::SNS::Topic"}}, ()),
        ({"Transform": {"Name": "a", "Type": "b"}}, ()),
        ({"Transform": {"Parameters": {}}}, ()),
        ({"Transform": "text"}, ()),
        ({"Transform": ["text"]}, ()),
        ({"Transform": []}, ()),
        ({"Transform": {}}, ()),
        ({"transform": INCLUDE}, ()),
        ({}, ()),
        (["Transform"], ()),
        ("Transform", ()),
        (None, ()),
    ],
    ids=str,
)
def test_the_short_form_is_a_call_only_if_its_content_is_one(mapping: Any, keys: tuple[str, ...]) -> None:
    assert transform_keys(mapping) == keys


def test_calls_are_names_or_mappings_alone_or_in_a_list() -> None:
    assert calls_of("M") == [Call("M", {})]
    assert calls_of({"Name": "M", "Parameters": {"a": 1}}) == [Call("M", {"a": 1})]
    assert calls_of(["M", {"Name": "N"}, 5]) == [Call("M", {}), Call("N", {}), Call(5, {})]


@pytest.mark.parametrize("key", ["Fn::Transform", "Transform"])
def test_the_result_of_a_transform_is_unknown_in_both_forms(key: str) -> None:
    assert intrinsic_of({key: INCLUDE}) == key
    outcome = evaluate({"Fn::Join": ["", ["a", {key: INCLUDE}]]}, Scope())
    assert isinstance(outcome, Unknown)
    assert outcome.reason == "the output of another transform is unknown here"
    beside = evaluate({"a": "b", key: INCLUDE}, Scope())
    assert isinstance(beside, Unknown)
    assert beside.reason == f"{key} must be the only key of its mapping"


def test_a_key_with_the_name_of_the_short_form_is_a_key() -> None:
    assert intrinsic_of({"Transform": "text"}) is None
    assert evaluate({"Transform": "text"}, Scope()) == Known({"Transform": "text"})
