"""Reading JSON with the position of every value."""

from __future__ import annotations

import json

import pytest

from image_pinner.cli.documents import nodes
from image_pinner.cli.documents.json_reader import JsonSyntaxError, read_json
from image_pinner.cli.documents.nodes import MAX_DEPTH, MappingNode, Node, children_of
from image_pinner.cli.documents.text import JSON_LINE_BREAK, SourceText
from image_pinner.core.errors import UnreadableTemplateError


def read(text: str) -> Node:
    return read_json(SourceText.of("web.json", text, JSON_LINE_BREAK))


@pytest.mark.parametrize(
    ("text", "index", "problem"),
    [
        ('{"a": 1,}', 8, "expected a key in double quotes"),
        ('{"a" 1}', 5, "expected ':'"),
        ('{"a": 1 "b": 2}', 8, "expected ',' or '}'"),
        ('{"a": [1 2]}', 9, "expected ',' or ']'"),
        ('{"a": [1,]}', 9, "expected a value"),
        ('{"a": }', 6, "expected a value"),
        ('{"a": ', 6, "expected a value"),
        ("{a: 1}", 1, "expected a key in double quotes"),
        ('{"a": nope}', 6, "not a JSON value"),
        ('{"a": NaN}', 6, "not a JSON value"),
        ('{"a": -Infinity}', 6, "not a JSON value"),
        ('{"a": 01}', 7, "expected ',' or '}'"),
        ('{"a": "b', 6, "unterminated string"),
        ('{"a": "b\nc"}', 6, "line break in a string"),
        ('{"a": "\\x"}', 6, "invalid escape"),
        ('{"a": "\\u12"}', 6, "invalid escape"),
        ('{"a": 1}}', 8, "unexpected text after the end"),
        ('{"a": 1} {}', 9, "unexpected text after the end"),
        ("", 0, "expected a value"),
    ],
)
def test_invalid_json_is_reported_with_its_index(text: str, index: int, problem: str) -> None:
    with pytest.raises(JsonSyntaxError) as caught:
        read(text)
    assert caught.value.index == index
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{\n  "a": {\n    "b": 1,\n    "b": 2\n  }\n}',
            "4:5: duplicate key 'b' (first defined on line 3)",
        ),
        ('{"a": 1, "\\u0061": 2}', ":10: duplicate key 'a'"),
        ('{"a": "\\ud83d"}', ":7: the string has an unpaired surrogate escape"),
        ('{"a": 1e999}', ":7: the number is too large"),
        ('{"a": ' + "1" * 5000 + "}", ":7: the number is too large"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nested deeper than 200 levels"),
        ('{"a":' * 100_000, "nested deeper than 200 levels"),
    ],
)
def test_json_that_is_not_valid_in_a_template_is_refused(text: str, expected: str) -> None:
    with pytest.raises(UnreadableTemplateError) as caught:
        read(text)
    assert expected in caught.value.cause


def test_too_many_values_are_refused_while_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "MAX_VALUES", 1_000)  # a million takes seconds

    # Not reached: the syntax error at the end.
    with pytest.raises(UnreadableTemplateError, match="more than 1,000 values"):
        read("[" + "1," * 1_001)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        ' {"a":\t[1, -2.5e3, 0, true, false, null, "", [], {}]} \r\n',
        '{"\\ud83d\\ude00": "\\u00e9\\/\\b\\f\\n\\r\\t\\"\\\\"}',
        '{"a": "\x7f\x85\u2028"}',
        json.dumps({"k" * 5000: "v" * 50_000}),
        '{"a": 123456789012345678901234567890, "b": 1.10, "c": 1E2, "d": -0}',
        "[" * MAX_DEPTH + "]" * MAX_DEPTH,
    ],
)
def test_json_is_read_as_python_reads_it(text: str) -> None:
    assert read(text).tree == json.loads(text)


def test_span_of_every_node_is_its_text() -> None:
    text = '{\n\t"a" : [ 1.5, {"b": "c\\n"} ],\n\t"d": null\n}'
    todo = [read(text)]
    while todo:
        node = todo.pop()
        assert json.loads(text[node.start : node.end]) == node.tree
        todo += children_of(node)


def test_keys_keep_their_order() -> None:
    root = read('{"b": 1, "a": 2}')
    assert isinstance(root, MappingNode)
    assert [member.name for member in root.members] == ["b", "a"]
