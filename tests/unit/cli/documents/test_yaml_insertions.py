"""New keys in YAML files: their position and indentation."""

from __future__ import annotations

import pytest

from image_pinner.cli.documents import read_source
from image_pinner.core.intrinsics.values import JsonValue
from image_pinner.core.template.edits import InsertKey, Replace
from image_pinner.core.template.paths import Step, TemplatePath


def edited(text: str, *steps: Step, key: str = "K", value: JsonValue = "v:1", after: str = "A") -> str:
    document = read_source(text.encode(), "web.yaml")
    return document.apply((InsertKey(TemplatePath(steps), key, value, after),)).decode()


BLOCK = [
    ("A: x\nB: y\n", "A: x\nK: v:1\nB: y\n"),
    ("B: y\nA: x", "B: y\nA: x\nK: v:1"),
    ("A: x # c\n# d\nB: y\n", "A: x # c\nK: v:1\n# d\nB: y\n"),
    ("A: x\n\n\n# d\nB: y\n", "A: x\nK: v:1\n\n\n# d\nB: y\n"),
    ("A:\n  k: [1,\n  2] # c\nB: y\n", "A:\n  k: [1,\n  2] # c\nK: v:1\nB: y\n"),
    ("A:\n  k:\n    - l: x\n      m: # c\n\n# d\nB: y\n", "A:\n  k:\n    - l: x\n      m: # c\nK: v:1\n\n# d\nB: y\n"),
    ("A:\n  k: l\n  # about k\n# about B\nB: y\n", "A:\n  k: l\n  # about k\nK: v:1\n# about B\nB: y\n"),
    ("A:\nB: y\n", "A:\nK: v:1\nB: y\n"),
    ("A:   # c\nB: y\n", "A:   # c\nK: v:1\nB: y\n"),
    ("A: 'x\n  y'\nB: y\n", "A: 'x\n  y'\nK: v:1\nB: y\n"),
    ("A:\n- x\n- y\nB: y\n", "A:\n- x\n- y\nK: v:1\nB: y\n"),
    ("A: !If\n  - !Ref B # c\n", "A: !If\n  - !Ref B # c\nK: v:1\n"),
    ("A: x\r\nB: y\r\n", "A: x\r\nK: v:1\r\nB: y\r\n"),
    ("A: x\rB: y\r", "A: x\rK: v:1\rB: y\r"),
    ("A: x\x85B: y\x85", "A: x\x85K: v:1\x85B: y\x85"),
    ("? A\n: x\nB: y\n", "? A\n: x\nK: v:1\nB: y\n"),
    ("? &k A\n: - x\n  - y\n", "? &k A\n: - x\n  - y\nK: v:1\n"),
    ("A: x\n...\n", "A: x\nK: v:1\n...\n"),
    ("A: \U0001f600 # \U0001f600\n", "A: \U0001f600 # \U0001f600\nK: v:1\n"),
]


@pytest.mark.parametrize(("text", "expected"), BLOCK)
def test_new_key_follows_the_last_line_of_the_previous_value(text: str, expected: str) -> None:
    assert edited(text) == expected


BLOCK_SCALARS = [
    ("A: |\n  x\n\nB: y\n", "A: |\n  x\nK: v:1\n\nB: y\n"),
    ("A: >-\n  x\n  y", "A: >-\n  x\n  y\nK: v:1"),
    ("A: |+\n  x\n\n\nB: y\n", "A: |+\n  x\n\n\nK: v:1\nB: y\n"),
    ("A: |+\n  x\n\n", "A: |+\n  x\n\nK: v:1\n"),
    ("A: |+\n  x\n", "A: |+\n  x\nK: v:1\n"),
    ("A: |\n  x", "A: |-\n  x\nK: v:1"),
    ("A: >2+\n   x", "A: >2-\n   x\nK: v:1"),
    ("A: !Sub | # c\n  x", "A: !Sub |- # c\n  x\nK: v:1"),
    ("A: |\nB: y\n", "A: |\nK: v:1\nB: y\n"),
    ("A: | # c\n  # text\n# d\nB: y\n", "A: | # c\n  # text\nK: v:1\n# d\nB: y\n"),
]


