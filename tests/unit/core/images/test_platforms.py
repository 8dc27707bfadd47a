from __future__ import annotations

import pytest

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.images.platforms import Platform


@pytest.mark.parametrize(
    "text",
    ["", "linux", "linux/", "/amd64", "linux/amd64/", "linux/arm/v7/x", "linux/amd 64", "any", "a\n/b"],
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
        ("Linux/AMD64", Platform("linux", "amd64")),
        ("linux/x86-64/V3", Platform("linux", "amd64", "v3")),
        ("linux/i386", Platform("linux", "386")),
        ("linux/armhf", Platform("linux", "arm", "v7")),
        ("linux/armel", Platform("linux", "arm", "v6")),
        ("macOS/aarch64", Platform("darwin", "arm64")),
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
        ("linux/arm64/v8.0", "linux/arm64"),
    ],
)
def test_a_missing_variant_is_the_default_one(wanted: str, offered: str) -> None:
    assert Platform.parse(wanted).accepts(Platform.parse(offered))


@pytest.mark.parametrize(
    ("host", "offered"),
    [
        ("10.0.17763", "10.0.20348.1"),
        ("10.0.17763", "10.0.177630.1"),
        ("10.0.17763", "17763"),
        ("10.0.17763", "10.0.14393.1"),
        ("10.0.20348", "10.0.17763.1"),
        ("10.0.20348", "10.0.26100.1"),
        ("10.0.26100", "10.0.20347.1"),
        ("10.0.26100", "11.0.20348.1"),
        ("10.0.26100", "10.1.26100.1"),
        ("10.0.26100", "10.0.x"),
    ],
)
def test_windows_runs_no_image_of_another_build(host: str, offered: str) -> None:
    wanted = Platform("windows", "amd64", os_version=host)
    assert not wanted.accepts(Platform("windows", "amd64", os_version=offered))


@pytest.mark.parametrize("offered", ["10.0.17763.6054", "10.0.17763"])
def test_windows_runs_images_of_its_own_build(offered: str) -> None:
    wanted, image = (Platform("windows", "amd64", os_version=version) for version in ("10.0.17763", offered))
    assert wanted.accepts(image)
    assert wanted.doubt_about(image) == ""


@pytest.mark.parametrize(
    ("host", "offered", "doubt"),
    [
        ("10.0.26100", "10.0.20348.2113", "the image is for Windows 10.0.20348; a host with 10.0.26100 runs it"),
        ("10.0.26100", "10.0.25398.1", "the image is for Windows 10.0.25398; a host with 10.0.26100 runs it"),
        ("10.0.17763", "", "the image has no os.version, and runs on windows/amd64 (10.0.17763) only if it was built"),
        ("10.0.26100", "", "the image has no os.version, and runs on windows/amd64 (10.0.26100) only if it was built"),
    ],
)
def test_windows_runs_what_containerd_accepts_with_a_doubt(host: str, offered: str, doubt: str) -> None:
    wanted, image = (Platform("windows", "amd64", os_version=version) for version in (host, offered))
    assert wanted.accepts(image)
    assert wanted.doubt_about(image).startswith(doubt)


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
