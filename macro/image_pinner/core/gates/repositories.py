"""The gate `repositories`: only images of allowed registries and repositories."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from image_pinner.core.gates.interface import (
    Failed,
    GateOption,
    JudgedImage,
    Judgment,
    Need,
    Passed,
    Seen,
    UnknownFact,
)
from image_pinner.core.images.globs import compile_glob
from image_pinner.core.images.registries import canonical_registry

_FORM = re.compile(r"[^\s/@]+/[^\s@]+")
_MAX_PATTERN = 500  # characters; the longest reference has about as many
_MAX_NAMED = 3  # patterns, in one message


def _read_pattern(text: str) -> str:
    if len(text) > _MAX_PATTERN or not _FORM.fullmatch(text):
        raise ValueError("write registry/repository, with * for any text without a slash and at the end for any text")
    registry, _, repository = text.partition("/")
    return f"{canonical_registry(registry)}/{repository}"


def _narrow(configured: tuple[str, ...], requested: tuple[str, ...]) -> tuple[str, ...] | None:
    """Let templates allow a part of what the configuration allows. See `Tighten`.

    A pattern allows no more than another one if that one matches its text, since no `*` matches more than the `*` of
    the other one that matches it.
    """
    return requested if all(_is_allowed(pattern, configured) for pattern in requested) else None


def _is_allowed(name: str, patterns: tuple[str, ...]) -> bool:
    return any(compile_glob(pattern, "/").fullmatch(name) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Repositories:
    """Allow images whose canonical name matches a pattern. See `Gate`."""

    id: ClassVar[str] = "repositories"
    summary: ClassVar[str] = "The image is in an allowed registry and repository."
    needs: ClassVar[frozenset[Need]] = frozenset()
    possible_needs: ClassVar[frozenset[Need]] = frozenset()
    required: ClassVar[tuple[str, ...]] = ("allow",)
    options: ClassVar[tuple[GateOption, ...]] = (
        GateOption(
            "allow",
            "`registry/repository`, repeatable",
            "An allowed repository by its canonical name; `*` matches any text without a slash, at the end any text.",
            _read_pattern,
            _narrow,
            repeatable=True,
        ),
    )

    allow: tuple[str, ...] = ()

    def judge(self, image: JudgedImage) -> Judgment:
        """See `Gate.judge`."""
        if image.reference is None:
            return UnknownFact(f"the image cannot be resolved: {image.reason}", "write the image itself", "template")
        name = f"{canonical_registry(image.reference.registry)}/{image.reference.repository}"
        if _is_allowed(name, self.allow):
            return Passed(Seen(name))
        more = len(self.allow) - _MAX_NAMED
        shown = ", ".join(self.allow[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
        return Failed(Seen(name), f"{name} is not an allowed repository", f"use one of {shown}")
