"""A run of a sample tests the same cases each time, and a full run leaves none out."""

from __future__ import annotations

import pytest

from support import sampling

CASES = list(range(1000))


def test_a_sample_is_in_order_and_the_same_in_every_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "ALL_TESTS", False)
    chosen = sampling.sample(CASES, 10)
    assert len(set(chosen)) == 10
    assert chosen == sorted(chosen) == sampling.sample(CASES, 10)
    assert sampling.sample(CASES[:10], 10) == CASES[:10]
    assert sampling.examples(300).max_examples == 60
    assert sampling.examples(30).max_examples == 20


def test_a_full_run_leaves_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "ALL_TESTS", True)
    assert sampling.sample(CASES, 10) == CASES
    assert sampling.examples(300).max_examples == 300
