"""Reading a template file: its format, tree and positions."""

from __future__ import annotations

import codecs
import json

import pytest

from image_pinner.cli.documents import InPlaceEditError, Position, SourceDocument, read_source
from image_pinner.core.errors import UnreadableTemplateError
from image_pinner.core.template.edits import Edit, InsertKey, Replace
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
        (b"- a\n- b\n", "web.yaml:1:1: template must be a mapping, got a sequence"),
        (b'[{"a": 1}]', "web.yaml:1:1: template must be a mapping, got a sequence"),
        (b"# c\n\nhello\n", "web.yaml:3:1: template must be a mapping, got a scalar"),
        (b'"Resources"', "template must be a mapping, got a scalar"),
        (b"!Sub x", "1:1: template must be a mapping, got Fn::Sub"),
        (b"# c\n!If {a: b}", "2:1: template must be a mapping, got Fn::If"),
        (b"12", "template must be a mapping, got a scalar"),
        (b"---\n", "web.yaml has no content"),
        (b"null\n", "web.yaml has no content"),
        (b"\n \n", "web.yaml has no content"),
        (b"\xef\xbb\xbf", "web.yaml has no content"),
        (b'{"a": 1, "b" 2}', "web.yaml:1:14: invalid JSON: expected ':' after the key"),
        (b'{"a": 1,\n "b": [1,\n', "web.yaml:3:1: invalid JSON: expected a value"),
        (b"{", "invalid JSON: expected a key in double quotes"),
        (b"{a: [}", "web.yaml:1:6: invalid YAML"),
        (b'{"a": 1} {"b": 2}', "invalid JSON: unexpected text after the end of the template"),
        (b'{"a": 1,\n "a": 2}', "2:2: duplicate key 'a' (first defined on line 1)"),
        (b'{"a": {"b": 1, "b": 2},}', ":16: duplicate key 'b'"),
        (b"PK\x03\x04", "control character 0x03"),
        (b"a: b\n\x00", "2:1: control character 0x00"),
        (b"a: \xff\n", "1:4: byte 0xff is not valid UTF-8"),
    ],
)
def test_file_that_is_not_a_template_is_refused(data: bytes, expected: str) -> None:
    with pytest.raises(UnreadableTemplateError) as caught:
        read_source(data, "web.yaml")
    assert expected in caught.value.cause
    assert caught.value.help[:1].islower()


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
def test_content_selects_the_format(text: str, is_json: bool) -> None:  # noqa: FBT001 - a row of the table
    assert read(text).is_json is is_json


def test_tree_has_the_long_form() -> None:
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
def test_position_of_a_path_is_that_of_its_value(steps: tuple[str | int, ...], expected: tuple[int, int]) -> None:
    line, column = expected
    properties = 6 if not steps else line
    assert read(TEMPLATE).position(path(*steps)) == Position(properties, column)


def test_position_of_the_template_is_that_of_its_first_key() -> None:
    assert read(TEMPLATE).position(TemplatePath()) == Position(2, 1)


def test_position_of_an_aliased_value_is_that_of_the_alias() -> None:
    document = read("a: &x\n  k: v\nb: *x\nc:\n  <<: *x\n")
    assert document.position(TemplatePath(("b",))) == Position(3, 4)
    assert document.position(TemplatePath(("b", "k"))) == Position(2, 6)
    assert document.position(TemplatePath(("c", "k"))) == Position(2, 6)


def test_position_in_json() -> None:
    document = read(json.dumps({"a": {"Fn::Sub": "x"}}, indent=1))
    assert document.position(TemplatePath(("a", "Fn::Sub"))) == Position(3, 14)


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", [TEMPLATE, '{"a": "\U0001f600"}'])
def test_without_edits_the_bytes_are_unchanged(text: str, codec: str) -> None:
    data = ("\ufeff" + text.replace("\n", "\r\n")).encode(codec)
    document = read_source(data, "web.yaml")
    assert document.apply(()) == data
    assert document.name == "web.yaml"


def test_byte_order_mark_does_not_shift_positions() -> None:
    document = read_source(codecs.BOM_UTF8 + b"a: b", "web.yaml")
    assert document.position(TemplatePath(("a",))) == Position(1, 4)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        (
            "B: 1\n? A\n",
            "x",
            "internal error: editing web.yaml results in no template: web.yaml",
        ),
        ("A: x\n", 1e300, "internal error: editing web.yaml results in another value at A"),
        ("A: x\n", "\ud83d", "internal error: editing web.yaml"),
        ('{"A": "x"}', "\ud83d", "internal error: editing web.yaml"),
        ('{"A": "x", "é": 1}', "\ud83d", "internal error: editing web.yaml"),
    ],
)
def test_result_that_reads_as_another_value_is_refused(text: str, value: object, expected: str) -> None:
    with pytest.raises(InPlaceEditError) as caught:
        read(text).apply((Replace(TemplatePath(("A",)), value),))
    assert expected in caught.value.cause
    assert "nothing was written" in caught.value.help


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
    ],
)
def test_preview_shows_the_changed_lines(text: str, edit: Edit, expected: str) -> None:
    assert "\n".join(read(text).preview([edit]).lines) == expected


@pytest.mark.parametrize(
    ("text", "expected", "shown"),
    [
        ("# c\nA: x\nB: y\n", "# c\nK: v\nA: x\nB: y\n", "K: v"),
        ("A: x\r\n", "K: v\r\nA: x\r\n", "K: v"),
        ("---\n  A: x\n  B: y", "---\n  K: v\n  A: x\n  B: y", "  K: v"),
        ("? A\n: x\n", "K: v\n? A\n: x\n", "K: v"),
        ("&root\nA: x\n", "&root\nK: v\nA: x\n", "K: v"),
        ("{A: x, B: y}\n", "{K: v, A: x, B: y}\n", "{K: v, A: x, B: y}"),
        ("{\n  A: x\n}\n", "{\n  K: v,\n  A: x\n}\n", "  K: v,"),
        ("{}\n", "{K: v}\n", "{K: v}"),
        ('{"A": "x"}', '{"K": "v", "A": "x"}', '{"K": "v", "A": "x"}'),
        ('{"A":"x"}', '{"K":"v","A":"x"}', '{"K":"v","A":"x"}'),
        ('{\n  "A": "x",\n  "B": 1\n}', '{\n  "K": "v",\n  "A": "x",\n  "B": 1\n}', '  "K": "v",'),
        ("{}", '{"K": "v"}', '{"K": "v"}'),
    ],
)
def test_a_key_without_another_before_it_becomes_the_first(text: str, expected: str, shown: str) -> None:
    edit = InsertKey(TemplatePath(), "K", "v", "")
    document = read(text)
    assert document.apply((edit,)).decode().replace('"', "") == expected.replace('"', "")
    assert "\n".join(document.preview([edit]).lines).replace('"', "") == shown.replace('"', "")


@pytest.mark.parametrize("text", ["A: " + "x" * 1_000 + "\n", '{"Z": "' + "z" * 900 + '", "A": "' + "x" * 1_000 + '"}'])
def test_excerpts_and_previews_of_long_lines_are_short(text: str) -> None:
    document = read(text)

    excerpt, preview = document.excerpt(AT_A), document.preview([Replace(AT_A, "p")])

    assert len(excerpt.line) <= 121
    assert excerpt.line[excerpt.start :].lstrip('"').startswith("xxx")
    assert all(len(line) <= 121 for line in preview.lines)
    assert len(document.preview([Replace(AT_A, {str(n): n for n in range(99)})]).lines) <= 12
