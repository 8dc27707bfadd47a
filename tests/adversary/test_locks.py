"""No lock file of the maximum size makes a lookup slow or its message long."""

from __future__ import annotations

import time

import pytest

from image_pinner.core.errors import ConfigurationError
from image_pinner.core.images.lookups import Unavailable
from image_pinner.core.lock_text import MAX_LOCK_BYTES, MAX_REGISTRIES, parse_lock
from support.images import lookup
from support.locks import entry, lock_data

TODAY = "2026-01-31"
LOOKUPS = [lookup(f"shop/web:{number}") for number in range(1000)]


def longest_message(data: bytes) -> int:
    """Return the length of the longest message about an image without a digest, and check that they take no time."""
    assert len(data) <= MAX_LOCK_BYTES
    lock = parse_lock(data, "ssm:/images", TODAY)
    started = time.monotonic()
    resolutions = lock.resolve_all(LOOKUPS)
    assert time.monotonic() - started < 5
    assert all(isinstance(resolution, Unavailable) for resolution in resolutions.values())
    return max(len(resolution.cause) for resolution in resolutions.values() if isinstance(resolution, Unavailable))


def test_many_entries_of_other_images() -> None:
    assert longest_message(lock_data(*(entry(image=f"docker.io/a/b:{number}") for number in range(14_000)))) < 200


def test_many_entries_of_the_same_image_for_other_platforms() -> None:
    platforms = [f"linux/arm64/v{number}" for number in range(10_000)]
    entries = [entry(image="docker.io/shop/web:1", platform=platform) for platform in platforms]
    assert longest_message(lock_data(*entries)) < 500


def test_many_registries_that_are_promoted_to_the_same_one() -> None:
    hosts = [f"r{number}.example.com" for number in range(MAX_REGISTRIES)]
    entries = [
        entry(image=f"{host}/shop/web:{tag}", digest=f"sha256:{number:064x}")
        for number, host in enumerate(hosts)
        for tag in range(40)
    ]
    assert longest_message(lock_data(*entries, map=dict.fromkeys(hosts, "docker.io"))) < 1500


def test_too_many_registries_are_refused() -> None:
    registries = {f"r{number}.example.com": "docker.io" for number in range(90_000)}
    with pytest.raises(ConfigurationError, match=r'"map" has 90,000 entries, more than 200'):
        parse_lock(lock_data(map=registries), "ssm:/images", TODAY)
