"""Patterns of paths."""

from __future__ import annotations

import pytest

from image_pinner.cli.path_patterns import PathPattern


def test_a_hostile_pattern_ends_in_time() -> None:
    pattern = PathPattern.parse_line("**/a/" * 20 + "b")

    assert pattern is not None
    assert not pattern.matches(["a"] * 60, is_directory=False)
    assert pattern.matches([*["a"] * 60, "b"], is_directory=False)


@pytest.mark.parametrize("line", ["", "  ", "# comment", "!", "/", "!/"])
def test_a_line_without_a_pattern_is_skipped(line: str) -> None:
    assert PathPattern.parse_line(line) is None


@pytest.mark.parametrize(
    ("line", "path", "expected"),
    [
        ("a/**", "a", False),
        ("a/**", "a/b/c", True),
        ("**/b", "b", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "x/a/b", False),
        ("*.yaml", "x/y.yaml", True),
        ("/*.yaml", "x/y.yaml", False),
        ("a?b", "a/b", False),
        (r"\#a", "#a", True),
        (r"\!a", "!a", True),
        (r"a\ ", "a ", True),
        ("a  ", "a", True),
        ("[^a].yaml", "b.yaml", True),
    ],
)
def test_a_pattern_matches_as_in_git(line: str, path: str, expected: bool) -> None:  # noqa: FBT001 - the expectation
    pattern = PathPattern.parse_line(line)

    assert pattern is not None
    assert pattern.matches(path.split("/"), is_directory=False) is expected
