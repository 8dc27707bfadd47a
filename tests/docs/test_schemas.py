"""The schema of the options accepts what the macro accepts, and is up to date."""

from __future__ import annotations

import json
import os
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from docs.schemas import SCHEMA, schema
from image_pinner.cli.documents import read_source
from image_pinner.core.errors import ImagePinnerError
from image_pinner.core.template.options import OPTION_RULES, Level, read_options
from support.project import ROOT

VALUES = (
    "Marked",
    "All",
    "Skip",
    "Fail",
    "KeepTag",
    "Warn",
    "None",
    "Label",
    "Always",
    "Never",
    ["web"],
    ["a/b"],
    [],
    1,
    True,
)
TEXTS = {"Platform": "linux/arm64", "StackName": "shop", "Service": "shop/web", "Family": "web", "Lock": "ssm:/lock"}


def validator(definition: str = "") -> Draft7Validator:
    content = schema()
    return Draft7Validator({**content, "$ref": f"#/definitions/{definition}"} if definition else content)


def is_read(name: str, value: Any) -> bool:
    try:
        read_options({name: value}, Level.TEMPLATE)
    except ImagePinnerError:
        return False
    return True


def test_the_schema_is_up_to_date() -> None:
    text = json.dumps(schema(), indent=2) + "\n"
    path = ROOT / SCHEMA
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text, "run make golden"
    Draft7Validator.check_schema(schema())


@pytest.mark.parametrize("name", [rule.name for rule in OPTION_RULES])
def test_what_the_macro_reads_is_valid(name: str) -> None:
    values = [*VALUES, TEXTS.get(name, "Fail")]
    read = [value for value in values if is_read(name, value)]
    assert read
    assert [value for value in read if not validator(name).is_valid(value)] == []


@pytest.mark.parametrize("name", [rule.name for rule in OPTION_RULES if rule.name not in TEXTS])
def test_what_the_macro_refuses_is_not_valid(name: str) -> None:
    refused = [value for value in VALUES if not is_read(name, value)]
    assert [value for value in refused if validator(name).is_valid(value)] == []


@pytest.mark.parametrize(
    ("definition", "level", "more"),
    [
        ("template-options", Level.TEMPLATE, set()),
        ("template-metadata", Level.TEMPLATE, {"Ignore"}),
        ("resource-metadata", Level.RESOURCE, {"Ignore"}),
    ],
)
def test_options_are_those_of_the_level(definition: str, level: Level, more: set[str]) -> None:
    names = {rule.name for rule in OPTION_RULES if level >= rule.level}
    assert set(schema()["definitions"][definition]["properties"]) == names | more
    assert not validator(definition).is_valid({"Platfrom": "Any"})


@pytest.mark.parametrize(("name", "reason"), [("IP999", "x"), ("IP001", ""), ("IP001", True), ("unpinned", "x")])
def test_a_wrong_suppression_is_found(name: str, reason: str) -> None:
    assert validator("suppressions").is_valid({"IP001": "moves on purpose", "unpinned-image": "the same"})
    assert not validator("suppressions").is_valid({name: reason})


@pytest.mark.parametrize(
    "template",
    [
        {"Transform": [{"Name": "ImagePinner", "Parameters": {"Pin": "Everything"}}]},
        {"Transform": {"Name": "ImagePinner", "Parameters": {"Pinn": "All"}}},
        {"Metadata": {"ImagePinner": {"Refresh": "Sometimes"}}},
        {"Resources": {"Web": {"Metadata": {"ImagePinner": {"Lock": "ssm:/lock"}}}}},
    ],
)
def test_a_wrong_option_is_found_where_it_is(template: dict[str, Any]) -> None:
    assert not validator().is_valid(template)


def test_a_snippet_needs_an_image() -> None:
    snippet = {"Name": "ImagePinner", "Parameters": {"Image": {"Ref": "Image"}, "Platform": "Any"}}
    assert validator("snippet").is_valid(snippet)
    assert not validator("snippet").is_valid({**snippet, "Parameters": {"Platform": "Any"}})
    assert not validator("snippet").is_valid({**snippet, "Parameters": {"Image": "web:1", "Pin": "All"}})


@pytest.mark.parametrize("path", sorted((ROOT / "templates").iterdir()), ids=lambda path: path.name)
def test_the_example_templates_are_valid(path: Path) -> None:
    assert validator().is_valid(read_source(path.read_bytes(), path.name).tree)


def test_other_macros_and_metadata_are_not_restricted() -> None:
    transforms = ("AWS::Serverless-2016-10-31", {"Name": "Other", "Parameters": {"Pinn": 1}}, {"Name": "ImagePinner"})
    for one, other in product(transforms, transforms):
        assert validator().is_valid({"Transform": [one, other], "Metadata": {"Other": {"Pinn": 1}}, "Resources": {}})
