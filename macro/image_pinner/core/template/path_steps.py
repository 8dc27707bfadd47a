"""The steps of paths to images, as `walking` follows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


class Field(NamedTuple):
    """The value under a key of a map."""

    name: str


@dataclass(frozen=True, slots=True)
class Every:
    """All elements of a list, or the values under all keys of a map."""


class Index(NamedTuple):
    """One element of a list."""

    number: int


@dataclass(frozen=True, slots=True)
class Descend:
    """This value and everything inside it."""


class Where(NamedTuple):
    """The children of this value whose field has a certain value."""

    name: str
    value: Any


PathStep = Field | Every | Index | Descend | Where
