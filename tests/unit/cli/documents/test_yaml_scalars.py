"""What plain words, numbers and tags mean in a template."""

from __future__ import annotations

import pytest

from image_pinner.cli.documents.yaml_scalars import (
    function_of,
    plain_value,
    shown_tag,
    tagged_text,
    typed_value,
)
from image_pinner.core.intrinsics.values import JsonValue

CORE = "tag:yaml.org,2002:"


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        (f"{CORE}binary", "aGk="),
        (f"{CORE}timestamp", "2012-10-17"),
        (f"{CORE}python/object:os.system", "x"),
        (f"{CORE}int", "x"),
        (f"{CORE}int", "012"),
        (f"{CORE}bool", "maybe"),
        (f"{CORE}null", "x"),
        ("tag:example.com,2000:x", "x"),
    ],
)
def test_a_tag_that_means_nothing_or_does_not_fit_is_refused(tag: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"means nothing|does not fit"):
        typed_value(text, tag)


@pytest.mark.parametrize(
    "text",
    [
        "012345670123",
        "012345678901",
        "0123",
        "000400",
        "1_000",
        "1.10",
        "1.",
        ".5",
        "22:22",
        "1:30.5",
        "0x10",
        "0b11",
        "0o17",
        "1e3",
        "1.5e3",
        "1e+20",
        "+1",
        "-0",
        "-0.50",
        "2012-10-17",
        "2012-10-17T00:00:00Z",
        "2012-10-17 00:00:00",
        ".nan",
        ".inf",
        "-.inf",
        "3.14159265358979323846",
        "1" * 5000,
        "=",
        "y",
        "n",
        "TRue",
        "nginx:1.25",
        "-",
        "1.2.3",
        "१२",
    ],
)
def test_what_json_would_print_in_another_way_stays_text(text: str) -> None:
    assert plain_value(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("-1", -1),
        ("256", 256),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("1.25", 1.25),
        ("1.0", 1.0),
        ("-0.5", -0.5),
        ("1.5e-07", 1.5e-07),
        ("yes", True),
        ("On", True),
        ("TRUE", True),
        ("NO", False),
        ("off", False),
        ("false", False),
        ("", None),
        ("~", None),
        ("Null", None),
    ],
)
def test_plain_words_and_numbers_are_those_of_yaml_1_1(text: str, expected: JsonValue) -> None:
    value = plain_value(text)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [("str", "012", "012"), ("str", "", ""), ("int", "12", 12), ("float", "1.5", 1.5), ("bool", "no", False)],
)
def test_the_tags_of_plain_json_values_are_taken(tag: str, text: str, expected: JsonValue) -> None:
    assert typed_value(text, CORE + tag) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("!Sub", "Fn::Sub"),
        ("!Ref", "Ref"),
        ("!Condition", "Condition"),
        ("!PinDigest", "Fn::PinDigest"),
        ("!Transform", "Fn::Transform"),
    ],
)
def test_a_short_form_has_its_long_form(tag: str, expected: str) -> None:
    assert function_of(tag) == expected


@pytest.mark.parametrize(
    ("function", "text", "expected"),
    [
        ("Fn::GetAtt", "Repo.Arn", ["Repo", "Arn"]),
        ("Fn::GetAtt", "Nested.Outputs.Image", ["Nested", "Outputs.Image"]),
        ("Fn::GetAtt", "Repo", ["Repo"]),
        ("Fn::Sub", "a.b", "a.b"),
        ("Ref", "123", "123"),
    ],
)
def test_only_get_att_splits_its_text(function: str, text: str, expected: JsonValue) -> None:
    assert tagged_text(function, text) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [(f"{CORE}set", "!!set"), ("!Sub", "!Sub"), ("tag:example.com,2000:x", "!<tag:example.com,2000:x>")],
)
def test_messages_show_a_tag_as_it_is_written(tag: str, expected: str) -> None:
    assert shown_tag(tag) == expected
