"""JSON with the place of every value."""

from __future__ import annotations

import json

import pytest

from image_pinner.cli.documents.budget import MAX_DEPTH
from image_pinner.cli.documents.json_reader import NotJson, read_json
from image_pinner.cli.documents.nodes import MapNode, Node, children_of
from image_pinner.cli.documents.source_lines import JSON_BREAK, SourceLines
from image_pinner.core.errors import UnreadableTemplateError


def read(text: str) -> Node:
    return read_json(SourceLines.of("web.json", text, JSON_BREAK))


@pytest.mark.parametrize(
    ("text", "index", "problem"),
    [
        ('{"a": 1,}', 8, "a key in double quotes is missing"),
        ('{"a" 1}', 5, "a ':' is missing"),
        ('{"a": 1 "b": 2}', 8, "a ',' or '}' is missing"),
        ('{"a": [1 2]}', 9, "a ',' or ']' is missing"),
        ('{"a": [1,]}', 9, "a value is missing"),
        ('{"a": }', 6, "a value is missing"),
        ('{"a": ', 6, "a value is missing"),
        ("{a: 1}", 1, "a key in double quotes is missing"),
        ('{"a": nope}', 6, "this is no value"),
        ('{"a": NaN}', 6, "this is no value"),
        ('{"a": -Infinity}', 6, "this is no value"),
        ('{"a": 01}', 7, "a ',' or '}' is missing"),
        ('{"a": "b', 6, "has no end"),
        ('{"a": "b\nc"}', 6, "a line break"),
        ('{"a": "\\x"}', 6, "a wrong escape"),
        ('{"a": "\\u12"}', 6, "a wrong escape"),
        ('{"a": 1}}', 8, "something stands behind the end"),
        ('{"a": 1} {}', 9, "something stands behind the end"),
        ("", 0, "a value is missing"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(text: str, index: int, problem: str) -> None:
    with pytest.raises(NotJson) as caught:
        read(text)
    assert caught.value.index == index
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{\n  "a": {\n    "b": 1,\n    "b": 2\n  }\n}',
            "line 4, column 5: the key 'b' stands twice in one map, first in line 3",
        ),
        ('{"a": 1, "\\u0061": 2}', "column 10: the key 'a' stands twice"),
        ('{"a": "\\ud83d"}', "column 7: an escape in this text is one half of a character"),
        ('{"a": 1e999}', "column 7: this number is too large"),
        ('{"a": ' + "1" * 5000 + "}", "column 7: this number is too large"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nested in more than 200 levels"),
        ('{"a":' * 100_000, "nested in more than 200 levels"),
    ],
)
def test_json_that_means_nothing_in_a_template_is_refused(text: str, expected: str) -> None:
    with pytest.raises(UnreadableTemplateError) as caught:
        read(text)
    assert expected in caught.value.cause


def test_too_many_values_are_refused_before_they_fill_the_memory() -> None:
    with pytest.raises(UnreadableTemplateError, match="more than 1,000,000 values"):
        read("[" + "1," * 1_000_001 + "1]")


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


def test_every_node_says_where_it_stands() -> None:
    text = '{\n\t"a" : [ 1.5, {"b": "c\\n"} ],\n\t"d": null\n}'
    todo = [read(text)]
    while todo:
        node = todo.pop()
        assert json.loads(text[node.start : node.end]) == node.tree
        todo += children_of(node)


def test_keys_keep_their_order() -> None:
    root = read('{"b": 1, "a": 2}')
    assert isinstance(root, MapNode)
    assert [member.name for member in root.own] == ["b", "a"]
