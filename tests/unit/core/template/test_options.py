from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.images.platforms import Platform
from image_pinner.core.template.options import (
    OPTION_RULES,
    AnyPlatform,
    Level,
    Options,
    Pin,
    Record,
    Refresh,
    WhenMissing,
    read_options,
)

ARM64 = Platform("linux", "arm64")
ODD_VALUES = [None, True, 5, 1.5, "", " ", "x", [], [5], [""], ["x", None], [["x"]], {}, {"a": 1}]


def refusal(options: Any, level: Level = Level.TEMPLATE) -> InvalidOptionError:
    with pytest.raises(InvalidOptionError) as caught:
        read_options(options, level)
    return caught.value


@pytest.mark.parametrize("name", ["pin", "PIN", "Pinn", "Platforms", "Image", "", " Pin", 5, None, True, "x" * 500])
def test_an_unknown_option_is_refused_with_the_known_ones_as_help(name: Any) -> None:
    error = refusal({name: "x"})
    assert error.cause.startswith("unknown option ")
    assert len(error.cause) < 120
    assert error.help == (
        "use one of Pin, Platform, WhenMissing, WhenMoved, Record, Refresh, StackName, Service, Family, Lock, Gates"
    )
    help_at_a_resource = refusal({name: "x"}, Level.RESOURCE).help
    assert help_at_a_resource == "use one of Pin, Platform, WhenMissing, WhenMoved, Record, Refresh, Service, Family"
    help_at_an_image = refusal({name: "x"}, Level.IMAGE).help
    assert help_at_an_image == "use one of Platform, WhenMissing, WhenMoved, Record, Refresh"


RESOURCE_HELP = "set it in the Metadata of the resource"
TEMPLATE_HELP = "set it in the Transform or the Metadata of the template"


@pytest.mark.parametrize(
    ("name", "level", "owner", "help"),
    [
        ("Pin", Level.IMAGE, "image", RESOURCE_HELP),
        ("Service", Level.IMAGE, "image", RESOURCE_HELP),
        ("Family", Level.IMAGE, "image", RESOURCE_HELP),
        ("StackName", Level.IMAGE, "image", TEMPLATE_HELP),
        ("StackName", Level.RESOURCE, "resource", TEMPLATE_HELP),
        ("Lock", Level.IMAGE, "image", TEMPLATE_HELP),
        ("Lock", Level.RESOURCE, "resource", TEMPLATE_HELP),
    ],
)
@pytest.mark.parametrize("value", ["", "All", "x/y", None, []])
def test_an_option_is_refused_below_its_level_whatever_its_value(
    name: str, level: Level, owner: str, help: str, value: Any
) -> None:
    error = refusal({name: value}, level)
    assert error.cause == f"option {name} cannot be set for a single {owner}"
    assert error.help == help


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("StackName", value)
            for value in ["1shop", "-shop", "shop_web", "shop web", "s" * 129, "shop\n", "shöp", " "]
        ),
        *(
            ("Service", value)
            for value in ["web", "a/b/c", "/web", "shop/", "shop/web x", f"shop/{'w' * 256}", "a/b\n"]
        ),
        *(("Service", value) for value in [["web"], ["shop/web", 5], ["shop/web", ["x"]], {"a": "shop/web"}]),
        *(("Family", value) for value in ["web:3", "a/b", "w" * 256, "web\n", "wéb", ["web"]]),
        *(
            ("Lock", value)
            for value in ["x", "ssm:name", "ssm:/", "ssm:/a b", "s3://bucket", "s3://bucket/", "s3://b/k"]
        ),
        *(
            ("Lock", value)
            for value in ["s3://Bucket/key", "s3://bucket/a b", "s3://-bucket/k", "file:///x", "ssm:/a\n"]
        ),
        *(("Lock", value) for value in [f"ssm:/{'x' * 1011}", f"s3://bucket/{'k' * 1025}", "https://example.com/x"]),
        *((name, value) for name in ("StackName", "Service", "Family", "Lock") for value in [None, True, 5, {}]),
    ],
)
def test_a_text_of_another_form_is_refused_with_the_form_as_help(name: str, value: Any) -> None:
    forms = {
        "StackName": "!Ref AWS::StackName",
        "Service": "cluster/service, or a list of them",
        "Family": "the family of a task definition",
        "Lock": "ssm:/name or s3://bucket/key",
    }
    error = refusal({name: value})
    assert error.cause.startswith("invalid value ")
    assert error.cause.endswith(f" for option {name}")
    assert error.help == f"write {forms[name]}"


