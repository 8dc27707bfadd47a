"""Which templates use a macro."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.cli.deployment.uninstall import uses_macro

SNIPPET = {"Resources": {"A": {"Properties": {"Image": {"Fn::Transform": {"Name": "ImagePinner"}}}}}}


@pytest.mark.parametrize(
    "body",
    [
        "Transform: ImagePinner-v2\nResources: {}",
        "Transform: AWS::Serverless-2016-10-31\nDescription: about ImagePinner\nResources: {A: {Type: ImagePinner}}",
        "# Transform: ImagePinner\nResources: {}",
        {"Resources": {"ImagePinner": {"Type": "X"}}},
        json.dumps({"Description": "ImagePinner"}),
        {"Metadata": {"Transform": "ImagePinner"}},
        "",
        [],
    ],
)
def test_a_template_that_only_mentions_the_name_does_not_use_the_macro(body: Any) -> None:
    assert not uses_macro(body, "ImagePinner")


@pytest.mark.parametrize(
    "body",
    [
        "Transform: ImagePinner\nResources: {}",
        "Transform: [AWS::LanguageExtensions, {Name: ImagePinner, Parameters: {Pin: All}}]\nResources: {}",
        "Transform: {Name: ImagePinner}\nResources: {}",
        "Transform: 111122223333::ImagePinner\nResources: {}",
        "Resources: {A: {Properties: {Image: !Transform {Name: ImagePinner, Parameters: {Image: x}}}}}",
        {"Transform": ["ImagePinner"]},
        SNIPPET,
        json.dumps(SNIPPET),
        {"Resources": {"A": [{"Fn::Transform": ["AWS::Include", "ImagePinner"]}]}},
        {"Resources": {"A": {"Transform": {"Name": "ImagePinner", "Parameters": {"Pin": "All"}}}}},
        {"Resources": {"A": {"Transform": [{"Name": "AWS::Include"}, {"Name": "ImagePinner"}]}}},
        "Resources: {A: {Properties: {Image: {Transform: {Name: ImagePinner}}}}}",
    ],
)
def test_a_template_that_calls_the_macro_uses_it(body: Any) -> None:
    assert uses_macro(body, "ImagePinner")


@pytest.mark.parametrize("body", ["Transform: [ImagePinner", '{"Transform": "ImagePinner"', "[" * 5000 + "ImagePinner"])
def test_a_template_that_cannot_be_parsed_and_contains_the_name_counts(body: str) -> None:
    assert uses_macro(body, "ImagePinner")


def test_aliases_are_not_expanded() -> None:
    shared: list[Any] = ["x"]
    for _ in range(60):
        shared = [shared, shared]
    assert not uses_macro({"Resources": shared}, "ImagePinner")
