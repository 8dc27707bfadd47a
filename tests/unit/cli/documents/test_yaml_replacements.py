"""New values in YAML files: which bytes change, and which comments are kept."""

from __future__ import annotations

import pytest

from image_pinner.cli.documents import read_source
from image_pinner.core.intrinsics.values import JsonValue
from image_pinner.core.template.edits import Replace
from image_pinner.core.template.paths import Step, TemplatePath

PINNED = "repo@sha256:aa"
MAPPING = {"Fn::If": ["c", {"Fn::Sub": "a b"}, "x: y"]}


def edited(text: str, value: JsonValue, *steps: Step) -> str:
    document = read_source(text.encode(), "web.yaml")
    return document.apply((Replace(TemplatePath(steps or ("A",)), value),)).decode()


SCALARS = [
    ("A: x\nB: y\n", "A: repo@sha256:aa\nB: y\n"),
    ("A: x", "A: repo@sha256:aa"),
    ("A:   x   # c\n", "A:   repo@sha256:aa   # c\n"),
    ("A: 'x' # c\n", "A: 'repo@sha256:aa' # c\n"),
    ('A: "x"\t# c\n', 'A: "repo@sha256:aa"\t# c\n'),
    ('A: "x\n  y" # c\nB: 1\n', 'A: "repo@sha256:aa" # c\nB: 1\n'),
    ("A: x\n  y\n\n  z # c\nB: 1\n", "A: repo@sha256:aa # c\nB: 1\n"),
    ("A: 012345\n", "A: repo@sha256:aa\n"),
    ("A:\nB: 1\n", "A: repo@sha256:aa\nB: 1\n"),
    ("A:", "A: repo@sha256:aa"),
    ("A: # c\nB: 1\n", "A: repo@sha256:aa # c\nB: 1\n"),
    ("A: ~ # c\n", "A: repo@sha256:aa # c\n"),
    ("A:\n  # c\n  x # d\nB: 1\n", "A:\n  # c\n  repo@sha256:aa # d\nB: 1\n"),
    ("A:\n  !Sub x\nB: 1\n", "A:\n  repo@sha256:aa\nB: 1\n"),
    ("? A\n: x # c\n", "? A\n: repo@sha256:aa # c\n"),
    ('"A" : x\n', '"A" : repo@sha256:aa\n'),
    ("A: ! x # c\n", "A: repo@sha256:aa # c\n"),
    ("A: !!str x # c\n", "A: repo@sha256:aa # c\n"),
    ("A: x\r\nB: y\r\n", "A: repo@sha256:aa\r\nB: y\r\n"),
    ("A: x\rB: y\r", "A: repo@sha256:aa\rB: y\r"),
    ("A: x\x85B: \u2028C: y", "A: repo@sha256:aa\x85B: \u2028C: y"),
    ("E: \U0001f600 # \U0001f600\nA: x\nF: \U0001f600", "E: \U0001f600 # \U0001f600\nA: repo@sha256:aa\nF: \U0001f600"),
    ("--- # c\nA: x\n...\n# d\n", "--- # c\nA: repo@sha256:aa\n...\n# d\n"),
]


@pytest.mark.parametrize(("text", "expected"), SCALARS)
def test_only_the_scalar_changes(text: str, expected: str) -> None:
    assert edited(text, PINNED) == expected


BLOCK_SCALARS = [
    ("A: |\n  x\nB: 1\n", "A: repo@sha256:aa\nB: 1\n"),
    ("A: | # c\n  x\n\n\nB: 1\n", "A: repo@sha256:aa # c\n\n\nB: 1\n"),
    ("A: >-\n  x\n  y\n# c\nB: 1\n", "A: repo@sha256:aa\n# c\nB: 1\n"),
    ("A: |+\n  x\n\n\nB: 1\n", "A: repo@sha256:aa\n\n\nB: 1\n"),
    ("A: |2\n   x", "A: repo@sha256:aa"),
    ("A: !Sub |\n  x\r\n  y\r\nB: 1\r\n", "A: repo@sha256:aa\r\nB: 1\r\n"),
    ("A: &a !Sub >\n  x\nB: 1\n", "A: &a repo@sha256:aa\nB: 1\n"),
    ("A: |\n\n\nB: 1\n", "A: repo@sha256:aa\n\n\nB: 1\n"),
    ("A: |\n  # no comment\n  x\nB: 1\n", "A: repo@sha256:aa\nB: 1\n"),
]


