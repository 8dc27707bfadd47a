"""`pin --keep-tag` and `pin --drop-transform`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_pinner.cli.documents import read_source
from support.command import image_pinner
from unit.cli.cli_templates import MARKED, digest, saved, state

WEB = f"shop/web:1.0@{digest('docker.io/shop/web:1.0')}"
LAMBDA = """\
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Code: {ImageUri: "!PinDigest 111122223333.dkr.ecr.us-east-1.amazonaws.com/shop:1"}
"""
SNIPPET = """\
  Topic:
    Type: AWS::SNS::Topic
    Properties: {Fn::Transform: {Name: ImagePinner, Parameters: {Pin: All}}}
"""


def test_a_service_that_does_not_accept_both_is_refused_by_name(tmp_path: Path) -> None:
    path = saved(tmp_path, LAMBDA)
    before = state(path)
    run = image_pinner("pin", "--in-place", "--keep-tag", str(path))
    assert (run.code, run.out) == (1, b"")
    assert "cannot keep tag '1': AWS::Lambda::Function is not known to accept a tag together with a digest" in run.err
    assert "Resources.Function.Properties.Code.ImageUri" in run.err
    assert state(path) == before


@pytest.mark.parametrize("arguments", [["--in-place"], ["-o"], []])
def test_the_tag_is_kept(arguments: list[str], tmp_path: Path) -> None:
    path, output = saved(tmp_path), tmp_path / "pinned.yaml"
    run = image_pinner("pin", "--keep-tag", str(path), *arguments, *([str(output)] if arguments == ["-o"] else []))
    written = {"--in-place": path, "-o": output}
    text = written[arguments[0]].read_text() if arguments else run.text
    assert run.code == 0
    assert f'Image: "{WEB}"\n' in text


def test_a_pinned_tag_is_up_to_date_and_pinning_again_returns_the_same_digest(tmp_path: Path) -> None:
    path = saved(tmp_path)
    image_pinner("pin", "--keep-tag", "--in-place", str(path))
    before = state(path)

    update, pin = image_pinner("update", str(path)), image_pinner("pin", "--pin", "All", str(path))

    assert (update.code, update.text) == (0, "")
    assert state(path) == before
    assert pin.out == before[0]


@pytest.mark.parametrize("call", ["{Name: ImagePinner}", "[Other, ImagePinner]"])
def test_a_snippet_that_calls_the_macro_keeps_the_transform(call: str, tmp_path: Path) -> None:
    text = MARKED + SNIPPET.replace("{Name: ImagePinner, Parameters: {Pin: All}}", call)
    path = saved(tmp_path, text)
    run = image_pinner("pin", "--drop-transform", "--in-place", str(path))
    assert run.code == 1
    assert "the template still needs ImagePinner: this snippet calls it" in run.err
    assert path.read_text() == text


def test_a_snippet_next_to_images_is_one_reason_to_keep_the_transform(tmp_path: Path) -> None:
    call = "          Transform: {Name: ImagePinner, Parameters: {Pin: All}}\n"
    run = image_pinner("pin", "--drop-transform", str(saved(tmp_path, MARKED.replace("!PinDigest ", "") + call)))
    assert run.code == 1
    assert run.err.count("the template still needs ImagePinner") == 1
    assert "Found 1 problem." in run.err


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Transform: ImagePinner\n", ""),
        ("Transform: ImagePinner # pins\n", ""),
        ("Transform: [ImagePinner]\n", ""),
        ("Transform:\n  - Name: ImagePinner\n    Parameters:\n      Record: None\n", ""),
        ("Transform:\n  Name: ImagePinner\n  Parameters: {Record: Label}\n", ""),
        ("Transform: [ImagePinner, AWS::Serverless-2016-10-31]\n", "Transform: [AWS::Serverless-2016-10-31]\n"),
        ("Transform: [Other, ImagePinner] # x\n", "Transform: [Other] # x\n"),
        (
            "Transform:\n# first\n- ImagePinner\n# second\n- Other # x\n",
            "Transform:\n# first\n# second\n- Other # x\n",
        ),
        ("Transform:\n  - Other\n  - Name: ImagePinner\n    Parameters: {Record: Label}\n", "Transform:\n  - Other\n"),
        ("Transform: Other\n", "Transform: Other\n"),
        ("", ""),
    ],
)
def test_the_macro_is_removed_from_transform(before: str, after: str, tmp_path: Path) -> None:
    text = MARKED.replace("Transform: ImagePinner\n", before)
    path = saved(tmp_path, text)
    expected = image_pinner("pin", str(path)).text.replace(before, after, 1)

    run = image_pinner("pin", "--drop-transform", str(path))

    assert (run.code, run.text) == (0, expected)


@pytest.mark.parametrize(
    ("transform", "macros"),
    [
        ("ImagePinner-v1", "ImagePinner-v1"),
        ("111122223333::ImagePinner", "111122223333::ImagePinner"),
        ("[AWS::Serverless-2016-10-31, Other, {Name: Pinner}]", "Other, Pinner"),
        ("AWS::Serverless-2016-10-31", ""),
        ("[Other, ImagePinner]", ""),
    ],
)
def test_a_macro_of_another_name_stays_with_a_warning(transform: str, macros: str, tmp_path: Path) -> None:
    path = saved(tmp_path, MARKED.replace("Transform: ImagePinner", f"Transform: {transform}"))
    run = image_pinner("pin", "--drop-transform", str(path))
    assert run.code == 0
    warning = (
        f"warning: {path}: nothing was removed from Transform: it calls {macros}, not ImagePinner\nhelp: if one of"
    )
    assert (warning in run.err) == bool(macros)
    assert ("nothing was removed" in run.err) == bool(macros)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"Transform": "ImagePinner",\n  ', ""),
        ('"Transform": ["ImagePinner", "Other"],\n  ', '"Transform": ["Other"],\n  '),
        (
            '"Transform": [\n    "Other",\n    {"Name": "ImagePinner"}\n  ],\n  ',
            '"Transform": [\n    "Other"\n  ],\n  ',
        ),
    ],
)
def test_the_macro_is_removed_from_transform_in_json(before: str, after: str, tmp_path: Path) -> None:
    resources = json.dumps({"T": {"Type": "AWS::SNS::Topic"}})
    path = saved(tmp_path, f'{{\n  {before}"Resources": {resources}\n}}\n', "t.json")

    run = image_pinner("pin", "--drop-transform", "--in-place", str(path))

    assert (run.code, run.err) == (0, "Pinned 0 images (0 skipped).\n")
    assert path.read_text() == f'{{\n  {after}"Resources": {resources}\n}}\n'


def test_a_conversion_has_no_transform_either(tmp_path: Path) -> None:
    run = image_pinner("pin", "--drop-transform", "--output-format", "json", str(saved(tmp_path)))
    assert "Transform" not in json.loads(run.text)
    assert "Resources" in read_source(run.out, "pinned").tree
