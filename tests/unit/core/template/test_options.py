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
    read_options,
)

ARM64 = Platform("linux", "arm64")
ODD_VALUES = [None, True, 5, 1.5, "", " ", "x", [], [5], [""], ["x", None], [["x"]], {}, {"a": 1}]


def refusal(options: Any, *, of_image: bool = False) -> InvalidOptionError:
    with pytest.raises(InvalidOptionError) as caught:
        read_options(options, of_image=of_image)
    return caught.value


@pytest.mark.parametrize("name", ["pin", "PIN", "Pinn", "Platforms", "Image", "", " Pin", 5, None, True, "x" * 500])
def test_an_unknown_option_is_refused_with_the_known_ones_as_help(name: Any) -> None:
    error = refusal({name: "x"})
    assert error.cause.startswith("unknown option ")
    assert len(error.cause) < 120
    assert error.help == "use one of Pin, Platform, WhenMissing, WhenMoved, Record, Refresh"
    help_at_an_image = refusal({name: "x"}, of_image=True).help
    assert help_at_an_image == "use one of Platform, WhenMissing, WhenMoved, Record, Refresh"


@pytest.mark.parametrize("name", ["Lock", "StackName", "Service", "Family"])
@pytest.mark.parametrize("value", ["x", "", None, [], {"Ref": "AWS::StackName"}])
def test_an_option_that_is_not_available_yet_is_refused_by_name(name: str, value: Any) -> None:
    error = refusal({name: value}, of_image=True)
    assert error.cause == f"option {name} is not available yet"
    assert error.help == "remove it"
    assert refusal({name: value}).cause == error.cause


@pytest.mark.parametrize("value", ["OnChange", "Never"])
def test_refresh_modes_that_are_not_available_yet_are_refused_by_name(value: str) -> None:
    error = refusal({"Refresh": value})
    assert error.cause == f"Refresh={value} is not available yet"
    assert "every deployment" in error.help


@pytest.mark.parametrize("value", ODD_VALUES)
@pytest.mark.parametrize("name", ["Pin", "Platform", "WhenMissing", "Record", "Refresh"])
def test_an_invalid_value_of_an_option_is_refused(name: str, value: Any) -> None:
    error = refusal({name: value})
    assert (repr(value) if value != [["x"]] else "a nested list") in error.cause
    assert error.help.lower().startswith("write ")


@pytest.mark.parametrize("name", ["Pin", "Platform", "WhenMissing", "Record", "Refresh"])
@pytest.mark.parametrize("kind", ["list", "mapping"])
def test_a_value_nested_at_any_depth_is_refused(name: str, kind: str) -> None:
    deep: Any = "x"
    for _ in range(3_000):
        deep = [deep] if kind == "list" else {"k": deep}
    assert f"(a nested {kind})" in refusal({name: deep}).cause


def test_a_long_value_is_shortened_in_the_message() -> None:
    assert len(refusal({"Record": "x" * 50_000}).cause) < 120
    assert len(refusal({"Pin": ["x" * 50_000, 5]}).cause) < 120


@pytest.mark.parametrize(
    ("name", "value", "help"),
    [
        ("Pin", "web", "write Marked, All, Skip or a list of container names"),
        ("Pin", "all", "write Marked, All, Skip or a list of container names"),
        ("Pin", [], "write Marked, All, Skip or a list of container names"),
        ("Platform", "arm64", "write os/architecture, for example linux/amd64, or Any"),
        ("Platform", ["linux/arm64"], "write os/architecture, for example linux/arm64, or Any"),
        ("WhenMissing", "Keep", "write one of Fail, KeepTag"),
        ("Record", "none", "write one of Label, Metadata, None"),
        ("Record", None, "write one of Label, Metadata, None"),
        ("Refresh", "always", "write Always"),
    ],
)
def test_the_help_for_an_invalid_value_lists_the_valid_ones(name: str, value: Any, help: str) -> None:
    assert refusal({name: value}).help == help


def test_a_duplicate_option_is_refused() -> None:
    error = refusal([("Platform", "Any"), ("Record", "None"), ("Platform", "Any")], of_image=True)
    assert error.cause == "duplicate option Platform"


def test_pin_cannot_be_set_for_an_image() -> None:
    error = refusal({"Pin": "All"}, of_image=True)
    assert error.cause == "option Pin cannot be set for a single image"
    assert "Metadata" in error.help


@pytest.mark.parametrize(
    ("written", "options"),
    [
        ({}, Options()),
        ({"Pin": "Marked"}, Options(pin=Pin.MARKED)),
        ({"Pin": "All"}, Options(pin=Pin.ALL)),
        ({"Pin": "Skip"}, Options(pin=Pin.SKIP)),
        ({"Pin": ["web", "sidecar"]}, Options(pin=("web", "sidecar"))),
        ({"Platform": "linux/arm64"}, Options(platform=ARM64)),
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


def test_the_more_specific_level_takes_precedence_for_each_option() -> None:
    near = Options(platform=ARM64, record=Record.NONE)
    far = Options(pin=Pin.ALL, platform=AnyPlatform.ANY, when_missing=WhenMissing.KEEP_TAG)
    both = Options(pin=Pin.ALL, platform=ARM64, when_missing=WhenMissing.KEEP_TAG, record=Record.NONE)
    assert near.over(far) == both
    assert near.over(Options()) == near
    assert Options().over(far) == far


def test_every_available_option_is_documented() -> None:
    shown = [rule for rule in OPTION_RULES if rule.values]
    assert refusal({"x": 1}).help == f"use one of {', '.join(rule.name for rule in shown)}"
    assert all(rule.meaning.endswith(".") for rule in shown)