@pytest.mark.parametrize(("text", "expected"), BLOCK_SCALARS)
def test_lines_after_a_block_scalar_are_kept(text: str, expected: str) -> None:
    assert edited(text, PINNED) == expected


TAGGED = [
    ("A: !Sub x # c\n", "A: repo@sha256:aa # c\n"),
    ('A: !Sub   "x" # c\n', 'A: "repo@sha256:aa" # c\n'),
    ("A: !PinDigest 'x'\n", "A: 'repo@sha256:aa'\n"),
    ("A: !PinDigest\nB: 1\n", "A: repo@sha256:aa\nB: 1\n"),
    ("A: &a !Sub x\n", "A: &a repo@sha256:aa\n"),
    ("A: !Sub &a x\n", "A: &a repo@sha256:aa\n"),
    ("A: &a  x\n", "A: &a repo@sha256:aa\n"),
    ("A: &a\nB: 1\n", "A: &a repo@sha256:aa\nB: 1\n"),
    ("A: !<!PinDigest> x\n", "A: repo@sha256:aa\n"),
    ("A: !If [c, !Ref B, x] # c\n", "A: repo@sha256:aa # c\n"),
    ("A: !GetAtt Repo.Uri\n", "A: repo@sha256:aa\n"),
    ("A: !Sub # c\n  x\nB: 1\n", "A: repo@sha256:aa # c\nB: 1\n"),
    ("A: !PinDigest\n  Image: x\n  Platform: y # c\nB: 1\n", "A: repo@sha256:aa # c\nB: 1\n"),
    ("A: !If # c\n  # d\n  - x\n  - y # e\nB: 1\n", "A: repo@sha256:aa # c\n  # d\n  # e\nB: 1\n"),
    ("A: !If\n- x\n- y\nB: 1\n", "A: repo@sha256:aa\nB: 1\n"),
    ("A:\n  !If\n  - x\nB: 1\n", "A: repo@sha256:aa\nB: 1\n"),
]


@pytest.mark.parametrize(("text", "expected"), TAGGED)
def test_tag_is_replaced_and_anchor_is_kept(text: str, expected: str) -> None:
    assert edited(text, PINNED) == expected


COLLECTIONS = [
    ("A:\n  Fn::Sub: x\nB: 1\n", "A: repo@sha256:aa\nB: 1\n"),
    ("A:\n  Fn::Sub: x # c\n# d\nB: 1\n", "A: repo@sha256:aa # c\n# d\nB: 1\n"),
    ("A: # c\n  Fn::Sub: x\nB: 1\n", "A: repo@sha256:aa # c\nB: 1\n"),
    ("A: # c\n  Fn::Sub: x # d\nB: 1\n", "A: repo@sha256:aa # c\n  # d\nB: 1\n"),
    (
        "A:\n  # c\n  Fn::Join: # d\n    - ''\n    # e\n    - [x, # f\n       y] # g\n\n# h\nB: 1\n",
        "A: repo@sha256:aa\n  # c\n  # d\n    # e\n  # f\n  # g\n\n# h\nB: 1\n",
    ),
    ("A:\n- x\n- y\nB: 1\n", "A: repo@sha256:aa\nB: 1\n"),
    ("A:\n  Fn::Sub: |\n    x\n\nB: 1\n", "A: repo@sha256:aa\n\nB: 1\n"),
    ("A: &a\n  Fn::Sub: x\nB: 1\n", "A: &a repo@sha256:aa\nB: 1\n"),
    ("A: {Fn::Sub: x} # c\n", "A: repo@sha256:aa # c\n"),
    ("A: [x, # c\n  y] # d\nB: 1\n", "A: repo@sha256:aa # c\n  # d\nB: 1\n"),
    ("A:\n  k:\n    l:\nB: 1\n", "A: repo@sha256:aa\nB: 1\n"),
    ("A:\n  &k k: 1\nB: 1\n", "A: repo@sha256:aa\nB: 1\n"),
    ("A:\n  k: '# no comment'\nB: 1\n", "A: repo@sha256:aa\nB: 1\n"),
    ("A:\n  Fn::Sub: x # c\r\n  # d\r\nB: 1\r\n", "A: repo@sha256:aa # c\r\n  # d\r\nB: 1\r\n"),
]


