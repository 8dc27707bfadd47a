"""Run every target of the fuzzer on its seeds, and on the same mutations of them in every run."""

from __future__ import annotations

import ast
from random import Random

import pytest

from fuzz.found_inputs import FOUND
from fuzz.targets import PLANTED, TARGETS, Target, found_line

MUTATIONS = 2000


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_no_seed_makes_its_target_fail(target: Target) -> None:
    assert target.seeds
    for seed in target.seeds:
        assert len(seed) <= target.max_bytes, "the fuzzer would truncate it"
        target.run(seed)


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_no_mutation_of_a_seed_makes_its_target_fail(target: Target) -> None:
    _run_mutations(target, MUTATIONS)


def _run_mutations(target: Target, mutations: int) -> None:
    random = Random(20261125)
    for number in range(mutations):
        data = target.mutate(target.seeds[number % len(target.seeds)], random)[: target.max_bytes]
        try:
            target.run(data)
        except Exception as error:
            error.add_note(found_line(target.name, data))
            raise


def test_a_failure_is_reported_with_its_input() -> None:
    with pytest.raises(KeyError) as raised:
        _run_mutations(PLANTED, MUTATIONS)
    (note,) = raised.value.__notes__
    name, data = ast.literal_eval(note.strip().removesuffix(","))
    assert name == PLANTED.name
    with pytest.raises(KeyError):
        PLANTED.run(data)


def test_found_inputs_do_not_fail_again() -> None:
    for name, data in FOUND:
        TARGETS[name].run(data)


def test_mutations_are_the_same_in_every_run() -> None:
    for target in TARGETS.values():
        first, second = (target.mutate(target.seeds[0], Random(7)) for _ in range(2))
        assert first == second
