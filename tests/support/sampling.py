"""Sample the cases of the slowest tests: `make test` runs a sample, `make test-all` all of them."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import settings

T = TypeVar("T")

ALL_TESTS = bool(os.environ.get("ALL_TESTS"))
"""Whether to run all cases."""

_SEED = 8
_EXAMPLES, _FEWEST_EXAMPLES = 0.2, 20


def sample(cases: Sequence[T], size: int) -> list[T]:
    """Return all cases in a full run, otherwise the same `size` of them in every process and run, in order."""
    if ALL_TESTS or len(cases) <= size:
        return list(cases)
    return [cases[number] for number in sorted(random.Random(_SEED).sample(range(len(cases)), size))]


def examples(number: int) -> settings:
    """Return the settings of a property test with `number` examples in a full run, the same ones in every run."""
    wanted = number if ALL_TESTS else max(_FEWEST_EXAMPLES, int(number * _EXAMPLES))
    return settings(max_examples=wanted, derandomize=True)
