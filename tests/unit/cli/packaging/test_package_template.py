"""The template for `aws cloudformation package`: the code is a local file, and nothing else has changed."""

from __future__ import annotations

import difflib
import json

import pytest
from cfn_tools import load_yaml

from image_pinner.cli.packaging.local_template import CODE_PARAMETERS, local_template
from image_pinner.cli.packaging.project_files import template_text
from image_pinner.core.errors import ConfigurationError

ARCHIVE = "image-pinner-1.2.3.zip"
SMALL = """\
# A template.
Metadata:
  AWS::CloudFormation::Interface:
    ParameterGroups:
      - Label: { default: Code }
        Parameters: [MacroName, CodeBucket, CodeKey, CodeBucketPerRegion, Revision] # in this order
      - Label: { default: More }
        Parameters:
        - CodeKey # the zip
        - MemorySize
    ParameterLabels:
      CodeBucket: { default: The bucket }
      MemorySize: { default: The memory }

Parameters:
  MacroName:
    Type: String

  # Where the code is.
  CodeBucket:
    Type: String
  CodeKey: { Type: String }

  # For stack sets.
  CodeBucketPerRegion:
    Type: String

    Default: "false" # one bucket
  # Megabytes.
  MemorySize:
    Type: Number

Conditions:
  # Lambda takes code from its own region only.
  PerRegion: !Equals [!Ref CodeBucketPerRegion, "true"]
  Always: !Equals [a, a]

Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      # The zip.
      Code:
        # One bucket a region, or one for all.
        S3Bucket: !If
          - PerRegion
          - !Sub "${CodeBucket}-${AWS::Region}"
          - !Ref CodeBucket

        S3Key: !Ref CodeKey

      # Megabytes.
      MemorySize: !Ref MemorySize
"""
LOCAL = """\
# A template.
Metadata:
  AWS::CloudFormation::Interface:
    ParameterGroups:
      - Label: { default: Code }
        Parameters: [MacroName, Revision] # in this order
      - Label: { default: More }
        Parameters:
        - MemorySize
    ParameterLabels:
      MemorySize: { default: The memory }

Parameters:
  MacroName:
    Type: String
  # Megabytes.
  MemorySize:
    Type: Number

Conditions:
  Always: !Equals [a, a]

Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      # The zip.
      Code: image-pinner-1.2.3.zip

      # Megabytes.
      MemorySize: !Ref MemorySize
"""


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("      Code:\n", "      Coda:\n", "it has 0 lines «Code:» and not one"),
        (
            "      MemorySize: !Ref",
            "      Code:\n        S3Key: a\n      MemorySize: !Ref",
            "it has 2 lines «Code:» and not one",
        ),
        ("        S3Key: !Ref CodeKey", "        ZipFile: a", "but S3Bucket, ZipFile"),
        (
            "!Ref MemorySize",
            "!If [PerRegion, 1, 2]",
            "PerRegion is still needed in «MemorySize: !If [PerRegion, 1, 2]»",
        ),
        ("!Ref MemorySize", "!Ref CodeKey", "CodeKey is still needed"),
    ],
)
def test_a_template_of_another_form_is_refused(before: str, after: str, reason: str) -> None:
    assert before in SMALL
    with pytest.raises(ConfigurationError) as refused:
        local_template(SMALL.replace(before, after), ARCHIVE)
    assert reason in refused.value.cause


def test_parameters_of_the_code_go_with_all_that_only_they_need_and_comments_stay() -> None:
    assert local_template(SMALL, ARCHIVE) == LOCAL


def test_a_section_of_conditions_without_any_left_goes() -> None:
    alone = SMALL.replace("  Always: !Equals [a, a]\n", "")
    assert "Conditions" not in local_template(alone, ARCHIVE)


def test_a_comment_may_speak_of_what_is_gone() -> None:
    assert "# not CodeKey" in local_template(SMALL.replace("# Megabytes.", "# not CodeKey"), ARCHIVE)


def test_the_projects_template_loses_lines_and_gets_one() -> None:
    text = template_text()
    changed = difflib.ndiff(text.splitlines(), local_template(text, ARCHIVE).splitlines())
    added = [line[2:].strip() for line in changed if line.startswith("+ ")]
    assert [line for line in added if not line.startswith("Parameters: [")] == [f"Code: {ARCHIVE}"]


def test_the_projects_template_says_the_same_about_everything_else() -> None:
    before, after = load_yaml(template_text()), load_yaml(local_template(template_text(), ARCHIVE))
    assert set(before["Parameters"]) - set(after["Parameters"]) == set(CODE_PARAMETERS)
    functions = [name for name, resource in after["Resources"].items() if resource["Properties"].get("Code") == ARCHIVE]
    assert len(functions) == 1
    del before["Resources"][functions[0]]["Properties"]["Code"], after["Resources"][functions[0]]["Properties"]["Code"]
    for section in ("Resources", "Outputs"):
        assert json.dumps(before[section]) == json.dumps(after[section])
    assert not set(json.dumps(after).replace('"', " ").split()) & set(CODE_PARAMETERS)


def test_the_projects_template_runs_what_the_package_is_compiled_for() -> None:
    assert "Runtime: python3.13\n" in template_text()
