"""A small budget that counts what evaluating expressions costs."""

from __future__ import annotations

from typing import Any

from image_pinner.core.intrinsics.budget import Budget
from image_pinner.core.intrinsics.values import Known, Outcome, Pending, Unknown

STEPS, CHARACTERS = 2_000, 20_000


class CountingBudget(Budget):
    """A budget of `steps` and `characters` that counts what was spent, the call that exceeds it included."""

    def __init__(self, steps: int = STEPS, characters: int = CHARACTERS) -> None:
        super().__init__()
        self._steps, self._characters = steps, characters
        self.steps = 0
        self.characters = 0
        self.last = 0
        """The characters of the last text or list."""

    def spend_step(self) -> None:
        self.steps += 1
        super().spend_step()

    def spend_text(self, characters: int, elements: int = 0) -> None:
        before = self._characters
        try:
            super().spend_text(characters, elements)
        finally:
            self.last = before - self._characters
            self.characters += self.last


def size_of(outcome: Outcome) -> int:
    """Return the characters of all texts in an outcome."""
    match outcome:
        case Known(value):
            return _size_of_value(value)
        case Pending(prefix=text) | Unknown(prefix=text):
            return len(text)
        case _:
            return 0


def _size_of_value(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_size_of_value, value.values()))
    return sum(map(_size_of_value, value)) if isinstance(value, list) else len(value) if isinstance(value, str) else 0
