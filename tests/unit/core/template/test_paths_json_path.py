from __future__ import annotations

import re

import pytest

from image_pinner.core.errors import InvalidPathError
from image_pinner.core.template import paths
from image_pinner.core.template.locations import image_locations
from image_pinner.core.template.paths import Descend, Every, Field, Index, PathStep, Where, parse_image_path


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "[",
        "((((",
        "$.",
        "$.a.",
        "$.a[\\",
        "'",
        "\x00",
        "$.a + 1",
        "$.Fn::ForEach::X",
        "$.a.`len`",
        "$.a[?(@.b=='x']",
        "$.é",
    ],
)
def test_an_invalid_expression_is_refused(text: str) -> None:
    with pytest.raises(InvalidPathError, match="is not a valid JSONPath expression") as caught:
        parse_image_path(text)
    assert "\n" not in caught.value.cause
    assert caught.value.help


@pytest.mark.parametrize(
    "text",
    [
        "$.a[0:1]",
        "$.a[1:]",
        "$.a[0,1]",
        "$.a,b",
        "$.a | $.b",
        "$.a & $.b",
        "$.a where b",
        "$.a.`parent`",
        "$.a[?(@.b)]",
        "$.a[?(@.b>1)]",
        "$.a[?(@.b!='x')]",
        "$.a[?(@=='x')]",
        "$.a[?b=='x']",
        "$.a[?(@.b=='x' & @.c=='y')]",
        "$.a[?(@.b=='x' && @.c=='y')]",
        "$.a[?(@.b[0]=='x')]",
        "$.a[?(@.b.c=='x')]",
        "$.a[?(@.*=='x')]",
        "$.a[?(@..b=='x')]",
        "$.a[?(1==1)]",
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # jsonpath-ng announces the end of some operators
def test_an_unsupported_operator_is_refused(text: str) -> None:
    with pytest.raises(InvalidPathError) as caught:
        parse_image_path(text)
    assert repr(text) in caught.value.cause
    assert "filters" in caught.value.help


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("$", ()),
        ("$.Image", (Field("Image"),)),
        ("Image", (Field("Image"),)),
        ("$['a.b']", (Field("a.b"),)),
        ("$.'Fn::ForEach::X'", (Field("Fn::ForEach::X"),)),
        ("$.ContainerDefinitions[*].Image", (Field("ContainerDefinitions"), Every(), Field("Image"))),
        ("$.Types.*.Image", (Field("Types"), Every(), Field("Image"))),
        ("$.Architectures[0]", (Field("Architectures"), Index(0))),
        ("$.a[-1]", (Field("a"), Index(-1))),
        ("$..Image", (Descend(), Field("Image"))),
        ("$.a..Image", (Field("a"), Descend(), Field("Image"))),
        (
            "$.Resources[?(@.Type=='Custom::App')].Properties.Image",
            (Field("Resources"), Where("Type", "Custom::App"), Field("Properties"), Field("Image")),
        ),
        ("$.a[?(@.b==1)]", (Field("a"), Where("b", 1))),
        ("$.a[?(@.b=true)]", (Field("a"), Where("b", value=True))),
    ],
)
def test_an_expression_is_parsed_to_steps(text: str, steps: tuple[PathStep, ...]) -> None:
    assert parse_image_path(text) == steps


@pytest.mark.parametrize("path", sorted({row.path for rows in image_locations().values() for row in rows}))
def test_plain_paths_are_parsed_as_by_the_library(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = parse_image_path.__wrapped__(path)
    monkeypatch.setattr(paths, "_PLAIN_PATH", re.compile("(?!)"))
    assert parse_image_path.__wrapped__(path) == expected
