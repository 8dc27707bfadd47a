"""Every target of the fuzzer, on its seeds and on changes to them that are the same in every run."""

from __future__ import annotations

import ast
from random import Random

import pytest

from fuzz.found_inputs import FOUND
from fuzz.targets import PLANTED, TARGETS, Target, pasted

CHANGES = 2000


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_no_seed_breaks_its_target(target: Target) -> None:
    assert target.seeds
    for seed in target.seeds:
        assert len(seed) <= target.max_bytes, "the fuzzer would cut it"
        target.run(seed)


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_no_change_to_a_seed_breaks_its_target(target: Target) -> None:
    _break(target, CHANGES)


def _break(target: Target, changes: int) -> None:
    random = Random(20261125)
    for number in range(changes):
        data = target.mutate(target.seeds[number % len(target.seeds)], random)[: target.max_bytes]
        try:
            target.run(data)
        except Exception as defect:
            defect.add_note(pasted(target.name, data))
            raise


def test_a_defect_is_told_with_the_input_that_shows_it() -> None:
    with pytest.raises(KeyError) as defect:
        _break(PLANTED, CHANGES)
    (note,) = defect.value.__notes__
    name, data = ast.literal_eval(note.strip().removesuffix(","))
    assert name == PLANTED.name
    with pytest.raises(KeyError):
        PLANTED.run(data)


def test_what_was_found_stays_mended() -> None:
    for name, data in FOUND:
        TARGETS[name].run(data)


def test_changes_are_the_same_in_every_run() -> None:
    for target in TARGETS.values():
        first, second = (target.mutate(target.seeds[0], Random(7)) for _ in range(2))
        assert first == second
