"""Paths in a template, printed as people write them: `Resources.Web.Properties.ContainerDefinitions[0].Image`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

Step = str | int
_PLAIN = re.compile(r"[A-Za-z0-9_:-]+", re.ASCII)


class TemplatePath(NamedTuple):
    """Where something stands, from the root of the template or of the fragment.

    Args:
        steps: Keys of maps and indices of lists, from the root down. Intrinsics are maps in their long form, so the
            first arm of an `Fn::If` is reached by `"Fn::If", 1`.
    """

    steps: tuple[Step, ...] = ()

    def child(self, *steps: Step) -> TemplatePath:
        """Give the path that goes on by these steps."""
        return TemplatePath(self.steps + steps)

    @property
    def parent(self) -> TemplatePath:
        """The path without its last step; the root's parent is the root."""
        return TemplatePath(self.steps[:-1])

    def starts_with(self, other: TemplatePath) -> bool:
        """Tell whether this place is the other one or inside it."""
        return self.steps[: len(other.steps)] == other.steps

    def __str__(self) -> str:
        text = "".join([_shown(step) if isinstance(step, str) else f"[{step}]" for step in self.steps])
        return text.removeprefix(".") or "(the whole fragment)"


# A report prints thousands of paths, whose keys are mostly the same few.
@lru_cache(maxsize=4096)
def _shown(key: str) -> str:
    return f".{key}" if _PLAIN.fullmatch(key) else f"[{key!r}]"
