"""A registry with one image, and a registry with a token service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edge_cases.edge_pins import MANIFEST
from support.registries import Realm, ScriptedRegistry, sent, token_realm


@pytest.fixture
def registry() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(lambda _: sent(MANIFEST)) as running:
        yield running


@pytest.fixture
def realm() -> Iterator[Realm]:
    with token_realm() as running:
        yield running