@pytest.mark.parametrize("name", ["Pin", "Service"])
def test_lists_are_limited(name: str) -> None:
    with pytest.raises(InvalidOptionError, match=f"{name} has more than"):
        read_options({name: [f"shop/web-{number}" for number in range(1_001)]}, Level.RESOURCE)


@pytest.mark.parametrize("name", ["StackName", "Service", "Family", "Lock"])
def test_an_empty_text_is_not_set(name: str) -> None:
    assert read_options({name: ""}, Level.TEMPLATE) == Options()


@pytest.mark.parametrize("services", [[], [""], ["", ""]])
def test_a_list_without_services_is_not_set(services: list[str]) -> None:
    assert read_options({"Service": services}, Level.RESOURCE) == Options()


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
        ("Refresh", "always", "write one of Always, OnChange, Never"),
    ],
)
def test_the_help_for_an_invalid_value_lists_the_valid_ones(name: str, value: Any, help: str) -> None:
    assert refusal({name: value}).help == help


def test_a_duplicate_option_is_refused() -> None:
    error = refusal([("Platform", "Any"), ("Record", "None"), ("Platform", "Any")], Level.IMAGE)
    assert error.cause == "duplicate option Platform"


def test_pin_cannot_be_set_for_an_image() -> None:
    error = refusal({"Pin": "All"}, Level.IMAGE)
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
        ({"Refresh": "Always"}, Options(refresh=Refresh.ALWAYS)),
        ({"Refresh": "OnChange"}, Options(refresh=Refresh.ON_CHANGE)),
        ({"Refresh": "Never"}, Options(refresh=Refresh.NEVER)),
        ({"StackName": "shop-1"}, Options(stack_name="shop-1")),
        ({"StackName": "s" * 128}, Options(stack_name="s" * 128)),
        ({"Service": "shop/web_1"}, Options(services=("shop/web_1",))),
        ({"Service": ["shop/web", "", "shop/api"]}, Options(services=("shop/web", "shop/api"))),
        ({"Family": "web_1-x"}, Options(family="web_1-x")),
        ({"Lock": "ssm:/team/images.lock"}, Options(lock="ssm:/team/images.lock")),
        ({"Lock": "s3://my.bucket/a/images.lock.json"}, Options(lock="s3://my.bucket/a/images.lock.json")),
        (
            {"Pin": "All", "Platform": "Any", "Record": "None"},
            Options(pin=Pin.ALL, platform=AnyPlatform.ANY, record=Record.NONE),
        ),
    ],
)
def test_options_are_read(written: dict[str, Any], options: Options) -> None:
    assert read_options(written, Level.TEMPLATE) == options


def test_the_more_specific_level_takes_precedence_for_each_option() -> None:
    near = Options(platform=ARM64, record=Record.NONE)
    far = Options(pin=Pin.ALL, platform=AnyPlatform.ANY, when_missing=WhenMissing.KEEP_TAG)
    both = Options(pin=Pin.ALL, platform=ARM64, when_missing=WhenMissing.KEEP_TAG, record=Record.NONE)
    assert near.over(far) == both
    assert near.over(Options()) == near
    assert Options().over(far) == far


@pytest.mark.parametrize("near", [Options(family="jobs"), Options(services=("main/jobs",))])
@pytest.mark.parametrize("far", [Options(family="web"), Options(services=("main/web",))])
def test_a_service_or_family_replaces_those_of_a_less_specific_level(near: Options, far: Options) -> None:
    assert near.over(far) == near
    assert near.over(far._replace(record=Record.NONE)) == near._replace(record=Record.NONE)


@pytest.mark.parametrize(
    ("name", "value", "level"),
    [
        ("Refresh", "Never", Level.IMAGE),
        ("Service", "shop/web", Level.RESOURCE),
        ("Family", "web", Level.RESOURCE),
        ("StackName", "shop", Level.TEMPLATE),
        ("Lock", "ssm:/lock", Level.TEMPLATE),
    ],
)
def test_an_option_can_be_set_at_its_level_and_above(name: str, value: str, level: Level) -> None:
    read = [read_options({name: value}, above) for above in Level if above >= level]
    assert read
    assert all(options == read[0] != Options() for options in read)


def test_every_option_is_documented() -> None:
    assert refusal({"x": 1}).help == f"use one of {', '.join(rule.name for rule in OPTION_RULES)}"
    assert all(rule.meaning.endswith(".") and rule.values for rule in OPTION_RULES)


def test_every_field_has_one_option() -> None:
    assert tuple(rule.field for rule in sorted(OPTION_RULES, key=lambda rule: Options._fields.index(rule.field))) == (
        Options._fields
    )
