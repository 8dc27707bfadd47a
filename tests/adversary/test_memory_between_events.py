"""Nothing long that a template contains or a registry sends stays in the memory of a function for the next event."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from image_pinner.core.images.ecr import partition_of
from image_pinner.core.images.registries import is_ecr
from image_pinner.sources.call_stats import MAX_CALLS, Calls, CallStats
from image_pinner.sources.http.errors import parse_http_url


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_http_url, "https://{number}.example.com/{long}"),
        (is_ecr, "{number}.dkr.ecr.us-{long}-1.amazonaws.com"),
        (is_ecr, "{number}.{long}.example.com"),
        (partition_of, "us-{long}-{number}"),
    ],
)
def test_long_texts_are_not_kept(parse: Callable[[str], object], text: str) -> None:
    tracemalloc.start()
    try:
        for number in range(300):
            parse(text.format(number=number, long="a" * 60_000))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000


def test_the_names_of_redirect_targets_are_not_kept() -> None:
    call_stats = CallStats()
    before = call_stats.snapshot()
    names = [f"GET {number}.example.com" for number in range(MAX_CALLS + 1)]
    for name in names:
        with call_stats.attempt(name):
            pass
    assert list(call_stats.since(before).attempts) == sorted(names)
    assert call_stats.snapshot() == Calls({}, {})
