"""No template can make evaluating its expressions take more memory or time than a macro has for one event."""

from __future__ import annotations

import pytest

from support import memory
from support.macro_process import DEADLINE, measure
from support.worst_templates import WORST_TEMPLATES

MAX_BYTES = 1_200_000
MAX_MEGABYTES = 200


@pytest.mark.skipif(not memory.AVAILABLE, reason="reads /proc")
@pytest.mark.parametrize("name", WORST_TEMPLATES)
def test_a_template_of_a_megabyte_stays_within_the_limits(name: str) -> None:
    measured = measure(name)
    assert measured.size < MAX_BYTES
    assert "internal error" not in measured.message
    assert 1 < measured.megabytes < MAX_MEGABYTES
    assert measured.seconds < DEADLINE / 1000


@pytest.mark.skipif(not memory.AVAILABLE, reason="reads /proc")
def test_the_message_names_the_expression_and_the_limit() -> None:
    message = measure("2,000 images of 900 KB each").message
    assert "ContainerDefinitions[10].Image: the expressions of the template produce more than 20,000,000 " in message
