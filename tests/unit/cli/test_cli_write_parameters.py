"""`pin --in-place` on images from parameters, and `pin --write-parameters`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from image_pinner.core.images.lookups import OCI_INDEX, OCI_MANIFEST
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner
from unit.cli.cli_templates import digest, saved, state

TEMPLATE = """\
Parameters:
  Image: {Type: String, Default: "shop/web:1"}
  Marked: {Type: String, Default: "!PinDigest shop/log:1"}
  Level: {Type: String, Default: info}
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - {Name: web, Image: !Sub "!PinDigest ${Image}"}
        - {Name: log, Image: !Ref Marked}
"""
FUNCTION = """\
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Code: {ImageUri: !Sub "!PinDigest Platform=linux/arm64 ${Image}"}
"""
PATH = "Resources.Web.Properties.ContainerDefinitions[0].Image"


def pinned(repository: str) -> str:
    return f"{repository}@{digest(f'docker.io/{repository}:1')}"


def entry(name: str, value: str) -> dict[str, Any]:
    return {"ParameterKey": name, "ParameterValue": value}


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ('!Sub "!PinDigest ${Image}"', '"!PinDigest nginx:1"', "the image is not exactly the value of one parameter"),
        ("${Image}", "${Image}-slim", "the image is not exactly the value of one parameter"),
        ('{Type: String, Default: "shop/web:1"}', "{Type: CommaDelimitedList, Default: x}", "cannot resolve image"),
        (
            'Default: "shop/web:1"}',
            'Default: "shop/web:1", AllowedValues: ["shop/web:1"]}',
            "the AllowedValues of parameter 'Image' do not include",
        ),
        (
            'Default: "shop/web:1"}',
            'Default: "shop/web:1", MaxLength: 79}',
            "parameter 'Image' allows 79 characters, and shop/web@sha256:",
        ),
    ],
)
def test_an_image_without_its_own_parameter_is_refused_by_its_path(
    old: str, new: str, cause: str, tmp_path: Path
) -> None:
    path, written = saved(tmp_path, TEMPLATE.replace(old, new)), tmp_path / "parameters.json"
    run = image_pinner("pin", "--write-parameters", str(written), str(path))
    assert (run.code, run.out) == (1, b"")
    assert PATH in run.err
    assert cause in run.err
    assert not written.exists()


def test_limits_that_a_digest_fits_are_accepted_and_patterns_are_a_warning(tmp_path: Path) -> None:
    limits = "MaxLength: '80', AllowedPattern: '[a-z/]+:[0-9]+'"
    path = saved(tmp_path, TEMPLATE.replace('Default: "shop/web:1"}', f'Default: "shop/web:1", {limits}}}'))
    run = image_pinner("pin", "--write-parameters", str(tmp_path / "parameters.json"), str(path))
    assert run.code == 0, run.err
    warning = f"check that the AllowedPattern of parameter 'Image' matches {pinned('shop/web')}"
    assert f"warning: {path}: {PATH}: {warning}\n" in run.err


def test_the_default_does_not_replace_an_image_that_keeps_its_previous_value(tmp_path: Path) -> None:
    given, output = tmp_path / "given.json", tmp_path / "out.json"
    given.write_text(json.dumps([{"ParameterKey": "Image", "UsePreviousValue": True}]))
    arguments = ("pin", str(saved(tmp_path, TEMPLATE)), "--parameters", str(given), "--write-parameters", str(output))

    run = image_pinner(*arguments)

    assert (run.code, output.exists()) == (1, False)
    assert "parameter 'Image' keeps its previous value, which is not known" in run.err
    assert image_pinner(*arguments, "--parameter", "Image=shop/web:1").code == 0
    assert entry("Image", pinned("shop/web")) in json.loads(output.read_text())


def test_blanks_around_the_name_of_a_parameter_make_no_difference(tmp_path: Path) -> None:
    path, written = saved(tmp_path, TEMPLATE.replace("${Image}", "${ Image }")), tmp_path / "parameters.json"
    assert image_pinner("pin", "--write-parameters", str(written), str(path)).code == 0
    assert entry("Image", pinned("shop/web")) in json.loads(written.read_text())
    assert "parameter 'Image' no longer has an effect" in image_pinner("pin", "--in-place", str(path)).err


def test_one_parameter_cannot_have_two_digests(tmp_path: Path) -> None:
    text = TEMPLATE.replace("shop/web", "111122223333.dkr.ecr.us-east-1.amazonaws.com/web") + FUNCTION
    path, written = saved(tmp_path, text), tmp_path / "parameters.json"
    registry = _registry_with_two_platforms("111122223333.dkr.ecr.us-east-1.amazonaws.com/web:1", "shop/log:1")
    run = image_pinner("pin", "--write-parameters", str(written), str(path), resolvers=registry)
    assert (run.code, run.out) == (1, b"")
    assert "parameter 'Image' cannot be both" in run.err
    assert PATH in run.err
    assert not written.exists()


def _registry_with_two_platforms(image: str, other: str) -> Any:
    registry = InMemoryRegistry()
    manifests = [
        {
            "mediaType": OCI_MANIFEST,
            "digest": f"sha256:{number * 64}",
            "size": 1,
            "platform": {"os": "linux", "architecture": architecture},
        }
        for number, architecture in (("1", "amd64"), ("2", "arm64"))
    ]
    registry.push(
        image,
        json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}).encode(),
        OCI_INDEX,
    )
    registry.push_digest(other, f"sha256:{'3' * 64}")
    return registry


@pytest.mark.parametrize("option", ["--in-place", "--drop-transform", "--output=x", "--output-format=json"])
def test_the_template_is_not_written_too(option: str, tmp_path: Path) -> None:
    run = image_pinner("pin", "--write-parameters", str(tmp_path / "p.json"), option, str(saved(tmp_path, TEMPLATE)))
    assert run.code == 2
    assert f"--write-parameters cannot be used with {option.partition('=')[0]}" in run.err


def test_the_parameter_file_cannot_replace_the_template(tmp_path: Path) -> None:
    path = saved(tmp_path, TEMPLATE)
    run = image_pinner("pin", "--write-parameters", str(path), str(path))
    assert run.code == 2
    assert path.read_text() == TEMPLATE


def test_digests_are_written_to_a_parameter_file_with_the_other_values(tmp_path: Path) -> None:
    path, given, written = saved(tmp_path, TEMPLATE), tmp_path / "given.json", tmp_path / "written.json"
    given.write_text(json.dumps([entry("Level", "debug"), {"ParameterKey": "Old", "UsePreviousValue": True}]))
    before = state(path)

    run = image_pinner("pin", "--write-parameters", str(written), "--parameters", str(given), str(path))

    assert (run.code, run.out, run.err) == (0, b"", "Pinned 2 images (0 skipped).\n")
    assert state(path) == before
    assert json.loads(written.read_text()) == [
        entry("Level", "debug"),
        entry("Image", pinned("shop/web")),
        entry("Marked", pinned("shop/log")),
        {"ParameterKey": "Old", "UsePreviousValue": True},
    ]


@pytest.mark.parametrize("name", ["given.json", "given.yaml"])
def test_a_file_for_codepipeline_keeps_its_format_tags_and_policy(name: str, tmp_path: Path) -> None:
    path, given, written = saved(tmp_path, TEMPLATE), tmp_path / name, tmp_path / "written.json"
    policy = {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
    content = {"Tags": {"team": "shop"}, "Parameters": {"Level": "debug"}, "StackPolicy": policy}
    given.write_text(json.dumps(content))

    run = image_pinner("pin", "--write-parameters", str(written), "--parameters", str(given), str(path))

    assert run.code == 0, run.err
    values = {"Level": "debug", "Image": pinned("shop/web"), "Marked": pinned("shop/log")}
    assert json.loads(written.read_text()) == content | {"Parameters": values}
    assert image_pinner("pin", "--parameters", str(written), str(path), resolvers=InMemoryRegistry()).code == 0


def test_a_file_for_codepipeline_is_not_combined_with_another_one(tmp_path: Path) -> None:
    path, written = saved(tmp_path, TEMPLATE), tmp_path / "written.json"
    first, second = saved(tmp_path, '{"Parameters": {}, "Tags": {}}', "1.json"), saved(tmp_path, "[]", "2.json")
    files = [option for file in (first, second) for option in ("--parameters", str(file))]
    run = image_pinner("pin", "--write-parameters", str(written), *files, str(path))
    assert run.code == 2
    assert "a file for CodePipeline cannot be combined with another parameter file\nhelp: pass one file" in run.err
    assert not written.exists()


def test_the_template_with_these_parameters_has_the_same_digests(tmp_path: Path) -> None:
    path, written = saved(tmp_path, TEMPLATE), tmp_path / "written.json"
    image_pinner("pin", "--write-parameters", str(written), str(path))
    registry = InMemoryRegistry()

    run = image_pinner("pin", "--parameters", str(written), str(path), resolvers=registry)

    assert run.code == 0
    assert pinned("shop/web") in run.text
    assert registry.image_lookups == []


def test_the_tag_can_be_kept_in_the_parameter(tmp_path: Path) -> None:
    path, written = saved(tmp_path, TEMPLATE), tmp_path / "written.json"
    image_pinner("pin", "--keep-tag", "--write-parameters", str(written), str(path))
    assert json.loads(written.read_text())[0] == entry("Image", pinned("shop/web").replace("@", ":1@"))


def test_pinning_in_place_warns_of_parameters_without_an_effect(tmp_path: Path) -> None:
    path = saved(tmp_path, TEMPLATE.replace("!Ref Marked", '!Sub "!PinDigest ${Image}-log"'))

    run = image_pinner("pin", "--in-place", str(path))

    assert run.code == 0
    assert run.err == (
        f"warning: {path}: parameter 'Image' no longer has an effect on {PATH}, {PATH.replace('[0]', '[1]')}\n"
        "help: to keep the parameter, pass --write-parameters FILE instead of --in-place\n"
        "Pinned 2 images (0 skipped).\n"
    )


def test_a_parameter_can_have_an_effect_through_a_condition(tmp_path: Path) -> None:
    conditions = """\
