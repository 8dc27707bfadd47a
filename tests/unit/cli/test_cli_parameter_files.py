"""Parameter values in the forms of the AWS CLI, AWS SAM and CodePipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from image_pinner.cli.inputs import read_parameter_file
from image_pinner.cli.parameter_files import parse_overrides, parse_parameter_file, separate_overrides
from image_pinner.core.errors import UnreadableTemplateError
from support.command import image_pinner
from unit.cli.cli_templates import MARKED, digest, saved

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

    assert parse_parameter_file(text, "p.json").values == {"Name": "web"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, "5"), (1.5, "1.5"), (True, "true"), (False, "false"), ("", ""), ("a=b", "a=b"), (["a", 1], ["a", "1"])],
)
def test_values_become_strings_as_in_cloudformation(value: Any, expected: Any) -> None:
    assert parse_parameter_file(json.dumps({"Name": value}), "p.json").values == {"Name": expected}


def test_a_parameter_can_be_named_parameters() -> None:
    assert parse_parameter_file('{"Parameters": "all", "Tag": "1"}', "p.json").values == {
        "Parameters": "all",
        "Tag": "1",
    }


def test_a_value_can_contain_an_equals_sign() -> None:
    assert parse_parameter_file('["Tag=a=b"]', "p.json").values == {"Tag": "a=b"}


def test_a_list_with_one_invalid_entry_is_rejected() -> None:
    with pytest.raises(UnreadableTemplateError):
        parse_parameter_file('["Tag=1", 5]', "p.json")


def test_booleans_in_lists_become_strings() -> None:
    assert parse_parameter_file('{"A": true, "B": [true, "x", 1]}', "p.json").values == {
        "A": "true",
        "B": ["true", "x", "1"],
    }


YAML = {
    "names and values": "Tag: 1.10\nEnabled: yes\nAccount: 012345670123\nSubnets: [a, b]\nEmpty: ''\n",
    "object of CodePipeline": "Parameters: {Tag: 1.10, Enabled: yes, Account: 012345670123, Subnets: [a, b],"
    " Empty: ''}\n",
    "objects of the AWS CLI": (
        "- {ParameterKey: Tag, ParameterValue: 1.10}\n- {ParameterKey: Enabled, ParameterValue: yes}\n"
        "- {ParameterKey: Account, ParameterValue: 012345670123}\n- {ParameterKey: Subnets, ParameterValue: [a, b]}\n"
        "- {ParameterKey: Empty, ParameterValue: ''}\n- {ParameterKey: Old, UsePreviousValue: true}\n"
    ),
}


@pytest.mark.parametrize("text", YAML.values(), ids=YAML)
def test_yaml_values_keep_their_text(text: str) -> None:
    expected = {"Tag": "1.10", "Enabled": "yes", "Account": "012345670123", "Subnets": ["a", "b"], "Empty": ""}

    assert parse_parameter_file(text, "p.yaml").values == expected


def test_json_numbers_keep_their_text() -> None:
    assert parse_parameter_file('{"Tag": 1.10}', "p.json").values == {"Tag": "1.10"}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Tag: 1\nTag: 2\n", "p.yaml:2:1: duplicate key 'Tag'"),
        ("Tag: [1\n", "p.yaml:2:1: "),
        ("Tag:\n", "p.yaml: the value of parameter 'Tag' is neither a string nor a list of strings"),
        ("Tag: !Ref Other\n", "p.yaml: the value of parameter 'Tag' is neither a string nor a list of strings"),
        ("Tag: {a: b}\n", "p.yaml: the value of parameter 'Tag' is neither a string nor a list of strings"),
        ("Tag", "p.yaml is not a parameter file"),
        ("", "p.yaml has no content"),
    ],
)
def test_an_invalid_yaml_file_is_reported_in_one_line(text: str, cause: str) -> None:
    with pytest.raises(UnreadableTemplateError) as caught:
        parse_parameter_file(text, "p.yaml")

    assert caught.value.cause.startswith(cause)
    assert "\n" not in caught.value.cause


SAM = """\
version = 0.1
[default.global.parameters]
stack_name = "shop"
parameter_overrides = "Tag=9 Other=9"
[default.deploy.parameters]
parameter_overrides = "Tag=\\"2.0\\" Name='a b'"
[prod.deploy.parameters]
parameter_overrides = ["Tag=3.0", "ParameterKey=Name,ParameterValue=web"]
[staging.global.parameters]
parameter_overrides = {Tag = "4.0", Count = 1.50}
[empty.deploy.parameters]
region = "eu-west-1"
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("samconfig.toml", {"Tag": "2.0", "Name": "a b"}),
        ("samconfig.toml:default", {"Tag": "2.0", "Name": "a b"}),
        ("samconfig.toml:prod", {"Tag": "3.0", "Name": "web"}),
        ("samconfig.toml:staging", {"Tag": "4.0", "Count": "1.50"}),
    ],
)
def test_the_overrides_of_an_environment_in_samconfig_toml_are_read(
    name: str, expected: dict[str, str], tmp_path: Path
) -> None:
    saved(tmp_path, SAM, "samconfig.toml")

    assert read_parameter_file(str(tmp_path / name)).values == expected


