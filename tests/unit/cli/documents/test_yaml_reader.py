"""Reading YAML as the tree that CloudFormation sends to a macro."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from image_pinner.cli.documents.nodes import MAX_DEPTH, AliasNode, Node, children_of
from image_pinner.cli.documents.text import YAML_LINE_BREAK, SourceText
from image_pinner.cli.documents.yaml_reader import (
    LOADER,
    format_tag,
    function_of,
    plain_value,
    read_yaml,
    tagged_value,
    typed_value,
)
from image_pinner.core.errors import UnreadableTemplateError
from image_pinner.core.intrinsics.values import JsonValue

CORE = "tag:yaml.org,2002:"
LOADERS = [pytest.param(LOADER, id="fastest loader"), pytest.param(yaml.SafeLoader, id="pure Python loader")]


def read(text: str, loader: Any = LOADER) -> Node:
    return read_yaml(SourceText.of("web.yaml", text, YAML_LINE_BREAK), loader)


def bomb(levels: int, width: int) -> str:
    text = "a0: &a0 [x, x]\n"
    for level in range(1, levels + 1):
        text += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]\n"
    return text


REFUSED = [
    pytest.param("", "web.yaml has no content", id="empty text"),
    pytest.param("# only\n\n# comments\n", "web.yaml has no content", id="comments only"),
    pytest.param("a: 1\n---\nb: 2\n", "2:1: a second YAML document begins here", id="two documents"),
    pytest.param("a: 1\n---\n", "2:1: a second YAML document", id="an empty second document"),
    pytest.param("a: 1\n...\n---\nb: 1\n", "3:1: a second YAML document", id="two ended documents"),
    pytest.param("a: 1\nb: 2\na: 3\n", "3:1: duplicate key 'a' (first defined on line 1)", id="duplicate key"),
    pytest.param("a: !X\n  b: 1\n  b: 2\n", "3:3: duplicate key 'b'", id="duplicate key in a tagged mapping"),
    pytest.param("a: {b: 1, 'b': 2}", "1:11: duplicate key 'b'", id="duplicate key in a flow mapping"),
    pytest.param("1: a\n'1': b\n", "2:1: duplicate key '1'", id="a number and its text"),
    pytest.param("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n", "4:3: duplicate key '<<'", id="two merges"),
    pytest.param("a: &a [*a]\n", "1:8: the alias *a is inside its own anchor (defined on line 1)", id="recursion"),
    pytest.param("a: &a\n  b: *a\n", "2:6: the alias *a is inside", id="recursion in a mapping"),
    pytest.param("a: *b\nb: &b 1\n", "1:4: the alias *b refers to an undefined anchor", id="no anchor"),
    pytest.param("? [a]\n: b\n", "1:3: the key of a mapping must be a scalar without a tag", id="a sequence as key"),
    pytest.param("{{a: b}: c}", "1:2: the key of a mapping must be a scalar without a tag", id="a mapping as key"),
    pytest.param("!Ref a: b\n", "1:1: the key of a mapping must be a scalar without a tag", id="a tag on a key"),
    pytest.param("?\n: a\n", "1:2: the key of a mapping is empty", id="no key"),
    pytest.param("~: a\n", "1:1: the key of a mapping is empty", id="null as key"),
    pytest.param("a:\n  <<: b\n", "2:7: '<<' can only merge mappings", id="a merge of a string"),
    pytest.param("a:\n  <<: [b]\n", "2:8: '<<' can only merge mappings", id="a merge of strings"),
    pytest.param("a:\n  <<: !X {b: c}\n", "2:7: '<<' can only merge mappings", id="a merge of a function"),
    pytest.param("a: !!binary aGk=\n", "1:4: the tag !!binary is not supported", id="binary"),
    pytest.param("a: !!python/object:os.system x\n", "the tag !!python/object:os.system is not supported", id="python"),
    pytest.param("a: !!python/tuple [1]\n", "the tag !!python/tuple is not supported", id="a python tuple"),
    pytest.param("a: !!set {b}\n", "1:4: the tag !!set is not supported", id="set"),
    pytest.param("a: !!omap [b: 1]\n", "the tag !!omap is not supported", id="omap"),
    pytest.param("a: !!seq {b: 1}\n", "the tag !!seq is not supported", id="a mapping tagged as a sequence"),
    pytest.param("a: !<tag:x> b\n", "the tag !<tag:x> is not supported", id="a foreign tag"),
    pytest.param("a: !!int x\n", "the tag !!int does not match the value 'x'", id="not a number"),
    pytest.param("a: b\x7f\n", "1:5: YAML does not allow the character U+007F", id="delete character"),
    pytest.param("a: b\ufffe\n", "1:5: YAML does not allow the character U+FFFE", id="noncharacter"),
    pytest.param("a:\n\tb: c\n", "2:1: invalid YAML", id="a tab"),
    pytest.param("a: [b\nc: d\n", "invalid YAML", id="an open bracket"),
    pytest.param("a: 'b\n", "invalid YAML", id="an open quote"),
    pytest.param("a: b: c\n", "1:5: invalid YAML: mapping values are not allowed", id="two colons"),
    pytest.param("a: !PinDigest !Sub x\n", "1:15: invalid YAML", id="two tags"),
    pytest.param("a: !e!x y\n", "invalid YAML: found undefined tag handle", id="an unknown handle"),
    pytest.param("%YAML 2.0\n---\na: b\n", "invalid YAML: found incompatible YAML document", id="YAML 2"),
    pytest.param("a: " + "[" * 500 + "]" * 500, "nested deeper than 200 levels", id="500 flow levels"),
    pytest.param("- " * 500 + "a", "nested deeper than 200 levels", id="500 block levels"),
    pytest.param("\n".join(" " * i + "a:" for i in range(500)), "nested deeper than 200 levels", id="500 mappings"),
    pytest.param("[" * 100_000, "nested deeper than 200 levels", id="100,000 open brackets"),
    pytest.param("? " * 100_000, "nested deeper than 200 levels", id="100,000 keys"),
    pytest.param("a: " + "!Not [" * 100 + "x" + "]" * 100, "nested deeper than 200 levels", id="a tag is a level"),
    pytest.param(
        bomb(9, 9), "the template has more than 1,000,000 values with all aliases expanded", id="an exponential alias"
    ),
    pytest.param(
        "a: &a " + "x" * 20_000 + "\nb: [" + "*a, " * 501 + "]",
        "the template has more than 10,000,000 characters with all aliases expanded",
        id="a long string with many aliases",
    ),
    pytest.param(
        "a0: &a0 x\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 300)),
        "nested deeper than 200 levels",
        id="levels added by aliases",
    ),
    pytest.param(
        "a0: &a0 {k: v}\n" + "".join(f"a{i}: &a{i}\n  <<: [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 9)),
        "more than 1,000,000 values",
        id="an exponential merge",
    ),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
@pytest.mark.parametrize("loader", LOADERS)
def test_invalid_template_is_refused_with_file_line_and_column(text: str, expected: str, loader: Any) -> None:
    began = time.process_time()
    with pytest.raises(UnreadableTemplateError) as caught:
        read(text, loader)
    assert expected in caught.value.cause
    assert caught.value.cause.startswith("web.yaml")
    assert caught.value.help
    assert time.process_time() - began < 20


def test_five_megabytes_of_brackets_are_refused_quickly() -> None:
    began = time.process_time()
    with pytest.raises(UnreadableTemplateError, match="nested deeper than"):
        read("a: " + "[" * 5_000_000)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("a:\n\tb: c\n", "indent with spaces: YAML does not allow tabs here"),
        (
            "a: !PinDigest !Sub x\n",
            'Use one tag per value: write the inner one in its long form, or as a string: !Sub "!',
        ),
        ("a: @b\n", "put the value in quotes: '@' has a special meaning in YAML"),
        ("a: b: c\n", "put the value in quotes if it contains a colon followed by a space"),
        ('a: "b\n', "close the quotes that are opened on that line"),
        ("a:\n  b: c\n d: e\n", "check indentation, quotes and brackets on this line and the one above it"),
    ],
)
def test_help_matches_the_mistake(text: str, help: str) -> None:
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
def test_yaml_is_read_as_its_long_form(text: str, expected: JsonValue, loader: Any) -> None:
    tree = read(text, loader).tree
    assert tree == expected
    assert repr(tree) == repr(expected), "types and key order are part of the tree"


@pytest.mark.parametrize("text", [text for text, _ in TREES])
def test_both_loaders_return_the_same_positions(text: str) -> None:
    todo = [(read(text), read(text, yaml.SafeLoader))]
    while todo:
        fast, pure = todo.pop()
        assert (fast.start, fast.end, type(fast)) == (pure.start, pure.end, type(pure))
        todo += zip(children_of(fast), children_of(pure), strict=True)


class UnreadableStream(yaml.SafeLoader):
    """A parser that fails without a position."""

    def get_event(self) -> yaml.Event:
        raise yaml.YAMLError("input error")


def test_parser_error_without_position_is_reported() -> None:
    with pytest.raises(UnreadableTemplateError, match=r"web\.yaml: invalid YAML: input error"):
        read("a: b", UnreadableStream)


def test_merged_keys_come_first_as_in_pyyaml() -> None:
    text = "a: &x {k: 1, l: 2}\nb:\n  m: 4\n  l: 3\n  <<: *x\n"
    assert list(read(text).tree["b"]) == list(yaml.safe_load(text)["b"])


def test_alias_has_its_own_span_and_its_target() -> None:
    text = "a: &x [1]\nb: *x # c\n"
    alias = children_of(read(text))[3]
    assert isinstance(alias, AliasNode)
    assert text[alias.start : alias.end] == "*x"
    assert text[alias.target.start : alias.target.end] == "&x [1]"


def test_template_of_maximum_depth_is_read() -> None:
    text = "a: " + "[" * (MAX_DEPTH - 2) + "x" + "]" * (MAX_DEPTH - 2)
    tree = read(text).tree["a"]
    levels = 0
    while isinstance(tree, list):
        tree, levels = tree[0], levels + 1
    assert levels == MAX_DEPTH - 2


@pytest.mark.parametrize(
    ("text", "child", "expected"),
    [
        ("a:\n  b: c # d\n  # e\n\nf: g\n", 1, "b: c"),
        ("a:\n- b\n- |\n  c\n\n\nf: g\n", 1, "- b\n- |\n  c\n\n\n"),
        ("a: !If # x\n  # y\n  - b\n  -\nf: g\n", 1, "!If # x\n  # y\n  - b\n  -"),
        ("a: &x !Sub  'b' # c\n", 1, "&x !Sub  'b'"),
        ("a: b\n  c # d\n", 1, "b\n  c"),
        ("a: [b: {c: 1} ]\n", 1, "[b: {c: 1} ]"),
    ],
)
def test_value_ends_before_comments_and_blank_lines(text: str, child: int, expected: str) -> None:
    node = children_of(read(text))[child]
    assert text[node.start : node.end] == expected


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
def test_tag_that_is_unsupported_or_does_not_match_is_refused(tag: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"is not supported|does not match"):
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
def test_scalar_that_json_would_write_differently_stays_a_string(text: str) -> None:
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
def test_plain_scalars_have_their_yaml_1_1_meaning(text: str, expected: JsonValue) -> None:
    value = plain_value(text)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [("str", "012", "012"), ("str", "", ""), ("int", "12", 12), ("float", "1.5", 1.5), ("bool", "no", False)],
)
def test_tags_of_json_types_are_supported(tag: str, text: str, expected: JsonValue) -> None:
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
def test_long_form_of_a_tag(tag: str, expected: str) -> None:
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
def test_only_get_att_splits_its_scalar(function: str, text: str, expected: JsonValue) -> None:
    assert tagged_value(function, text) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [(f"{CORE}set", "!!set"), ("!Sub", "!Sub"), ("tag:example.com,2000:x", "!<tag:example.com,2000:x>")],
)
def test_tag_is_formatted_as_written(tag: str, expected: str) -> None:
    assert format_tag(tag) == expected
