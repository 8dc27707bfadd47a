"""What all unit tests share: no setting of this machine reaches them, not even those of the other tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


# Of the module, not of the test: hypothesis rejects fixtures of a test that stay the same for all of its examples.
@pytest.fixture(scope="module", autouse=True)
def _no_settings_of_this_machine() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("IMAGE_PINNER_")]:
            patch.delenv(name)
        yield
