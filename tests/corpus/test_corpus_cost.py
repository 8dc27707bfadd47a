"""`check` of all real templates in one process costs little more than parsing them."""

from __future__ import annotations

import pytest

from support.check_process import measure
from support.corpus import CORPUS
from support.memory import AVAILABLE

pytestmark = pytest.mark.corpus


@pytest.mark.skipif(not AVAILABLE, reason="this system does not count the peak memory of a process")
def test_check_of_all_templates_is_fast_and_small() -> None:
    measured = measure(str(CORPUS))

    assert measured.code == 2, "three templates of the corpus have duplicate keys"
    # The target is 6, which `make bench` measures; tests that run at the same time cost time too.
    assert measured.seconds < 10 * measured.parsing
    assert measured.megabytes < 300
    assert measured.output < 5_000_000
