"""`image-pinner check`: position, rule, cause and corrected lines of each finding."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
    "no marker": ("          Image: nginx:1\n", "10:18: IP001", '          Image: "!PinDigest nginx:1"'),
    "no marker in flow style": (
        "        - {Name: flow, Image: nginx:1, Cpu: 1} # c\n",
        "10:31: IP001",
        '        - {Name: flow, Image: "!PinDigest nginx:1", Cpu: 1} # c',
    ),
    "no marker in Sub": (
        "          Image: !Sub nginx:${Tag}\n",
        "10:18: IP001",
        '          Image: !Sub "!PinDigest nginx:${Tag}"',
    ),
    "a YAML tag": (
        "          Image: !PinDigest nginx:1   # why\n",
        "10:18: IP005",
        '          Image: "!PinDigest nginx:1"   # why',
    ),
    "a YAML tag on a flow mapping": (
        "          Image: !PinDigest {Image: nginx:1, Platform: linux/arm64}\n",
        "10:18: IP005",
        '          Image: "!PinDigest Platform=linux/arm64 nginx:1"',
    ),
    "a YAML tag on a block mapping with Sub": (
        '          Image: !PinDigest\n            Image: !Sub "x/y:${Tag}"\n            Record: None\n',
        "10:18: IP005",
        '          Image:\n            Fn::Sub: "!PinDigest Record=None x/y:${Tag}"',
    ),
    "a YAML tag on the long form of Sub": (
        "          Image: !PinDigest\n            Fn::Sub: x/y:${Tag}\n",
        "10:18: IP005",
        '          Image:\n            Fn::Sub: "!PinDigest x/y:${Tag}"',
    ),
    "the long form": (
        "          Image: {Fn::PinDigest: nginx:1}\n",
        "10:18: IP005",
        '          Image: "!PinDigest nginx:1"',
    ),
    "an unknown option": ('          Image: "!PinDigest Plattform=linux/arm64 nginx:1"\n', "10:18: IP007", ""),
    "a marker without an image": ('          Image: "!PinDigest "\n', "10:18: IP004", ""),
    "a marker in a property that is not an image": (
        '          Image: "!PinDigest nginx:1"\n          Command: ["!PinDigest nginx:1"]\n',
        "11:21: IP006",
        "",
    ),
}


@pytest.mark.parametrize("name", FINDINGS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_finding_has_a_position_and_the_corrected_lines(name: str, newline: str, tmp_path: Path) -> None:
    text, position_and_rule, corrected = FINDINGS[name]
    path = saved(tmp_path, (HEAD + text).replace("\n", newline).encode())

    run = image_pinner("check", str(path))

    head, _, source, caret, help_, *lines, _, summary = run.text.splitlines()
    column = int(position_and_rule.split(":")[1])
    assert (run.code, run.err) == (1, "")
    assert head.startswith(f"{path}:{position_and_rule} ")
    assert source[:5] == f"{position_and_rule.split(':')[0]} | "
    assert source[5:] in text.splitlines()
    assert re.fullmatch(rf"   \| {' ' * (column - 1)}\^+", caret)
    assert help_.startswith("help: ")
    assert lines == [f"   + {line}" for line in corrected.splitlines()]
    assert summary == f"Found 1 problem{' (1 fixable)' if corrected else ''} in 1 template."


@pytest.mark.parametrize("name", [name for name, (_, _, corrected) in FINDINGS.items() if corrected])
def test_a_template_with_the_corrected_lines_passes(name: str, tmp_path: Path) -> None:
    text, position_and_rule, corrected = FINDINGS[name]
    lines = (HEAD + text).splitlines()
    first = int(position_and_rule.partition(":")[0]) - 1
    lines[first:] = corrected.splitlines()

    run = image_pinner("check", str(saved(tmp_path, "\n".join(lines))))

    assert run.code == 0
    assert run.text.startswith("The template passes.")


class TestFindingsThatAreNotSevereEnough:
    TEXT = """\
