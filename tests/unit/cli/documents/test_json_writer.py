"""Edits of JSON files keep the layout and change nothing else."""

from __future__ import annotations

import json

import pytest

from image_pinner.cli.documents import read_source
from image_pinner.core.intrinsics.values import JsonValue
from image_pinner.core.template.edits import InsertKey, Replace
from image_pinner.core.template.paths import Step, TemplatePath


def replaced(text: str, value: JsonValue, *steps: Step) -> str:
    document = read_source(text.encode(), "web.json")
    assert document.is_json
    return document.apply((Replace(TemplatePath(steps or ("A",)), value),)).decode()


def inserted(text: str, value: JsonValue, *steps: Step, after: str = "A") -> str:
    document = read_source(text.encode(), "web.json")
    return document.apply((InsertKey(TemplatePath(steps), "N", value, after),)).decode()


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ('{"A":"x","B":1}', "y", '{"A":"y","B":1}'),
        ('{ "A" :\t"x" , "B" : 1 }', "y", '{ "A" :\t"y" , "B" : 1 }'),
        ('{"A": {"Fn::Sub": "x"}}\r\n', "y", '{"A": "y"}\r\n'),
        ('{"A": {"Fn::Sub" : "x"}}', {"Fn::Sub": "y"}, '{"A": {"Fn::Sub" : "y"}}'),
        ('{"A": [ "x", "z" ]}', ["x", "y", "z"], '{"A": [ "x", "y", "z" ]}'),
        ('{"A":["x","z"]}', ["y", "x", "z"], '{"A":["y","x","z"]}'),
        ('{"A": [\n  "x"\n]}', ["x", {"k": 1}], '{"A": [\n  "x",\n  {\n    "k": 1\n  }\n]}'),
        ('{"A": "\\ud83d\\ude00", "B": "\\u00e9"}', "y", '{"A": "y", "B": "\\u00e9"}'),
        ('{"A": "x", "B": "\x7f\x85"}', "y", '{"A": "y", "B": "\x7f\x85"}'),
        ('{"A": "x"}', "é", '{"A": "\\u00e9"}'),
        ('{"A": "x", "B": "é"}', "\U0001f600", '{"A": "\U0001f600", "B": "é"}'),
        ('{"A": "x"}', 'a"\n', '{"A": "a\\"\\n"}'),
        ('{"A": "x"}', None, '{"A": null}'),
        ('{"A": "x"}', 1.5, '{"A": 1.5}'),
        ('{"A": "x"}', {}, '{"A": {}}'),
        ('{"A":"x"}', {"k": [1, "v"]}, '{"A":{"k":[1,"v"]}}'),
        ('{"A": "x"}', {"k": [1, "v"]}, '{"A": {"k": [1, "v"]}}'),
        ('{\n  "A": "x"\n}\n', {"k": ["v"]}, '{\n  "A": {\n    "k": [\n      "v"\n    ]\n  }\n}\n'),
        ('{\r\n\t"A": "x"\r\n}', {"k": 1}, '{\r\n\t"A": {\r\n\t\t"k": 1\r\n\t}\r\n}'),
    ],
)
def test_only_the_value_changes(text: str, value: JsonValue, expected: str) -> None:
    assert replaced(text, value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"A": ["x", "y"]}', '{"A": [{"k": 1}, "y"]}'),
        ('{\n "A": [\n  "x",\n  "y"\n ]\n}', '{\n "A": [\n  {\n   "k": 1\n  },\n  "y"\n ]\n}'),
    ],
)
def test_array_item_is_replaced(text: str, expected: str) -> None:
    assert replaced(text, {"k": 1}, "A", 0) == expected


