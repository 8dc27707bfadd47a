from __future__ import annotations

import gc

import pytest

from image_pinner.sources import concurrency


def test_the_collector_runs_again_even_if_the_work_fails() -> None:
    def work() -> None:
        with concurrency.paused():
            assert not gc.isenabled()
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        work()
    assert gc.isenabled()


def test_a_collector_that_did_not_run_is_left_so() -> None:
    gc.disable()
    try:
        with concurrency.paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
