"""Seeds of the targets that read templates: recorded events, events of the example templates, and expressions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from image_pinner.cli.documents import read_source
from support.macro import event_for_template

ROOT = Path(__file__).parents[2]
_GOLDEN = ROOT / "tests" / "golden"
_EVENTS = sorted((_GOLDEN / "events").iterdir())
_TEMPLATES = sorted(path for folder in (ROOT / "templates", _GOLDEN / "inputs") for path in folder.iterdir())


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


_LOOP = {
    "Fn::ForEach::Services": [
        "Name",
        {"Ref": "Names"},
        {
            "Task${Name}": {
                "Type": "AWS::ECS::TaskDefinition",
                "Condition": "Prod",
                "Properties": {
                    "ContainerDefinitions": [
                        {"Name": "web", "Image": {"Fn::Sub": "!PinDigest ghcr.io/shop/${Name}:${Tag}"}},
                        {
                            "Fn::If": [
                                "Prod",
                                {"Image": "!PinDigest WhenMissing=KeepTag a/b:1"},
                                {"Ref": "AWS::NoValue"},
                            ]
                        },
                    ]
                },
            }
        },
    ]
}
_SECTIONS = {
    "Parameters": {
        "Tag": {"Type": "String", "Default": "1"},
        "Names": {"Type": "CommaDelimitedList", "Default": "web"},
        "Secret": {"Type": "String", "NoEcho": True, "Default": "x"},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/shop/web/tag"},
    },
    "Mappings": {"M": {"a": {"t": "a," * 40, "list": ["x", "y"] * 5}, "us-east-1": {"t": "b"}}},
    "Conditions": {
        "Prod": {"Fn::Equals": [{"Ref": "Tag"}, "1"]},
        "Both": {"Fn::And": [{"Condition": "Prod"}, {"Fn::Not": [{"Condition": "Either"}]}]},
        "Either": {"Fn::Or": [{"Condition": "Prod"}, {"Fn::Equals": [{"Ref": "Stored"}, "x"]}]},
    },
}

EVENTS_OF_TEMPLATES = tuple(
    dict.fromkeys(
        (
            *(_encoded(json.loads(path.read_text("utf-8"))) for path in _EVENTS),
            *(_encoded(event_for_template(read_source(path.read_bytes(), path.name).tree, {})) for path in _TEMPLATES),
            _encoded({"requestId": "r", "fragment": {**_SECTIONS, "Resources": _LOOP}, "params": {"Pin": "All"}}),
            b"null",
            b"[]",
            b"{}",
            b'{"fragment":{"Resources":{"A":{"Type":"AWS::ECS::TaskDefinition","Properties":{}}}}}',
        )
    )
)

_TEXT = {"Fn::FindInMap": ["M", "a", "t"]}
_EXPRESSIONS: tuple[Any, ...] = (
    {"Fn::Sub": ["!PinDigest ${a}${a}/x:${Tag}&{Loop}${Loop}", {"a": _TEXT}]},
    {"Fn::Join": ["", [{"Fn::Split": [",", {"Fn::Sub": ["${a}" * 20, {"a": _TEXT}]}]}, {"Ref": "Names"}]]},
    {"Fn::Join": [",", {"Fn::Split": [",", {"Fn::Sub": ["${a}" * 20, {"a": _TEXT}]}]}]},
    {"Fn::Select": [1, [{"Fn::FindInMap": ["M", {"Ref": "AWS::Region"}, "t"]}, {"Fn::GetAtt": ["Repo", "Arn"]}]]},
    {"Fn::If": ["Both", {"Fn::If": ["Either", {"Ref": "Stored"}, _TEXT]}, {"Ref": "AWS::NoValue"}]},
    {"Fn::ToJsonString": {"a": [{"Fn::Base64": _TEXT}, {"Fn::Length": {"Fn::FindInMap": ["M", "a", "list"]}}]}},
    {"Fn::FindInMap": ["M", "b", "t", {"DefaultValue": {"Fn::ImportValue": {"Fn::Sub": "x-{{resolve:ssm:/y}}"}}}]},
    {"Fn::Cidr": ["10.0.0.0/8", 1]},
    [{"Ref": "Repo"}, {"Ref": "Secret"}, {"Ref": "Nothing"}, "&{Loop}" * 20],
)
EXPRESSIONS = tuple(
    _encoded(
        {
            **_SECTIONS,
            "Resources": {"Repo": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": _TEXT}}},
            "Loops": {"Loop": _TEXT, "Name": {"Ref": "Tag"}},
            "Expression": expression,
        }
    )
    for expression in _EXPRESSIONS
)
