"""`image-pinner check`: each finding with its line, its column and the line as it should be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_pinner.core.check import RULES
from support.command import image_pinner
from unit.cli.cli_templates import MARKED, UNMARKED, saved, state

HEAD = """\
Transform: ImagePinner
Parameters:
  Tag: {Type: String, Default: "1"}
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web
"""
FINDINGS = {
    "unmarked": ("          Image: nginx:1\n", "10:18: unpinned-image", '          Image: "!PinDigest nginx:1"'),
    "unmarked in flow style": (
        "        - {Name: flow, Image: nginx:1, Cpu: 1} # c\n",
        "10:31: unpinned-image",
        '        - {Name: flow, Image: "!PinDigest nginx:1", Cpu: 1} # c',
    ),
    "unmarked sub": (
        "          Image: !Sub nginx:${Tag}\n",
        "10:18: unpinned-image",
        '          Image:\n            Fn::Sub: "!PinDigest nginx:${Tag}"',
    ),
    "a real tag": (
        "          Image: !PinDigest nginx:1   # why\n",
        "10:18: unsupported-marker-syntax",
        '          Image: "!PinDigest nginx:1"   # why',
    ),
    "a real tag around a flow map": (
        "          Image: !PinDigest {Image: nginx:1, Platform: linux/arm64}\n",
        "10:18: unsupported-marker-syntax",
        '          Image: "!PinDigest Platform=linux/arm64 nginx:1"',
    ),
    "a real tag around a block map with a sub": (
        '          Image: !PinDigest\n            Image: !Sub "x/y:${Tag}"\n            Record: None\n',
        "10:18: unsupported-marker-syntax",
        '          Image:\n            Fn::Sub: "!PinDigest Record=None x/y:${Tag}"',
    ),
    "a real tag around the long form of a sub": (
        "          Image: !PinDigest\n            Fn::Sub: x/y:${Tag}\n",
        "10:18: unsupported-marker-syntax",
        '          Image:\n            Fn::Sub: "!PinDigest x/y:${Tag}"',
    ),
    "the long form": (
        "          Image: {Fn::PinDigest: nginx:1}\n",
        "10:18: unsupported-marker-syntax",
        '          Image: "!PinDigest nginx:1"',
    ),
    "an unknown option": ('          Image: "!PinDigest Plattform=linux/arm64 nginx:1"\n', "10:18: invalid-marker", ""),
    "nothing behind the mark": ('          Image: "!PinDigest "\n', "10:18: invalid-marker", ""),
    "a mark in a place that is no image": (
        '          Image: "!PinDigest nginx:1"\n          Command: ["!PinDigest nginx:1"]\n',
        "11:21: invalid-marker",
        "",
    ),
}


@pytest.mark.parametrize("name", FINDINGS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_finding_has_its_line_its_column_and_the_corrected_line(name: str, newline: str, tmp_path: Path) -> None:
    text, place, corrected = FINDINGS[name]
    path = saved(tmp_path, (HEAD + text).replace("\n", newline).encode())

    run = image_pinner("check", str(path))

    head, *lines = run.text.splitlines()
    assert (run.code, run.err) == (1, "")
    assert head.startswith(f"{path}:{place}: Resources.Web.Properties.ContainerDefinitions[")
    assert head.endswith(":" if corrected else ".")
    assert lines == [f"    {line}" for line in corrected.splitlines()]


@pytest.mark.parametrize("name", [name for name, (_, _, corrected) in FINDINGS.items() if corrected])
def test_a_template_with_the_corrected_lines_is_fine(name: str, tmp_path: Path) -> None:
    text, place, corrected = FINDINGS[name]
    lines = (HEAD + text).splitlines()
    first = int(place.partition(":")[0]) - 1
    lines[first:] = corrected.splitlines()

    run = image_pinner("check", str(saved(tmp_path, "\n".join(lines))))

    assert (run.code, run.text) == (0, "")


def test_a_template_that_does_not_name_the_macro_is_a_finding(tmp_path: Path) -> None:
    path = saved(tmp_path, MARKED.replace("Transform: ImagePinner\n", ""))

    run = image_pinner("check", str(path))

    assert run.code == 1
    assert run.text == (
        f"{path}:10:18: missing-transform: Resources.Web.Properties.ContainerDefinitions[0].Image: a pin"
        " is requested, but Transform does not include ImagePinner. write"
        " Transform: ImagePinner at the top of the template.\n"
    )


def test_a_transform_that_does_not_name_the_macro_is_corrected(tmp_path: Path) -> None:
    path = saved(tmp_path, MARKED.replace("Transform: ImagePinner", "Transform: AWS::Serverless-2016-10-31"))

    run = image_pinner("check", str(path))

    head, *lines = run.text.splitlines()
    assert head.startswith(f"{path}:2:12: missing-transform: Transform: ")
    assert lines == ["    Transform:", "      - ImagePinner", "      - AWS::Serverless-2016-10-31"]


def test_a_value_behind_an_alias_is_told_where_the_alias_stands_and_not_corrected_for_others(tmp_path: Path) -> None:
    text = HEAD + "          Image: &image nginx:1\n        - {Name: other, Image: *image}\n"

    run = image_pinner("check", str(saved(tmp_path, text)))

    heads = [line for line in run.text.splitlines() if not line.startswith(" ")]
    assert [head.split(": ")[0].rpartition("template.yaml:")[2] for head in heads] == ["10:18", "11:32"]


def test_findings_come_in_the_order_of_their_lines_and_files_in_the_order_in_which_they_were_named(
    tmp_path: Path,
) -> None:
    text = HEAD + "          Image: nginx:1\n  Api:\n" + HEAD.partition("  Web:\n")[2] + "          Image: redis:1\n"
    paths = [str(saved(tmp_path, text, name)) for name in ("b.yaml", "a.yaml")]

    run = image_pinner("check", *paths)

    heads = [line.split(": ")[0] for line in run.text.splitlines() if not line.startswith(" ")]
    assert heads == [f"{path}:{line}:18" for path in paths for line in (10, 16)]


def test_findings_in_json_are_versioned_and_complete(tmp_path: Path) -> None:
    path = saved(tmp_path, UNMARKED)

    run = image_pinner("check", "--format", "json", str(path))

    assert (run.code, run.err) == (1, "")
    assert json.loads(run.out) == {
        "version": 1,
        "findings": [
            {
                "file": str(path),
                "line": 11,
                "column": 18,
                "rule": "unpinned-image",
                "path": "Resources.Web.Properties.ContainerDefinitions[0].Image",
                "cause": "the image is not pinned",
                "remedy": "mark the image, or set Pin: Skip in the Metadata of the resource",
                "corrected": '          Image:\n            Fn::Sub: "!PinDigest shop/web:${Tag}"',
            }
        ],
    }


def test_no_findings_in_json_are_an_empty_list(tmp_path: Path) -> None:
    run = image_pinner("check", "--format", "json", str(saved(tmp_path, MARKED)))

    assert (run.code, json.loads(run.out)) == (0, {"version": 1, "findings": []})


def test_places_in_json_are_those_of_the_json_text() -> None:
    text = (
        '{"Transform": "ImagePinner",\n "Resources": {"F": {"Type": "AWS::Lambda::Function",\n'
        '   "Properties": {"Code": {"ImageUri": "shop/x:1"}}}}}'
    )

    run = image_pinner("check", "-", stdin=text.encode())

    assert run.text.splitlines()[0].startswith(
        "standard input:3:40: unpinned-image: Resources.F.Properties.Code.ImageUri: "
    )
    assert run.text.splitlines()[1] == '       "Properties": {"Code": {"ImageUri": "!PinDigest shop/x:1"}}}}}'


def test_a_given_value_decides_what_is_wrong(tmp_path: Path) -> None:
    text = MARKED.replace(', Default: "1.0"', "")
    path = str(saved(tmp_path, text))

    assert image_pinner("check", path).code == 0
    assert image_pinner("check", path, "--parameter", "Tag=a b").code == 1


def test_a_value_for_another_template_is_no_reason_to_refuse_one(tmp_path: Path) -> None:
    assert image_pinner("check", str(saved(tmp_path)), "--parameter", "Other=1").code == 0


@pytest.mark.parametrize("section", ["", "Parameters:\n", "Parameters: []\n", "Parameters: text\n"])
def test_a_template_without_parameters_takes_values_for_others_too(section: str, tmp_path: Path) -> None:
    path = str(saved(tmp_path, f"{section}Resources: {{Topic: {{Type: AWS::SNS::Topic}}}}\n"))

    assert image_pinner("check", path, "--parameter", "Other=1").code == 0
    assert image_pinner("pin", path).code == 0


def test_a_place_of_ones_own_is_checked_too(tmp_path: Path) -> None:
    path = str(saved(tmp_path, MARKED + "  Job: {Type: Custom::Job, Properties: {Image: 'shop/job:1.0'}}\n"))

    assert image_pinner("check", path).code == 0
    assert image_pinner("check", path, "--image-path", "$.Resources.Job.Properties.Image").code == 1
    assert image_pinner("check", path, "--image-path", "$.[").code == 2


def test_the_settings_of_the_macro_hold_for_check_too(tmp_path: Path) -> None:
    assert image_pinner("check", str(saved(tmp_path, UNMARKED)), env={"IMAGE_PINNER_PIN": "All"}).code == 0


def test_the_file_is_left_alone(tmp_path: Path) -> None:
    path = saved(tmp_path, UNMARKED)
    before = state(path)

    image_pinner("check", str(path))

    assert state(path) == before


def test_every_rule_is_explained() -> None:
    assert all(text.endswith(".") for text in RULES.values())
    assert set(RULES) == {"unpinned-image", "unsupported-marker-syntax", "invalid-marker", "missing-transform"}
