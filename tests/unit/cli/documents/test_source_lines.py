"""Where a character stands, and what a line says."""

from __future__ import annotations

import pytest

from image_pinner.cli.documents.source_lines import JSON_BREAK, YAML_BREAK, Position, SourceLines


def lines_of(text: str) -> SourceLines:
    return SourceLines.of("web.yaml", text, YAML_BREAK)


def test_a_line_that_does_not_exist_is_empty() -> None:
    lines = lines_of("a\nb")
    assert (lines.line_text(0), lines.line_text(3), lines.line_text(-1)) == ("", "", "")


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"])
def test_each_line_break_of_yaml_ends_a_line(line_break: str) -> None:
    lines = lines_of(f"ab{line_break}cd")
    assert (lines.line_text(1), lines.line_text(2)) == ("ab", "cd")
    assert lines.position(len("ab" + line_break) + 1) == Position(2, 2)


def test_json_lines_do_not_end_where_only_yaml_ends_them() -> None:
    lines = SourceLines.of("web.json", '{"a": "\u2028\x85"}\n', JSON_BREAK)
    assert lines.line_text(1) == '{"a": "\u2028\x85"}'


def test_columns_count_characters_and_not_bytes() -> None:
    assert lines_of("\U0001f600é: x").position(4) == Position(1, 5)


def test_a_position_reads_as_a_person_says_it() -> None:
    assert str(Position(3, 5)) == "line 3, column 5"


def test_positions_sort_as_the_text_runs() -> None:
    assert Position(2, 9) < Position(10, 1)


@pytest.mark.parametrize(
    ("text", "index", "expected"),
    [("a\r\nb", 0, "\r\n"), ("a\nb\r\nc", 2, "\r\n"), ("a\nb", 3, "\n"), ("a", 0, "\n"), ("a\rb", 2, "\r")],
)
def test_the_line_break_to_use_is_that_of_the_line_or_else_the_first(text: str, index: int, expected: str) -> None:
    assert lines_of(text).line_break(index) == expected


def test_an_error_names_file_line_and_column() -> None:
    error = lines_of("a: b\nc: d").unreadable(5, "it is wrong", "Mend it")
    assert error.diagnostics() == "web.yaml, line 2, column 1: it is wrong. Mend it."
