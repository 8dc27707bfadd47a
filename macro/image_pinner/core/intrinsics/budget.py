"""The budget of an event: how much evaluating the expressions of one template may cost.

A template of a few kilobytes can require gigabytes of text or hours of work, and the function serves all templates of
an account. The limits are far above what real templates need: tests/adversary has the figures.
"""

from __future__ import annotations

from collections.abc import Callable

from image_pinner.core.errors import TemplateError

MAX_STEPS = 2_000_000
"""Functions, mappings and lists that are evaluated, repetitions included."""
MAX_CHARACTERS = 20_000_000
"""Characters of all texts that are read or produced, intermediate ones included; an element of a list counts as 64."""
_ELEMENT = 64
_STEPS_PER_CHECK = 2_000


class BudgetExceededError(TemplateError):
    """Evaluating the template costs too much, or takes too long."""


class Budget:
    """What is left of the limits; `is_late` returns whether the deadline has passed."""

    __slots__ = ("_characters", "_is_late", "_steps")

    def __init__(self, is_late: Callable[[], bool] = lambda: False) -> None:
        self._is_late = is_late
        self._steps = MAX_STEPS
        self._characters = MAX_CHARACTERS

    def spend_step(self) -> None:
        """Count one step.

        Raises:
            BudgetExceededError: There are no steps left, or the deadline has passed.
        """
        self._steps -= 1
        if self._steps < 0:
            raise BudgetExceededError(
                f"the expressions of the template take more than {MAX_STEPS:,} steps to evaluate", "simplify them"
            )
        if self._steps % _STEPS_PER_CHECK == 0 and self._is_late():
            raise BudgetExceededError("evaluating the expressions of the template takes too long", "simplify them")

    def spend_text(self, characters: int, elements: int = 0) -> None:
        """Count a text or list that an expression produced.

        Raises:
            BudgetExceededError: There are no characters left.
        """
        self._characters -= characters + _ELEMENT * elements
        if self._characters < 0:
            raise BudgetExceededError(
                f"the expressions of the template produce more than {MAX_CHARACTERS:,} characters", "simplify them"
            )