def test_samconfig_yaml_is_read_like_samconfig_toml() -> None:
    text = "version: 0.1\ndefault: {deploy: {parameters: {parameter_overrides: Tag=2.0 Name=web}}}\n"

    assert parse_parameter_file(text, "samconfig.yaml").values == {"Tag": "2.0", "Name": "web"}


@pytest.mark.parametrize(
    ("name", "text", "cause"),
    [
        ("samconfig.toml:dev", SAM, "samconfig.toml has no environment 'dev'"),
        ("samconfig.toml", "version = 0.1", "samconfig.toml has no environment 'default'"),
        ("samconfig.toml:empty", SAM, "samconfig.toml has no parameter_overrides for the environment 'empty'"),
        ("samconfig.toml", "version =", "samconfig.toml is not valid TOML: "),
        (
            "samconfig.toml",
            '[default.deploy.parameters]\nparameter_overrides = "Tag"',
            "samconfig.toml: parameter_overrides 'Tag' is not NAME=VALUE",
        ),
        ("samconfig.yaml", "[]", "samconfig.yaml has no environment 'default'"),
        ("samconfig.toml", "a = " + "[" * 5_000, "samconfig.toml is not valid TOML: "),
    ],
)
def test_an_invalid_file_of_sam_is_reported_with_its_name(name: str, text: str, cause: str) -> None:
    with pytest.raises(UnreadableTemplateError) as caught:
        parse_parameter_file(text, name)

    assert caught.value.cause.startswith(cause)
    assert "\n" not in caught.value.cause


def test_a_missing_environment_is_reported_with_the_ones_there_are() -> None:
    with pytest.raises(UnreadableTemplateError) as caught:
        parse_parameter_file(SAM, "samconfig.toml:dev")

    assert caught.value.help == "pass samconfig.toml:ENVIRONMENT with one of default, prod, staging, empty"


def test_a_file_can_be_named_by_its_url(tmp_path: Path) -> None:
    file = saved(tmp_path, '{"Tag": "2.0"}', "parameters.json")

    for option in ("--parameters", "--parameter-overrides"):
        run = image_pinner("pin", str(saved(tmp_path)), option, f"file://{file}")

        assert digest("docker.io/shop/web:2.0") in run.text