@pytest.mark.parametrize(("text", "expected"), COLLECTIONS)
def test_collection_is_replaced_by_a_scalar_and_comments_are_kept(text: str, expected: str) -> None:
    assert edited(text, PINNED) == expected


IN_SEQUENCES = [
    ("A:\n  - x # c\n  - y\n", "A:\n  - repo@sha256:aa # c\n  - y\n"),
    ("A:\n- 'x'\n", "A:\n- 'repo@sha256:aa'\n"),
    ("A:\n  -\n  - y\n", "A:\n  - repo@sha256:aa\n  - y\n"),
    ("A:\n  - # c\n    k: v\n  - y\n", "A:\n  - repo@sha256:aa # c\n  - y\n"),
    ("A:\n  - k: v # c\n    l: w\n  - y\n", "A:\n  - repo@sha256:aa # c\n  - y\n"),
    ("A:\n  # c - d\n  - &a !Sub x\n  - y\n", "A:\n  # c - d\n  - &a repo@sha256:aa\n  - y\n"),
    ("A:\n  - - x\n  - y\n", "A:\n  - repo@sha256:aa\n  - y\n"),
    ("A: [x, y]\n", 'A: ["repo@sha256:aa", y]\n'),
    ("A: [ a:b , y ]\n", "A: [ repo@sha256:aa , y ]\n"),
]


@pytest.mark.parametrize(("text", "expected"), IN_SEQUENCES)
def test_sequence_item_is_replaced_after_its_dash(text: str, expected: str) -> None:
    assert edited(text, PINNED, "A", 0) == expected


IN_FLOW = [
    ("{A: x, B: 1}\n", '{A: "repo@sha256:aa", B: 1}\n'),
    ("{A: x:y, B: 1}\n", "{A: repo@sha256:aa, B: 1}\n"),
    ("{A: 'x', B: 1}\n", "{A: 'repo@sha256:aa', B: 1}\n"),
    ('{"A":"x","B":1,}\n', '{"A":"repo@sha256:aa","B":1,}\n'),
    ('{"A":{"Fn::Sub": "x"},"B":1,}\n', '{"A":"repo@sha256:aa","B":1,}\n'),
    ("{A: , B: 1}\n", '{A: "repo@sha256:aa" , B: 1}\n'),
    ("{A, B: 1}\n", '{A: "repo@sha256:aa", B: 1}\n'),
    ("{A: !Sub x, B: 1}\n", '{A: "repo@sha256:aa", B: 1}\n'),
    ("{A: !Sub , B: 1}\n", '{A: "repo@sha256:aa" , B: 1}\n'),
    ("{A: &a x, B: 1}\n", '{A: &a "repo@sha256:aa", B: 1}\n'),
    ("{A: {Fn::Join: ['', [x]]}, B: 1}\n", '{A: "repo@sha256:aa", B: 1}\n'),
    ("{\n  A: x, # c\n  B: 1 # d\n}\n", '{\n  A: "repo@sha256:aa", # c\n  B: 1 # d\n}\n'),
]


@pytest.mark.parametrize(("text", "expected"), IN_FLOW)
def test_value_in_flow_style_is_quoted_for_older_readers(text: str, expected: str) -> None:
    assert edited(text, PINNED) == expected


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("A: x\n", "a: b", 'A: "a: b"\n'),
        ("A: x\n", "012345", 'A: "012345"\n'),
        ("A: x\n", "", 'A: ""\n'),
        ("A: 'x'\n", "it's", "A: 'it''s'\n"),
        ("A: 'x'\n", "a\nb", 'A: "a\\nb"\n'),
        ("A: x\n", "\x85\u2028\ufeff\U0001f600", 'A: "\\u0085\\u2028\\ufeff\U0001f600"\n'),
        ("A: x\n", 12, "A: 12\n"),
        ("A: 'x'\n", None, "A: null\n"),
        ("A: x\n", False, "A: false\n"),
        ("A: x # c\n", {}, "A: {} # c\n"),
        ("A:\n  k: v # c\n", [], "A: [] # c\n"),
        ("{A: x:y}\n", "a,b", '{A: "a,b"}\n'),
        ("{A: x:y}\n", 3, "{A: 3}\n"),
    ],
)
def test_value_is_written_with_the_necessary_quotes(text: str, value: JsonValue, expected: str) -> None:
    assert edited(text, value) == expected


