"""Writing scalars with the necessary quotes, and collections in flow and block style."""

from __future__ import annotations

import pytest
import yaml

from image_pinner.cli.documents.yaml_writer import (
    Indentation,
    is_plain,
    write_block,
    write_flow,
    write_scalar,
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
def test_ambiguous_string_is_quoted(text: str) -> None:
    written = write_scalar(text)
    assert written.startswith('"')
    assert yaml.safe_load(f"a: {written}") == {"a": text}
    assert yaml.safe_load(f"a: {{b: {write_scalar(text, flow=True)}}}") == {"a": {"b": text}}


@pytest.mark.parametrize(
    "text",
    ["nginx", DIGEST, "a b", "a,b", "Fn::Sub", "12 monkeys", "a{b}", "it's", 'say "x"', "${A}/b:c", "é", "1.2.3"],
)
def test_unambiguous_string_stays_plain(text: str) -> None:
    assert write_scalar(text) == text
    assert yaml.safe_load(f"a: {text}") == {"a": text}


@pytest.mark.parametrize("text", ["a:b", "a,b", "a{", "a}", "a[", "a]", "a?b"])
def test_flow_indicators_are_plain_only_outside_of_flow_collections(text: str) -> None:
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
def test_preferred_quotes_are_used_if_possible(text: str, style: str, expected: str) -> None:
    assert write_scalar(text, style) == expected
    assert yaml.safe_load(expected) == text


@pytest.mark.parametrize(
    ("value", "expected"), [(None, "null"), (True, "true"), (3, "3"), (1.5, "1.5"), ([], "[]"), ({}, "{}")]
)
def test_values_that_are_not_strings_are_written_as_json(value: JsonValue, expected: str) -> None:
    assert write_scalar(value, '"') == expected


def test_flow_style_is_one_line() -> None:
    value = {"Fn::If": ["c", {"Fn::Sub": "a, b"}, {"Ref": "AWS::NoValue"}, [], None]}
    text = write_flow(value)
    assert text == '{"Fn::If": [c, {"Fn::Sub": "a, b"}, {Ref: "AWS::NoValue"}, [], null]}'
    assert yaml.safe_load(text) == value


def test_quoted_flow_style_quotes_all_strings() -> None:
    assert write_flow({"a": ["b", 1]}, quoted=True) == '{"a": ["b", 1]}'


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (Indentation(2, 2), ["Fn::If:", "  - c", "  - Fn::Sub:", "      - x", "      - V: {}", '  - "a: b"']),
        (Indentation(4, 0), ["Fn::If:", "- c", "- Fn::Sub:", "  - x", "  - V: {}", '- "a: b"']),
    ],
)
def test_block_style_uses_the_given_indentation(style: Indentation, expected: list[str]) -> None:
    value = {"Fn::If": ["c", {"Fn::Sub": ["x", {"V": {}}]}, "a: b"]}
    assert write_block(value, style) == expected
    assert yaml.safe_load("\n".join(expected)) == value


def test_nested_collections_are_written_in_block_style() -> None:
    value = [["a", {"b": {"c": 1}}], {"d": "e", "f": ["g"]}]
    lines = write_block(value, Indentation(2, 2))
    assert lines == ["- - a", "  - b:", "      c: 1", "- d: e", "  f:", "    - g"]
    assert yaml.safe_load("\n".join(lines)) == value
