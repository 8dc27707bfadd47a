"""Files of parameters: the three shapes that AWS tools use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from image_pinner.cli.inputs import file_parameters
from image_pinner.core.errors import UnreadableTemplateError
from support.command import image_pinner
from unit.cli.cli_templates import digest, saved

SHAPES = {
    "list of the AWS CLI": [{"ParameterKey": "Tag", "ParameterValue": "2.0"}],
    "list of texts of the AWS CLI": ["Tag=2.0"],
    "map of CodePipeline": {"Parameters": {"Tag": "2.0"}, "Tags": {"team": "shop"}, "StackPolicy": {"Statement": []}},
    "plain map": {"Tag": "2.0"},
}


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES)
def test_each_shape_gives_the_values(content: Any, tmp_path: Path) -> None:
    file = saved(tmp_path, json.dumps(content), "parameters.json")

    run = image_pinner("pin", str(saved(tmp_path)), "--parameters", str(file))

    assert run.code == 0, run.err
    assert digest("docker.io/shop/web:2.0") in run.text


def test_a_later_file_outweighs_an_earlier_one_and_a_single_parameter_both(tmp_path: Path) -> None:
    files = [saved(tmp_path, json.dumps({"Tag": tag}), f"{tag}.json") for tag in ("2.0", "3.0")]
    options = [part for file in files for part in ("--parameters", str(file))]
    template = str(saved(tmp_path))

    assert digest("docker.io/shop/web:3.0") in image_pinner("pin", template, *options).text
    assert digest("docker.io/shop/web:4.0") in image_pinner("pin", template, *options, "--parameter", "Tag=4.0").text


def test_a_file_can_come_through_the_standard_input(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), "--parameters", "-", stdin=b'{"Tag": "2.0"}')

    assert digest("docker.io/shop/web:2.0") in run.text


def test_a_byte_order_mark_is_no_part_of_the_json(tmp_path: Path) -> None:
    file = saved(tmp_path, b"\xef\xbb\xbf" + b'{"Tag": "2.0"}', "parameters.json")

    assert image_pinner("pin", str(saved(tmp_path)), "--parameters", str(file)).code == 0


WRONG = {
    "no JSON": "Tag: 2.0",
    "empty": "",
    "a text": '"Tag=2.0"',
    "a number": "5",
    "null": "null",
    "a list of lists": '[["Tag", "2.0"]]',
    "an entry without value": '[{"ParameterKey": "Tag"}]',
    "an entry without name": '[{"ParameterValue": "2.0"}]',
    "an entry whose name is no text": '[{"ParameterKey": 5, "ParameterValue": "2.0"}]',
    "a text without an equals sign": '["Tag"]',
    "a value that is a map": '{"Tag": {"Ref": "X"}}',
    "a value that is null": '{"Tag": null}',
    "a value that is a list of maps": '{"Tag": [{}]}',
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_another_shape_is_refused_by_the_name_of_the_file(text: str, tmp_path: Path) -> None:
    file = saved(tmp_path, text, "parameters.json")

    run = image_pinner("pin", str(saved(tmp_path)), "--parameters", str(file))

    assert (run.code, run.out) == (2, b"")
    assert "parameters.json" in run.err
    assert len(run.err.splitlines()) == 1


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), "--parameters", str(tmp_path / "none.json"))

    assert (run.code, run.out) == (2, b"")
    assert "none.json: no such file or directory" in run.err


def test_a_parameter_that_keeps_its_previous_value_is_left_to_its_default() -> None:
    text = '[{"ParameterKey": "Tag", "UsePreviousValue": true}, {"ParameterKey": "Name", "ParameterValue": "web"}]'

    assert file_parameters(text, "p.json") == {"Name": "web"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(5, "5"), (1.5, "1.5"), (True, "true"), (False, "false"), ("", ""), ("a=b", "a=b"), (["a", 1], ["a", "1"])],
)
def test_values_become_texts_as_cloudformation_holds_them(value: Any, text: Any) -> None:
    assert file_parameters(json.dumps({"Name": value}), "p.json") == {"Name": text}


def test_a_plain_map_can_have_a_parameter_of_the_name_parameters() -> None:
    assert file_parameters('{"Parameters": "all", "Tag": "1"}', "p.json") == {"Parameters": "all", "Tag": "1"}


def test_a_value_can_contain_an_equals_sign() -> None:
    assert file_parameters('["Tag=a=b"]', "p.json") == {"Tag": "a=b"}


def test_a_list_with_one_wrong_entry_is_refused_as_a_whole() -> None:
    with pytest.raises(UnreadableTemplateError):
        file_parameters('["Tag=1", 5]', "p.json")


def test_truth_values_are_written_as_cloudformation_does_in_lists_too() -> None:
    assert file_parameters('{"A": true, "B": [true, "x", 1]}', "p.json") == {"A": "true", "B": ["true", "x", "1"]}