@pytest.mark.parametrize(("text", "expected"), BLOCK_SCALARS)
def test_new_key_after_a_block_scalar_keeps_its_text(text: str, expected: str) -> None:
    assert edited(text) == expected


@pytest.mark.parametrize(
    ("text", "steps", "expected"),
    [
        ("L:\n  - A: x\n    B: y\n", ("L", 0), "L:\n  - A: x\n    K: v:1\n    B: y\n"),
        ("L:\n- A: x\n- A: y\n", ("L", 0), "L:\n- A: x\n  K: v:1\n- A: y\n"),
        ("L:\n  -   A: x\n", ("L", 0), "L:\n  -   A: x\n      K: v:1\n"),
        ("L:\n  - - A: x\n", ("L", 0, 0), "L:\n  - - A: x\n      K: v:1\n"),
        ("L:\n  - &a\n    A: x\n", ("L", 0), "L:\n  - &a\n    A: x\n    K: v:1\n"),
        ("L:\n  - ? A\n    : x\n", ("L", 0), "L:\n  - ? A\n    : x\n    K: v:1\n"),
        ("L: !PinDigest\n     A: x\n", ("L", "Fn::PinDigest"), "L: !PinDigest\n     A: x\n     K: v:1\n"),
    ],
)
def test_new_key_is_indented_like_its_siblings(text: str, steps: tuple[Step, ...], expected: str) -> None:
    assert edited(text, *steps) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("M:\n    A: x\n", "M:\n    A: x\n    K:\n        k: v\n        l:\n            - w\n"),
        ("M:\n A: x\n L:\n - 1\n", "M:\n A: x\n K:\n  k: v\n  l:\n  - w\n L:\n - 1\n"),
        ("M: {A: x}\n", "M: {A: x, K: {k: v, l: [w]}}\n"),
    ],
)
def test_new_mapping_is_indented_like_the_file(text: str, expected: str) -> None:
    assert edited(text, "M", value={"k": "v", "l": ["w"]}) == expected


FLOW = [
    ("M: {A: x, B: y}\n", 'M: {A: x, K: "v:1", B: y}\n'),
    ("M: { A: x }\n", 'M: { A: x, K: "v:1" }\n'),
    ("M: {A}\n", 'M: {A, K: "v:1"}\n'),
    ("M: {A: , B}\n", 'M: {A: , K: "v:1" , B}\n'),
    ("M: {A: x,}\n", 'M: {A: x, K: "v:1",}\n'),
    ('M: {"A": "x"}\n', 'M: {"A": "x", "K": "v:1"}\n'),
    ("M: {A: {k: [1]}, B: y}\n", 'M: {A: {k: [1]}, K: "v:1", B: y}\n'),
    ("M: {\n  A: x, # c\n  B: y # d\n}\n", 'M: {\n  A: x, # c\n  K: "v:1",\n  B: y # d\n}\n'),
    ("M: {\n  B: y,\n  A: x # c\n}\n", 'M: {\n  B: y,\n  A: x, # c\n  K: "v:1"\n}\n'),
    ("M: {\n  B: y\n  , A: x\n}\n", 'M: {\n  B: y\n  , A: x, K: "v:1"\n}\n'),
    ("M: {\n  A: # c\n}\n", 'M: {\n  A: , # c\n  K: "v:1"\n}\n'),
    ("M: {\n  A: x }\n", 'M: {\n  A: x, K: "v:1" }\n'),
    ('{\n\t"A": "x",\n\t"B": 1,\n}\n', None),
]