MAPPINGS = [
    (
        "A: x # c\nB: 1\n",
        'A: # c\n  Fn::If:\n    - c\n    - Fn::Sub: a b\n    - "x: y"\nB: 1\n',
    ),
    ("A: !Sub x", 'A:\n  Fn::If:\n    - c\n    - Fn::Sub: a b\n    - "x: y"'),
    ("A:\nB: 1\n", 'A:\n  Fn::If:\n    - c\n    - Fn::Sub: a b\n    - "x: y"\nB: 1\n'),
    ("A: | # c\n  x\n\nB: 1\n", 'A: # c\n  Fn::If:\n    - c\n    - Fn::Sub: a b\n    - "x: y"\n\nB: 1\n'),
    ("A: &a x # c\nB: 1\n", 'A: &a # c\n  Fn::If:\n    - c\n    - Fn::Sub: a b\n    - "x: y"\nB: 1\n'),
    (
        "A:\n    k: v # c\n    # d\n    l: w # e\nB:\n- 1\n",
        'A:\n    # c\n    # d\n    Fn::If:\n    - c\n    - Fn::Sub: a b\n    - "x: y" # e\nB:\n- 1\n',
    ),
    (
        "A: !If\n- x\n- y\nB: 1\n",
        'A: !If\n- c\n- Fn::Sub: a b\n- "x: y"\nB: 1\n',
    ),
    ("A: x\r\nB: 1\r\n", 'A:\r\n  Fn::If:\r\n    - c\r\n    - Fn::Sub: a b\r\n    - "x: y"\r\nB: 1\r\n'),
    ("{A: x, B: 1}\n", '{A: {"Fn::If": [c, {"Fn::Sub": a b}, "x: y"]}, B: 1}\n'),
    ('{"A": "x", "B": 1,}\n', '{"A": {"Fn::If": ["c", {"Fn::Sub": "a b"}, "x: y"]}, "B": 1,}\n'),
]


@pytest.mark.parametrize(("text", "expected"), MAPPINGS)
def test_mapping_is_written_in_the_style_of_its_context(text: str, expected: str) -> None:
    assert edited(text, MAPPING) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A:\n  - x # c\n  - y\n", "A:\n  - k: v\n    l: w # c\n  - y\n"),
        ("A:\n- k: 1\n  l: 2\n- y\n", "A:\n- k: v\n  l: w\n- y\n"),
        ("A:\n  - &a x\n  - y\n", "A:\n  - &a\n    k: v\n    l: w\n  - y\n"),
        ("A:\n  -\n  - y\n", "A:\n  -\n    k: v\n    l: w\n  - y\n"),
        ("A:\n  - # c\n    k: 1\n", "A:\n  - # c\n    k: v\n    l: w\n"),
        ("A: [x, y]\n", "A: [{k: v, l: w}, y]\n"),
    ],
)
def test_mapping_in_a_sequence_begins_on_the_line_of_its_dash(text: str, expected: str) -> None:
    assert edited(text, {"k": "v", "l": "w"}, "A", 0) == expected


