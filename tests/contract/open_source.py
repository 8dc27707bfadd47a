"""A source under test, with the registry that it resolves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from image_pinner.sources.call_stats import CallStats
from image_pinner.sources.interface import DigestResolver
from support.images import StoredImage

Push = Callable[[StoredImage], None]
"""Stores an image and moves its tag to it. Repositories are created as needed."""


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source with its registry; `push` stores another image there.

    `call_stats` counts the requests of the source; it counts none if the source needs none.
    """

    resolver: DigestResolver
    registry: str
    push: Push
    call_stats: CallStats


Factory = Callable[[Sequence[StoredImage]], AbstractContextManager[OpenSource]]
"""Opens a source with these images and closes it; skips the test if a program that it needs is not installed."""
