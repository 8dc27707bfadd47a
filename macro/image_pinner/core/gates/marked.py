"""The gate `marked`: every image is pinned, so that the other gates judge what runs."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Marked:
    """Deny images that nothing requests to pin and that have no digest. See `Gate`."""

    id: ClassVar[str] = "marked"
    summary: ClassVar[str] = "The image has a digest, or a marker or the option `Pin` requests to pin it."
    needs: ClassVar[frozenset[Need]] = frozenset()
    possible_needs: ClassVar[frozenset[Need]] = frozenset()
    required: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[GateOption, ...]] = ()

    def judge(self, image: JudgedImage) -> Judgment:
        """See `Gate.judge`."""
        if image.is_pinned is None:
            return UnknownFact(image.reason, "write the property without the function", "template")
        if image.keeps_tag:
            return Passed(Seen("marked, keeps its tag because it does not exist yet"))
        if image.is_pinned:
            return Passed(Seen("pinned"))
        return Failed(
            Seen("not pinned"), f"the image is not pinned: {image.reason}", 'write "!PinDigest repository:tag"'
        )
