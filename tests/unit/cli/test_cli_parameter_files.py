"""Parameter files, in the formats of the AWS CLI and CodePipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from image_pinner.cli.inputs import parse_parameter_file
from image_pinner.core.errors import UnreadableTemplateError
from support.command import image_pinner
from unit.cli.cli_templates import digest, saved

FORMATS = {
    "objects of the AWS CLI": [{"ParameterKey": "Tag", "ParameterValue": "2.0"}],
    "strings of the AWS CLI": ["Tag=2.0"],
    "object of CodePipeline": {
        "Parameters": {"Tag": "2.0"},
        "Tags": {"team": "shop"},
        "StackPolicy": {"Statement": []},
    },
    "names and values": {"Tag": "2.0"},
}


@pytest.mark.parametrize("content", FORMATS.values(), ids=FORMATS)
def test_each_format_sets_the_values(content: Any, tmp_path: Path) -> None:
    file = saved(tmp_path, json.dumps(content), "parameters.json")

    run = image_pinner("pin", str(saved(tmp_path)), "--parameters", str(file))

    assert run.code == 0, run.err
    assert digest("docker.io/shop/web:2.0") in run.text


def test_later_files_and_then_options_take_precedence(tmp_path: Path) -> None:
    files = [saved(tmp_path, json.dumps({"Tag": tag}), f"{tag}.json") for tag in ("2.0", "3.0")]
    options = [part for file in files for part in ("--parameters", str(file))]
    template = str(saved(tmp_path))

    assert digest("docker.io/shop/web:3.0") in image_pinner("pin", template, *options).text
    assert digest("docker.io/shop/web:4.0") in image_pinner("pin", template, *options, "--parameter", "Tag=4.0").text


def test_a_parameter_file_can_be_read_from_standard_input(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), "--parameters", "-", stdin=b'{"Tag": "2.0"}')

    assert digest("docker.io/shop/web:2.0") in run.text


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    file = saved(tmp_path, b"\xef\xbb\xbf" + b'{"Tag": "2.0"}', "parameters.json")

    assert image_pinner("pin", str(saved(tmp_path)), "--parameters", str(file)).code == 0


INVALID = {
    "not JSON": "Tag: 2.0",
    "empty": "",
    "a string": '"Tag=2.0"',
    "a number": "5",
    "null": "null",
    "a list of lists": '[["Tag", "2.0"]]',
    "an entry without value": '[{"ParameterKey": "Tag"}]',
    "an entry without name": '[{"ParameterValue": "2.0"}]',
    "an entry whose name is a number": '[{"ParameterKey": 5, "ParameterValue": "2.0"}]',
    "a string without an equals sign": '["Tag"]',
    "a value that is an object": '{"Tag": {"Ref": "X"}}',
    "a value that is null": '{"Tag": null}',
    "a value that is a list of objects": '{"Tag": [{}]}',
}


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID)
def test_another_format_is_rejected_with_the_name_of_the_file(text: str, tmp_path: Path) -> None:
    file = saved(tmp_path, text, "parameters.json")

    run = image_pinner("pin", str(saved(tmp_path)), "--parameters", str(file))

    assert (run.code, run.out) == (2, b"")
    assert "parameters.json" in run.err
    assert [line.split(": ")[0] for line in run.err.splitlines()] == ["error", "help"]


def test_a_missing_parameter_file_is_reported(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), "--parameters", str(tmp_path / "none.json"))

    assert (run.code, run.out) == (2, b"")
    assert "none.json: no such file or directory" in run.err


def test_an_entry_with_use_previous_value_is_ignored() -> None:
    text = '[{"ParameterKey": "Tag", "UsePreviousValue": true}, {"ParameterKey": "Name", "ParameterValue": "web"}]'

    assert parse_parameter_file(text, "p.json") == {"Name": "web"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, "5"), (1.5, "1.5"), (True, "true"), (False, "false"), ("", ""), ("a=b", "a=b"), (["a", 1], ["a", "1"])],
)
def test_values_become_strings_as_in_cloudformation(value: Any, expected: Any) -> None:
    assert parse_parameter_file(json.dumps({"Name": value}), "p.json") == {"Name": expected}


def test_a_parameter_can_be_named_parameters() -> None:
    assert parse_parameter_file('{"Parameters": "all", "Tag": "1"}', "p.json") == {"Parameters": "all", "Tag": "1"}


def test_a_value_can_contain_an_equals_sign() -> None:
    assert parse_parameter_file('["Tag=a=b"]', "p.json") == {"Tag": "a=b"}


def test_a_list_with_one_invalid_entry_is_rejected() -> None:
    with pytest.raises(UnreadableTemplateError):
        parse_parameter_file('["Tag=1", 5]', "p.json")


def test_booleans_in_lists_become_strings() -> None:
    assert parse_parameter_file('{"A": true, "B": [true, "x", 1]}', "p.json") == {"A": "true", "B": ["true", "x", "1"]}
