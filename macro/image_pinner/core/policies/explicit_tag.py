"""Require a tag or a digest: `nginx` alone means `nginx:latest`, which is rarely a deliberate choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from image_pinner.core.policies import Allowed, Denied, JudgedImage, Verdict
from image_pinner.core.template.problems import ProblemKind


@dataclass(frozen=True, slots=True)
class ExplicitTag:
    """Deny references without tag and digest; `unsafe_implicit_latest` allows them as `latest` with a warning."""

    id: ClassVar[str] = "explicit-tag"
    needs: ClassVar[frozenset[str]] = frozenset()

    unsafe_implicit_latest: bool = False

    def judge(self, image: JudgedImage) -> Verdict:
        """See `Policy.judge`."""
        reference = image.reference
        if reference.tag or reference.digest:
            return Allowed()
        if self.unsafe_implicit_latest:
            return Allowed("no tag, resolved as latest (unsafe-implicit-latest)")
        return Denied(
            f"image {str(reference)!r} has no tag or digest",
            f"write {reference}:latest if that is what you mean",
            ProblemKind.TEMPLATE,
        )