OVERRIDES = {
    "Tag=1 Name=web": {"Tag": "1", "Name": "web"},
    "ParameterKey=Tag,ParameterValue=1 ParameterKey=Name,ParameterValue=web": {"Tag": "1", "Name": "web"},
    "ParameterKey=Subnets,ParameterValue=a\\,b": {"Subnets": "a,b"},
    "ParameterKey=Subnets,ParameterValue='a,b'": {"Subnets": "a,b"},
    "ParameterKey=Tag,UsePreviousValue=true": {"Tag": None},
    "Tag=\"a b\" Name='c d'": {"Tag": "a b", "Name": "c d"},
    'Tag="a \\" b"': {"Tag": 'a " b'},
    "Tag=a\\ b Name=c": {"Tag": "a b", "Name": "c"},
    "Tag=": {"Tag": ""},
    "Tag= Name=web": {"Tag": "", "Name": "web"},
    "Tag=a=b,c": {"Tag": "a=b,c"},
    "Tag=C:\\dir": {"Tag": "C:\\dir"},
    "Tag=hello world": {"Tag": "hello world"},
    'Tag={"a": 1}': {"Tag": '{"a": 1}'},
    "Tag=run --name=x": {"Tag": "run --name=x"},
    "\"Tag\"=1 'Name'=2": {"Tag": "1", "Name": "2"},
    "  Tag=1\n Name=2 ": {"Tag": "1", "Name": "2"},
}


@pytest.mark.parametrize(("word", "expected"), OVERRIDES.items(), ids=OVERRIDES)
def test_overrides_are_read_as_by_the_aws_cli_and_sam(word: str, expected: dict[str, str | None]) -> None:
    assert parse_overrides([word]) == expected


@pytest.mark.parametrize(
    ("word", "cause"),
    [
        ("Tag", "'Tag' is not NAME=VALUE"),
        ("", "'' is not NAME=VALUE"),
        ("=1", "'=[hidden]' is not NAME=VALUE"),
        ("my-tag=1", "'my-tag=[hidden]' is not NAME=VALUE"),
        ("ParameterKey=Tag", "'ParameterKey=[hidden]' is not NAME=VALUE"),
        ("Tag=1 Name=a b", "'Tag=[hidden]' is ambiguous"),
    ],
)
def test_invalid_overrides_are_rejected(word: str, cause: str, tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), "--parameter-overrides", word)

    assert (run.code, run.out) == (2, b"")
    # A value may be a password.
    assert run.err == (
        f"error: --parameter-overrides {cause}\n"
        'help: pass --parameter-overrides NAME=VALUE, and quote values with spaces: NAME="a b"\n'
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--parameter-overrides A=1 B=2 t.yaml", "--parameter-overrides A=1 --parameter-overrides B=2 t.yaml"),
        ("--parameter-overrides=A=1 B=2 --pin All", "--parameter-overrides=A=1 --parameter-overrides B=2 --pin All"),
        ("--parameter-overrides -- A=1 B=2", "--parameter-overrides -- A=1 B=2"),
        ("-- --parameter-overrides A=1 B=2", "-- --parameter-overrides A=1 B=2"),
        ("--parameter A=1 B=2", "--parameter A=1 B=2"),
        ("--parameter-overrides A=1 t.yaml B=2", "--parameter-overrides A=1 t.yaml B=2"),
        ("--parameter-overrides", "--parameter-overrides"),
    ],
)
def test_several_words_can_follow_the_option(arguments: str, expected: str) -> None:
    assert separate_overrides(arguments.split()) == expected.split()


def test_overrides_take_precedence_over_files_and_single_parameters_over_them(tmp_path: Path) -> None:
    file = saved(tmp_path, '{"Tag": "2.0"}', "parameters.json")
    template = saved(tmp_path, MARKED.replace("Tag: {", "Other: {Type: String, Default: x}\n  Tag: {"))
    words = ("--parameters", str(file), "--parameter-overrides", "Other=1", "Tag=3.0", str(template))

    assert digest("docker.io/shop/web:3.0") in image_pinner("pin", *words).text
    assert digest("docker.io/shop/web:4.0") in image_pinner("pin", *words, "--parameter", "Tag=4.0").text
    assert image_pinner("check", *words).code == 0
