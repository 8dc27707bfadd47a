"""Nothing that registries send in one event stays in the memory of a function for the next one."""

from __future__ import annotations

import tracemalloc

from image_pinner.sources.call_stats import MAX_CALLS, Calls, CallStats
from image_pinner.sources.http.errors import parse_http_url


def test_long_urls_of_redirects_are_not_kept() -> None:
    tracemalloc.start()
    try:
        for number in range(1000):
            parse_http_url(f"https://{number}.example.com/{'a' * 60_000}")
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