INSIDE = [
    ('A: !Sub "!PinDigest ${A}" # c\n', "Fn::Sub", "${A}", 'A: !Sub "${A}" # c\n'),
    ("A: !Sub  'x'\n", "Fn::Sub", "y", "A: !Sub  'y'\n"),
    ("A: &a !Sub x\n", "Fn::Sub", "z", "A: &a !Sub z\n"),
    ("A: !PinDigest\nB: 1\n", "Fn::PinDigest", "z", "A: !PinDigest z\nB: 1\n"),
    ("A: !Sub |\n  x\nB: 1\n", "Fn::Sub", "z", "A: !Sub z\nB: 1\n"),
    ("A: !Sub # c\n  x\nB: 1\n", "Fn::Sub", "z", "A: !Sub z # c\nB: 1\n"),
    ("A: !If # c\n  - x # d\nB: 1\n", "Fn::If", "z", "A: !If z # c\n  # d\nB: 1\n"),
    ("{A: !Sub x, B: 1}\n", "Fn::Sub", "z", "{A: !Sub z, B: 1}\n"),
    ("A: !Sub x # c\n", "Fn::Sub", ["z", {"V": "w"}], "A: !Sub # c\n  - z\n  - V: w\n"),
    ("A: !If [x, y]\n", "Fn::If", ["z"], "A: !If\n  - z\n"),
    ("{A: !If [x, y]}\n", "Fn::If", ["z"], "{A: !If [z]}\n"),
    ("A: !Sub x\n", "Fn::Sub", 5, "A:\n  Fn::Sub: 5\n"),
    ("A: !GetAtt a.b\n", "Fn::GetAtt", ["c", "d"], "A: !GetAtt\n  - c\n  - d\n"),
    ("A: !GetAtt a.b\n", "Fn::GetAtt", "c.d", "A:\n  Fn::GetAtt: c.d\n"),
]


@pytest.mark.parametrize(("text", "function", "value", "expected"), INSIDE)
def test_tag_is_kept_if_the_new_argument_allows_it(text: str, function: str, value: JsonValue, expected: str) -> None:
    assert edited(text, value, "A", function) == expected


def test_branch_of_a_short_form_is_replaced_alone() -> None:
    text = "A: !If\n  - c # x\n  - !Sub 'y' # z\n  - !Ref D\n"
    assert edited(text, PINNED, "A", "Fn::If", 1) == "A: !If\n  - c # x\n  - 'repo@sha256:aa' # z\n  - !Ref D\n"


def test_edit_of_one_part_of_a_dotted_get_att_writes_the_long_form() -> None:
    assert edited("A: !GetAtt a.b\n", "c", "A", "Fn::GetAtt", 0) == "A:\n  Fn::GetAtt:\n    - c\n    - b\n"


def test_both_parts_of_a_dotted_get_att_are_replaced_together() -> None:
    document = read_source(b"A: !GetAtt a.b\n", "web.yaml")
    parts = [Replace(TemplatePath(("A", "Fn::GetAtt", index)), value) for index, value in enumerate("cd")]
    assert document.apply(parts) == b"A:\n  Fn::GetAtt:\n    - c\n    - d\n"


def test_whole_template_can_be_replaced() -> None:
    document = read_source(b"# c\nA: x\nB: y\n# d\n", "web.yaml")
    assert document.apply((Replace(TemplatePath(), {"C": 1}),)) == b"# c\n{C: 1}\n# d\n"


def test_many_edits_change_only_their_own_values() -> None:
    text = "A: &a x # 1\n\n# 2\nB:\n  - !Sub 'y' # 3\n  - |\n    z\n\nC: {D: w} # 4\n"
    document = read_source(text.encode(), "web.yaml")
    paths = [("C", "D"), ("B", 1), ("A",), ("B", 0)]
    result = document.apply([Replace(TemplatePath(steps), f"new{number}") for number, steps in enumerate(paths)])
    assert result.decode() == "A: &a new2 # 1\n\n# 2\nB:\n  - 'new3' # 3\n  - new1\n\nC: {D: new0} # 4\n"


def test_comment_removed_from_a_nested_flow_collection_is_reported() -> None:
    document = read_source(b"{A: [x, # why\n  y], B: 1}\n", "web.yaml")
    edits = (Replace(TemplatePath(("A",)), "z"),)
    assert document.apply(edits) == b"{A: z, B: 1}\n"
    assert document.lost_comments(edits) == ("Comment '# why' at 1:9 is removed with the value it is in",)


def test_nothing_is_reported_if_all_comments_are_kept() -> None:
    document = read_source(b"A: [x, # why\n  y]\n", "web.yaml")
    assert document.lost_comments((Replace(TemplatePath(("A",)), "z"),)) == ()


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"])
def test_encoding_and_byte_order_mark_are_kept(codec: str) -> None:
    data = "\ufeffA: x # \U0001f600\r\nB: y\r\n".encode(codec)
    result = read_source(data, "web.yaml").apply((Replace(TemplatePath(("A",)), PINNED),))
    assert result.decode(codec) == "\ufeffA: repo@sha256:aa # \U0001f600\r\nB: y\r\n"


