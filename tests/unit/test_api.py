"""The Python API, offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import image_pinner
from image_pinner import ImagePinnerError, PinFailedError, check_template, pin_template
from support.command import image_pinner as run_command
from support.project import PACKAGE

DIGEST = f"sha256:{'7' * 64}"
TEXT = """\
Transform: ImagePinner
Parameters: {Tag: {Type: String}}
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web  # comment
          Image: !Sub "!PinDigest registry.example/web:${Tag}"
"""
MAPPING = {
    "Transform": "ImagePinner",
    "Resources": {
        "Job": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ImageUri": "!PinDigest a.example/b:1"}}}
    },
}
IMAGES = {"registry.example/web:1": DIGEST}


def image_of(template: dict[str, Any]) -> str:
    return str(template["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]["Image"])


@pytest.mark.parametrize(
    ("arguments", "cause", "help"),
    [
        ({"digests": "images.lock.json"}, "digests is 'images.lock.json'", "the Path of a lock file"),
        ({"digests": {}, "parameters": {"Tagg": "1"}}, "no parameter 'Tagg' (did you mean 'Tag'?)", "pass one of Tag"),
        ({"digests": {}, "account_id": "1"}, "'1' is not an AWS account ID", "12 digits"),
        ({"digests": {"registry.example/web:1": "sha256:1"}}, "'sha256:1' is not a valid image reference", ""),
        ({"digests": Path("missing.json")}, "missing.json", ""),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], cause: str, help: str) -> None:
    with pytest.raises(ImagePinnerError) as raised:
        pin_template(TEXT, **arguments)
    assert cause in raised.value.cause
    assert help in raised.value.help


def test_an_image_without_a_digest_fails_the_template() -> None:
    with pytest.raises(PinFailedError, match=r"digests has no entry for 'registry\.example/web:2'") as raised:
        pin_template(TEXT, digests=IMAGES, parameters={"Tag": "2"})
    (problem,) = raised.value.report.problems
    assert str(problem.path) == "Resources.Web.Properties.ContainerDefinitions[0].Image"
    assert str(raised.value) == str(problem)


@pytest.mark.parametrize(
    ("reference", "help"),
    [
        ("{{resolve:ssm:/image}}", 'pass digests="registries"'),
        ("${AWS::AccountId}.dkr.ecr.eu-west-1.amazonaws.com/web:1", "pass account_id"),
    ],
)
def test_a_value_that_only_aws_knows_fails_the_template(reference: str, help: str) -> None:
    text = TEXT.replace("registry.example/web:${Tag}", reference)
    with pytest.raises(PinFailedError, match=help):
        pin_template(text, digests=IMAGES, parameters={"Tag": "1"})


def test_a_path_that_is_passed_as_a_string_is_the_text_of_a_template() -> None:
    with pytest.raises(ImagePinnerError, match="template must be a mapping"):
        check_template("templates/web.yaml")


def test_a_text_is_pinned_in_its_layout() -> None:
    pinned = pin_template(TEXT, digests=IMAGES, parameters={"Tag": "1"})
    assert image_of(pinned.template) == f"registry.example/web@{DIGEST}"
    assert f'# comment\n          Image: "registry.example/web@{DIGEST}"\n' in pinned.text
    assert pinned.report.succeeded


def test_a_mapping_is_pinned_and_not_changed() -> None:
    pinned = pin_template(MAPPING, digests={"a.example/b:1": DIGEST})
    assert pinned.template["Resources"]["Job"]["Properties"]["Code"]["ImageUri"] == f"a.example/b@{DIGEST}"
    assert image_pinner.pin_template(pinned.text, digests={}).template == pinned.template
    assert MAPPING["Resources"]["Job"]["Properties"]["Code"]["ImageUri"] == "!PinDigest a.example/b:1"  # type: ignore[index]


def test_digests_are_taken_from_a_lock_file(tmp_path: Path) -> None:
    template, lock = tmp_path / "web.yaml", tmp_path / "images.lock.json"
    template.write_text(TEXT, "utf-8")
    run_command("lock", str(template), "--parameter", "Tag=1", "--output", str(lock))
    lock.write_text(
        json.dumps(json.loads(lock.read_text("utf-8")) | {"map": {"registry.example": "b.example"}}), "utf-8"
    )
    promoted = pin_template(TEXT.replace("registry.example", "b.example"), digests=lock, parameters={"Tag": "1"})
    assert image_of(promoted.template).startswith("b.example/web@sha256:")
    assert promoted.report.to_json()["images"][0]["decision"] == "locked"


def test_account_and_region_are_values_of_expressions() -> None:
    text = TEXT.replace("registry.example/web:${Tag}", "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/web:1")
    image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:1"
    pinned = pin_template(
        text, digests={image: DIGEST}, account_id="111122223333", region="eu-west-1", parameters={"Tag": "1"}
    )
    assert image_of(pinned.template) == image.replace(":1", f"@{DIGEST}")


def test_findings_have_positions() -> None:
    (finding,) = check_template(TEXT.replace("!PinDigest ", ""))
    assert (finding.line, finding.column) == (9, 18)
    assert finding.cause == "image Fn::Sub 'registry.example/web:${Tag}' is not pinned"
    assert str(finding).startswith(f"9:18: {finding.code} {finding.cause}; help: mark the image")


def test_findings_can_be_selected_by_severity() -> None:
    unpinned, rejected = (
        TEXT.replace("!PinDigest ", ""),
        TEXT.replace('!Sub "!PinDigest registry.example/web:${Tag}"', "!PinDigest web:1"),
    )
    assert [finding.severity for finding in check_template(unpinned)] == ["warning"]
    assert check_template(unpinned, severity="error") == ()
    assert [finding.severity for finding in check_template(rejected, severity="error")] == ["error"]


def test_findings_depend_on_parameters() -> None:
    text = TEXT.replace("Tag: {Type: String}", 'Tag: {Type: String, Default: ":"}')
    assert check_template(text) != ()
    assert check_template(text, parameters={"Tag": "1", "OfAnotherTemplate": "1"}) == ()


def test_the_environment_applies_and_a_configuration_file_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "image-pinner.toml").write_text('macro-name = "PinIt"', "utf-8")
    monkeypatch.chdir(tmp_path)
    assert check_template(TEXT) == ()
    monkeypatch.setenv("IMAGE_PINNER_MACRO_NAME", "PinIt")
    assert [finding.code for finding in check_template(TEXT)] == ["IP008"]


def test_the_stub_declares_the_names_of_the_package() -> None:
    stub = (PACKAGE / "__init__.pyi").read_text("utf-8")
    declared = [line.rpartition(" ")[2] for line in stub.splitlines() if line.startswith("from ")]
    assert all(getattr(image_pinner, name) for name in declared)
    assert sorted(declared) == sorted(image_pinner._API)
    with pytest.raises(AttributeError, match="'NoSuchName'"):
        _ = image_pinner.NoSuchName  # type: ignore[attr-defined]


def test_gates_in_an_ssm_parameter_are_not_ignored_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_PINNER_GATES_PARAMETER", "/image-pinner/gates")
    with pytest.raises(ImagePinnerError, match="the SSM parameter /image-pinner/gates cannot be read here"):
        pin_template(TEXT, digests=IMAGES, parameters={"Tag": "1"})
