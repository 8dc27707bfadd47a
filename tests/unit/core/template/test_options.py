from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.images.platforms import Platform
from image_pinner.core.template.options import (
    OPTION_RULES,
    AnyPlatform,
    Options,
    Pin,
    Record,
    WhenMissing,
    known_options,
    read_options,
)

ARM = Platform("linux", "arm64")
ODD_VALUES = [None, True, 5, 1.5, "", " ", "x", [], [5], [""], ["x", None], [["x"]], {}, {"a": 1}]


def refusal(options: Any, *, of_image: bool = False) -> InvalidOptionError:
    with pytest.raises(InvalidOptionError) as caught:
        read_options(options, of_image=of_image)
    return caught.value


@pytest.mark.parametrize("name", ["pin", "PIN", "Pinn", "Platforms", "Image", "", " Pin", 5, None, True, "x" * 500])
def test_an_unknown_option_is_refused_and_the_known_ones_are_listed(name: Any) -> None:
    error = refusal({name: "x"})
    assert "is no option" in error.cause
    assert len(error.cause) < 120
    assert error.help == "The options are Pin, Platform, WhenMissing, WhenMoved, Record, Refresh"
    assert (
        refusal({name: "x"}, of_image=True).help == "The options are Platform, WhenMissing, WhenMoved, Record, Refresh"
    )


@pytest.mark.parametrize("name", ["Lock", "StackName", "Service", "Family"])
@pytest.mark.parametrize("value", ["x", "", None, [], {"Ref": "AWS::StackName"}])
def test_an_option_of_a_later_step_is_refused_by_name(name: str, value: Any) -> None:
    error = refusal({name: value}, of_image=True)
    assert error.cause == f"the option {name} is not available yet"
    assert error.help == "Remove it"
    assert refusal({name: value}).cause == error.cause


@pytest.mark.parametrize("value", ["OnChange", "Never"])
def test_keeping_what_is_deployed_is_refused_by_name(value: str) -> None:
    error = refusal({"Refresh": value})
    assert error.cause == f"Refresh={value} is not available yet"
    assert "every time" in error.help


@pytest.mark.parametrize("value", ODD_VALUES)
@pytest.mark.parametrize("name", ["Pin", "Platform", "WhenMissing", "Record", "Refresh"])
def test_a_value_that_an_option_does_not_take_is_refused(name: str, value: Any) -> None:
    error = refusal({name: value})
    assert (repr(value) if value != [["x"]] else "a nested list") in error.cause
    assert error.help.lower().startswith("write ")


@pytest.mark.parametrize("name", ["Pin", "Platform", "WhenMissing", "Record", "Refresh"])
@pytest.mark.parametrize("kind", ["list", "map"])
def test_no_depth_of_a_value_ends_its_refusal(name: str, kind: str) -> None:
    deep: Any = "x"
    for _ in range(3_000):
        deep = [deep] if kind == "list" else {"k": deep}
    assert refusal({name: deep}).cause.endswith(f" cannot be a nested {kind}")


def test_a_long_value_does_not_fill_the_message() -> None:
    assert len(refusal({"Record": "x" * 50_000}).cause) < 120
    assert len(refusal({"Pin": ["x" * 50_000, 5]}).cause) < 120


@pytest.mark.parametrize(
    ("name", "value", "help"),
    [
        ("Pin", "web", "Write Marked, All, Skip or a list of container names"),
        ("Pin", "all", "Write Marked, All, Skip or a list of container names"),
        ("Pin", [], "Write a list of container names"),
        ("Platform", "arm64", "write os/architecture, for example linux/amd64, or Any"),
        ("Platform", ["linux/arm64"], "Write linux/arm64 for example, or Any"),
        ("WhenMissing", "Keep", "Write one of Fail, KeepTag"),
        ("Record", "none", "Write one of Label, Metadata, None"),
        ("Record", None, "Write one of Label, Metadata, None"),
        ("Refresh", "always", "Write Always"),
    ],
)
def test_a_refused_value_is_told_with_what_to_write(name: str, value: Any, help: str) -> None:
    assert refusal({name: value}).help == help


def test_an_option_that_stands_twice_is_refused() -> None:
    error = refusal([("Platform", "Any"), ("Record", "None"), ("Platform", "Any")], of_image=True)
    assert error.cause == "the option Platform stands twice"


def test_pin_cannot_stand_at_an_image() -> None:
    error = refusal({"Pin": "All"}, of_image=True)
    assert error.cause == "the option Pin cannot stand at a single image"
    assert "Metadata" in error.help


@pytest.mark.parametrize(
    ("written", "options"),
    [
        ({}, Options()),
        ({"Pin": "Marked"}, Options(pin=Pin.MARKED)),
        ({"Pin": "All"}, Options(pin=Pin.ALL)),
        ({"Pin": "Skip"}, Options(pin=Pin.SKIP)),
        ({"Pin": ["web", "sidecar"]}, Options(pin=("web", "sidecar"))),
        ({"Platform": "linux/arm64"}, Options(platform=ARM)),
        ({"Platform": "Any"}, Options(platform=AnyPlatform.ANY)),
        ({"WhenMissing": "Fail"}, Options(when_missing=WhenMissing.FAIL)),
        ({"WhenMissing": "KeepTag"}, Options(when_missing=WhenMissing.KEEP_TAG)),
        ({"Record": "Label"}, Options(record=Record.LABEL)),
        ({"Record": "Metadata"}, Options(record=Record.METADATA)),
        ({"Record": "None"}, Options(record=Record.NONE)),
        ({"Refresh": "Always"}, Options()),
        (
            {"Pin": "All", "Platform": "Any", "Record": "None"},
            Options(pin=Pin.ALL, platform=AnyPlatform.ANY, record=Record.NONE),
        ),
    ],
)
def test_options_are_read(written: dict[str, Any], options: Options) -> None:
    assert read_options(written, of_image=False) == options


def test_the_nearer_level_wins_option_by_option() -> None:
    near = Options(platform=ARM, record=Record.NONE)
    far = Options(pin=Pin.ALL, platform=AnyPlatform.ANY, when_missing=WhenMissing.KEEP_TAG)
    both = Options(pin=Pin.ALL, platform=ARM, when_missing=WhenMissing.KEEP_TAG, record=Record.NONE)
    assert near.over(far) == both
    assert near.over(Options()) == near
    assert Options().over(far) == far


def test_every_option_that_can_be_written_is_explained_for_a_table() -> None:
    shown = [rule for rule in OPTION_RULES if rule.values]
    assert known_options(of_image=False) == ", ".join(rule.name for rule in shown)
    assert all(rule.meaning.endswith(".") for rule in shown)
