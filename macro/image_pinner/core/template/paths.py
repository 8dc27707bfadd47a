"""Paths in a template, printed as `Resources.Web.Properties.ContainerDefinitions[0].Image`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from image_pinner.core.intrinsics.values import JsonValue

Step = str | int
_PLAIN = re.compile(r"[A-Za-z0-9_:-]+", re.ASCII)


class TemplatePath(NamedTuple):
    """A path from the root of a template or fragment: keys of mappings and indices of lists.

    Intrinsic functions are mappings in their long form: the first branch of an `Fn::If` is at `"Fn::If", 1`.
    """

    steps: tuple[Step, ...] = ()

    def child(self, *steps: Step) -> TemplatePath:
        """Return this path extended by `steps`."""
        return TemplatePath(self.steps + steps)

    @property
    def parent(self) -> TemplatePath:
        """The path without its last step; the root's parent is the root."""
        return TemplatePath(self.steps[:-1])

    def starts_with(self, other: TemplatePath) -> bool:
        """Return whether this path is `other` or inside it."""
        return self.steps[: len(other.steps)] == other.steps

    def __str__(self) -> str:
        text = "".join([_format_key(step) if isinstance(step, str) else f"[{step}]" for step in self.steps])
        return text.removeprefix(".") or "(the whole fragment)"


# A report prints thousands of paths, most of them with the same few keys.
@lru_cache(maxsize=4096)
def _format_key(key: str) -> str:
    return f".{key}" if _PLAIN.fullmatch(key) else f"[{key!r}]"


def value_at(tree: JsonValue, steps: Iterable[Step]) -> JsonValue:
    """Return the value at a path that exists in `tree`.

    Raises:
        KeyError: A mapping on the path has no such key.
        IndexError: A list on the path is shorter.
    """
    for step in steps:
        tree = tree[step]
    return tree
