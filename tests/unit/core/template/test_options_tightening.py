from __future__ import annotations

import pytest

from image_pinner.core.images.platforms import Platform
from image_pinner.core.template.options import (
    AnyPlatform,
    Options,
    Pin,
    Record,
    WhenMissing,
    WhenMoved,
    find_loosened_option,
)

ARM64 = Platform("linux", "arm64")


@pytest.mark.parametrize(
    ("expected", "operator", "looser"),
    [
        (Options(when_missing=WhenMissing.KEEP_TAG), Options(when_missing=WhenMissing.FAIL), "WhenMissing=KeepTag"),
        (Options(pin=Pin.MARKED), Options(pin=Pin.ALL), "Pin selects fewer images"),
        (Options(pin=Pin.SKIP), Options(pin=Pin.ALL), "Pin selects fewer images"),
        (Options(pin=("web",)), Options(pin=Pin.ALL), "Pin selects fewer images"),
        (Options(pin=Pin.MARKED), Options(pin=("web",)), "Pin selects fewer images"),
        (Options(pin=Pin.SKIP), Options(pin=("web",)), "Pin selects fewer images"),
        (Options(pin=("db",)), Options(pin=("web",)), "Pin selects fewer images"),
        (Options(platform=AnyPlatform.ANY), Options(platform=ARM64), "Platform=linux/arm64"),
        (Options(when_moved=WhenMoved.WARN), Options(when_moved=WhenMoved.FAIL), "WhenMoved=Warn"),
        (Options(platform=Platform("linux", "amd64")), Options(platform=ARM64), "Platform=linux/arm64"),
        (Options(record=Record.NONE), Options(record=Record.LABEL), "Record=None"),
        (Options(record=Record.METADATA), Options(record=Record.LABEL), "Record=Metadata"),
        (Options(record=Record.NONE), Options(record=Record.METADATA), "Record=None"),
    ],
)
def test_a_template_cannot_loosen_the_configuration(expected: Options, operator: Options, looser: str) -> None:
    assert looser in find_loosened_option(expected, operator)


@pytest.mark.parametrize(
    ("expected", "operator"),
    [
        (Options(), Options(Pin.ALL, ARM64, WhenMissing.FAIL, Record.LABEL)),
        (Options(pin=Pin.SKIP, platform=AnyPlatform.ANY, when_missing=WhenMissing.KEEP_TAG), Options()),
        (Options(pin=Pin.ALL), Options(pin=Pin.MARKED)),
        (Options(pin=Pin.ALL), Options(pin=("web",))),
        (Options(pin=("db", "web")), Options(pin=("web",))),
        (Options(platform=ARM64), Options(platform=ARM64)),
        (Options(when_moved=WhenMoved.FAIL), Options(when_moved=WhenMoved.WARN)),
        (Options(platform=ARM64), Options(platform=AnyPlatform.ANY)),
        (Options(when_missing=WhenMissing.FAIL), Options(when_missing=WhenMissing.KEEP_TAG)),
        (Options(record=Record.LABEL), Options(record=Record.METADATA)),
        (Options(record=Record.METADATA), Options(record=Record.NONE)),
    ],
)
def test_a_template_may_tighten_the_configuration(expected: Options, operator: Options) -> None:
    assert find_loosened_option(expected, operator) == ""
