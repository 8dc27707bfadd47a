"""Keys and elements are deleted with their lines; everything else stays."""

from __future__ import annotations

import pytest

from image_pinner.cli.documents import InPlaceEditError, read_source
from image_pinner.core.template.edits import Delete, InsertKey, Replace
from image_pinner.core.template.paths import Step, TemplatePath


def delete(text: str, *paths: tuple[Step, ...]) -> str:
    document = read_source(text.encode(), "web.yaml")
    return document.apply([Delete(TemplatePath(path)) for path in paths]).decode()


@pytest.mark.parametrize(
    "text",
    ["a: &x 1\nb: *x\n", "x: &x {a: 1, b: 2}\na:\n  <<: *x\n  c: 3\n"],
)
def test_a_value_that_an_alias_needs_is_not_deleted(text: str) -> None:
    path: tuple[Step, ...] = ("a", "b") if "<<" in text else ("a",)
    with pytest.raises(InPlaceEditError, match="cannot edit"):
        delete(text, path)


@pytest.mark.parametrize(
    ("before", "paths", "after"),
    [
        ("a: 1\nb: 2\nc: 3\n", [("a",)], "b: 2\nc: 3\n"),
        ("a: 1\r\nb: 2\r\nc: 3", [("b",)], "a: 1\r\nc: 3"),
        ("a: 1\nb: 2", [("b",)], "a: 1\n"),
        ("# a\na: 1 # x\n\n# b\nb:\n  c: 2\n  # below\n# c\nd: 3\n", [("b",)], "# a\na: 1 # x\n\n# b\n# c\nd: 3\n"),
        ("a: |+\n  x\n\nb: 1\n\n  # deep\nc: 2\n", [("b",)], "a: |+\n  x\n\nc: 2\n"),
        ("a: |\n  x\nb: 1\n    \nc: 2\n", [("b",)], "a: |\n  x\nc: 2\n"),
        ("a:\n- x\n- y # y\n- z\n", [("a", 1)], "a:\n- x\n- z\n"),
        ("a:\n  - k: 1\n    l: 2\n", [("a", 0, "k")], "a:\n  - l: 2\n"),
        ("a:\n  - - x\n    - y\n", [("a", 0, 0)], "a:\n  - - y\n"),
        ("a: [x, y, z] # c\n", [("a", 0)], "a: [y, z] # c\n"),
        ("a: [x, y, z]\n", [("a", 2), ("a", 1)], "a: [x]\n"),
        ("a: {x: 1, y: 2, z: 3}\n", [("a", "y")], "a: {x: 1, z: 3}\n"),
        ("a: {x: 1}\nb: [1]\n", [("a", "x"), ("b", 0)], "a: {}\nb: []\n"),
        ("a:\n  x: 1 # c\nb: 2\n", [("a", "x")], "a: {} # c\nb: 2\n"),
        ("a: !Sub text\nb: 1\n", [("a",)], "b: 1\n"),
        ("? a\n: 1\nb: 2\n", [("a",)], "b: 2\n"),
        ("a:\n- ? k\n  : 1\n  l: 2\n", [("a", 0, "k")], "a:\n- l: 2\n"),
    ],
)
def test_lines_and_elements_are_deleted(before: str, paths: list[tuple[Step, ...]], after: str) -> None:
    assert delete(before, *paths) == after


def test_comments_that_are_removed_are_reported() -> None:
    document = read_source(b"a: 1 # one\nb: 2\n", "web.yaml")
    (lost,) = document.lost_comments([Delete(TemplatePath(("a",)))])
    assert "'# one' at 1:6 is removed" in lost


def test_other_edits_of_the_collection_are_made() -> None:
    document = read_source(b"m:\n  a: 1\n  b: 2\n", "web.yaml")
    edits = [
        Delete(TemplatePath(("m", "a"))),
        Replace(TemplatePath(("m", "b")), 3),
        InsertKey(TemplatePath(("m",)), "c", 4, "a"),
    ]
    assert read_source(document.apply(edits), "again").tree == {"m": {"b": 3, "c": 4}}
