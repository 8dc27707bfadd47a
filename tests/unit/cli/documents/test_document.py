"""A template file that was read: its format, its tree, its places."""

from __future__ import annotations

import codecs
import json

import pytest

from image_pinner.cli.documents import Position, SourceDocument, UnfaithfulEdit, read_source
from image_pinner.core.errors import UnreadableTemplateError
from image_pinner.core.template.edits import Replace
from image_pinner.core.template.paths import TemplatePath

TEMPLATE = """\
# The web service
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Cpu: 012345670123
      ContainerDefinitions:
        - Name: web
          Image: !Sub "!PinDigest ${A}"  # why
        - {Name: two, Image: !If [c, a, !Ref B]}
        - Name: three
          Image:
            # a comment
            Fn::Join: ["", [x]]
          Repo: !GetAtt Repo.Arn
          Nothing:
"""


def read(text: str) -> SourceDocument:
    return read_source(text.encode(), "web.yaml")


def path(*steps: str | int) -> TemplatePath:
    return TemplatePath(("Resources", "Web", "Properties", *steps))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"- a\n- b\n", "web.yaml, line 1, column 1: a template is a map, and this is a list"),
        (b'[{"a": 1}]', "web.yaml, line 1, column 1: a template is a map, and this is a list"),
        (b"# c\n\nhello\n", "web.yaml, line 3, column 1: a template is a map, and this is one single value"),
        (b'"Resources"', "a template is a map, and this is one single value"),
        (b"!Sub x", "line 1, column 1: a template is a map, and this is one single Fn::Sub"),
        (b"# c\n!If {a: b}", "line 2, column 1: a template is a map, and this is one single Fn::If"),
        (b"12", "a template is a map, and this is one single value"),
        (b"---\n", "web.yaml has no content"),
        (b"null\n", "web.yaml has no content"),
        (b"\n \n", "web.yaml has no content"),
        (b"\xef\xbb\xbf", "web.yaml has no content"),
        (b'{"a": 1, "b" 2}', "web.yaml, line 1, column 14: this is no JSON: a ':' is missing behind the key"),
        (b'{"a": 1,\n "b": [1,\n', "web.yaml, line 3, column 1: this is no JSON: a value is missing"),
        (b"{", "this is no JSON: a key in double quotes is missing"),
        (b"{a: [}", "web.yaml, line 1, column 6: this is no YAML"),
        (b'{"a": 1} {"b": 2}', "this is no JSON: something stands behind the end of the template"),
        (b'{"a": 1,\n "a": 2}', "line 2, column 2: the key 'a' stands twice in one map, first in line 1"),
        (b'{"a": {"b": 1, "b": 2},}', "column 16: the key 'b' stands twice"),
        (b"PK\x03\x04", "the control character 0x03"),
        (b"a: b\n\x00", "line 2, column 1: the control character 0x00"),
        (b"a: \xff\n", "line 1, column 4: the byte 0xff is no UTF-8"),
    ],
)
def test_a_file_that_is_no_template_is_refused(data: bytes, expected: str) -> None:
    with pytest.raises(UnreadableTemplateError) as caught:
        read_source(data, "web.yaml")
    assert expected in caught.value.cause
    assert caught.value.help


@pytest.mark.parametrize(
    ("text", "is_json"),
    [
        ('{"a": 1}', True),
        ('\n\t {"a": "\\ud83d\\ude00\x7f"}\n', True),
        ('{"a": 1,}', False),
        ("{a: 1}", False),
        ("# c\n{'a': 1}", False),
        ("a: 1", False),
        ('"a": 1', False),
    ],
)
def test_the_content_decides_about_the_format(text: str, is_json: bool) -> None:  # noqa: FBT001 - a row of the table
    assert read(text).is_json is is_json


