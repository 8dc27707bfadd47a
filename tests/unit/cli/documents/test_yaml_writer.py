"""Scalars in the quotes that they need, collections in flow and block style."""

from __future__ import annotations

import pytest
import yaml

from image_pinner.cli.documents.yaml_writer import (
    BlockStyle,
    block_lines,
    flow_text,
    is_plain,
    scalar_text,
)
from image_pinner.core.intrinsics.values import JsonValue

DIGEST = "1111.dkr.ecr.us-east-1.amazonaws.com/app@sha256:9f86"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " a",
        "a ",
        "a: b",
        "a:",
        "a #b",
        "-a",
        "- a",
        "?a",
        ":a",
        "*a",
        "&a",
        "!a",
        "!PinDigest a",
        "%a",
        "@a",
        "`a",
        "'a",
        '"a',
        "|",
        ">",
        "{a",
        "[a",
        ",a",
        "#a",
        "<<",
        "=",
        "~",
        ".5",
        "...",
        "---",
        "null",
        "NULL",
        "yes",
        "y",
        "N",
        "tRUE",
        "On",
        "12",
        "0123",
        "0o17",
        "0x1F",
        "1_000",
        "1.10",
        "1e3",
        "1.5E+3",
        "22:22",
        "2012-10-17",
        "2012-10-17T00:00:00Z",
        "a\nb",
        "a\tb",
        "a\x7fb",
        "a\xa0b",
        "a\u2028b",
        "a\ufeffb",
    ],
)
def test_what_could_be_read_as_something_else_gets_quotes(text: str) -> None:
    written = scalar_text(text)
    assert written.startswith('"')
    assert yaml.safe_load(f"a: {written}") == {"a": text}
    assert yaml.safe_load(f"a: {{b: {scalar_text(text, flow=True)}}}") == {"a": {"b": text}}


@pytest.mark.parametrize(
    "text",
    ["nginx", DIGEST, "a b", "a,b", "Fn::Sub", "12 monkeys", "a{b}", "it's", 'say "x"', "${A}/b:c", "é", "1.2.3"],
)
def test_what_is_certainly_text_stays_plain(text: str) -> None:
    assert scalar_text(text) == text
    assert yaml.safe_load(f"a: {text}") == {"a": text}


@pytest.mark.parametrize("text", ["a:b", "a,b", "a{", "a}", "a[", "a]", "a?b"])
def test_signs_of_flow_collections_are_plain_only_outside_of_them(text: str) -> None:
    assert is_plain(text, flow=False)
    assert not is_plain(text, flow=True)


@pytest.mark.parametrize(
    ("text", "style", "expected"),
    [
        ("a", "'", "'a'"),
        ("it's", "'", "'it''s'"),
        ("", "'", "''"),
        ("a\nb", "'", '"a\\nb"'),
        ("a", '"', '"a"'),
        ('a"\\', '"', '"a\\"\\\\"'),
        ("a", "|", "a"),
        ("\U0001f600é", '"', '"\U0001f600é"'),
        ("\x85\u2029\ufeff\x7f", '"', '"\\u0085\\u2029\\ufeff\\u007f"'),
    ],
)
def test_the_quotes_of_the_old_value_are_kept_where_they_can_be(text: str, style: str, expected: str) -> None:
    assert scalar_text(text, style) == expected
    assert yaml.safe_load(expected) == text


@pytest.mark.parametrize(
    ("value", "expected"), [(None, "null"), (True, "true"), (3, "3"), (1.5, "1.5"), ([], "[]"), ({}, "{}")]
)
def test_values_that_are_no_text_are_written_as_in_json(value: JsonValue, expected: str) -> None:
    assert scalar_text(value, '"') == expected


def test_flow_style_stands_on_one_line() -> None:
    value = {"Fn::If": ["c", {"Fn::Sub": "a, b"}, {"Ref": "AWS::NoValue"}, [], None]}
    text = flow_text(value)
    assert text == '{"Fn::If": [c, {"Fn::Sub": "a, b"}, {Ref: "AWS::NoValue"}, [], null]}'
    assert yaml.safe_load(text) == value


def test_flow_style_beside_quoted_keys_quotes_all_texts() -> None:
    assert flow_text({"a": ["b", 1]}, quoted=True) == '{"a": ["b", 1]}'


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (BlockStyle(2, 2), ["Fn::If:", "  - c", "  - Fn::Sub:", "      - x", "      - V: {}", '  - "a: b"']),
        (BlockStyle(4, 0), ["Fn::If:", "- c", "- Fn::Sub:", "  - x", "  - V: {}", '- "a: b"']),
    ],
)
def test_block_style_indents_as_the_file_does(style: BlockStyle, expected: list[str]) -> None:
    value = {"Fn::If": ["c", {"Fn::Sub": ["x", {"V": {}}]}, "a: b"]}
    assert block_lines(value, style) == expected
    assert yaml.safe_load("\n".join(expected)) == value


def test_lists_in_lists_and_maps_in_maps_are_written_in_block_style() -> None:
    value = [["a", {"b": {"c": 1}}], {"d": "e", "f": ["g"]}]
    lines = block_lines(value, BlockStyle(2, 2))
    assert lines == ["- - a", "  - b:", "      c: 1", "- d: e", "  f:", "    - g"]
    assert yaml.safe_load("\n".join(lines)) == value
