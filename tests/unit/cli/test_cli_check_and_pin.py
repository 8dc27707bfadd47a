"""`check` and `pin` agree: what `check` accepts or suggests, `pin` pins, and what `pin` refuses, `check` reports."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from image_pinner.cli.documents import read_source
from image_pinner.cli.inputs import read_template
from image_pinner.core.check import Finding, check_template
from image_pinner.core.rules import Severity
from image_pinner.core.template.edits import apply_edits
from image_pinner.settings import Settings
from support.command import Run, image_pinner
from support.images import HEX
from support.lint import lint_findings
from unit.cli.cli_templates import saved

ECR = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
TEMPLATE = """\
Transform: {{Name: ImagePinner, Parameters: {{Pin: {pin}}}}}
Parameters:
  Empty: {{Type: String, Default: ""}}
  NoTag: {{Type: String, Default: nginx}}
  Unset: {{Type: String}}
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web
          Image: {image}
"""
VALID = ["nginx:1", f"nginx@sha256:{HEX}", "!Ref Unset", "!Sub '${Unset}'", "!If [C, a:1, !Ref AWS::NoValue]"]
EMPTY = {'""': 1, "": 1, "!Ref Empty": 0, "!Sub '${Empty}'": 0}
"""Empty images, and the exit code of `check` if nothing is pinned: another tool may set the parameter."""
REFUSED = {
    "nginx": "has no tag or digest",
    "!Ref NoTag": "has no tag or digest",
    "shop/web@sha256:abc": "is not a valid image reference",
    "shop/web:1@sha256:abc": "is not a valid image reference",
    f"shop/web@sha256:{HEX.upper()}": "is not a valid image reference",
    "Nginx:1": "is not a valid image reference",
    "docker://nginx:1": "is not a valid image reference",
    "5": "not a valid image reference",
    "1.5": "not a valid image reference",
    "true": "not a valid image reference",
    "[a]": "not a valid image reference",
    "{Foo: bar}": "not a valid image reference",
}


def run(folder: Path, *arguments: str, image: str, pin: str) -> Run:
    text = TEMPLATE.format(pin=pin, image=image) + "Conditions: {C: !Equals [a, a]}\n"
    return image_pinner(*arguments, str(saved(folder, text)))


def marked(image: str) -> str:
    if image.startswith("!Ref "):
        return f'!Sub "!PinDigest ${{{image.removeprefix("!Ref ")}}}"'
    return f'"!PinDigest {image}"'


@pytest.mark.parametrize("image", REFUSED)
def test_an_image_that_cannot_be_pinned_is_refused_by_both(image: str, tmp_path: Path) -> None:
    requests = [("All", image)]
    if image[0] not in "[{" and image not in {"5", "1.5", "true"}:
        requests += [("Marked", marked(image)), ("All", marked(image))]
    for pin, written in requests:
        check = run(tmp_path, "check", image=written, pin=pin)
        pinned = run(tmp_path, "pin", "--parameter", "Unset=a:1", image=written, pin=pin)

        assert (check.code, pinned.code in {1, 4}) == (1, True)
        assert ("IP002" if "no tag" in REFUSED[image] else "IP003") in check.text
        for text in (check.text, pinned.err):
            assert REFUSED[image] in text


@pytest.mark.parametrize("image", REFUSED)
def test_a_marker_is_not_suggested_for_an_image_that_cannot_be_pinned(image: str, tmp_path: Path) -> None:
    check = run(tmp_path, "check", image=image, pin="Marked")

    assert check.code == 1
    assert "IP001" not in check.text
    assert REFUSED[image] in check.text
    assert "PinDigest" not in check.text
    assert run(tmp_path, "pin", image=image, pin="Marked").code == 0


@pytest.mark.parametrize(("image", "code"), EMPTY.items())
def test_an_empty_image_is_refused_by_both_if_it_is_to_be_pinned(image: str, code: int, tmp_path: Path) -> None:
    assert run(tmp_path, "check", image=image, pin="Marked").code == code
    assert run(tmp_path, "pin", image=image, pin="Marked").code == 0
    for command in ("check", "pin"):
        assert run(tmp_path, command, image=image, pin="All").code == 1


@pytest.mark.parametrize("image", VALID)
def test_an_image_that_can_be_pinned_is_accepted_by_both(image: str, tmp_path: Path) -> None:
    assert run(tmp_path, "check", image=image, pin="All").code == 0
    assert run(tmp_path, "pin", "--parameter", "Unset=a:1", image=image, pin="All").code == 0


def test_an_allowed_implicit_latest_is_accepted_by_both(tmp_path: Path) -> None:
    path, env = (
        str(saved(tmp_path, TEMPLATE.format(pin="All", image="nginx"))),
        {"IMAGE_PINNER_UNSAFE_IMPLICIT_LATEST": "true"},
    )

    assert image_pinner("check", path, env=env).code == 0
    assert image_pinner("pin", "--parameter", "Unset=a:1", path, env=env).code == 0


PATTERNED = {
    "SageMaker": ("AWS::SageMaker::Model", {"PrimaryContainer": {"Image": f"{ECR}/app:1"}}),
    "App Runner": (
        "AWS::AppRunner::Service",
        {
            "SourceConfiguration": {
                "ImageRepository": {"ImageIdentifier": "public.ecr.aws/shop/app:1", "ImageRepositoryType": "ECR_PUBLIC"}
            }
        },
    ),
    "EMR Serverless": (
        "AWS::EMRServerless::Application",
        {"ReleaseLabel": "emr-7.0.0", "Type": "SPARK", "ImageConfiguration": {"ImageUri": f"{ECR}/app:1"}},
    ),
}


def findings_of(tree: dict[str, Any], folder: Path) -> list[Finding]:
    template = read_template(str(saved(folder, json.dumps(tree))), "ImagePinner")
    found = check_template(template.fragment, {}, Settings().scan_settings, names_macro=template.names_macro)
    return [finding for finding in found if finding.rule.severity is not Severity.INFO]


@pytest.mark.parametrize("metadata", [None, {"Owner": "shop"}])
def test_the_suggestion_for_a_property_with_a_pattern_is_metadata(metadata: Any, tmp_path: Path) -> None:
    resources = {
        name.replace(" ", ""): {"Type": kind, "Properties": properties, **({"Metadata": metadata} if metadata else {})}
        for name, (kind, properties) in PATTERNED.items()
    }
    tree = {"Transform": "ImagePinner", "Resources": resources}

    findings = findings_of(tree, tmp_path)

    assert [finding.rule.slug for finding in findings] == ["unpinned-image"] * len(PATTERNED)
    assert all("Metadata" in finding.help for finding in findings)
    fixed = apply_edits(tree, [finding.fix for finding in findings if finding.fix])
    assert findings_of(fixed, tmp_path) == []
    if metadata is None:
        assert not [message for message in lint_findings(json.dumps(fixed)) if message.startswith("E3031")]


def test_a_yaml_tag_becomes_what_cfn_lint_accepts(tmp_path: Path) -> None:
    resource = {
        "Type": "AWS::SageMaker::Model",
        "Properties": {"PrimaryContainer": {"Image": {"Fn::PinDigest": f"{ECR}/a:1"}}},
    }
    tree = {"Transform": "ImagePinner", "Resources": {"App": resource}}

    (finding,) = findings_of(tree, tmp_path)

    assert finding.help == "write a snippet"
    assert finding.fix is not None
    assert findings_of(apply_edits(tree, [finding.fix]), tmp_path) == []


class TestOptions:
    """`check` takes the values that `pin` takes."""

    REGIONAL = """\