def test_the_tree_is_the_long_form() -> None:
    containers = read(TEMPLATE).tree["Resources"]["Web"]["Properties"]["ContainerDefinitions"]
    assert containers[0] == {"Name": "web", "Image": {"Fn::Sub": "!PinDigest ${A}"}}
    assert containers[1] == {"Name": "two", "Image": {"Fn::If": ["c", "a", {"Ref": "B"}]}}
    assert containers[2]["Repo"] == {"Fn::GetAtt": ["Repo", "Arn"]}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), (5, 7)),
        (("Cpu",), (6, 12)),
        (("ContainerDefinitions", 0), (8, 11)),
        (("ContainerDefinitions", 0, "Image"), (9, 18)),
        (("ContainerDefinitions", 0, "Image", "Fn::Sub"), (9, 18)),
        (("ContainerDefinitions", 1, "Image", "Fn::If", 2), (10, 41)),
        (("ContainerDefinitions", 1, "Image", "Fn::If", 2, "Ref"), (10, 41)),
        (("ContainerDefinitions", 2, "Image"), (14, 13)),
        (("ContainerDefinitions", 2, "Repo", "Fn::GetAtt", 1), (15, 17)),
        (("ContainerDefinitions", 2, "Nothing"), (16, 19)),
        (("ContainerDefinitions", 2, "Missing", "Deeper"), (11, 11)),
        (("ContainerDefinitions", 9), (8, 9)),
    ],
)
def test_a_path_has_the_place_of_its_value(steps: tuple[str | int, ...], expected: tuple[int, int]) -> None:
    line, column = expected
    properties = 6 if not steps else line
    assert read(TEMPLATE).position(path(*steps)) == Position(properties, column)


def test_the_whole_template_stands_where_its_first_key_does() -> None:
    assert read(TEMPLATE).position(TemplatePath()) == Position(2, 1)


def test_an_aliased_value_stands_where_its_alias_does() -> None:
    document = read("a: &x\n  k: v\nb: *x\nc:\n  <<: *x\n")
    assert document.position(TemplatePath(("b",))) == Position(3, 4)
    assert document.position(TemplatePath(("b", "k"))) == Position(2, 6)
    assert document.position(TemplatePath(("c", "k"))) == Position(2, 6)


def test_places_in_json_are_found_too() -> None:
    document = read(json.dumps({"a": {"Fn::Sub": "x"}}, indent=1))
    assert document.position(TemplatePath(("a", "Fn::Sub"))) == Position(3, 14)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("ContainerDefinitions", 0, "Image"), True),
        (("ContainerDefinitions", 0, "Image", "Fn::Sub"), False),
        (("ContainerDefinitions", 0, "Name"), False),
        (("ContainerDefinitions", 1, "Image", "Fn::If", 2), True),
        (("ContainerDefinitions", 2, "Image"), False),
        (("ContainerDefinitions", 2, "Repo", "Fn::GetAtt", 1), False),
    ],
)
def test_short_forms_are_told_from_long_ones(steps: tuple[str | int, ...], expected: bool) -> None:  # noqa: FBT001
    assert read(TEMPLATE).is_short_form(path(*steps)) is expected


def test_an_alias_of_a_short_form_is_one() -> None:
    assert read("a: &x !Ref b\nc: *x\n").is_short_form(TemplatePath(("c",)))


def test_lines_are_given_without_their_breaks() -> None:
    document = read("a: b\r\nc: d # e\r\n")
    assert (document.line_text(2), document.line_text(3), document.line_text(9)) == ("c: d # e", "", "")


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", [TEMPLATE, '{"a": "\U0001f600"}'])
def test_without_edits_every_byte_comes_back(text: str, codec: str) -> None:
    data = ("\ufeff" + text.replace("\n", "\r\n")).encode(codec)
    document = read_source(data, "web.yaml")
    assert document.apply(()) == data
    assert document.name == "web.yaml"


def test_a_byte_order_mark_does_not_move_places() -> None:
    document = read_source(codecs.BOM_UTF8 + b"a: b", "web.yaml")
    assert document.position(TemplatePath(("a",))) == Position(1, 4)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        (
            "B: 1\n? A\n",
            "x",
            "web.yaml cannot be edited in place: read again after the edit, it is no template: web.yaml",
        ),
        ("A: x\n", 1e300, "web.yaml cannot be edited in place: read again after the edit, A would have another value"),
        ("A: x\n", "\ud83d", "cannot be edited in place"),
        ('{"A": "x"}', "\ud83d", "cannot be edited in place"),
        ('{"A": "x", "é": 1}', "\ud83d", "cannot be edited in place"),
    ],
)
def test_a_result_that_says_something_else_is_never_given(text: str, value: object, expected: str) -> None:
    with pytest.raises(UnfaithfulEdit) as caught:
        read(text).apply((Replace(TemplatePath(("A",)), value),))
    assert expected in caught.value.cause
    assert "The file was left as it is" in caught.value.help
