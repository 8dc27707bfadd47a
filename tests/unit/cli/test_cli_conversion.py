"""`image-pinner pin --output-format`: conversion between YAML and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from image_pinner.cli.conversion import convert
from image_pinner.cli.documents import InPlaceEditError, read_source
from support.command import image_pinner
from unit.cli.cli_templates import MARKED, PLAIN, REFUSED, SUMMARY, digest, saved, state

YAML = """\
# A comment
AWSTemplateFormatVersion: 2010-09-09
Transform: ImagePinner
Parameters:
  Account: {Type: String, Default: 012345670123}
  Version: {Type: String, Default: "1.0"}
Conditions:
  Here: !Equals [!Ref AWS::Region, us-east-1]
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Condition: Here
    Properties:
      Cpu: 256
      Role: !GetAtt Role.Arn
      Data: !Base64
        Fn::Sub: "echo ${Account}"
      Names: !Join [",", [!Ref Account, "yes", "0x1F", "1e3", no]]
      ContainerDefinitions:
        - Name: web
          Image: !Sub "!PinDigest ${Account}.dkr.ecr.us-east-1.amazonaws.com/web:${Version}"
"""
IMAGE = (
    f"012345670123.dkr.ecr.us-east-1.amazonaws.com/web@{digest('012345670123.dkr.ecr.us-east-1.amazonaws.com/web:1.0')}"
)


def tree_of(data: bytes) -> Any:
    return read_source(data, "output").tree


def test_yaml_becomes_json_with_long_forms(tmp_path: Path) -> None:
    path = str(saved(tmp_path, YAML))

    run = image_pinner("pin", path, "--output-format", "json")

    assert (run.code, run.err) == (0, SUMMARY)
    template = json.loads(run.out)
    assert template == tree_of(image_pinner("pin", path).out)
    assert template["Parameters"]["Account"]["Default"] == "012345670123"
    assert template["AWSTemplateFormatVersion"] == "2010-09-09"
    assert template["Conditions"] == {"Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}}
    properties = template["Resources"]["Web"]["Properties"]
    assert properties["Role"] == {"Fn::GetAtt": ["Role", "Arn"]}
    assert properties["Names"] == {"Fn::Join": [",", [{"Ref": "Account"}, "yes", "0x1F", "1e3", False]]}
    assert properties["ContainerDefinitions"][0]["Image"] == IMAGE
    assert list(template) == ["AWSTemplateFormatVersion", "Transform", "Parameters", "Conditions", "Resources"]


def test_json_becomes_yaml_with_short_forms(tmp_path: Path) -> None:
    text = json.dumps(tree_of(YAML.encode()))

    run = image_pinner("pin", str(saved(tmp_path, text, "template.json")), "--output-format", "yaml")

    assert (run.code, run.err) == (0, SUMMARY)
    assert tree_of(run.out) == tree_of(image_pinner("pin", "-", stdin=text.encode()).out)
    assert "Default: '012345670123'" in run.text
    assert "Role: !GetAtt 'Role.Arn'" in run.text
    assert "Here: !Equals" in run.text
    assert "- !Ref 'Account'" in run.text
    assert f"Image: '{IMAGE}'" in run.text
    assert run.text.startswith("AWSTemplateFormatVersion: '2010-09-09'\nTransform: ImagePinner\nParameters:\n")


@pytest.mark.parametrize(("name", "format_"), [("template.yaml", "yaml"), ("template.json", "json")])
def test_the_same_format_changes_nothing_but_the_images(name: str, format_: str, tmp_path: Path) -> None:
    text = MARKED if format_ == "yaml" else json.dumps(tree_of(MARKED.encode()), indent=7)
    path = str(saved(tmp_path, text, name))

    assert image_pinner("pin", path, "--output-format", format_).out == image_pinner("pin", path).out


def test_a_template_without_images_is_converted(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path, PLAIN)), "--output-format", "json")

    assert json.loads(run.out) == {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}


def test_the_converted_template_can_be_written_to_a_file(tmp_path: Path) -> None:
    output = tmp_path / "pinned.json"

    run = image_pinner("pin", str(saved(tmp_path)), "--output-format", "json", "-o", str(output))

    assert (run.code, run.out) == (0, b"")
    assert json.loads(output.read_bytes())["Transform"] == "ImagePinner"


def test_a_failure_writes_no_converted_template(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path, REFUSED)), "--output-format", "json")

    assert (run.code, run.out) == (1, b"")


def test_in_place_is_rejected_with_a_format(tmp_path: Path) -> None:
    path = saved(tmp_path)
    before = state(path)

    run = image_pinner("pin", "--in-place", "--output-format", "json", str(path))

    assert (run.code, run.out) == (2, b"")
    assert run.err == "error: --in-place cannot be used with --output-format\nhelp: omit one of them\n"
    assert state(path) == before


def test_an_unknown_format_is_rejected(tmp_path: Path) -> None:
    assert image_pinner("pin", str(saved(tmp_path)), "--output-format", "toml").code == 2


TREES: dict[str, Any] = {
    "a loop, which has no short form": {"Fn::ForEach::Name": ["Name", ["a"], {"Topic": {"Type": "AWS::SNS::Topic"}}]},
    "GetAtt of a function": {"Fn::GetAtt": ["Web", {"Ref": "Attribute"}]},
    "GetAtt of a nested attribute": {"Fn::GetAtt": ["Web", "Outputs.Arn"]},
    "GetAtt of a logical ID with a dot": {"Fn::GetAtt": ["Nested.Web", "Arn"]},
    "GetAtt with three parts": {"Fn::GetAtt": ["Web", "Outputs", "Arn"]},
    "GetAtt of a string": {"Fn::GetAtt": "Web.Arn"},
    "GetAtt of one part": {"Fn::GetAtt": ["Web"]},
    "function without a name": {"Fn::": "x"},
    "Ref that is not a string": {"Ref": 5},
    "function of a number": {"Fn::Base64": 5},
    "function of null": {"Fn::Base64": None},
    "Condition of a statement": {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    "key that looks like a number": {"1": {"080": "x"}},
    "nested functions": {"Fn::Base64": {"Fn::Join": ["", [{"Fn::Sub": ["${a}", {"a": {"Ref": "B"}}]}]]}},
    "long text": "word " * 100 + "end ",
    "text with line breaks": "#!/bin/sh\n  indented\n\ntrailing \n" * 8,
    "text with a tab and leading blanks": "  a\n\tb",
    "letters of other scripts": "Bücher 本 \U0001f680",
    "strings that look like other types": [
        "012345670123",
        "08",
        "1e3",
        "yes",
        "null",
        "~",
        "",
        "2010-09-09",
        "=",
        "<<",
        "0o7",
    ],
    "other types": [12345670123, 1.5, True, None, [], {}],
}


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("format_", ["yaml", "json"])
def test_a_converted_tree_reads_as_the_same_tree(name: str, format_: str) -> None:
    tree = {"Resources": {"Web": {"Type": "Custom::Web", "Properties": {"Value": TREES[name]}}}}

    data = convert(tree, format_)

    assert tree_of(data) == tree
    assert b"!ForEach" not in data


def test_values_shared_by_aliases_are_written_out() -> None:
    shared = {"Ref": "Tag"}

    data = convert({"Resources": {"A": [shared, shared], "B": {"C": [shared]}}}, "yaml")

    assert b"&" not in data
    assert data.count(b"!Ref 'Tag'") == 3


@pytest.mark.parametrize(("value", "format_"), [({1: "x"}, "json"), (1e100, "yaml")])
def test_a_value_that_would_change_is_rejected(value: Any, format_: str) -> None:
    with pytest.raises(InPlaceEditError, match=rf"cannot convert the template to {format_}: .* Resources\.A "):
        convert({"Resources": {"A": value}}, format_)
