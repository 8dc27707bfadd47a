"""What a source under the contract is: the source, and the world that it is asked about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from image_pinner.sources.interface import DigestResolver
from support.images import StoredImage

Push = Callable[[StoredImage], None]
"""Stores an image; a tag that is there already moves to it. Repositories are made as they are needed."""


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source with a world to ask about.

    Args:
        resolver: The source.
        registry: The registry under which it finds the world's repositories.
        push: Stores one more image in the world.
    """

    resolver: DigestResolver
    registry: str
    push: Push


Factory = Callable[[Sequence[StoredImage]], AbstractContextManager[OpenSource]]
"""Makes a source that knows these images, and cleans up behind it; it may skip where it needs a program."""
