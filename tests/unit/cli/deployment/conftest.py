"""A fake AWS account for each test."""

from __future__ import annotations

import pytest

from support.deployment.scene import Scene


@pytest.fixture
def aws() -> Scene:
    return Scene()