Conditions: {IsLocal: !Equals [!Ref AWS::Region, local], IsOther: !Not [!Condition IsLocal]}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !If [IsLocal, local, !Ref AWS::NoValue]}}
"""

    @pytest.mark.parametrize("files", [1, 2])
    @pytest.mark.parametrize("options", [[], ["--severity", "error"]])
    def test_are_counted_if_the_templates_pass(self, files: int, options: list[str], tmp_path: Path) -> None:
        paths = [str(saved(tmp_path, self.TEXT, f"{number}.yaml")) for number in range(files)]
        run = image_pinner("check", *options, *paths)
        assert run.code == 0
        assert run.text == (
            "The template passes. 1 less severe finding is not shown (--severity info).\n"
            if files == 1
            else "All 2 templates pass. 2 less severe findings are not shown (--severity info).\n"
        )

    def test_are_not_counted_if_they_are_ignored_or_suppressed(self, tmp_path: Path) -> None:
        path = str(saved(tmp_path, self.TEXT))
        assert image_pinner("check", "--ignore", "IP018", path).text == "The template passes.\n"
        reason = "  # image-pinner: ignore[IP018] our tools read YAML 1.2\nResources:"
        path = str(saved(tmp_path, self.TEXT.replace("\nResources:", reason)))
        assert image_pinner("check", path).text == "The template passes.\n"

    def test_name_each_value_of_a_file(self, tmp_path: Path) -> None:
        run = image_pinner("check", "--severity", "info", "--format", "concise", str(saved(tmp_path, self.TEXT)))
        assert run.text.count("IP018") == 1
        assert "'AWS::Region', 'AWS::SNS::Topic', 'AWS::NoValue' are unquoted in a flow collection" in run.text
        assert "(3 values in this file)" in run.text


def test_a_marker_without_the_transform_is_a_finding(tmp_path: Path) -> None:
    path = saved(tmp_path, MARKED.replace("Transform: ImagePinner\n", ""))

    run = image_pinner("check", str(path))

    assert run.code == 1
    assert run.text.startswith(f"{path}:10:18: IP008 ")
    assert "\nhelp: write Transform: ImagePinner at the top of the template\n   + Transform: ImagePinner\n" in run.text


def test_a_transform_without_the_macro_is_corrected(tmp_path: Path) -> None:
    path = saved(tmp_path, MARKED.replace("Transform: ImagePinner", "Transform: AWS::Serverless-2016-10-31"))

    run = image_pinner("check", str(path))

    assert run.text.startswith(f"{path}:2:12: IP008 ")
    assert "\n  + Transform:\n  +   - ImagePinner\n  +   - AWS::Serverless-2016-10-31\n" in run.text


def test_a_value_behind_an_alias_is_reported_at_the_alias_and_not_corrected(tmp_path: Path) -> None:
    text = HEAD + "          Image: &image nginx:1\n        - {Name: other, Image: *image}\n"

    run = image_pinner("check", str(saved(tmp_path, text)))

    heads = [line for line in run.text.splitlines() if "template.yaml:" in line]
    assert [head.split(": ")[0].rpartition("template.yaml:")[2] for head in heads] == ["10:18", "11:32"]
    assert " + " not in run.text
    assert run.text.endswith("Found 2 problems in 1 template.\n")


def test_findings_are_ordered_by_file_and_line(tmp_path: Path) -> None:
    text = HEAD + "          Image: nginx:1\n  Api:\n" + HEAD.partition("  Web:\n")[2] + "          Image: redis:1\n"
    paths = [str(saved(tmp_path, text, name)) for name in ("b.yaml", "a.yaml")]

    run = image_pinner("check", "--format", "concise", *paths)

    heads = [line.split(": ")[0] for line in run.text.splitlines() if ".yaml:" in line]
    assert heads == [f"{path}:{line}:18" for path in sorted(paths) for line in (10, 16)]


def test_positions_in_a_json_template_are_correct() -> None:
    text = (
        '{"Transform": "ImagePinner",\n "Resources": {"F": {"Type": "AWS::Lambda::Function",\n'
        '   "Properties": {"Code": {"ImageUri": "shop/x:1"}}}}}'
    )

    run = image_pinner("check", "-", stdin=text.encode())

    assert run.text.startswith("standard input:3:40: IP001 ")
    assert '\n  +    "Properties": {"Code": {"ImageUri": "!PinDigest shop/x:1"}}}}}\n' in run.text


def test_a_parameter_value_decides_what_is_invalid(tmp_path: Path) -> None:
    text = MARKED.replace(', Default: "1.0"', "")
    path = str(saved(tmp_path, text))

    assert image_pinner("check", path).code == 0
    assert image_pinner("check", path, "--parameter", "Tag=a b").code == 1


def test_a_value_that_a_template_does_not_declare_is_ignored(tmp_path: Path) -> None:
    assert image_pinner("check", str(saved(tmp_path)), "--parameter", "Other=1").code == 0


@pytest.mark.parametrize("section", ["", "Parameters:\n", "Parameters: []\n", "Parameters: text\n"])
def test_a_template_without_parameters_ignores_values(section: str, tmp_path: Path) -> None:
    path = str(saved(tmp_path, f"{section}Resources: {{Topic: {{Type: AWS::SNS::Topic}}}}\n"))

    assert image_pinner("check", path, "--parameter", "Other=1").code == 0
    assert image_pinner("pin", path).code == 0


def test_an_additional_image_path_is_checked(tmp_path: Path) -> None:
    path = str(saved(tmp_path, MARKED + "  Job: {Type: Custom::Job, Properties: {Image: 'shop/job:1.0'}}\n"))

    assert image_pinner("check", path).code == 0
    assert image_pinner("check", path, "--image-path", "$.Resources.Job.Properties.Image").code == 1
    assert image_pinner("check", path, "--image-path", "$.[").code == 2


def test_check_reads_the_settings_of_the_macro(tmp_path: Path) -> None:
    assert image_pinner("check", str(saved(tmp_path, UNMARKED)), env={"IMAGE_PINNER_PIN": "All"}).code == 0


def test_check_does_not_change_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path, UNMARKED)
    before = state(path)

    image_pinner("check", str(path))

    assert state(path) == before
