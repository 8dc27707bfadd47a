"""A sample contains the same cases in every run, and a full run all cases."""

from __future__ import annotations

import pytest

from support import sampling

CASES = list(range(1000))


def test_sample_is_sorted_and_the_same_in_every_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "ALL_TESTS", False)
    selected = sampling.sample(CASES, 10)
    assert len(set(selected)) == 10
    assert selected == sorted(selected) == sampling.sample(CASES, 10)
    assert sampling.sample(CASES[:10], 10) == CASES[:10]
    assert sampling.examples(300).max_examples == 60
    assert sampling.examples(30).max_examples == 20


def test_full_run_contains_all_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "ALL_TESTS", True)
    assert sampling.sample(CASES, 10) == CASES
    assert sampling.examples(300).max_examples == 300