def test_whole_template_can_be_replaced() -> None:
    document = read_source(b' {"A": 1}\n', "web.json")
    assert document.apply((Replace(TemplatePath(), {"B": 2}),)) == b' {"B": 2}\n'


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ('{"A":"x","B":1}', "v", '{"A":"x","N":"v","B":1}'),
        ('{"A": "x"}', "v", '{"A": "x", "N": "v"}'),
        ('{"A":"x"}', {"k": "v"}, '{"A":"x","N":{"k":"v"}}'),
        ('{"A" : "x" , "B" : 1}', "v", '{"A" : "x" , "N" : "v" , "B" : 1}'),
        ('{\n  "A": "x",\n  "B": 1\n}\n', "v", '{\n  "A": "x",\n  "N": "v",\n  "B": 1\n}\n'),
        ('{\n  "B": 1,\n  "A": "x"\n}', "v", '{\n  "B": 1,\n  "A": "x",\n  "N": "v"\n}'),
        ('{\n    "A": "x"\n}', {"k": "v"}, '{\n    "A": "x",\n    "N": {\n        "k": "v"\n    }\n}'),
        ('{\r\n\t"A": "x"\r\n}', {"k": "v"}, '{\r\n\t"A": "x",\r\n\t"N": {\r\n\t\t"k": "v"\r\n\t}\r\n}'),
        ('{"A": "x",\n "B": 1}', "v", '{"A": "x",\n "N": "v",\n "B": 1}'),
        ('{\n"A": "x"\n}', {"k": 1}, '{\n"A": "x",\n"N": {\n  "k": 1\n}\n}'),
        ('{\n  "A": {\n    "k": 1\n  }\n}', "v", '{\n  "A": {\n    "k": 1\n  },\n  "N": "v"\n}'),
    ],
)
def test_new_key_has_the_separators_of_its_object(text: str, value: JsonValue, expected: str) -> None:
    assert inserted(text, value) == expected


def test_layout_is_that_of_the_object_and_not_of_the_file() -> None:
    text = '{\n  "M": {"A": "x"},\n  "L": [\n    {\n      "A": "x"\n    }\n  ]\n}'
    assert inserted(text, {"k": 1}, "M") == text.replace('{"A": "x"}', '{"A": "x", "N": {"k": 1}}')
    expected = '      "A": "x",\n      "N": {\n        "k": 1\n      }\n'
    assert inserted(text, {"k": 1}, "L", 0) == text.replace('      "A": "x"\n', expected)


@pytest.mark.parametrize(("text", "expected"), [('{"M": {}}', '{"M": {"N": 1}}'), ('{"M": { }}', '{"M": {"N": 1 }}')])
def test_first_key_of_an_empty_object(text: str, expected: str) -> None:
    assert inserted(text, 1, "M") == expected


def test_image_and_label_are_written_together() -> None:
    text = '{\n  "L": [\n    {\n      "Image": {"Fn::Sub": "x"},\n      "Name": "w"\n    }\n  ]\n}\n'
    container = TemplatePath(("L", 0))
    edits = (InsertKey(container, "DockerLabels", {"s": "x"}, "Image"), Replace(container.child("Image"), "p"))
    expected = '"p",\n      "DockerLabels": {\n        "s": "x"\n      },'
    assert read_source(text.encode(), "w").apply(edits).decode() == text.replace('{"Fn::Sub": "x"},', expected)


def test_several_keys_are_ordered_as_if_inserted_one_by_one() -> None:
    document = read_source(b'{"A": 0, "B": 0}', "web.json")
    edits = [InsertKey(TemplatePath(), key, 0, after) for key, after in ("1A", "2A", "31", "4B")]
    assert list(json.loads(document.apply(edits))) == ["A", "2", "1", "3", "B", "4"]


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-32-be"])
def test_encoding_and_byte_order_mark_are_kept(codec: str) -> None:
    data = '\ufeff{"A": "x", "B": "é"}'.encode(codec)
    result = read_source(data, "web.json").apply((Replace(TemplatePath(("A",)), "ü"),))
    assert result.decode(codec) == '\ufeff{"A": "ü", "B": "é"}'
