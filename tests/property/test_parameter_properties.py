"""Parameter values survive every form of parameter files and options."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.cli.parameter_files import parse_overrides, parse_parameter_file, separate_overrides
from image_pinner.core.errors import UnreadableTemplateError

NAMES = st.from_regex("[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True).filter(lambda name: name != "ParameterKey")
VALUES = st.text(st.sampled_from("ab1 =,;:'\"\\{}[]#$-_/\t\nñ"), max_size=12)
PARAMETERS = st.dictionaries(NAMES, VALUES, max_size=4)


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def _equals(values: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in values.items()]


def _sam_toml(values: Mapping[str, str]) -> str:
    words = [f"{name}={_quoted(value)}" for name, value in values.items()]
    # A JSON string without escapes above ASCII is a TOML string.
    return f"[prod.deploy.parameters]\nparameter_overrides = {json.dumps(words)}\n"


def _quoted(value: str) -> str:
    """Quote a value as AWS SAM unquotes it; it has no escape for a backslash before a quote."""
    return '"' + value.replace('"', '\\"') + '"'


FILES: dict[str, tuple[str, Callable[[Mapping[str, str]], str]]] = {
    "JSON objects of the AWS CLI": ("p.json", lambda values: json.dumps(_pairs(values))),
    "JSON strings of the AWS CLI": ("p.json", lambda values: json.dumps(_equals(values))),
    "JSON of CodePipeline": ("p.json", lambda values: json.dumps({"Parameters": values})),
    "JSON names and values": ("p.json", json.dumps),
    "YAML objects of the AWS CLI": ("p.yaml", lambda values: yaml.safe_dump(_pairs(values))),
    "YAML strings of the AWS CLI": ("p.yaml", lambda values: yaml.safe_dump(_equals(values))),
    "YAML of CodePipeline": ("p.yaml", lambda values: yaml.safe_dump({"Parameters": dict(values)})),
    "YAML names and values": ("p.yaml", lambda values: yaml.safe_dump(dict(values), default_style='"')),
}


@pytest.mark.parametrize(("name", "render"), FILES.values(), ids=FILES)
@given(values=PARAMETERS.filter(lambda values: "Parameters" not in values))
def test_values_survive_a_file(name: str, render: Callable[[Mapping[str, str]], str], values: dict[str, str]) -> None:
    assert parse_parameter_file(render(values), name).values == values


SAM_VALUES = VALUES.filter(lambda value: "\\" not in value)


@given(values=st.dictionaries(NAMES, SAM_VALUES, max_size=4))
def test_values_survive_samconfig_toml(values: dict[str, str]) -> None:
    assert parse_parameter_file(_sam_toml(values), "samconfig.toml:prod").values == values


@given(values=st.dictionaries(NAMES, SAM_VALUES, min_size=1, max_size=4))
def test_values_survive_one_word_with_quotes(values: dict[str, str]) -> None:
    word = " ".join(f"{name}={_quoted(value)}" for name, value in values.items())
    long = " ".join(f"ParameterKey={name},ParameterValue={_quoted(value)}" for name, value in values.items())

    assert parse_overrides([word]) == values
    assert parse_overrides([long]) == {name: value.replace("\\,", ",") for name, value in values.items()}


PLAIN = st.text(st.sampled_from("ab1=,;:{}[]#$-_/.ñ"), max_size=12)


@given(values=st.dictionaries(NAMES, PLAIN, min_size=1, max_size=4))
def test_several_words_are_read_as_the_aws_cli_reads_them(values: dict[str, str]) -> None:
    arguments = separate_overrides(["--parameter-overrides", *_equals(values), "template.yaml"])

    assert arguments.pop() == "template.yaml"
    assert arguments[::2] == ["--parameter-overrides"] * len(values)
    assert parse_overrides(arguments[1::2]) == values


QUOTABLE = st.text(st.sampled_from("ab1 =,;:{}[]#$-_/.ñ"), max_size=12)


@given(values=st.dictionaries(NAMES, QUOTABLE, min_size=1, max_size=4), quote=st.sampled_from("\"'"))
def test_quoted_values_are_read_as_a_shell_reads_them(values: dict[str, str], quote: str) -> None:
    word = " ".join(f"{name}={quote}{value}{quote}" for name, value in values.items())

    assert parse_overrides([word]) == dict(pair.split("=", 1) for pair in shlex.split(word))


@given(word=st.text(st.sampled_from("Ab1 =,'\"\\\n"), max_size=20))
def test_any_word_is_read_or_rejected(word: str) -> None:
    with suppress(UnreadableTemplateError):
        assert all(name in word for name in parse_overrides([word]))


WORDS = "default deploy parameters parameter_overrides ParameterKey ParameterValue UsePreviousValue Parameters Tag true"
TOKENS = st.sampled_from([*"{}[]:,=-\"'#&*!\n|>?.1 ", *WORDS.split(), "null"])


@given(
    text=st.lists(TOKENS, max_size=25).map("".join),
    name=st.sampled_from(["p.json", "p.yaml", "p", "samconfig.toml", "samconfig.yaml:prod"]),
)
def test_any_file_is_read_or_rejected_in_one_line(text: str, name: str) -> None:
    rejected, values = "", {}
    try:
        values = dict(parse_parameter_file(text, name).values)
    except UnreadableTemplateError as error:
        rejected = error.cause
    assert "\n" not in rejected
    assert all(isinstance(value, str | list) for value in values.values())
