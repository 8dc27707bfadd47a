"""Configurations of gates that try to take the macro's time."""

from __future__ import annotations

import time

import pytest

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.gates.configuration import parse_gates
from image_pinner.core.gates.enabled import judge_image
from image_pinner.core.images.globs import compile_glob
from support.gates import judged


def test_white_space_in_an_entry_takes_linear_time() -> None:
    start = time.process_time()
    with pytest.raises(InvalidOptionError):
        parse_gates(f"age.minimum=3d{' ' * 50_000}x")
    assert time.process_time() - start < 1


def test_patterns_of_the_configuration_and_a_template_are_compiled_once() -> None:
    configured, requested = (parse_gates([f"tags.deny={name}{n}*" for n in range(1_000)]) for name in "ab")
    gates = requested.over(configured).enabled
    compile_glob.cache_clear()
    for tag in ("1", "2"):
        judge_image(gates, judged(f"nginx:{tag}"))
    assert compile_glob.cache_info().misses == 2_000
