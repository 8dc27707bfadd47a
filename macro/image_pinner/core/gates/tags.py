"""The gate `tags`: no forbidden tags, such as `latest`."""

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
    extend,
)
from image_pinner.core.images.globs import compile_glob

# https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests, with `*`
_PATTERN = re.compile(r"[\w.*-]{1,128}", re.ASCII)


def _read_pattern(text: str) -> str:
    if not _PATTERN.fullmatch(text):
        raise ValueError("write a tag, with * for any text")
    return text


@dataclass(frozen=True, slots=True)
class Tags:
    """Deny images whose tag matches a pattern. See `Gate`."""

    id: ClassVar[str] = "tags"
    summary: ClassVar[str] = "The image has no forbidden tag; no tag means `latest`."
    needs: ClassVar[frozenset[Need]] = frozenset()
    possible_needs: ClassVar[frozenset[Need]] = frozenset()
    required: ClassVar[tuple[str, ...]] = ("deny",)
    options: ClassVar[tuple[GateOption, ...]] = (
        GateOption(
            "deny",
            "a tag, repeatable",
            "A forbidden tag; `*` matches any text.",
            _read_pattern,
            extend,
            repeatable=True,
        ),
    )

    deny: tuple[str, ...] = ()

    def judge(self, image: JudgedImage) -> Judgment:
        """See `Gate.judge`."""
        if image.reference is None:
            return UnknownFact(f"the image cannot be resolved: {image.reason}", "write the image itself", "template")
        tag = image.tag
        if not tag:
            return Passed(Seen("no tag"))
        if pattern := next((pattern for pattern in self.deny if compile_glob(pattern).fullmatch(tag)), ""):
            matched = f"tag {tag!r}" if pattern == tag else f"tag {tag!r} (matches {pattern})"
            return Failed(Seen(f"tag {tag}"), f"{matched} is forbidden", "use another tag")
        return Passed(Seen(f"tag {tag}"))
