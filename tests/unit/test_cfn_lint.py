"""The rules for cfn-lint, run by cfn-lint."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from cfnlint.api import lint, lint_by_config, lint_file
from cfnlint.config import ManualArgs
from cfnlint.match import Match

from image_pinner import cfn_lint, check_template
from image_pinner.core.rules import RULES
from support.project import ROOT

RULE_MODULE = "image_pinner.cfn_lint"
HEAD = """\
Transform: ImagePinner
Resources:
  Web:
    Type: AWS::AppRunner::Service
    Properties:
      SourceConfiguration:
        ImageRepository:
          ImageRepositoryType: ECR_PUBLIC
          ImageIdentifier: """
QUOTED = '"!PinDigest Platform=linux/amd64 public.ecr.aws/shop/web:1"'
TAG = "!PinDigest public.ecr.aws/shop/web:1"
LONG = '{"Fn::PinDigest": {"Image": "public.ecr.aws/shop/web:1", "Platform": "linux/amd64"}}'


def config(rules: str = RULE_MODULE, **more: list[str]) -> ManualArgs:
    return ManualArgs(regions=["us-east-1"], append_rules=[rules] if rules else [], **more)


def matches(value: str, arguments: ManualArgs | None = None) -> list[Match]:
    return lint(f"{HEAD}{value}\n", config=arguments or config())


def ids(found: list[Match]) -> list[str]:
    return [match.rule.id for match in found]


@pytest.mark.parametrize(("value", "rule"), [(QUOTED, "E3031"), (TAG, "E3012"), (LONG, "E3012")])
def test_cfn_lint_reports_markers_without_our_rules(value: str, rule: str) -> None:
    assert ids(matches(value, config(""))) == [rule]


@pytest.mark.parametrize("value", [TAG, LONG])
def test_a_marker_that_cloudformation_rejects_is_reported_once(value: str) -> None:
    (match,) = matches(value)
    assert match.rule.id == "E9905"
    assert match.message.startswith("CloudFormation rejects the YAML tag")
    assert match.linenumber == 9


def test_a_quoted_marker_passes() -> None:
    assert matches(QUOTED) == []


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ('"!PinDigest docker.io/library/web:1"', "E3031"),
        ('!Sub "!PinDigest docker.io/web:${AWS::Region}"', "W1031"),
    ],
)
def test_the_image_after_the_marker_must_have_the_pattern_of_the_property(value: str, rule: str) -> None:
    (match,) = matches(value)
    assert (match.rule.id, match.linenumber) == (rule, 9)
    assert "PinDigest" not in match.message


def test_an_unpinned_image_is_a_warning_with_its_position() -> None:
    (match,) = matches("public.ecr.aws/shop/web:1")
    assert (match.rule.id, match.rule.severity) == ("W9901", "warning")
    assert (match.linenumber, match.columnnumber) == (9, 11)


def test_a_file_is_checked_with_its_positions(tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    path.write_text(f"{HEAD}public.ecr.aws/shop/web:1\n", "utf-8")
    (match,) = lint_file(path, config=config())
    assert (match.rule.id, match.linenumber, match.columnnumber) == ("W9901", 9, 28)
    assert (match.linenumberend, match.columnnumberend) == (9, 53)


def test_a_file_is_checked_before_the_transform_of_sam_expands_it(tmp_path: Path) -> None:
    path = tmp_path / "sam.yaml"
    path.write_text(
        "Transform: [ImagePinner, AWS::Serverless-2016-10-31]\nResources:\n  F:\n    Type: AWS::Serverless::Function\n"
        "    Properties: {PackageType: Image, ImageUri: 111122223333.dkr.ecr.us-east-1.amazonaws.com/web:1}\n",
        "utf-8",
    )
    (match,) = lint_file(path, config=config())
    assert (match.rule.id, match.linenumber, match.path) == ("W9901", 5, ["Resources", "F", "Properties", "ImageUri"])


def test_rules_can_be_ignored_in_the_configuration_and_in_the_template() -> None:
    assert matches("public.ecr.aws/shop/web:1", config(ignore_checks=["W9901"])) == []
    ignored = HEAD.replace(
        "    Properties", "    Metadata: {cfn-lint: {config: {ignore_checks: [W9901]}}}\n    Properties"
    )
    assert lint(f"{ignored}public.ecr.aws/shop/web:1\n", config=config()) == []


def test_a_template_that_cannot_be_checked_is_an_error() -> None:
    broken = HEAD.replace("Transform: ImagePinner", "Transform: [{Name: ImagePinner, Parameters: [Pin]}]")
    found = [match for match in lint(f"{broken}{QUOTED}\n", config=config()) if match.rule.id.startswith("E99")]
    assert [(match.rule.id, match.linenumber) for match in found] == [("E9900", 1)]
    assert "the Parameters of ImagePinner are not a mapping" in found[0].message


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that writes the configuration file for the working directory, which is below it."""
    (tmp_path / "templates").mkdir()
    monkeypatch.chdir(tmp_path / "templates")

    def write(content: str) -> None:
        (tmp_path / "image-pinner.toml").write_text(content, "utf-8")

    return write


