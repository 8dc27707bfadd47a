"""YAML as the tree that CloudFormation would send to a macro."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from image_pinner.cli.documents.budget import MAX_DEPTH
from image_pinner.cli.documents.nodes import AliasNode, Node, children_of
from image_pinner.cli.documents.source_lines import YAML_BREAK, SourceLines
from image_pinner.cli.documents.yaml_reader import LOADER, read_yaml
from image_pinner.core.errors import UnreadableTemplateError
from image_pinner.core.intrinsics.values import JsonValue

LOADERS = [pytest.param(LOADER, id="the fastest loader"), pytest.param(yaml.SafeLoader, id="the pure loader")]


def read(text: str, loader: Any = LOADER) -> Node:
    return read_yaml(SourceLines.of("web.yaml", text, YAML_BREAK), loader)


def bomb(levels: int, width: int) -> str:
    text = "a0: &a0 [x, x]\n"
    for level in range(1, levels + 1):
        text += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]\n"
    return text


REFUSED = [
    pytest.param("", "web.yaml has no content", id="nothing"),
    pytest.param("# only\n\n# comments\n", "web.yaml has no content", id="comments only"),
    pytest.param("a: 1\n---\nb: 2\n", "line 2, column 1: a second YAML document begins here", id="two documents"),
    pytest.param("a: 1\n---\n", "line 2, column 1: a second YAML document", id="an empty second document"),
    pytest.param("a: 1\n...\n---\nb: 1\n", "line 3, column 1: a second YAML document", id="two ended documents"),
    pytest.param(
        "a: 1\nb: 2\na: 3\n", "line 3, column 1: the key 'a' stands twice in one map, first in line 1", id="twice"
    ),
    pytest.param("a: !X\n  b: 1\n  b: 2\n", "line 3, column 3: the key 'b' stands twice", id="twice in a tagged map"),
    pytest.param("a: {b: 1, 'b': 2}", "line 1, column 11: the key 'b' stands twice", id="twice in a flow map"),
    pytest.param("1: a\n'1': b\n", "line 2, column 1: the key '1' stands twice", id="a number and its text"),
    pytest.param(
        "a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n", "line 4, column 3: the key '<<' stands twice", id="two merges"
    ),
    pytest.param(
        "a: &a [*a]\n", "line 1, column 8: the alias *a stands inside its own anchor of line 1", id="recursion"
    ),
    pytest.param("a: &a\n  b: *a\n", "line 2, column 6: the alias *a stands inside", id="recursion in a map"),
    pytest.param(
        "a: *b\nb: &b 1\n", "line 1, column 4: the alias *b stands for an anchor that is not above", id="no anchor"
    ),
    pytest.param("? [a]\n: b\n", "line 1, column 3: a key of a map must be text", id="a list as key"),
    pytest.param("{{a: b}: c}", "line 1, column 2: a key of a map must be text", id="a map as key"),
    pytest.param("!Ref a: b\n", "line 1, column 1: a key of a map must be text", id="a tag on a key"),
    pytest.param("?\n: a\n", "line 1, column 2: a key of this map is empty", id="no key"),
    pytest.param("~: a\n", "line 1, column 1: a key of this map is empty", id="nothing as key"),
    pytest.param("a:\n  <<: b\n", "line 2, column 7: << merges maps, and this is none", id="a merge of text"),
    pytest.param("a:\n  <<: [b]\n", "line 2, column 8: << merges maps, and this is none", id="a merge of texts"),
    pytest.param("a:\n  <<: !X {b: c}\n", "line 2, column 7: << merges maps", id="a merge of a function"),
    pytest.param("a: !!binary aGk=\n", "line 1, column 4: the tag !!binary means nothing", id="binary"),
    pytest.param("a: !!python/object:os.system x\n", "the tag !!python/object:os.system means nothing", id="python"),
    pytest.param("a: !!python/tuple [1]\n", "the tag !!python/tuple means nothing", id="a python list"),
    pytest.param("a: !!set {b}\n", "line 1, column 4: the tag !!set means nothing", id="set"),
    pytest.param("a: !!omap [b: 1]\n", "the tag !!omap means nothing", id="omap"),
    pytest.param("a: !!seq {b: 1}\n", "the tag !!seq means nothing", id="a map that is called a list"),
    pytest.param("a: !<tag:x> b\n", "the tag !<tag:x> means nothing", id="a foreign tag"),
    pytest.param("a: !!int x\n", "the tag !!int does not fit 'x'", id="no number"),
    pytest.param("a: b\x7f\n", "line 1, column 5: YAML does not allow the character U+007F", id="delete"),
    pytest.param("a: b\ufffe\n", "line 1, column 5: YAML does not allow the character U+FFFE", id="no character"),
    pytest.param("a:\n\tb: c\n", "line 2, column 1: this is no YAML", id="a tab"),
    pytest.param("a: [b\nc: d\n", "this is no YAML", id="an open bracket"),
    pytest.param("a: 'b\n", "this is no YAML", id="an open quote"),
    pytest.param("a: b: c\n", "line 1, column 5: this is no YAML: mapping values are not allowed", id="two colons"),
    pytest.param("a: !PinDigest !Sub x\n", "line 1, column 15: this is no YAML", id="two tags"),
    pytest.param("a: !e!x y\n", "this is no YAML: found undefined tag handle", id="an unknown handle"),
    pytest.param("%YAML 2.0\n---\na: b\n", "this is no YAML: found incompatible YAML document", id="YAML 2"),
    pytest.param("a: " + "[" * 500 + "]" * 500, "nested in more than 200 levels", id="500 flow levels"),
    pytest.param("- " * 500 + "a", "nested in more than 200 levels", id="500 block levels"),
    pytest.param("\n".join(" " * i + "a:" for i in range(500)), "nested in more than 200 levels", id="500 maps"),
    pytest.param("[" * 100_000, "nested in more than 200 levels", id="100,000 open brackets"),
    pytest.param("? " * 100_000, "nested in more than 200 levels", id="100,000 keys"),
    pytest.param("a: " + "!Not [" * 100 + "x" + "]" * 100, "nested in more than 200 levels", id="tags count twice"),
    pytest.param(bomb(9, 9), "with all aliases expanded the template has more than 1,000,000 values", id="a bomb"),
    pytest.param(
        "a: &a " + "x" * 20_000 + "\nb: [" + "*a, " * 501 + "]",
        "with all aliases expanded the template has more than 10,000,000 characters",
        id="a long text many times",
    ),
    pytest.param(
        "a0: &a0 x\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 300)),
        "nested in more than 200 levels",
        id="levels behind aliases",
    ),
    pytest.param(
        "a0: &a0 {k: v}\n" + "".join(f"a{i}: &a{i}\n  <<: [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 9)),
        "more than 1,000,000 values",
        id="a bomb of merges",
    ),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
@pytest.mark.parametrize("loader", LOADERS)
def test_what_is_no_template_is_refused_with_file_line_and_column(text: str, expected: str, loader: Any) -> None:
    began = time.monotonic()
    with pytest.raises(UnreadableTemplateError) as caught:
        read(text, loader)
    assert expected in caught.value.cause
    assert caught.value.cause.startswith("web.yaml")
    assert caught.value.help
    assert time.monotonic() - began < 20


def test_five_megabytes_of_brackets_end_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(UnreadableTemplateError, match="nested in more than"):
        read("a: " + "[" * 5_000_000)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("a:\n\tb: c\n", "Indent with spaces: YAML does not allow tabs there"),
        ("a: !PinDigest !Sub x\n", 'A value takes one tag: write the inner one in its long form, or as text: !Sub "!'),
        ("a: @b\n", "Put the value in quotes: '@' means something to YAML at its beginning"),
        ("a: b: c\n", "Put the value in quotes if it contains a colon with a blank behind it"),
        ('a: "b\n', "Close the quote that was opened there"),
        ("a:\n  b: c\n d: e\n", "Check indentation, quotes and brackets in this line and the one above it"),
    ],
)
def test_the_remedy_fits_the_mistake(text: str, help: str) -> None:
    with pytest.raises(UnreadableTemplateError) as caught:
        read(text)
    assert caught.value.help.startswith(help)


TREES = [
    ("a: !Sub x", {"a": {"Fn::Sub": "x"}}),
    ("a: !Ref x", {"a": {"Ref": "x"}}),
    ("a: !Condition x", {"a": {"Condition": "x"}}),
    ("a: !GetAtt a.b.c", {"a": {"Fn::GetAtt": ["a", "b.c"]}}),
    ("a: !GetAtt [a, !Ref b]", {"a": {"Fn::GetAtt": ["a", {"Ref": "b"}]}}),
    ("a: !PinDigest nginx:1.25", {"a": {"Fn::PinDigest": "nginx:1.25"}}),
    ("a: !<!PinDigest> x", {"a": {"Fn::PinDigest": "x"}}),
    ("a: !PinDigest 1.10", {"a": {"Fn::PinDigest": "1.10"}}),
    ("a: !PinDigest", {"a": {"Fn::PinDigest": ""}}),
    (
        "a: !PinDigest {Image: !Sub x, Platform: y}",
        {"a": {"Fn::PinDigest": {"Image": {"Fn::Sub": "x"}, "Platform": "y"}}},
    ),
    ("a: !If [c, 1, !Ref AWS::NoValue]", {"a": {"Fn::If": ["c", 1, {"Ref": "AWS::NoValue"}]}}),
    ("a: !Foo\n  - b\n", {"a": {"Fn::Foo": ["b"]}}),
    ("a: !Transform {Name: x}", {"a": {"Fn::Transform": {"Name": "x"}}}),
    ("a: ! 12", {"a": "12"}),
    ("a: !!str 12", {"a": "12"}),
    ("a: !!map {b: c}\nd: !!seq [e]", {"a": {"b": "c"}, "d": ["e"]}),
    ("a: '12'\nb: \"yes\"\nc: |\n  12\n", {"a": "12", "b": "yes", "c": "12\n"}),
    ("a: 12\nb: yes\nc: ~\nd:\ne: 1.5", {"a": 12, "b": True, "c": None, "d": None, "e": 1.5}),
    ("M:\n  m:\n    012345678901: x\n    1.10: y", {"M": {"m": {"012345678901": "x", "1.10": "y"}}}),
    ("yes: a\nno: b\n2012-10-17: c", {"yes": "a", "no": "b", "2012-10-17": "c"}),
    ("'': a", {"": "a"}),
    ("'null': a", {"null": "a"}),
    ("!!str 1: a", {"1": "a"}),
    ("a: &k b\n*k : c", {"a": "b", "b": "c"}),
    ("a: &x {k: v}\nb: *x", {"a": {"k": "v"}, "b": {"k": "v"}}),
    ("a: &x !Sub v\nb: *x", {"a": {"Fn::Sub": "v"}, "b": {"Fn::Sub": "v"}}),
    ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
    ("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  l: 3\n  m: 4", {"a": {"k": 1, "l": 2}, "b": {"k": 1, "l": 3, "m": 4}}),
    ("b:\n  <<: [{k: 1}, {k: 2, l: 2}]\n", {"b": {"k": 1, "l": 2}}),
    ("b: !X\n  <<: {k: 1}\n", {"b": {"Fn::X": {"k": 1}}}),
    ("a:\n  '<<': b", {"a": {"<<": "b"}}),
    ("{'a': 1,}", {"a": 1}),
    ("a: {b, c: }", {"a": {"b": None, "c": None}}),
    ("a: [b: 1, ? c : 2]", {"a": [{"b": 1}, {"c": 2}]}),
    ("? a\n: b\n? c\n", {"a": "b", "c": None}),
    ("--- # x\na: b\n...\n", {"a": "b"}),
    ("%YAML 1.1\n%TAG !e! !Foo\n---\na: !e!Bar b\n", {"a": {"Fn::FooBar": "b"}}),
    ("a: b\x85c: d\u2028e: f\rg: h", {"a": "b", "c": "d", "e": "f", "g": "h"}),
    ("a: \U0001f600\nb: >-\n  c\n  d\n", {"a": "\U0001f600", "b": "c d"}),
    ('a: "\\u00e9\\x41\\N\\\n  b"', {"a": "\xe9A\x85b"}),
]


@pytest.mark.parametrize(("text", "expected"), TREES)
@pytest.mark.parametrize("loader", LOADERS)
def test_yaml_becomes_the_long_form_tree(text: str, expected: JsonValue, loader: Any) -> None:
    tree = read(text, loader).tree
    assert tree == expected
    assert repr(tree) == repr(expected), "types and the order of keys are part of the tree"


@pytest.mark.parametrize("text", [text for text, _ in TREES])
def test_both_loaders_find_every_value_in_the_same_place(text: str) -> None:
    todo = [(read(text), read(text, yaml.SafeLoader))]
    while todo:
        fast, pure = todo.pop()
        assert (fast.start, fast.end, type(fast)) == (pure.start, pure.end, type(pure))
        todo += zip(children_of(fast), children_of(pure), strict=True)


class UnreadableStream(yaml.SafeLoader):
    """A parser that gives up without a mark, as for input that no character check foresaw."""

    def get_event(self) -> yaml.Event:
        raise yaml.YAMLError("input error")


def test_a_complaint_without_a_place_is_told_all_the_same() -> None:
    with pytest.raises(UnreadableTemplateError, match=r"web\.yaml: this is no YAML: input error"):
        read("a: b", UnreadableStream)


def test_merged_keys_come_first_as_in_pyyaml() -> None:
    text = "a: &x {k: 1, l: 2}\nb:\n  m: 4\n  l: 3\n  <<: *x\n"
    assert list(read(text).tree["b"]) == list(yaml.safe_load(text)["b"])


def test_an_alias_knows_its_own_place_and_its_anchor() -> None:
    text = "a: &x [1]\nb: *x # c\n"
    alias = children_of(read(text))[3]
    assert isinstance(alias, AliasNode)
    assert text[alias.start : alias.end] == "*x"
    assert text[alias.target.start : alias.target.end] == "&x [1]"


def test_the_deepest_template_that_is_taken_can_be_walked() -> None:
    text = "a: " + "[" * (MAX_DEPTH - 2) + "x" + "]" * (MAX_DEPTH - 2)
    tree = read(text).tree["a"]
    levels = 0
    while isinstance(tree, list):
        tree, levels = tree[0], levels + 1
    assert levels == MAX_DEPTH - 2


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("a:\n  b: c # d\n  # e\n\nf: g\n", 1, "b: c"),
        ("a:\n- b\n- |\n  c\n\n\nf: g\n", 1, "- b\n- |\n  c\n\n\n"),
        ("a: !If # x\n  # y\n  - b\n  -\nf: g\n", 1, "!If # x\n  # y\n  - b\n  -"),
        ("a: &x !Sub  'b' # c\n", 1, "&x !Sub  'b'"),
        ("a: b\n  c # d\n", 1, "b\n  c"),
        ("a: [b: {c: 1} ]\n", 1, "[b: {c: 1} ]"),
    ],
)
def test_a_value_ends_before_comments_and_blank_lines(text: str, place: int, expected: str) -> None:
    node = children_of(read(text))[place]
    assert text[node.start : node.end] == expected
