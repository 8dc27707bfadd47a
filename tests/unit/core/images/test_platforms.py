from __future__ import annotations

import pytest

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.images.platforms import Platform


@pytest.mark.parametrize(
    "text",
    ["", "linux", "linux/", "/amd64", "linux/amd64/", "linux/arm/v7/x", "Linux/amd64", "linux/amd 64", "any", "a\n/b"],
)
def test_an_invalid_platform_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidOptionError, match="is not a valid platform") as caught:
        Platform.parse(text)
    assert "linux/amd64" in caught.value.help


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("linux/arm64/v8", Platform("linux", "arm64", "v8")),
        ("linux/x86_64", Platform("linux", "amd64")),
        ("linux/aarch64", Platform("linux", "arm64")),
        ("windows/amd64", Platform("windows", "amd64")),
    ],
)
def test_a_platform_is_read(text: str, platform: Platform) -> None:
    assert Platform.parse(text) == platform


@pytest.mark.parametrize(
    ("wanted", "offered"),
    [
        ("linux/amd64", "linux/arm64"),
        ("linux/amd64", "windows/amd64"),
        ("linux/arm/v7", "linux/arm/v6"),
        ("linux/arm/v6", "linux/arm"),
        ("linux/arm64/v9", "linux/arm64"),
        ("linux/amd64/v3", "linux/amd64"),
    ],
)
def test_an_image_of_another_platform_does_not_run(wanted: str, offered: str) -> None:
    assert not Platform.parse(wanted).accepts(Platform.parse(offered))


@pytest.mark.parametrize(
    ("wanted", "offered"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/amd64", "linux/amd64/v1"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/arm64", "linux/arm64/v8"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64/v8"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("linux/arm", "linux/arm/v6"),
        ("linux/arm/v7", "linux/arm/7"),
        ("linux/arm64/8", "linux/arm64"),
    ],
)
def test_a_missing_variant_is_the_default_one(wanted: str, offered: str) -> None:
    assert Platform.parse(wanted).accepts(Platform.parse(offered))


@pytest.mark.parametrize("offered", ["10.0.20348.1", "10.0.177630.1", "", "17763"])
def test_windows_runs_no_image_of_another_build(offered: str) -> None:
    wanted = Platform("windows", "amd64", os_version="10.0.17763")
    assert not wanted.accepts(Platform("windows", "amd64", os_version=offered))


@pytest.mark.parametrize("offered", ["10.0.17763.6054", "10.0.17763"])
def test_windows_runs_images_of_its_own_build(offered: str) -> None:
    wanted = Platform("windows", "amd64", os_version="10.0.17763")
    assert wanted.accepts(Platform("windows", "amd64", os_version=offered))


@pytest.mark.parametrize(
    ("platform", "text"),
    [
        (Platform("linux", "amd64"), "linux/amd64"),
        (Platform("linux", "arm", "v7"), "linux/arm/v7"),
        (Platform("windows", "amd64", os_version="10.0.17763"), "windows/amd64 (10.0.17763)"),
    ],
)
def test_a_platform_prints_as_it_is_written(platform: Platform, text: str) -> None:
    assert str(platform) == text