@pytest.mark.parametrize(("text", "expected"), FLOW)
def test_new_key_in_flow_style_follows_a_comma(text: str, expected: str | None) -> None:
    steps = ("M",) if text.startswith("M") else ()
    assert edited(text, *steps) == (expected or '{\n\t"A": "x",\n\t"K": "v:1",\n\t"B": 1,\n}\n')


@pytest.mark.parametrize(("text", "expected"), [("M: {}\n", 'M: {K: "v:1"}\n'), ("M: !X { }\n", 'M: !X {K: "v:1" }\n')])
def test_first_key_of_an_empty_mapping(text: str, expected: str) -> None:
    steps = ("M", "Fn::X") if "!X" in text else ("M",)
    assert edited(text, *steps) == expected


def test_mapping_without_braces_gets_braces() -> None:
    assert edited("L: [A: x, y]\n", "L", 0) == 'L: [{A: x, K: "v:1"}, y]\n'


def test_new_key_next_to_a_short_form_makes_it_a_long_form() -> None:
    assert edited("M: !Sub x\n", "M", after="Fn::Sub") == "M:\n  Fn::Sub: x\n  K: v:1\n"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a: b", '"a: b"'),
        ("yes", '"yes"'),
        ("image-pinner.source", "image-pinner.source"),
        ("012", '"012"'),
        ("", '""'),
    ],
)
def test_new_key_is_quoted_if_necessary(key: str, expected: str) -> None:
    assert edited("A: x\n", key=key) == f"A: x\n{expected}: v:1\n"


def test_several_keys_are_ordered_as_if_inserted_one_by_one() -> None:
    document = read_source(b"A: x\nB: y\n", "web.yaml")
    edits = [InsertKey(TemplatePath(), key, key, after) for key, after in ("1A", "2A", "31", "4B", "54")]
    lines = document.apply(edits).decode().splitlines()
    assert [line[:3].strip('": ') for line in lines] == ["A", "2", "1", "3", "B", "4", "5"]


def test_new_keys_of_nested_mappings_that_end_together_are_written_innermost_first() -> None:
    document = read_source(b"A:\n  B:\n    C: x", "web.yaml")
    edits = [
        InsertKey(TemplatePath(steps), "K", 1, after) for steps, after in (((), "A"), (("A", "B"), "C"), (("A",), "B"))
    ]
    assert document.apply(edits) == b"A:\n  B:\n    C: x\n    K: 1\n  K: 1\nK: 1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L:\n- Image: !Sub x # c\n", 'L:\n- Image: p # c\n  DockerLabels:\n    s: "x:1"\n'),
        ("L:\n- Image:\n    Fn::Sub: x # c\n", 'L:\n- Image: p # c\n  DockerLabels:\n    s: "x:1"\n'),
        ("L:\n- Image: |\n    x", 'L:\n- Image: p\n  DockerLabels:\n    s: "x:1"'),
        ("L:\n- Image:", 'L:\n- Image: p\n  DockerLabels:\n    s: "x:1"'),
        ("L: [{Image: }]\n", 'L: [{Image: p, DockerLabels: {s: "x:1"} }]\n'),
        ("L:\n- Image: [x, # c\n    y] # d\n", 'L:\n- Image: p # c\n    # d\n  DockerLabels:\n    s: "x:1"\n'),
    ],
)
def test_image_and_label_are_written_together(text: str, expected: str) -> None:
    document = read_source(text.encode(), "web.yaml")
    container = TemplatePath(("L", 0))
    edits = (
        InsertKey(container, "DockerLabels", {"s": "x:1"}, "Image"),
        Replace(container.child("Image"), "p"),
    )
    assert document.apply(edits).decode() == expected.replace('"x:1"', "x:1") if "[{" not in text else expected


def test_new_key_removes_no_comment() -> None:
    document = read_source(b"A: [x, # c\n  y]\n", "web.yaml")
    assert document.lost_comments((InsertKey(TemplatePath(), "K", 1, "A"),)) == ()