Conditions:
  IsProd: !Or [!Equals [!Ref Level, prod], !Condition IsSame]
  IsSame: !Not [!Equals [!Ref Marked, ""]]
  IsOther: !Equals [!Ref Other, ""]
"""
    text = TEMPLATE.replace('!Sub "!PinDigest ${Image}"', '!Sub ["!PinDigest shop/web:${T}", {T: !If [IsProd, 1, 2]}]')
    text = text.replace("  Level", "  Other: {Type: String, Default: a}\n  Level").replace(
        "Resources:", f"{conditions}Resources:"
    )
    run = image_pinner("pin", "--in-place", str(saved(tmp_path, text)))
    assert run.code == 0, run.err
    assert f"parameter 'Level' no longer has an effect on {PATH}\n" in run.err
    assert f"parameter 'Marked' no longer has an effect on {PATH}, {PATH.replace('[0]', '[1]')}\n" in run.err
    assert "'Other'" not in run.err


def test_the_condition_of_a_whole_image_stays(tmp_path: Path) -> None:
    text = TEMPLATE.replace(
        '!Sub "!PinDigest ${Image}"', '!If [IsProd, "!PinDigest shop/web:1", "!PinDigest shop/web:2"]'
    )
    text = text.replace("Resources:", "Conditions: {IsProd: !Equals [!Ref Level, prod]}\nResources:")
    run = image_pinner("pin", "--in-place", str(saved(tmp_path, text)))
    assert run.code == 0, run.err
    assert "'Level'" not in run.err