@pytest.mark.parametrize(
    ("content", "image", "expected"),
    [
        ('macro-name = "PinIt"', QUOTED, ["E9908"]),
        ("unsafe-implicit-latest = true", '"!PinDigest public.ecr.aws/shop/web"', []),
        ('[check]\nignore = ["IP001"]', "public.ecr.aws/shop/web:1", []),
        ('[check]\nselect = ["IP008"]', "public.ecr.aws/shop/web:1", []),
        ('[check]\nseverity = "error"', "public.ecr.aws/shop/web:1", []),
        ('[check]\nparameter = {Tag = "a b"}', '!Sub "!PinDigest public.ecr.aws/shop/web:${Tag}"', ["E9903"]),
    ],
)
def test_the_configuration_file_applies_as_to_check(
    configured: Callable[[str], None], content: str, image: str, expected: list[str]
) -> None:
    configured(content)
    template = f"Parameters: {{Tag: {{Type: String}}}}\n{HEAD}{image}\n"
    found = ids(lint(template, config=config()))
    assert [rule for rule in found if rule[1:].startswith("99")] == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('macro-nam = "PinIt"', "image-pinner.toml:1: unknown key 'macro-nam' (did you mean 'macro-name'?)"),
        ('[check]\nignore = ["IP0001"]', "unknown rule 'IP0001'"),
    ],
)
def test_an_invalid_configuration_file_is_an_error(
    configured: Callable[[str], None], content: str, message: str
) -> None:
    configured(content)
    (match,) = matches(QUOTED)
    assert match.rule.id == "E9900"
    assert message in match.message


def test_rules_for_information_are_those_of_cfn_lint(configured: Callable[[str], None]) -> None:
    configured('[check]\nseverity = "error"')
    assert ids(matches(QUOTED, config(include_checks=["I"]))) == ["I9914"]


def test_json_is_checked() -> None:
    properties = {"SourceConfiguration": {"ImageRepository": {"ImageRepositoryType": "ECR", "ImageIdentifier": "x:1"}}}
    template = {"Resources": {"Web": {"Type": "AWS::AppRunner::Service", "Properties": properties}}}
    assert sorted(ids(lint(json.dumps(template), config=config()))) == ["E3031", "W9901"]


def test_the_example_templates_have_only_the_findings_of_check() -> None:
    examples = sorted((ROOT / "templates").iterdir())
    expected = [
        (str(path), cfn_lint.rule_id(RULES[finding.code]), finding.line)
        for path in examples
        for finding in check_template(path)
    ]
    found = lint_by_config(
        ManualArgs(templates=list(map(str, examples)), regions=["us-east-1"], append_rules=[RULE_MODULE])
    )
    assert [(match.filename, match.rule.id, match.linenumber) for match in found] == expected


def test_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a socket was opened"))
    assert ids(matches("public.ecr.aws/shop/web:1")) == ["W9901"]


def test_every_rule_is_a_class_with_its_own_id() -> None:
    found = {name: getattr(cfn_lint, name) for name in RULES}
    assert sorted(rule.id[1:] for rule in found.values()) == sorted(f"99{code[-2:]}" for code in RULES)
    assert all(rule.shortdesc and rule.description for rule in found.values())


def test_a_file_of_custom_rules_can_be_used_too(tmp_path: Path) -> None:
    custom = tmp_path / "rules.txt"
    custom.write_text("AWS::AppRunner::Service ServiceName IS DEFINED\n", "utf-8")
    found = matches(QUOTED, ManualArgs(regions=["us-east-1"], append_rules=[RULE_MODULE], custom_rules=str(custom)))
    assert ids(found) == ["E9001"]