Transform: ImagePinner
Parameters: {Tag: {Type: String}}
Mappings: {Images: {eu-west-1: {Web: "!PinDigest shop/web"}, us-west-2: {Web: "!PinDigest shop/Web:1"}}}
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web
          Image: !FindInMap [Images, !Ref AWS::Region, Web]
        - Name: api
          Image: !Sub "!PinDigest ${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/api:${Tag}"
"""

    def test_the_region_decides(self, tmp_path: Path) -> None:
        path = str(saved(tmp_path, self.REGIONAL))
        assert "has no tag or digest" in image_pinner("check", "--region", "eu-west-1", path).text
        assert "must be lower case" in image_pinner("check", "--region", "us-west-2", path).text

    def test_values_come_from_files_and_options(self, tmp_path: Path) -> None:
        path = str(saved(tmp_path, self.REGIONAL.replace("shop/web", "shop/web:1")))
        values = saved(tmp_path, '{"Tag": "not valid"}', "values.json")
        region = ("--region", "eu-west-1", "--account", "111122223333")
        assert image_pinner("check", *region, path).code == 0
        found = image_pinner("check", *region, "--parameters", str(values), path)
        assert "'111122223333.dkr.ecr.eu-west-1.amazonaws.com/api:not valid'" in found.text
        assert image_pinner("check", *region, "--parameters", str(values), "--parameter", "Tag=1", path).code == 0

    def test_no_option_of_another_subcommand_is_advised(self, tmp_path: Path) -> None:
        help = image_pinner("check", "--help").text
        text = (
            self.REGIONAL.replace("/api:", "/${AWS::StackName}:")
            + '        - {Name: a, Image: !Sub "!PinDigest ${No}"}\n'
        )
        for template in (text, self.REGIONAL, TEMPLATE.format(pin="All", image='!Sub "${Unset}:${AWS::StackId}"')):
            found = image_pinner("check", str(saved(tmp_path, template)))
            assert all(option in help for option in re.findall(r"--[a-z-]+", found.text + found.err))

    def test_an_account_that_is_not_one_is_refused(self, tmp_path: Path) -> None:
        found = image_pinner("check", "--account", "1", str(saved(tmp_path, self.REGIONAL)))
        assert found.code == 2
        assert "--account '1' is not an AWS account ID" in found.err

    @pytest.mark.parametrize("command", ["check", "pin"])
    def test_a_generated_name_is_reported_before_a_missing_account(self, command: str, tmp_path: Path) -> None:
        text = self.REGIONAL.replace("/api:", "/${Repo}:") + "  Repo: {Type: AWS::ECR::Repository}\n"
        found = image_pinner(command, str(saved(tmp_path, text.replace("shop/Web", "shop/web"))))
        assert "the name of the ECR repository 'Repo' is generated by CloudFormation" in found.text + found.err
        assert "account" not in found.text
        assert "--account" not in found.err


class TestCases:
    """Templates from bug reports."""

    TASK = """\
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web
"""

    @pytest.mark.parametrize("key", ["Fn::Transform: ", "Transform: ", "!Transform "])
    def test_a_snippet_in_any_form_is_pinned(self, key: str, tmp_path: Path) -> None:
        call = f'{{Name: ImagePinner, Parameters: {{Image: "{ECR}/app:1"}}}}'
        image = f"{key}{call}" if key.startswith("!") else f"{{{key}{call}}}"
        path = str(saved(tmp_path, f"Resources:\n  T:\n{self.TASK}          Image: {image}\n"))

        assert image_pinner("check", path).code == 0
        pinned = image_pinner("pin", path)
        assert pinned.code == 0
        containers = read_source(pinned.out, "pinned").tree["Resources"]["T"]["Properties"]["ContainerDefinitions"]
        assert containers[0]["Image"].startswith(f"{ECR}/app@sha256:")

    @pytest.mark.parametrize(
        ("level", "key"),
        # At the root, the short form is the section.
        [*product(("container", "resource", "Resources"), ("Fn::Transform", "Transform")), ("root", "Fn::Transform")],
    )
    def test_a_snippet_next_to_an_image_satisfies_check(self, level: str, key: str, tmp_path: Path) -> None:
        call = f"{key}: {{Name: ImagePinner, Parameters: {{Pin: All}}}}\n"
        indented = {"root": call, "Resources": f"  {call}", "resource": f"    {call}", "container": f"          {call}"}
        parts = {name: indented[name] if name == level else "" for name in indented}
        text = (
            f"{parts['root']}Resources:\n{parts['Resources']}  T:\n{parts['resource']}{self.TASK}"
            f"{parts['container']}          Image: {ECR}/app:1\n"
        )

        assert image_pinner("check", str(saved(tmp_path, text))).code == 0

    def test_an_empty_loop_is_not_deployed(self, tmp_path: Path) -> None:
        text = (
            "Transform: [ImagePinner, AWS::LanguageExtensions]\nMappings: {M: {a: {n: []}}}\nResources:\n"
            "  Fn::ForEach::X:\n    - N\n    - !FindInMap [M, a, n]\n"
            "    - Task${N}:\n        Type: AWS::ECS::TaskDefinition\n        Properties:\n"
            f'          ContainerDefinitions: [{{Name: !Ref N, Image: !Sub "!PinDigest {ECR}/${{N}}:1"}}]\n'
            "  Other: {Type: AWS::SNS::Topic}\n"
        )

        path = str(saved(tmp_path, text))

        assert image_pinner("check", path).code == 0
        pinned = image_pinner("pin", path)
        assert pinned.code == 0
        assert pinned.text == text.replace("!PinDigest ", "")

    @pytest.mark.parametrize("where", ["image", "container"])
    def test_images_next_to_no_value_in_a_flow_list_are_reported(self, where: str, tmp_path: Path) -> None:
        container = "{Name: a, Image: a:1}"
        images = {
            "image": "[{Name: a, Image: !If [C, a:1, !Ref AWS::NoValue]}]",
            "container": f"[!If [C, {container}, !Ref AWS::NoValue], !Ref AWS::NoValue]",
        }
        text = (
            "Conditions: {C: !Equals [a, a]}\nResources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n"
            f"      ContainerDefinitions: {images[where]}\n"
        )

        assert "image 'a:1' is not pinned" in image_pinner("check", str(saved(tmp_path, text))).text
