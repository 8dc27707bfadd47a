"""How much of the slowest tests runs: a sample of their cases in `make test`, all of them in `make test-all`."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import settings

T = TypeVar("T")

ALL_TESTS = bool(os.environ.get("ALL_TESTS"))
"""Whether this run leaves nothing out."""

_SEED = 8
_EXAMPLES, _FEWEST_EXAMPLES = 0.2, 20


def sample(cases: Sequence[T], size: int) -> list[T]:
    """Return all cases in a full run, and else `size` of them: in order, the same ones in every process and run."""
    if ALL_TESTS or len(cases) <= size:
        return list(cases)
    return [cases[number] for number in sorted(random.Random(_SEED).sample(range(len(cases)), size))]


def examples(number: int) -> settings:
    """Return the settings of a property with `number` examples in a full run; they are the same in every run."""
    wanted = number if ALL_TESTS else max(_FEWEST_EXAMPLES, int(number * _EXAMPLES))
    return settings(max_examples=wanted, derandomize=True)
