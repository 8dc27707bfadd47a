"""Patterns of paths."""

from __future__ import annotations

import string

import pytest

from image_pinner.cli.path_patterns import PathPattern


def test_a_hostile_pattern_ends_in_time() -> None:
    pattern = PathPattern.parse_line("**/a/" * 20 + "b")

    assert pattern is not None
    assert not pattern.matches(["a"] * 60, is_directory=False)
    assert pattern.matches([*["a"] * 60, "b"], is_directory=False)
    stars = PathPattern.parse_line("*a" * 60 + "b")
    assert stars is not None
    assert not stars.matches(["a" * 240], is_directory=False)


def test_each_class_of_characters_is_that_of_posix() -> None:
    expected = {"alpha": str.isalpha, "digit": str.isdigit, "alnum": str.isalnum, "lower": str.islower}
    expected |= {"upper": str.isupper, "print": str.isprintable, "space": str.isspace}
    expected |= {"xdigit": lambda one: one in string.hexdigits, "punct": lambda one: one in string.punctuation}
    expected |= {"cntrl": lambda one: not one.isprintable(), "blank": lambda one: one in " \t"}
    expected |= {"graph": lambda one: one.isprintable() and one != " "}
    for name, is_member in expected.items():
        pattern = PathPattern.parse_line(f"[[:{name}:]]")
        assert pattern is not None
        found = [chr(number) for number in range(128) if pattern.matches([chr(number)], is_directory=False)]
        # Python also counts the separators of ASCII, from 28 to 31.
        members = [
            one for one in map(chr, range(128)) if is_member(one) and (name != "space" or one not in "\x1c\x1d\x1e\x1f")
        ]
        assert found == members, name


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
        ("[[:digit:]x-].yaml", "1.yaml", True),
        ("[[:digit:]x-].yaml", "-.yaml", True),
        ("[[:digit:]].yaml", "d.yaml", False),
        ("[![:digit:]].yaml", "1.yaml", False),
        ("[[:digits:]].yaml", "1.yaml", False),
        ("[[:digit].yaml", "[.yaml", True),
        ("[]a].yaml", "].yaml", True),
        ("[!]a].yaml", "].yaml", False),
        (r"[\]].yaml", "].yaml", True),
        (r"[a-\c].yaml", "b.yaml", True),
        ("[c-a].yaml", "c.yaml", True),
        ("[c-a].yaml", "b.yaml", False),
        ("[[^].yaml", "^.yaml", True),
        ("[a", "[a", True),
        ("a*b*.yaml", "a-b-c.yaml", True),
        ("a*b*c", "a-b-", False),
        ("a\nb", "a\nb", True),
    ],
)
def test_a_pattern_matches_as_in_git(line: str, path: str, expected: bool) -> None:  # noqa: FBT001 - the expectation
    pattern = PathPattern.parse_line(line)

    assert pattern is not None
    assert pattern.matches(path.split("/"), is_directory=False) is expected