DIFFERENCES = [
    ("A: !Sub x # c\n", {"Fn::Sub": "x w"}, "A: !Sub x w # c\n"),
    ("A: !Sub 'x'\n", {"Fn::Sub": "x w"}, "A: !Sub 'x w'\n"),
    ("A: !Sub [x, {V: 1}]\n", {"Fn::Sub": ["w", {"V": 1}]}, "A: !Sub [w, {V: 1}]\n"),
    (
        'A: !Join ["", [x, !Ref T]] # c\n',
        {"Fn::Join": ["", ["!x", {"Ref": "T"}]]},
        'A: !Join ["", ["!x", !Ref T]] # c\n',
    ),
    ("A:\n  # c\n  Fn::Sub: x # d\n", {"Fn::Sub": "w"}, "A:\n  # c\n  Fn::Sub: w # d\n"),
    (
        "A: !If # c\n  - C\n  - x # d\n  # e\n  - !Sub w\n",
        {"Fn::If": ["C", "m x", {"Fn::Sub": "m w"}]},
        "A: !If # c\n  - C\n  - m x # d\n  # e\n  - !Sub m w\n",
    ),
    ("A: [x]\n", ["x", "w"], "A: [x, w]\n"),
    ("A: [x]\n", ["w", "x"], "A: [w, x]\n"),
    ('A: ["x", "z"]\n', ["x", "w", "z"], 'A: ["x", "w", "z"]\n'),
    ("A: [\n  x, # c\n  z # d\n]\n", ["x", "w", "z"], "A: [\n  x, # c\n  w,\n  z # d\n]\n"),
    ("A: [\n  x,\n  z # d\n]\n", ["x", "z", "w"], "A: [\n  x,\n  z, # d\n  w\n]\n"),
    ("A: # c\n  - x # d\n  # e\n  - z\n", ["x", "w", "z"], "A: # c\n  - x # d\n  - w\n  # e\n  - z\n"),
    ("A: # c\n- x # d\nB: 1\n", ["w", "x"], "A: # c\n- w\n- x # d\nB: 1\n"),
    ("A:\n  - k: x\n    P: 1\nB: 1\n", [{"k": "x", "P": 1}, "w"], "A:\n  - k: x\n    P: 1\n  - w\nB: 1\n"),
    ("A:\n  -   x", ["x", {"k": 1, "P": 2}], "A:\n  -   x\n  - k: 1\n    P: 2"),
    ("A:\n  - |\n    x\n  - z\n", ["x\n", "w", "z"], "A:\n  - |\n    x\n  - w\n  - z\n"),
    ("A: !Join\n  - ''\n  - - x\n", {"Fn::Join": ["", ["m", "x"]]}, "A: !Join\n  - ''\n  - - m\n    - x\n"),
]


@pytest.mark.parametrize(("text", "value", "expected"), DIFFERENCES)
def test_only_what_differs_in_a_collection_is_replaced(text: str, value: JsonValue, expected: str) -> None:
    assert edited(text, value) == expected


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("B: &b x\nA: !Join ['', [*b, w]]\n", {"Fn::Join": ["", ["m x", "w"]]}, "A:\n  Fn::Join:"),
        ("A: !Join ['', [&b x, *b]]\n", {"Fn::Join": ["", ["m x", "x"]]}, "A:\n  Fn::Join:"),
        ("B: &b {k: x}\nA:\n  <<: *b\n", {"k": "w"}, "A:\n  k: w\n"),
        ("A: !GetAtt x.w\n", {"Fn::GetAtt": ["x", "z"]}, "A:\n  Fn::GetAtt:\n    - x\n    - z\n"),
        ("A: !GetAtt x.w\n", {"Fn::GetAtt": ["x", "w", "z"]}, "A:\n  Fn::GetAtt:\n    - x\n    - w\n    - z\n"),
        ("A: [x]\n", ["x"], "A:\n  - x\n"),
        ("A: [1]\n", [True, 1], "A: [true, 1]\n"),
        ("A: []\n", ["x"], "A:\n  - x\n"),
    ],
)
def test_a_value_is_replaced_as_a_whole_if_a_part_cannot_be(text: str, value: JsonValue, expected: str) -> None:
    assert expected in edited(text, value)
