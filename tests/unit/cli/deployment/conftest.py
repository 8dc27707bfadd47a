"""An account for each test that installs."""

from __future__ import annotations

import pytest

from unit.cli.deployment.installations import Scene


@pytest.fixture
def aws() -> Scene:
    return Scene()
