"""Registries with a token service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.registries import Realm, token_realm


@pytest.fixture
def realm() -> Iterator[Realm]:
    with token_realm() as running:
        yield running


@pytest.fixture
def plain() -> Iterator[Realm]:
    """The same over plain HTTP."""
    with token_realm(secure=False) as running:
        yield running
