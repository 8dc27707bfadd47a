"""Showing an edit as the lines that it changes."""

from __future__ import annotations

import pytest

from image_pinner.cli.documents import corrected_line, read_source
from image_pinner.core.template.edits import Edit, InsertKey, Replace
from image_pinner.core.template.paths import TemplatePath

AT_A = TemplatePath(("A",))
AT_B = TemplatePath(("B",))


@pytest.mark.parametrize(
    ("text", "edit", "expected"),
    [
        ("Z: 1\nA: x # c\nB: y\n", Replace(AT_A, "p"), "A: p # c"),
        ("Z: 1\r\n  \r\nA: x # c\r\nB: y\r\n", Replace(AT_A, "p"), "A: p # c"),
        ("A: !PinDigest x\n", Replace(AT_A, {"Fn::Sub": "!PinDigest x"}), 'A:\n  Fn::Sub: "!PinDigest x"'),
        ("A:\n  Fn::Sub: x\nB: y\n", Replace(AT_A, "p"), "A: p"),
        ("A:\nB: y\n", Replace(AT_A, {"k": "v"}), "A:\n  k: v"),
        ("Z: 1\nA: x\nB: y\n", InsertKey(TemplatePath(), "K", "v", "A"), "K: v"),
        ("A: x", InsertKey(TemplatePath(), "K", {"k": "v"}, "A"), "K:\n  k: v"),
        ("  {A: x, B: y}\n", InsertKey(TemplatePath(), "K", "v", "A"), "  {A: x, K: v, B: y}"),
        ('{\n "A": "x",\n "B": "y"\n}', Replace(AT_B, "p"), ' "B": "p"'),
        ('{\n "A": "x",\n "B": "y"\n}', InsertKey(TemplatePath(), "K", 1, "A"), ' "A": "x",\n "K": 1,'),
        ("A: &x v\nB: *x\n", Replace(AT_A, "p"), "A: &x p"),
        ("A: &x v\nB: *x\n", Replace(AT_B, "p"), "A: &x p"),
    ],
)
def test_the_changed_lines_are_shown_as_they_would_be(text: str, edit: Edit, expected: str) -> None:
    assert corrected_line(read_source(text.encode(), "web.yaml"), edit) == expected
