"""The encoding of a file, its lines, and positions in it."""

from __future__ import annotations

import codecs

import pytest

from image_pinner.cli.documents.text import (
    JSON_LINE_BREAK,
    MAX_BYTES,
    YAML_LINE_BREAK,
    Position,
    SourceText,
    decode,
)
from image_pinner.core.errors import UnreadableTemplateError

REFUSED = [
    pytest.param(b"", "web.yaml is empty", id="an empty file"),
    pytest.param(b"a" * (MAX_BYTES + 1), "more than the limit of 5,000,000", id="too large"),
    pytest.param("a: b\n".encode("utf-16-le"), "web.yaml: looks like UTF-16", id="UTF-16 without a byte order mark"),
    pytest.param("a: b\n".encode("utf-16-be"), "web.yaml: looks like UTF-16", id="UTF-16 BE without a byte order mark"),
    pytest.param("a: b\n".encode("utf-32-le"), "web.yaml: looks like UTF-16", id="UTF-32 without a byte order mark"),
    pytest.param(b"a: b\nc: \xe9\n", "2:4: byte 0xe9 is not valid UTF-8", id="Latin-1"),
    pytest.param(b"a: b\x00c\n", "1:5: control character 0x00", id="a zero byte"),
    pytest.param(b"a: b\nc: \x1b[0m\n", "2:4: control character 0x1b", id="an escape character"),
    pytest.param(codecs.BOM_UTF16_LE + b"a\x00b", "1:2: byte 0x62 is not valid UTF-16", id="half a character"),
    pytest.param(codecs.BOM_UTF16_LE + b"\x00\xd8a\x00", "is not valid UTF-16", id="half a surrogate pair"),
    pytest.param(codecs.BOM_UTF8 * 2 + b"a: b", "two byte order marks", id="two byte order marks"),
]


@pytest.mark.parametrize(("data", "expected"), REFUSED)
def test_bytes_that_are_not_text_are_refused(data: bytes, expected: str) -> None:
    with pytest.raises(UnreadableTemplateError) as caught:
        decode(data, "web.yaml")
    assert expected in caught.value.cause
    assert caught.value.help


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
@pytest.mark.parametrize("text", ["a: b\n", "é: \U0001f600\r\nx: \u2028\x85\n", "\ufffd: b"])
def test_encoding_round_trip(mark: bytes, codec: str, text: str) -> None:
    data = mark + text.encode(codec)
    read, encoding = decode(data, "web.yaml")
    assert (read, encoding.encode(read)) == (text, data)


def test_file_of_the_maximum_size_is_decoded() -> None:
    assert len(decode(b"a" * MAX_BYTES, "web.yaml")[0]) == MAX_BYTES


def source_of(text: str) -> SourceText:
    return SourceText.of("web.yaml", text, YAML_LINE_BREAK)


def test_line_text_has_no_line_break() -> None:
    source = source_of("a: b\r\nc: d # e\r\n")
    assert (source.line_text(2), source.line_text(3)) == ("c: d # e", "")


def test_line_that_does_not_exist_is_empty() -> None:
    source = source_of("a\nb")
    assert (source.line_text(0), source.line_text(3), source.line_text(-1)) == ("", "", "")


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"])
def test_every_yaml_line_break_ends_a_line(line_break: str) -> None:
    source = source_of(f"ab{line_break}cd")
    assert (source.line_text(1), source.line_text(2)) == ("ab", "cd")
    assert source.position(len("ab" + line_break) + 1) == Position(2, 2)


def test_yaml_only_line_breaks_do_not_end_a_json_line() -> None:
    source = SourceText.of("web.json", '{"a": "\u2028\x85"}\n', JSON_LINE_BREAK)
    assert source.line_text(1) == '{"a": "\u2028\x85"}'


def test_columns_count_characters_and_not_bytes() -> None:
    assert source_of("\U0001f600é: x").position(4) == Position(1, 5)


def test_position_is_formatted_as_line_and_column() -> None:
    assert str(Position(3, 5)) == "3:5"


def test_positions_sort_in_text_order() -> None:
    assert Position(2, 9) < Position(10, 1)


@pytest.mark.parametrize(
    ("text", "index", "expected"),
    [("a\r\nb", 0, "\r\n"), ("a\nb\r\nc", 2, "\r\n"), ("a\nb", 3, "\n"), ("a", 0, "\n"), ("a\rb", 2, "\r")],
)
def test_line_break_is_that_of_the_line_or_else_the_first(text: str, index: int, expected: str) -> None:
    assert source_of(text).line_break(index) == expected


def test_error_names_file_line_and_column() -> None:
    error = source_of("a: b\nc: d").error(5, "it is wrong", "Fix it")
    assert error.diagnostics() == "web.yaml:2:1: it is wrong; help: Fix it"
