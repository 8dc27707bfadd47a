"""Which templates name a macro."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.cli.deployment.macro_usage import names_macro

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
def test_a_template_that_only_speaks_of_it_does_not_name_it(body: Any) -> None:
    assert not names_macro(body, "ImagePinner")


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
    ],
)
def test_a_template_that_calls_it_names_it(body: Any) -> None:
    assert names_macro(body, "ImagePinner")


@pytest.mark.parametrize("body", ["Transform: [ImagePinner", '{"Transform": "ImagePinner"', "[" * 5000 + "ImagePinner"])
def test_a_template_that_cannot_be_read_and_holds_the_name_counts(body: str) -> None:
    assert names_macro(body, "ImagePinner")


def test_aliases_that_share_a_value_many_times_do_not_keep_it_busy() -> None:
    shared: list[Any] = ["x"]
    for _ in range(60):
        shared = [shared, shared]
    assert not names_macro({"Resources": shared}, "ImagePinner")
